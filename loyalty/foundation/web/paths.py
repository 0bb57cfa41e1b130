"""Text in the path of an address.

The shop's own ids may hold a slash, which a caller writes `%2F`. WSGI servers
decode it before routing; `KeepSlashes` reads the address as it was sent and
lets a stand-in travel through the router, where `PathText` turns it back.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from werkzeug.routing import BaseConverter, IntegerConverter

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

STAND_IN = "\x1f"  # a control character, which no id may hold
LONGEST = 255


class PathText(BaseConverter):
    """One segment of a path, of 1 to 255 characters, without control characters."""

    regex = rf"[^/\x00-\x1e\x7f]{{1,{LONGEST}}}"
    part_isolating = True

    def to_python(self, value: str) -> str:
        """Turn the stand-in back into the slash it stands for."""
        return value.replace(STAND_IN, "/")

    @staticmethod
    def openapi(_converter: BaseConverter) -> dict[str, Any]:
        """Return the schema of such a parameter."""
        return {
            "type": "string",
            "minLength": 1,
            "maxLength": LONGEST,
            "pattern": r"^[^\x00-\x1f\x7f]+$",
        }


class PathNumber(IntegerConverter):
    """A whole number in the one way to write it: ASCII digits, without leading zeros."""

    regex = "0|[1-9][0-9]*"


class KeepSlashes:
    """WSGI middleware that keeps `%2F` apart from `/` until the route is found."""

    def __init__(self, app: WSGIApplication) -> None:
        self._app = app

    def __call__(self, environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        """Read the path anew if an encoded slash was sent."""
        if STAND_IN in environ["PATH_INFO"]:  # sent by a caller it stands for nothing
            environ["PATH_INFO"] = environ["PATH_INFO"].replace(STAND_IN, "\0")
        sent: str = environ.get("RAW_URI", "")
        if ("%2F" in sent or "%2f" in sent) and sent.startswith("/"):
            path = sent.partition("?")[0].removeprefix(environ.get("SCRIPT_NAME", ""))
            parts = path.replace("%2f", "%2F").split("%2F")
            kept = [unquote(part, "latin-1").replace(STAND_IN, "\0") for part in parts]
            environ["PATH_INFO"] = STAND_IN.join(kept)
        return self._app(environ, start)
