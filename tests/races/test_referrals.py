"""Referrals at the very same moment: one advocate, one reward, and limits that hold."""

from collections import Counter

import pytest

from tests.races.crowd import Call
from tests.referrals.made import POINTS, code_of, list_all, new_referral, open_referring, refer
from tests.support.money import new_order


@pytest.fixture
def open_shop(racing_app):
    """Open shops whose ledgers must be sound when the race is over."""
    opened = []

    def open_one(**terms):
        opened.append(open_referring(racing_app, **terms))
        return opened[-1]

    yield open_one
    for shop in opened:
        shop.verify()


def post(shop, path, body=None):
    return Call(shop.key, "POST", path, body)


def statuses(answers):
    return Counter(answer.status for answer in answers)


@pytest.mark.parametrize("is_known", [False, True])
def test_of_advocates_who_bring_one_person_at_once_one_does(open_shop, rush, is_known):
    shop = open_shop()
    codes = [code_of(shop, f"a{n}") for n in range(8)]
    if is_known:
        shop.enrol("ben")
    answers = rush([post(shop, "/v1/referrals", new_referral(code, "ben")) for code in codes])
    assert statuses(answers) == {201: 1, 409: 7}
    assert {answer.code for answer in answers if answer.status == 409} == {"already_referred"}
    assert len(list_all(shop)) == 1


def test_of_orders_of_one_referee_at_once_one_counts(open_shop, rush):
    shop = open_shop()
    refer(shop, "ann", "ben")
    orders = [post(shop, "/v1/orders", new_order(f"o{n}", "ben", 5_000)) for n in range(16)]
    assert statuses(rush(orders)) == {201: 16}
    assert shop.kinds("ann") == [("referral", 300)]


def test_first_orders_of_somebody_new_with_different_codes_count_for_one_advocate(open_shop, rush):
    shop = open_shop()
    codes = [code_of(shop, f"a{n}") for n in range(8)]
    calls = [
        post(shop, "/v1/orders", new_order(f"o{n}", "ben", 5_000, referral_code=code))
        for n, code in enumerate(codes)
    ]
    assert statuses(rush(calls)) == {201: 8}
    rewarded = [points for n in range(8) for _, points in shop.kinds(f"a{n}")]
    assert rewarded == [300]


def test_an_advocates_limit_holds_for_orders_at_once(open_shop, rush):
    shop = open_shop(referrals={**POINTS, "limit": {"count": 5, "per": "P30D"}})
    code = code_of(shop, "ann")
    calls = [
        post(shop, "/v1/orders", new_order(f"o{n}", f"m{n}", 5_000, referral_code=code))
        for n in range(24)
    ]
    assert statuses(rush(calls)) == {201: 24}
    assert Counter(one["state"] for one in list_all(shop)) == {"qualified": 5, "flagged": 19}
    assert shop.points("ann") == {"pending": 1_500}


def test_advocates_and_referees_who_all_order_at_once_do_not_block_each_other(open_shop, rush):
    shop = open_shop()
    for n in range(6):
        refer(shop, f"m{n}", f"m{n + 1}")
    calls = [post(shop, "/v1/orders", new_order(f"o{n}", f"m{n}", 5_000)) for n in range(7)]
    batch = [new_order(f"b{n}", f"m{n}", 5_000) for n in range(7)]
    calls += [post(shop, "/v1/orders/batch", {"orders": batch})]
    assert set(statuses(rush(calls))) == {200, 201}
    assert all(("referral", 300) in shop.kinds(f"m{n}") for n in range(6))


def test_cancels_and_reopens_at_once_net_once(open_shop, rush):
    shop = open_shop()
    refer(shop, "ann", "ben")
    shop.order("o", "ben", 5_000)
    shop.cancel("o")
    calls = [post(shop, f"/v1/orders/o/{verb}") for verb in ("cancel", "reopen")] * 8
    assert set(statuses(rush(calls))) == {200}
    state = shop.get_order("o")["state"]
    assert shop.points("ann") == ({} if state == "cancelled" else {"pending": 300})


def test_approvals_at_once_pay_once(open_shop, rush):
    shop = open_shop()
    seen = {"ip": "203.0.113.7"}
    refer(shop, "ann", "ben", signals=seen)
    made = refer(shop, "ann", "cem", signals=seen)
    shop.order("o", "cem", 5_000)
    path = f"/v1/referrals/{made['id']}"
    answers = rush([post(shop, f"{path}/approve", {})] * 16 + [post(shop, f"{path}/reject", {})])
    assert set(statuses(answers)) <= {200, 409}
    won = list_all(shop, referee="cem")[0]["state"]
    assert shop.points("ann") == ({"pending": 300} if won == "qualified" else {})
