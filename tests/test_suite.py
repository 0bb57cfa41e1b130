"""What the suite promises about itself."""

import os
import select
import socket
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import flask
import psycopg
import pytest
from flask import Flask

from tests.conftest import ApartClient
from tests.support import postgres

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize(
    "address", [("192.0.2.1", 80), ("example.org", 443), ("::ffff:1.2.3.4", 1)]
)
def test_connections_beyond_this_machine_are_refused(address):
    family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
    with (
        socket.socket(family) as outward,
        pytest.raises(RuntimeError, match="only to this machine"),
    ):
        outward.connect(address)


def test_connections_to_this_machine_work():
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(server.getsockname()).close()


def test_postgresql_is_real_and_recent(postgresql_server):
    url = postgresql_server.replace("+psycopg", "")
    with psycopg.connect(url) as connection:
        assert connection.info.server_version >= postgres.OLDEST * 10_000


@pytest.mark.skipif("TEST_DATABASE_URL" in os.environ, reason="someone else runs the server")
def test_postgresql_ends_with_the_process_that_started_it_even_when_that_is_killed():
    program = (
        "import sys\n"
        "from tests.support import postgres\n"
        "with postgres.start(durable=False) as url:\n"
        "    print(url, flush=True)\n"
        "    sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as starter:
        url = starter.stdout.readline().strip().replace("+psycopg", "")
        with closing(psycopg.connect(url)) as connection:
            starter.kill()

            said_goodbye, _, _ = select.select([connection.fileno()], [], [], 60)
            assert said_goodbye


def test_each_request_of_a_test_client_has_a_context_of_its_own():
    app = Flask("apart")
    app.test_client_class = ApartClient

    @app.get("/seen")
    def seen():
        before = flask.g.get("seen", "nothing")
        flask.g.seen = "something"
        return before

    with app.app_context():
        flask.g.seen = "the test"
        client = app.test_client()

        assert [client.get("/seen").text for _ in range(2)] == ["nothing", "nothing"]
        assert flask.g.seen == "the test"
