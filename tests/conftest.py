"""What every test may ask for: an engine, its database, the application, a client.

A test that asks for `app`, or for anything that needs it, runs once on SQLite and once on
PostgreSQL; any other test runs once.
"""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import Context
from ipaddress import ip_address

import pytest
from alembic import command
from flask.testing import FlaskClient
from hypothesis import settings as hypothesis_settings

from config import Settings
from loyalty import create_app
from loyalty.foundation import db
from tests.support import postgres

pytest_plugins = ["tests.support.fixtures"]

# How long an example takes depends on the machine, and no test asserts a time.
hypothesis_settings.register_profile("loyalty", hypothesis_settings(), deadline=None)
hypothesis_settings.load_profile("loyalty")


class ApartClient(FlaskClient):
    """Each request runs in a context of its own, as in a web server.

    Otherwise it would share `flask.g` and the database session with the test that sends it.
    """

    def open(self, *args, **kwargs):
        return Context().run(super().open, *args, **kwargs)


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def engine_name(request):
    """The engine under test."""
    return request.param


@pytest.fixture(scope="session")
def postgresql_server():
    with postgres.start(durable=False) as url:
        yield url


@pytest.fixture(scope="session")
def new_database(engine_name, request, tmp_path_factory, worker_id):
    """Make empty databases on the engine under test: `with new_database("races") as url:`."""

    @contextmanager
    def made(name: str) -> Iterator[str]:
        if engine_name == "sqlite":
            yield f"sqlite:///{tmp_path_factory.mktemp(name) / 'loyalty.db'}"
        else:
            server = request.getfixturevalue("postgresql_server")
            with postgres.database(server, f"loyalty_test_{worker_id}_{name}") as url:
                yield url

    return made


@pytest.fixture(scope="session")
def new_app():
    """Make an application on a database, its tables at head."""

    @contextmanager
    def made(database_url: str, **settings):
        app = create_app(
            Settings(
                database_url=database_url,
                secret_key="a-secret-that-only-tests-know-of",
                base_url="http://localhost",
                **settings,
            )
        )
        app.test_client_class = ApartClient
        with app.app_context():
            command.upgrade(app.extensions["migrate"].migrate.get_config(), "head")
        yield app
        with app.app_context():
            db.db.engine.dispose()

    return made


@pytest.fixture(scope="session")
def database_url(new_database):
    with new_database("main") as url:
        yield url


@pytest.fixture(scope="session")
def app(new_app, database_url):
    """The application; shared by all tests of a worker, who make programs of their own."""
    with new_app(database_url) as app:
        yield app


@pytest.fixture
def client(app):
    return app.test_client()


@pytest.fixture(autouse=True)
def _push_request_context(request):
    """Give the test an application context, for services that it calls itself.

    Stands in for the fixture of pytest-flask by this name, which pushes a whole request: code that
    reads a request where it should not would pass.
    """
    if "app" not in request.fixturenames:
        yield
        return
    with request.getfixturevalue("app").app_context():
        yield


@pytest.fixture(scope="session", autouse=True)
def _loopback_only():
    """Refuse connections that leave this machine."""
    real = {name: getattr(socket.socket, name) for name in ("connect", "connect_ex")}

    def guarded(name):
        def connect(self, address):
            if self.family in {socket.AF_INET, socket.AF_INET6} and not _is_loopback(address[0]):
                raise RuntimeError(f"Tests may not connect to {address[0]}, only to this machine.")
            return real[name](self, address)

        return connect

    with pytest.MonkeyPatch.context() as patch:
        for name in real:
            patch.setattr(socket.socket, name, guarded(name))
        yield


def _is_loopback(host):
    try:
        return ip_address(host).is_loopback
    except ValueError:  # a name
        return host == "localhost"
