"""A model's file converted here and now: for the command, which runs in a process of its own."""

from pathlib import Path

from django.conf import settings

from generation import tasks
from generation.engine import registry
from generation.engine.errors import EngineError
from modelhub import conversion, copies
from modelhub.models import CatalogModel


def convert(model: CatalogModel) -> copies.Copy:
    """The copy, old or new; its row says so. Raises conversion.Failed, which the row says too."""
    root = Path(settings.ALICE_MODELS_DIR)

    def write(draft: Path) -> str:
        return registry.convert(
            settings.ALICE_BACKEND, settings.ALICE_DEVICE, tasks.ref(model), draft
        )

    try:
        copy = copies.make(root, model.location, write)
    except copies.Busy as problem:
        raise conversion.NotNow(str(problem)) from problem
    except (EngineError, copies.NoSpace, OSError) as problem:
        if not model.location.is_file():
            # It may come back, and is as good as it was then.
            raise conversion.NotNow(f"The file of {model.public_id} is gone.") from problem
        reason = str(problem)
        if isinstance(problem, OSError):
            reason = f"The copy cannot be written: {problem.strerror}."
        raise conversion.failed(model, reason) from problem
    conversion.keep(model, copy)
    return copy
