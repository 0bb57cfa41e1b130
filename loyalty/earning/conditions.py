"""Conditions of rules, compiled once from their tree into closures.

A condition is asked about an order as it remains and, if it speaks of lines,
about one line of it. What is not known (no country, no such metadata) is equal
to nothing, not above, below or at anything, and does not exist.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any, NamedTuple, Protocol
from zoneinfo import ZoneInfo

from loyalty.earning.facts import Facts
from loyalty.earning.remains import Kept
from loyalty.programs.document import vocabulary


class Occasion(Protocol):
    """When a condition is asked, and of whom; of an order it asks more."""

    @property
    def facts(self) -> Facts: ...  # noqa: D102 - a protocol
    @property
    def placed_at(self) -> datetime: ...  # noqa: D102


Test = Callable[[Any, Any], bool]
Get = Callable[[Any, Any], Any]
Node = Mapping[str, Any]


class Condition(NamedTuple):
    """A compiled condition; `by_line` says whether it must be asked line by line."""

    test: Callable[[Occasion, Kept | None], bool]
    by_line: bool


def compile_condition(node: Node, zone: str) -> Condition:
    """Compile a condition of a program document; `zone` is where its days begin."""
    fields = list(asked(node))
    return Condition(_compile(node, ZoneInfo(zone)), any(f.startswith("line.") for f in fields))


def asked(node: Node) -> Iterator[str]:
    """Yield the fields that a condition asks for."""
    if "field" in node:
        yield node["field"]
    for inner in [*node.get("all", ()), *node.get("any", ()), *filter(None, [node.get("not")])]:
        yield from asked(inner)


def _compile(node: Node, zone: ZoneInfo) -> Test:
    if "all" in node:
        tests = tuple(_compile(inner, zone) for inner in node["all"])
        return lambda order, line: all(test(order, line) for test in tests)
    if "any" in node:
        tests = tuple(_compile(inner, zone) for inner in node["any"])
        return lambda order, line: any(test(order, line) for test in tests)
    if "not" in node:
        inner = _compile(node["not"], zone)
        return lambda order, line: not inner(order, line)
    return _compare(node["field"], node["op"], node["value"], zone)


def _compare(field: str, op: str, value: Any, zone: ZoneInfo) -> Test:
    get = _getter(field, zone)
    if vocabulary.kind(field) == vocabulary.TIME and op != "exists":
        value, text = datetime.fromisoformat(value), get
        get = lambda order, line: _instant(text(order, line))  # noqa: E731 - one of many closures
    return _OPERATORS[op](get, value)


def _instant(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def _getter(field: str, zone: ZoneInfo) -> Get:
    about, name = field.split(".", 1)
    if about == "order" and name.startswith("metadata."):
        key = name.removeprefix("metadata.")
        return lambda order, _: order.basket.metadata.get(key)
    if field == "order.weekday":
        days = vocabulary.WEEKDAYS
        return lambda order, _: days[order.placed_at.astimezone(zone).weekday()]
    if field in _GETTERS:
        return _GETTERS[field]
    return lambda order, _: order.facts.member.get(name)


_GETTERS: Mapping[str, Get] = {
    "line.sku": lambda _, line: line.line.sku,
    "line.category": lambda _, line: line.line.category,
    "line.quantity": lambda _, line: line.quantity,
    "line.amount": lambda _, line: line.amount,
    "order.total": lambda order, _: order.total,
    "order.nth": lambda order, _: order.facts.nth,
    "order.channel": lambda order, _: order.basket.channel,
    "order.country": lambda order, _: order.basket.country,
    "member.tier": lambda order, _: order.facts.tier,
}


def _at_least(get: Get, value: Any) -> Test:
    return lambda order, line: (found := get(order, line)) is not None and found >= value


def _at_most(get: Get, value: Any) -> Test:
    return lambda order, line: (found := get(order, line)) is not None and found <= value


def _above(get: Get, value: Any) -> Test:
    return lambda order, line: (found := get(order, line)) is not None and found > value


def _below(get: Get, value: Any) -> Test:
    return lambda order, line: (found := get(order, line)) is not None and found < value


def _in(get: Get, value: Any) -> Test:
    values = frozenset(value)
    return lambda order, line: get(order, line) in values


def _not_in(get: Get, value: Any) -> Test:
    values = frozenset(value)
    return lambda order, line: get(order, line) not in values


_OPERATORS: Mapping[str, Callable[[Get, Any], Test]] = {
    "is": lambda get, value: lambda order, line: get(order, line) == value,
    "is_not": lambda get, value: lambda order, line: get(order, line) != value,
    "in": _in,
    "not_in": _not_in,
    "at_least": _at_least,
    "at_most": _at_most,
    "above": _above,
    "below": _below,
    "starts_with": lambda get, value: (
        lambda order, line: (get(order, line) or "").startswith(value)
    ),
    "exists": lambda get, value: lambda order, line: (get(order, line) is not None) is value,
}
