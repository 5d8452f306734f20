"""The models folder, read into rows: what is new, what changed, what moved, what is gone."""

import logging
from dataclasses import dataclass, field
from pathlib import Path

from django.conf import settings
from django.db import connection, transaction

from accounts import audit
from modelhub import home, rows, walking
from modelhub.detection import detect
from modelhub.fingerprints import fingerprint
from modelhub.models import CatalogModel
from modelhub.rows import Seen

log = logging.getLogger(__name__)

# A folder that is read for the first time may hold hundreds.
MOST_NAMED = 50
NEWS = ("added", "changed", "moved", "missing")


@dataclass(slots=True)
class Report:
    """Public ids by what became of them, and the names left out with the reason."""

    added: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    moved: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)

    def counts(self) -> dict[str, int]:
        return {name: len(getattr(self, name)) for name in (*NEWS, "unchanged", "skipped")}


def scan(by: audit.Source = audit.SYSTEM, *, take_over: bool = False) -> Report:
    """Bring the rows in line with ALICE_MODELS_DIR.

    Files are looked at before anything is locked, and those that did not change not at all. Scans
    of several processes come one after the other. `by`: who asked, for the audit log. Raises
    AnotherFolder where the models lie in the folder of another host, unless told to `take_over`.
    """
    home.enter(by, take_over=take_over)
    root = Path(settings.ALICE_MODELS_DIR)
    walked = walking.walk(root)
    marks = dict(
        CatalogModel.objects.exclude(state=CatalogModel.State.MISSING).values_list(
            "path", "fingerprint"
        )
    )
    seen = [_seen(path, root, marks) for path in walked.models]
    report = Report(skipped=walked.skipped)
    with transaction.atomic():
        _wait_for_others()
        _tell(rows.bring_in_line(root, seen, whole=True), report)
        _note(report, by)
    for name, reason in report.skipped.items():
        log.warning("not a model: %s: %s", ascii(name), reason)
    return report


def _note(report: Report, by: audit.Source) -> None:
    """Tell the audit log what is no longer as it was; only who asks is remembered for nothing new."""
    told = {name: models[:MOST_NAMED] for name in NEWS if (models := getattr(report, name))}
    if told or by != audit.SYSTEM:
        audit.record(audit.Action.MODELS_REFRESHED, by, None, **told)


def look_at(path: Path, sha256: str = "") -> CatalogModel | None:
    """Look at one file or folder now, as after a download; None: it is no model.

    `sha256`: of a single file, where whoever brought it has just computed it. Raises AnotherFolder.
    """
    home.enter()
    root = Path(settings.ALICE_MODELS_DIR)
    if not walking.holds(root, path):
        return None
    seen = _seen(path, root, {})
    with transaction.atomic():
        _wait_for_others()
        rows.bring_in_line(root, [seen], whole=False)
        row = CatalogModel.objects.get(path=seen.path)
        return rows.keep_digest(row, sha256) if sha256 else row


def _seen(path: Path, root: Path, marks: dict[str, str]) -> Seen:
    name, mark = str(path.relative_to(root)), fingerprint(path)
    return Seen(name, path.is_dir(), mark, None if marks.get(name) == mark else detect(path, root))


def _tell(news: dict[str, list[CatalogModel]], report: Report) -> None:
    for group, models in news.items():
        getattr(report, group).extend(sorted(model.public_id for model in models))


def _wait_for_others() -> None:
    """Until the transaction ends nobody else brings rows in line."""
    # A transaction on SQLite has the whole database to itself from its beginning.
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", ["alice models"]
            )
