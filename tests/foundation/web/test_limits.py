"""Rate limits: each key its own, counted by the minute, told in headers."""

import re
import socket
import socketserver
import threading
from collections import Counter

import pytest

from loyalty.foundation.web import limits


def key(name):
    return {"Authorization": f"Bearer {name}"}


@pytest.fixture
def at_ten_past(monkeypatch):
    """Let the limits' clock stand ten seconds into a minute."""
    monkeypatch.setattr(limits.time, "time", lambda: 600_010.0)


def test_every_answer_of_the_api_tells_where_the_caller_stands(make_web, at_ten_past):
    client = make_web(rate_limit_per_minute=100).test_client()

    for address, left in [("/v1/things", 99), ("/v1/nothing", 98), ("/v1/teapot", 97)]:
        headers = client.get(address, headers=key("a")).headers

        assert headers["RateLimit-Policy"] == '"default";q=100;w=60'
        assert headers["RateLimit"] == f'"default";r={left};t=50'
    assert "RateLimit" not in client.get("/healthz").headers


def test_a_caller_over_the_limit_is_refused_and_others_are_not(make_web, at_ten_past):
    client = make_web(rate_limit_per_minute=2).test_client()
    for _ in range(2):
        assert client.get("/v1/things", headers=key("a")).status_code == 200

    refused = client.get("/v1/things", headers=key("a"))

    assert refused.status_code == 429
    assert refused.json["code"] == "too_many_requests"
    assert refused.headers["Retry-After"] == "50"
    assert refused.headers["RateLimit"] == '"default";r=0;t=50'
    assert client.get("/v1/things", headers=key("b")).status_code == 200
    assert client.get("/v1/things").status_code == 200


def test_the_next_minute_begins_anew(monkeypatch):
    limit = limits.Limits(1)
    for seconds, allowed in [(0, True), (59.9, False), (60, True), (61, False)]:
        monkeypatch.setattr(limits.time, "time", lambda seconds=seconds: 600_000 + seconds)

        assert limit.spend("a").allowed == allowed


def test_no_request_is_lost_between_threads(at_ten_past):
    limit = limits.Limits(10_000)

    def spend():
        for _ in range(1000):
            limit.spend("a")

    threads = [threading.Thread(target=spend) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert limit.spend("a").remaining == 10_000 - 4001


def test_a_flood_of_made_up_keys_takes_no_endless_memory(monkeypatch, at_ten_past):
    monkeypatch.setattr(limits, "_MOST_COUNTED", 10)
    limit = limits.Limits(5)

    allowed = [limit.spend(f"key {number}").allowed for number in range(20)]

    assert allowed == [True] * 15 + [False] * 5


class Counting(socketserver.StreamRequestHandler):
    """Counts like Redis, as far as the limits speak with it."""

    def handle(self):
        while line := self.rfile.readline():
            words = []
            for _ in range(int(line[1:])):
                self.rfile.readline()
                words.append(self.rfile.readline().strip().decode())
            self.wfile.write(self.reply(*words))

    def reply(self, command, *rest):
        if command == "INCRBY":
            self.server.counts[rest[0]] += 1
            return b":%d\r\n" % self.server.counts[rest[0]]
        return {"EXPIRE": b":1\r\n", "HELLO": b"%1\r\n+proto\r\n:3\r\n"}.get(command, b"+OK\r\n")


@pytest.fixture
def redis_url():
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Counting) as server:
        server.daemon_threads = True
        server.counts = Counter()
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"redis://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def test_processes_count_together_in_redis(redis_url, at_ten_past):
    one, other = limits.Limits(3, redis_url), limits.Limits(3, redis_url)

    left = [limit.spend("a").remaining for limit in (one, other, one, other)]

    assert left == [2, 1, 0, 0]
    assert not one.spend("a").allowed


def test_without_an_answer_from_redis_each_process_counts_alone(capfd, at_ten_past):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
    limit = limits.Limits(2, f"redis://127.0.0.1:{port}")

    assert [limit.spend("a").allowed for _ in range(3)] == [True, True, False]
    assert len(re.findall("counted by each process alone", capfd.readouterr().err)) == 1
