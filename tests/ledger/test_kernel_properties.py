"""Whatever happens to an account, in whatever order: books add up, and lateness changes nothing."""

from hypothesis import given
from hypothesis import strategies as st

from loyalty.ledger import kernel, undoing
from tests.ledger.made import account, assert_sound, at, buckets, left, move_clock, posting

units = st.integers(1, 60)
days = st.integers(0, 12)
steps = st.one_of(
    st.tuples(st.just("grant"), units, days, st.none() | st.integers(1, 15)),
    st.tuples(st.just("take"), units),
    st.tuples(st.just("hold"), units, st.integers(1, 6)),
    st.tuples(st.just("capture"), st.integers(0, 5), units),
    st.tuples(st.just("void"), st.integers(0, 5)),
    st.tuples(st.just("give_back"), st.integers(0, 5), units),
    st.tuples(st.just("redeem_again"), st.integers(0, 5), units),
    st.tuples(st.just("reinstate"), st.integers(0, 5), units),
    st.tuples(st.just("clawback"), st.integers(0, 5), units, st.booleans()),
)
stories = st.lists(st.tuples(st.integers(0, 5), steps), max_size=14)


def play(story, *, sweeps_each_day):
    """Let a story happen day by day; the worker may sweep every day, or never come by."""
    one, day = account(), 0
    for wait, step in story:
        for later in range(day + 1, day + wait + 1) if sweeps_each_day else ():
            move_clock(one, at(later))
        day += wait
        move_clock(one, at(day))
        do(one, day, *step)
        assert_sound(one)
    move_clock(one, at(day + 30))
    assert_sound(one)
    return one


def do(one, day, verb, *what):
    VERBS[verb](one, day, *what)


def grant(one, day, count, delay, life):
    kernel.grant(
        one,
        count,
        posting(id=str(one.entry_count), occurred_at=at(day)),
        available_at=at(day + delay),
        expires_at=None if life is None else at(day + max(delay, life)),
    )


def take(one, day, count):
    if count <= one.available:
        kernel.take(one, count, posting("adjust", id=str(one.entry_count)))


def hold(one, day, count, life):
    if count <= one.available:
        kernel.hold(one, f"rsv_{len(one.holds)}", count, at(day + life))


def capture(one, day, which, count):
    if found := pick(one, which, "open"):
        kernel.capture(
            one, found, min(count, found.units), posting("redeem", id=str(one.entry_count))
        )


def void(one, day, which):
    if found := pick(one, which, "open"):
        kernel.release(one, found, "voided", at=at(day))


def give_back(one, day, which, count):
    found = pick(one, which, "captured")
    if found and found.returned < found.captured:
        count = min(count, found.captured - found.returned)
        undoing.give_back_captured(
            one, found, count, posting("redeem_return", id=str(one.entry_count))
        )


def redeem_again(one, day, which, count):
    found = pick(one, which, "captured")
    if found and found.returned:
        undoing.redeem_again(
            one, found, min(count, found.returned), posting("redeem", id=str(one.entry_count))
        )


def clawback(one, day, which, count, forgive):
    if one.lots:
        lot = one.lots[1 + which % len(one.lots)]
        undoing.clawback(
            one, lot, count, posting("clawback", id=str(one.entry_count)), forgive=forgive
        )


def reinstate(one, day, which, count):
    if one.lots:
        lot = one.lots[1 + which % len(one.lots)]
        undoing.reinstate(
            one,
            lot,
            count,
            posting("reinstate", id=str(one.entry_count)),
            taken={},
            fresh_until=at(day + 9),
        )


VERBS = {
    verb.__name__: verb
    for verb in (
        grant, take, hold, capture, void, give_back, redeem_again, clawback, reinstate
    )
}  # fmt: skip


def pick(one, which, state):
    holds = [hold for hold in one.holds.values() if hold.state == state]
    return holds[which % len(holds)] if holds else None


def history(one):
    return [(e["kind"], e["points"], e["occurred_at"], e["source_id"]) for e in one.entries]


@given(stories)
def test_settling_late_ends_where_settling_every_day_ends(story):
    swept, late = (play(story, sweeps_each_day=each) for each in (True, False))
    assert buckets(swept) == buckets(late)
    assert left(swept) == left(late)
    assert history(swept) == history(late)
    assert [hold.state for hold in swept.holds.values()] == [
        hold.state for hold in late.holds.values()
    ]


@given(stories, st.randoms(use_true_random=False))
def test_the_order_in_which_lots_were_read_makes_no_difference(story, random):
    def shuffled(one):
        lots = list(one.lots.items())
        random.shuffle(lots)
        one.lots = dict(lots)

    plain, one, day = play(story, sweeps_each_day=False), account(), 0
    for wait, step in story:
        day += wait
        shuffled(one)
        move_clock(one, at(day))
        one.lots = dict(sorted(one.lots.items()))
        do(one, day, *step)
    shuffled(one)
    move_clock(one, at(day + 30))
    assert (buckets(one), left(one)) == (buckets(plain), left(plain))
    assert history(one) == history(plain)
