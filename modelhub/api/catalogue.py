"""The catalogue's JSON beside the models themselves: refresh, aliases, LoRAs and embeddings."""

from typing import ClassVar

from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api.callers import require_proof, source
from accounts.authentication import caller
from accounts.problems import NotFound
from modelhub import aliases, catalog, deleting, scanning
from modelhub.api import bodies, shapes
from modelhub.kinds import NAMINGS, Kind
from modelhub.models import Alias, CatalogModel

# What is listed under a name of its own, and the kinds in that list.
LORAS = (Kind.LORA, Kind.LYCORIS)
EMBEDDINGS = (Kind.EMBEDDING,)


class Refresh(APIView):
    required_scope: ClassVar = "models"

    def post(self, request: Request) -> Response:
        """Bring the list in line with the models folder."""
        return Response(shapes.report(scanning.scan(source(request))))


class Aliases(APIView):
    required_scope: ClassVar = "models"

    def get(self, request: Request) -> Response:
        rows = Alias.objects.select_related("model")
        return Response({"object": "list", "data": [shapes.alias(row) for row in rows]})

    def post(self, request: Request) -> Response:
        """Have a name stand for a model, whatever it stood for before."""
        given = bodies.NewAlias.read(request.data)
        model = catalog.installed(given["model"], caller(request).user)
        if model is None:
            raise NotFound("There is no such model.", code="model_not_found", param="model")
        row = aliases.point(given["name"], model, source(request))
        return Response(shapes.alias(row), status=201)


class OneAlias(APIView):
    required_scope: ClassVar = "models"

    def delete(self, request: Request, name: str) -> Response:
        aliases.remove(name, source(request))
        return Response({"success": True})


class Additions(APIView):
    """What is added to a checkpoint: everybody who draws sees the list."""

    required_scope: ClassVar = "generate"
    kinds: tuple[Kind, ...] = ()

    def get(self, request: Request) -> Response:
        rows = catalog.usable(caller(request).user, *self.kinds).order_by("public_id")
        return Response({"object": "list", "data": [shapes.addition(row) for row in rows]})


class OneAddition(APIView):
    required_scope: ClassVar = "models"
    kinds: tuple[Kind, ...] = ()

    def delete(self, request: Request, name: str) -> Response:
        require_proof(request)
        model = self._named(name, request)
        model_id = model.public_id
        gone = deleting.delete(model, source(request))
        told = shapes.deleted(model_id, gone=gone, waits_for=deleting.waits_for(model))
        return Response(told, status=200 if gone else 202)

    def _named(self, name: str, request: Request) -> CatalogModel:
        prefix = NAMINGS[self.kinds[0]].prefix
        model = catalog.installed(prefix + name.removeprefix(prefix), caller(request).user)
        if model is None or model.kind not in self.kinds:
            raise NotFound(f"There is no {prefix}{name[:200]} here.", code="model_not_found")
        return model
