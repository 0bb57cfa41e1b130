"""The order that makes a referral count, and when its rewards can be spent."""

import pytest

from tests.referrals.made import (
    DAY,
    POINTS,
    VOUCHER,
    approve,
    code_of,
    events,
    flags,
    list_all,
    of_member,
    refer,
    reject,
    show,
    state,
)
from tests.support import statements
from tests.support.money import NOON, Refused, line, new_order


def test_both_sides_are_rewarded_once_the_return_period_is_over(shop):
    made = refer(shop, "ann", "ben")
    shop.order("o", "ben", 2_000)
    now = show(shop, made)
    assert (now["state"], now["order_id"]) == ("qualified", "o")
    assert now["available_at"] == "2026-03-03T12:00:00Z"
    assert now["rewards"]["advocate"] == {"points": 300, "taken_back": 0, "voucher": None}
    assert shop.points("ann") == {"pending": 300}
    assert shop.points("ben") == {"pending": 120}
    assert shop.balance("ann")["arriving"] == [
        {"points": 300, "available_at": "2026-03-03T12:00:00Z"}
    ]
    assert of_member(shop, "ann")["pending"] == 1
    shop.set_clock(NOON + 2 * DAY)
    assert state(shop, made) == "rewarded"
    assert shop.points("ann") == {"available": 300}
    told = of_member(shop, "ann")
    assert (told["rewarded"], told["pending"]) == (1, 0)
    assert list_all(shop, state="rewarded") == [show(shop, made)]
    assert list_all(shop, state="qualified") == []


def test_the_entries_explain_themselves(shop):
    made = refer(shop, "ann", "ben")
    shop.order("o", "ben", 2_000)
    (entry,) = shop.entries("ann")
    assert (entry["kind"], entry["points"]) == ("referral", 300)
    assert entry["source"] == {"type": "referral", "id": made["id"]}
    assert entry["explanation"] == (
        "300 points for recommending us: somebody you brought has ordered."
    )
    assert events(shop) == ["referral.recorded", "referral.qualified"]


def test_a_voucher_waits_for_the_return_period_too(mixed_shop):
    shop = mixed_shop
    made = refer(shop, "ann", "ben")
    shop.order("o", "ben", 2_000)
    code = show(shop, made)["rewards"]["referee"]["voucher"]
    voucher = shop.call("GET", f"/v1/vouchers/{code}")
    assert (voucher["member"], voucher["class"]) == ("ben", "promotional")
    assert voucher["starts_at"] == "2026-03-03T12:00:00Z"
    assert voucher["expires_at"] == "2026-05-02T12:00:00Z"
    assert voucher["source"] == {"type": "referral", "id": made["id"]}
    check = {"member": "ben", "order": {"currency": "EUR", "total": 5_000}}
    with pytest.raises(Refused, match="422 voucher_not_usable"):
        shop.call("POST", f"/v1/vouchers/{code}/check", check)
    shop.set_clock(NOON + 2 * DAY)
    answer = shop.call("POST", f"/v1/vouchers/{code}/check", check)
    assert answer["discount"] == {"amount": 500, "currency": "EUR"}


def test_both_a_voucher_and_points_may_be_given(open_shop):
    shop = open_shop(referrals={"advocate": {"points": 5, "voucher": VOUCHER}})
    made = refer(shop, "ann", "ben")
    shop.order("o", "ben", 1)
    rewards = show(shop, made)["rewards"]
    assert rewards["advocate"]["points"] == 5
    assert rewards["advocate"]["voucher"]
    assert rewards["referee"] is None


def test_the_first_order_that_is_large_enough_counts(shop):
    made = refer(shop, "ann", "ben")
    shop.order("small", "ben", 1_999)
    assert state(shop, made) == "pending"
    shop.order("large", "ben", 2_000)
    shop.order("larger", "ben", 20_000)
    assert show(shop, made)["order_id"] == "large"
    assert shop.kinds("ann") == [("referral", 300)]


@pytest.mark.parametrize(
    "order",
    [
        {"total": 0},
        {"total": 5_000, "gift_cards": 4_000},
        {"total": 5_000, "lines": [line("1", 5_000, gift_card=True)]},
    ],
)
def test_what_is_no_purchase_rewards_nobody(shop, order):
    made = refer(shop, "ann", "ben")
    shop.order("o", "ben", **order)
    assert state(shop, made) == "pending"
    assert shop.points("ann") == {}


def test_an_order_paid_with_points_rewards_nobody(shop):
    made = refer(shop, "ann", "ben")
    shop.give("ben", 5_000)
    held = shop.reserve("ben", 4_000)["id"]
    shop.order("o", "ben", 5_000, reservations=[held])
    assert state(shop, made) == "pending"


def test_the_first_order_may_tell_the_code(shop):
    code = code_of(shop, "ann")
    shop.order("o", "ben", 2_000, referral_code=code.lower())
    (made,) = list_all(shop)
    assert (made["state"], made["referee"], made["code"]) == ("qualified", "ben", code)
    assert shop.points("ann") == {"pending": 300}


def test_a_small_first_order_with_a_code_is_remembered(shop):
    shop.order("o", "ben", 100, referral_code=code_of(shop, "ann"))
    (made,) = list_all(shop)
    assert made["state"] == "pending"
    shop.order("p", "ben", 2_000)
    assert state(shop, made) == "qualified"


def test_a_code_that_nobody_has_is_no_reason_to_refuse_an_order(shop):
    shop.order("o", "ben", 2_000, referral_code="NOBODY-1")
    assert list_all(shop) == []


def test_a_later_order_with_a_code_is_a_customers(shop):
    shop.order("o", "ben", 2_000)
    shop.order("p", "ben", 2_000, referral_code=code_of(shop, "ann"))
    (made,) = list_all(shop)
    assert (made["state"], flags(made)) == ("rejected", ["already_customer"])
    assert shop.points("ann") == {}


def test_another_code_on_an_order_changes_nothing(shop):
    made = refer(shop, "ann", "ben")
    shop.order("o", "ben", 2_000, referral_code=code_of(shop, "cem"))
    assert list_all(shop) == [show(shop, made)]
    assert shop.points("cem") == {}


def test_ones_own_code_on_an_order_is_refused(shop):
    code = code_of(shop, "ann")
    shop.order("o", "ann", 2_000, referral_code=code)
    (made,) = list_all(shop)
    assert flags(made) == ["self_referral"]
    assert [kind for kind, _ in shop.kinds("ann")] == ["earn"]


def test_ones_own_code_under_another_id_is_refused(shop):
    code = code_of(shop, "ann")
    shop.enrol("ann", email="ann@example.org")
    other = {"external_id": "ann-2", "email": "ANN+x@example.org"}
    shop.order("o", other, 2_000, referral_code=code)
    (made,) = list_all(shop)
    assert flags(made) == ["self_referral", "same_email"]
    assert shop.points("ann") == {}


def test_a_person_brought_under_another_id_is_not_brought_again(shop):
    refer(shop, "ann", "ben", email="ben@example.org")
    other = {"external_id": "ben-2", "email": "Ben+2@example.org"}
    shop.order("o", other, 2_000, referral_code=code_of(shop, "cem"))
    assert [one["referee"] for one in list_all(shop)] == ["ben"]


def test_a_guests_code_is_nobodys(shop):
    shop.order("o", None, 2_000, referral_code=code_of(shop, "ann"))
    assert list_all(shop) == []


def test_more_than_the_advocates_limit_waits_for_a_person(open_shop):
    shop = open_shop(referrals={**POINTS, "limit": {"count": 2, "per": "P30D"}})
    made = [refer(shop, "ann", name) for name in ("ben", "cem", "dan")]
    for n, name in enumerate(("ben", "cem", "dan")):
        shop.order(f"o{n}", name, 2_000)
    assert [state(shop, one) for one in made] == ["qualified", "qualified", "flagged"]
    assert flags(show(shop, made[2])) == ["over_limit"]
    assert of_member(shop, "ann")["limit"]["remaining"] == 0
    assert shop.points("ann") == {"pending": 600}
    assert shop.points("dan") == {"pending": 20}
    shop.set_clock(NOON + 31 * DAY)
    assert state(shop, made[2]) == "flagged"  # nothing is paid because time went by
    last = refer(shop, "ann", "eve")
    shop.order("o3", "eve", 2_000)
    assert state(shop, last) == "qualified"


def test_a_batch_counts_against_the_limit_as_it_goes(open_shop):
    shop = open_shop(referrals={**POINTS, "limit": {"count": 2}})
    code = code_of(shop, "ann")
    orders = [new_order(f"o{n}", f"m{n}", 2_000, referral_code=code) for n in range(5)]
    assert {result["status"] for result in shop.batch(*orders)} == {201}
    assert sorted(one["state"] for one in list_all(shop)) == ["flagged"] * 3 + ["qualified"] * 2
    assert shop.points("ann") == {"pending": 600}


def test_two_orders_of_one_referee_in_a_batch_count_once(shop):
    code = code_of(shop, "ann")
    shop.batch(*(new_order(f"o{n}", "ben", 2_000, referral_code=code) for n in range(3)))
    assert [one["order_id"] for one in list_all(shop)] == ["o0"]
    assert shop.points("ann") == {"pending": 300}


def test_an_advocate_may_order_in_the_same_batch(shop):
    made = refer(shop, "ann", "ben")
    shop.batch(new_order("a", "ann", 1_000), new_order("b", "ben", 2_000))
    assert state(shop, made) == "qualified"
    assert shop.points("ann") == {"pending": 310}


def test_a_preview_rewards_nobody(shop):
    made = refer(shop, "ann", "ben")
    shop.preview("o", "ben", 2_000)
    assert state(shop, made) == "pending"


def test_a_repeated_order_rewards_once(shop):
    refer(shop, "ann", "ben")
    for _ in range(2):
        shop.order("o", "ben", 2_000)
    assert shop.kinds("ann") == [("referral", 300)]


def test_a_flagged_referral_is_paid_when_a_person_approves_it(shop):
    seen = {"ip": "203.0.113.7"}
    refer(shop, "ann", "ben", signals=seen)
    made = refer(shop, "ann", "cem", signals=seen)
    shop.order("o", "cem", 2_000)
    shop.set_clock(NOON + 90 * DAY)
    assert state(shop, made) == "flagged"
    assert shop.points("ann") == {}
    told = approve(shop, made, note="They share an office.")
    assert (told["state"], told["decision"]) == ("rewarded", "approved")
    assert told["note"] == "They share an office."
    assert told["decided_by"].startswith("key:")
    assert shop.points("ann") == {"available": 300}
    assert approve(shop, made) == told  # once
    with pytest.raises(Refused, match="409 referral_not_flagged"):
        reject(shop, made)


def test_one_approved_before_the_order_waits_for_it(shop):
    seen = {"ip": "203.0.113.7"}
    refer(shop, "ann", "ben", signals=seen)
    made = refer(shop, "ann", "cem", signals=seen)
    assert approve(shop, made)["state"] == "pending"
    shop.order("o", "cem", 2_000)
    assert state(shop, made) == "qualified"


def test_a_rejected_one_is_never_paid(shop):
    seen = {"ip": "203.0.113.7"}
    refer(shop, "ann", "ben", signals=seen)
    made = refer(shop, "ann", "cem", signals=seen)
    told = reject(shop, made, note="One household, one customer.")
    assert (told["state"], told["decision"]) == ("rejected", "rejected")
    assert reject(shop, made) == told
    shop.order("o", "cem", 2_000)
    assert shop.points("ann") == {}
    with pytest.raises(Refused, match="409 referral_not_flagged"):
        approve(shop, made)


def test_what_is_not_flagged_is_not_decided(shop):
    made = refer(shop, "ann", "ben")
    for decide in (approve, reject):
        with pytest.raises(Refused, match="409 referral_not_flagged"):
            decide(shop, made)


def test_one_approved_after_its_order_was_refunded_is_paid_when_the_order_counts_again(shop):
    seen = {"ip": "203.0.113.7"}
    refer(shop, "ann", "ben", signals=seen)
    made = refer(shop, "ann", "cem", signals=seen)
    shop.order("o", "cem", 2_000)
    shop.cancel("o")
    assert approve(shop, made)["state"] == "voided"
    assert shop.points("ann") == {}
    shop.reopen("o")
    assert state(shop, made) == "qualified"
    assert shop.points("ann") == {"pending": 300}


def test_what_is_approved_is_given_or_nothing_changes(shop):
    seen = {"ip": "203.0.113.7"}
    refer(shop, "ann", "ben", signals=seen)
    made = refer(shop, "ann", "cem", signals=seen)
    shop.order("o", "cem", 2_000)
    shop.give("ann", 2**53 - 200)
    with pytest.raises(Refused, match="409 referral_not_payable"):
        approve(shop, made)
    assert state(shop, made) == "flagged"
    shop.adjust("ann", -1_000)
    assert approve(shop, made)["state"] == "qualified"


def test_an_advocate_without_room_never_stops_an_order(shop):
    shop.give("ann", 2**53 - 200)
    made = refer(shop, "ann", "ben")
    shop.order("o", "ben", 2_000)
    assert flags(show(shop, made)) == ["balance_too_large"]


def test_without_referrals_no_order_reads_anything_about_them(shop):
    shop.order("before", "ann", 2_000)
    with statements.seen() as sent:
        shop.order("o", "ann", 2_000)
        shop.order("p", "new", 2_000)
    assert not any("referral " in one or '"referral"' in one for one in sent)


def test_the_number_of_statements_does_not_depend_on_the_number_of_referrals(shop):
    code = code_of(shop, "ann")

    def count(names):
        orders = [new_order(f"o-{name}", name, 2_000, referral_code=code) for name in names]
        with statements.seen() as sent:
            shop.batch(*orders)
        return len(sent)

    count(["warm-1", "warm-2"])
    assert count(["x1", "x2"]) == count([f"y{n}" for n in range(30)])
