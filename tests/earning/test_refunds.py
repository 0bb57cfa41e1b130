"""Refunds: as if only the rest had been bought, whatever way led there."""

from itertools import accumulate, pairwise

from hypothesis import given
from hypothesis import strategies as st

from loyalty import earning
from tests.earning import made
from tests.earning.made import basket, facts, line, points, terms

BIG = {"id": "big", "kind": "large_order", "thresholds": [{"from": 10_000, "points": 100}]}


def state(amount, **lines):
    return earning.Refunded(amount, lines)


def test_f6_twenty_small_refunds_take_what_one_takes():
    program, order = terms(made.BASE), basket(250)
    held = [points(program, order, refunded=state(back)) for back in range(0, 101, 5)]

    assert held[0] == 2
    assert held[-1] == 1 == points(program, order, refunded=state(100))
    assert sum(before - after for before, after in pairwise(held)) == 1


def test_f5_nothing_is_left_of_an_order_that_is_refunded_whole():
    program = terms(made.BASE, BIG, {"id": "hello", "kind": "first_order", "points": 5})

    award = earning.award(program, basket(16_846_960), facts(), state(16_846_960))

    assert award == earning.Award(0, (), 0)


def test_a_large_order_bonus_goes_when_the_order_falls_under_its_threshold():
    program, order = terms(BIG), basket(10_500)

    assert points(program, order, refunded=state(500)) == 100
    assert points(program, order, refunded=state(501)) == 0


def test_a_refund_of_a_line_takes_what_that_line_earned():
    double_tea = {"id": "double", "kind": "multiplier", "factor": "2", "where": made.tea}
    program = terms(made.BASE, double_tea)
    order = basket(3_000, line("t", 1_000, category="tea"), line("c", 2_000, category="coffee"))

    assert points(program, order) == 40
    assert points(program, order, refunded=state(1_000, t=1_000)) == 20
    assert points(program, order, refunded=state(1_000, c=1_000)) == 30


def test_a_refund_of_no_line_scales_all_of_them():
    tea_only = {**made.BASE, "where": made.tea}
    order = basket(3_000, line("t", 1_000, category="tea"), line("c", 2_000, category="coffee"))

    assert points(terms(tea_only), order, refunded=state(1_500)) == 5


def test_a_refund_of_a_line_and_a_bit_scales_what_is_left():
    order = basket(3_000, line("t", 1_000), line("c", 2_000))

    award = earning.award(terms(made.BASE), order, facts(), state(1_500, t=1_000))

    assert award.basis == 1_500


def test_refunding_the_gift_card_leaves_the_points_of_the_goods():
    order = basket(3_000, line("t", 1_000), line("g", 2_000, gift_card=True))

    assert points(terms(made.BASE), order, refunded=state(2_000, g=2_000)) == 10


def test_pieces_of_a_product_count_while_they_are_whole():
    program = terms({"id": "p", "kind": "product", "skus": ["A"], "points": 5})
    order = basket(3_000, line("a", 3_000, sku="A", quantity=3))

    assert points(program, order) == 15
    assert points(program, order, refunded=state(1_000, a=1_000)) == 10
    assert points(program, order, refunded=state(1_001, a=1_001)) == 5


def test_a_line_of_a_product_counts_while_something_of_it_is_left():
    program = terms({"id": "p", "kind": "product", "skus": ["A"], "points": 5, "per": "line"})
    order = basket(3_000, line("a", 2_000, sku="A", quantity=3), line("b", 1_000, sku="B"))

    assert points(program, order, refunded=state(1_999, a=1_999)) == 5
    assert points(program, order, refunded=state(2_000, a=2_000)) == 0


def test_a_refund_told_by_lines_alone_counts_as_their_sum():
    order = basket(3_000, line("t", 1_000), line("c", 2_000))

    assert points(terms(made.BASE), order, refunded=state(0, t=1_000)) == 20


@given(st.data(), made.programs(), made.baskets(), made.known_facts)
def test_any_order_of_refunds_ends_where_one_refund_ends(data, program, order, known):
    compiled = earning.compile_terms(program)
    steps = data.draw(made.refund_steps(order))
    shuffled = data.draw(st.permutations(steps))

    once = earning.award(compiled, order, known, made.sum_up(steps))
    for part in accumulate(([step] for step in shuffled), initial=[]):
        last = earning.award(compiled, order, known, made.sum_up(part))

    assert last == once


@given(st.data(), made.programs(), made.baskets(), made.known_facts)
def test_refunding_more_never_leaves_more(data, program, order, known):
    compiled = earning.compile_terms(program)
    steps = data.draw(made.refund_steps(order))
    states = [made.sum_up(steps[:count]) for count in range(len(steps) + 1)]

    held = [points(compiled, order, known, refunded) for refunded in states]

    assert held == sorted(held, reverse=True)
    assert held[-1] >= 0


@given(made.programs(), made.baskets(), made.known_facts)
def test_f5_refunding_everything_leaves_nothing(program, order, known):
    award = earning.award(
        earning.compile_terms(program), order, known, earning.Refunded(order.total, {})
    )

    assert award == earning.Award(0, (), 0)
