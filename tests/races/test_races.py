"""Everything at once: what is covered succeeds, once, and losers are told so, never by a 500."""

import uuid
from collections import Counter
from datetime import timedelta

import pytest

from tests.races.crowd import Call
from tests.support.money import NOON, Refused, new_order, open_shop


def post(shop, path, body=None, *, once=None):
    return Call(shop.key, "POST", path, body, once)


def order(shop, id, member, total, **more):
    return post(shop, "/v1/orders", new_order(id, member, total, **more))


def batch(shop, *orders):
    return post(shop, "/v1/orders/batch", {"orders": list(orders)})


def refund(shop, order, id, amount):
    return post(shop, f"/v1/orders/{order}/refunds", {"id": id, "amount": amount})


def reserve(shop, member, points):
    body = {"member": member, "points": points, "order": {"currency": "EUR", "total": 10_000}}
    return post(shop, "/v1/reservations", body, once=uuid.uuid4().hex)


def capture(shop, reservation, order):
    return post(shop, f"/v1/reservations/{reservation}/capture", {"order_id": order})


def void(shop, reservation):
    return post(shop, f"/v1/reservations/{reservation}/void")


def transfer(shop, member, to, points, *, once=None):
    path = f"/v1/members/{member}/transfers"
    return post(shop, path, {"to": to, "points": points}, once=once or uuid.uuid4().hex)


def clock(shop, now):
    body = {"now": now.isoformat().replace("+00:00", "Z")}
    return Call(shop.key, "PUT", "/v1/test_clock", body)


def sweep(shop):
    return Call(shop.key, "SWEEP", "")


def statuses(answers):
    return Counter(answer.status for answer in answers)


def test_sixty_four_checkouts_race_for_a_balance_that_covers_ten(shop, rush):
    shop.give("ann", 100)
    answers = rush([reserve(shop, "ann", 10) for _ in range(64)])
    assert statuses(answers) == {201: 10, 409: 54}
    assert {answer.code for answer in answers if answer.status == 409} == {"insufficient_points"}
    assert shop.points("ann") == {"held": 100}


def test_one_order_posted_many_times_at_once_is_recorded_once(shop, rush):
    answers = rush([order(shop, "o", "ann", 10_000)] * 32)
    assert statuses(answers) == {201: 1, 200: 31}
    assert all(answer.replayed == (answer.status == 200) for answer in answers)
    assert shop.kinds("ann") == [("earn", 100)]


def test_a_guests_order_posted_many_times_at_once_is_recorded_once(shop, rush):
    assert statuses(rush([order(shop, "o", None, 10_000)] * 16)) == {201: 1, 200: 15}


def test_an_id_fought_over_by_two_orders_goes_to_one_of_them(shop, rush):
    calls = [order(shop, "o", name, 10_000) for name in ("ann", "bob")] * 8
    answers = rush(calls)
    assert statuses(answers) == {201: 1, 200: 7, 409: 8}
    assert {answer.code for answer in answers if answer.status == 409} == {"order_conflict"}


def test_a_newcomer_who_orders_many_times_at_once_joins_once(shop, rush):
    answers = rush([order(shop, f"o{n}", "new", 10_000) for n in range(24)])
    assert statuses(answers) == {201: 24}
    assert shop.points("new") == {"available": 2_400}
    assert shop.call("GET", "/v1/members/new")["stats"]["orders"] == 24


def test_one_refund_sent_many_times_at_once_takes_points_back_once(shop, rush):
    shop.order("o", "ann", 10_000)
    answers = rush([refund(shop, "o", "r", 4_000)] * 16)
    assert statuses(answers) == {201: 1, 200: 15}
    assert shop.points("ann") == {"available": 60}


def test_refunds_at_once_never_come_to_more_than_the_order(shop, rush):
    shop.order("o", "ann", 10_000)
    answers = rush([refund(shop, "o", f"r{n}", 1_000) for n in range(20)])
    assert statuses(answers) == {201: 10, 422: 10}
    assert {answer.code for answer in answers if answer.status == 422} == {"refund_exceeds_order"}
    assert shop.points("ann") == {}
    assert shop.get_order("o")["state"] == "refunded"


def test_an_order_cancelled_many_times_at_once_is_cancelled_once(shop, rush):
    shop.order("o", "ann", 10_000)
    cancel = post(shop, "/v1/orders/o/cancel")
    answers = rush([cancel] * 12)
    assert statuses(answers) == {200: 12}
    assert Counter(answer.replayed for answer in answers) == {False: 1, True: 11}
    assert shop.kinds("ann") == [("earn", 100), ("clawback", -100)]


def test_cancels_and_reopens_at_once_end_in_one_of_both(shop, rush):
    shop.order("o", "ann", 10_000)
    shop.cancel("o")
    calls = [post(shop, f"/v1/orders/o/{verb}") for verb in ("cancel", "reopen")] * 8
    assert set(statuses(rush(calls))) == {200}
    state = shop.get_order("o")["state"]
    assert shop.points("ann") == ({} if state == "cancelled" else {"available": 100})


def test_one_checkout_completed_twice_at_once_redeems_once(shop, rush):
    shop.give("ann", 500)
    held = shop.reserve("ann", 300)["id"]
    complete = order(shop, "o", "ann", 10_000, reservations=[held])
    answers = rush([complete] * 8)
    assert statuses(answers) == {201: 1, 200: 7}
    assert shop.kinds("ann")[1:] == [("redeem", -300), ("earn", 97)]


def test_two_orders_that_fight_over_one_reservation_leave_one_refused(shop, rush):
    shop.give("ann", 500)
    held = shop.reserve("ann", 300)["id"]
    calls = [order(shop, f"o{n}", "ann", 10_000, reservations=[held]) for n in range(8)]
    answers = rush(calls)
    assert statuses(answers) == {201: 1, 409: 7}
    assert shop.points("ann") == {"available": 297}


def test_a_reservation_captured_while_its_order_is_recorded_earns_nothing_twice(shop, rush):
    shop.give("ann", 5_000)
    held = shop.reserve("ann", 5_000)["id"]
    answers = rush([capture(shop, held, "o"), order(shop, "o", "ann", 10_000)] * 4)
    assert statuses(answers) == {200: 7, 201: 1}
    assert shop.points("ann") == {"available": 50}


def test_of_capture_void_and_expiry_one_wins(shop, rush):
    shop.give("ann", 100)
    held = [shop.reserve("ann", 10, expires_in="PT10M")["id"] for _ in range(10)]
    calls = [clock(shop, NOON + timedelta(minutes=10))]
    for id in held:
        calls += [capture(shop, id, f"for-{id}"), void(shop, id)] * 2
    answers = rush(calls)
    assert set(statuses(answers)) <= {200, 409}
    captured = 0
    for n, id in enumerate(held):
        state = shop.reservation(id)["state"]
        captures, voids = answers[1 + 4 * n : 5 + 4 * n : 2], answers[2 + 4 * n : 5 + 4 * n : 2]
        took = state == "captured"
        assert {answer.status for answer in captures} == {200 if took else 409}
        assert {answer.status for answer in voids} == {409 if took else 200}
        captured += took
    points = 100 - 10 * captured
    assert shop.points("ann") == ({"available": points} if points else {})


def test_sweeping_workers_and_checkouts_do_not_undo_each_other(shop, rush):
    shop.give("ann", 100)
    held = [shop.reserve("ann", 5, expires_in="PT10M")["id"] for _ in range(20)]
    calls = [clock(shop, NOON + timedelta(minutes=10)), *[sweep(shop)] * 4]
    calls += [capture(shop, id, f"for-{id}") for id in held]
    answers = rush(calls)
    assert set(statuses(answers)) <= {200, 409}
    rush([sweep(shop)] * 4)
    states = Counter(shop.reservation(id)["state"] for id in held)
    assert set(states) <= {"captured", "expired"}
    assert statuses(answers[5:])[200] == states["captured"]
    assert sum(shop.points("ann").values()) == 100 - 5 * states["captured"]


def test_one_action_told_many_times_at_once_counts_once(racing_app, rush):
    review = {"id": "review", "kind": "action", "action": "review", "points": 20}
    shop = open_shop(racing_app, review)
    body = {"id": "a", "member": "new", "type": "review"}
    answers = rush([post(shop, "/v1/actions", body)] * 16)
    assert statuses(answers) == {201: 1, 200: 15}
    assert shop.points("new") == {"available": 20}


def test_a_limit_holds_for_many_actions_at_once(racing_app, rush):
    limit = {"count": 3, "per": "P30D"}
    review = {"id": "review", "kind": "action", "action": "review", "points": 20, "limit": limit}
    shop = open_shop(racing_app, review)
    calls = [
        post(shop, "/v1/actions", {"id": f"a{n}", "member": "new", "type": "review"})
        for n in range(16)
    ]
    assert statuses(rush(calls)) == {201: 16}
    assert shop.points("new") == {"available": 60}


def test_every_third_order_is_counted_right_when_all_come_at_once(racing_app, rush):
    third = {"id": "third", "kind": "repeat_purchase", "every": 3, "points": 50}
    shop = open_shop(racing_app, third)
    answers = rush([order(shop, f"o{n}", "new", 10_000) for n in range(18)])
    granted = Counter(answer.body["points"]["granted"] for answer in answers)
    assert granted == {0: 12, 50: 6}
    assert shop.points("new") == {"available": 300}


def test_batches_with_the_same_orders_in_opposite_order_do_not_block_each_other(shop, rush):
    names = [f"m{n}" for n in range(12)]
    orders = [new_order(f"o{n}", name, 10_000) for n, name in enumerate(names)]
    answers = rush([batch(shop, *orders), batch(shop, *orders[::-1])] * 4)
    assert statuses(answers) == {200: 8}
    told = Counter(
        (result["id"], result["status"]) for answer in answers for result in answer.body["results"]
    )
    assert told == {
        (f"o{n}", status): 1 if status == 201 else 7 for n in range(12) for status in (200, 201)
    }
    assert all(shop.points(name) == {"available": 100} for name in names)


def test_transfers_both_ways_at_once_keep_the_sum(shop, rush):
    for name in ("ann", "bob"):
        shop.give(name, 60)
    there = [transfer(shop, "ann", "bob", 10) for _ in range(12)]
    back = [transfer(shop, "bob", "ann", 10) for _ in range(12)]
    answers = rush([call for pair in zip(there, back, strict=True) for call in pair])
    assert set(statuses(answers)) <= {201, 409, 422}
    moved = [sum(answer.status == 201 for answer in answers[n::2]) for n in (0, 1)]
    assert shop.points("ann").get("available", 0) == 60 - 10 * (moved[0] - moved[1])
    assert sum(shop.points(name).get("available", 0) for name in ("ann", "bob")) == 120


def test_one_idempotency_key_used_many_times_at_once_moves_points_once(shop, rush):
    shop.give("ann", 100)
    shop.enrol("bob")
    answers = rush([transfer(shop, "ann", "bob", 10, once="same")] * 16)
    assert set(statuses(answers)) <= {201, 409}
    assert {answer.code for answer in answers if answer.status == 409} <= {
        "idempotency_in_progress"
    }
    assert sum(a.status == 201 and not a.replayed for a in answers) == 1
    assert len({a.body["id"] for a in answers if a.status == 201}) == 1
    assert shop.points("bob") == {"available": 10}


def test_a_merge_while_both_members_are_busy_loses_nothing(shop, rush):
    for name in ("ann", "bob"):
        shop.give(name, 100)
    held = shop.reserve("ann", 40)["id"]
    shop.order("before", "ann", 10_000)
    calls = [post(shop, "/v1/members/ann/merge", {"into": "bob"})] * 2
    calls += [order(shop, f"{name}{n}", name, 10_000) for n in range(4) for name in ("ann", "bob")]
    calls += [capture(shop, held, "x")] * 2
    calls += [refund(shop, "before", "r", 10_000)] * 2
    answers = rush(calls)
    assert set(statuses(answers)) <= {200, 201}
    assert shop.points("bob") == {"available": 200 - 40 + 100 + 800 - 100}
    assert shop.call("GET", "/v1/members/bob")["stats"]["orders"] == 9


@pytest.mark.parametrize("seed", range(2))
def test_anything_at_once_leaves_the_books_in_order(shop, rush, seed):
    names = ["ann", "bob", "cem"]
    for name in names:
        shop.give(name, 200)
    held = [shop.reserve(name, 20)["id"] for name in names for _ in range(2)]
    for n, name in enumerate(names):
        shop.order(f"old{n}", name, 10_000)
    calls = []
    for n, name in enumerate(names):
        calls += [order(shop, f"new{n}", name, 5_000, reservations=[held[2 * n]])] * 2
        calls += [capture(shop, held[2 * n], f"new{n}"), void(shop, held[2 * n + 1])]
        calls += [refund(shop, f"old{n}", f"r{k}", 3_000) for k in range(4)]
        calls += [post(shop, f"/v1/orders/old{n}/{verb}") for verb in ("cancel", "reopen")]
        calls += [transfer(shop, name, names[(n + 1) % 3], 50), reserve(shop, name, 30)]
    calls += [clock(shop, NOON + timedelta(days=1))]
    calls = calls[seed::2] + calls[1 - seed :: 2]
    answers = rush(calls)
    assert set(statuses(answers)) <= {200, 201, 409, 422}
    shop.set_clock(NOON + timedelta(days=2))
    assert all(set(shop.points(name)) <= {"available", "debt"} for name in names)


def test_a_refused_racer_is_told_what_would_be_right(shop, rush):
    shop.give("ann", 10)
    answers = rush([reserve(shop, "ann", 10) for _ in range(4)])
    refused = next(answer for answer in answers if answer.status == 409)
    assert refused.body["available"] == 0
    assert "10 points were asked for, but 0 points can be spent" in refused.body["detail"]
    with pytest.raises(Refused, match="insufficient_points"):
        shop.reserve("ann", 10)
