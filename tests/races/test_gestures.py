"""Gestures at once: caps give exactly what they allow, and an approval gives once."""

import uuid
from collections import Counter

import pytest

from tests.races.crowd import Call
from tests.recovery import given
from tests.recovery.given import cap

AT_ONCE = 100


def gesture(shop, n):
    """A gesture that differs from the others in member, agent and reason."""
    body = given.body(
        f"m{n % 7}",
        {"kind": ("voucher", "points")[n % 2], ("amount", "points")[n % 2]: 5},
        agent=f"agent-{n % 5}",
        reason=("late", "broken")[n % 3 % 2],
    )
    return Call(shop.key, "POST", "/v1/gestures", body, uuid.uuid4().hex)


def decision(shop, id, verb, agent):
    return Call(shop.key, "POST", f"/v1/gestures/{id}/{verb}", {"agent": agent})


@pytest.mark.parametrize(
    ("measure", "limit", "window"), [("count", 100, "P30D"), ("value", 504, "month")]
)
def test_a_thousand_gestures_against_a_cap_of_a_hundred_give_a_hundred(
    racing_app, racing_processes, measure, limit, window
):
    shop = given.open_shop(racing_app, cap(measure=measure, limit=limit, window=window))
    for n in range(7):
        shop.enrol(f"m{n}")
    calls = [gesture(shop, n) for n in range(1000)]
    answers = []
    for first in range(0, len(calls), AT_ONCE):
        answers += racing_processes.rush(calls[first : first + AT_ONCE])
    assert Counter(answer.status for answer in answers) == {201: 100, 422: 900}
    assert {answer.code for answer in answers if answer.status == 422} == {"cap_exceeded"}
    points = sum(shop.points(f"m{n}").get("available", 0) for n in range(7))
    issued = [answer.body for answer in answers if answer.status == 201]
    assert points == sum(one["give"]["points"] or 0 for one in issued)
    assert given.preview(shop, "m0")["caps"][0]["used"] == (100 if measure == "count" else 500)
    shop.verify()


def test_the_tightest_of_several_caps_decides_for_each_agent_and_member(racing_app, rush):
    shop = given.open_shop(
        racing_app,
        cap("agent", "agent", "count", 9, window="day"),
        cap("member", "member", "count", 5, window="P30D"),
        cap("all", "program", "value", 10_000, window="P30D"),
    )
    for n in range(7):
        shop.enrol(f"m{n}")
    answers = rush([gesture(shop, n) for n in range(96)])
    issued = [answer.body for answer in answers if answer.status == 201]
    by_member = Counter(one["member"] for one in issued)
    by_agent = Counter(one["agent"] for one in issued)
    assert max(by_member.values()) <= 5
    assert max(by_agent.values()) <= 9
    assert len(issued) == 35 or set(by_agent.values()) & {9}
    shop.verify()


def test_sixty_four_approvals_of_one_gesture_give_one(racing_app, rush):
    shop = given.open_shop(racing_app, cap("each", "gesture", limit=10, above="approve"))
    waiting = given.give(shop, "ann", {"kind": "points", "points": 50})
    answers = rush([decision(shop, waiting["id"], "approve", f"lee-{n}") for n in range(64)])
    assert Counter(answer.status for answer in answers) == {200: 1, 409: 63}
    assert {answer.code for answer in answers if answer.status == 409} == {"gesture_not_pending"}
    assert shop.points("ann") == {"available": 50}
    shop.verify()


def test_of_approvals_rejections_and_withdrawals_at_once_one_wins(racing_app, rush):
    shop = given.open_shop(
        racing_app,
        cap("each", "gesture", limit=10, above="approve"),
        cap("all", limit=1_000, window="P30D"),
    )
    ids = [given.give(shop, "ann", {"kind": "points", "points": 50})["id"] for _ in range(8)]
    calls = [
        decision(shop, id, verb, agent)
        for id in ids
        for verb, agent in (("approve", "lee"), ("reject", "lee"), ("withdraw", "kim"))
    ]
    answers = rush(calls)
    assert Counter(answer.status for answer in answers) == {200: 8, 409: 16}
    states = Counter(shop.call("GET", f"/v1/gestures/{id}")["state"] for id in ids)
    assert shop.points("ann").get("available", 0) == 50 * states["issued"]
    assert given.preview(shop)["caps"][1]["used"] == 50 * states["issued"]
    shop.verify()


def test_one_gesture_revoked_many_times_at_once_is_taken_back_once(racing_app, rush):
    shop = given.open_shop(racing_app, cap("all", limit=1_000, window="P30D"))
    id = given.give(shop, "ann", {"kind": "points", "points": 50})["id"]
    answers = rush([decision(shop, id, "revoke", "kim") for _ in range(24)])
    assert Counter(answer.status for answer in answers) == {200: 1, 409: 23}
    assert shop.points("ann") == {}
    assert given.preview(shop)["caps"][0]["used"] == 0
    shop.verify()
