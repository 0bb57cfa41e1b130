"""Points are exact: the kernel agrees with slow fractions, and no float is anywhere."""

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from loyalty import earning
from tests.earning import made, plain
from tests.earning.made import basket, facts, points, terms


@given(st.data(), made.programs(), made.baskets(), made.known_facts)
def test_an_award_is_what_plain_fractions_say(data, program, order, known):
    refunded = made.sum_up(data.draw(made.refund_steps(order)))

    award = earning.award(earning.compile_terms(program), order, known, refunded)

    assert award.points == plain.points(program, order, known, refunded)


@given(st.data(), made.programs(), made.baskets(), made.known_facts)
def test_a_breakdown_adds_up_to_its_points(data, program, order, known):
    refunded = made.sum_up(data.draw(made.refund_steps(order)))

    award = earning.award(earning.compile_terms(program), order, known, refunded)

    assert sum(part.points for part in award.breakdown) == award.points
    assert all(type(part.points) is int and part.text for part in award.breakdown)
    assert type(award.points) is int
    assert type(award.basis) is Fraction


def test_f13_three_dollars_at_five_per_two_and_a_half_are_five():
    program = terms({"id": "base", "kind": "per_spend", "points": 5, "per": 250})

    assert points(program, basket(300)) == 5


def test_f13_fractional_increments_keep_the_rational_until_the_end():
    rate = {"id": "base", "kind": "per_spend", "points": 5, "per": 250, "increments": "fractional"}

    assert points(terms(rate), basket(300)) == 6
    assert points(terms({**rate, "points": 7}, rounding="down"), basket(300)) == 8
    assert points(terms({**rate, "points": 7}, rounding="up"), basket(300)) == 9


def test_f13_a_half_is_rounded_up_to_the_nearest():
    half = {"id": "base", "kind": "per_spend", "points": 1, "per": 2, "increments": "fractional"}

    assert [points(terms(half, rounding="nearest"), basket(n)) for n in (1, 2, 3, 5)] == [
        1,
        1,
        2,
        3,
    ]


def test_f13_rounding_happens_once_for_all_rates_and_multipliers():
    rate = {"kind": "per_spend", "points": 1, "per": 3, "increments": "fractional"}
    program = terms({**rate, "id": "a"}, {**rate, "id": "b"}, {**rate, "id": "c"})

    award = earning.award(program, basket(1), facts())

    assert award.points == 1
    assert [part.points for part in award.breakdown] == [0, 0, 1]


def test_f13_26828_hundredths_are_26828_hundredths():
    rate = {"id": "b", "kind": "per_spend", "points": 100, "per": 1}

    assert points(terms(rate), basket(26_828)) == 2_682_800


def test_huge_orders_are_exact_too():
    rate = {"id": "b", "kind": "per_spend", "points": 3, "per": 7, "increments": "fractional"}

    assert points(terms(rate), basket(2**53 - 1)) == (2**53 - 1) * 3 // 7


@given(made.known_facts)
def test_facts_come_back_from_storage_as_they_went(known):
    full = known._replace(
        within={"P30D": 2},
        usual=Fraction(8_201, 2),
        member={"country": "DE"},
        headroom={"a": earning.Headroom(1, None), "b": earning.Headroom(None, 0)},
    )

    assert earning.Facts.from_json(known.to_json()) == known
    assert earning.Facts.from_json(full.to_json()) == full
