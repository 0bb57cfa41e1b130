"""Ways in which systems like this one have hurt people; each test is named for its number.

Every shop has noise around it: other members who do the same, and another program that uses the
same ids. What concerns vouchers (F2, F17, F18) and what F16 and F19 say of them comes with those.
"""

from datetime import UTC, datetime, timedelta

import pytest

from tests.races import crowd
from tests.races.crowd import Call
from tests.support.money import BASE, NOON, Refused, line, new_order, open_shop

DAY = timedelta(days=1)
REVIEW = {"id": "review", "kind": "action", "action": "review", "points": 20, "limit": {"count": 1}}


@pytest.fixture
def open_noisy(app):
    """Open a shop beside another that uses the same ids; afterwards nobody else has changed."""
    opened = []

    def open_one(*rules, **terms):
        shop, other = (open_shop(app, *rules, **terms) for _ in range(2))
        for each, member in ((shop, "zoe"), (other, "ann"), (other, "bob")):
            each.order(f"of-{member}", member, 123_400)
            each.give(member, 1_000)
        other.order("o", "ann", 10_000)
        opened.extend(
            (each, member, each.points(member))
            for each, member in ((shop, "zoe"), (other, "ann"), (other, "bob"))
        )
        return shop

    yield open_one
    for each, member, points in opened:
        if each.call("GET", "/v1/test_clock")["now"] == "2026-03-01T12:00:00Z":
            assert each.points(member) == points
        each.verify()


@pytest.fixture
def shop(open_noisy):
    return open_noisy(BASE, REVIEW)


def rush(shop, *calls):
    return crowd.Threads(shop.app).rush(
        [Call(shop.key, "POST", path, body, once) for path, body, once in calls]
    )


def reservation(member, points):
    return {"member": member, "points": points, "order": {"currency": "EUR", "total": 10_000}}


def test_f01_two_checkouts_spend_one_balance_at_once_and_one_gets_a_conflict(shop):
    shop.give("ann", 100)
    answers = rush(
        shop,
        ("/v1/reservations", reservation("ann", 80), "first"),
        ("/v1/reservations", reservation("ann", 80), "second"),
    )
    assert sorted(answer.status for answer in answers) == [201, 409]
    assert shop.points("ann") == {"available": 20, "held": 80}


def test_f03_the_same_checkout_completed_twice_at_once_is_one_order_and_one_redemption(shop):
    shop.give("ann", 100)
    held = shop.reserve("ann", 80)["id"]
    order = new_order("o", "ann", 10_000, reservations=[held])
    answers = rush(shop, *[("/v1/orders", order, None)] * 4)
    assert sorted(answer.status for answer in answers) == [200, 200, 200, 201]
    assert shop.kinds("ann") == [("adjust", 100), ("redeem", -80), ("earn", 99)]


def test_f04_whatever_arrives_again_is_answered_as_the_first_time_and_changes_nothing(shop):
    def everything():
        order = shop.order("o", "ann", 10_000)
        refund = shop.refund("o", "r", 2_500)
        action = shop.action("a", "ann", "review")
        held = shop.reserve("ann", 40, once="k1")
        captured = shop.capture(held["id"], "p")
        moved = shop.transfer("ann", "zoe", 5, once="k2")
        changed = shop.adjust("ann", 7, once="k3")
        (backfilled,) = shop.batch(new_order("o", "ann", 10_000))
        cancelled = shop.call("POST", "/v1/orders/q/cancel", once="k4")
        for answer in (order, backfilled["order"], refund["order"]):
            del answer["refunded"], answer["points"], answer["state"]
        backfilled.pop("status")
        return order, refund, action, held, captured, moved, changed, backfilled, cancelled

    shop.order("q", "ann", 3_000)
    first = everything()
    entries, points = shop.kinds("ann"), shop.points("ann")
    shop.give("zoe", 0 + 5)  # time goes on for others
    assert everything() == first
    assert (shop.kinds("ann"), shop.points("ann")) == (entries, points)
    shop.transfer("zoe", "ann", 10)  # leave zoe as she was
    shop.adjust("ann", -10)


def test_f05_a_refunded_order_gives_its_points_back_exactly_once(shop):
    shop.order("o", "ann", 10_000)
    for _ in range(3):
        shop.refund("o", "r", 10_000)
    with pytest.raises(Refused, match="422 refund_exceeds_order"):
        shop.refund("o", "r2", 1)
    shop.cancel("o")
    assert shop.kinds("ann") == [("earn", 100), ("clawback", -100)]


def test_f06_twenty_small_refunds_take_what_one_takes(shop):
    for name in ("ann", "bob"):
        shop.order(f"of {name}", name, 12_399)
    for n in range(20):
        shop.refund("of ann", f"r{n}", 5 * 31)
    shop.refund("of bob", "r", 100 * 31)
    assert shop.points("ann") == shop.points("bob") == {"available": 92}


def test_f07_a_refund_follows_the_rules_of_its_order_whatever_they_are_by_then(open_noisy):
    shop = open_noisy(BASE, {"id": "big", "kind": "large_order", "thresholds": BIG})
    shop.order("o", "ann", 10_000)
    shop.put_program({**BASE, "points": 50})
    assert shop.order("p", "bob", 10_000)["points"]["granted"] == 5_000
    shop.refund("o", "r1", 4_000)
    assert shop.points("ann") == {"available": 60}
    shop.refund("o", "r2", 6_000)
    assert shop.points("ann") == {}


BIG = [{"from": 10_000, "points": 500}]


def test_f08_points_that_paid_for_what_is_refunded_return_in_proportion_once(shop):
    shop.give("ann", 4_000)
    held = shop.reserve("ann", 4_000)["id"]
    shop.order("o", "ann", 10_000, reservations=[held])
    assert shop.points("ann") == {"available": 60}
    refund = shop.refund("o", "r1", 2_500)
    assert refund["points"]["returned"] == 1_000
    assert refund["points"]["clawed_back"] == 15
    assert refund["amount"] == 2_500
    for n in range(2, 5):
        shop.refund("o", f"r{n}", 2_500)
    shop.cancel("o")
    assert shop.points("ann") == {"available": 4_000}


def test_f08_returned_points_keep_their_expiry(open_noisy):
    shop = open_noisy(BASE, earning={"expires_after": "PT240H"})
    shop.give("ann", 100)
    shop.order("o", "ann", 10_000, reservations=[shop.reserve("ann", 100)["id"]])
    shop.set_clock(NOON + 9 * DAY)
    shop.cancel("o")
    assert shop.balance("ann")["expiring"] == [
        {"points": 100, "expires_at": "2026-03-11T12:00:00Z"}
    ]
    shop.set_clock(NOON + 10 * DAY)
    assert shop.points("ann") == {}


def test_f09_a_hold_is_released_once_however_many_signals_come(shop):
    shop.give("ann", 100)
    held = shop.reserve("ann", 100, expires_in="PT30M")["id"]
    assert [shop.void(held)["state"] for _ in range(3)] == ["voided"] * 3
    assert shop.points("ann") == {"available": 100}
    other = shop.reserve("ann", 60, expires_in="PT30M")["id"]
    shop.set_clock(NOON + timedelta(minutes=30))
    assert shop.points("ann") == {"available": 100}
    assert [shop.void(other)["state"] for _ in range(2)] == ["expired"] * 2
    for id in (held, other):
        with pytest.raises(Refused, match="409 reservation_not_held"):
            shop.capture(id, "o")
    with pytest.raises(Refused, match="409 reservation_not_held"):
        shop.order("o", "ann", 10_000, reservations=[other])
    assert shop.points("ann") == {"available": 100}


def test_f10_an_order_completed_cancelled_and_completed_again_is_one_award(shop):
    shop.give("ann", 1_000)
    held = shop.reserve("ann", 1_000)["id"]
    shop.order("o", "ann", 10_000, reservations=[held])
    before = shop.points("ann")
    for _ in range(3):
        for _ in range(2):
            shop.cancel("o")
        assert shop.points("ann") == {"available": 1_000}
        for _ in range(2):
            shop.reopen("o")
        assert shop.points("ann") == before == {"available": 90}
    assert shop.get_order("o")["points"]["kept"] == 90


def test_f11_of_a_lot_that_was_spent_in_part_only_the_rest_expires(open_noisy):
    shop = open_noisy(BASE, earning={"expires_after": "P10D"})
    shop.order("o", "ann", 10_000)
    shop.capture(shop.reserve("ann", 30)["id"], "p")
    shop.set_clock(NOON + 20 * DAY)
    shop.adjust("ann", 1)
    assert shop.kinds("ann") == [("earn", 100), ("redeem", -30), ("expire", -70), ("adjust", 1)]


def test_f12_expiry_comes_once_however_late_and_often_it_is_looked_for(open_noisy):
    shop = open_noisy(BASE, earning={"settles_after": "P2D", "expires_after": "P10D"})
    shop.order("o", "ann", 10_000)
    for days in (1, 2, 11, 11, 500):
        shop.set_clock(NOON + days * DAY)
        shop.points("ann")
        shop.enrol("ann")
    shop.give("ann", 1)
    shop.give("ann", 1)
    assert shop.kinds("ann") == [("earn", 100), ("expire", -100), ("adjust", 1), ("adjust", 1)]
    assert shop.entries("ann")[1]["occurred_at"] == "2026-03-12T00:00:00Z"


@pytest.mark.parametrize(
    ("placed_at", "last"),
    [
        (datetime(2026, 3, 15, 9, tzinfo=UTC), datetime(2026, 3, 29, 22, tzinfo=UTC)),
        (datetime(2026, 10, 11, 9, tzinfo=UTC), datetime(2026, 10, 25, 23, tzinfo=UTC)),
    ],
    ids=["the clock goes forward", "the clock goes back"],
)
def test_f12_the_last_local_day_is_usable_to_its_end_across_a_clock_change(
    open_noisy, placed_at, last
):
    shop = open_noisy(BASE, earning={"expires_after": "P14D"}, timezone="Europe/Berlin", now=NOON)
    shop.set_clock(placed_at)
    shop.order("o", "ann", 10_000)
    shop.set_clock(last - timedelta(microseconds=1))
    assert shop.points("ann") == {"available": 100}
    shop.set_clock(last)
    assert shop.points("ann") == {}


@pytest.mark.parametrize(
    ("rule", "total", "points"),
    [
        ({"points": 5, "per": 250}, 300, 5),
        ({"points": 5, "per": 250, "increments": "fractional"}, 300, 6),
        ({"points": 1, "per": 1}, 26_828, 26_828),
        ({"points": 1, "per": 3, "increments": "fractional"}, 100, 33),
        ({"points": 7, "per": 100}, 2_900_000_000_000_107, 203_000_000_000_007),
    ],
)
def test_f13_points_are_exact(open_noisy, rule, total, points):
    shop = open_noisy({**BASE, **rule})
    assert shop.order("o", "ann", total)["points"]["granted"] == points
    assert shop.points("ann") == {"available": points}


NO_AMOUNT = [0, -1, None, 0.5, 1e3, "5", 2**53, 10**30, True, [], {}]


@pytest.mark.parametrize("amount", NO_AMOUNT)
def test_f14_no_amount_that_makes_no_sense_moves_anything(shop, amount):
    shop.order("o", "ann", 10_000)
    held = shop.reserve("ann", 60)["id"]
    capture = f"/v1/reservations/{held}/capture"
    before = shop.points("ann")
    for attempt in (
        lambda: shop.reserve("ann", amount),
        lambda: shop.transfer("ann", "zoe", amount),
        lambda: shop.refund("o", "r", amount),
        lambda: shop.call("POST", capture, {"order_id": "p", "points": amount}),
        lambda: shop.adjust("ann", amount if amount != -1 else -(2**53)),
    ):
        with pytest.raises(Refused, match=r"^422") as refused:
            attempt()
        assert refused.value.problem["errors"]
    assert shop.points("ann") == before


@pytest.mark.parametrize("amount", [each for each in NO_AMOUNT if each != 0])
def test_f14_no_order_is_recorded_for_an_amount_that_makes_no_sense(shop, amount):
    for name in ("total", "tax", "shipping", "gift_cards"):
        with pytest.raises(Refused, match=r"^422") as refused:
            shop.order(**{"id": "o", "member": "ann", "total": 10_000, name: amount})
        assert refused.value.problem["errors"][0]["pointer"] == f"/{name}"
    assert shop.send("GET", "/v1/orders/o").status_code == 404


def test_f14_nothing_bought_earns_nothing_and_is_no_refund_of_everything(shop):
    shop.order("zero", "ann", 0)
    shop.order("o", "ann", 10_000)
    with pytest.raises(Refused, match="422"):
        shop.refund("o", "r", 0)
    with pytest.raises(Refused, match="422 refund_exceeds_order"):
        shop.refund("zero", "r", 1)
    assert shop.points("ann") == {"available": 100}


def test_f15_without_a_member_or_with_another_programs_nobodys_points_are_used(shop, app):
    stranger = open_shop(app)
    shop.give("ann", 100)
    held = shop.reserve("ann", 60)["id"]
    entry = shop.entries("ann")[0]["id"]
    shop.order("o", "ann", 10_000)
    for attempt in (
        lambda: stranger.balance("ann"),
        lambda: stranger.entries("ann"),
        lambda: stranger.call("GET", f"/v1/entries/{entry}"),
        lambda: stranger.reservation(held),
        lambda: stranger.capture(held, "o"),
        lambda: stranger.void(held),
        lambda: stranger.reserve("ann", 10),
        lambda: stranger.get_order("o"),
        lambda: stranger.refund("o", "r", 1),
        lambda: stranger.cancel("o"),
        lambda: stranger.order("p", "ann", 100, reservations=[held]),
        lambda: stranger.adjust("ann", 1),
        lambda: stranger.transfer("ann", "zoe", 1),
        lambda: shop.balance("nobody"),
        lambda: shop.reserve("nobody", 10),
        lambda: shop.transfer("ann", "nobody", 10),
    ):
        with pytest.raises(Refused, match=r"^404"):
            attempt()
    for member in (None, "", " ", 0, [], {}):
        with pytest.raises(Refused, match=r"^422"):
            shop.reserve(member, 10)
    shop.order("guest", None, 10_000)
    assert shop.points("ann") == {"available": 140, "held": 60}


def test_f16_limits_of_a_customer_hold_whatever_the_email_looks_like_and_guests_earn_nothing(
    open_noisy,
):
    shop = open_noisy({"id": "first", "kind": "first_order", "points": 500}, REVIEW)
    spellings = ["ann.lee@gmail.com", "Ann.Lee@GMAIL.com", "annlee@gmail.com", "annlee+x@gmail.com"]
    for n, email in enumerate(spellings):
        shop.order(f"o{n}", {"external_id": "ann", "email": email}, 10_000)
        shop.action(f"a{n}", {"external_id": "ann", "email": email}, "review")
        shop.enrol("ann", email=email)
    shop.order("guest", None, 10_000)
    assert shop.points("ann") == {"available": 520}
    shop.enrol("ann2", email="ANN.LEE+shop@googlemail.com")
    found = shop.call("GET", "/v1/members?email=annlee@gmail.com")["data"]
    assert {member["external_id"] for member in found} == {"ann", "ann2"}
    shop.merge("ann2", "ann")
    shop.order("o9", "ann2", 10_000)
    shop.action("a9", "ann2", "review")
    assert shop.points("ann") == {"available": 520}


def test_f17_someone_elses_reservation_is_refused_just_like_an_unknown_one(shop):
    shop.give("ann", 100)
    held = shop.reserve("ann", 60)["id"]
    refusals = []
    for id in (held, "rsv_unknown"):
        with pytest.raises(Refused, match=r"^404") as refused:
            shop.order("o", "bob", 10_000, reservations=[id])
        problem = refused.value.problem
        refusals.append({**problem, "request_id": "", "detail": problem["detail"].replace(id, "")})
    assert refusals[0] == refusals[1]
    assert shop.reservation(held)["state"] == "held"


def test_f19_points_stay_held_while_payment_is_slow_and_are_usable_again_when_it_fails(shop):
    shop.give("ann", 100)
    held = shop.reserve("ann", 100, expires_in="P2D")["id"]
    shop.set_clock(NOON + DAY)
    with pytest.raises(Refused, match="409 insufficient_points"):
        shop.reserve("ann", 1)
    shop.void(held)
    again = shop.reserve("ann", 100)["id"]
    assert shop.order("o", "ann", 10_000, reservations=[again])["paid_with_points"] == 100
    assert shop.points("ann") == {"available": 99}


def test_f20_gift_cards_stored_value_and_points_earn_nothing(shop):
    shop.give("ann", 2_000)
    lines = [line("1", 6_000), line("2", 2_500, gift_card=True)]
    order = shop.order(
        "o",
        "ann",
        10_000,
        tax=1_000,
        shipping=500,
        gift_cards=1_500,
        lines=lines,
        reservations=[shop.reserve("ann", 2_000)["id"]],
    )
    assert (
        order["points"]["granted"] == 25
    )  # 100 - 10 tax - 5 shipping - 25 bought and 15 used - 20
    shop.order("p", "ann", 2_500, lines=[line("1", 2_500, gift_card=True)])
    shop.order("q", "ann", 2_500, gift_cards=2_500)
    assert shop.points("ann") == {"available": 25}


@pytest.mark.parametrize("when", ["before", "with", "after"])
def test_f20_what_points_paid_for_earns_nothing_whenever_they_are_captured(shop, when):
    shop.give("ann", 4_000)
    held = shop.reserve("ann", 4_000)["id"]
    if when == "before":
        shop.capture(held, "o")
    shop.order("o", "ann", 10_000, reservations=[held] if when == "with" else [])
    if when == "after":
        shop.capture(held, "o")
    assert shop.points("ann") == {"available": 60}
    assert shop.get_order("o")["paid_with_points"] == 4_000
    shop.cancel("o")
    assert shop.points("ann") == {"available": 4_000}
