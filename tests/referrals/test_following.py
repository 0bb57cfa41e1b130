"""Rewards follow the order that earned them, and net once however often it flips."""

import pytest

from tests.referrals.made import DAY, POINTS, code_of, events, list_all, refer, show, state
from tests.support import statements
from tests.support.money import NOON, Refused, open_shop


@pytest.fixture
def bought(shop):
    """A referral whose order of 50 euros counts."""
    made = refer(shop, "ann", "ben")
    shop.order("o", "ben", 5_000)
    return made


def test_a_refund_below_the_minimum_takes_both_rewards_back(shop, bought):
    shop.refund("o", "r1", 3_000)
    assert state(shop, bought) == "qualified"
    shop.refund("o", "r2", 1)
    now = show(shop, bought)
    assert now["state"] == "voided"
    assert now["rewards"]["advocate"]["taken_back"] == 300
    assert shop.points("ann") == {}
    assert shop.points("ben") == {"pending": 19}


def test_both_get_theirs_back_also_where_their_lots_have_the_same_number(open_shop):
    shop = open_shop(referrals=POINTS)
    shop.give("ann", 800)  # her reward's lot is number 2, as his is after the order's own
    shop.order("o", "ben", 5_000, referral_code=code_of(shop, "ann"))
    before = shop.balance("ann"), shop.balance("ben")
    shop.cancel("o")
    shop.reopen("o")
    assert (shop.balance("ann"), shop.balance("ben")) == before


def test_a_cancel_takes_both_back_and_reopening_gives_them_back(shop, bought):
    before = shop.balance("ann"), shop.balance("ben")
    shop.cancel("o")
    assert state(shop, bought) == "voided"
    assert (shop.points("ann"), shop.points("ben")) == ({}, {})
    shop.reopen("o")
    assert state(shop, bought) == "qualified"
    assert (shop.balance("ann"), shop.balance("ben")) == before


def test_rewards_net_once_however_often_the_order_flips(shop, bought):
    for _ in range(3):
        for _ in range(2):
            shop.cancel("o")
        for _ in range(2):
            shop.reopen("o")
    assert shop.points("ann") == {"pending": 300}
    assert sum(points for _, points in shop.kinds("ann")) == 300
    assert len(shop.kinds("ann")) == 7
    assert events(shop)[1:] == ["referral.qualified", *["referral.voided", "referral.restored"] * 3]
    shop.set_clock(NOON + 2 * DAY)
    assert shop.points("ann") == {"available": 300}


def test_what_was_spent_already_is_owed(shop, bought):
    shop.set_clock(NOON + 2 * DAY)
    shop.adjust("ann", -200)
    shop.cancel("o")
    assert shop.points("ann") == {"debt": 200}
    shop.reopen("o")
    assert shop.points("ann") == {"available": 100}
    assert state(shop, bought) == "rewarded"


def test_what_was_spent_already_is_forgiven_where_the_program_says_so(open_shop):
    shop = open_shop(earning={"on_shortfall": "forgive"})
    made = refer(shop, "ann", "ben")
    shop.order("o", "ben", 5_000)
    shop.set_clock(NOON + 2 * DAY)
    shop.adjust("ann", -200)
    shop.cancel("o")
    assert shop.points("ann") == {}
    shop.reopen("o")
    assert shop.points("ann") == {"available": 100}
    assert state(shop, made) == "rewarded"


def test_points_that_expired_meanwhile_are_not_taken_again(open_shop):
    shop = open_shop(earning={"expires_after": "PT240H"})
    refer(shop, "ann", "ben")
    shop.order("o", "ben", 5_000)
    shop.set_clock(NOON + 20 * DAY)
    assert shop.points("ann") == {}
    shop.cancel("o")
    assert shop.points("ann") == {}
    shop.reopen("o")
    assert shop.points("ann") == {}


def test_points_back_after_their_time_live_anew(open_shop):
    shop = open_shop(earning={"expires_after": "PT240H"})
    refer(shop, "ann", "ben")
    shop.order("o", "ben", 5_000)
    shop.set_clock(NOON + 2 * DAY)
    shop.cancel("o")
    shop.set_clock(NOON + 20 * DAY)
    shop.reopen("o")
    assert sum(points for _, points in shop.kinds("ann")) in {0, 300}


def test_an_unspent_voucher_is_revoked_and_good_again_afterwards(mixed_shop):
    shop = mixed_shop
    made = refer(shop, "ann", "ben")
    shop.order("o", "ben", 5_000)
    code = show(shop, made)["rewards"]["referee"]["voucher"]
    shop.set_clock(NOON + 2 * DAY)
    for _ in range(2):
        shop.cancel("o")
        assert shop.call("GET", f"/v1/vouchers/{code}")["state"] == "revoked"
        shop.reopen("o")
        voucher = shop.call("GET", f"/v1/vouchers/{code}")
        assert (voucher["state"], voucher["remaining"]) == ("issued", {"uses": 1})
    check = {"member": "ben", "order": {"currency": "EUR", "total": 5_000}}
    assert shop.call("POST", f"/v1/vouchers/{code}/check", check)["valid"]


def test_a_voucher_of_the_future_is_revoked_and_good_again_as_well(mixed_shop):
    shop = mixed_shop
    made = refer(shop, "ann", "ben")
    shop.order("o", "ben", 5_000)
    code = show(shop, made)["rewards"]["referee"]["voucher"]
    shop.cancel("o")
    assert shop.call("GET", f"/v1/vouchers/{code}")["remaining"] == {"uses": 0}
    shop.reopen("o")
    shop.set_clock(NOON + 3 * DAY)
    assert shop.call("GET", f"/v1/vouchers/{code}")["state"] == "issued"


def test_a_voucher_that_staff_revoked_stays_revoked(mixed_shop):
    shop = mixed_shop
    made = refer(shop, "ann", "ben")
    shop.order("o", "ben", 5_000)
    code = show(shop, made)["rewards"]["referee"]["voucher"]
    shop.call("POST", f"/v1/vouchers/{code}/revoke")
    shop.cancel("o")
    shop.reopen("o")
    assert shop.call("GET", f"/v1/vouchers/{code}")["state"] == "revoked"


def test_terms_that_changed_since_change_nothing(shop, bought):
    shop.put_program()  # no referrals any more
    shop.cancel("o")
    assert shop.points("ann") == {}
    shop.reopen("o")
    assert shop.points("ann") == {"pending": 300}


def test_another_order_of_the_referee_changes_nothing(shop, bought):
    shop.order("p", "ben", 9_000)
    shop.cancel("p")
    assert state(shop, bought) == "qualified"
    shop.cancel("o")
    shop.order("q", "ben", 9_000)
    assert state(shop, bought) == "voided"  # one order, one reward


def test_a_refund_of_anybody_elses_order_takes_one_statement_for_it(app):
    shop = open_shop(app)
    shop.order("o", "ann", 5_000)
    with statements.seen() as sent:
        shop.refund("o", "r", 100)
    assert sum("FROM referral" in one for one in sent) == 2  # with whom it concerns


def test_what_is_voided_frees_the_advocates_limit(open_shop):
    shop = open_shop(referrals={**POINTS, "limit": {"count": 1}})
    code = code_of(shop, "ann")
    shop.order("o", "ben", 5_000, referral_code=code)
    shop.cancel("o")
    shop.order("p", "cem", 5_000, referral_code=code)
    assert [one["state"] for one in list_all(shop)] == ["qualified", "voided"]


def test_points_used_on_the_order_later_count_as_no_money(shop, bought):
    shop.give("ben", 4_000)
    held = shop.reserve("ben", 4_000)["id"]
    shop.capture(held, "o")
    assert state(shop, bought) == "voided"
    with pytest.raises(Refused, match="409 reservation_not_held"):
        shop.void(held)
