"""Logs say who called what and how it ended, and nothing of what people are called or wrote."""

import json

import pytest

from tests.hostile import contract

PERSON = {
    "email": "secret.person@example.org",
    "name": "Secretia Person",
    "phone": "+49 30 5550199",
    "birthday": "1971-01-31",
    "metadata": {"secret-name": "secret-text"},
}
MARKS = ["secret", "Secret", "5550199", "1971-01-31"]


@pytest.fixture
def log(capsys):
    """Return the lines of the log so far."""

    def lines():
        return [json.loads(line) for line in capsys.readouterr().err.splitlines()]

    return lines


def test_a_person_is_enrolled_found_shown_and_erased_without_a_word_in_the_log(ours, log):
    answers = [
        ours.api.put("/v1/members/secret-id", PERSON),
        ours.api.get("/v1/members", email=PERSON["email"]),
        ours.api.get("/v1/members/secret-id"),
        ours.api.get("/v1/members/secret-id/export"),
        ours.api.post("/v1/orders", order("secret-order", PERSON["email"], PERSON["name"])),
        ours.api.post("/v1/orders/secret-order/cancel"),
        ours.api.delete("/v1/members/secret-id"),
        ours.api.get("/v1/members/secret-id"),
    ]
    found = log()

    assert [answer.status for answer in answers] == [201, 200, 200, 200, 201, 200, 200, 404]
    assert [line["request_id"] for line in found] == [
        answer.headers["Request-Id"] for answer in answers
    ]
    assert found[0]["route"] == "/v1/members/<external_id>"
    assert_secret(found)


@pytest.mark.parametrize("operation", contract.with_body(), ids=lambda operation: operation.id)
def test_what_is_refused_is_not_logged(operation, shop, log):
    path = shop.path(operation.path, **dict.fromkeys(shop.names, "secret-id"))
    headers = {"If-Match": '"secret"', "Idempotency-Key": "secret-key", "X-Secret": "secret"}
    for body in ({**operation.example, **PERSON}, {"member": PERSON}, PERSON, [PERSON]):
        shop.api.send(operation.method.upper(), path, body, headers)
    for text in ('{"email": "secret@example.org"', '{"secret": 1, "secret": 2}', "secret"):
        shop.api.send(
            *(operation.method.upper(), path, None, headers),
            data=text,
            content_type="application/json",
        )
    shop.api.send(operation.method.upper(), f"{path}?email=secret@example.org", {}, headers)

    found = log()
    assert len(found) == 8
    assert_secret(found)


def assert_secret(lines):
    written = json.dumps(lines, ensure_ascii=False)
    assert [mark for mark in MARKS if mark in written] == []


def order(id, email, name):
    member = {"external_id": "secret-id", "email": email, "name": name}
    return {"id": id, "member": member, "currency": "EUR", "total": 5000}
