from datetime import timedelta

import pytest
from sqlalchemy import select

from loyalty.foundation import db
from loyalty.foundation.events import Event
from tests.checkout.vouchering import capture, refused, reserve
from tests.races import crowd
from tests.support import statements
from tests.support.money import BASE, NOON, Refused, new_order, open_shop
from tests.vouchers.made import DAY, GIFT_CARD, issue, put_terms, revoke, show


@pytest.fixture
def shop(app):
    """A shop that gives a point per euro, gift cards left out; its ledger is proved at the end."""
    shop = open_shop(app, BASE, earning={"exclude": ["gift_cards", "points"]})
    shop.give("ann", 5_000)
    yield shop
    shop.verify()


def remaining(shop, code):
    return show(shop, code)["remaining"]


def returned(shop):
    """The units of all events that tell of vouchers that came back."""
    with db.reading():
        found = db.session.scalars(
            select(Event).where(
                Event.program_id == shop.program_id, Event.name == "voucher.returned"
            )
        )
        return [one.data["units"] for one in found]


def test_an_order_captures_points_and_vouchers_together(shop):
    discount, card = issue(shop)["code"], issue(shop, **GIFT_CARD)["code"]
    held = [
        shop.reserve("ann", 500)["id"],
        reserve(shop, discount, member="ann")["id"],
        reserve(shop, card, member="ann", amount=3_000)["id"],
    ]

    order = shop.order("o", "ann", 9_000, reservations=held)

    assert order["paid_with_points"] == 500
    assert order["paid_with_stored_value"] == 3_000
    assert order["points"]["granted"] == 55
    assert order["total"] == 9_000
    assert {shop.reservation(id)["state"] for id in held} == {"captured"}
    assert {shop.reservation(id)["order_id"] for id in held} == {"o"}
    assert show(shop, discount)["state"] == "redeemed"
    assert remaining(shop, card) == {"amount": 2_000}
    assert shop.get_order("o")["paid_with_stored_value"] == 3_000


def test_a_preview_counts_vouchers_and_takes_nothing(shop):
    card = issue(shop, **GIFT_CARD)["code"]
    held = reserve(shop, card)["id"]

    preview = shop.preview("o", "ann", 9_000, reservations=[held])

    assert (preview["paid_with_stored_value"], preview["points"]["granted"]) == (5_000, 40)
    assert shop.reservation(held)["state"] == "held"


def test_stored_value_earns_where_gift_cards_do(app):
    shop = open_shop(app, earning={"exclude": []})
    card = issue(shop, **GIFT_CARD)["code"]

    order = shop.order("o", "ann", 9_000, reservations=[reserve(shop, card)["id"]])

    assert order["points"]["granted"] == 90


def test_a_guests_order_uses_vouchers_too(shop):
    code = issue(shop, **GIFT_CARD)["code"]

    order = shop.order("o", None, 9_000, reservations=[reserve(shop, code)["id"]])

    assert order["paid_with_stored_value"] == 5_000
    assert show(shop, code)["state"] == "redeemed"
    shop.refund("o", "r", 4_500)
    assert remaining(shop, code) == {"amount": 2_500}
    shop.cancel("o")
    assert remaining(shop, code) == {"amount": 5_000}


def test_a_voucher_held_for_somebody_is_captured_by_their_order_only(shop):
    held = reserve(shop, issue(shop)["code"], member="ann")["id"]

    for member in ("bob", None):
        with pytest.raises(Refused, match="404 reservation_not_found"):
            shop.order("o", member, 9_000, reservations=[held])
    assert shop.order("o", "ann", 9_000, reservations=[held])["state"] == "paid"


def test_one_voucher_lowers_the_price_and_a_refused_order_takes_nothing(shop):
    codes = [issue(shop)["code"] for _ in range(2)]
    held = [reserve(shop, code)["id"] for code in codes]

    with pytest.raises(Refused, match="422 stacking_refused"):
        shop.order("o", "ann", 9_000, reservations=held)
    assert {shop.reservation(id)["state"] for id in held} == {"held"}
    capture(shop, held[0], "o")
    with pytest.raises(Refused, match="422 stacking_refused"):
        shop.order("o", "ann", 9_000, reservations=held[1:])
    put_terms(shop, stacking="any")
    assert shop.order("o", "ann", 9_000, reservations=held)["state"] == "paid"


def test_a_batch_captures_each_orders_own_and_refuses_one_alone(shop):
    codes = [issue(shop)["code"] for _ in range(3)]
    held = [reserve(shop, code)["id"] for code in codes]

    results = shop.batch(
        new_order("o1", "ann", 900, reservations=held[:1]),
        new_order("o2", None, 900, reservations=held[1:]),
        new_order("o3", "bob", 900, reservations=held[1:2]),
    )

    assert [result["status"] for result in results] == [201, 422, 201]
    assert [show(shop, code)["state"] for code in codes] == ["redeemed", "redeemed", "reserved"]


def test_stored_value_returns_in_proportion_and_a_use_when_all_is_refunded(shop):
    discount, card = issue(shop, expires_after="P9D")["code"], issue(shop, **GIFT_CARD)["code"]
    held = [reserve(shop, discount)["id"], reserve(shop, card)["id"]]
    shop.order("o", "ann", 9_000, reservations=held)

    shop.refund("o", "r1", 3_000)
    assert remaining(shop, card) == {"amount": 1_666}
    assert show(shop, discount)["state"] == "redeemed"
    for _ in range(2):
        shop.refund("o", "r2", 6_000)
    assert remaining(shop, card) == {"amount": 5_000}
    assert show(shop, discount)["state"] == "issued"
    assert sorted(returned(shop)) == [1, 1_666, 3_334]
    again = shop.order("p", "ann", 9_000, reservations=[reserve(shop, discount)["id"]])
    assert again["state"] == "paid"


def test_what_comes_back_keeps_its_expiry(shop):
    code = issue(shop, expires_after="P9D")["code"]
    shop.order("o", "ann", 9_000, reservations=[reserve(shop, code)["id"]])
    shop.set_clock(NOON + 10 * DAY)

    shop.cancel("o")

    assert show(shop, code)["state"] == "expired"
    assert refused(shop, code) == (422, "voucher_not_usable")


def test_cancelling_and_reopening_over_and_over_nets_one_use(shop):
    discount, card = issue(shop)["code"], issue(shop, **GIFT_CARD)["code"]
    held = [reserve(shop, discount)["id"], reserve(shop, card)["id"]]
    shop.order("o", "ann", 9_000, reservations=held)

    for _ in range(3):
        shop.cancel("o")
        assert (show(shop, discount)["state"], remaining(shop, card)) == (
            "issued",
            {"amount": 5_000},
        )
        shop.reopen("o")
        assert (show(shop, discount)["state"], remaining(shop, card)) == (
            "redeemed",
            {"amount": 0},
        )
    third = reserve(shop, issue(shop)["code"])["id"]
    with pytest.raises(Refused, match="422 stacking_refused"):
        capture(shop, third, "o")


def test_what_a_revoked_voucher_gets_back_is_taken_at_once(shop):
    code = issue(shop, kind="stored_value", amount=5_000)["code"]
    shop.order("o", "ann", 9_000, reservations=[reserve(shop, code)["id"]])
    revoke(shop, code)

    for _ in range(2):
        shop.cancel("o")
        shown = show(shop, code)
        assert (shown["state"], shown["remaining"]) == ("revoked", {"amount": 0})
        shop.reopen("o")
    shop.cancel("o")
    assert returned(shop) == [5_000]


def test_stored_value_captured_for_a_recorded_order_takes_back_what_it_earned(shop):
    card = issue(shop, **GIFT_CARD)["code"]
    assert shop.order("o", "ann", 9_000)["points"]["granted"] == 90

    capture(shop, reserve(shop, card, member="ann")["id"], "o", 4_000)

    order = shop.get_order("o")
    assert (order["paid_with_stored_value"], order["points"]["kept"]) == (4_000, 50)
    assert remaining(shop, card) == {"amount": 1_000}


def test_captured_before_its_order_stored_value_is_known_to_it(shop):
    card, discount = issue(shop, **GIFT_CARD)["code"], issue(shop)["code"]
    capture(shop, reserve(shop, card)["id"], "o", 4_000)
    capture(shop, reserve(shop, discount)["id"], "o")

    order = shop.order("o", "ann", 9_000)

    assert (order["paid_with_stored_value"], order["paid_with_points"]) == (4_000, 0)
    assert order["points"]["granted"] == 50


def test_a_cancelled_order_takes_no_voucher(shop):
    code = issue(shop)["code"]
    shop.order("o", "ann", 9_000)
    shop.cancel("o")
    held = reserve(shop, code)["id"]

    with pytest.raises(Refused, match="409 order_cancelled"):
        capture(shop, held, "o")
    assert shop.reservation(held)["state"] == "held"


def test_an_ended_hold_of_a_voucher_cannot_be_captured_by_an_order(shop):
    held = reserve(shop, issue(shop)["code"], expires_in="PT5M")["id"]
    shop.set_clock(NOON + timedelta(minutes=5))

    with pytest.raises(Refused, match="409 reservation_not_held"):
        shop.order("o", "ann", 9_000, reservations=[held])


def test_a_merged_members_voucher_is_captured_by_whom_it_became(shop):
    code = issue(shop, member="ann")["code"]
    held = reserve(shop, code, member="ann")["id"]
    shop.enrol("anna")
    shop.merge("ann", "anna")

    order = shop.order("o", "ann", 9_000, reservations=[held])

    assert order["member"] == "anna"
    shop.cancel("o")
    assert show(shop, code)["state"] == "issued"


def test_an_order_that_captures_a_voucher_takes_one_statement_more_than_with_points(
    shop, engine_name
):
    held = reserve(shop, issue(shop)["code"])["id"]
    shop.balance("ann")

    with statements.seen() as sent:
        shop.order("o", "ann", 9_000, reservations=[held])

    assert len(sent) <= {"postgresql": 7, "sqlite": 16}[engine_name], "\n\n".join(sent)


def rush(shop, *calls):
    return crowd.Threads(shop.app).rush(
        [crowd.Call(shop.key, "POST", path, body) for path, body in calls]
    )


def test_orders_of_guests_that_race_for_one_hold_use_it_once(shop):
    code = issue(shop, uses=2)["code"]
    held = reserve(shop, code)["id"]

    answers = rush(
        shop,
        *(("/v1/orders", new_order(f"o{n}", None, 900, reservations=[held])) for n in range(5)),
    )

    assert sorted(answer.status for answer in answers) == [201, 409, 409, 409, 409]
    assert remaining(shop, code) == {"uses": 1}


def test_captures_orders_and_cancels_at_once_end_in_one_state(shop):
    card = issue(shop, **GIFT_CARD)["code"]
    parts = [reserve(shop, card, amount=1_000)["id"] for _ in range(3)]
    shop.order("o", "ann", 9_000)

    answers = rush(
        shop,
        *((f"/v1/reservations/{id}/capture", {"order_id": "o"}) for id in parts),
        ("/v1/orders/o/cancel", None),
    )

    assert {answer.status for answer in answers} <= {200, 201, 409}
    assert (
        show(shop, card)["remaining"]["amount"]
        + 1_000 * sum(shop.reservation(id)["state"] == "held" for id in parts)
        == 5_000
    )


def test_a_use_that_was_spent_again_before_its_order_was_reopened_is_owed(shop):
    code = issue(shop)["code"]
    shop.order("o", "ann", 9_000, reservations=[reserve(shop, code)["id"]])
    shop.cancel("o")
    shop.order("p", "ann", 9_000, reservations=[reserve(shop, code)["id"]])

    shop.reopen("o")
    assert (show(shop, code)["state"], refused(shop, code)[0]) == ("redeemed", 422)
    shop.cancel("p")
    assert refused(shop, code) == (422, "voucher_not_usable")
    shop.cancel("o")
    assert reserve(shop, code)["state"] == "held"
