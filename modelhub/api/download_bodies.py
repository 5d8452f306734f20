"""What callers send to begin a download, one body a source."""

from typing import Any

from rest_framework import serializers

from accounts.bodies import Body, Flag
from accounts.problems import Missing
from modelhub.kinds import Kind
from modelhub.models import Download


def _text(longest: int, **more: Any) -> serializers.CharField:
    """As it was sent: a name with a line break in it is no name, and none is mended here."""
    return serializers.CharField(max_length=longest, trim_whitespace=False, **more)


class _Wanted(Body):
    force = Flag(default=False, help_text="Replace the model that has the name already.")


class _OfAKind(_Wanted):
    type = serializers.ChoiceField(
        [kind.value for kind in Kind], default="", help_text="Unsaid: told by its content."
    )


class RepositoryBody(_OfAKind):
    repoId = _text(200, default="")  # noqa: N815 the wire's name
    modelId = _text(200, default="")  # noqa: N815 the same, as others say
    revision = _text(128, default="", allow_blank=True)
    file = _text(500, default="", allow_blank=True)

    @staticmethod
    def reference(sent: dict[str, Any]) -> dict[str, Any]:
        repo = sent["repoId"] or sent["modelId"]
        if not repo:
            raise Missing("Which repository?", param="repoId")
        return {"repo": repo, "revision": sent["revision"], "file": sent["file"]}


def _number(**more: Any) -> serializers.IntegerField:
    return serializers.IntegerField(min_value=1, max_value=2**53, **more)


class CivitAIVersionBody(_Wanted):
    modelId = _number()  # noqa: N815 the wire's name
    versionId = _number(default=None, allow_null=True)  # noqa: N815 the wire's name
    fileId = _number(default=None, allow_null=True)  # noqa: N815 the wire's name

    @staticmethod
    def reference(sent: dict[str, Any]) -> dict[str, Any]:
        return {name: sent[name] for name in ("modelId", "versionId", "fileId")}


class UrlBody(_OfAKind):
    url = _text(4096)
    name = _text(200, default="", allow_blank=True)

    @staticmethod
    def reference(sent: dict[str, Any]) -> dict[str, Any]:
        return {"url": sent["url"], "name": sent["name"]}


class S3Body(_OfAKind):
    uri = _text(1100)

    @staticmethod
    def reference(sent: dict[str, Any]) -> dict[str, Any]:
        return {"uri": sent["uri"]}


class DownloadsQuery(Body):
    status = serializers.ChoiceField(Download.Status.values, default="")
    limit = serializers.IntegerField(default=100, min_value=1, max_value=200)
    offset = serializers.IntegerField(default=0, min_value=0, max_value=10_000)
