"""Ways in which referrals have hurt people; each test is named for its number in the field notes.

Beside every shop another one uses the same names, and another advocate brings people of their own.
"""

import pytest

from tests.referrals.made import (
    DAY,
    MIXED,
    POINTS,
    approve,
    code_of,
    flags,
    list_all,
    open_referring,
    refer,
    show,
    state,
)
from tests.support.money import NOON, Refused, line


@pytest.fixture
def open_noisy(app):
    """Open a shop with noise around it; afterwards nobody else has changed."""
    opened = []

    def open_one(**terms):
        shop, other = (open_referring(app, **terms) for _ in range(2))
        for each, advocate, referee in ((shop, "zoe", "yan"), (other, "ann", "ben")):
            refer(each, advocate, referee)
            each.order("noise", referee, 5_000)
        opened.append((shop, "zoe"))
        opened.append((other, "ann"))
        return shop

    yield open_one
    for each, advocate in opened:
        assert each.kinds(advocate)[:1] == [("referral", 300)]
        assert sum(points for _, points in each.kinds(advocate)) == 300
        each.verify()


@pytest.fixture
def shop(open_noisy):
    return open_noisy()


def test_f16_a_buyer_who_spells_their_address_anew_is_not_brought_again(open_noisy):
    shop = open_noisy(referrals={**POINTS, "limit": {"count": 1}})
    refer(shop, "ann", "ben", email="b.en@gmail.com")
    shop.order("o", "ben", 5_000)
    for n, email in enumerate(("BEN@gmail.com", "ben+1@googlemail.com", "B.E.N@gmail.com")):
        with pytest.raises(Refused, match="409 already_referred"):
            refer(shop, "ann", f"ben-{n}", email=email)
        member = {"external_id": f"ben-{n}", "email": email}
        shop.order(f"o{n}", member, 5_000, referral_code=code_of(shop, "ann"))
    assert shop.kinds("ann") == [("referral", 300)]


def test_f16_a_customer_who_comes_back_as_somebody_new_was_a_customer_before(shop):
    shop.enrol("ben", email="ben@example.org")
    shop.order("o", "ben", 5_000)
    member = {"external_id": "ben-2", "email": "Ben+hello@Example.org"}
    shop.order("p", member, 5_000, referral_code=code_of(shop, "ann"))
    (made,) = list_all(shop, advocate="ann")
    assert (made["state"], flags(made)) == ("rejected", ["already_customer"])
    assert shop.points("ann") == {}


def test_f16_a_guest_checkout_counts_for_nobody(shop):
    shop.order("o", None, 5_000, referral_code=code_of(shop, "ann"))
    assert list_all(shop, advocate="ann") == []


@pytest.mark.parametrize(
    ("profile", "referee", "signals"),
    [
        ({"email": "ann@example.org"}, {"email": "ANN+friend@example.org"}, None),
        ({"phone": "+49 30 1234567"}, {"phone": "0049-30-1234567"}, None),
        ({}, {}, {"payment": "card-1"}),
        ({}, {}, {"device": "d-1"}),
        ({}, {}, {"address": "Main St. 1"}),
        ({}, {}, {"ip": "203.0.113.7"}),
    ],
)
def test_f21_where_both_are_one_person_nothing_becomes_spendable(shop, profile, referee, signals):
    shop.enrol("ann", **profile)
    made = refer(shop, "ann", "ann-2", signals=signals, advocate_signals=signals, **referee)
    assert made["state"] in {"rejected", "flagged"}
    shop.order("o", "ann-2", 5_000)
    shop.set_clock(NOON + 365 * DAY)
    assert show(shop, made)["state"] == made["state"]
    assert shop.points("ann") == {}
    assert shop.points("ann-2") == {"available": 50}


@pytest.mark.parametrize(
    "order",
    [
        {"total": 0},
        {"total": 1_999},
        {"total": 5_000, "gift_cards": 5_000},
        {"total": 5_000, "lines": [line("1", 5_000, gift_card=True)]},
    ],
)
def test_f21_where_nothing_real_was_bought_nothing_becomes_spendable(shop, order):
    made = refer(shop, "ann", "ben")
    shop.order("o", "ben", **order)
    shop.set_clock(NOON + 365 * DAY)
    assert state(shop, made) == "pending"
    assert shop.points("ann") == {}
    assert {kind for kind, _ in shop.kinds("ben")} <= {"earn"}


def test_f21_where_the_purchase_goes_back_within_its_time_nothing_becomes_spendable(shop):
    made = refer(shop, "ann", "ben")
    shop.order("o", "ben", 5_000)
    assert shop.points("ann") == {"pending": 300}
    shop.cancel("o")
    shop.set_clock(NOON + 365 * DAY)
    assert state(shop, made) == "voided"
    assert (shop.points("ann"), shop.points("ben")) == ({}, {})


def test_f21_review_fails_closed_however_long_nobody_decides(shop):
    seen = {"ip": "203.0.113.7"}
    refer(shop, "ann", "ben", signals=seen)
    made = refer(shop, "ann", "cem", signals=seen)
    shop.order("o", "cem", 5_000)
    shop.set_clock(NOON + 3_650 * DAY)
    assert state(shop, made) == "flagged"
    assert shop.points("ann") == {}
    assert approve(shop, made)["state"] == "rewarded"
    assert shop.points("ann") == {"available": 300}


def test_f22_a_refund_in_parts_takes_both_rewards_back_once(shop):
    refer(shop, "ann", "ben")
    shop.order("o", "ben", 5_000)
    for n in range(5):
        shop.refund("o", f"r{n}", 1_000)
    assert (shop.points("ann"), shop.points("ben")) == ({}, {})
    assert shop.kinds("ann") == [("referral", 300), ("clawback", -300)]


def test_f22_a_dispute_won_later_gives_both_back_net_once(open_noisy):
    shop = open_noisy(referrals=MIXED)
    made = refer(shop, "ann", "ben")
    shop.order("o", "ben", 5_000)
    code = show(shop, made)["rewards"]["referee"]["voucher"]
    shop.set_clock(NOON + 3 * DAY)
    before = shop.balance("ann"), shop.call("GET", f"/v1/vouchers/{code}")
    for _ in range(3):
        shop.cancel("o")  # the dispute is opened
        assert shop.points("ann") == {}
        assert shop.call("GET", f"/v1/vouchers/{code}")["state"] == "revoked"
        shop.reopen("o")  # and won
    assert (shop.balance("ann"), shop.call("GET", f"/v1/vouchers/{code}")) == before


def test_f22_rewards_that_were_spent_already_are_owed_and_owed_no_more_when_it_is_won(shop):
    refer(shop, "ann", "ben")
    shop.order("o", "ben", 5_000)
    shop.set_clock(NOON + 3 * DAY)
    held = shop.reserve("ann", 300)["id"]
    shop.order("a", "ann", 10_000, reservations=[held])
    shop.cancel("o")
    assert shop.points("ann")["debt"] == 300
    shop.reopen("o")
    assert "debt" not in shop.points("ann")
