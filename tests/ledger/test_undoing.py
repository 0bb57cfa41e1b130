from loyalty.ledger import kernel, undoing
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
    out_and_in,
    posting,
)

REDEEM = posting("redeem", "reservation", "rsv_1")


def test_a_clawback_takes_the_grants_own_pending_points_first():
    one = account()
    grant(one, 500, id="other")
    lot = grant(one, 100, id="refunded", available=14)
    clawed = undoing.clawback(one, lot, 30, posting("clawback"), forgive=False)
    assert clawed == (30, 0, 0, 0)
    assert buckets(one) == (500, 70, 0, 0)


def test_a_clawback_takes_the_own_lot_then_others_then_becomes_debt():
    one = account()
    grant(one, 20, id="sooner", expires=1)
    lot = grant(one, 100, id="refunded")
    kernel.hold(one, "rsv_1", 90, at(1))
    clawed = undoing.clawback(one, lot, 100, posting("clawback"), forgive=False)
    assert clawed == (0, 30, 70, 0)
    assert buckets(one) == (0, 0, 90, 70)
    assert kinds(one)[-1] == ("clawback", -100)
    assert_sound(one)


def test_a_forgiving_program_writes_a_shortfall_off():
    one = account()
    lot = grant(one, 100)
    kernel.take(one, 80, posting("adjust"))
    clawed = undoing.clawback(one, lot, 100, posting("clawback"), forgive=True)
    assert clawed == (0, 20, 0, 80)
    assert clawed.taken == 20
    assert buckets(one) == (0, 0, 0, 0)
    assert_sound(one)


def test_nothing_to_take_and_everything_forgiven_leaves_no_entry():
    one = account()
    lot = grant(one, 100)
    kernel.take(one, 100, posting("adjust"))
    undoing.clawback(one, lot, 100, posting("clawback"), forgive=True)
    assert kinds(one) == [("earn", 100), ("adjust", -100)]


def test_points_of_others_that_are_still_pending_are_not_taken_for_a_refund():
    one = account()
    lot = grant(one, 100)
    kernel.take(one, 100, posting("adjust"))
    grant(one, 40, id="next", available=14)
    undoing.clawback(one, lot, 100, posting("clawback"), forgive=False)
    assert buckets(one) == (0, 40, 0, 100)
    move_clock(one, at(14))
    assert buckets(one) == (0, 0, 0, 60)


def owing(units):
    one = account()
    lot = grant(one, units, id="refunded")
    kernel.take(one, units, posting("adjust"))
    undoing.clawback(one, lot, units, posting("clawback"), forgive=False)
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
    undoing.clawback(one, lot, 100, posting("clawback"), forgive=False)
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
    undoing.give_back_captured(one, hold, 60, posting("redeem_return"))
    assert left(one) == {1: 50, 2: 10}
    assert_sound(one)


def test_points_that_come_back_in_parts_end_where_they_would_at_once():
    one, hold = captured(units=90)
    for number in range(9):
        given_back = posting("redeem_return", id=str(number))
        undoing.give_back_captured(one, hold, 10, given_back)
        assert_sound(one)
    assert left(one) == {1: 50, 2: 50}
    assert hold.returned == 90


def test_points_that_come_back_after_their_expiry_expire_again():
    one, hold = captured()
    move_clock(one, at(40))
    undoing.give_back_captured(one, hold, 100, posting("redeem_return"))
    assert left(one) == {1: 50}
    assert kinds(one)[-2:] == [("redeem_return", 100), ("expire", -50)]
    assert_sound(one)


def test_only_what_was_captured_can_come_back_of_a_partly_captured_hold():
    one = account()
    grant(one, 100)
    hold = kernel.hold(one, "rsv_1", 80, at(1))
    kernel.capture(one, hold, 50, REDEEM)
    undoing.give_back_captured(one, hold, 50, posting("redeem_return"))
    assert buckets(one) == (100, 0, 0, 0)
    assert_sound(one)


def undo(one, lot, units, taken):
    back = posting("reinstate")
    undoing.reinstate(one, lot, units, back, taken=taken, fresh_until=at(365))


def test_a_clawback_undone_puts_points_back_where_they_were():
    one = account()
    lot = grant(one, 100, id="refunded", expires=10)
    grant(one, 50, id="other", expires=90)
    kernel.take(one, 80, posting("adjust"))
    undoing.clawback(one, lot, 60, posting("clawback"), forgive=False)
    move_clock(one, at(20))
    undo(one, lot, 60, {1: 20, 2: 40})
    assert left(one) == {2: 50}
    assert kinds(one)[-2:] == [("reinstate", 60), ("expire", -20)]
    assert_sound(one)


def test_an_undone_clawback_pays_what_is_owed_first():
    one = owing(60)
    undo(one, one.lots[1], 60, {})
    assert buckets(one) == (0, 0, 0, 0)
    grant(one, 10, id="2")
    undo(one, one.lots[1], 5, {})
    assert buckets(one) == (15, 0, 0, 0)
    assert_sound(one)


def test_what_was_paid_of_a_debt_comes_back_in_a_new_lot_if_the_old_one_has_expired():
    one = account()
    lot = grant(one, 60, id="refunded", expires=10)
    kernel.take(one, 60, posting("adjust"))
    undoing.clawback(one, lot, 60, posting("clawback"), forgive=False)
    move_clock(one, at(20))
    grant(one, 60, id="next")
    undo(one, lot, 60, {})
    assert [(lot.remaining, lot.expires_at) for lot in one.spendable()] == [(60, at(365))]
    assert_sound(one)


def test_points_redeemed_again_are_taken_from_where_they_went():
    one, hold = captured(units=90)
    undoing.give_back_captured(one, hold, 60, posting("redeem_return", id="1"))
    undoing.redeem_again(one, hold, 50, posting("redeem", "refund"))
    assert left(one) == {1: 20}  # 10 were never spent, 10 are still back
    assert hold.returned == 10
    assert_sound(one)


def test_returned_points_that_were_spent_are_taken_elsewhere_and_then_owed():
    one, hold = captured()
    undoing.give_back_captured(one, hold, 100, posting("redeem_return", id="1"))
    kernel.take(one, 100, posting("adjust", id="2"))
    grant(one, 30, id="other")
    undoing.redeem_again(one, hold, 100, posting("redeem", "refund"))
    assert buckets(one) == (0, 0, 0, 70)
    assert_sound(one)


def test_returned_points_that_expired_are_not_paid_twice():
    one, hold = captured(parts=((100, 30),))
    move_clock(one, at(40))
    undoing.give_back_captured(one, hold, 100, posting("redeem_return", id="1"))
    grant(one, 30, id="other")
    one.touched = False
    undoing.redeem_again(one, hold, 100, posting("redeem", "refund"))
    assert buckets(one) == (30, 0, 0, 0)
    assert hold.returned == 0
    assert one.touched  # so that it is written
    assert_sound(one)
