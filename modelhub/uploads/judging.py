"""Whether a file may become a model, of which kind, and what it is once it lies among them."""

from pathlib import Path

from django.conf import settings

from accounts.problems import Invalid
from modelhub import scanning
from modelhub.kinds import Kind
from modelhub.models import CatalogModel
from modelhub.weights import WeightsUnreadable, read_header

# The first that is in some tensor's name says it.
SIGNS = (
    ("lora_", Kind.LORA), (".lora.", Kind.LORA), ("hada_", Kind.LYCORIS), ("lokr_", Kind.LYCORIS),
    ("emb_params", Kind.EMBEDDING), ("control_model.", Kind.CONTROLNET),
)  # fmt: skip


def kind_of(path: Path) -> Kind:
    """Raises Invalid `unsupported_model_format` for what is no whole safetensors file."""
    try:
        header = read_header(path)
    except WeightsUnreadable:
        raise Invalid(
            "This is no safetensors file, or not a whole one; other formats can carry code.",
            code="unsupported_model_format",
        ) from None
    said = (kind for sign, kind in SIGNS if any(sign in name for name in header.names))
    return next(said, Kind.CHECKPOINT)


def listed(path: Path, sha256: str) -> CatalogModel | None:
    """The row of the model at `path`, which has this digest; None where no scan takes it for one."""
    scanning.scan()
    name = path.relative_to(settings.ALICE_MODELS_DIR).as_posix()
    rows = CatalogModel.objects.filter(path=name)
    rows.update(sha256=sha256)
    return rows.first()
