"""Requests that break the rules of HTTP on the wire, before gunicorn as it ships."""

import json
import socket
import subprocess
import sys
import time

import pytest

from tests.support import commands, make
from tests.support.demo import free_port


@pytest.fixture(scope="module")
def server(tmp_path_factory, new_app):
    """gunicorn as it ships, with one worker, on SQLite; yields a function that sends bytes."""
    folder = tmp_path_factory.mktemp("server")
    url, port = f"sqlite:///{folder / 'loyalty.db'}", free_port()
    with new_app(url) as app, app.app_context():
        key = make.key(make.program())
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "gunicorn", "-c", "config/gunicorn.py"],
            cwd=commands.ROOT,
            env=commands.environment(url, bind=f"127.0.0.1:{port}", web_workers="1"),
            stderr=log,
        )
        with process:
            wait_for(port)
            yield Server(port, key, folder / "log")
            process.terminate()


class Server:
    """A server that listens, a key for it, and the file it logs to."""

    def __init__(self, port, key, log):
        self.port, self.key, self.log = port, key, log

    def send(self, line, *headers, body=b""):
        """Send bytes as they are; return the status and the body of what comes back."""
        signed = [b"Host: x", b"Authorization: Bearer " + self.key.encode(), *headers]
        with socket.create_connection(("127.0.0.1", self.port), timeout=20) as connection:
            connection.sendall(b"\r\n".join([line, *signed, b"", b""]) + body)
            connection.shutdown(socket.SHUT_WR)
            with connection.makefile("rb") as stream:
                status = int(stream.readline().split()[1])
                found = dict(iter(lambda: header(stream.readline()), None))
                return status, found, stream.read(int(found.get(b"content-length", 0)))


JSON = b"Content-Type: application/json"
CHUNKED = b"Transfer-Encoding: chunked"
POST = b"POST /v1/orders HTTP/1.1"
BROKEN = {
    "nonsense": (400, b"nonsense"),
    "a version of HTTP that is none": (400, b"GET /v1/members HTTP/9.9"),
    "a method that is none": (400, b"G\xffT /v1/members HTTP/1.1"),
    "an address without a slash": (400, b"GET members HTTP/1.1"),
    "an address in bytes that are no UTF-8": (400, b"GET /v1/members/\xff HTTP/1.1"),
    "the same, encoded": (400, b"GET /v1/members/%ff HTTP/1.1"),
    "the same, beside an encoded slash": (400, b"GET /v1/members/%2F%ff HTTP/1.1"),
    "a query in bytes": (400, b"GET /v1/members?email=secret\xff HTTP/1.1"),
    "an address of 5,000 characters": (414, b"GET /v1/" + b"secret" * 1000 + b" HTTP/1.1"),
    "a header of 9,000 characters": (431, b"GET /v1/members HTTP/1.1", b"X: " + b"secret" * 1500),
    "150 headers": (431, b"GET /v1/members HTTP/1.1", *(b"X-%d: secret" % n for n in range(150))),
    "a header's name with a space": (400, b"GET /v1/members HTTP/1.1", b"Bad Header: secret"),
    "two lengths": (400, POST, JSON, b"Content-Length: 2", b"Content-Length: 3"),
    "a length that is none": (400, POST, JSON, b"Content-Length: abc"),
    "a length and chunks": (400, POST, JSON, b"Content-Length: 2", CHUNKED),
    "an expectation nobody has": (417, POST, JSON, b"Expect: secret"),
    "two keys": (401, b"GET /v1/members HTTP/1.1", b"Authorization: Bearer secret"),
    "a null character": (404, b"GET /v1/members/%00 HTTP/1.1"),
}
BROKEN_BODIES = {
    "a chunk that is none": (CHUNKED, b"zz\r\n\r\n"),
    "a chunk longer than it says": (CHUNKED, b"2\r\n{}{}{}\r\n0\r\n\r\n"),
    "chunks that do not end": (CHUNKED, b"5\r\n{}"),
    "a body shorter than it says": (b"Content-Length: 100", b"{}"),
}


def test_what_breaks_the_rules_of_http_is_refused_as_a_problem(server):
    for name, (status, *sent) in BROKEN.items():
        assert_problem(server.send(*sent), status, name)


def test_a_body_that_does_not_come_whole_is_refused(server):
    for name, (length, body) in BROKEN_BODIES.items():
        assert_problem(server.send(POST, JSON, length, body=body), 400, name)


def test_a_body_in_chunks_is_read_and_one_without_end_is_refused(server):
    chunk = b"10000\r\n" + b" " * 0x10000 + b"\r\n"

    assert_problem(server.send(POST, JSON, CHUNKED, body=b"2\r\n{}\r\n0\r\n\r\n"), 422)
    assert_problem(server.send(POST, JSON, CHUNKED, body=chunk * 20 + b"0\r\n\r\n"), 413)


def test_the_server_lives_and_has_logged_nothing_that_was_sent(server):
    status, _, body = server.send(b"GET /v1/members?email=secret@example.org HTTP/1.1")

    assert (status, json.loads(body)["data"]) == (200, [])
    assert "secret" not in server.log.read_text()


def assert_problem(answer, status, name=""):
    got, headers, body = answer
    assert (got, headers[b"content-type"]) == (status, b"application/problem+json"), (name, body)
    problem = json.loads(body)
    assert problem["status"] == status
    assert problem["type"].endswith(f"/problems/{problem['code']}")


def header(line):
    name, colon, value = line.strip().partition(b": ")
    return (name.lower(), value) if colon else None


def wait_for(port):
    for _ in range(200):
        try:
            return socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            time.sleep(0.1)
    raise TimeoutError("gunicorn does not listen")
