"""drf-spectacular taught about our keys, our errors and the endpoints that are plain views."""

import re
from collections.abc import Callable, Iterator
from typing import Any

from drf_spectacular.extensions import (
    OpenApiAuthenticationExtension,
    OpenApiSerializerFieldExtension,
)
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter
from rest_framework.views import APIView

from aliceproject.openapi.operations import JSON, OPERATIONS, ZIP, Operation

Endpoint = tuple[str, str, str, Callable[..., Any]]
SCHEMES: dict[str, dict[str, str]] = {
    "Bearer": {"type": "http", "scheme": "bearer"},
    "X-Api-Key": {"type": "apiKey", "in": "header", "name": "X-Api-Key"},
}
WORD = {"type": "string", "nullable": True}
ERROR = {
    "type": "object",
    "required": ["error", "detail"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["message", "type", "param", "code"],
            "properties": {
                "message": {"type": "string"},
                "type": {"type": "string"},
                "param": WORD,
                "code": WORD,
            },
        },
        "detail": {"type": "string"},
    },
}


class AliceKeys(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call] # it registers
    target_class = "accounts.authentication.AliceAuthentication"
    name = list(SCHEMES)

    def get_security_definition(self, auto_schema: AutoSchema) -> list[dict[str, str]]:
        return list(SCHEMES.values())

    def get_security_requirement(self, auto_schema: AutoSchema) -> list[dict[str, list[str]]]:
        return [{scheme: []} for scheme in SCHEMES]


class SizeText(OpenApiSerializerFieldExtension):  # type: ignore[no-untyped-call] # it registers
    target_class = "generation.api.fields.Size"

    def map_serializer_field(self, auto_schema: AutoSchema, direction: str) -> dict[str, Any]:
        return {"type": "string", "nullable": True, "example": "512x512"}


class Described(APIView):
    """Stands for a plain view in the description, never in the URL map."""

    required_scope = "read"


def _stand_in(method: str) -> Callable[..., Any]:
    def answer(self: APIView, request: Any) -> None:
        raise NotImplementedError  # never routed

    made: type[APIView] = type("Described", (Described,), {method.lower(): answer})
    return made.as_view()


def endpoints(endpoints: list[Endpoint]) -> list[Endpoint]:
    """PREPROCESSING_HOOKS: one canonical path each, and the plain views beside the others."""
    found = [(canonical(path, regex), regex, m, call) for path, regex, m, call in endpoints]
    return [*found, *_plain()]


def _plain() -> Iterator[Endpoint]:
    for (method, path), operation in OPERATIONS.items():
        if operation.plain:
            yield path, path, method, _stand_in(method)


def canonical(path: str, regex: str) -> str:
    """Both slashes and the root aliases work; the description names one of them."""
    under_v1 = "/v1" if "(?:v1/)?" in regex else ""
    return f"{under_v1}{path.rstrip('/')}"


class Schema(AutoSchema):
    """Rows of OPERATIONS instead of guesses from views."""

    @property
    def row(self) -> Operation:
        return OPERATIONS.get((self.method, self.path), Operation("", "other"))

    def get_operation_id(self) -> str:
        return "_".join([self.method.lower(), *re.findall(r"\w+", self.path)])

    def get_summary(self) -> str:
        return self.row.summary

    def get_description(self) -> str:  # type: ignore[override] # as spectacular itself does
        return "" if self.row.plain else super().get_description()

    def get_tags(self) -> list[str]:
        return [self.row.tag]

    def get_auth(self) -> list[dict[str, Any]]:
        return [{}] if self.row.public else super().get_auth()

    def get_override_parameters(self) -> list[Any]:
        in_path = [
            OpenApiParameter(name, OpenApiTypes.STR, OpenApiParameter.PATH)
            for name in re.findall(r"{(\w+)}", self.path)
        ]
        return [*in_path, *([self.row.query] if self.row.query else [])]

    def get_request_serializer(self) -> Any:
        sent = {self.row.sends: OpenApiTypes.BINARY} if self.row.sends else None
        return sent or self.row.request

    def get_response_serializers(self) -> Any:
        done = {(self.row.status, media): _reply(media) for media in self.row.media}
        return done | {("default", JSON): ERROR}


def _reply(media: str) -> Any:
    if media == JSON:
        return OpenApiTypes.OBJECT
    binary = media.startswith("image/") or media == ZIP
    return OpenApiTypes.BINARY if binary else OpenApiTypes.STR
