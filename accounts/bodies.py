"""What callers send in writes: a name we do not know is refused, and a type is not guessed."""

import sys
from collections.abc import Mapping
from typing import Any

from rest_framework import serializers

from accounts.problems import Invalid

# What a refusal repeats of an unknown parameter.
LONGEST_NAME = 80
MOST_LISTED = 200
# In Unix seconds; what comes later no database takes for a date.
YEAR_9999 = 253_370_764_800


class Body(serializers.Serializer[Any]):
    """The JSON of a write, or the parameters of a list."""

    @classmethod
    def read(cls, data: Any) -> dict[str, Any]:
        """What was sent and is right; None is nothing. Raises Invalid and what REST framework
        raises.
        """
        body = cls(data={} if data is None else data)
        body.is_valid(raise_exception=True)
        return dict(body.validated_data)

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, Mapping):
            unknown = sorted(str(name) for name in set(data) - set(self.fields))
            if unknown:
                name = unknown[0][:LONGEST_NAME]
                raise Invalid(f"Unknown parameter {name!r}.", param=name)
        return super().to_internal_value(data)


class Flag(serializers.BooleanField):
    """true or false, and no word for them."""

    def to_internal_value(self, data: Any) -> bool:
        if not isinstance(data, bool):
            self.fail("invalid", input=data)
        return data


class Whole(serializers.IntegerField):
    """A whole number; neither true nor "5" is one."""

    def to_internal_value(self, data: Any) -> int:
        if isinstance(data, bool) or not isinstance(data, int):
            self.fail("invalid")
        return data


class Number(serializers.FloatField):
    """A number there is an end of; neither true nor "1.5" is one."""

    def to_internal_value(self, data: Any) -> float:
        number = isinstance(data, int | float) and not isinstance(data, bool)
        # Neither NaN nor what no float can hold.
        if not number or not abs(data) <= sys.float_info.max:
            self.fail("invalid")
        return super().to_internal_value(data)


class Words(serializers.CharField):
    """Text; a number is none."""

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


class ListQuery(Body):
    """Which part of a list."""

    limit = serializers.IntegerField(default=50, min_value=1, max_value=MOST_LISTED)
    offset = serializers.IntegerField(default=0, min_value=0, max_value=10_000)
