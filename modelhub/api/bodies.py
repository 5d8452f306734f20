"""The JSON that changes models: typed strictly, and nothing in it that is not known."""

from typing import Any

from rest_framework import serializers

from accounts.bodies import Body, Flag, Words
from modelhub.kinds import Kind
from modelhub.models import CatalogModel

# As the API calls them, and as the row does.
FIELDS = {
    "enabled": "enabled",
    "visibility": "visibility",
    "isDefault": "is_default",
    "defaults": "defaults",
    "limits": "limits",
}
EVERY_KIND = "all"


class ModelChange(Body):
    """`defaults` and `limits`: objects of the keys that change, null takes one away."""

    enabled = Flag(required=False)
    visibility = serializers.ChoiceField(CatalogModel.Visibility.values, required=False)
    isDefault = Flag(required=False)  # noqa: N815 the name on the wire
    defaults = serializers.JSONField(required=False)
    limits = serializers.JSONField(required=False)


class NewAlias(Body):
    name = Words(max_length=255)
    model = Words(max_length=255)


class ModelsQuery(serializers.Serializer[Any]):
    """Other parameters are not ours: clients of OpenAI's list send what they like."""

    kind = serializers.ChoiceField(
        [kind.value for kind in Kind] + [EVERY_KIND], default=Kind.CHECKPOINT.value
    )
