"""Cut off anywhere and sent again, every call ends where an undisturbed one ends."""

from contextlib import contextmanager

import pytest
from sqlalchemy import event

from loyalty.foundation import db
from tests.support.money import BASE, new_order, open_shop

RULES = (
    BASE,
    {"id": "third", "kind": "repeat_purchase", "every": 3, "points": 50},
    {"id": "review", "kind": "action", "action": "review", "points": 20, "limit": {"count": 1}},
)
MEMBERS = ("ann", "bob", "new", "new0", "new1")
ORDERS = ("old", "older", "later", "newcomer", "b0", "b1", "bad")
CALLS = {
    "recording an order that redeems": lambda shop, held: shop.order(
        "later", "ann", 10_000, reservations=[held[0]]
    ),
    "recording a newcomer's order": lambda shop, _: shop.order("newcomer", "new", 10_000),
    "recording a batch": lambda shop, _: shop.batch(
        *(new_order(f"b{n}", f"new{n}", 10_000) for n in range(2)),
        new_order("bad", "ann", 5, tax=10),
    ),
    "recording an action": lambda shop, _: shop.action("a1", "ann", "review"),
    "refunding": lambda shop, _: shop.refund("old", "r1", 4_000),
    "cancelling": lambda shop, _: shop.call("POST", "/v1/orders/old/cancel", once="cancel"),
    "reopening": lambda shop, _: shop.call("POST", "/v1/orders/old/reopen", once="reopen"),
    "cancelling for good": lambda shop, _: shop.call("POST", "/v1/orders/old/cancel", once="end"),
    "reserving": lambda shop, _: shop.reserve("ann", 20, once="reserve"),
    "capturing": lambda shop, held: shop.capture(held[1], "unknown", 20),
    "capturing for a recorded order": lambda shop, held: shop.capture(held[2], "older", 20),
    "voiding": lambda shop, held: shop.void(held[3]),
    "adjusting": lambda shop, _: shop.adjust("ann", -15, once="adjust"),
    "transferring": lambda shop, _: shop.transfer("ann", "bob", 25, once="transfer"),
    "merging": lambda shop, _: shop.merge("bob", "ann"),
}


class Cut(Exception):
    """The power fails."""


@contextmanager
def power(app, *, fails_at):
    """Let the power fail at one statement or COMMIT, counted from 1; yield those that were seen."""
    seen = []

    def count(*_):
        seen.append(1)
        if len(seen) == fails_at:
            raise Cut

    with app.app_context():
        engine = db.db.engine
    for name in ("before_cursor_execute", "commit"):
        event.listen(engine, name, count)
    try:
        yield seen
    finally:
        for name in ("before_cursor_execute", "commit"):
            event.remove(engine, name, count)


def opened(app):
    """A shop with a past, and some reservations."""
    shop = open_shop(app, *RULES)
    shop.enrol("bob")
    shop.give("ann", 500)
    shop.order("old", "ann", 10_000)
    shop.order("older", "ann", 10_000)
    return shop, [shop.reserve("ann", 30)["id"] for _ in range(4)]


def state(shop):
    """All that a shop can see, but for ids that differ each time."""
    found = {}
    for name in MEMBERS:
        response = shop.send("GET", f"/v1/members/{name}/balance")
        if response.status_code == 200:
            stats = shop.call("GET", f"/v1/members/{name}")["stats"]
            found[name] = (shop.points(name), shop.kinds(name), stats["orders"], stats["spend"])
    for id in ORDERS:
        response = shop.send("GET", f"/v1/orders/{id}")
        if response.status_code == 200:
            order = response.json
            found[id] = (order["state"], order["refunded"], order["points"]["kept"])
    shop.verify()
    return found


def is_cut_off(shop, call, held, *, fails_at):
    """Call with the power failing; return whether it did before the call was over."""
    with power(shop.app, fails_at=fails_at) as seen:
        try:
            call(shop, held)
        except AssertionError:  # the service answered 500
            assert len(seen) >= fails_at
    return len(seen) >= fails_at


@pytest.mark.parametrize("name", CALLS)
def test_one_call_cut_off_anywhere_leaves_nothing_and_ends_the_same_when_repeated(app, name):
    def ready():
        shop, held = opened(app)
        if name == "reopening":
            shop.cancel("old")
        return shop, held

    call = CALLS[name]
    shop, held = ready()
    before = state(shop)
    call(shop, held)
    after = state(shop)
    fails_at, cut_off = 0, True
    while cut_off:
        fails_at += 1
        shop, held = ready()
        cut_off = is_cut_off(shop, call, held, fails_at=fails_at)
        assert state(shop) == (before if cut_off else after), fails_at
        call(shop, held)
        call(shop, held)
        assert state(shop) == after, fails_at
    assert fails_at > 4


def whole_day(shop, held):
    for call in CALLS.values():
        call(shop, held)


@pytest.mark.parametrize("part", range(4))
def test_a_day_cut_off_anywhere_and_repeated_from_the_start_ends_the_same(app, part):
    shop, held = opened(app)
    with power(app, fails_at=None) as seen:
        whole_day(shop, held)
    undisturbed = state(shop)
    for fails_at in range(1 + 5 * part, len(seen), 20):
        shop, held = opened(app)
        assert is_cut_off(shop, whole_day, held, fails_at=fails_at)
        whole_day(shop, held)
        assert state(shop) == undisturbed, fails_at
