"""The audit trail: who did what, readable by those who may, unchangeable for everybody."""

import pytest
from sqlalchemy import delete, update
from sqlalchemy.exc import DBAPIError

from loyalty.access import guard, staff
from loyalty.foundation import audit, db
from loyalty.foundation.audit import AuditRecord
from loyalty.foundation.bulk import Changes
from tests.support import make


def act(program, action, subject=("thing", "thg_1"), actor="test", **data):
    """Put something on record."""
    call = make.call(program, actor=actor)
    changes = Changes()
    audit.record(changes, call, action, subject=subject, now=call.now, data=data)
    with db.transaction():
        changes.write(db.connection())


def actions(api, **query):
    return [one["action"] for one in api.get("/v1/audit", **query)["data"]]


def test_acts_are_listed_newest_first_page_by_page(api, program):
    for number in range(5):
        act(program, f"thing.made{number}")

    first = api.get("/v1/audit", limit=3)
    second = api.get("/v1/audit", limit=3, cursor=first["next_cursor"])

    assert [one["action"] for one in first["data"]] == ["thing.made4", "thing.made3", "thing.made2"]
    assert [one["action"] for one in second["data"]][:2] == ["thing.made1", "thing.made0"]


def test_an_act_tells_who_did_what_to_what(api, program):
    act(program, "thing.made", ("thing", "thg_7"), actor="key:key_1", units=3)

    [told] = api.get("/v1/audit", subject="thg_7")["data"]

    assert told["actor"] == "key:key_1"
    assert told["subject"] == {"type": "thing", "id": "thg_7"}
    assert told["data"] == {"units": 3}


def test_acts_are_found_by_subject_actor_and_action(api, program):
    act(program, "a.done", ("thing", "x"), actor="kim")
    act(program, "b.done", ("thing", "x"), actor="lee")
    act(program, "a.done", ("thing", "y"), actor="lee")

    assert actions(api, subject="x") == ["b.done", "a.done"]
    assert actions(api, actor="lee") == ["a.done", "b.done"]
    assert actions(api, subject="y", action="b.done") == []


def test_another_program_sees_nothing_of_it(stranger, program):
    act(program, "thing.made", ("thing", "ours"))

    assert stranger.get("/v1/audit", subject="ours")["data"] == []


def test_only_a_key_that_may_read_the_trail_reads_it(client, program):
    for scopes, status in ((("audit:read",), 200), (("members:read",), 403)):
        assert make.api(client, make.key(program, scopes)).get("/v1/audit").status == status


@pytest.mark.parametrize("statement", [update(AuditRecord).values(actor="x"), delete(AuditRecord)])
def test_no_record_is_ever_changed_or_deleted(program, statement):
    act(program, "thing.made")

    with pytest.raises(DBAPIError, match="never changed or deleted"), db.transaction():
        db.connection().execute(statement)


def test_keys_terms_and_the_clock_are_on_record(api, program):
    made = api.get("/v1/program")
    document = {**made.body, "tiers": [{"id": "gold", "qualify": {"points": 10}}]}
    api.put("/v1/program", document, headers={"If-Match": made.headers["ETag"]})
    api.put("/v1/test_clock", {"now": "2030-01-01T00:00:00Z"})

    told = api.get("/v1/audit", limit=2)["data"]
    assert [(one["action"], one["actor"][:4]) for one in told] == [
        ("test_clock.set", "key:"),
        ("program.applied", "key:"),
    ]
    assert actions(api, action="key.created") == ["key.created"]


def test_a_revoked_key_is_on_record_once(api, program, client):
    make.key(program, name="other")
    key_id = api.get("/v1/audit", action="key.created", limit=1)["data"][0]["subject"]["id"]

    guard.revoke(key_id, actor="cli:kim")
    guard.revoke(key_id, actor="cli:lee")

    [told] = api.get("/v1/audit", subject=key_id, action="key.revoked")["data"]
    assert told["actor"] == "cli:kim"


def test_movements_by_hand_merges_and_erasures_are_on_record(api):
    for name in ("ann", "ben", "eve"):
        api.put(f"/v1/members/{name}")
    api.post("/v1/members/ann/adjustments", {"points": 50, "reason": "sorry"}, idempotency_key="1")
    api.post("/v1/members/ann/transfers", {"to": "ben", "points": 20}, idempotency_key="2")
    api.post("/v1/members/eve/merge", {"into": "ben"})
    api.delete("/v1/members/ben")

    assert actions(api, limit=4) == [
        "member.erased",
        "member.merged",
        "points.transferred",
        "points.adjusted",
    ]


def test_what_happens_to_the_staff_is_on_record_in_each_of_their_programs(api, program):
    email = f"kim@{program.slug}.example"
    call = make.call(program, actor="cli:lee")
    entry = {"email": email, "email_key": email, "agent": None, "name": None, "password": None}
    with db.transaction():
        staff.create_staff(call, role="agent", **entry)
    with db.transaction():
        staff.change_role(call, email_key=email, role="admin", agent=None)
    with db.transaction():
        staff.disable_staff(email_key=email, actor="cli:lee", now=call.now)
        staff.disable_staff(email_key=email, actor="cli:lee", now=call.now)

    assert actions(api, actor="cli:lee") == ["staff.disabled", "staff.changed", "staff.created"]
