"""Gestures are given within all caps at once, and say by what arithmetic."""

from contextvars import Context
from datetime import timedelta

import pytest
from sqlalchemy import select

from loyalty.foundation import db
from loyalty.foundation.audit import AuditRecord
from loyalty.foundation.events import Event
from tests.recovery import given
from tests.recovery.given import cap, decide, give, hire, preview
from tests.support import statements
from tests.support.money import NOON, Refused, instant

DAY = timedelta(days=1)


@pytest.fixture
def shop(app):
    shop = given.open_shop(app)
    yield shop
    shop.verify()


def names(shop, model, column):
    """What was written about a program, in the order of writing."""

    def read():
        with shop.app.app_context(), db.reading():
            query = select(column).where(model.program_id == shop.program_id).order_by(model.id)
            return list(db.session.scalars(query))

    return Context().run(read)


def refused(call, *args, **more):
    with pytest.raises(Refused) as caught:
        call(*args, **more)
    return caught.value


def test_a_voucher_is_given_to_the_member_alone_and_lives_a_year(shop):
    gesture = give(
        shop,
        order_id=None,
        case_ref="ZD-1",
        note_internal="twice",
        exception=True,
        message_to_customer="We are sorry.",
    )
    assert gesture["state"] == "issued"
    assert gesture["give"] == {"kind": "voucher", "points": None, "amount": 500, "currency": "EUR"}
    assert (gesture["agent"], gesture["role"], gesture["case_ref"]) == ("kim", "agent", "ZD-1")
    assert (gesture["note_internal"], gesture["exception"]) == ("twice", True)
    voucher = shop.call("GET", f"/v1/vouchers/{gesture['voucher']['code']}")
    assert (voucher["kind"], voucher["class"], voucher["amount"]) == ("amount", "goodwill", 500)
    assert (voucher["member"], voucher["expires_at"]) == ("ann", "2027-03-01T12:00:00Z")
    assert voucher["source"] == {"type": "gesture", "id": gesture["id"]}
    assert given.get(shop, gesture) == gesture


@pytest.mark.parametrize("kind", ["stored_value", "fee_waiver"])
def test_stored_value_and_waived_fees_are_vouchers_of_their_kind(shop, kind):
    gesture = give(shop, "ann", {"kind": kind, "amount": 700, "expires_after": "P30D"})
    voucher = shop.call("GET", f"/v1/vouchers/{gesture['voucher']['id']}")
    assert (voucher["kind"], voucher["class"], voucher["amount"]) == (kind, "goodwill", 700)
    assert voucher["expires_at"] == instant(NOON + 30 * DAY)


def test_points_are_there_at_once_and_count_what_they_are_worth(shop):
    gesture = give(shop, "ann", {"kind": "points", "points": 250})
    assert gesture["value"] == {"amount": 250, "currency": "EUR"}
    assert shop.points("ann") == {"available": 250}
    [entry] = shop.entries("ann")
    assert (entry["id"], entry["kind"]) == (gesture["entry"], "goodwill")
    assert entry["explanation"] == "250 points as goodwill: Late delivery."
    assert entry["source"] == {"type": "gesture", "id": gesture["id"]}


def test_the_worth_of_points_is_rounded_up(app):
    worth = {"points_per": {"points": 3, "amount": 1}, "min_points": 1}
    shop = given.open_shop(app, redemption=worth)
    assert preview(shop, "ann", {"kind": "points", "points": 4})["value"]["amount"] == 2


def test_points_that_are_worth_nothing_cannot_be_given(app):
    shop = given.open_shop(app, redemption=None)
    problem = refused(give, shop, "ann", {"kind": "points", "points": 4})
    assert problem.code == "gesture_refused"
    assert "redemption" in str(problem)


def test_a_refund_is_ordered_up_to_what_is_left_of_the_order(shop):
    shop.order("o", "ann", 3_000)
    shop.refund("o", "r", 1_000)
    gesture = give(shop, "ann", {"kind": "refund", "amount": 1_500}, order_id="o")
    assert (gesture["refund"], gesture["voucher"]) == ({"state": "requested"}, None)
    problem = refused(give, shop, "ann", {"kind": "refund", "amount": 501}, order_id="o")
    assert (problem.status, problem.code) == (422, "gesture_refused")
    assert "5.00 EUR of the order" in str(problem)
    assert give(shop, "ann", {"kind": "refund", "amount": 500}, order_id="o")["state"] == "issued"
    assert "gesture.refund_requested" in names(shop, Event, Event.name)


def test_all_caps_hold_at_once_and_the_answer_has_the_arithmetic_of_each(app):
    shop = given.open_shop(
        app,
        cap("each", "gesture", limit=600, above="approve"),
        cap("agent", "agent", limit=900, window="P7D"),
        cap("month", "program", "count", 2, window="month"),
    )
    first = give(shop)
    assert [one["id"] for one in first["caps"]] == ["each", "agent", "month"]
    assert {one["verdict"] for one in first["caps"]} == {"within"}
    problem = refused(give, shop)
    assert (problem.status, problem.code) == (422, "cap_exceeded")
    [_, agent, month] = problem.problem["caps"]
    assert agent == {
        "id": "agent",
        "per": "agent",
        "measure": "value",
        "window": "P7D",
        "limit": 900,
        "used": 500,
        "this": 500,
        "remaining": 400,
        "verdict": "refused",
        "resets_at": None,
    }
    assert (month["verdict"], month["resets_at"]) == ("within", "2026-04-01T00:00:00Z")
    assert problem.problem["precedent"]["given_90d"] == 1
    assert give(shop, agent="sam")["state"] == "issued"
    assert refused(give, shop, agent="ben").code == "cap_exceeded"
    shop.set_clock(NOON + 31 * DAY)
    assert give(shop, agent="ben")["state"] == "issued"


def test_a_cap_can_be_a_share_of_the_order(app):
    share = {"id": "half", "per": "order", "measure": "value", "share": "0.5", "above": "refuse"}
    shop = given.open_shop(app, share)
    shop.order("o", "ann", 1_500)
    assert give(shop, order_id="o")["caps"][0]["limit"] == 750
    assert refused(give, shop, order_id="o").code == "cap_exceeded"
    assert give(shop)["caps"] == []


def test_a_preview_says_the_same_and_gives_nothing(app):
    shop = given.open_shop(app, cap(limit=900, above="approve"))
    seen = preview(shop)
    assert (seen["verdict"], seen["value"]["amount"]) == ("within", 500)
    gesture = give(shop)
    assert seen["caps"] == gesture["caps"]
    assert seen["precedent"] == gesture["precedent"]
    assert preview(shop)["verdict"] == "needs_approval"
    assert len(given.listed(shop)) == 1


def test_precedent_leaves_out_exceptions_and_what_was_taken_back(app):
    shop = given.open_shop(app, cap("each", "gesture", limit=50_000, above="approve"))
    for amount in (100, 200, 300, 400, 500, 600, 700, 800, 900, 1_000):
        give(shop, "ann", {"kind": "voucher", "amount": amount})
    give(shop, "ann", {"kind": "voucher", "amount": 40_000}, exception=True)
    give(shop, "ann", {"kind": "voucher", "amount": 60_000})
    decide(shop, give(shop, "ann", {"kind": "voucher", "amount": 30_000}), "revoke", "kim")
    give(shop, "ann", {"kind": "voucher", "amount": 7}, reason="broken")
    assert preview(shop)["precedent"] == {
        "reason": "late",
        "given_90d": 10,
        "p50": 500,
        "p90": 900,
        "this_member_12m": 11,
        "outside": False,
    }
    assert preview(shop, "ann", {"kind": "voucher", "amount": 901})["precedent"]["outside"]
    shop.set_clock(NOON + 90 * DAY)
    seen = preview(shop)["precedent"]
    assert (seen["given_90d"], seen["p50"], seen["this_member_12m"]) == (0, None, 11)


def test_nobody_gives_to_themselves(shop):
    hire(shop, "kim", "agent", email="kim@shop.example")
    shop.enrol("c-1", email="Kim@Shop.example")
    shop.enrol("Sam")
    for member, agent in (("c-1", "kim"), ("Sam", "sam"), ("ann", "ANN@example.com")):
        assert refused(give, shop, member, agent=agent).code == "own_gesture"
        assert refused(preview, shop, member, agent=agent).code == "own_gesture"


def test_an_agent_is_named_unless_the_key_is_bound_to_one(shop):
    assert refused(give, shop, agent=None).code == "agent_required"
    bound = given.shop_with(shop, "gestures:write", agent="Kim")
    assert give(bound, agent=None)["agent"] == "kim"
    assert give(bound, agent="KIM")["agent"] == "kim"
    problem = refused(give, bound, agent="sam")
    assert (problem.status, problem.code) == (403, "agent_mismatch")


def test_the_role_is_that_of_the_registered_person_and_analysts_give_nothing(app):
    shop = given.open_shop(app, cap("agents", limit=100, where={"role": "agent"}))
    hire(shop, "pat", "supervisor")
    hire(shop, "una", "analyst")
    assert give(shop, agent="PAT")["role"] == "supervisor"
    assert refused(give, shop, agent="una").code == "agent_may_not"
    assert refused(give, shop, agent="stranger").code == "cap_exceeded"


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"reason": "none"}, "/reason"),
        ({"order_id": "o"}, "/order_id"),
        ({"give": {"kind": "refund", "amount": 5}}, "/order_id"),
        ({"give": {"kind": "voucher", "amount": 5, "currency": "USD"}}, "/give/currency"),
        ({"give": {"kind": "voucher", "points": 5}}, "/give/amount"),
        ({"give": {"kind": "points", "amount": 5}}, "/give/points"),
        ({"give": {"kind": "points", "points": 5, "expires_after": "P1D"}}, "/give/expires_after"),
    ],
)
def test_what_makes_no_sense_is_refused_with_what_would_be_right(shop, change, pointer):
    problem = refused(give, shop, **change)
    assert problem.status == 422
    assert pointer in {error["pointer"] for error in problem.problem["errors"]}


def test_another_members_order_is_none(shop):
    shop.order("o", "bob", 3_000)
    assert refused(give, shop, order_id="o").code == "gesture_refused"
    assert refused(give, shop, "nobody").code == "member_not_found"


def test_a_gesture_leaves_events_and_who_gave_it(shop):
    give(shop, "ann", {"kind": "points", "points": 5})
    told = names(shop, Event, Event.name)
    assert told[-2:] == ["gesture.issued", "follow_up.opened"]
    assert names(shop, AuditRecord, AuditRecord.action)[-1] == "gesture.issued"


def test_gestures_are_listed_newest_first_page_by_page(shop):
    shop.enrol("bob")
    made = [give(shop, member, agent=agent)["id"] for member in ("ann", "bob") for agent in "xy"]
    assert given.listed(shop) == made[::-1]
    assert given.listed(shop, member="bob") == made[:1:-1]
    assert given.listed(shop, member="nobody") == []
    assert given.listed(shop, agent="X") == [made[2], made[0]]
    assert given.listed(shop, reason="broken") == []
    page = shop.call("GET", "/v1/gestures?limit=3")
    rest = shop.call("GET", f"/v1/gestures?limit=3&cursor={page['next_cursor']}")
    assert [one["id"] for one in page["data"] + rest["data"]] == made[::-1]
    assert refused(shop.call, "GET", "/v1/gestures/gst_unknown").code == "gesture_not_found"


def test_the_number_of_statements_does_not_grow_with_caps_or_gestures(app):
    sent = []
    for number in (1, 10):
        caps = [
            cap(f"cap-{n}", per, limit=100_000, window=window)
            for n, (per, window) in enumerate(
                [("member", "P90D"), ("agent", "day"), ("reason", "month"), ("role", "P7D"),
                 ("program", "year"), ("member", "P7D"), ("agent", "P1D"), ("reason", "P1D"),
                 ("program", "month"), ("program", "P365D")]
            )
        ][:number]  # fmt: skip
        shop = given.open_shop(app, *caps)
        for _ in range(3):
            give(shop)
        with app.app_context(), statements.seen() as seen:
            give(shop)
        sent.append(len(seen))
    assert sent[0] == sent[1]
