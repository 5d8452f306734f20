"""Pictures, their owners and who may see them."""

import uuid
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

# All that a list of pictures may ask of a picture, but for its words and tags.
ASKED = (
    "owner",
    "state",
    "is_public",
    "public_until",
    "favourite",
    "model",
    "width",
    "height",
)


def _walk(name: str, *one: str, only: Q | None = None) -> models.Index:
    """A way through the pictures with one value of `one`, newest first.

    Whatever else is asked stands on it: of pictures that are passed over no row is read.
    """
    first, rest = map(F, one), (F(field) for field in ASKED if field not in one)
    newest = (F("created_at").desc(), F("id").desc())
    return models.Index(*first, *newest, *rest, name=name, condition=only)


class Image(models.Model):
    """A stored PNG and the recipe that makes it again. Private unless shared."""

    class State(models.TextChoices):
        STORED = "stored"
        LOST = "lost"
        DELETING = "deleting"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="images"
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    state = models.CharField(max_length=8, choices=State, default=State.STORED)

    file = models.CharField(max_length=255, unique=True)
    thumbnail = models.CharField(max_length=255)
    sha256 = models.CharField(max_length=64)
    size_bytes = models.PositiveBigIntegerField()
    width = models.PositiveIntegerField()
    height = models.PositiveIntegerField()

    prompt = models.TextField(blank=True)
    negative_prompt = models.TextField(blank=True)
    model = models.CharField(max_length=255)
    seed = models.BigIntegerField()
    recipe = models.JSONField(default=dict)
    generation_ms = models.PositiveIntegerField(default=0)

    is_public = models.BooleanField(default=False)
    public_until = models.DateTimeField(null=True, blank=True)
    # Part of every signed link: raising it makes all earlier links dead.
    visibility_version = models.PositiveIntegerField(default=0)
    favourite = models.BooleanField(default=False)
    # Whatever retention says, a picture its owner keeps is only ever unshared.
    keep = models.BooleanField(default=False)

    class Meta:
        ordering: ClassVar = ["-created_at", "-id"]
        indexes: ClassVar = [
            _walk("walk_all"),
            _walk("walk_model", "model"),
            _walk("walk_size", "width", "height"),
            _walk("walk_owner", "owner"),
            _walk("walk_owner_model", "owner", "model"),
            _walk("walk_owner_size", "owner", "width", "height"),
            _walk("walk_favourites", "owner", only=Q(favourite=True)),
            _walk("walk_shared", only=Q(is_public=True)),
            _walk("walk_shared_model", "model", only=Q(is_public=True)),
            _walk("walk_shared_size", "width", "height", only=Q(is_public=True)),
            # Whole, not partial: SQLite never matches a bound parameter with an index's condition.
            models.Index(fields=["is_public", "public_until"], name="image_share_ends"),
            # The sum of all sizes comes from here, without touching a row.
            models.Index(fields=["size_bytes"], name="image_bytes"),
            # Few are lost or half deleted: they are found without reading the others.
            models.Index(fields=["state"], name="image_state"),
        ]

    def __str__(self) -> str:
        return f"{self.id} ({self.width}x{self.height}, seed {self.seed})"

    @property
    def shared(self) -> bool:
        """Public now: an expiry ends the share at the moment of reading, not when a sweep runs."""
        return self.is_public and (self.public_until is None or self.public_until > timezone.now())

    @property
    def link_version(self) -> int:
        """What links are signed for. A share that ends raises it at that moment, and ending the
        row's share later, which only tidies, leaves it as it is.
        """
        return self.visibility_version + (self.is_public and not self.shared)


# What is being deleted is there for nobody any more.
SHOWN = ~Q(state=Image.State.DELETING)


class Tag(models.Model):
    """A word on a picture: lower case, its owner's to set."""

    image = models.ForeignKey(Image, on_delete=models.CASCADE, related_name="tags")
    # The picture's owner. None: written by an older version, until gallery.tag_owners comes by.
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        related_name="+",
        null=True,
        editable=False,
        db_index=False,
    )
    name = models.CharField(max_length=50)

    class Meta:
        ordering: ClassVar = ["name"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["name", "image"], name="one_tag_once_per_image")
        ]
        indexes: ClassVar = [
            # A walk that looks for words reads this and no row.
            models.Index(fields=["image", "name"], name="tag_of_image"),
            # So does counting one's tags. In halves: no upgrade has to sort all that is there.
            models.Index(
                fields=["owner", "name"], name="tag_of_owner", condition=Q(owner__isnull=False)
            ),
            models.Index(fields=["id"], name="tag_unowned", condition=Q(owner=None)),
        ]

    def __str__(self) -> str:
        return self.name


class Album(models.Model):
    """A person's own choice of pictures that the person may see, in an order of the person's."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="albums"
    )
    name = models.CharField(max_length=100)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    images = models.ManyToManyField(Image, through="AlbumEntry", related_name="albums")
    # Of its pictures, how many its owner may see now; gallery.albums counts them.
    count: int

    class Meta:
        ordering: ClassVar = ["name", "id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["owner", "name"], name="one_album_name_per_owner")
        ]

    def __str__(self) -> str:
        return self.name


class AlbumEntry(models.Model):
    """A picture's place in an album."""

    album = models.ForeignKey(Album, on_delete=models.CASCADE, related_name="entries")
    image = models.ForeignKey(Image, on_delete=models.CASCADE, related_name="+")
    added_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering: ClassVar = ["-added_at", "-pk"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["album", "image"], name="one_image_once_per_album")
        ]
        indexes: ClassVar = [
            models.Index(fields=["album", "-added_at", "-id"], name="album_newest")
        ]

    def __str__(self) -> str:
        return f"{self.image_id} in {self.album_id}"


class Retention(models.Model):
    """How long somebody wants pictures kept; the server's own rule wins where it is shorter."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        primary_key=True,
        related_name="retention",
    )
    days = models.PositiveIntegerField()

    def __str__(self) -> str:
        return f"{self.user_id}: {self.days} days"
