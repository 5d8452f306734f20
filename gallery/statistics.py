"""How many pictures there are: from what is kept of each person, and from indexes of the few."""

from dataclasses import dataclass

from django.db.models import Q
from django.utils import timezone

from accounts import usage
from gallery.models import Image

State = Image.State


@dataclass(frozen=True, slots=True)
class Statistics:
    """Pictures of everybody. `public` are seen by all now; of `expired` ones the share has ended,
    but no cleanup came by yet; the files of `lost` ones are gone; `bytes` are those of `total`.
    """

    total: int
    public: int
    expired: int
    lost: int
    bytes: int

    @property
    def private(self) -> int:
        return self.total - self.public


def statistics() -> Statistics:
    shared = Q(is_public=True)
    live = shared & (Q(public_until=None) | Q(public_until__gt=timezone.now()))
    images, hidden = Image.objects.all(), Image.objects.filter(state=State.DELETING)

    def count(wanted: Q) -> int:
        # The few that are being deleted are found by their state, so that the rest need not be.
        return images.filter(wanted).count() - hidden.filter(wanted).count()

    return Statistics(
        total=usage.kept_images(),
        public=count(live),
        expired=count(shared & Q(public_until__lte=timezone.now())),
        lost=lost(),
        bytes=usage.kept_bytes(),
    )


def lost() -> int:
    return Image.objects.filter(state=State.LOST).count()
