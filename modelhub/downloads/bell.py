"""The bell of the download cluster: hearing it, the lanes look at the rows."""

from accounts import doorbell

CLUSTER = "download"
TASK = "aliceproject.downloading.run"


def ring() -> None:
    """Wake the cluster, after the commit."""
    doorbell.ring_once(CLUSTER, TASK)
