"""What every start does first, and what changes nothing the second time."""

import logging
import os
import sys
from dataclasses import dataclass

from django.conf import settings
from django.core.management import call_command
from django.db import DatabaseError

from aliceproject import chores, downloading
from aliceproject.models import Erasure
from aliceproject.personal import erase
from aliceproject.preflight import NotPossible
from aliceproject.supervisor import Program
from gallery import left_over, storage
from generation import jobs
from modelhub import catalog, deleting, demo_install
from modelhub.downloads import at_start

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Prepared:
    """`installed`: the demonstration model was written just now; `models`: usable ones in all."""

    installed: bool
    models: int


def prepare() -> Prepared:
    """Migrate the database, install the demonstration model, list the models folder, and have the
    models that the settings want on their way.
    """
    try:
        call_command("migrate", verbosity=0, interactive=False)
    except DatabaseError as problem:
        raise NotPossible(f"The database cannot be used: {problem}. See DATABASE_URL.") from None
    storage.finish_deletions()
    chores.schedule()
    if Erasure.objects.exists():
        # Whatever was asked for before the stop goes on as soon as the io cluster is there.
        erase.ring()
    if left_over.pending():
        chores.ring_index()
    jobs.recount()
    # Before the folder is listed: nothing that is to go may be found in it.
    deleting.finish()
    installed = _install()
    chores.scan()
    at_start.ask()
    return Prepared(installed, catalog.usable(None).count())


# Seconds: longer than a server needs to be ready and to draw a first picture.
IO_DELAY = 20.0
# Threads that spin while they wait for one another starve themselves wherever something else
# computes: on two busy cores one small picture took minutes instead of a second.
PATIENT_THREADS = "OMP_WAIT_POLICY", "PASSIVE"


def programs() -> list[Program]:
    """What a whole server runs; the download cluster only while something is downloaded.

    The io cluster starts last: nothing it does is worth delaying the first picture.
    """
    manage = (sys.executable, str(settings.BASE_DIR / "manage.py"))
    clusters = {"worker": "image", "io": "io", "download": "download"}
    name, value = PATIENT_THREADS
    waiting = {name: os.environ.get(name, value)}
    return [
        Program("web", (*manage, "web")),
        *[
            Program(
                name,
                (*manage, "worker", "--cluster", cluster),
                {"Q_CLUSTER_NAME": cluster} | waiting,
                IO_DELAY if cluster == "io" else 0.0,
                # Kept for nothing it would take as much memory as the web process.
                downloading.Demand() if cluster == "download" else None,
            )
            for name, cluster in clusters.items()
        ],
    ]


def _install() -> bool:
    try:
        return demo_install.install()
    except demo_install.NotBundled as problem:
        log.warning("no demonstration model: %s", problem)
    except OSError as problem:
        raise NotPossible(
            f"The demonstration model cannot be installed: {problem}. "
            "Make room, or set ALICE_MODELS_DIR to a folder this user can write to."
        ) from None
    return False
