"""Word to the pages that some download changed; what changed, they read in the rows."""

from accounts import nudges

GROUP = "downloads"


def tell() -> None:
    nudges.offer(GROUP, {"type": "downloads.update"})
