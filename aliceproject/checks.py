"""Refusals at start: what the settings may not be together, in words an operator can act on."""

import ipaddress
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error, Info, Tags, Warning, register
from django.db import connections
from django.utils.module_loading import import_string

from accounts.openid import provider
from aliceproject.secret_key import MINIMUM_LENGTH
from aliceproject.settings import environment as source
from generation import conf
from generation.engine import samplers

DEVICE = re.compile(r"auto|cpu|mps|cuda(:\d+)?")
LEAST_HEARTBEATS = 4
LONGEST_ISSUER = 255


@register(Tags.security)
def public_without_authentication(**_: Any) -> list[CheckMessage]:
    if settings.ALICE_REQUIRE_AUTH or settings.ALICE_ALLOW_OPEN or _loopback(settings.ALICE_HOST):
        return []
    return [
        Error(
            f"ALICE_HOST={settings.ALICE_HOST} is open to other machines "
            "while ALICE_REQUIRE_AUTH is false.",
            hint="Turn authentication on, bind 127.0.0.1, or set ALICE_ALLOW_OPEN=true.",
            id="alice.E001",
        )
    ]


def _loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


@register
def names_nothing_reads(**_: Any) -> list[CheckMessage]:
    return [
        Warning(f"{name} is set, but no setting has that name.", id="alice.W002")
        for name in source.env.unknown()
    ]


@register
def aliases_that_disagree(**_: Any) -> list[CheckMessage]:
    return [Warning(text, id="alice.W003") for text in source.env.warnings]


@register
def folders(**_: Any) -> list[CheckMessage]:
    """The data directory and the log's folder are written; models may lie on a read-only disk."""
    wanted = [("ALICE_DATA_DIR", Path(settings.ALICE_DATA_DIR), os.W_OK | os.X_OK)]
    if settings.ALICE_LOG_FILE:
        wanted.append(("ALICE_LOG_FILE", Path(settings.ALICE_LOG_FILE).parent, os.W_OK | os.X_OK))
    if Path(settings.ALICE_MODELS_DIR).exists():
        wanted.append(("ALICE_MODELS_DIR", Path(settings.ALICE_MODELS_DIR), os.R_OK | os.X_OK))
    return [
        Error(f"{name}: {folder} is not a folder this user may use.", id="alice.E004")
        for name, folder, mode in wanted
        if not _usable(folder, mode)
    ]


def _usable(folder: Path, mode: int) -> bool:
    """Of a folder that does not exist yet, whether it could be made."""
    nearest = next(place for place in (folder, *folder.parents) if place.exists())
    return nearest.is_dir() and os.access(nearest, mode)


@register
def names_of_engine_parts(**_: Any) -> Iterator[CheckMessage]:
    if not DEVICE.fullmatch(settings.ALICE_DEVICE):
        allowed = "auto, cpu, cuda, cuda:N or mps"
        yield Error(
            f"ALICE_DEVICE={settings.ALICE_DEVICE!r} must be {allowed}.",
            id="alice.E005",
        )
    scheduler = settings.ALICE_DEFAULT_SCHEDULER
    if samplers.canonical(scheduler) is None:
        known = ", ".join(samplers.SAMPLERS)
        yield Error(
            f"ALICE_DEFAULT_SCHEDULER={scheduler!r} must be one of {known}.", id="alice.E006"
        )


@register
def leases_and_retries(**_: Any) -> Iterator[CheckMessage]:
    """A lease must survive lost heartbeats, a wake-up must not be repeated while it still runs."""
    if conf.lease_seconds() < LEAST_HEARTBEATS * conf.heartbeat_seconds():
        yield Error(
            f"ALICE_LEASE_SECONDS must be at least {LEAST_HEARTBEATS} heartbeats.",
            id="alice.E007",
        )
    clusters = {"io": settings.Q_CLUSTER, **settings.Q_CLUSTER["ALT_CLUSTERS"]}
    for name, cluster in clusters.items():
        if cluster["retry"] <= cluster["timeout"]:
            yield Error(f"Q_CLUSTER {name}: retry must be longer than timeout.", id="alice.E008")


@register
def middleware_never_blocks(**_: Any) -> list[CheckMessage]:
    """One synchronous layer would pin a thread to every client that waits."""
    return [
        Error(f"MIDDLEWARE: {name} works only synchronously.", id="alice.E009")
        for name in settings.MIDDLEWARE
        if not getattr(import_string(name), "async_capable", False)
    ]


@register
def networks_and_origins(**_: Any) -> Iterator[CheckMessage]:
    for name in settings.ALICE_TRUSTED_PROXIES:
        if not _network(name):
            yield Error(f"ALICE_TRUSTED_PROXIES: {name!r} is no address.", id="alice.E010")
    for origin in settings.ALICE_CORS_ORIGINS:
        if not _origin(origin):
            yield Error(
                f"ALICE_CORS_ORIGINS: {origin!r} must be exactly scheme://host[:port].",
                id="alice.E011",
            )
    for name in settings.ALICE_ALLOWED_HOSTS:
        if not re.fullmatch(r"[A-Za-z0-9.-]+", name):
            yield Error(
                f"ALICE_ALLOWED_HOSTS: {name!r} must be a host name, without port or wildcard.",
                id="alice.E012",
            )


def _network(text: str) -> bool:
    try:
        ipaddress.ip_network(text, strict=False)
    except ValueError:
        return False
    return True


def _origin(text: str) -> bool:
    parts = urlsplit(text)
    return parts.scheme in {"http", "https"} and text == f"{parts.scheme}://{parts.netloc}"


@register(Tags.security)
def https_needs_a_trusted_proxy(**_: Any) -> list[CheckMessage]:
    if not settings.HTTPS or settings.ALICE_TRUSTED_PROXIES:
        return []
    return [
        Info(
            "ALICE_PUBLIC_URL is https, but no proxy is trusted to say that a request came so: "
            "plain requests will be redirected for ever.",
            hint="Set ALICE_TRUSTED_PROXIES to the address of the proxy that ends TLS.",
            id="alice.I013",
        )
    ]


@register(Tags.security)
def former_keys_are_long(**_: Any) -> list[CheckMessage]:
    if all(len(key) >= MINIMUM_LENGTH for key in settings.SECRET_KEY_FALLBACKS):
        return []
    message = f"ALICE_SECRET_KEY_FALLBACKS: each needs at least {MINIMUM_LENGTH} characters."
    return [Error(message, id="alice.E014")]


@register(Tags.security)
def a_whole_provider_or_none(**_: Any) -> Iterator[CheckMessage]:
    """Half a configuration of OpenID Connect is a mistake, most often a misspelt name."""
    names = ("ALICE_OIDC_ISSUER", "ALICE_OIDC_CLIENT_ID", "ALICE_OIDC_CLIENT_SECRET")
    missing = [name for name in names if not getattr(settings, name)]
    if missing and len(missing) < len(names):
        hint = "Set all three of them, or none."
        yield Error(f"{' and '.join(missing)} is missing.", hint=hint, id="alice.E016")
    if settings.ALICE_OIDC_ISSUER and not _issuer(settings.ALICE_OIDC_ISSUER):
        yield Error(
            f"ALICE_OIDC_ISSUER={settings.ALICE_OIDC_ISSUER!r} must be an https URL without query "
            "(http only on this machine), exactly as the provider names itself.",
            id="alice.E017",
        )
    if "openid" not in settings.ALICE_OIDC_SCOPES.split():
        yield Error("ALICE_OIDC_SCOPES must hold the word openid.", id="alice.E018")


def _issuer(text: str) -> bool:
    # As long as the table of identities takes.
    return provider.trustworthy(text) and "?" not in text and len(text) <= LONGEST_ISSUER


@register(Tags.database)
def commits_survive(databases: Sequence[str] | None = None, **_: Any) -> Iterator[CheckMessage]:
    """PostgreSQL writes to disk before it says committed: an accepted job outlives a power cut."""
    for name in _postgresql(databases or ()):
        with connections[name].cursor() as cursor:
            for parameter in ("fsync", "synchronous_commit"):
                cursor.execute(f"SHOW {parameter}")
                if cursor.fetchone() == ("off",):
                    yield Error(f"PostgreSQL: {parameter} is off.", id="alice.E015")


def _postgresql(databases: Iterable[str]) -> list[str]:
    return [name for name in databases if connections[name].vendor == "postgresql"]
