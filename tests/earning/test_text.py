"""The words a customer reads."""

from fractions import Fraction

import pytest

from loyalty import earning
from loyalty.earning import text
from tests.earning.made import BASE, NOON, TIERS, basket, facts, line, tea, terms

NAMES = {"one": "bean", "other": "beans"}


def texts(award):
    return [part.text for part in award.breakdown]


@pytest.mark.parametrize(
    ("minor", "currency", "written"),
    [
        (1_050, "EUR", "10.50 EUR"),
        (5, "USD", "0.05 USD"),
        (-5, "USD", "-0.05 USD"),
        (1_050, "JPY", "1050 JPY"),
        (1_050, "KWD", "1.050 KWD"),
    ],
)
def test_money_has_the_decimals_of_its_currency(minor, currency, written):
    assert text.money(currency)(minor) == written


def test_ordinals_read_as_people_say_them():
    said = " ".join(text.ordinal(n) for n in (1, 2, 3, 4, 11, 12, 13, 21, 102, 111, 113, 123))

    assert said == "1st 2nd 3rd 4th 11th 12th 13th 21st 102nd 111th 113th 123rd"


def test_numbers_are_written_exactly():
    values = (Fraction(2), Fraction(3, 2), Fraction("1.05"), Fraction(4, 3))

    assert [text.number(value) for value in values] == ["2", "1.5", "1.05", "4/3"]


@pytest.mark.parametrize(
    ("duration", "said"),
    [
        ("P30D", "30 days"),
        ("P12M", "1 year"),
        ("P18M", "18 months"),
        ("P1M1D", "1 month and 1 day"),
        ("PT36H", "36 hours"),
        ("PT90M", "1 hour and 30 minutes"),
    ],
)
def test_durations_are_said_in_words(duration, said):
    assert text.duration(duration) == said


def test_every_rule_says_what_it_did():
    again = {"id": "a", "kind": "repeat_purchase", "from": 2, "points": 1, "within": "P30D"}
    rules = [
        {**BASE, "name": "Always"},
        {**BASE, "id": "f", "points": 2, "increments": "fractional"},
        {"id": "m", "kind": "multiplier", "factor": "1.5", "where": tea, "name": "Tea week"},
        {"id": "e", "kind": "repeat_purchase", "every": 3, "points": 50},
        again,
        {"id": "l", "kind": "large_order", "thresholds": [{"from": 100, "points": 7}]},
        {"id": "u", "kind": "large_order", "times_usual": "2.5", "points": 8},
        {"id": "p", "kind": "product", "skus": ["A"], "points": 5},
    ]
    order = basket(12_550, line("1", 12_550, sku="A", category="tea", quantity=2))
    known = facts(nth=3, within={"P30D": 2}, usual=Fraction(8_201, 2), tier="gold")

    award = earning.award(terms(*rules, tiers=TIERS), order, known)

    assert texts(award) == [
        "Always: 1 point for each 1.00 EUR of 125.50 EUR",
        "2 points for each 1.00 EUR, in proportion, of 125.50 EUR",
        "Tea week: 1.5 times the points on some of the goods",
        "gold: 4/3 times the points",
        "Every 3rd purchase; this is the 3rd",
        "Each purchase from the 2nd within 30 days; this is the 2nd",
        "Purchase of 1.00 EUR or more",
        "At least 2.5 times your usual purchase of 41.00 EUR",
        "5 points for each of the selected items: 2",
    ]


def test_one_sentence_explains_an_award():
    third = {"id": "e", "kind": "repeat_purchase", "every": 3, "points": 50}
    program = terms(BASE, third)

    both = earning.award(program, basket(10_004), facts(nth=3))
    one = earning.award(program, basket(10_004), facts(nth=1))
    none = earning.award(program, basket(0), facts(nth=1))

    assert earning.explain(both, "10045", NAMES) == (
        "150 beans for order 10045: 100 (1 point for each 1.00 EUR of 100.04 EUR)"
        " + 50 (Every 3rd purchase; this is the 3rd)."
    )
    assert earning.explain(one, "7", NAMES) == (
        "100 beans for order 7: 1 point for each 1.00 EUR of 100.04 EUR."
    )
    assert earning.explain(none, "7", NAMES) == "No beans for order 7."


def test_what_a_multiplier_takes_is_subtracted_in_the_sentence():
    half = {"id": "half", "kind": "multiplier", "factor": "0.5", "name": "Outlet"}

    award = earning.award(terms(BASE, half), basket(200), facts())

    assert earning.explain(award, "7", NAMES).endswith("- 1 (Outlet: 0.5 times the points).")
    assert earning.explain(award, "7", NAMES).startswith("1 bean for order 7: 2 (")


def test_an_action_is_explained_by_its_name():
    review = {"id": "r", "kind": "action", "action": "product_review", "points": 20}
    named = {**review, "id": "n", "action": "advice", "name": "Advice that helped us"}
    program = terms(review, named)

    def said(action):
        return earning.explain_action(
            earning.award_action(program, action, facts(), NOON), program.points_name
        )

    assert said("product_review") == "20 points: Product review."
    assert said("advice") == "20 points: Advice that helped us."
