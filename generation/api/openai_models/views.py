"""GET /v1/models and what lies under it."""

from dataclasses import asdict

from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.problems import NotFound
from generation import form, worker_status
from generation.api.defaults import defaults_of
from generation.api.openai_models import translate
from generation.errors import ModelNotFound
from modelhub import catalog
from modelhub.models import CatalogModel

# Endpoints of the model hub share the prefix with the names of models, which may hold slashes.
RESERVED = ("refresh", "search", "download", "uploads", "cache", "loras")


class ModelsView(APIView):
    required_scope = "generate"

    def get(self, request: Request) -> Response:
        return Response(translate.to_list(catalog.listed()))


class ModelView(APIView):
    required_scope = "generate"

    def get(self, request: Request, name: str) -> Response:
        return Response(translate.to_model(_named(name)))


class ModelInfoView(APIView):
    required_scope = "generate"

    def get(self, request: Request, name: str) -> Response:
        model = _named(name)
        sizes = [
            asdict(size) for size in form.sizes(model.native_resolution, model.traits.multiple)
        ]
        loaded = any(model.public_id in worker.models_loaded for worker in worker_status.alive())
        return Response(translate.to_info(model, sizes, defaults_of(model), loaded=loaded))


def _named(name: str) -> CatalogModel:
    if name.split("/", maxsplit=1)[0] in RESERVED:
        raise NotFound(f"There is nothing at /v1/models/{name}", code="unknown_url")
    # PostgreSQL cannot even be asked for a name with NUL in it.
    model = None if "\x00" in name else catalog.find(name)
    if model is None:
        raise ModelNotFound(f"The model {name!r} does not exist here.", param="model")
    return model
