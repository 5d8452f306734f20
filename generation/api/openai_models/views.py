"""GET /v1/models and what lies under it."""

from typing import Any, ClassVar

from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import audit
from accounts.api.callers import require_proof, source
from accounts.authentication import caller
from accounts.models import User
from accounts.problems import Missing, NotFound
from generation import unloading, worker_status
from generation.api.defaults import defaults_of
from generation.api.openai_models import translate
from generation.errors import ModelNotFound
from modelhub import catalog, deleting, keeping, sizes
from modelhub.aliases import RESERVED
from modelhub.api import bodies, shapes
from modelhub.kinds import Kind
from modelhub.models import CatalogModel

CHANGES = frozenset({"PATCH", "DELETE"})


class ModelsView(APIView):
    required_scope: ClassVar = "generate"

    def get(self, request: Request) -> Response:
        """The models one may draw with, the default first; other kinds by `kind`."""
        user = caller(request).user
        query = bodies.ModelsQuery(data=request.query_params)
        query.is_valid(raise_exception=True)
        kind = query.validated_data["kind"]
        if kind == Kind.CHECKPOINT:
            return Response(translate.to_list(catalog.listed(user)))
        kinds = list(Kind) if kind == bodies.EVERY_KIND else [Kind(kind)]
        rows = catalog.usable(user, *kinds).order_by("public_id")
        return Response(translate.to_list(list(rows)))


class ModelView(APIView):
    @property
    def required_scope(self) -> str:
        # Whoever describes the endpoints has no request.
        asked: Request | None = getattr(self, "request", None)
        return "models" if asked and asked.method in CHANGES else "generate"

    def get(self, request: Request, name: str) -> Response:
        user = caller(request).user
        _refuse_reserved(name)
        model = catalog.find(name, user) or catalog.installed(name, user)
        if model is None or model.state != CatalogModel.State.READY or not model.enabled:
            raise ModelNotFound(catalog.refusal(name, user), param="model")
        return Response(shapes.entry(model))

    def patch(self, request: Request, name: str) -> Response:
        """What staff decide about a model: all that is asked for, or nothing."""
        given = bodies.ModelChange.read(request.data)
        if not given:
            raise Missing(f"Give one of {', '.join(bodies.FIELDS)}.", param="enabled")
        model = _installed(name, caller(request).user)
        said = {bodies.FIELDS[key]: value for key, value in given.items()}
        keeping.change(model, said, source(request), wire=True)
        return Response(info(_installed(model.public_id, caller(request).user), staff=True))

    def delete(self, request: Request, name: str) -> Response:
        """200 when it is gone, 202 while a job still runs on it."""
        require_proof(request)
        model = _installed(name, caller(request).user)
        model_id = model.public_id
        gone = deleting.delete(model, source(request))
        told = shapes.deleted(model_id, gone=gone, waits_for=deleting.waits_for(model))
        return Response(told, status=200 if gone else 202)


class ModelInfoView(APIView):
    required_scope: ClassVar = "generate"

    def get(self, request: Request, name: str) -> Response:
        user = caller(request).user
        return Response(info(_installed(name, user), staff=user.is_staff))


class UnloadView(APIView):
    required_scope: ClassVar = "models"

    def post(self, request: Request, name: str) -> Response:
        """Ask the workers that hold it to let go of it, before their next job."""
        model = _installed(name, caller(request).user)
        workers = unloading.ask(model.public_id)
        if workers:
            audit.record(
                audit.Action.MODEL_CHANGED, source(request), model,
                model=model.public_id, unload=len(workers),
            )  # fmt: skip
        told = {"id": model.public_id, "unloading": len(workers)}
        return Response(told, status=202 if workers else 200)


def info(model: CatalogModel, *, staff: bool) -> dict[str, Any]:
    """Everything known of a model; defaults and sizes where it draws by itself."""
    draws = catalog.draws(model)
    holders = [row for row in worker_status.alive() if model.public_id in row.models_loaded]
    return translate.to_info(
        shapes.facts(model, staff=staff),
        sizes.recommended(model) if draws else [],
        defaults_of(model) if draws else {},
        len(holders),
    )


def _installed(name: str, user: User) -> CatalogModel:
    """Staff see models in every state, others those they may use."""
    _refuse_reserved(name)
    model = catalog.installed(name, user)
    if model is None or not (user.is_staff or model.state == CatalogModel.State.READY):
        raise ModelNotFound(catalog.refusal(name, user), param="model")
    return model


def _refuse_reserved(name: str) -> None:
    """Endpoints of the model hub share the prefix with the names of models, which hold slashes."""
    if name.split("/", maxsplit=1)[0] in RESERVED:
        raise NotFound(f"There is nothing at /v1/models/{name}", code="unknown_url")
