"""What HTTP itself asks for: methods, addresses, request ids, limits."""

import pytest

from loyalty.foundation.web import limits
from tests.hostile import contract, shops
from tests.support import make

PAGES = ["/openapi.json", "/docs", "/problems", "/problems/not_found", "/healthz", "/readyz"]
NOWHERE = ["/v1", "/v1/", "/v1/nothing", "/v1/members/", "/V1/members", "//v1/members", "/nothing"]
METHODS = {"get", "head", "put", "post", "delete", "options", "patch", "trace", "connect", "brew"}


def methods_of(path):
    """Return the methods that an address takes, those of its namesakes included."""
    taken = {each.method for each in contract.operations() if each.path == path}
    if path in {
        "/v1/orders/preview",
        "/v1/orders/batch",
        "/v1/vouchers/bulk",
        "/v1/gestures/preview",
    }:
        taken.add("get")  # of an order with this id, a gesture, or a voucher of this code
    return taken | {"options"} | ({"head"} if "get" in taken else set())


@pytest.mark.parametrize("path", sorted({each.path for each in contract.operations()}))
def test_a_method_that_an_address_does_not_take_is_told_which_it_takes(shop, path):
    for method in METHODS - methods_of(path):
        answer = ask(shop, method.upper(), shop.path(path))

        assert (answer.status_code, answer.content_type) == (405, "application/problem+json")
        assert method == "head" or answer.json["code"] == "method_not_allowed"
        assert allowed(answer) == methods_of(path)


@pytest.mark.parametrize("path", sorted({each.path for each in contract.operations()}))
def test_options_tells_the_methods_of_an_address(shop, path):
    answer = ask(shop, "OPTIONS", shop.path(path))

    assert (answer.status_code, answer.data) == (200, b"")
    assert allowed(answer) == methods_of(path)


def test_head_answers_like_get_without_a_body(shop):
    reads = [shop.path(each.path) for each in contract.operations() if each.method == "get"]
    for path in [*reads, *PAGES]:
        get, head = ask(shop, "GET", path), ask(shop, "HEAD", path)

        assert (get.status_code, head.status_code, head.data) == (200, 200, b"")
        assert head.content_type == get.content_type


@pytest.mark.parametrize("path", NOWHERE)
def test_where_nothing_is_a_problem_says_so(shop, path):
    for method in METHODS - {"head"}:
        answer = shop.api.send(method.upper(), path)

        assert answer.headers["Content-Type"] == "application/problem+json"
        assert (answer.status, answer["code"]) == (404, "not_found")
        assert answer["request_id"] == answer.headers["Request-Id"]


def test_a_request_id_is_echoed_where_it_is_harmless_and_made_where_it_is_not(shop):
    for sent in ("x", "a" * 128, "A-1.b_2"):
        for path in ("/v1/members", "/v1/nothing", "/docs"):
            assert shop.api.get(path, headers={"Request-Id": sent}).headers["Request-Id"] == sent
    for sent in ("", "a" * 129, "a b", "ä".encode().decode("latin-1"), "<x>", 'x"', "x;y", "../x"):
        answer = shop.api.get("/v1/nothing", headers={"Request-Id": sent})
        assert answer.headers["Request-Id"].startswith("req_")
        assert answer["request_id"] == answer.headers["Request-Id"]


def test_a_request_id_is_on_the_entry_that_it_caused(client):
    shop = shops.open_shop(client)
    headers = {"Request-Id": "till-7.receipt-99", "Idempotency-Key": "once"}
    shop.api.post("/v1/members/c-77/adjustments", {"points": 1, "reason": "x"}, headers=headers)

    [entry] = shop.api.get("/v1/members/c-77/entries", limit=1)["data"]
    assert entry["request_id"] == "till-7.receipt-99"


def test_who_asks_too_often_is_told_when_to_come_back(new_app, new_database, monkeypatch):
    monkeypatch.setattr(limits.time, "time", lambda: 1_800_000_010.0)  # ten seconds past
    with new_database("limited") as url, new_app(url, rate_limit_per_minute=3) as app:
        with app.app_context():
            key = make.key(make.program())
        api, stranger = make.api(app.test_client(), key), make.api(app.test_client(), None)
        answers = [api.get("/v1/members") for _ in range(5)]

        assert [answer.status for answer in answers] == [200, 200, 200, 429, 429]
        assert [answer.headers["RateLimit"] for answer in answers] == [
            f'"default";r={left};t=50' for left in (2, 1, 0, 0, 0)
        ]
        assert {answer.headers["RateLimit-Policy"] for answer in answers} == {'"default";q=3;w=60'}
        refused = answers[-1]
        assert refused.headers["Retry-After"] == "50"
        assert refused.headers["Content-Type"] == "application/problem+json"
        assert refused["code"] == "too_many_requests"
        assert stranger.get("/v1/members").status == 401  # counts for its address
        assert api.get("/docs").status == 200


def ask(shop, method, path):
    headers = {"Authorization": f"Bearer {shop.api.credentials}"}
    return shop.api.client.open(path, method=method, headers=headers)


def allowed(answer):
    return {method.strip().lower() for method in answer.headers["Allow"].split(",")}
