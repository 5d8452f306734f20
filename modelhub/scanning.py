"""The models folder, read into rows: what is new, what changed, what is gone."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from accounts import audit
from modelhub.catalog import PREFIX
from modelhub.detection import DENOISERS, PICKLES, Detected, detect
from modelhub.models import CatalogModel

log = logging.getLogger(__name__)

# A folder that is read for the first time may hold hundreds.
MOST_NAMED = 50
CHECKPOINTS = PICKLES | {".safetensors"}


@dataclass(slots=True)
class Report:
    """Public ids by what became of them, and the names left out with the reason."""

    added: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)


def scan() -> Report:
    """Bring the rows in line with ALICE_MODELS_DIR. Looks at the files before it locks the table."""
    root = Path(settings.ALICE_MODELS_DIR)
    report = Report()
    found = {path.name: detect(path, root) for path in _candidates(root, report)}
    with transaction.atomic():
        for public_id, name in _public_ids(list(found)).items():
            _keep(public_id, name, found[name], report)
        _mark_missing(set(found), root, report)
        _note(report)
    for name, reason in report.skipped.items():
        log.warning("not a model: %s: %s", ascii(name), reason)
    return report


def _note(report: Report) -> None:
    """Tell the audit log what is no longer as it was; a scan that finds nothing new is no news."""
    news = {name: getattr(report, name) for name in ("added", "changed", "missing")}
    told = {name: models[:MOST_NAMED] for name, models in news.items() if models}
    if told:
        audit.record(audit.Action.MODELS_REFRESHED, audit.SYSTEM, None, **told)


def _candidates(root: Path, report: Report) -> Iterator[Path]:
    """Folders with a model_index.json and checkpoint files, by name; nothing hidden."""
    if not root.is_dir():
        return
    inside = root.resolve()
    for path in sorted(root.iterdir()):
        if path.name.startswith("."):
            continue
        if not _is_model(path):
            continue
        if not path.resolve().is_relative_to(inside):
            report.skipped[path.name] = "a link out of the models folder is not followed"
        elif not _storable(path.name):
            report.skipped[path.name] = "its name is too long or not UTF-8"
        else:
            yield path


def _is_model(path: Path) -> bool:
    if path.is_dir():
        # A folder that lost its index is still a model, a damaged one.
        return any((path / part).exists() for part in ("model_index.json", *DENOISERS))
    return path.is_file() and path.suffix.lower() in CHECKPOINTS


def _storable(name: str) -> bool:
    try:
        return len(PREFIX) + len(name) <= 255 and bool(name.encode())
    except UnicodeEncodeError:
        return False


def _public_ids(names: list[str]) -> dict[str, str]:
    """Public id -> name: the stem of a file, unless a folder or an earlier file has it already."""
    ids: dict[str, str] = {}
    for name in sorted(names, key=lambda n: (Path(n).suffix.lower() in CHECKPOINTS, n)):
        stem = Path(name).stem if Path(name).suffix.lower() in CHECKPOINTS else name
        ids[PREFIX + (name if PREFIX + stem in ids else stem)] = name
    return ids


def _keep(public_id: str, path: str, found: Detected, report: Report) -> None:
    facts = {
        "public_id": public_id,
        "layout": found.layout,
        "family": found.family or "",
        "native_resolution": found.native_resolution,
        "size_bytes": found.size_bytes,
        "precision": found.precision,
        "state": found.state,
        "detail": found.detail,
    }
    # A row of another path may still hold this name: it is gone, or it would have been found.
    CatalogModel.objects.filter(public_id=public_id).exclude(path=path).delete()
    row, created = CatalogModel.objects.get_or_create(path=path, defaults=facts)
    differs = any(getattr(row, name) != value for name, value in facts.items())
    for name, value in facts.items():
        setattr(row, name, value)
    row.seen_at = timezone.now()
    row.save(update_fields=[*facts, "seen_at"])
    group = report.added if created else report.changed if differs else report.unchanged
    group.append(public_id)


def _mark_missing(found: set[str], root: Path, report: Report) -> None:
    gone = CatalogModel.objects.exclude(path__in=found)
    gone = gone.exclude(state=CatalogModel.State.MISSING)
    report.missing = list(gone.values_list("public_id", flat=True))
    gone.update(state=CatalogModel.State.MISSING, detail=f"not found in {root}")
