"""What the API answers to good and bad requests, seen from outside."""

import json

import pytest

GOOD = {"id": "1", "total": 5}


def post(call, body, path="/v1/orders", **options):
    options.setdefault("content_type", "application/json")
    return call.post(path, data=body, **options)


def check_problem(answer, status, code):
    """Assert that an answer is a whole problem document, and return it."""
    assert answer.status_code == status, answer.data
    assert answer.content_type == "application/problem+json"
    problem = answer.json
    assert problem["type"] == f"http://localhost/problems/{code}"
    assert problem["status"] == status
    assert problem["code"] == code
    assert problem["request_id"] == answer.headers["Request-Id"]
    assert problem["detail"].endswith((".", "?"))
    return problem


def test_a_good_body_is_loaded_and_the_answer_dumped(call):
    answer = post(call, json.dumps({**GOOD, "placed_at": "2026-11-02T11:15:00+01:00"}))

    assert answer.status_code == 201
    assert answer.content_type == "application/json"
    assert answer.json == {
        "id": "1",
        "total": 5,
        "placed_at": "2026-11-02T10:15:00Z",
        "lines": [],
        "metadata": {},
    }


def test_every_fault_of_a_body_has_its_pointer(call):
    body = {"total": 5.5, "lines": [{"sku": "a", "amount": 1}, {"sku": "", "amonut": 1}]}

    problem = check_problem(post(call, json.dumps(body)), 422, "invalid_request")

    assert {error["pointer"] for error in problem["errors"]} == {
        "/id",
        "/total",
        "/lines/1/sku",
        "/lines/1/amount",
        "/lines/1/amonut",
    }
    assert problem["detail"].startswith("/id is missing; it must be ")
    assert problem["detail"].endswith(" 4 more in errors.")


@pytest.mark.parametrize("body", ["5", '"x"', "null", "[]", "true", "[{}]"])
def test_a_body_that_is_no_object_is_invalid(call, body):
    problem = check_problem(post(call, body), 422, "invalid_request")

    assert problem["errors"] == [{"pointer": "", "detail": "must be an object"}]
    assert problem["detail"] == "The body must be an object."


@pytest.mark.parametrize("body", ["{", b"\xff", "NaN", '{"id": 1, "id": 1}', r'"\ud800"', "[" * 99])
def test_an_unreadable_body_is_malformed(call, body):
    check_problem(post(call, body), 400, "malformed_json")


def test_an_empty_body_is_told_so(call):
    problem = check_problem(post(call, ""), 400, "malformed_json")

    assert problem["detail"] == "The body is empty; send a JSON object."


def test_an_optional_body_may_be_left_out(call):
    assert call.post("/v1/orders/7/cancel").json == {"id": "7", "metadata": {}}
    assert post(call, '{"name": "x"}', "/v1/orders/7/cancel").json["metadata"] == {"name": "x"}
    check_problem(post(call, "{", "/v1/orders/7/cancel"), 400, "malformed_json")


@pytest.mark.parametrize(
    "content_type",
    ["text/plain", "application/xml", "application/json; charset=latin-1", None, "nonsense"],
)
def test_other_media_types_are_refused(call, content_type):
    answer = post(call, json.dumps(GOOD), content_type=content_type)

    check_problem(answer, 415, "unsupported_media_type")


@pytest.mark.parametrize(
    "content_type", ["application/json", "Application/JSON;charset=UTF8", "application/json; x=y"]
)
def test_json_is_recognised_however_it_is_written(call, content_type):
    assert post(call, json.dumps(GOOD), content_type=content_type).status_code == 201


def test_compressed_bodies_are_refused(call):
    answer = post(call, b"\x1f\x8b", headers={"Content-Encoding": "gzip"})

    check_problem(answer, 415, "unsupported_media_type")


def test_a_body_over_the_limit_is_refused_and_a_batch_may_have_more(call):
    two_mib = json.dumps({**GOOD, "x": "x" * 2 * 2**20})
    four_mib = json.dumps({**GOOD, "x": "x" * 4 * 2**20})

    check_problem(post(call, two_mib), 413, "payload_too_large")
    check_problem(post(call, four_mib, "/v1/orders/batch"), 413, "payload_too_large")
    check_problem(post(call, two_mib, "/v1/orders/batch"), 422, "invalid_request")


def test_an_unknown_address_is_a_problem(call):
    for address in ("/nothing", "/v1/nothing", "/v1/orders/", "//v1/orders", "/v1/%00", "/v1/é"):
        check_problem(call.get(address), 404, "not_found")


def test_another_method_is_told_which_are_allowed(call):
    answer = call.delete("/v1/orders")

    check_problem(answer, 405, "method_not_allowed")
    assert answer.headers["Allow"] == "OPTIONS, POST"
    check_problem(call.open("/v1/orders", method="NONSENSE"), 405, "method_not_allowed")


def test_a_refusal_of_the_domain_keeps_its_headers_and_members(call):
    answer = call.get("/v1/teapot")

    problem = check_problem(answer, 409, "teapot_refused")
    assert problem["kettle"] == "k-1"
    assert answer.headers["Retry-After"] == "9"


def test_a_failure_says_nothing_but_where_to_find_it(call, capfd):
    answer = call.get("/v1/failure", headers={"Request-Id": "r-500"})

    check_problem(answer, 500, "internal_error")
    assert b"secret" not in answer.data
    failed = json.loads(capfd.readouterr().err.splitlines()[0])
    assert failed["event"] == "a request failed"
    assert failed["failure"] == ["RuntimeError"]
    assert failed["request_id"] == "r-500"
    assert "conftest.py" in failed["places"][-1]
    assert "secret" not in json.dumps(failed)


def test_an_unreachable_database_is_no_failure_of_the_request(make_web, tmp_path):
    away = make_web(database_url=f"sqlite:///{tmp_path}/nowhere/loyalty.db")

    answer = away.test_client().get("/readyz")

    check_problem(answer, 503, "not_ready")
    assert answer.headers["Retry-After"] == "5"


def test_nobody_is_told_how_to_sign_in(call):
    answer = call.get("/v1/nobody")

    check_problem(answer, 401, "unauthorized")
    assert answer.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize("query", ["limit=1&limit=2", "limti=1"])
def test_a_query_with_unknown_or_repeated_names_is_refused(call, query):
    problem = check_problem(call.get(f"/v1/things?{query}"), 422, "invalid_request")

    assert problem["errors"][0]["in"] == "query"


def test_a_query_that_is_not_encoded_is_refused(call):
    answer = call.get("/v1/things", environ_overrides={"QUERY_STRING": "limit=\xff"})

    check_problem(answer, 400, "bad_request")


def test_an_id_may_have_any_characters_a_shop_likes(call):
    for sent, got in [
        ("gid:%2F%2Fshopify%2FOrder%2F1", "gid://shopify/Order/1"),
        ("a%252Fb", "a%2Fb"),
        ("%C3%BC%20%3F%2f", "ü ?/"),
        ("plain", "plain"),
    ]:
        assert call.get(f"/v1/orders/{sent}").json == {"name": got}


@pytest.mark.parametrize("sent", ["%00", "a%0Ab", "%1F", "x" * 256, "a/b"])
def test_an_id_that_cannot_be_is_unknown(call, sent):
    check_problem(call.get(f"/v1/orders/{sent}"), 404, "not_found")


def test_a_view_may_give_headers_with_its_value(call):
    assert call.post("/v1/orders/7/cancel").headers["ETag"] == '"7"'
