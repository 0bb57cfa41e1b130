"""Recording orders: what odd orders do, alone and among others."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.support.money import BASE, NOON, Refused, line, new_order, open_shop

MOST = 2**53 - 1
DAY = timedelta(days=1)


def test_a_reservation_named_twice_is_captured_once(shop):
    shop.give("ann", 100)
    held = shop.reserve("ann", 60)["id"]
    shop.order("o", "ann", 10_000, reservations=[held, held])
    assert shop.kinds("ann") == [("adjust", 100), ("redeem", -60), ("earn", 99)]


def test_an_order_with_one_reservation_that_has_ended_captures_none(shop):
    shop.give("ann", 100)
    good = shop.reserve("ann", 30, expires_in="P1D")["id"]
    short = shop.reserve("ann", 30, expires_in="PT10M")["id"]
    shop.set_clock(NOON + timedelta(minutes=10))
    with pytest.raises(Refused, match="409 reservation_not_held"):
        shop.order("o", "ann", 10_000, reservations=[good, short])
    assert shop.points("ann") == {"available": 70, "held": 30}
    assert shop.send("GET", "/v1/orders/o").status_code == 404


def test_two_orders_of_a_batch_cannot_use_one_reservation(shop):
    shop.give("ann", 100)
    held = shop.reserve("ann", 60)["id"]
    first, second = shop.batch(
        *(new_order(f"o{n}", "ann", 10_000, reservations=[held]) for n in range(2))
    )
    assert (first["status"], second["status"]) == (201, 409)
    assert second["problem"]["code"] == "reservation_not_held"
    assert shop.points("ann") == {"available": 40 + 99}
    shop.verify()


def test_a_batch_answers_each_order_as_it_would_be_answered_alone(shop):
    good = new_order("good", "ann", 10_000)
    shop.order("known", "ann", 5_000)
    results = shop.batch(
        good,
        {**good, "total": "ten"},
        good,
        {**good, "total": 1},
        new_order("known", "ann", 5_000),
        new_order("taxed", "new", 100, tax=101),
        new_order("held", "new", 100, reservations=["rsv_1"]),
        None,
        {"id": 5},
    )
    assert [result["status"] for result in results] == [201, 422, 200, 409, 200, 422, 404, 422, 422]
    assert [result["id"] for result in results][-2:] == [None, None]
    assert shop.points("ann") == {"available": 150}
    with pytest.raises(Refused, match="404 member_not_found"):
        shop.balance("new")


def test_a_newcomer_whose_first_order_is_refused_joins_with_the_next(app):
    shop = open_shop(app, {**BASE, "points": MOST}, redemption=None)
    results = shop.batch(new_order("o1", "new", 200), new_order("o2", "new", 100))
    assert [result["status"] for result in results] == [422, 201]
    assert shop.points("new") == {"available": MOST}
    assert shop.call("GET", "/v1/members/new")["stats"]["orders"] == 1


def test_nobody_earns_more_than_a_number_can_tell(app):
    shop = open_shop(app, {**BASE, "points": MOST}, redemption=None)
    shop.order("o1", "ann", 100)
    results = shop.batch(*(new_order(f"p{n}", name, 100) for n, name in enumerate(("ann", "bob"))))
    assert [result["status"] for result in results] == [422, 201]
    assert results[0]["problem"]["code"] == "balance_too_large"
    with pytest.raises(Refused, match="422"):
        shop.preview("o3", "ann", 100)
    shop.verify()


def test_nobody_spends_more_than_a_number_can_tell(shop):
    shop.order("o1", "ann", MOST)
    with pytest.raises(Refused, match="422 order_invalid") as refused:
        shop.order("o2", "ann", 1)
    assert refused.value.problem["errors"] == [{"pointer": "/total", "detail": "must be at most 0"}]
    shop.refund("o1", "r", MOST)
    shop.order("o2", "ann", 1)


def test_actions_give_no_more_than_a_number_can_tell(app):
    rules = [
        {"id": f"r{n}", "kind": "action", "action": "review", "points": MOST} for n in range(2)
    ]
    shop = open_shop(app, *rules)
    with pytest.raises(Refused, match="422 balance_too_large"):
        shop.action("a", "ann", "review")
    with pytest.raises(Refused, match="404"):
        shop.balance("ann")


def test_a_merged_pair_counts_as_one_within_a_batch(app):
    shop = open_shop(app, BASE, {"id": "first", "kind": "first_order", "points": 500})
    for name in ("ann", "bob"):
        shop.enrol(name)
    shop.merge("ann", "bob")
    shop.batch(new_order("o1", "ann", 100), new_order("o2", "bob", 100))
    assert shop.points("bob") == {"available": 502}
    stats = shop.call("GET", "/v1/members/bob")["stats"]
    assert (stats["orders"], stats["spend"]) == (2, 200)


def test_a_preview_tells_what_recording_tells_and_stores_nothing(shop):
    shop.give("ann", 100)
    held = shop.reserve("ann", 60)["id"]
    told = {"lines": [line("1", 9_000)], "tax": 1_000, "reservations": [held]}
    preview = shop.preview("o", "ann", 10_000, **told)
    assert shop.points("ann") == {"available": 40, "held": 60}
    order = shop.order("o", "ann", 10_000, **told)
    for answer in (preview, order):
        answer.pop("recorded_at")
    assert preview == order
    newcomer = shop.preview("p", "new", 10_000)
    assert newcomer["points"]["granted"] == 100
    assert shop.send("GET", "/v1/members/new").status_code == 404


def test_an_old_order_is_granted_and_expires_at_once(app):
    shop = open_shop(app, earning={"settles_after": "P7D", "expires_after": "P30D"})
    order = shop.order("o", "ann", 10_000, placed_at="2025-11-01T12:00:00Z")
    assert order["points"]["state"] == "expired"
    assert shop.kinds("ann") == [("earn", 100), ("expire", -100)]
    assert shop.entries("ann")[1]["occurred_at"] == "2025-12-02T00:00:00Z"
    shop.verify()


@pytest.mark.parametrize("placed_at", ["1900-01-01T00:00:00Z", "2999-12-31T23:59:59Z"])
def test_the_first_and_the_last_instant_are_taken(app, placed_at):
    repeat = {"id": "r", "kind": "repeat_purchase", "from": 2, "within": "P99Y", "points": 5}
    shop = open_shop(app, BASE, repeat, earning={"settles_after": "P98Y", "expires_after": "P99Y"})
    shop.order("o", "ann", 10_000, placed_at=placed_at)
    shop.order("p", "ann", 10_000)
    shop.refund("o", "r", 5_000)
    assert shop.get_order("o")["points"]["kept"] in {0, 50, 100}
    shop.verify()


def test_the_points_of_an_order_from_tomorrow_are_pending(app):
    shop = open_shop(app)
    order = shop.order("o", "ann", 10_000, placed_at="2026-03-02T12:00:00Z")
    assert order["points"]["state"] == "pending"
    assert shop.points("ann") == {"pending": 100}
    shop.set_clock(NOON + DAY)
    assert shop.points("ann") == {"available": 100}


def test_a_live_shop_records_no_order_from_the_future(app):
    shop = open_shop(app, mode="live", now=None)
    far = datetime.now(UTC) + 2 * DAY
    with pytest.raises(Refused, match="422 order_invalid"):
        shop.order("o", "ann", 10_000, placed_at=far.isoformat())


def test_a_point_of_a_fraction_is_never_won_by_splitting_or_lost_by_merging_lines(shop):
    shop.order("o", "ann", 199, lines=[line(str(n), 1) for n in range(199)])
    assert shop.points("ann") == {"available": 1}
