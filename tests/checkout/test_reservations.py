from datetime import timedelta

import pytest

from tests.support.money import NOON, Refused, open_shop


def test_a_reservation_says_what_it_is_worth_and_until_when(shop):
    made = shop.reserve("ann", 101, order="o")
    assert made["state"] == "held"
    assert made["discount"] == {"amount": 151, "currency": "EUR"}  # 151.5, rounded down
    assert made["order_id"] == "o"
    assert made["expires_at"] == "2026-03-01T12:20:00Z"
    assert shop.reservation(made["id"]) == made
    assert shop.points("ann") == {"available": 899, "held": 101}


@pytest.mark.parametrize(
    ("points", "more", "pointer"),
    [
        (9, {}, "/points"),
        (34, {"total": 100}, "/points"),  # worth 51 of the 50 that half an order of 100 allows
        (100, {"total": 0}, "/points"),
        (100, {"expires_in": "P8D"}, "/expires_in"),
        (100, {"expires_in": "PT0S"}, "/expires_in"),
        (100, {"order": None, "order_more": {"currency": "USD"}}, "/order/currency"),
    ],
)
def test_the_programs_limits_hold(shop, points, more, pointer):
    more = dict(more)
    other = more.pop("order_more", None)
    if other:
        more = {"order": {"currency": "EUR", "total": 1_000, **other}}
        body = {"member": "ann", "points": points, **more}
        attempt = lambda: shop.call("POST", "/v1/reservations", body, once="k")  # noqa: E731
    else:
        attempt = lambda: shop.reserve("ann", points, **more)  # noqa: E731
    with pytest.raises(Refused, match="422 redemption_refused") as refused:
        attempt()
    assert refused.value.problem["errors"][0]["pointer"] == pointer
    assert shop.points("ann") == {"available": 1_000}


def test_the_largest_share_of_an_order_is_allowed(shop):
    assert shop.reserve("ann", 33, total=100)["discount"]["amount"] == 49


def test_without_terms_of_redemption_nothing_can_be_reserved(app):
    shop = open_shop(app, redemption=None)
    shop.give("ann", 100)
    assert shop.balance("ann")["worth"] is None
    with pytest.raises(Refused, match="422 redemption_refused"):
        shop.reserve("ann", 50)


def test_more_than_there_is_is_a_conflict_and_more_than_there_ever_was_is_invalid(shop):
    shop.reserve("ann", 600)
    with pytest.raises(Refused, match="409 insufficient_points") as refused:
        shop.reserve("ann", 1_000)
    assert (refused.value.problem["requested"], refused.value.problem["available"]) == (1_000, 400)
    with pytest.raises(Refused, match="422 insufficient_points"):
        shop.reserve("ann", 1_001)


def test_a_captured_part_releases_the_rest_and_is_worth_its_part(shop):
    held = shop.reserve("ann", 101)["id"]
    captured = shop.capture(held, "o", 50)
    assert captured["state"] == "captured"
    assert captured["captured"] == {"points": 50, "discount": {"amount": 74, "currency": "EUR"}}
    assert shop.points("ann") == {"available": 950}


def test_a_repeated_capture_answers_the_same_and_another_one_is_a_conflict(shop):
    held = shop.reserve("ann", 100)["id"]
    first = shop.capture(held, "o", 50)
    assert shop.capture(held, "o", 50) == first
    for order, points in (("o", 51), ("o", None), ("p", 50)):
        with pytest.raises(Refused, match="409 reservation_not_held") as refused:
            shop.capture(held, order, points)
        assert refused.value.problem["state"] == "captured"


def test_no_more_than_is_held_can_be_captured(shop):
    held = shop.reserve("ann", 100)["id"]
    with pytest.raises(Refused, match="422 redemption_refused"):
        shop.capture(held, "o", 101)
    assert shop.reservation(held)["state"] == "held"


def test_a_captured_reservation_cannot_be_voided_nor_a_voided_one_captured(shop):
    captured, voided = (shop.reserve("ann", 100)["id"] for _ in range(2))
    shop.capture(captured, "o")
    shop.void(voided)
    with pytest.raises(Refused, match="409 reservation_not_held"):
        shop.void(captured)
    with pytest.raises(Refused, match="409 reservation_not_held"):
        shop.capture(voided, "o")
    assert shop.points("ann") == {"available": 900}


def test_points_come_back_at_the_instant_a_reservation_ends_though_nobody_swept(shop):
    held = shop.reserve("ann", 100, expires_in="PT10M")["id"]
    shop.set_clock(NOON + timedelta(minutes=10) - timedelta(microseconds=1))
    assert shop.reservation(held)["state"] == "held"
    assert shop.points("ann") == {"available": 900, "held": 100}
    shop.set_clock(NOON + timedelta(minutes=10))
    assert shop.reservation(held)["state"] == "expired"
    assert shop.points("ann") == {"available": 1_000}
    assert shop.reserve("ann", 1_000)["state"] == "held"


def test_a_reservation_survives_its_members_merge(shop):
    shop.give("bob", 5)
    kept, ended = shop.reserve("ann", 100, expires_in="P1D")["id"], shop.reserve("ann", 50)["id"]
    shop.set_clock(NOON + timedelta(hours=1))
    shop.merge("ann", "bob")
    assert shop.points("bob") == {"available": 905, "held": 100}
    assert shop.reservation(ended)["state"] == "expired"
    assert shop.reservation(kept)["member"] == "bob"
    assert shop.capture(kept, "o")["state"] == "captured"
    assert shop.points("bob") == {"available": 905}


def test_all_that_a_merged_member_had_may_be_a_captured_reservation(shop):
    shop.enrol("bob")
    held = shop.reserve("ann", 1_000)["id"]
    shop.capture(held, "o")
    shop.merge("ann", "bob")
    assert shop.entries("bob") == []
    shop.verify()
    shop.order("o", "bob", 10_000)
    shop.cancel("o")
    assert shop.points("bob") == {"available": 1_000}


def test_a_reservation_is_made_once_per_key(shop):
    made = [shop.reserve("ann", 100, once="k") for _ in range(3)]
    assert made[0] == made[1] == made[2]
    assert shop.points("ann") == {"available": 900, "held": 100}
    with pytest.raises(Refused, match="422 idempotency_key_reused"):
        shop.reserve("ann", 101, once="k")
