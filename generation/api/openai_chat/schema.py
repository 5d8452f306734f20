"""The wire shape of OpenAI's chat completions, as far as a picture needs it."""

from rest_framework import serializers

from generation.api.fields import PictureFields


class StreamOptions(serializers.Serializer[None]):
    include_usage = serializers.BooleanField(default=False)


class ChatBody(PictureFields):
    messages = serializers.ListField(child=serializers.DictField(), allow_empty=False)
    stream = serializers.BooleanField(default=False)
    stream_options = StreamOptions(required=False)
    # ALICE's own place for parameters, and the one SAM uses.
    sam_config = serializers.DictField(required=False)
    metadata = serializers.DictField(required=False)
