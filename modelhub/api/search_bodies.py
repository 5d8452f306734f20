"""The JSON of a search."""

from typing import Any

from rest_framework import serializers

from accounts.bodies import Body, Flag, Whole, Words
from modelhub.searching.finds import LARGEST_PAGE, LAST_PAGE, LONGEST_QUERY, TYPES


class HuggingFaceBody(Body):
    query = Words(required=False, allow_blank=True, default="", max_length=LONGEST_QUERY)
    limit = Whole(required=False, default=24, min_value=1, max_value=LARGEST_PAGE)
    page = Whole(required=False, default=1, min_value=1, max_value=LAST_PAGE)
    nsfw = Flag(required=False, default=False)
    offline = Flag(required=False, default=False)


class CivitaiBody(HuggingFaceBody):
    types = serializers.ListField(
        child=serializers.ChoiceField(TYPES), required=False, default=list, max_length=len(TYPES)
    )


class PreviewQuery(serializers.Serializer[Any]):
    """The query of a preview as the API's description tells it."""

    nsfw = serializers.BooleanField(required=False)
