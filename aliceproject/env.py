"""Typed readers of the environment and of .env: a bad value stops the start and says what is allowed."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import environ
from django.core.exceptions import ImproperlyConfigured

T = TypeVar("T")
TRUE = frozenset({"true", "1", "yes", "on"})
FALSE = frozenset({"false", "0", "no", "off"})


class SettingError(ImproperlyConfigured):
    """A setting that cannot be used: names its source, key, value and what is allowed."""


@dataclass(frozen=True, slots=True)
class Declared:
    """One setting as the documentation lists it."""

    name: str
    default: str
    allowed: str
    help: str
    aliases: tuple[str, ...]
    # Its value is never shown, not even where it is in conflict with another.
    secret: bool = False


class Environment:
    """The process environment over one .env file; every reader records what it declared."""

    def __init__(self, file: Path, variables: dict[str, str] | None = None) -> None:
        self.file = file
        self.declared: dict[str, Declared] = {}
        self.warnings: list[str] = []
        self._process = dict(os.environ if variables is None else variables)
        self._file = _read_file(file)

    def text(
        self,
        name: str,
        default: str = "",
        *,
        help: str,
        aliases: tuple[str, ...] = (),
    ) -> str:
        return self._read(Declared(name, default, "text", help, aliases), default, str)

    def secret(self, name: str, *, help: str, aliases: tuple[str, ...] = ()) -> str:
        return self._read(Declared(name, "", "text", help, aliases, secret=True), "", str)

    def flag(
        self,
        name: str,
        *,
        default: bool,
        help: str,
        aliases: tuple[str, ...] = (),
    ) -> bool:
        shown = str(default).lower()
        return self._read(Declared(name, shown, "true or false", help, aliases), default, _flag)

    def integer(
        self,
        name: str,
        default: int,
        *,
        low: int,
        high: int,
        help: str,
        aliases: tuple[str, ...] = (),
    ) -> int:
        allowed = f"a whole number from {low} to {high}"
        declared = Declared(name, str(default), allowed, help, aliases)
        return self._read(declared, default, lambda raw: _between(int(raw), low, high))

    def number(
        self,
        name: str,
        default: float,
        *,
        low: float,
        high: float,
        help: str,
        aliases: tuple[str, ...] = (),
    ) -> float:
        allowed = f"a number from {low:g} to {high:g}"
        declared = Declared(name, f"{default:g}", allowed, help, aliases)
        return self._read(declared, default, lambda raw: _between(float(raw), low, high))

    def choice(
        self,
        name: str,
        default: str,
        choices: tuple[str, ...],
        *,
        help: str,
        aliases: tuple[str, ...] = (),
    ) -> str:
        declared = Declared(name, default, "one of " + ", ".join(choices), help, aliases)
        return self._read(declared, default, lambda raw: _one_of(raw.lower(), choices))

    def folder(
        self,
        name: str,
        default: Path,
        *,
        help: str,
        aliases: tuple[str, ...] = (),
    ) -> Path:
        declared = Declared(name, str(default), "a folder", help, aliases)
        return self._read(declared, default, lambda raw: Path(raw).expanduser().resolve())

    def names(
        self,
        name: str,
        default: tuple[str, ...] = (),
        *,
        help: str,
    ) -> list[str]:
        declared = Declared(name, ",".join(default), "names separated by commas", help, ())
        return self._read(declared, list(default), _names)

    def url(
        self,
        name: str,
        schemes: tuple[str, ...],
        *,
        default: str = "",
        help: str,
        aliases: tuple[str, ...] = (),
    ) -> str:
        allowed = "a URL beginning " + " or ".join(f"{scheme}://" for scheme in schemes)
        declared = Declared(name, default, allowed, help, aliases)
        return self._read(declared, default, lambda raw: _url(raw, schemes))

    def unknown(self) -> list[str]:
        """ALICE_* names that are set and that nothing reads: most often a typing error."""
        ours = {n for n in {*self._process, *self._file} if n.startswith("ALICE_")}
        # A caller's key, as README has it, and the tests' own switches are no settings.
        strange = ours - set(self.declared) - {"ALICE_KEY"}
        return sorted(n for n in strange if not n.startswith("ALICE_TESTS_"))

    def _read(self, declared: Declared, default: T, parse: Callable[[str], T]) -> T:
        self.declared[declared.name] = declared
        found = self._find(declared)
        if found is None:
            return default
        source, key, raw = found
        try:
            return parse(raw)
        except ValueError:
            raise SettingError(
                f"{source}: {key}={raw!r} is not allowed: it must be {declared.allowed}"
            ) from None

    def _find(self, declared: Declared) -> tuple[str, str, str] | None:
        present = [
            found
            for key in (declared.name, *declared.aliases)
            for found in [self._look_up(key)]
            if found is not None
        ]
        if not present:
            return None
        winner = present[0]
        self.warnings += [
            f"{winner[1]} wins over {key}: both set one thing"
            if declared.secret
            else f"{winner[1]}={winner[2]} wins over {key}={raw}: both set one thing"
            for _, key, raw in present[1:]
            if raw != winner[2]
        ]
        return winner

    def _look_up(self, key: str) -> tuple[str, str, str] | None:
        for source, values in (("environment", self._process), (str(self.file), self._file)):
            if values.get(key, "") != "":
                return source, key, values[key].strip()
        return None


def _read_file(file: Path) -> dict[str, str]:
    if not file.is_file():
        return {}

    class Reader(environ.Env):  # type: ignore[misc]
        # read_env writes into this mapping: ours keeps .env apart from the process.
        ENVIRON: dict[str, str] = {}

    Reader.read_env(str(file))
    return Reader.ENVIRON


def _flag(raw: str) -> bool:
    if raw.lower() in TRUE:
        return True
    if raw.lower() in FALSE:
        return False
    raise ValueError(raw)


N = TypeVar("N", int, float)


def _between(value: N, low: N, high: N) -> N:
    if not low <= value <= high:
        raise ValueError(value)
    return value


def _one_of(raw: str, choices: tuple[str, ...]) -> str:
    if raw not in choices:
        raise ValueError(raw)
    return raw


def _names(raw: str) -> list[str]:
    return [name.strip() for name in raw.split(",") if name.strip()]


def _url(raw: str, schemes: tuple[str, ...]) -> str:
    scheme, separator, rest = raw.partition("://")
    if not separator or scheme not in schemes or not rest.strip("/"):
        raise ValueError(raw)
    return raw.rstrip("/")
