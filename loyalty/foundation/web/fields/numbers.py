"""Whole numbers and truth values. There is no field for fractions: rates are text or rationals."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import marshmallow as ma

from loyalty.foundation.web.fields.base import Field

LARGEST = 2**53 - 1
"""The largest whole number that every JSON reader keeps exactly."""

_DIGITS = re.compile(r"-?[0-9]{1,16}")


class Integer(Field[int]):
    """A whole number from `least` to `most`, written as one: 5.0, "5" and true are refused."""

    def __init__(self, *, least: int = -LARGEST, most: int = LARGEST, **options: Any) -> None:
        super().__init__(**options)
        self.least, self.most = least, most
        self.expects = f"must be a whole number from {least} to {most}"
        self.openapi = {"type": "integer", "format": "int64", "minimum": least, "maximum": most}

    def _read(self, value: Any) -> int:
        if type(value) is not int or not self.least <= value <= self.most:
            raise self._wrong(value)
        return value


class IntegerText(Integer):
    """A whole number in an address, where everything is text."""

    def _read(self, value: Any) -> int:
        if not isinstance(value, str) or not _DIGITS.fullmatch(value):
            raise self._wrong(value)
        return super()._read(int(value))


class Points(Integer):
    """A number of points to move: at least one."""

    def __init__(self, *, least: int = 1, most: int = LARGEST, **options: Any) -> None:
        super().__init__(least=least, most=most, **{"example": 500, **options})


class Change(Integer):
    """A number of points to add, or with a minus to take: not zero."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.expects = f"{self.expects}, and not 0"
        self.openapi = {**self.openapi, "not": {"const": 0}}

    def _read(self, value: Any) -> int:
        if super()._read(value) == 0:
            raise ma.ValidationError("must not be 0")
        return int(value)


class MinorUnits(Integer):
    """An amount of money in minor units of its currency (cents, yen, fils): zero or more."""

    def __init__(self, *, least: int = 0, most: int = LARGEST, **options: Any) -> None:
        super().__init__(least=least, most=most, **{"example": 1050, **options})


class Boolean(Field[bool]):
    """JSON's true or false; "yes" and 1 are refused."""

    expects = "must be true or false"
    openapi: Mapping[str, Any] = {"type": "boolean"}

    def _read(self, value: Any) -> bool:
        if not isinstance(value, bool):
            raise self._wrong(value)
        return value
