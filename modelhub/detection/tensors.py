"""Tensors by patterns of their names: what signatures are held against."""

import re
from collections.abc import Iterator, Mapping
from functools import cache, cached_property

from modelhub.weights import Tensor


class Tensors:
    """A header's tensors. In a pattern `*` stands for anything; the rest is as it is written."""

    def __init__(self, tensors: Mapping[str, Tensor]) -> None:
        self._tensors = tensors

    @cached_property
    def _names(self) -> str:
        return "\n".join(self._tensors)

    def __len__(self) -> int:
        return len(self._tensors)

    def has(self, pattern: str) -> bool:
        return self._may_have(pattern) and _compiled(pattern).search(self._names) is not None

    def named(self, pattern: str) -> Iterator[tuple[str, Tensor]]:
        if not self._may_have(pattern):
            return
        for found in _compiled(pattern).finditer(self._names):
            # A hostile name may hold a line break, and then is none of ours.
            if tensor := self._tensors.get(found[0]):
                yield found[0], tensor

    def _may_have(self, pattern: str) -> bool:
        """Most patterns are ruled out by a piece that no name holds, which is quickly seen."""
        return all(piece in self._names for piece in pattern.split("*"))

    def side(self, pattern: str, axis: int) -> int:
        """The size along `axis` of the first such tensor that has the axis; 0: there is none."""
        shapes = (tensor.shape for _, tensor in self.named(pattern))
        return next((shape[axis] for shape in shapes if -len(shape) <= axis < len(shape)), 0)

    def under(self, *prefixes: str) -> "Tensors":
        """Only those below the first prefix that any name has, without it; all if none has one."""
        for prefix in prefixes:
            below = {
                name.removeprefix(prefix): tensor
                for name, tensor in self._tensors.items()
                if name.startswith(prefix)
            }
            if below:
                return Tensors(below)
        return self


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    """Each piece is taken where it first occurs and never looked for again further on: what fits a
    pattern of this kind fits it so as well, and a hostile name of five hundred characters would
    otherwise be tried in millions of ways.
    """
    first, *rest = map(re.escape, pattern.split("*"))
    inner = "".join(f"(?>[^\n]*?{piece})" for piece in rest[:-1])
    last = f"[^\n]*{rest[-1]}" if rest else ""
    return re.compile(f"^{first}{inner}{last}$", re.MULTILINE)
