"""Puts the application together: settings in, a WSGI application out."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import orjson
import structlog
from flask import Flask
from flask.cli import AppGroup
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as NoFreeConnection
from werkzeug.middleware.proxy_fix import ProxyFix

from loyalty.foundation import db, problems
from loyalty.foundation.web import (
    api,
    docs,
    errors,
    health,
    logs,
    metrics,
    parsing,
    paths,
    requests,
)

if TYPE_CHECKING:
    from config import Settings

MIGRATIONS = Path(__file__).parents[1] / "migrations"
DOORS = (
    *("members", "points", "rewards", "orders", "checkout", "vouchers"),
    *("recovery", "referrals", "programs", "access"),
)
"""Slices with a `routes` module, in the order in which the documentation shows them."""

log = structlog.get_logger()


class Service(Flask):
    """Flask, with failures logged as the rest is."""

    def log_exception(self, exc_info: Any) -> None:
        """Log what failed and where, without what was sent."""
        told = logs.failure(exc_info[1], with_message=self.config["LOG_MESSAGES"])
        log.error("a request failed", **told)

    def ensure_sync(self, func: Any) -> Any:
        """Return `func`: no view is a coroutine, and Flask would ask each time."""
        return func


class LateMigrate:
    """Stands for Flask-Migrate until a command needs it: web processes go without Alembic."""

    def __init__(self, app: Flask) -> None:
        self._app = app

    def __getattr__(self, name: str) -> Any:
        """Put the real one in this one's place."""
        flask_migrate = importlib.import_module("flask_migrate")
        flask_migrate.Migrate(self._app, db.db, directory=str(MIGRATIONS))
        return getattr(self._app.extensions["migrate"], name)


class LateCommands(AppGroup):
    """The commands of `loyalty.cli`, imported when one is asked for."""

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        """Return a command by its name."""
        self._load()
        return super().get_command(ctx, name)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands."""
        self._load()
        return super().list_commands(ctx)

    def _load(self) -> None:
        if "loyalty" not in self.commands:
            self.add_command(importlib.import_module("loyalty.cli").commands)
            self.add_command(importlib.import_module("flask_migrate.cli").db)


def create_app(settings: Settings) -> Flask:
    """Build the web application."""
    logs.configure(settings.log_level)
    app = Service("loyalty", static_folder=None)
    app.config.update(
        SECRET_KEY=settings.secret_key,
        BASE_URL=settings.base_url,
        KEY_MEMORY_MS=settings.key_memory_ms,
        LOG_MESSAGES=settings.log_level == "debug",
        MAX_CONTENT_LENGTH=parsing.BODY_LIMIT,
        SQLALCHEMY_DATABASE_URI=settings.database_url,
        SQLALCHEMY_ENGINE_OPTIONS=_engine_options(settings),
    )
    _prepare_addresses(app, settings)
    db.db.init_app(app)
    requests.install(
        app,
        per_minute=settings.rate_limit_per_minute,
        redis_url=settings.redis_url,
        secure=settings.base_url.startswith("https:"),
    )
    public = api.Api(app, base_url=settings.base_url)
    app.register_error_handler(OperationalError, _answer_without_database)
    app.register_error_handler(NoFreeConnection, _answer_without_database)
    for blueprint in _blueprints():
        public.register_blueprint(blueprint)
    docs.install(app, public)
    health.install(app, migrations=MIGRATIONS)
    metrics.install(app, directory=settings.metrics_dir)
    app.extensions["migrate"] = LateMigrate(app)
    app.cli = LateCommands(app.name)
    return app


def _engine_options(settings: Settings) -> dict[str, Any]:
    options: dict[str, Any] = {
        "hide_parameters": True,  # errors do not quote what people sent
        "json_serializer": lambda value: orjson.dumps(value).decode(),
        "json_deserializer": orjson.loads,
    }
    if settings.database_url.startswith("postgresql"):
        options |= {
            "pool_size": settings.database_pool_size,
            "max_overflow": 0,
            "pool_timeout": 10,
            "connect_args": {"connect_timeout": 5, **_planning(settings)},
        }
    return options


def _planning(settings: Settings) -> dict[str, Any]:
    """Prepare statements and keep their plans, unless a pooler hands our connections around.

    Planning is half of a short statement. A kept plan must stay good while its tables grow, so
    PostgreSQL is told to find rows by index even while a table is small enough to be read whole.
    """
    if settings.database_pooler:
        return {"prepare_threshold": None}
    return {"prepare_threshold": 5, "options": "-c enable_seqscan=off -c jit=off"}


def _prepare_addresses(app: Flask, settings: Settings) -> None:
    app.url_map.merge_slashes = False
    app.url_map.converters.update(
        default=paths.PathText, string=paths.PathText, int=paths.PathNumber
    )
    app.wsgi_app = paths.KeepSlashes(app.wsgi_app)  # type: ignore[assignment] # a callable all the same
    if settings.trusted_proxies:
        hops = settings.trusted_proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops)  # type: ignore[method-assign]


def _blueprints() -> list[api.Blueprint]:
    modules = [importlib.import_module(f"loyalty.{door}.routes") for door in DOORS]
    return [
        thing
        for module in modules
        for thing in vars(module).values()
        if isinstance(thing, api.Blueprint)
    ]


def _answer_without_database(error: Exception) -> Any:
    log.error("the database does not answer", **logs.failure(error))
    problem = problems.NotReady(
        "The database does not answer; repeat the call soon.", headers={"Retry-After": "5"}
    )
    return errors.answer(problem)
