import pytest

from loyalty.ledger import kernel
from tests.ledger.made import (
    START,
    account,
    assert_sound,
    at,
    buckets,
    grant,
    kinds,
    left,
    move_clock,
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


def test_a_clawback_takes_the_grants_own_pending_points_first():
    one = account()
    grant(one, 500, id="other")
    lot = grant(one, 100, id="refunded", available=14)
    clawed = kernel.clawback(one, lot, 30, posting("clawback"), forgive=False)
    assert clawed == (30, 0, 0, 0)
    assert buckets(one) == (500, 70, 0, 0)


def test_a_clawback_takes_the_own_lot_then_others_then_becomes_debt():
    one = account()
    grant(one, 20, id="sooner", expires=1)
    lot = grant(one, 100, id="refunded")
    kernel.hold(one, "rsv_1", 90, at(1))
    clawed = kernel.clawback(one, lot, 100, posting("clawback"), forgive=False)
    assert clawed == (0, 30, 70, 0)
    assert buckets(one) == (0, 0, 90, 70)
    assert kinds(one)[-1] == ("clawback", -100)
    assert_sound(one)


def test_a_forgiving_program_writes_a_shortfall_off():
    one = account()
    lot = grant(one, 100)
    kernel.take(one, 80, posting("adjust"))
    clawed = kernel.clawback(one, lot, 100, posting("clawback"), forgive=True)
    assert clawed == (0, 20, 0, 80)
    assert clawed.taken == 20
    assert buckets(one) == (0, 0, 0, 0)
    assert_sound(one)


def test_nothing_to_take_and_everything_forgiven_leaves_no_entry():
    one = account()
    lot = grant(one, 100)
    kernel.take(one, 100, posting("adjust"))
    kernel.clawback(one, lot, 100, posting("clawback"), forgive=True)
    assert kinds(one) == [("earn", 100), ("adjust", -100)]


def test_points_of_others_that_are_still_pending_are_not_taken_for_a_refund():
    one = account()
    lot = grant(one, 100)
    kernel.take(one, 100, posting("adjust"))
    grant(one, 40, id="next", available=14)
    kernel.clawback(one, lot, 100, posting("clawback"), forgive=False)
    assert buckets(one) == (0, 40, 0, 100)
    move_clock(one, at(14))
    assert buckets(one) == (0, 0, 0, 60)


def owing(units):
    one = account()
    lot = grant(one, units, id="refunded")
    kernel.take(one, units, posting("adjust"))
    kernel.clawback(one, lot, units, posting("clawback"), forgive=False)
    return one


def test_what_is_owed_is_paid_by_the_next_points_before_anything_else():
    one = owing(60)
    grant(one, 100, id="next")
    assert buckets(one) == (40, 0, 0, 0)
    assert kinds(one)[-2:] == [("earn", 100), ("clawback", 0)]
    assert_sound(one)


def test_what_is_owed_is_paid_by_released_points_too():
    one = account()
    lot = grant(one, 100)
    hold = kernel.hold(one, "rsv_1", 100, at(1))
    kernel.clawback(one, lot, 100, posting("clawback"), forgive=False)
    assert buckets(one) == (0, 0, 100, 100)
    kernel.release(one, hold, "voided", at=START)
    assert buckets(one) == (0, 0, 0, 0)
    assert_sound(one)


def test_points_that_pay_a_debt_do_not_expire_afterwards():
    one = owing(60)
    grant(one, 100, id="next", expires=30)
    move_clock(one, at(30))
    assert kinds(one)[-1] == ("expire", -40)
    assert_sound(one)


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


def out_and_in(id, giver, taker):
    return (
        kernel.Posting("transfer_out", "transfer", id, "Given.", START, counterpart=taker.id),
        kernel.Posting("transfer_in", "transfer", id, "Taken.", START, counterpart=giver.id),
    )


def test_transferred_points_pay_what_the_receiver_owes():
    giver, taker = account("acc_1"), owing(60)
    grant(giver, 100)
    kernel.transfer(giver, taker, 100, *out_and_in("t1", giver, taker))
    assert buckets(taker) == (40, 0, 0, 0)
    assert_sound(taker)


def captured(parts=((50, 90), (50, 30)), units=100):
    """An account that spent points of several lots at once; `parts` are (points, expiry)."""
    one = account()
    for number, (points, expires) in enumerate(parts):
        grant(one, points, id=str(number), expires=expires)
    hold = kernel.hold(one, "rsv_1", units, at(1))
    kernel.capture(one, hold, units, REDEEM)
    return one, hold


def test_points_come_back_to_the_lots_that_live_longest_first():
    one, hold = captured()
    kernel.give_back_captured(one, hold, 60, posting("redeem_return"))
    assert left(one) == {1: 50, 2: 10}
    assert_sound(one)


def test_points_that_come_back_in_parts_end_where_they_would_at_once():
    one, hold = captured(units=90)
    for number in range(9):
        given_back = posting("redeem_return", id=str(number))
        kernel.give_back_captured(one, hold, 10, given_back)
        assert_sound(one)
    assert left(one) == {1: 50, 2: 50}
    assert hold.returned == 90


def test_points_that_come_back_after_their_expiry_expire_again():
    one, hold = captured()
    move_clock(one, at(40))
    kernel.give_back_captured(one, hold, 100, posting("redeem_return"))
    assert left(one) == {1: 50}
    assert kinds(one)[-2:] == [("redeem_return", 100), ("expire", -50)]
    assert_sound(one)


def test_only_what_was_captured_can_come_back_of_a_partly_captured_hold():
    one = account()
    grant(one, 100)
    hold = kernel.hold(one, "rsv_1", 80, at(1))
    kernel.capture(one, hold, 50, REDEEM)
    kernel.give_back_captured(one, hold, 50, posting("redeem_return"))
    assert buckets(one) == (100, 0, 0, 0)
    assert_sound(one)


def test_every_field_of_an_entry_is_under_its_hash():
    one = account()
    grant(one, 100)
    (entry,) = one.entries
    for name in kernel.HASHED:
        other = {**entry, name: at(9) if name.endswith("_at") else "other"}
        assert kernel.entry_hash("0" * 64, other) != entry["hash"], name
    assert set(entry) - set(kernel.HASHED) == {"hash"}


def test_each_entry_is_chained_to_the_one_before_it():
    one = account()
    grant(one, 100)
    grant(one, 100, id="2")
    first, second = one.entries
    assert second["hash"] == kernel.entry_hash(first["hash"], second) == one.head
    assert second["hash"] != kernel.entry_hash("0" * 64, second)
