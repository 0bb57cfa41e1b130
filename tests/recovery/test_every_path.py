"""Caps hold on every path: each way in which people give value, with its cap at work."""

import uuid
from contextvars import Context
from datetime import timedelta

import pytest

from loyalty.foundation import clock, db
from loyalty.foundation.call import Call
from loyalty.recovery.proactive import service as proactive
from tests.recovery.given import body, cap, decide, give, open_shop, shop_with
from tests.support.money import NOON, Refused

BY_GESTURE, BY_AGENTS_REFUSED = "a gesture, under caps", "closed to people, open to the shop's own"
BY_TERMS = "by the program's own rules and their limits; nobody decides"
NOTHING = "gives nothing"
PATHS = {
    "give_gesture": BY_GESTURE,
    "approve_gesture": BY_GESTURE,
    "issue_voucher": BY_AGENTS_REFUSED,
    "issue_batch": BY_AGENTS_REFUSED,
    "adjust_points": BY_AGENTS_REFUSED,
    "record_order": BY_TERMS,
    "record_orders": BY_TERMS,
    "record_action": BY_TERMS,
    "record_referral": BY_TERMS,
    "approve_referral": BY_TERMS,
    "reopen_order": BY_TERMS,
    "redeem_reward": BY_TERMS,
    **dict.fromkeys(
        (
            *("put_member", "erase_member", "merge_member", "mint_token", "transfer_points"),
            *("refund_order", "cancel_order", "preview_order", "preview_gesture"),
            *("create_reservation", "capture_reservation", "void_reservation"),
            *("check_voucher", "revoke_voucher", "reject_referral", "put_program"),
            *("reject_gesture", "withdraw_gesture", "revoke_gesture", "complete_follow_up"),
            *("record_contact", "set_test_clock"),
        ),
        NOTHING,
    ),
}


def test_every_way_to_write_is_known_here(app):
    writing = {
        rule.endpoint.rpartition(".")[2]
        for rule in app.url_map.iter_rules()
        if rule.rule.startswith("/v1/") and rule.methods & {"POST", "PUT", "DELETE", "PATCH"}
    }

    assert writing == set(PATHS)


@pytest.fixture
def shop(app):
    """A program that gives five euros in all, and nothing beyond."""
    return open_shop(app, cap(limit=500))


def test_a_gesture_of_a_server_key(shop):
    give(shop, give={"kind": "voucher", "amount": 500})

    for kind in ("voucher", "stored_value", "fee_waiver"):
        with pytest.raises(Refused, match="cap_exceeded"):
            give(shop, give={"kind": kind, "amount": 1})
    with pytest.raises(Refused, match="cap_exceeded"):
        give(shop, give={"kind": "points", "points": 1})


def test_a_gesture_for_an_order(shop):
    shop.order("o-1", "ann", 10_000)
    give(shop, give={"kind": "refund", "amount": 500}, order_id="o-1")

    with pytest.raises(Refused, match="cap_exceeded"):
        give(shop, give={"kind": "refund", "amount": 1}, order_id="o-1")


def test_a_gesture_of_a_key_that_is_bound_to_an_agent(shop):
    bound = shop_with(shop, "gestures:write", agent="kim")
    give(bound, give={"kind": "voucher", "amount": 500}, agent=None)

    with pytest.raises(Refused, match="cap_exceeded"):
        give(bound, give={"kind": "voucher", "amount": 1}, agent=None)


def test_an_approval_gives_what_was_counted_when_it_was_asked_for(app):
    shop = open_shop(app, cap(limit=500), cap("ask", "gesture", limit=100, above="approve"))
    waiting = give(shop, give={"kind": "voucher", "amount": 500})
    with pytest.raises(Refused, match="cap_exceeded"):
        give(shop, give={"kind": "voucher", "amount": 1})

    assert decide(shop, waiting, "approve")["state"] == "issued"
    with pytest.raises(Refused, match="cap_exceeded"):
        give(shop, give={"kind": "voucher", "amount": 1})


def test_a_gift_on_a_schedule(app):
    gift = {"kind": "voucher", "amount": 300}
    birthday = {"id": "birthday", "occasion": "birthday", "give": gift, "reason": "late"}
    shop = open_shop(app, cap(limit=500), proactive=[birthday])
    today = NOON.date().replace(year=1990).isoformat()
    for name in ("ann", "ben", "cem"):
        shop.enrol(name, birthday=today)
    shop.set_clock(NOON + timedelta(hours=1))

    def sweep():
        with app.app_context(), db.transaction():
            call = Call(shop.program_id, "worker", None, clock.system_now())
            proactive.give_due(call, limit=100)

    for _ in range(3):
        Context().run(sweep)

    given = shop.call("GET", "/v1/gestures")["data"]
    assert [one["value"]["amount"] for one in given] == [300]


@pytest.mark.parametrize(
    ("method", "path", "sent"),
    [
        ("POST", "/v1/vouchers", {"kind": "amount", "class": "promotional", "amount": 500}),
        (
            "POST",
            "/v1/vouchers/bulk",
            {"kind": "amount", "class": "promotional", "amount": 500, "count": 2},
        ),
        ("POST", "/v1/members/ann/adjustments", {"points": 5, "reason": "kind"}),
    ],
)
def test_what_an_agent_would_give_by_another_door_is_sent_to_this_one(shop, method, path, sent):
    bound = shop_with(shop, "*", agent="kim")

    with pytest.raises(Refused, match="422 use_gestures"):
        bound.call(method, path, sent, once=uuid.uuid4().hex)

    shop.call(method, path, sent, once=uuid.uuid4().hex)


def test_an_agent_may_still_take_points_away(shop):
    shop.adjust("ann", 50)

    bound = shop_with(shop, "*", agent="kim")
    bound.adjust("ann", -20)

    assert shop.points("ann") == {"available": 30}


def test_goodwill_is_given_by_nobody_without_a_gesture(shop):
    terms = {"kind": "amount", "class": "goodwill", "amount": 500, "member": "ann"}

    with pytest.raises(Refused, match="422 use_gestures"):
        shop.call("POST", "/v1/vouchers", terms, once=uuid.uuid4().hex)


def test_the_same_gesture_twice_is_one(shop):
    once = uuid.uuid4().hex
    answers = [
        shop.call("POST", "/v1/gestures", body(give={"kind": "voucher", "amount": 400}), once=once)
        for _ in range(2)
    ]

    assert answers[0] == answers[1]
