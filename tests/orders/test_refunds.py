"""Refunds: as if only the rest had been bought, however many refunds it took."""

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.money import BASE, NOON, Refused, line, open_shop

DAY = timedelta(days=1)
BIG = {
    "id": "big",
    "kind": "large_order",
    "thresholds": [{"from": 5_000, "points": 40}, {"from": 9_000, "points": 90}],
}
PIECES = {"id": "tea", "kind": "product", "skus": ["TEA"], "points": 3}
DOUBLE = {
    "id": "double",
    "kind": "multiplier",
    "factor": "2.5",
    "where": {"field": "line.category", "op": "is", "value": "tea"},
}
FOR_THE_SERVICE = settings(
    max_examples=20,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@st.composite
def refund_plans(draw):
    """Refunds of a whole order of 10,000 with two lines, some told by line, in two orders."""
    by_line = {
        id: draw(
            st.lists(st.integers(1, 2_000), max_size=3).filter(lambda each: sum(each) <= 4_000)
        )
        for id in ("1", "2")
    }
    told = [
        (amount + more, [line(id, amount)])
        for id, amounts in by_line.items()
        for amount in amounts
        for more in [draw(st.sampled_from([0, 0, 150]))]
    ]
    left = 10_000 - sum(amount for amount, _ in told)
    for size in draw(st.lists(st.integers(1, 1_500), max_size=4)):
        if size < left:
            told.append((size, []))
            left -= size
    return told, draw(st.permutations(told))


@given(refund_plans())
@FOR_THE_SERVICE
def test_any_order_of_refunds_ends_where_any_other_ends(app, plan):
    shop = open_shop(
        app, BASE, BIG, PIECES, DOUBLE, redemption={"points_per": {"points": 1, "amount": 1}}
    )
    lines = [
        line("1", 5_000, sku="TEA", category="tea", quantity=5),
        line("2", 4_500, sku="CUP", category="cups", quantity=3),
    ]
    ends = []
    for name, refunds in zip(("ann", "bob"), plan, strict=True):
        shop.give(name, 700)
        held = shop.reserve(name, 700)["id"]
        shop.order(name, name, 10_000, tax=500, lines=lines, reservations=[held])
        for n, (amount, parts) in enumerate(refunds):
            shop.refund(name, f"r{n}", amount, lines=parts)
        order = shop.get_order(name)
        ends.append((shop.points(name), order["points"]["kept"], order["refunded"]))
    assert ends[0] == ends[1]
    shop.verify()


@given(
    st.lists(st.integers(1, 3_000), min_size=1, max_size=8).filter(lambda each: sum(each) <= 10_000)
)
@FOR_THE_SERVICE
def test_many_refunds_take_what_one_of_their_sum_takes(app, amounts):
    shop = open_shop(app, BASE, BIG)
    for name in ("ann", "bob"):
        shop.order(name, name, 10_000)
    for n, amount in enumerate(amounts):
        shop.refund("ann", f"r{n}", amount)
    shop.refund("bob", "r", sum(amounts))
    assert shop.points("ann") == shop.points("bob")
    assert shop.get_order("ann")["points"] == shop.get_order("bob")["points"]


@pytest.mark.parametrize("parts", [[5] * 20, [100], [1] * 100, [99, 1]])
def test_a_euro_refunded_in_parts_takes_one_point(shop, parts):
    shop.order("o", "ann", 10_099)
    for n, amount in enumerate(parts):
        shop.refund("o", f"r{n}", amount)
    assert shop.points("ann") == {"available": 99}


def test_a_bonus_for_size_goes_when_the_order_is_no_longer_of_that_size(app):
    shop = open_shop(app, BASE, BIG)
    shop.order("o", "ann", 10_000)
    assert shop.points("ann") == {"available": 190}
    shop.refund("o", "r1", 1_000)
    assert shop.points("ann") == {"available": 180}
    shop.refund("o", "r2", 1)
    assert shop.points("ann") == {"available": 89 + 40}


def test_points_are_taken_from_pending_then_available_then_owed(app):
    shop = open_shop(app, earning={"settles_after": "P7D"})
    shop.give("ann", 30)
    shop.order("o", "ann", 10_000)
    refund = shop.refund("o", "r1", 1_000)
    assert refund["points"]["from"] == {"pending": 10, "available": 0, "debt": 0}
    assert shop.points("ann") == {"available": 30, "pending": 90}
    shop.set_clock(NOON + 7 * DAY)
    shop.adjust("ann", -100)
    refund = shop.refund("o", "r2", 9_000)
    assert refund["points"] == {
        "clawed_back": 90,
        "from": {"pending": 0, "available": 20, "debt": 70},
        "forgiven": 0,
        "returned": 0,
    }
    assert shop.points("ann") == {"debt": 70}
    shop.give("ann", 100)
    assert shop.points("ann") == {"available": 30}
    shop.verify()


def test_a_forgiving_shop_takes_what_is_there_and_writes_off_the_rest(app):
    shop = open_shop(app, earning={"on_shortfall": "forgive"})
    shop.order("o", "ann", 10_000)
    shop.adjust("ann", -80)
    refund = shop.refund("o", "r", 5_000)
    assert (refund["points"]["clawed_back"], refund["points"]["forgiven"]) == (20, 30)
    assert shop.points("ann") == {}
    refund = shop.cancel("o")
    assert (refund["points"]["clawed_back"], refund["points"]["forgiven"]) == (0, 50)
    shop.reopen("o")
    assert shop.points("ann") == {}
    assert shop.get_order("o")["points"]["kept"] == 50


def test_what_has_expired_is_not_taken_once_more(app):
    shop = open_shop(app, earning={"expires_after": "P10D"})
    shop.order("o", "ann", 10_000)
    shop.adjust("ann", -60)
    shop.set_clock(NOON + 20 * DAY)
    shop.order("p", "ann", 20_000)
    shop.refund("o", "r", 10_000)
    assert shop.points("ann") == {"available": 200 - 60}
    shop.verify()


def test_what_has_expired_counts_as_gone_before_anything_is_taken(app):
    shop = open_shop(app, earning={"expires_after": "P10D"})
    shop.order("o", "ann", 10_000)
    shop.adjust("ann", -30)
    shop.set_clock(NOON + 20 * DAY)
    shop.order("p", "ann", 20_000)
    assert shop.refund("o", "r1", 5_000)["points"]["clawed_back"] == 0
    assert shop.refund("o", "r2", 5_000)["points"]["clawed_back"] == 30


def test_returned_points_are_rounded_down_until_the_last_refund(shop):
    shop.give("ann", 10)
    shop.order("o", "ann", 100, reservations=[shop.reserve("ann", 10)["id"]])
    returned = [shop.refund("o", f"r{n}", 33)["points"]["returned"] for n in range(3)]
    assert [*returned, shop.refund("o", "r3", 1)["points"]["returned"]] == [3, 3, 3, 1]
    assert shop.points("ann") == {"available": 10}


def test_points_that_were_given_away_are_owed_by_the_giver(shop):
    shop.order("o", "ann", 10_000)
    shop.enrol("bob")
    shop.transfer("ann", "bob", 100)
    shop.refund("o", "r", 10_000)
    assert (shop.points("ann"), shop.points("bob")) == ({"debt": 100}, {"available": 100})


def test_held_points_stay_with_their_checkout_and_the_refund_is_owed(shop):
    shop.order("o", "ann", 10_000)
    held = shop.reserve("ann", 80)["id"]
    shop.refund("o", "r", 10_000)
    assert shop.points("ann") == {"held": 80, "debt": 80}
    shop.void(held)
    assert shop.points("ann") == {}
    shop.verify()


def test_refunding_a_line_of_a_discounted_order_counts_its_share_of_what_was_charged(shop):
    lines = [line("1", 8_000), line("2", 2_000)]
    shop.order("o", "ann", 5_000, lines=lines)
    shop.refund("o", "r1", 1_000, lines=[line("2", 1_000)])
    # 4/5 and half of 1/5 of what was charged is left: 4,500, no part of it charged twice
    assert shop.points("ann") == {"available": 45}
    shop.refund("o", "r2", 4_000)
    assert shop.points("ann") == {}


def test_more_than_is_left_of_a_line_is_refused(shop):
    shop.order("o", "ann", 10_000, lines=[line("1", 8_000), line("2", 2_000)])
    shop.refund("o", "r1", 1_500, lines=[line("2", 1_500)])
    for lines in ([line("2", 501)], [line("3", 1)], [line("1", 400), line("2", 601)]):
        with pytest.raises(Refused, match="422 refund_exceeds_order") as refused:
            shop.refund("o", "r2", 1_000, lines=lines)
        assert refused.value.problem["errors"][0]["pointer"].startswith("/lines")
    assert shop.get_order("o")["refunded"] == 1_500


def test_the_same_refund_id_with_another_amount_is_a_conflict(shop):
    shop.order("o", "ann", 10_000)
    shop.refund("o", "r", 1_000)
    with pytest.raises(Refused, match="409 refund_conflict"):
        shop.refund("o", "r", 2_000)


def test_refunds_whose_ids_could_be_misread_for_one_another_are_two(shop):
    for id in ("a", "a/b"):
        shop.order(id, "ann", 10_000)
    shop.refund("a/b", "c", 5_000)
    shop.refund("a", "b/c", 5_000)
    assert shop.points("ann") == {"available": 100}
    shop.verify()


def test_a_guests_order_can_be_refunded_too(shop):
    shop.order("o", None, 10_000)
    refund = shop.refund("o", "r", 4_000)
    assert refund["order"]["refunded"] == 4_000
    assert refund["points"]["clawed_back"] == 0
    assert shop.cancel("o")["amount"] == 6_000


def test_points_redeemed_on_a_guests_order_come_back_to_whose_they_were(shop):
    shop.give("ann", 100)
    shop.capture(shop.reserve("ann", 100)["id"], "o")
    shop.order("o", None, 10_000)
    assert shop.refund("o", "r", 5_000)["points"]["returned"] == 50
    assert shop.points("ann") == {"available": 50}
    shop.cancel("o")
    shop.reopen("o")
    assert shop.points("ann") == {"available": 50}
    shop.verify()


def test_a_refund_of_a_merged_members_order_is_taken_from_who_they_became(shop):
    for name in ("ann", "bob"):
        shop.enrol(name)
    shop.order("o", "ann", 10_000)
    shop.give("ann", 60)
    shop.order("p", "ann", 10_000, reservations=[shop.reserve("ann", 60)["id"]])
    shop.merge("ann", "bob")
    shop.refund("o", "r", 5_000)
    assert shop.points("bob") == {"available": 50 + 99}
    shop.cancel("p")
    assert shop.points("bob") == {"available": 50 + 60}
    shop.reopen("p")
    assert shop.points("bob") == {"available": 50 + 99}
    assert shop.call("GET", "/v1/members/bob")["stats"]["spend"] == 15_000
    shop.verify()


def test_a_refund_of_an_erased_members_order_is_recorded_and_takes_nothing(shop):
    shop.order("o", "ann", 10_000)
    shop.call("DELETE", "/v1/members/ann")
    refund = shop.refund("o", "r", 5_000)
    assert refund["points"]["clawed_back"] == 0
    assert refund["order"]["refunded"] == 5_000
    assert refund["order"]["member"] is None
    shop.cancel("o")
    shop.reopen("o")
    shop.verify()


def test_a_refund_lowers_the_tier_that_the_order_had_reached(app):
    gold = {"id": "gold", "qualify": {"spend": 10_000}, "factor": "2"}
    shop = open_shop(app, tiers=[gold])
    shop.order("o", "ann", 10_000)
    assert shop.order("p", "ann", 1_000)["points"]["granted"] == 20
    shop.refund("o", "r", 5_000)
    assert shop.call("GET", "/v1/members/ann")["tier"] is None
    assert shop.order("q", "ann", 1_000)["points"]["granted"] == 10
    assert shop.get_order("p")["points"]["kept"] == 20
