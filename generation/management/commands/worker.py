"""`manage.py worker`: one cluster of one worker process for one device, alive or ended as a whole."""

import os
import signal
import sys
from argparse import ArgumentParser
from types import FrameType
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

# Loaded before the fork, so that leader and worker share the stop and the worker's name.
from generation import tasks, worker_status
from generation.jobs import bell, pulse, stopping

CLUSTERS = (bell.CLUSTER, "io", "download")
WATCH_SECONDS = 5.0


class Command(BaseCommand):
    help = "Runs one worker. SIGTERM stops it in an orderly way; it ends with 1 when a part dies."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--device", help="auto, cpu, cuda, cuda:N or mps; overrides ALICE_DEVICE"
        )
        parser.add_argument(
            "--cluster", choices=CLUSTERS, default=bell.CLUSTER, help="the kind of work it does"
        )

    def handle(self, *args: Any, device: str | None, cluster: str, **options: Any) -> None:
        if os.environ.get("Q_CLUSTER_NAME") != cluster:
            # django-q2 read its configuration while Django started: begin again with the name set.
            os.environ["Q_CLUSTER_NAME"] = cluster
            os.execv(sys.executable, sys.orig_argv)  # noqa: S606 the very command we are
        if device:
            settings.ALICE_DEVICE = device
        code = _run_cluster(cluster)
        if cluster == bell.CLUSTER:
            worker_status.gone(tasks.WORKER)
        if code:
            raise CommandError("The cluster ended abnormally.", returncode=1)


def _run_cluster(name: str) -> int:
    """Run until the cluster ends; its exit code, 0 after an orderly stop."""
    from django_q.cluster import Cluster

    cluster = Cluster()
    inherited = signal.getsignal(signal.SIGTERM)

    def stop(signum: int, frame: FrameType | None) -> None:
        stopping.ask(settings.ALICE_STOP_GRACE_SECONDS)
        if callable(inherited):
            inherited(signum, frame)

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    pulse.beat()
    cluster.start()
    while cluster.sentinel.is_alive():
        cluster.sentinel.join(WATCH_SECONDS)
        if name == bell.CLUSTER and pulse.silent():
            # Its children go with it.
            cluster.sentinel.kill()
    return int(cluster.sentinel.exitcode or 0)
