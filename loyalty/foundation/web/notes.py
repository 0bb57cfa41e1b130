"""What decorators tell the OpenAPI document about a view, beside what flask-smorest notes itself.

A note lives in the view's `_apidoc` and so survives the decorators around it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypedDict, TypeVar, Unpack

from loyalty.foundation import problems

View = TypeVar("View", bound=Callable[..., Any])


class Facts(TypedDict, total=False):
    """What can be noted.

    `idempotency` is `accepted` or `required`. `scopes` are those a caller needs; an empty tuple
    means any recognised caller. `refusals` are the problems the view may answer besides the
    usual ones, `links` the operations whose parameters its answer tells. `if_match` says that the
    view needs an `If-Match` header, `addressed` that ids are in its path.
    """

    idempotency: str
    scopes: tuple[str, ...]
    refusals: tuple[type[problems.Problem], ...]
    links: tuple[tuple[str, dict[str, Any]], ...]
    if_match: bool
    addressed: bool


def note(view: View, **facts: Unpack[Facts]) -> View:
    """Add facts to a view; returns the view."""
    noted = dict(getattr(view, "_apidoc", {}))
    if "refusals" in facts:
        facts["refusals"] = (*noted.get("refusals", ()), *facts["refusals"])
    if "links" in facts:
        facts["links"] = (*noted.get("links", ()), *facts["links"])
    view.__dict__["_apidoc"] = {**noted, **facts}
    return view
