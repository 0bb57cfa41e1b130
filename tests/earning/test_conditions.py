"""Conditions: what each field and each comparison asks."""

from datetime import UTC, datetime

import pytest

from tests.earning.made import BASE, basket, facts, line, points, terms

ORDER = basket(
    3_000,
    line("1", 1_000, sku="TEA-1", category="tea", quantity=2),
    line("2", 2_000),
    channel="web",
    country="DE",
    metadata={"campaign": "autumn"},
    placed_at=datetime(2026, 11, 3, 23, 30, tzinfo=UTC),  # Wednesday in Berlin
)
KNOWN = facts(
    nth=4,
    tier="gold",
    member={"country": "AT", "joined_at": "2025-02-03T04:05:06Z", "metadata.vip": "yes"},
)
TIERS = [{"id": "gold", "qualify": {"points": 1}, "factor": "1"}]


def earned(where):
    program = terms({**BASE, "where": where}, tiers=TIERS, timezone="Europe/Berlin")
    return points(program, ORDER, KNOWN)


def ask(field, op, value):
    return {"field": field, "op": op, "value": value}


@pytest.mark.parametrize(
    ("field", "op", "value", "given"),
    [
        ("order.channel", "is", "web", 30),
        ("order.channel", "is_not", "web", 0),
        ("order.country", "in", ["DE", "AT"], 30),
        ("order.country", "not_in", ["DE"], 0),
        ("order.channel", "starts_with", "we", 30),
        ("order.total", "at_least", 3_000, 30),
        ("order.total", "above", 3_000, 0),
        ("order.total", "at_most", 3_000, 30),
        ("order.total", "below", 3_000, 0),
        ("order.nth", "in", [4, 8], 30),
        ("order.weekday", "is", "wednesday", 30),
        ("order.metadata.campaign", "is", "autumn", 30),
        ("order.metadata.coupon", "is", "autumn", 0),
        ("order.metadata.coupon", "exists", False, 30),
        ("order.metadata.campaign", "exists", True, 30),
        ("line.category", "is", "tea", 10),
        ("line.category", "is_not", "tea", 20),
        ("line.sku", "starts_with", "TEA", 10),
        ("line.sku", "starts_with", "X", 0),
        ("line.quantity", "at_least", 2, 10),
        ("line.amount", "below", 2_000, 10),
        ("member.tier", "is", "gold", 30),
        ("member.country", "is", "AT", 30),
        ("member.locale", "is", "de", 0),
        ("member.locale", "is_not", "de", 30),
        ("member.spend", "at_least", 0, 0),
        ("member.spend", "below", 9, 0),
        ("member.metadata.vip", "is", "yes", 30),
        ("member.joined_at", "below", "2025-02-03T05:05:07+01:00", 30),
        ("member.joined_at", "at_least", "2025-02-03T04:05:07Z", 0),
        ("member.joined_at", "exists", True, 30),
    ],
)
def test_a_comparison_asks_what_it_says(field, op, value, given):
    assert earned(ask(field, op, value)) == given


def test_conditions_combine():
    tea, web = ask("line.category", "is", "tea"), ask("order.channel", "is", "web")
    store = ask("order.channel", "is", "store")

    assert earned({"all": [tea, web]}) == 10
    assert earned({"all": [tea, store]}) == 0
    assert earned({"any": [tea, store]}) == 10
    assert earned({"any": [tea, web]}) == 30
    assert earned({"not": tea}) == 20
    assert earned({"not": {"any": [tea, web]}}) == 0


def test_an_order_without_lines_is_one_line_without_sku():
    program = terms({**BASE, "where": ask("line.sku", "exists", False)})

    assert points(program, basket(500)) == 5
    assert points(terms({**BASE, "where": ask("line.quantity", "is", 1)}), basket(500)) == 5


def test_a_bonus_with_conditions_on_lines_looks_at_those_lines_only():
    tea = ask("line.category", "is", "tea")
    large = {"id": "l", "kind": "large_order", "thresholds": [{"from": 1_001, "points": 9}]}
    first = {"id": "f", "kind": "first_order", "points": 3}

    assert points(terms({**large, "where": tea}), ORDER) == 0
    assert points(terms({**large, "where": {"not": tea}}), ORDER) == 9
    assert points(terms({**first, "where": tea}), ORDER) == 3
    assert points(terms({**first, "where": ask("line.sku", "is", "no")}), ORDER) == 0
