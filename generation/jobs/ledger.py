"""One line in the log for every job that leaves a worker: how it ended and where its time went."""

import logging
import resource
import sys
from typing import Any

from generation.engine.contract import Timings
from generation.jobs.fence import Claim

logger = logging.getLogger("generation.jobs")


def timings(claim: Claim, stages: Timings, save_ms: float) -> dict[str, int]:
    """Whole milliseconds of every stage, from the queue to the stored file."""
    return {
        "queue_ms": _queue_ms(claim),
        "load_ms": round(stages.load_ms),
        "encode_ms": round(stages.encode_ms),
        "denoise_ms": round(stages.denoise_ms),
        "decode_ms": round(stages.decode_ms),
        "save_ms": round(save_ms),
    }


def log(claim: Claim, outcome: str, stages: dict[str, int], code: str = "") -> None:
    """`outcome` is succeeded, failed, cancelled, released, retried or dropped."""
    spec = claim.spec
    data: dict[str, Any] = {
        "job": str(claim.job.pk),
        "outcome": outcome,
        **({"code": code} if code else {}),
        "owner": claim.job.owner_id,
        "dialect": claim.job.dialect,
        "model": spec.model,
        "size": f"{spec.width}x{spec.height}",
        "steps": spec.num_inference_steps,
        "n": spec.n,
        "scheduler": spec.scheduler,
        "attempt": claim.token,
        **stages,
        "peak_rss_mb": _peak_rss_mb(),
    }
    text = " ".join(f"{name}={value}" for name, value in data.items())
    logger.info("%s", text, extra={"data": data})


def _queue_ms(claim: Claim) -> int:
    started = claim.job.started_at
    waited = (started - claim.job.created_at).total_seconds() if started else 0.0
    # The two moments may come from the clocks of two hosts.
    return max(0, round(waited * 1000))


def _peak_rss_mb() -> int:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # Kilobytes on Linux, bytes on macOS.
    return round(peak / (1024 * 1024 if sys.platform == "darwin" else 1024))
