"""What an order earns by each kind of rule."""

from datetime import UTC, datetime, timedelta
from fractions import Fraction

import pytest

from loyalty import earning
from tests.earning import made
from tests.earning.made import BASE, NOON, basket, facts, line, points, terms

THIRD = {"id": "third", "kind": "repeat_purchase", "every": 3, "points": 50}
FIRST = {"id": "first", "kind": "first_order", "points": 100}
SIZES = {
    "id": "sizes",
    "kind": "large_order",
    "thresholds": [{"from": 10_000, "points": 100}, {"from": 25_000, "points": 400}],
}


def rules_of(award):
    return {part.rule: part.points for part in award.breakdown}


def test_the_order_of_the_contract_earns_what_it_says():
    order = basket(
        12_500, line("1", 12_000, sku="TEA-1", category="tea", quantity=2), tax=1_996, shipping=500
    )

    award = earning.award(terms(BASE, THIRD, SIZES), order, facts(nth=3))

    assert award.basis == 10_004
    assert rules_of(award) == {"base": 100, "third": 50, "sizes": 100}


def test_f20_gift_cards_and_what_was_paid_with_value_earn_nothing():
    order = basket(
        10_000,
        line("1", 6_000),
        line("2", 4_000, gift_card=True),
        gift_cards=1_000,
        paid_with_points=500,
    )

    assert earning.award(terms(BASE), order, facts()).basis == 4_500
    assert earning.award(terms(BASE, exclude=[]), order, facts()).basis == 10_000


def test_f20_an_order_of_gift_cards_alone_earns_nothing():
    order = basket(4_000, line("1", 3_900, gift_card=True))

    assert points(terms(BASE, FIRST), order) == 0


def test_more_value_paid_than_goods_bought_earns_nothing():
    assert points(terms(BASE, FIRST), basket(1_000, tax=300, gift_cards=900)) == 0


def test_an_order_of_nothing_earns_no_bonus_either():
    program = terms(BASE, FIRST, {**THIRD, "every": 2})

    assert earning.award(program, basket(0), facts()) == earning.Award(0, (), 0)


def test_tax_is_spread_over_the_lines_by_their_amounts():
    tea = {**BASE, "where": made.tea}
    order = basket(
        3_000, line("1", 1_000, category="tea"), line("2", 2_000, category="cake"), tax=300
    )

    assert points(terms({**tea, "per": 1}), order) == 900


def test_lines_without_amounts_share_the_order_equally():
    tea = {**BASE, "where": made.tea}
    order = basket(3_000, line("1", 0, category="tea"), line("2", 0, category="cake"))

    assert points(terms(tea), order) == 15


def test_a_rule_that_matched_is_in_the_breakdown_even_with_no_points():
    assert rules_of(earning.award(terms(BASE), basket(99), facts())) == {"base": 0}


def test_several_rates_add_up():
    assert points(terms(BASE, {**BASE, "id": "more", "per": 250}), basket(500)) == 7


@pytest.mark.parametrize(("nth", "given"), [(1, 0), (2, 0), (3, 50), (4, 0), (6, 50)])
def test_every_third_purchase_is_rewarded(nth, given):
    assert points(terms(THIRD), basket(1), facts(nth=nth)) == given


@pytest.mark.parametrize(("nth", "given"), [(1, 0), (2, 50), (3, 50)])
def test_each_purchase_from_the_second_is_rewarded(nth, given):
    rule = {"id": "again", "kind": "repeat_purchase", "from": 2, "points": 50}

    assert points(terms(rule), basket(1), facts(nth=nth)) == given


def test_within_a_window_its_own_purchases_are_counted():
    program = terms({**THIRD, "within": "P30D"})

    assert points(program, basket(1), facts(nth=7, within={"P30D": 3})) == 50
    assert points(program, basket(1), facts(nth=3, within={"P30D": 2})) == 0


@pytest.mark.parametrize(
    ("total", "given"), [(9_999, 0), (10_000, 100), (24_999, 100), (25_000, 400), (10**9, 400)]
)
def test_the_highest_size_that_is_reached_counts_alone(total, given):
    assert points(terms(SIZES), basket(total)) == given


@pytest.mark.parametrize(
    ("total", "usual", "given"),
    [
        (2_500, Fraction(1_000), 100),
        (2_499, Fraction(1_000), 0),
        (2_501, Fraction(2_001, 2), 0),
        (2_502, Fraction(2_001, 2), 100),
        (2_500, None, 0),
        (2_500, Fraction(0), 0),
    ],
)
def test_an_order_is_large_against_the_members_usual_one(total, usual, given):
    rule = {"id": "u", "kind": "large_order", "times_usual": "2.5", "points": 100}

    assert points(terms(rule), basket(total), facts(nth=5, usual=usual)) == given


def test_the_first_order_is_rewarded_once():
    assert points(terms(FIRST), basket(1), facts(nth=1)) == 100
    assert points(terms(FIRST), basket(1), facts(nth=2)) == 0


def test_products_are_named_by_sku_or_category():
    rule = {"id": "p", "kind": "product", "points": 5, "skus": ["A"], "categories": ["tea"]}
    order = basket(
        40,
        line("1", 10, sku="A", quantity=2),
        line("2", 10, sku="B", category="tea", quantity=3),
        line("3", 10, sku="B", quantity=4),
        line("4", 10, sku="A", quantity=5, gift_card=True),
    )

    assert points(terms(rule), order) == 25
    assert points(terms({**rule, "per": "line"}), order) == 10


def test_a_product_that_cost_nothing_earns_nothing():
    rule = {"id": "p", "kind": "product", "points": 5, "skus": ["A"]}

    assert points(terms(rule), basket(10, line("1", 0, sku="A"), line("2", 10))) == 0


def test_multipliers_that_match_multiply_one_another():
    twice = {"id": "twice", "kind": "multiplier", "factor": "2"}
    half_more = {"id": "more", "kind": "multiplier", "factor": "3/2"}

    award = earning.award(terms(BASE, twice, half_more, FIRST), basket(1_000), facts())

    assert rules_of(award) == {"base": 10, "twice": 10, "more": 10, "first": 100}


def test_a_multiplier_below_one_takes_away():
    half = {"id": "half", "kind": "multiplier", "factor": "0.5"}

    assert rules_of(earning.award(terms(BASE, half), basket(700), facts())) == {
        "base": 7,
        "half": -4,
    }


def test_a_multiplier_on_lines_multiplies_what_they_earn():
    tea_week = {"id": "tea", "kind": "multiplier", "factor": "1.5", "where": made.tea}
    order = basket(15_000, line("1", 10_000, category="tea"), line("2", 5_000, category="cake"))

    assert rules_of(earning.award(terms(BASE, tea_week), order, facts())) == {
        "base": 150,
        "tea": 50,
    }


def test_multipliers_on_the_same_line_multiply_there():
    twice = {"id": "twice", "kind": "multiplier", "factor": "2", "where": made.tea}
    thrice = {**twice, "id": "thrice", "factor": "3", "where": made.not_cake}
    order = basket(
        300,
        line("1", 100, category="tea"),
        line("2", 100, category="coffee"),
        line("3", 100, category="cake"),
    )

    assert points(terms(BASE, twice, thrice), order) == 6 + 3 + 1


def test_adding_a_line_that_is_not_multiplied_never_costs_points():
    twice = {"id": "twice", "kind": "multiplier", "factor": "2", "where": made.tea}
    tea, cake = line("1", 100, category="tea"), line("2", 99, category="cake")

    assert points(terms(BASE, twice), basket(100, tea)) == 2
    assert points(terms(BASE, twice), basket(199, tea, cake)) == 2


def test_the_tier_multiplies_what_spending_earns_and_nothing_else():
    award = earning.award(terms(BASE, FIRST, tiers=made.TIERS), basket(1_000), facts(tier="gold"))

    assert rules_of(award) == {"base": 10, "tier:gold": 3, "first": 100}


def test_a_tier_that_is_gone_or_plain_has_no_factor():
    plain = {"id": "plain", "qualify": {"orders": 1}}
    program = terms(BASE, tiers=[plain, *made.TIERS])

    assert rules_of(earning.award(program, basket(100), facts(tier="plain"))) == {"base": 1}
    assert rules_of(earning.award(program, basket(100), facts(tier="gone"))) == {"base": 1}


def test_a_rule_holds_from_its_start_until_just_before_its_end():
    end = NOON + timedelta(days=7)
    week = {**BASE, "starts": NOON.isoformat(), "ends": end.isoformat()}
    moment = timedelta(microseconds=1)

    given = [
        points(terms(week), basket(100, placed_at=at))
        for at in (NOON - moment, NOON, end - moment, end)
    ]

    assert given == [0, 1, 1, 0]


@pytest.mark.parametrize(
    ("room", "given"),
    [
        (earning.Headroom(None, None), 100),
        (earning.Headroom(1, None), 100),
        (earning.Headroom(0, None), 0),
        (earning.Headroom(None, 30), 30),
        (earning.Headroom(2, 0), 0),
    ],
)
@pytest.mark.parametrize(
    "rule", [FIRST, {**BASE, "points": 100}, {**BASE, "increments": "fractional", "points": 100}]
)
def test_a_limit_leaves_no_more_than_its_headroom(rule, room, given):
    limited = {**rule, "limit": {"count": 2, "per": "P30D"}}

    award = earning.award(terms(limited), basket(100), facts(headroom={rule["id"]: room}))

    assert award.points == given
    assert bool(award.breakdown) is bool(given)


def test_what_a_limited_multiplier_adds_is_capped_after_all_others():
    twice = {"id": "twice", "kind": "multiplier", "factor": "2", "limit": {"points": 500}}
    program = terms(BASE, twice, tiers=made.TIERS)
    known = facts(tier="gold", headroom={"twice": earning.Headroom(None, 5)})

    award = earning.award(program, basket(900), known)

    assert [*rules_of(award).items()] == [("base", 9), ("tier:gold", 3), ("twice", 5)]


def test_actions_earn_by_their_type():
    review = {"id": "review", "kind": "action", "action": "review", "points": 20}
    more = {**review, "id": "gold-review", "points": 7, "where": made_for("gold")}
    program = terms(review, more, tiers=made.TIERS)

    assert earning.award_action(program, "review", facts(), NOON).points == 20
    assert earning.award_action(program, "review", facts(tier="gold"), NOON).points == 27
    assert earning.award_action(program, "survey", facts(), NOON) is None


def made_for(tier):
    return {"field": "member.tier", "op": "is", "value": tier}


def test_an_action_beyond_its_limit_or_time_earns_nothing_but_is_known():
    review = {
        "id": "review",
        "kind": "action",
        "action": "review",
        "points": 20,
        "ends": "2027-01-01T00:00:00Z",
        "limit": {"points": 30},
    }
    program = terms(review)

    def given(room, at=NOON):
        known = facts(headroom={"review": earning.Headroom(None, room)})
        return earning.award_action(program, "review", known, at)

    assert given(30).points == 20
    assert given(10).points == 10
    assert given(0) == earning.Award(0, (), 0)
    assert given(30, datetime(2027, 1, 1, tzinfo=UTC)) == earning.Award(0, (), 0)
