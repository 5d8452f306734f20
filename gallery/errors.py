"""What can go wrong with stored pictures.

Problem
├── StorageDown     503 storage_unavailable   the disk or the bucket does not answer, or refuses
│   └── StorageFull 503 storage_full          no room left for another picture
└── FileLost        404 not_found             a row whose file is gone; the log says so
"""

from accounts.problems import Busy, NotFound

GONE = "There is no such picture."


class StorageDown(Busy):
    code = "storage_unavailable"


class StorageFull(StorageDown):
    code = "storage_full"


class FileLost(NotFound):
    """To a caller a picture without its file is as absent as any other."""

    def __init__(self) -> None:
        super().__init__(GONE)
