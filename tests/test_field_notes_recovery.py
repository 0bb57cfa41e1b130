"""Ways in which goodwill has hurt people; each test is named for its number in the field notes.

Beside every shop another one uses the same names and gives of its own.
"""

from contextvars import Context

import pytest
from sqlalchemy import select

from loyalty.foundation import db
from loyalty.foundation.audit import AuditRecord
from tests.recovery import given
from tests.recovery.given import cap, decide, give, preview
from tests.support.money import Refused

POINTS = {"kind": "points", "points": 500}
CAPS = (
    cap("each", "gesture", limit=400, above="approve"),
    cap("month", "program", limit=1_500, window="month"),
)


@pytest.fixture
def shop(app):
    shop, other = (given.open_shop(app, *CAPS) for _ in range(2))
    give(other, "ann", {"kind": "points", "points": 7})
    waiting = give(other, "ann", POINTS)
    yield shop
    assert other.points("ann") == {"available": 7}
    assert given.get(other, waiting)["state"] == "pending_approval"
    assert preview(other)["caps"][1]["used"] == 507
    for each in (shop, other):
        each.verify()


def list_acts(shop, gesture):
    """Who did what to a gesture: (action, actor, agent)."""

    def read():
        with shop.app.app_context(), db.reading():
            rows = db.session.scalars(
                select(AuditRecord)
                .where(AuditRecord.subject_id == gesture["id"])
                .order_by(AuditRecord.id)
            )
            return [(row.action, row.actor.partition(":")[0], row.data["agent"]) for row in rows]

    return Context().run(read)


def test_f24_approved_means_credited_to_the_right_member_or_an_error(shop):
    shop.enrol("bob")
    waiting = give(shop, "ann", POINTS, case_ref="ZD-1")
    assert shop.points("ann") == shop.points("bob") == {}
    approved = decide(shop, waiting, "approve", "lee")
    assert (shop.points("ann"), shop.points("bob")) == ({"available": 500}, {})
    [entry] = shop.entries("ann")
    assert entry["id"] == approved["entry"]
    assert approved["state"] == "issued"
    gone = give(shop, "bob", POINTS)
    shop.call("DELETE", "/v1/members/bob")
    with pytest.raises(Refused, match="404"):
        decide(shop, gone, "approve", "lee")
    assert given.get(shop, gone)["state"] == "pending_approval"


def test_f24_every_gesture_says_who_gave_it_why_and_for_which_case(shop):
    gesture = give(shop, "ann", POINTS, case_ref="ZD-1", reason="broken")
    decide(shop, gesture, "approve", "lee", note="photo seen")
    decide(shop, gesture, "revoke", "kim", note="sent back")
    seen = given.get(shop, gesture)
    assert (seen["agent"], seen["reason"], seen["case_ref"]) == ("kim", "broken", "ZD-1")
    assert (seen["decided_by"], seen["decision_note"]) == ("lee", "photo seen")
    assert (seen["revoked_by"], seen["revocation_note"]) == ("kim", "sent back")
    assert list_acts(shop, gesture) == [
        ("gesture.requested", "key", "kim"),
        ("gesture.approved", "key", "lee"),
        ("gesture.revoked", "key", "kim"),
    ]


@pytest.mark.parametrize("kind", ["voucher", "points", "stored_value", "fee_waiver", "refund"])
def test_f24_caps_hold_on_every_path_that_gives(shop, kind):
    shop.order("o", "ann", 10_000)
    earned = shop.points("ann")["available"]
    unit = "points" if kind == "points" else "amount"
    for _ in range(5):
        give(shop, "ann", {"kind": kind, unit: 300}, order_id="o")
    with pytest.raises(Refused, match="cap_exceeded"):
        give(shop, "ann", {"kind": kind, unit: 1}, order_id="o")
    body = {"kind": "amount", "class": "goodwill", "amount": 1, "currency": "EUR"}
    with pytest.raises(Refused, match="use_gestures"):
        shop.call("POST", "/v1/vouchers", body, once="v")
    given_points = 5 * 300 if kind == "points" else 0
    assert shop.points("ann")["available"] == earned + given_points


def test_f25_what_was_given_to_two_who_are_one_moves_and_counts_once(shop):
    shop.enrol("ann-2")
    give(shop, "ann-2", {"kind": "points", "points": 100})
    voucher = give(shop, "ann-2", {"kind": "voucher", "amount": 100})
    shop.merge("ann-2", "ann")
    shop.merge("ann-2", "ann")
    assert shop.points("ann") == {"available": 100}
    assert len(given.listed(shop, member="ann")) == 2
    assert shop.call("GET", f"/v1/vouchers/{voucher['voucher']['id']}")["member"] == "ann"
    assert preview(shop)["caps"][1]["used"] == 200


def test_f25_no_note_or_message_of_an_erased_member_remains(shop):
    words = {"note_internal": "Ann Smith", "message_to_customer": "Dear Ann Smith"}
    gesture = give(shop, "ann", POINTS, **words)
    decide(shop, gesture, "approve", "lee", note="known to Smith")
    shop.call("DELETE", "/v1/members/ann")
    assert "Smith" not in shop.send("GET", f"/v1/gestures/{gesture['id']}").text
    assert given.get(shop, gesture)["value"]["amount"] == 500
