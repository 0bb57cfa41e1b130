"""Balances of other times: the past as it was said then, the future as it will be said."""

from datetime import timedelta

import pytest

from tests.support.money import NOON, open_shop

DAY = timedelta(days=1)
HALF = timedelta(hours=12)


def live(shop):
    """Let a member have a full life; yield after every step."""
    shop.order("o1", "ann", 10_000)
    yield
    held = {}
    steps = [
        (HALF, lambda: shop.give("ann", 50)),
        (2 * DAY, lambda: held.update(a=shop.reserve("ann", 120, expires_in="P1D")["id"])),
        (HALF, lambda: held.update(b=shop.reserve("ann", 10, expires_in="P7D")["id"])),
        (HALF, lambda: shop.order("o2", "ann", 4_000)),
        (HALF, lambda: shop.capture(held["b"], "o2", 6)),
        (HALF, lambda: shop.refund("o1", "r1", 5_000)),
        (DAY, lambda: shop.transfer("ann", "bob", 30)),
        (DAY, lambda: shop.refund("o1", "r2", 5_000)),
        (HALF, lambda: shop.adjust("ann", -1)),
        (HALF, lambda: shop.cancel("o2")),
        (HALF, lambda: shop.order("o3", "ann", 30_000)),
        (3 * DAY, lambda: shop.reopen("o2")),
        (6 * DAY, lambda: shop.give("ann", 5)),
    ]
    now = NOON
    for wait, step in steps:
        now += wait
        shop.set_clock(now)
        yield
        step()
        yield


def seen(shop, as_of=None):
    balance = shop.balance("ann", as_of)
    return {name: balance[name] for name in ("points", "lifetime_earned", "expiring", "arriving")}


def test_the_past_is_what_was_said_then(shop):
    shop.enrol("bob")
    said = {}
    for _ in live(shop):
        said[shop.call("GET", "/v1/test_clock")["now"]] = seen(shop)
    assert len(said) > 10
    for at, balance in said.items():
        path = f"/v1/members/ann/balance?as_of={at}"
        then = shop.call("GET", path)
        assert {name: then[name] for name in balance} == balance, at


def test_before_anything_happened_there_was_nothing(shop):
    shop.order("o", "ann", 10_000)
    assert shop.points("ann", NOON - DAY) == {}


def test_the_future_is_what_will_be_said_if_nothing_more_happens(shop):
    shop.enrol("bob")
    for _ in live(shop):
        pass
    shop.order("last", "ann", 7_000)
    shop.give("ann", 20)
    shop.reserve("ann", 20, expires_in="P1D")
    now = shop.call("GET", "/v1/test_clock")["now"]
    times = [NOON + timedelta(days=17) + n * HALF for n in range(60)]
    told = {at: seen(shop, at) for at in times if at.isoformat() > now[:-1]}
    for at, balance in told.items():
        shop.set_clock(at)
        assert seen(shop) == balance
        shop.enrol("ann")
    shop.give("ann", 1)
    assert len({str(balance) for balance in told.values()}) >= 4


def test_nothing_a_merge_brings_is_seen_before_it(app):
    shop = open_shop(app)
    shop.give("ann", 100)
    shop.enrol("bob")
    shop.reserve("ann", 50, expires_in="P5D")
    shop.set_clock(NOON + DAY)
    shop.merge("ann", "bob")
    assert shop.points("bob", NOON) == {}
    assert shop.points("bob", NOON + DAY) == {"available": 50, "held": 50}
    shop.verify()


@pytest.mark.parametrize("as_of", ["1900-01-01T00:00:00Z", "2999-12-31T23:59:59Z"])
def test_the_first_and_the_last_instant_can_be_asked_for(shop, as_of):
    shop.order("o", "ann", 10_000)
    found = shop.call("GET", f"/v1/members/ann/balance?as_of={as_of}")
    assert set(found["points"].values()) == {0}
