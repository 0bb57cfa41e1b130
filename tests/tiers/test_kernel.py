"""Tiers: who stands where, since when and until when."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loyalty.programs import document
from loyalty.tiers import kernel
from loyalty.tiers.kernel import Activity

START = datetime(2026, 1, 1, 12, tzinfo=UTC)
TICK = timedelta(microseconds=1)


def day(count):
    return START + timedelta(days=count)


def tiers(*raw, timezone="UTC"):
    return kernel.compile_tiers(
        document.parse(
            {
                "program": {"slug": "made", "currency": "EUR", "timezone": timezone},
                "tiers": list(raw),
            }
        )
    )


SILVER = {"id": "silver", "qualify": {"points": 100, "window": "P30D"}}
GOLD = {"id": "gold", "qualify": {"points": 200, "window": "P30D"}}


def held(tiers, activity, at):
    standing = kernel.standing(tiers, activity, at)
    return standing.tier, standing.until


def test_nobody_stands_anywhere_before_doing_anything():
    standing = kernel.standing(tiers(SILVER, GOLD), [], START)

    assert standing == kernel.Standing(
        None,
        None,
        [
            kernel.Progress("silver", "points", 100, 0, 100),
            kernel.Progress("gold", "points", 200, 0, 200),
        ],
    )


def test_a_tier_is_held_from_the_instant_its_threshold_is_reached():
    done = [Activity(START, points=99), Activity(day(1), points=1)]

    assert held(tiers(SILVER), done, day(1) - TICK) == (None, None)
    assert held(tiers(SILVER), done, day(1)) == ("silver", day(30))


def test_what_leaves_the_window_ends_the_tier_exactly_then():
    done = [Activity(START, points=60), Activity(day(10), points=60)]

    assert held(tiers(SILVER), done, day(30) - TICK) == ("silver", day(30))
    assert held(tiers(SILVER), done, day(30)) == (None, None)


def test_the_grace_keeps_a_tier_after_its_threshold_is_lost():
    graced = tiers({**SILVER, "grace": "P7D"})
    done = [Activity(START, points=100)]

    assert held(graced, done, day(31)) == ("silver", day(37))
    assert held(graced, done, day(37) - TICK) == ("silver", day(37))
    assert held(graced, done, day(37)) == (None, None)


def test_reaching_it_again_within_the_grace_holds_on():
    graced = tiers({**SILVER, "grace": "P7D"})
    done = [Activity(START, points=100), Activity(day(35), points=100)]

    assert held(graced, done, day(33)) == ("silver", day(37))
    assert held(graced, done, day(35)) == ("silver", day(72))


def test_the_highest_tier_that_is_held_counts():
    both = tiers(SILVER, {**GOLD, "grace": "P1D"})
    done = [Activity(START, points=150), Activity(day(5), points=100)]

    assert held(both, done, day(1)) == ("silver", day(30))
    assert held(both, done, day(5)) == ("gold", day(31))
    assert held(both, done, day(31)) == ("silver", day(35))


def test_without_a_window_a_tier_is_for_ever_unless_it_is_taken_back():
    ever = tiers({"id": "ever", "qualify": {"spend": 1_000}, "grace": "P2D"})
    done = [Activity(START, spend=1_000)]
    taken = [*done, Activity(day(9), spend=-1)]

    assert held(ever, done, day(30_000)) == ("ever", None)
    assert held(ever, taken, day(8)) == ("ever", None)
    assert held(ever, taken, day(9)) == ("ever", day(11))
    assert held(ever, taken, day(11)) == (None, None)


def test_a_refund_counts_from_when_it_happened():
    done = [Activity(START, points=120), Activity(day(3), points=-30)]

    assert held(tiers(SILVER), done, day(2)) == ("silver", day(30))
    assert held(tiers(SILVER), done, day(3)) == (None, None)


@pytest.mark.parametrize("measure", ["points", "spend", "orders"])
def test_each_measure_counts_its_own(measure):
    tier = tiers({"id": "t", "qualify": {measure: 2, "window": "P30D"}})
    done = [Activity(START, **{measure: 2})]

    standing = kernel.standing(tier, done, START)

    assert standing.tier == "t"
    assert standing.progress == [kernel.Progress("t", measure, 2, 2, 0)]


def test_progress_shows_what_counts_now_without_grace():
    graced = tiers({**SILVER, "grace": "P7D"}, GOLD)
    done = [Activity(START, points=100), Activity(day(2), points=30)]

    assert kernel.standing(graced, done, day(31)).progress == [
        kernel.Progress("silver", "points", 100, 30, 70),
        kernel.Progress("gold", "points", 200, 30, 170),
    ]


def test_months_are_those_of_the_programs_time_zone():
    monthly = tiers(
        {"id": "m", "qualify": {"orders": 1, "window": "P1M"}}, timezone="Europe/Berlin"
    )
    done = [Activity(datetime(2026, 3, 1, 11, tzinfo=UTC), orders=1)]

    assert held(monthly, done, day(60)) == ("m", datetime(2026, 4, 1, 10, tzinfo=UTC))


def test_what_must_be_known_reaches_back_over_window_and_grace():
    both = tiers(SILVER, {**GOLD, "grace": "P60D"})

    assert kernel.oldest_needed(both, day(0)) < day(-90)
    assert kernel.oldest_needed(both, day(0)) > day(-100)
    assert kernel.oldest_needed((), START) == START
    assert kernel.oldest_needed(tiers({"id": "t", "qualify": {"orders": 1}}), START) is None


moments = st.integers(0, 100).map(lambda hours: START + timedelta(hours=hours))
deeds = st.lists(st.builds(Activity, at=moments, points=st.integers(-40, 60)), max_size=12)
LADDER = tiers(
    {"id": "low", "qualify": {"points": 50, "window": "PT20H"}, "grace": "PT5H"},
    {"id": "high", "qualify": {"points": 90, "window": "PT30H"}},
)


def slowly(activity, at):
    """The definition itself: some instant within the grace at which the sum was enough."""
    for tier, window, grace, needed in (("high", 30, 0, 90), ("low", 20, 5, 50)):
        for hours in range(grace + 1):
            s = at - timedelta(hours=hours)
            after = s - timedelta(hours=window)
            if sum(done.points for done in activity if after < done.at <= s) >= needed:
                return tier
    return None


@given(deeds, moments)
def test_the_standing_is_what_its_definition_says(activity, at):
    assert kernel.standing(LADDER, activity, at).tier == slowly(activity, at)


@given(deeds, moments)
def test_a_standing_lasts_until_the_instant_it_names(activity, at):
    known = [done for done in activity if done.at <= at]
    standing = kernel.standing(LADDER, activity, at)

    if standing.tier is not None:
        ranks = [None, "low", "high"]
        then = kernel.standing(LADDER, known, standing.until).tier
        before = kernel.standing(LADDER, known, standing.until - TICK).tier
        assert ranks.index(before) >= ranks.index(standing.tier)
        assert then != standing.tier


@given(deeds, moments, st.randoms())
def test_neither_order_nor_what_is_too_old_makes_a_difference(activity, at, random):
    oldest = kernel.oldest_needed(LADDER, at)
    late = [Activity(at + TICK, points=500), Activity(oldest, points=500)]
    shuffled = [*activity, *late]
    random.shuffle(shuffled)

    assert kernel.standing(LADDER, shuffled, at) == kernel.standing(LADDER, activity, at)
