"""What waits for approval is given once by somebody else, or frees what it held."""

from datetime import timedelta

import pytest

from tests.recovery import given
from tests.recovery.given import cap, decide, get, give, hire, preview
from tests.support.money import NOON, Refused

DAY = timedelta(days=1)
POINTS = {"kind": "points", "points": 500}
CAPS = (cap("each", "gesture", limit=100, above="approve"), cap("all", limit=900, window="P30D"))


@pytest.fixture
def shop(app):
    """A shop where all beyond a euro needs approval, and nine euros a month are the most."""
    shop = given.open_shop(app, *CAPS)
    yield shop
    shop.verify()


def refused(call, *args, **more):
    with pytest.raises(Refused) as caught:
        call(*args, **more)
    return caught.value


def used(shop):
    """What counts under the cap of the month."""
    return preview(shop)["caps"][1]["used"]


def test_what_waits_counts_and_gives_nothing_yet(shop):
    sent = shop.send("POST", "/v1/gestures", given.body("ann", POINTS), once="a")
    assert sent.status_code == 202
    waiting = sent.json
    assert (waiting["state"], waiting["approval_expires_at"]) == (
        "pending_approval",
        "2026-03-04T12:00:00Z",
    )
    assert (shop.points("ann"), used(shop)) == ({}, 500)
    assert refused(give, shop, "ann", POINTS).code == "cap_exceeded"
    assert shop.send("POST", "/v1/gestures", given.body("ann", POINTS), once="a").json == waiting


def test_approved_means_given(shop):
    waiting = give(shop, "ann", POINTS)
    approved = decide(shop, waiting, "approve", note="our fault")
    assert (approved["state"], approved["decided_by"]) == ("issued", "lee")
    assert (approved["decision_note"], approved["agent"]) == ("our fault", "kim")
    assert (shop.points("ann"), used(shop)) == ({"available": 500}, 500)
    assert get(shop, waiting) == approved
    [follow_up] = shop.call("GET", "/v1/follow_ups?state=open")["data"]
    assert follow_up["gesture"] == waiting["id"]


def test_a_voucher_lives_from_its_approval_on(shop):
    waiting = give(shop, "ann", {"kind": "stored_value", "amount": 500, "expires_after": "P9D"})
    shop.set_clock(NOON + 2 * DAY)
    approved = decide(shop, waiting, "approve")
    voucher = shop.call("GET", f"/v1/vouchers/{approved['voucher']['id']}")
    assert voucher["expires_at"] == "2026-03-12T12:00:00Z"


@pytest.mark.parametrize(
    ("verb", "agent", "state"), [("reject", "lee", "rejected"), ("withdraw", "kim", "withdrawn")]
)
def test_what_is_rejected_or_withdrawn_frees_what_it_held(shop, verb, agent, state):
    waiting = give(shop, "ann", POINTS)
    given_up = decide(shop, waiting, verb, agent, note="no")
    assert (given_up["state"], given_up["decided_by"], given_up["decision_note"]) == (
        *(state, agent),
        "no",
    )
    assert (shop.points("ann"), used(shop)) == ({}, 0)
    problem = refused(decide, shop, waiting, "approve")
    assert (problem.status, problem.code) == (409, "gesture_not_pending")
    assert problem.problem["state"] == state


def test_an_approval_that_does_not_come_in_time_frees_what_it_held(shop):
    waiting = give(shop, "ann", POINTS)
    shop.set_clock(NOON + 3 * DAY)
    assert get(shop, waiting)["state"] == "expired"
    assert given.listed(shop, state="expired") == [waiting["id"]]
    assert given.listed(shop, state="pending_approval") == []
    assert used(shop) == 0
    assert refused(decide, shop, waiting, "approve").problem["state"] == "expired"
    second = give(shop, "ann", POINTS)
    assert second["caps"][1]["used"] == 0
    assert given.listed(shop, state="expired") == [waiting["id"]]
    assert used(shop) == 500


def test_nobody_approves_their_own_or_what_they_get_themselves(shop):
    waiting = give(shop, "ann", POINTS)
    assert refused(decide, shop, waiting, "approve", "KIM").code == "own_gesture"
    assert refused(decide, shop, waiting, "reject", "kim").code == "own_gesture"
    assert refused(decide, shop, waiting, "approve", "Ann").code == "own_gesture"
    assert refused(decide, shop, waiting, "approve", "ann@example.com").code == "own_gesture"
    assert refused(decide, shop, waiting, "approve", None).code == "agent_required"
    assert get(shop, waiting)["state"] == "pending_approval"


def test_who_decides_is_a_supervisor_or_has_the_right(shop):
    for agent, role in (("kim", "agent"), ("sam", "agent"), ("pat", "supervisor")):
        hire(shop, agent, role)
    waiting = give(shop, "ann", POINTS)
    clerk = given.shop_with(shop, "gestures:write")
    for agent in ("sam", "stranger"):
        assert refused(decide, clerk, waiting, "approve", agent).code == "agent_may_not"
        assert refused(decide, clerk, waiting, "withdraw", agent).code == "agent_may_not"
    assert refused(decide, shop, waiting, "approve", "sam").code == "agent_may_not"
    assert decide(clerk, waiting, "approve", "pat@shop.example")["decided_by"] == "pat"
    another = give(shop, "ann", {"kind": "points", "points": 200})
    right = given.shop_with(shop, "gestures:write", "gestures:approve")
    assert decide(right, another, "approve", "stranger")["state"] == "issued"


def test_a_refund_is_approved_while_the_order_has_as_much_left(shop):
    shop.order("o", "ann", 600)
    refund = {"kind": "refund", "amount": 400}
    waiting = give(shop, "ann", refund, order_id="o")
    assert refused(give, shop, "ann", refund, order_id="o").code == "gesture_refused"
    shop.refund("o", "r", 300)
    assert refused(decide, shop, waiting, "approve").code == "gesture_refused"
    assert get(shop, waiting)["state"] == "pending_approval"
    decide(shop, waiting, "reject")
    less = give(shop, "ann", {"kind": "refund", "amount": 300}, order_id="o")
    assert decide(shop, less, "approve")["refund"] == {"state": "requested"}
    assert decide(shop, less, "revoke")["refund"] == {"state": "called_off"}
    assert used(shop) == 0


def test_revoking_takes_back_what_is_unspent_and_frees_the_caps(shop):
    gesture = give(shop, "ann", {"kind": "points", "points": 90})
    revoked = decide(shop, gesture, "revoke", "kim", note="wrong member")
    assert (revoked["state"], revoked["revoked_by"]) == ("revoked", "kim")
    assert revoked["taken_back"] == {"amount": 90, "currency": "EUR"}
    assert revoked["revocation_note"] == "wrong member"
    assert (shop.points("ann"), used(shop)) == ({}, 0)
    problem = refused(decide, shop, gesture, "revoke", "kim")
    assert (problem.status, problem.code) == (409, "gesture_not_issued")


def test_what_was_spent_of_revoked_points_goes_on_counting(shop):
    gesture = give(shop, "ann", {"kind": "points", "points": 90})
    shop.give("ann", 500)
    spent = shop.reserve("ann", 60)
    shop.capture(spent["id"], "o")
    left = shop.points("ann")["available"]
    revoked = decide(shop, gesture, "revoke", "kim")
    assert shop.points("ann")["available"] == left - revoked["taken_back"]["amount"]
    assert used(shop) == 90 - revoked["taken_back"]["amount"]
    shop.set_clock(NOON + 31 * DAY)
    assert used(shop) == 0


def test_a_voucher_is_revoked_with_its_gesture(shop):
    gesture = give(shop, "ann", {"kind": "voucher", "amount": 80})
    assert refused(decide, given.shop_with(shop, "gestures:write"), gesture, "revoke", "sam").code
    decide(shop, gesture, "revoke", "kim")
    assert shop.call("GET", f"/v1/vouchers/{gesture['voucher']['id']}")["state"] == "revoked"
    assert used(shop) == 0


def test_nothing_is_left_to_revoke_of_what_is_spent_or_expired(shop):
    gesture = give(shop, "ann", {"kind": "points", "points": 90})
    shop.capture(shop.reserve("ann", 90)["id"], "o")
    problem = refused(decide, shop, gesture, "revoke", "kim")
    assert (problem.status, problem.code) == (409, "gesture_spent")
    voucher = give(shop, "ann", {"kind": "voucher", "amount": 80, "expires_after": "P1D"})
    shop.set_clock(NOON + DAY)
    assert refused(decide, shop, voucher, "revoke", "kim").code == "gesture_spent"
    assert used(shop) == 170


def test_a_gesture_of_a_merged_member_counts_for_the_one_that_stays(app):
    shop = given.open_shop(app, cap("one", "member", limit=600, window="P30D"))
    shop.enrol("bob")
    voucher, points = give(shop, "bob"), give(shop, "ann", {"kind": "points", "points": 50})
    shop.merge("bob", "ann")
    assert given.listed(shop, member="ann") == [points["id"], voucher["id"]]
    assert preview(shop)["caps"][0]["used"] == 550
    assert refused(give, shop).code == "cap_exceeded"
    decide(shop, voucher, "revoke", "kim")
    assert preview(shop, "bob")["caps"][0]["used"] == 50
    shop.verify()


def test_points_given_to_a_member_who_was_merged_can_still_be_revoked(app):
    shop = given.open_shop(app)
    shop.enrol("bob")
    gesture = give(shop, "bob", {"kind": "points", "points": 50})
    shop.merge("bob", "ann")
    assert decide(shop, gesture, "revoke", "kim")["taken_back"]["amount"] == 50
    assert shop.points("ann") == {}
    shop.verify()


def test_what_waits_is_given_to_the_member_that_stays_after_a_merge(shop):
    shop.enrol("bob")
    waiting = give(shop, "bob", POINTS)
    shop.merge("bob", "ann")
    assert decide(shop, waiting, "approve")["member"] == "ann"
    assert shop.points("ann") == {"available": 500}


def test_nothing_that_people_wrote_is_left_of_an_erased_member(shop):
    words = {"note_internal": "Ann cried", "message_to_customer": "Dear Ann", "case_ref": "ZD-1"}
    gesture = give(shop, "ann", {"kind": "voucher", "amount": 80}, **words)
    decide(shop, gesture, "revoke", "kim", note="Ann called")
    waiting = give(shop, "ann", POINTS, **words)
    exported = shop.call("GET", "/v1/members/ann/export")
    assert "Dear Ann" in str(exported)
    shop.call("DELETE", "/v1/members/ann")
    assert "Ann" not in shop.send("GET", "/v1/gestures").text
    assert "ZD-1" not in shop.send("GET", "/v1/gestures").text
    assert refused(decide, shop, waiting, "approve").code == "member_not_found"
    assert decide(shop, waiting, "reject")["state"] == "rejected"
