"""The shape of a `where`: a small tree of `all`, `any`, `not` over `{field, op, value}`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import marshmallow

from loyalty.programs.document import fields, sections, vocabulary

DEEPEST: Final = 8
_MOST_VALUES = 1_000
_BRANCHES = ("all", "any", "not")
_LEAF = ("field", "op", "value")

Node = dict[str, Any]
Path = tuple[str | int, ...]


class Where(fields.Exact[Node]):
    """A condition. `about` are the first words of the fields it may ask for."""

    def __init__(self, *about: str, **kwargs: Any) -> None:
        super().__init__(
            "a condition: {field, op, value}, or `all`, `any` or `not` over such", **kwargs
        )
        self.about = about or ("line", "order", "member")

    def read(self, value: Any) -> Node:
        """Return the tree in its normal form."""
        return self._node(value, 1)

    def _node(self, raw: Any, depth: int) -> Node:
        if not isinstance(raw, Mapping):
            raise self.wrong(raw)
        if depth > DEEPEST:
            raise marshmallow.ValidationError(f"It is nested deeper than {DEEPEST} levels.")
        branch = [name for name in _BRANCHES if name in raw]
        if not branch:
            return self._leaf(raw)
        first = branch[0]
        beside = [f"Leave it out beside `{first}`."]
        sections.raise_all({key: beside for key in raw if key != first})
        if first == "not":
            return {"not": _under("not", self._node, raw["not"], depth + 1)}
        return {first: self._branches(first, raw[first], depth + 1)}

    def _branches(self, name: str, raw: Any, depth: int) -> list[Node]:
        if not isinstance(raw, list) or not 0 < len(raw) <= _MOST_VALUES:
            raise marshmallow.ValidationError(
                {name: ["It must be a list of at least one condition."]}
            )
        nodes, errors = [], {}
        for index, item in enumerate(raw):
            try:
                nodes.append(self._node(item, depth))
            except marshmallow.ValidationError as error:
                errors[index] = error.messages
        sections.raise_all({name: errors} if errors else {})
        return nodes

    def _leaf(self, raw: Mapping[str, Any]) -> Node:
        missing = ["It is missing; a condition has field, op and value."]
        unknown = [key for key in raw if key not in _LEAF]
        sections.raise_all(
            {key: missing for key in _LEAF if key not in raw}
            | {key: [f"Unknown key.{fields.near_miss(key, _BRANCHES + _LEAF)}"] for key in unknown}
        )
        kind = _under("field", self._kind, raw["field"])
        op = _under("op", fields.Choice(vocabulary.OPERATORS[kind]).read, raw["op"])
        value = _under("value", _value, raw["value"], kind, op)
        return {"field": raw["field"], "op": op, "value": value}

    def _kind(self, field: Any) -> str:
        kind = vocabulary.kind(field) if isinstance(field, str) else None
        if kind is None or not field.startswith(self.about):
            names = (*vocabulary.FIELDS, *(f"{prefix}<key>" for prefix in vocabulary.METADATA))
            known = [name for name in names if name.startswith(self.about)]
            raise marshmallow.ValidationError(
                f"It must be one of {', '.join(known)}, not {fields.shown(field)}."
                f"{fields.near_miss(field, known)}"
            )
        return kind


def _under(key: str, read: Any, *args: Any) -> Any:
    """Read what stands under a key, and put its errors there."""
    try:
        return read(*args)
    except marshmallow.ValidationError as error:
        raise marshmallow.ValidationError({key: error.messages}) from None


def _value(raw: Any, kind: str, op: str) -> Any:
    if op == "exists":
        if not isinstance(raw, bool):
            raise marshmallow.ValidationError(f"It must be true or false, not {fields.shown(raw)}.")
        return raw
    kinds: Mapping[str, fields.Exact[Any]] = {
        vocabulary.TEXT: fields.Text(500),
        vocabulary.NUMBER: fields.Whole(0),
        vocabulary.TIME: fields.Instant(),
    }
    one = kinds[kind]
    if op in ("in", "not_in"):
        return fields.items(one, least=1, most=_MOST_VALUES).deserialize(raw)
    return one.read(raw)


def leaves(node: Node, path: Path = ()) -> Iterator[tuple[Path, Node]]:
    """Yield every `{field, op, value}` of a read condition, with its path."""
    if "not" in node:
        yield from leaves(node["not"], (*path, "not"))
    elif branch := next((name for name in ("all", "any") if name in node), None):
        for index, inner in enumerate(node[branch]):
            yield from leaves(inner, (*path, branch, index))
    else:
        yield path, node
