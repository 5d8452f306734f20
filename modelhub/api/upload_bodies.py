"""The JSON and the query of uploads."""

from rest_framework import serializers

from accounts.bodies import Body, Whole, Words
from modelhub.uploads.sending import LARGEST_BYTES


class UploadBody(Body):
    filename = Words(max_length=1000, trim_whitespace=False)
    sizeBytes = Whole(min_value=1, max_value=LARGEST_BYTES)  # noqa: N815 the name on the wire
    sha256 = serializers.RegexField(
        r"\A[0-9a-fA-F]{64}\Z", required=False, error_messages={"invalid": "64 hexadecimal digits."}
    )


class PartQuery(Body):
    """Of PUT: where the part begins."""

    offset = serializers.IntegerField(min_value=0, max_value=LARGEST_BYTES)
