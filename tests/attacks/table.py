"""The attacks as they are written down: tests/attacks/*.yaml, one row an attack."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).parent
VALUES: Mapping[str, list[Any]] = yaml.safe_load((HERE / "values.yaml").read_text())
NO_ATTACKS = {"matrix.yaml", "values.yaml"}


@dataclass(frozen=True)
class Attack:
    """One row. `given` is what its target understands; `number` tells rows apart on the wire."""

    id: str
    anchor: str
    target: str
    given: Mapping[str, Any]
    number: int

    @property
    def expected(self) -> set[str]:
        return set(str(self.given.get("expect", "")).split())

    def variants(self) -> Iterator["Attack"]:
        """The attack once for each value of `each`, which stands where the row says {x}."""
        each = self.given.get("each", [""])
        for value in VALUES[each] if isinstance(each, str) else each:
            given = {name: put(part, value) for name, part in self.given.items() if name != "each"}
            yield Attack(self.id, self.anchor, self.target, given, self.number)


def put(part: Any, value: Any) -> Any:
    """`part` with {x} replaced by `value`; a part that is nothing but {x} becomes the value."""
    if part == "{x}":
        return value
    if isinstance(part, Mapping):
        return {put(name, value): put(inner, value) for name, inner in part.items()}
    if isinstance(part, list):
        return [put(inner, value) for inner in part]
    return part.replace("{x}", str(value)) if isinstance(part, str) else part


@cache
def attacks() -> tuple[Attack, ...]:
    files = [file for file in sorted(HERE.glob("*.yaml")) if file.name not in NO_ATTACKS]
    rows = [row for file in files for row in yaml.safe_load(file.read_text())]
    made = [
        Attack(row.pop("id"), row.pop("anchor"), row.pop("target", "http"), row, number)
        for number, row in enumerate(rows)
    ]
    assert len({attack.id for attack in made}) == len(made), "two attacks have one id"
    return tuple(made)
