"""Nonsense in paths, queries and headers is refused in words, and nothing is stored."""

import pytest
from werkzeug.datastructures import Headers

from tests.hostile import contract
from tests.support import make

NO_ID = {
    "a null character": "%00",
    "a null character within": "c-77%00",
    "a line break": "c-77%0A",
    "a control character": "%1F",
    "a deleted character": "%7F",
    "the stand-in of a slash": "c%1F77",
    "256 characters": "x" * 256,
    "5,000 characters": "x" * 5_000,
    "nothing": "",
    "slashes": "//",
}
UNKNOWN_ID = {
    "an encoded slash": "%2F",
    "the way up": "..",
    "the way up, encoded": "%2E%2E",
    "here": ".",
    "a space": "%20",
    "a smiley": "😀",
    "255 smileys": "%F0%9F%98%80" * 255,
    "a quote": "'%20OR%20'1'='1",
    "a percent sign": "%25",
    "half an escape": "%zz",
    "a wildcard": "%25_*",
    "null": "null",
    "another spelling": "C-77",
    "a space at the end": "c-77%20",
    "a digit of another script": "c-\u0667\u0667",
}
NO_UTF8 = ["/v1/members/\xff", "/v1/orders/\xed\xa0\x80", "/v1/members/a\xc0\xaf/balance", "/\xff"]
NO_VERSION = ["0", "-1", "+1", "01", "1.0", "1e0", "x", "٣", "2147483648", "9" * 400, "%20", "1%20"]
NO_LIMIT = ["0", "-1", "101", "1.5", "5.0", "", " 1", "1e1", "٣", "null", "true", "9" * 5_000]
NO_INSTANT = [
    *("", "x", "2026-01-01", "2026-02-30T00:00:00Z", "2026-01-01T25:00:00Z", "1e9", "now"),
    *(
        "0001-01-01T00:00:00Z",
        "9999-12-31T23:59:59Z",
        "2026-01-01T00:00:00",
        "٢026-01-01T00:00:00Z",
    ),
]
NO_KEY = ["", " ", "x" * 256, "x" * 300, "two words", "a\tb", "\x7f", "ä", "😀"]
NO_VERSION_TAG = [
    "",
    "x",
    '""',
    '"0"',
    '"2"',
    'W/"1"',
    '"1',
    "*, *",
    '"\u0661"',
    '"' + "9" * 400 + '"',
    ",",
]
NO_CREDENTIALS = [
    *("", " ", "Bearer", "Bearer ", "Bearer null", "Bearer \0", "Bearer ä", "Bearer sk_test_"),
    *("Bearer mtk_", "Bearer mtk_x.y", "Bearer mtk_W10.x", "Bearer " + "x" * 100_000),
    *(
        "Basic {key}",
        "{key}",
        "Bearer{key}",
        "Bearer {key}a",
        "Bearer {key} {key}",
        "Bearer ,{key}",
    ),
    *('Bearer "{key}"', "Bearer {key},", "Token {key}", "Bearer\t{key}"),
]

pytestmark = pytest.mark.usefixtures("nothing_stored")
ADDRESSED = [
    each for each in contract.operations() if "{" in each.path and "{version}" not in each.path
]


@pytest.mark.parametrize("operation", ADDRESSED, ids=lambda operation: operation.id)
def test_what_can_be_no_id_is_not_found(operation, shop):
    for text in NO_ID.values():
        refusal(send(shop, operation, text), 404, "not_found")


@pytest.mark.parametrize(
    "operation",
    # the first enrols whoever is not known, the second does not tell what is known
    [each for each in ADDRESSED if each.id not in {"put_member", "check_voucher"}],
    ids=lambda operation: operation.id,
)
def test_an_id_that_nobody_has_is_not_found(operation, shop):
    for text in UNKNOWN_ID.values():
        answer = send(shop, operation, text)

        assert answer.status == 404
        assert answer["code"].endswith("_not_found"), "the address was not taken apart"


def test_a_member_is_not_enrolled_under_an_id_that_addresses_lose(shop):
    for text in ("..", ".", "%20", "c-77%20", "%20c-77", "%2E%2E", "c%C2%85"):
        answer = refusal(shop.api.put(f"/v1/members/{text}", {}), 422, "invalid_request")

        assert answer.pointers == ["/external_id"]
        assert answer["errors"][0]["in"] == "path"


@pytest.mark.parametrize("path", NO_UTF8)
def test_a_path_that_is_no_utf8_is_refused(shop, path):
    for method in ("GET", "PUT", "DELETE"):
        raw = {"PATH_INFO": path, "RAW_URI": ""}
        answer = shop.api.send(method, "/v1/members/x", environ_overrides=raw)
        refusal(answer, 400, "bad_request")


def test_a_version_is_written_in_one_way(shop):
    for text in NO_VERSION:
        refusal(shop.api.get(f"/v1/program/versions/{text}"), 404, "not_found")


@pytest.mark.parametrize(
    "path", ["/v1/members", "/v1/members/c-77/entries", "/v1/program/versions"]
)
class TestLists:
    def test_a_limit_is_a_whole_number_from_1_to_100(self, shop, path):
        for text in NO_LIMIT:
            assert refused_parameter(shop.api.get(path, limit=text)) == "limit"

    def test_a_cursor_is_one_that_this_list_gave(self, shop, path):
        other = "/v1/members" if path != "/v1/members" else "/v1/members/c-77/entries"
        given = shop.api.get(other, limit=1)["next_cursor"]
        wrong = ["", "x", "=", "AAAA", "x" * 5_000, "\0", "😀", given, given[:-1], given + "A"]
        for text in wrong:
            assert refused_parameter(shop.api.get(path, cursor=text)) == "cursor"

    def test_a_parameter_is_known_and_given_once(self, shop, path):
        for query in ("limt=5", "limit[]=5", "=5", "x" * 10_000, "%00=1", "limit=5&limit=6"):
            answer = shop.api.get(f"{path}?{query}")
            assert refused_parameter(answer) in {"limt", "limit[]", "", "x" * 128, "\0", "limit"}

    def test_a_query_is_encoded(self, shop, path):
        for query in ("limit=\xff", "x=ä", "\xe4"):
            answer = shop.api.send("GET", path, environ_overrides={"QUERY_STRING": query})
            refusal(answer, 400, "bad_request")


def test_an_instant_in_a_query_is_whole(shop):
    for text in NO_INSTANT:
        assert refused_parameter(shop.api.get("/v1/members/c-77/balance", as_of=text)) == "as_of"


def test_an_email_in_a_query_is_one(shop):
    for text in ("", "x", "a@", "@b.de", "a@b", "a\0@b.de", "a@b.de, c@d.de", "a" * 300 + "@b.de"):
        assert refused_parameter(shop.api.get("/v1/members", email=text)) == "email"


@pytest.mark.parametrize(
    "operation",
    [each for each in contract.operations() if "Idempotency-Key" in each.parameters],
    ids=lambda operation: operation.id,
)
def test_an_idempotency_key_is_visible_ascii(operation, shop):
    for key in NO_KEY:
        headers = {"Idempotency-Key": key.encode().decode("latin-1")}
        refusal(send(shop, operation, headers=headers), 400, "invalid_idempotency_key")
    if operation.parameters["Idempotency-Key"]["required"]:
        answer = shop.api.send("POST", shop.path(operation.path), operation.example)
        refusal(answer, 400, "missing_idempotency_key")


def test_if_match_names_the_version_in_force(shop):
    document = shop.api.get("/v1/program").body
    for tag in NO_VERSION_TAG:
        headers = {"If-Match": tag.encode().decode("latin-1")}
        refusal(shop.api.put("/v1/program", document, headers=headers), 412, "precondition_failed")
    refusal(shop.api.put("/v1/program", document), 428, "precondition_required")


@pytest.mark.parametrize("operation", contract.operations(), ids=lambda operation: operation.id)
def test_without_a_key_that_is_known_nobody_is_let_in(operation, shop):
    for text in NO_CREDENTIALS:
        sent = text.format(key=shop.api.credentials).encode().decode("latin-1")
        answer = send(shop, operation, headers={"Authorization": sent})
        refusal(answer, 401, "unauthorized")
        assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_two_keys_at_once_are_none(shop):
    one = ("Authorization", f"Bearer {shop.api.credentials}")
    answer = make.Api(shop.api.client, None)
    response = answer.client.get("/v1/members", headers=Headers([one, one]))
    assert (response.status_code, response.json["code"]) == (401, "unauthorized")


def test_a_key_in_an_address_is_refused_even_beside_a_good_one(shop):
    for name in ("key", "api_key", "token", "access_token", "limit"):
        query = {name: shop.api.credentials}
        for api in (shop.api, make.Api(shop.api.client, None)):
            refusal(api.get("/v1/members", **query), 400, "credentials_in_query")


@pytest.mark.parametrize("length", ["abc", "-5", "1e3", "+5", "0", ""])
def test_a_length_that_is_none_leaves_no_body(shop, length):
    answer = shop.api.send(
        "POST",
        "/v1/orders",
        data=b'{"id": "1"}',
        content_type="application/json",
        environ_overrides={"CONTENT_LENGTH": length},
    )
    refusal(answer, 400, "malformed_json")


def send(shop, operation, id=None, headers=None):
    """Send what would be right but for the id in the address and the headers."""
    names = {} if id is None else dict.fromkeys(shop.names, id)
    return shop.api.send(
        operation.method.upper(),
        shop.path(operation.path, **names),
        operation.example if operation.media else None,
        {"If-Match": "*", "Idempotency-Key": "nothing-is-kept-under-it", **(headers or {})},
    )


def refusal(answer, status, code):
    assert answer.status == status, answer.body
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert (answer["status"], answer["code"]) == (status, code)
    return answer


def refused_parameter(answer):
    """Return the name of the parameter that a list refused."""
    refusal(answer, 422, "invalid_request")
    [error] = answer["errors"]
    assert error["in"] == "query"
    return error["pointer"].removeprefix("/")
