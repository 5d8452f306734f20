"""The JSON that changes the gallery: typed strictly, and nothing in it that is not known."""

from typing import Any

from rest_framework import serializers

from accounts.bodies import Body, Flag, Whole, Words
from gallery import archive, bulk, retention, sharing
from gallery.albums import LONGEST_NAME
from gallery.places import LARGEST_OFFSET
from gallery.queries import LARGEST_PAGE


class Id(serializers.UUIDField):
    """A UUID as this server writes it."""

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, str) or len(data) != 36:
            self.fail("invalid", value=data)
        return super().to_internal_value(data)


def hours() -> Whole:
    return Whole(
        required=False,
        min_value=sharing.SHORTEST_HOURS,
        max_value=sharing.LONGEST_HOURS,
        default=sharing.DEFAULT_HOURS,
    )


def tags(**options: Any) -> serializers.ListField:
    # The rules of a tag are curating's; here is only how much it is worth reading.
    return serializers.ListField(child=Words(max_length=1000), max_length=1000, **options)


class PrivacyBody(Body):
    isPublic = Flag()  # noqa: N815 the name on the wire
    expiresInHours = hours()  # noqa: N815


class TagsBody(Body):
    tags = tags()


class MarksBody(Body):
    favourite = Flag(required=False)
    keep = Flag(required=False)


class BulkBody(Body):
    ids = serializers.ListField(child=Id(), min_length=1, max_length=bulk.LARGEST)
    action = serializers.ChoiceField([action.value for action in bulk.Action])
    expiresInHours = hours()  # noqa: N815
    tags = tags(default=list)


class ExportBody(Body):
    ids = serializers.ListField(child=Id(), min_length=1, max_length=archive.LARGEST)


class AlbumBody(Body):
    name = Words(max_length=LONGEST_NAME)


class AlbumImagesBody(Body):
    ids = serializers.ListField(child=Id(), min_length=1, max_length=bulk.LARGEST)


class CleanupBody(Body):
    dryRun = Flag(required=False, default=False)  # noqa: N815


class KeepingBody(Body):
    days = Whole(allow_null=True, min_value=1, max_value=retention.LONGEST_DAYS)


class GalleryQuery(serializers.Serializer[Any]):
    """The query of GET /v1/gallery as the API's description tells it; gallery.filtering reads it."""

    limit = serializers.IntegerField(required=False, min_value=0, max_value=LARGEST_PAGE)
    offset = serializers.IntegerField(required=False, min_value=0, max_value=LARGEST_OFFSET)
    cursor = serializers.CharField(required=False)
    include_public = serializers.BooleanField(required=False)
    include_private = serializers.BooleanField(required=False)
    mine = serializers.BooleanField(required=False)
    search = serializers.CharField(required=False)
    q = serializers.CharField(required=False)
    tags = serializers.CharField(required=False)
    model = serializers.CharField(required=False)
    since = serializers.CharField(required=False)
    until = serializers.CharField(required=False)
    favourite = serializers.BooleanField(required=False)
    album = serializers.UUIDField(required=False)
    size = serializers.CharField(required=False)
