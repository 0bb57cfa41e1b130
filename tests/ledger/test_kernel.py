import pytest

from loyalty.ledger import kernel
from tests.ledger.made import (
    account,
    assert_sound,
    at,
    buckets,
    grant,
    kinds,
    left,
    move_clock,
    out_and_in,
    posting,
)

REDEEM = posting("redeem", "reservation", "rsv_1")


def test_a_grant_is_pending_until_its_time_and_then_available():
    one = account()
    grant(one, 100, available=14)
    assert buckets(one) == (0, 100, 0, 0)
    assert one.next_due == at(14)
    move_clock(one, at(13.999))
    assert buckets(one) == (0, 100, 0, 0)
    move_clock(one, at(14))
    assert buckets(one) == (100, 0, 0, 0)
    assert kinds(one) == [("earn", 100)]


def test_a_grant_without_delay_is_available_at_once():
    one = account()
    grant(one, 100)
    assert buckets(one) == (100, 0, 0, 0)
    assert one.next_due is None


def test_a_grant_that_has_expired_already_is_worth_nothing_and_says_so():
    one = account()
    grant(one, 100, available=-400, expires=-35)
    assert buckets(one) == (0, 0, 0, 0)
    assert kinds(one) == [("earn", 100), ("expire", -100)]
    assert_sound(one)


def test_points_are_spent_soonest_expiring_first_then_oldest():
    one = account()
    grant(one, 10, id="never")
    grant(one, 10, id="late", expires=90)
    grant(one, 10, id="soon", expires=30)
    grant(one, 10, id="soon-too", expires=30)
    assert [lot.number for lot, _ in kernel.take(one, 25, posting("adjust"))] == [3, 4, 2]
    assert left(one) == {1: 10, 2: 5}


def test_held_points_cannot_be_held_again():
    one = account()
    grant(one, 100)
    kernel.hold(one, "rsv_1", 60, at(1))
    assert buckets(one) == (40, 0, 60, 0)
    with pytest.raises(kernel.InsufficientPoints) as refused:
        kernel.hold(one, "rsv_2", 41, at(1))
    assert refused.value.status == 409
    assert buckets(one) == (40, 0, 60, 0)
    assert set(one.holds) == {"rsv_1"}


def test_more_than_the_account_ever_had_is_refused_as_invalid():
    one = account()
    grant(one, 100, available=5)
    with pytest.raises(kernel.InsufficientPoints) as conflict:
        kernel.take(one, 100, posting("adjust"))
    with pytest.raises(kernel.InsufficientPoints) as never:
        kernel.take(one, 101, posting("adjust"))
    assert (conflict.value.status, never.value.status) == (409, 422)
    assert_sound(one)


def test_a_capture_spends_the_held_points():
    one = account()
    grant(one, 100)
    hold = kernel.hold(one, "rsv_1", 60, at(1))
    kernel.capture(one, hold, 60, REDEEM)
    assert buckets(one) == (40, 0, 0, 0)
    assert (hold.state, hold.captured) == ("captured", 60)
    assert kinds(one) == [("earn", 100), ("redeem", -60)]
    assert_sound(one)


def test_capturing_a_part_releases_the_rest_to_the_lots_that_live_longest():
    one = account()
    grant(one, 50, id="late", expires=90)
    grant(one, 50, id="soon", expires=30)
    hold = kernel.hold(one, "rsv_1", 80, at(1))
    kernel.capture(one, hold, 60, REDEEM)
    assert left(one) == {1: 40}
    assert buckets(one) == (40, 0, 0, 0)
    assert_sound(one)


def test_a_hold_that_ends_by_time_gives_everything_back_with_its_expiry():
    one = account()
    grant(one, 50, id="late", expires=90)
    grant(one, 50, id="soon", expires=30)
    kernel.hold(one, "rsv_1", 80, at(1))
    move_clock(one, at(1))
    assert one.holds["rsv_1"].state == "expired"
    assert one.holds["rsv_1"].closed_at == at(1)
    assert left(one) == {1: 50, 2: 50}
    move_clock(one, at(30))
    assert left(one) == {1: 50}
    assert_sound(one)


def test_points_that_expired_while_they_were_held_expire_when_they_are_released():
    one = account()
    grant(one, 50, expires=5)
    hold = kernel.hold(one, "rsv_1", 30, at(7))
    move_clock(one, at(6))
    assert buckets(one) == (0, 0, 30, 0)
    kernel.release(one, hold, "voided", at=at(6))
    assert buckets(one) == (0, 0, 0, 0)
    assert kinds(one) == [("earn", 50), ("expire", -20), ("expire", -30)]
    assert [entry["source_id"] for entry in one.entries[1:]] == ["1", "1.20"]
    assert_sound(one)


def test_points_held_past_their_expiry_can_still_be_captured():
    one = account()
    grant(one, 50, expires=5)
    hold = kernel.hold(one, "rsv_1", 30, at(7))
    move_clock(one, at(6))
    kernel.capture(one, hold, 30, REDEEM)
    assert kinds(one) == [("earn", 50), ("expire", -20), ("redeem", -30)]
    assert_sound(one)


def test_a_lot_that_expires_after_a_part_was_spent_loses_only_the_rest():
    one = account()
    grant(one, 100, expires=10)
    kernel.take(one, 30, posting("adjust"))
    move_clock(one, at(10))
    assert kinds(one) == [("earn", 100), ("adjust", -30), ("expire", -70)]


def test_expiry_is_told_at_the_instant_it_happened_however_late_it_is_swept():
    one = account()
    grant(one, 100, expires=10)
    move_clock(one, at(500))
    expired = one.entries[-1]
    assert (expired["kind"], expired["occurred_at"]) == ("expire", at(10))
    assert expired["recorded_at"] == at(500)
    move_clock(one, at(600))
    assert one.entries[-1] is expired


@pytest.mark.parametrize("reading_order", [1, -1])
def test_what_settles_at_one_instant_does_so_in_the_order_of_spending(reading_order):
    one = account(debt=10)
    grant(one, 10, id="late", available=5, expires=90)
    grant(one, 10, id="soon", available=5, expires=30)
    one.lots = dict(list(one.lots.items())[::reading_order])
    move_clock(one, at(5))
    assert left(one) == {1: 10}


def test_transferred_points_keep_their_dates():
    giver, taker = account("acc_1"), account("acc_2")
    grant(giver, 50, id="late", expires=90)
    grant(giver, 50, id="soon", expires=30)
    kernel.transfer(giver, taker, 70, *out_and_in("t1", giver, taker))
    assert left(giver) == {1: 30}
    assert sorted((lot.remaining, lot.expires_at) for lot in taker.lots.values()) == [
        (20, at(90)),
        (50, at(30)),
    ]
    assert taker.next_due == at(30)
    for one in (giver, taker):
        assert_sound(one)
