"""Everything known about a person is handed out, and can be forgotten for good."""

import json
import random
import string

import pytest
from sqlalchemy import inspect, text

from loyalty.foundation import db
from loyalty.ledger import verify


@pytest.fixture
def secret():
    """A word that stands in everything personal, and nowhere else in the database."""
    return "".join(random.choices(string.ascii_lowercase, k=20))


@pytest.fixture
def private(secret):
    return {
        "email": f"{secret}@example.org",
        "name": f"{secret} Example",
        "phone": f"030 {secret}",
        "birthday": "1990-05-17",
        "referral_code": secret,
        "contact": {"channel": "sms"},
        "metadata": {"crm": secret},
    }


@pytest.fixture
def external_id(secret):
    return f"shop {secret}"


@pytest.fixture
def path(external_id):
    return f"/v1/members/{external_id}"


@pytest.fixture
def anna(api, path, external_id, private, secret):
    """A member with points, a note, an order and answers kept for their keys."""
    created = api.put(path, private, idempotency_key="put-1")
    api.post(
        f"{path}/adjustments",
        {"points": 500, "reason": "welcome", "note": f"a note about {secret}"},
        idempotency_key="adjust-1",
    )
    order = {
        "id": "o-1", "member": {"external_id": external_id}, "total": 1000, "currency": "EUR",
        "placed_at": "2026-01-01T00:00:00Z", "metadata": {"gift for": secret},
    }  # fmt: skip
    assert api.post("/v1/orders", order, idempotency_key="order-1").status == 201
    return created


def traces(secret):
    """Return all rows that hold the word, in any spelling."""
    found = []
    for table in inspect(db.db.engine).get_table_names():
        with db.reading():
            rows = db.connection().execute(text(f'SELECT * FROM "{table}"')).mappings().all()
        shown = [json.dumps(dict(row), default=str) for row in rows]
        found += [(table, row) for row in shown if secret in row.lower()]
    return found


def test_the_export_holds_profile_balance_and_history(api, anna, path, secret):
    answer = api.get(f"{path}/export")

    assert answer.status == 200
    assert answer["member"] == api.get(path).body
    assert answer["merged"] == []
    points = answer["points"]
    assert points["accounts"][0]["available"] == 510
    assert points["entries"][0]["note"] == f"a note about {secret}"
    assert points["entries"][0]["recorded_at"].endswith("Z")


def test_nothing_personal_remains_anywhere(api, anna, path, secret):
    tables = {table for table, _ in traces(secret)}
    assert {"member", "entry_note", "orders", "idempotency_key"} <= tables  # the search can find

    answer = api.delete(path)

    assert (answer.status, answer.body) == (200, {"id": anna["id"], "status": "erased"})
    assert not traces(secret)


def test_the_ledger_still_adds_up(api, anna, path, program):
    api.delete(path)

    with db.snapshot():
        report = verify.verify(db.connection(), program.id)
    assert (report.broken, report.entries) == (None, 2)


def test_an_erased_member_is_not_found_any_more(api, anna, path, private):
    api.delete(path)

    assert api.get(path).status == 404
    assert api.get(f"{path}/balance").status == 404
    assert api.delete(path).status == 404
    assert api.get("/v1/members")["data"] == []
    assert api.get("/v1/members", email=private["email"])["data"] == []


def test_the_same_person_may_join_again_and_starts_from_zero(api, anna, path, private):
    api.delete(path)

    again = api.put(path, private)

    assert again.status == 201
    assert again["id"] != anna["id"]
    assert api.get(f"{path}/balance")["points"]["available"] == 0


def test_the_answer_of_an_erased_member_is_not_replayed(api, anna, path):
    api.delete(path)

    answer = api.put(path, {}, idempotency_key="put-1")

    assert (answer.status, answer["name"]) == (201, None)


def test_erasing_takes_everyone_who_was_merged_into_the_member(api, anna, path, secret):
    api.put("/v1/members/other", {"name": "Other"})
    api.post(f"{path}/merge", {"into": "other"}, idempotency_key="merge-1")

    assert api.delete("/v1/members/other").status == 200

    assert not traces(secret)
    assert api.get(path).status == 404


def test_a_merged_member_is_erased_with_the_one_it_became(api, anna, path):
    api.put("/v1/members/other")
    api.post(f"{path}/merge", {"into": "other"})

    for answer in (api.delete(path), api.get(f"{path}/export")):
        assert (answer.status, answer["code"]) == (409, "member_merged")
        assert answer["merged_into"] == "other"


def test_the_export_of_a_person_holds_those_merged_into_them(api, anna, path, external_id):
    api.put("/v1/members/other")
    api.post(f"{path}/merge", {"into": "other"})

    answer = api.get("/v1/members/other/export")

    assert [row["external_id"] for row in answer["merged"]] == [external_id]
    assert answer["merged"][0]["merged_into"] == "other"
    kinds = sorted(entry["kind"] for entry in answer["points"]["entries"])
    assert kinds == ["adjust", "earn", "transfer_in", "transfer_out"]
