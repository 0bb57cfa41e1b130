"""The program document: all terms of a program as data, read, checked and written.

The normal form is plain JSON with its defaults written out: rationals are
strings such as "1.5" or "3/2", instants RFC 3339 with `Z`, durations ISO 8601.
Storing documents and their versions is the programs service's matter.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import marshmallow

from loyalty.foundation.problems import FieldError, Problem
from loyalty.programs.document import meaning, sections, shape, toml
from loyalty.programs.document.differences import Change, difference

__all__ = ["Change", "InvalidProgram", "difference", "from_toml", "parse", "to_toml"]

_MOST_ERRORS = 100


class InvalidProgram(Problem):
    """The program document cannot be applied."""

    code = "invalid_program"
    status = 422
    title = "The program document is not valid"
    about = (
        "Terms of a program are one document, checked as a whole before any of it is applied. "
        "`errors` lists everything that is wrong, each with a JSON pointer into the document such "
        "as /earning/rules/2/factor, and says what would be right."
    )


def parse(raw: Mapping[str, Any]) -> dict[str, Any]:
    """Return the document in its normal form; raise InvalidProgram with all that is wrong.

    Reading a normal form again gives the same.
    """
    try:
        document: dict[str, Any] = shape.Document().load(raw)
    except marshmallow.ValidationError as error:
        errors = list(sections.flatten(error.messages))
        valid = error.valid_data if isinstance(error.valid_data, dict) else {}
        raise _invalid([*errors, *meaning.mistakes(valid)]) from None
    if errors := list(meaning.mistakes(document)):
        raise _invalid(errors)
    return document


def from_toml(text: str) -> dict[str, Any]:
    """Return the document that a TOML text holds, in its normal form; raise InvalidProgram."""
    try:
        raw = tomllib.loads(text, parse_float=Decimal)
    except (ValueError, RecursionError) as error:
        sentence = f"The text is not readable as TOML: {str(error)[:200] or 'nested too deeply'}."
        raise InvalidProgram(sentence, errors=[FieldError("", sentence)]) from None
    return parse(raw)


def to_toml(document: Mapping[str, Any]) -> str:
    """Return a normal form as TOML, which `from_toml` reads back to the same."""
    return toml.dumps(document)


def _invalid(errors: list[FieldError]) -> InvalidProgram:
    first = errors[0]
    count = "one mistake" if len(errors) == 1 else f"{len(errors)} mistakes, the first"
    return InvalidProgram(
        f"The document has {count} at {first.pointer or 'its top'}: {first.detail}",
        errors=errors[:_MOST_ERRORS],
    )
