"""Whether a file may become a model, of which kind, and what it is once it lies among them."""

from pathlib import Path

from django.conf import settings

from modelhub import scanning
from modelhub.detection import detect, refuse
from modelhub.kinds import Kind
from modelhub.models import CatalogModel


def kind_of(path: Path, filename: str) -> Kind:
    """Raises Invalid `unsupported_model_format`, which calls the file by its own name, for what is no
    whole safetensors file.
    """
    refuse(path, filename)
    return detect(path, Path(settings.ALICE_MODELS_DIR)).kind


def listed(path: Path, sha256: str) -> CatalogModel | None:
    """The row of the model at `path`, which has this digest; None where it is no model."""
    return scanning.look_at(path, sha256)
