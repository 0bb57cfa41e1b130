"""How many statements each call sends, whatever the rules say: limits, not goals.

On PostgreSQL all that a call writes goes in one statement; SQLite takes one for each table.
"""

from contextlib import contextmanager

import pytest

from tests.support import statements
from tests.support.money import BASE, new_order, open_shop

RULES = (
    BASE,
    {"id": "third", "kind": "repeat_purchase", "every": 3, "points": 50},
    {"id": "large", "kind": "large_order", "thresholds": [{"from": 10_000, "points": 100}]},
)
RICH = (
    *RULES,
    {
        "id": "regular",
        "kind": "repeat_purchase",
        "from": 2,
        "within": "P30D",
        "points": 10,
        "limit": {"count": 4, "per": "P30D"},
    },
)
GOLD = {"id": "gold", "qualify": {"points": 1000, "window": "P12M"}, "factor": "1.25"}


@pytest.fixture
def shop(app):
    shop = open_shop(app, *RULES)
    shop.give("ann", 1_000)
    shop.order("o-0", "ann", 2_000)
    return shop


@pytest.fixture
def at_most(engine_name):
    """`with at_most(postgresql=3, sqlite=9): …` holds the block to so many statements."""

    @contextmanager
    def counted(**limits):
        with statements.seen() as sent:
            yield
        assert len(sent) <= limits[engine_name], "\n\n".join(sent)

    return counted


def test_a_balance_takes_one_statement(shop, at_most):
    shop.balance("ann")  # the key is known from here on

    with at_most(postgresql=1, sqlite=1):
        shop.balance("ann")


def test_an_order_takes_three_statements(shop, at_most):
    shop.balance("ann")

    with at_most(postgresql=3, sqlite=8):
        shop.order("o-1", "ann", 12_000)


def test_the_first_order_of_somebody_new_takes_one_more(shop, at_most):
    shop.balance("ann")

    with at_most(postgresql=4, sqlite=9):
        shop.order("o-1", "ben", 12_000)


def test_limits_and_tiers_take_a_statement_for_each_kind_of_past(app, at_most):
    shop = open_shop(app, *RICH, tiers=[GOLD])
    shop.order("o-0", "ann", 2_000)
    shop.balance("ann")

    with at_most(postgresql=6, sqlite=12):
        shop.order("o-1", "ann", 12_000)


def test_an_order_that_captures_a_reservation_takes_three_more(shop, at_most):
    reservation = shop.reserve("ann", 100)["id"]
    shop.balance("ann")

    with at_most(postgresql=6, sqlite=15):
        shop.order("o-1", "ann", 12_000, reservations=[reservation])


def test_a_reservation_takes_three_statements_and_two_for_its_key(shop, at_most):
    shop.balance("ann")

    with at_most(postgresql=5, sqlite=9):
        shop.reserve("ann", 100)


def test_a_capture_takes_three_statements_and_one_that_looks_for_its_order(shop, at_most):
    reservation = shop.reserve("ann", 100)["id"]
    shop.balance("ann")

    with at_most(postgresql=4, sqlite=9):
        shop.capture(reservation, "o-1")


def test_five_hundred_orders_take_as_many_statements_as_one_and_a_word_to_the_planner(
    shop, at_most
):
    orders = [new_order(f"b-{n}", f"member-{n % 100}", 1_000 + n) for n in range(500)]
    shop.batch(*(new_order(f"a-{n}", f"member-{n}", 1_000) for n in range(100)))
    shop.balance("ann")

    with at_most(postgresql=4, sqlite=8):
        results = shop.batch(*orders)

    assert {result["status"] for result in results} == {201}
