"""Everything that can be wrong with an installation, looked at one by one."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import partial

from django.conf import settings
from django.core import checks
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.urls import reverse

from accounts import openid
from accounts.models import User
from accounts.openid import provider
from aliceproject import first_light, greeting, instance, preflight
from generation import worker_status
from modelhub import catalog, home
from modelhub.models import CatalogModel

ROOMY_MB = 2048
# Asked in a process of its own: the answer takes seconds and half a gigabyte of imports.
LIBRARIES = """
import json, torch, diffusers
cuda = torch.cuda.is_available()
device = torch.cuda.get_device_name() if cuda else "mps" if torch.backends.mps.is_available() else "cpu"
print(json.dumps({"torch": torch.__version__, "diffusers": diffusers.__version__, "device": device}))
"""
IMPORT_SECONDS = 120


class Level(StrEnum):
    OK = "ok"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Finding:
    level: Level
    text: str


def examine() -> Iterator[Finding]:
    """One finding after another, the causes before what follows from them."""
    looks = (_python, _folders, _space, _settings, _libraries, _database, _provider, _server)
    for look in looks:
        yield from look()


def _passes(text: str, check: Callable[[], None]) -> Finding:
    try:
        check()
    except preflight.NotPossible as problem:
        return Finding(Level.ERROR, str(problem))
    return Finding(Level.OK, text)


def _python() -> Iterator[Finding]:
    yield _passes(f"Python {sys.version.split()[0]}", preflight.check_python)


def _folders() -> Iterator[Finding]:
    for name in ("ALICE_DATA_DIR", "ALICE_MODELS_DIR"):
        folder = getattr(settings, name)
        yield _passes(f"{folder} can be written to", partial(preflight.check_folder, folder, name))


def _space() -> Iterator[Finding]:
    free_mb = shutil.disk_usage(settings.ALICE_DATA_DIR).free // 2**20
    text = f"{free_mb} MB are free at {settings.ALICE_DATA_DIR}"
    if free_mb < preflight.LEAST_FREE_MB:
        yield Finding(Level.ERROR, text)
    else:
        yield Finding(Level.OK if free_mb >= ROOMY_MB else Level.WARNING, text)


def _settings() -> Iterator[Finding]:
    messages = [message for message in checks.run_checks() if not message.is_silenced()]
    for message in messages:
        level = Level.ERROR if message.is_serious() else Level.WARNING
        hint = f" {message.hint}" if message.hint else ""
        yield Finding(level, f"{message.msg}{hint} ({message.id})")
    if not messages:
        yield Finding(Level.OK, "the settings fit together")


def _libraries() -> Iterator[Finding]:
    if settings.ALICE_BACKEND in {"mock", "remote"}:
        yield Finding(Level.OK, f"the back end {settings.ALICE_BACKEND} needs no library")
        return
    try:
        done = subprocess.run(  # noqa: S603 - our own script
            [sys.executable, "-c", LIBRARIES],
            capture_output=True,
            text=True,
            timeout=IMPORT_SECONDS,
            check=True,
        )
        facts = json.loads(done.stdout)
    except (subprocess.SubprocessError, ValueError) as problem:
        lines = (getattr(problem, "stderr", "") or str(problem)).strip().splitlines()
        fix = "Install them: .venv/bin/pip install -r requirements.txt"
        yield Finding(Level.ERROR, f"torch and diffusers do not load: {lines[-1]}. {fix}")
        return
    yield Finding(Level.OK, "torch {torch}, diffusers {diffusers} on {device}".format(**facts))


def _database() -> Iterator[Finding]:
    try:
        executor = MigrationExecutor(connection)
        waiting = executor.migration_plan(executor.loader.graph.leaf_nodes())
        if waiting:
            fix = "`manage.py prepare` applies them"
            yield Finding(Level.ERROR, f"{len(waiting)} migrations are not applied; {fix}")
            return
        yield Finding(Level.OK, f"the database answers ({connection.vendor})")
        yield from _models()
        yield from _people()
    except DatabaseError as problem:
        yield Finding(Level.ERROR, f"the database does not answer: {problem}. See DATABASE_URL.")


def _models() -> Iterator[Finding]:
    if reason := home.foreign():
        yield Finding(Level.ERROR, reason)
    elif before := home.other():
        text = f"the models were last read from {before}, another folder than this host's"
        yield Finding(Level.WARNING, f"{text}; the next scan reads {settings.ALICE_MODELS_DIR}")
    ready = catalog.usable(None)
    if ready.exists():
        yield Finding(Level.OK, f"{ready.count()} models can be used")
    else:
        fix = "`manage.py install_demo_model` brings the bundled one"
        yield Finding(Level.ERROR, f"no model can be used; {fix}")
    for model in CatalogModel.objects.exclude(state=CatalogModel.State.READY):
        yield Finding(Level.WARNING, f"{model.public_id} is {model.state}: {model.detail}")


def _people() -> Iterator[Finding]:
    if User.objects.filter(is_superuser=True, is_active=True).exists():
        yield Finding(Level.OK, "there is an administrator")
    else:
        yield Finding(Level.WARNING, "there is no administrator; `manage.py prepare` makes one")


def _provider() -> Iterator[Finding]:
    """The provider of OpenID Connect, where there is one, asked as a sign-in asks it."""
    if not openid.enabled():
        return
    issuer = settings.ALICE_OIDC_ISSUER
    back = f"{settings.ALICE_PUBLIC_URL or greeting.base_url()}{reverse(openid.CALLBACK)}"
    try:
        keys = provider.signing_keys(provider.described())
    except provider.ProviderDown:
        fix = "Compare ALICE_OIDC_ISSUER with the `issuer` of its discovery document"
        yield Finding(Level.ERROR, f"the provider {issuer} cannot be used. {fix}")
        return
    yield Finding(Level.OK, f"the provider {issuer} answers, with {len(keys)} keys")
    yield Finding(Level.OK, f"it must know {back} as this server's redirect URI")


def _server() -> Iterator[Finding]:
    pid = instance.running(settings.ALICE_DATA_DIR)
    if not pid:
        yield Finding(Level.WARNING, "the server is not running; `make start` starts it")
        port = f"port {settings.ALICE_PORT} on {settings.ALICE_HOST} is free"
        yield _passes(port, lambda: preflight.check_port(settings.ALICE_HOST, settings.ALICE_PORT))
        return
    url = greeting.base_url()
    if first_light.wait_for_web(url, 5):
        yield Finding(Level.OK, f"the server runs (process {pid}) and answers at {url}")
    else:
        yield Finding(Level.ERROR, f"the server runs (process {pid}) but {url} does not answer")
    yield from _workers()


def _workers() -> Iterator[Finding]:
    try:
        workers = list(worker_status.alive())
    except DatabaseError:
        # Said already, with its cause.
        return
    for worker in workers:
        yield Finding(Level.OK, f"worker {worker.worker}: {worker.backend} on {worker.device}")
    if not workers:
        yield Finding(Level.ERROR, "no worker is alive; the server's log says why")
