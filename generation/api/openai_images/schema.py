"""The wire shape of OpenAI's image generation, with the parameters of diffusion beside it."""

from rest_framework import serializers

from generation.api.fields import OneOf, PictureFields, Words


class ImagesBody(PictureFields):
    prompt = Words(required=True)
    response_format = OneOf(("b64_json", "url"), default="b64_json")
    output_format = OneOf(("png", "jpeg", "webp"), unsupported=("gif", "svg"), default="png")
    output_compression = serializers.IntegerField(required=False, min_value=0, max_value=100)
    background = OneOf(("auto", "opaque"), unsupported=("transparent",), default="auto")
    stream = serializers.BooleanField(default=False)
    partial_images = serializers.IntegerField(default=0, min_value=0, max_value=3)
