"""Logs: one JSON object per line on standard error, or readable lines on a terminal.

What libraries write through `logging` takes the same way. Every line within a
request carries its id. Failures are logged by their kinds and places, without
their messages, which may quote what people sent; level `debug` adds those.
"""

from __future__ import annotations

import logging
import sys
import traceback
from typing import Any

import orjson
import psycopg
import structlog
from structlog.typing import EventDict, Processor

from loyalty.foundation.web import context

_QUIET = (
    *("werkzeug", "httpx", "urllib3"),  # write addresses with their query strings
    "alembic.runtime.plugins",  # lists its own parts
)


def configure(level: str) -> None:
    """Set up logging for this process; `level` is debug, info, warning or error."""
    number = logging.getLevelNamesMapping()[level.upper()]
    before: list[Processor] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso"),
        _add_request_id,
    ]
    render = _render_for_people() if sys.stderr.isatty() else _render_json
    structlog.configure(
        processors=[*before, render],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=lambda *_: _StandardError(),
        cache_logger_on_first_use=True,
    )
    handler = _Handler()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=before,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                render,
            ],
        )
    )
    logging.basicConfig(handlers=[handler], level=max(number, logging.INFO), force=True)
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)


def failure(error: BaseException, *, with_message: bool = False) -> dict[str, Any]:
    """Return what to log about an exception: kinds from the outermost inwards, and places."""
    chain: list[BaseException] = []
    link: BaseException | None = error
    while link is not None and link not in chain:
        chain.append(link)
        link = link.__cause__ or link.__context__
    told: dict[str, Any] = {
        "failure": [type(each).__qualname__ for each in chain],
        "places": [
            f"{frame.filename}:{frame.lineno} {frame.name}"
            for frame in traceback.extract_tb(chain[-1].__traceback__)[-12:]
        ],
    }
    for each in chain:
        if isinstance(each, psycopg.Error):
            told |= {"sqlstate": each.sqlstate, "constraint": each.diag.constraint_name}
    if with_message:
        told["message"] = str(error)
    return told


class _StandardError:
    """Writes to whatever standard error is at the time, in one piece."""

    def msg(self, line: str) -> None:
        _write(line)

    debug = info = warning = error = critical = msg


class _Handler(logging.Handler):
    """Takes what libraries log the same way."""

    def emit(self, record: logging.LogRecord) -> None:
        _write(self.format(record))


def _write(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


def _add_request_id(_logger: Any, _method: str, event: EventDict) -> EventDict:
    request_id = context.request_id()
    if request_id is not None:
        event["request_id"] = request_id
    return event


def _render_json(_logger: Any, _method: str, event: EventDict) -> str:
    return orjson.dumps(event, default=repr).decode()


def _render_for_people() -> Processor:
    return structlog.dev.ConsoleRenderer()
