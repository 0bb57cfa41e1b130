"""Cancelling and reopening: back and forth, an order is what it was."""

from datetime import timedelta

import pytest

from tests.support.money import NOON, Refused, open_shop

DAY = timedelta(days=1)


def test_a_cancel_takes_all_that_is_left_and_says_so(shop):
    shop.order("o", "ann", 10_000)
    shop.refund("o", "r", 2_500)
    cancel = shop.cancel("o")
    assert (cancel["kind"], cancel["amount"]) == ("cancel", 7_500)
    assert cancel["order"]["state"] == "cancelled"
    assert cancel["points"]["clawed_back"] == 75
    assert shop.cancel("o") == cancel
    with pytest.raises(Refused, match="409 order_cancelled"):
        shop.refund("o", "r2", 1)


def test_only_a_cancelled_order_can_be_reopened(shop):
    shop.order("o", "ann", 10_000)
    with pytest.raises(Refused, match="409 order_not_cancelled"):
        shop.reopen("o")


def test_reopening_keeps_the_refunds_from_before_the_cancel(shop):
    shop.order("o", "ann", 10_000)
    shop.refund("o", "r", 2_500)
    shop.cancel("o")
    assert shop.reopen("o")["refunded"] == 2_500
    assert shop.points("ann") == {"available": 75}
    assert shop.refund("o", "r", 2_500)["order"]["refunded"] == 2_500


def test_an_order_of_nothing_can_be_cancelled_and_reopened(shop):
    shop.order("o", "ann", 0)
    for _ in range(2):
        assert shop.cancel("o")["order"]["state"] == "cancelled"
        assert shop.reopen("o")["state"] == "paid"


def test_reopening_returns_points_to_the_lots_they_were_taken_from(app):
    """Put into the order's own lot, which has expired by now, they would be lost."""
    shop = open_shop(app, earning={"expires_after": "PT240H"})
    shop.order("o", "ann", 10_000)
    shop.adjust("ann", -60)
    shop.set_clock(NOON + 9 * DAY)
    shop.order("p", "ann", 20_000)
    shop.set_clock(NOON + 11 * DAY)
    before = shop.balance("ann")
    shop.cancel("o")
    assert shop.points("ann") == {"available": 140}
    shop.reopen("o")
    assert shop.balance("ann") == before
    shop.verify()


def test_reopening_gives_back_points_that_paid_a_debt_meanwhile(app):
    shop = open_shop(app, earning={"expires_after": "PT240H"})
    shop.order("o", "ann", 10_000)
    shop.adjust("ann", -100)
    shop.cancel("o")
    assert shop.points("ann") == {"debt": 100}
    shop.set_clock(NOON + 11 * DAY)
    shop.order("p", "ann", 7_000)
    assert shop.points("ann") == {"debt": 30}
    shop.reopen("o")
    assert shop.points("ann") == {"available": 70}
    shop.verify()


def test_reopening_does_not_bring_expired_points_back(app):
    shop = open_shop(app, earning={"expires_after": "PT240H"})
    shop.order("o", "ann", 10_000)
    shop.refund("o", "r", 5_000)
    shop.adjust("ann", -30)
    shop.set_clock(NOON + 11 * DAY)
    shop.give("ann", 200)
    before = shop.points("ann")
    for _ in range(3):
        shop.cancel("o")
        assert shop.points("ann") == {"available": 170}
        shop.reopen("o")
        assert shop.points("ann") == before


def test_points_redeemed_on_a_reopened_order_are_paid_once_even_if_they_expired(app):
    shop = open_shop(app, earning={"expires_after": "PT240H"})
    shop.give("ann", 100)
    shop.order("o", "ann", 10_000, reservations=[shop.reserve("ann", 100)["id"]])
    shop.set_clock(NOON + 9 * DAY)
    shop.give("ann", 200)
    shop.set_clock(NOON + 11 * DAY)
    before = shop.points("ann")
    for _ in range(2):
        shop.cancel("o")
        shop.reopen("o")
        assert shop.points("ann") == before == {"available": 200}
    shop.verify()


def test_returned_points_that_were_spent_are_owed_when_the_order_is_reopened(shop):
    shop.give("ann", 100)
    shop.order("o", "ann", 100, reservations=[shop.reserve("ann", 100)["id"]])
    shop.cancel("o")
    shop.adjust("ann", -100)
    shop.reopen("o")
    assert shop.points("ann") == {"debt": 100}
    shop.cancel("o")
    assert shop.points("ann") == {}
    shop.verify()


def test_reopening_lets_each_of_several_redemptions_be_as_before(shop):
    shop.give("ann", 200)
    held = [shop.reserve("ann", 100)["id"] for _ in range(2)]
    shop.order("o", "ann", 200, reservations=held)
    shop.refund("o", "r1", 100)
    shop.cancel("o")
    shop.reopen("o")
    assert shop.points("ann") == {"available": 100}
    shop.refund("o", "r2", 50)
    assert shop.points("ann") == {"available": 150}
    shop.verify()


def test_a_cancelled_order_takes_no_more_points(shop):
    shop.give("ann", 100)
    first, second = (shop.reserve("ann", 40)["id"] for _ in range(2))
    shop.order("o", "ann", 10_000, reservations=[first])
    shop.cancel("o")
    with pytest.raises(Refused, match="409 order_cancelled"):
        shop.capture(second, "o")
    assert shop.reservation(second)["state"] == "held"
    assert shop.capture(first, "o")["state"] == "captured"
    assert shop.points("ann") == {"available": 60, "held": 40}


def test_points_captured_for_a_refunded_order_come_back_in_the_same_proportion(shop):
    shop.give("ann", 100)
    held = shop.reserve("ann", 100)["id"]
    shop.order("o", "ann", 10_000)
    shop.refund("o", "r", 2_500)
    for _ in range(2):
        shop.capture(held, "o")
    assert shop.points("ann") == {"available": 75 + 25 - 1}
    shop.verify()
