"""Compiled terms: what must be read for them, and when points come and go."""

from datetime import UTC, datetime

import pytest

from loyalty import earning
from tests.earning.made import BASE, NOON, basket, facts, points, terms


def utc(*parts):
    return datetime(*parts, tzinfo=UTC)


def test_the_needs_name_what_the_rules_ask_for_and_nothing_else():
    again = {"id": "a", "kind": "repeat_purchase", "from": 2, "points": 1, "within": "P30D"}
    usual = {"id": "u", "kind": "large_order", "times_usual": "2", "points": 1}
    asks = {
        "any": [
            {"field": "member.country", "op": "is", "value": "DE"},
            {"not": {"field": "member.metadata.vip", "op": "exists", "value": True}},
            {"field": "order.country", "op": "is", "value": "DE"},
        ]
    }
    rules = [
        {**again, "limit": {"count": 3, "per": "P1M"}},
        usual,
        {**BASE, "where": asks},
        {"id": "r", "kind": "action", "action": "review", "points": 1, "limit": {"points": 5}},
    ]

    needs = terms(*rules).needs

    assert needs.history_windows == {"P30D"}
    assert needs.usual
    assert needs.member == {"country", "metadata.vip"}
    assert needs.limits == (earning.LimitNeed("a", "P1M", 3, None),)
    assert needs.action_limits == {"review": (earning.LimitNeed("r", None, None, 5),)}


def test_simple_terms_need_nothing():
    needs = terms(BASE).needs

    assert needs == earning.Needs(frozenset(), False, frozenset(), (), {})


def test_f12_points_settle_at_the_same_local_time_across_a_clock_change():
    program = terms(settles_after="P14D", timezone="Europe/Berlin")

    available_at, expires_at = program.schedule(utc(2026, 10, 20, 10, 15))

    assert available_at == utc(2026, 11, 3, 11, 15)
    assert expires_at is None


def test_points_can_be_available_at_once():
    assert terms().schedule(NOON) == (NOON, None)


@pytest.mark.parametrize(
    ("end_of", "expires_at"),
    [
        (None, utc(2026, 2, 28, 23)),
        ("day", utc(2026, 2, 28, 23)),
        ("month", utc(2026, 2, 28, 23)),
    ],
)
def test_months_clamp_and_the_last_local_day_is_usable(end_of, expires_at):
    ends = {"expires_at_end_of": end_of} if end_of else {}
    program = terms(expires_after="P1M", timezone="Europe/Berlin", **ends)

    assert program.schedule(utc(2026, 1, 31, 11))[1] == expires_at


def test_expiry_counts_from_the_order_and_never_comes_before_the_points_do():
    program = terms(settles_after="PT23H30M", expires_after="P1D", timezone="Europe/Berlin")

    assert program.schedule(utc(2026, 3, 1, 12)) == (
        utc(2026, 3, 2, 11, 30),
        utc(2026, 3, 2, 23),
    )
    into_summer = utc(2026, 3, 28, 12)
    assert program.schedule(into_summer) == (utc(2026, 3, 29, 11, 30), utc(2026, 3, 29, 22))


def test_f7_terms_that_are_kept_go_on_meaning_the_same():
    old, new = terms(BASE), terms({**BASE, "points": 3})

    assert points(old, basket(500), facts()) == 5
    assert points(new, basket(500), facts()) == 15
