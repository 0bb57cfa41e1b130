"""Vouchers at once: as many uses as there are, in whatever way they are captured."""

import random
import uuid
from collections import Counter

from tests.races.crowd import Call
from tests.support.money import new_order

AT_ONCE = 50
USES = 7


def issue(shop, **terms):
    body = {"kind": "amount", "class": "promotional", "amount": 500, **terms}
    return shop.call("POST", "/v1/vouchers", body, once=uuid.uuid4().hex)["code"]


def reserve(shop, code, n, **more):
    body = {"voucher": code, "order": {"currency": "EUR", "total": 2000}, "client": f"c{n}", **more}
    return Call(shop.key, "POST", "/v1/reservations", body, uuid.uuid4().hex)


def capture(shop, reservation, order):
    return Call(shop.key, "POST", f"/v1/reservations/{reservation}/capture", {"order_id": order})


def order(shop, id, *reservations):
    body = new_order(id, None, 2000, reservations=list(reservations))
    return Call(shop.key, "POST", "/v1/orders", body)


def by_parts(rush, calls):
    return [
        answer
        for first in range(0, len(calls), AT_ONCE)
        for answer in rush(calls[first : first + AT_ONCE])
    ]


def statuses(answers):
    return Counter(answer.status for answer in answers)


def test_two_hundred_captures_of_a_voucher_with_seven_uses_give_seven(shop, rush):
    code = issue(shop, uses=USES)
    held = by_parts(rush, [reserve(shop, code, n) for n in range(200)])
    assert statuses(held) == {201: USES, 409: 200 - USES}
    assert {answer.code for answer in held if answer.status == 409} == {"voucher_used_up"}
    ids = [answer.body["id"] for answer in held if answer.status == 201]

    captures = [capture(shop, ids[n % USES], f"o-{n % USES}") for n in range(200)]
    random.Random(7).shuffle(captures)
    answers = by_parts(rush, captures)

    assert statuses(answers) == {200: 200}  # whoever comes again gets the first answer
    found = shop.call("GET", f"/v1/vouchers/{code}")
    assert (found["state"], found["remaining"]) == ("redeemed", {"uses": 0})


def test_orders_that_fight_over_one_use_leave_one_winner(shop, rush):
    code = issue(shop, uses=1)
    (held,) = rush([reserve(shop, code, 0)])

    answers = rush([order(shop, f"o-{n}", held.body["id"]) for n in range(32)])

    assert statuses(answers) == {201: 1, 409: 31}
    assert {answer.code for answer in answers if answer.status == 409} == {"reservation_not_held"}


def test_stored_value_is_held_to_the_last_cent_and_no_further(shop, rush):
    card = issue(shop, kind="stored_value", amount=1000, **{"class": "purchased"})

    answers = rush([reserve(shop, card, n, amount=99) for n in range(40)])

    assert statuses(answers) == {201: 10, 409: 30}
    assert shop.call("GET", f"/v1/vouchers/{card}")["remaining"] == {"amount": 10}
