"""The rows as they lie in SQLite's file: read beside the server, with none of its code."""

import hashlib
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Kept:
    """One picture's row."""

    id: str
    job: str
    index: int
    file: str
    sha256: str
    size: int


class Ledger:
    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir

    def open_jobs(self, least_attempts: int = 0) -> int:
        """Jobs queued or running that were claimed at least so often."""
        rows = self._rows(
            "SELECT count(*) FROM generation_job"
            " WHERE status IN ('queued', 'running') AND attempts >= ?",
            least_attempts,
        )
        return int(next(rows)[0])

    def jobs(self) -> dict[str, tuple[str, int, int]]:
        """Job id -> status, pictures ordered, attempts."""
        sql = "SELECT id, status, json_extract(spec, '$.n'), attempts FROM generation_job"
        return {row[0]: (row[1], row[2], row[3]) for row in self._rows(sql)}

    def keys(self) -> dict[str, str]:
        """Idempotency-Key -> job id."""
        return dict(self._rows("SELECT key, job_id FROM generation_submission WHERE key <> ''"))

    def pictures(self) -> list[Kept]:
        return [
            Kept(*row)
            for row in self._rows(
                "SELECT i.id, j.job_id, j.'index', i.file, i.sha256, i.size_bytes"
                " FROM gallery_image i LEFT JOIN generation_jobimage j ON j.image_id = i.id"
            )
        ]

    def is_good(self, picture: Kept) -> bool:
        """Whether the file is what its row says."""
        content = (self.data_dir / "images" / picture.file).read_bytes()
        digest = hashlib.sha256(content).hexdigest()
        return (digest, len(content)) == (picture.sha256, picture.size)

    def _rows(self, sql: str, *values: object) -> Iterator[Any]:
        place = f"file:{self.data_dir / 'alice.sqlite3'}?mode=ro"
        with closing(sqlite3.connect(place, uri=True, timeout=20)) as database:
            return iter(database.execute(sql, values).fetchall())
