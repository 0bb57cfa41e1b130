"""Around every request: its id, its headers, its line in the log."""

import json
import logging

import pytest
import structlog

from loyalty.foundation.web import context, logs


def lines_of(capfd):
    return [json.loads(line) for line in capfd.readouterr().err.splitlines()]


def test_a_request_gets_an_id_that_sorts_by_time(call):
    first, second = (call.get("/healthz").headers["Request-Id"] for _ in range(2))

    assert first.startswith("req_")
    assert first < second


def test_a_caller_may_bring_its_own_id(call):
    answer = call.get("/v1/teapot", headers={"Request-Id": "shop.7-a_B"})

    assert answer.headers["Request-Id"] == "shop.7-a_B"
    assert answer.json["request_id"] == "shop.7-a_B"


@pytest.mark.parametrize("sent", ["", "a b", "x" * 129, "é", "a\tb", "<script>"])
def test_an_id_that_would_harm_a_log_is_not_taken(call, sent):
    assert call.get("/healthz", headers={"Request-Id": sent}).headers["Request-Id"] != sent


def test_there_is_no_request_id_outside_of_a_request():
    assert context.request_id() is None


@pytest.mark.parametrize("address", ["/v1/nothing", "/v1/teapot", "/docs", "/v1/failure", "/"])
def test_every_answer_is_safe_to_show(call, address):
    headers = call.get(address).headers

    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert "Strict-Transport-Security" not in headers
    assert len(headers.getlist("Content-Security-Policy")) == 1


def test_data_is_not_to_be_kept_by_caches(call):
    assert call.get("/v1/things").headers["Cache-Control"] == "no-store"


def test_https_is_remembered_where_the_service_has_it(make_web):
    secure = make_web(base_url="https://loyalty.example.org").test_client()

    assert secure.get("/healthz").headers["Strict-Transport-Security"] == "max-age=31536000"


def test_a_call_without_a_cookie_has_no_session(call):
    assert "Set-Cookie" not in call.get("/v1/things").headers


def test_one_line_tells_who_called_what_and_how_it_ended(call, capfd):
    call.get("/v1/me", headers={"Request-Id": "r-1"})

    [line] = lines_of(capfd)
    assert line.pop("ms") >= 0
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "event": "request",
        "level": "info",
        "method": "GET",
        "route": "/v1/me",
        "status": 204,
        "program": "prg_1",
        "key": "key_1",
        "request_id": "r-1",
    }


def test_the_log_never_tells_what_was_sent(call, capfd):
    call.post(
        "/v1/orders?email=query@example.org",
        json={"id": "body@example.org", "total": "body@example.org"},
        headers={"Authorization": "Bearer secret", "Cookie": "a=secret"},
    )
    call.get("/v1/orders/path@example.org")
    call.get("/nothing/path@example.org")
    call.open("/v1/orders", method="METHOD@EXAMPLE.ORG")

    lines = lines_of(capfd)

    assert [line["status"] for line in lines] == [422, 200, 404, 405]
    assert [line["route"] for line in lines][1:3] == ["/v1/orders/<order_id>", "none"]
    assert not any(word in json.dumps(lines).lower() for word in ("example.org", "secret"))


def test_what_machines_ask_every_second_is_not_logged(call, capfd):
    for address in ("/healthz", "/readyz", "/metrics"):
        call.get(address)

    assert lines_of(capfd) == []


@pytest.fixture
def _level_as_before():
    yield
    logs.configure("info")


@pytest.mark.usefixtures("_level_as_before")
def test_the_level_of_the_log_is_a_setting(capfd):
    logs.configure("warning")

    structlog.get_logger().info("quiet")
    logging.getLogger("library").info("quiet")
    structlog.get_logger().warning("loud")
    logging.getLogger("library").warning("loud %s", "too")

    assert [(line["event"], line["level"]) for line in lines_of(capfd)] == [
        ("loud", "warning"),
        ("loud too", "warning"),
    ]


def test_a_failure_is_told_by_kinds_and_places_and_its_message_only_when_asked():
    with pytest.raises(KeyError) as failed:
        {}["kim@example.org"]
    outer = RuntimeError("outer")
    outer.__cause__ = failed.value

    told, whole = logs.failure(outer), logs.failure(outer, with_message=True)

    assert told["failure"] == ["RuntimeError", "KeyError"]
    assert __file__ in told["places"][-1]
    assert "kim" not in json.dumps(told)
    assert whole["message"] == "outer"


def test_addresses_behind_proxies_are_believed_by_setting_only(make_web):
    forwarded = {"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "https"}

    def seen_by(web):
        return web.test_client().get("/v1/where", headers=forwarded).json

    assert seen_by(make_web()) == {"name": "http 127.0.0.1"}
    assert seen_by(make_web(trusted_proxies=1)) == {"name": "https 203.0.113.9"}
