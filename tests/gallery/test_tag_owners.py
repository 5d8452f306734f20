"""The counts of tags are right whatever happens to pictures, and whoever wrote the tags."""

from collections import Counter
from collections.abc import Callable
from contextlib import suppress

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.audit import Source
from accounts.models import User
from accounts.problems import NotFound
from gallery import bulk, curating, storage, tag_owners
from gallery.models import Image, Tag
from tests.gallery.test_queries import rows

NAMES = ["boat", "lake", "sea"]


def several(image: Image, name: str) -> None:
    bulk.apply(image.owner, [image.pk], bulk.Action.TAG, Source(user=image.owner), tags=[name])


def by_an_older_version(image: Image, name: str) -> None:
    """It knows no owner of a tag."""
    Tag.objects.get_or_create(image=image, name=name)


DEEDS: list[Callable[[Image, str], object]] = [
    lambda image, name: curating.set_tags(image, [name]),
    lambda image, name: curating.add_tags(image, [name]),
    lambda image, name: curating.drop_tags(image, [name]),
    several,
    by_an_older_version,
    lambda image, _: storage.hide(image),
    lambda image, _: Image.objects.filter(pk=image.pk).delete(),
    lambda image, _: tag_owners.fill(),
]


def counted(user: User) -> list[tuple[str, int]]:
    """As the rows themselves say."""
    shown = Tag.objects.filter(image__owner=user).exclude(image__state=Image.State.DELETING)
    return sorted(Counter(shown.values_list("name", flat=True)).items())


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    deeds=st.lists(
        st.tuples(st.sampled_from(DEEDS), st.integers(0, 5), st.sampled_from(NAMES)), max_size=15
    )
)
def test_counts_are_those_of_the_pictures_after_whatever_is_done(
    alice: User, bob: User, deeds: list[tuple[Callable[[Image, str], object], int, str]]
) -> None:
    Image.objects.all().delete()
    images = rows(alice, 3) + rows(bob, 3)
    for deed, chosen, name in deeds:
        # What is hidden or gone takes no tags any more, but from the older version.
        with suppress(NotFound):
            if Image.objects.filter(pk=images[chosen].pk).exists():
                deed(images[chosen], name)
        assert curating.tag_counts(alice) == counted(alice)
        assert curating.tag_counts(bob) == counted(bob)
    tag_owners.fill()
    assert not Tag.objects.filter(owner=None).exists()
    assert curating.tag_counts(alice) == counted(alice)


def test_an_owner_is_found_for_more_tags_than_a_batch(
    alice: User, bob: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tag_owners, "BATCH", 2)
    for image in rows(alice, 3) + rows(bob, 2):
        by_an_older_version(image, "sea")
    assert tag_owners.fill(seconds=0) is False
    assert Tag.objects.filter(owner=None).count() == 3
    assert curating.tag_counts(alice) == [("sea", 3)]
    assert tag_owners.fill()
    assert Tag.objects.filter(owner=alice).count() == 3
    assert Tag.objects.filter(owner=bob).count() == 2
