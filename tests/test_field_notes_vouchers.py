"""Ways in which systems like this one have hurt people, told of vouchers; see `test_field_notes`.

What F18 says of guessing codes is in `tests/vouchers/test_guessing.py`.
"""

from datetime import timedelta

import pytest

from tests.checkout.vouchering import capture, refused, reserve
from tests.races import crowd
from tests.support.money import NOON, Refused, new_order, open_shop
from tests.vouchers.made import DAY, GIFT_CARD, GUESS, check, issue, list_all, revoke, show

NOT_USABLE = (422, "voucher_not_usable")
USED_UP = (409, "voucher_used_up")


@pytest.fixture
def shop(app):
    """A shop beside another that has a voucher with the same code; afterwards that is whole."""
    shop, other = open_shop(app), open_shop(app)
    for each in (shop, other):
        issue(each, code="SPRING", uses=2)
        each.enrol("ann")
        each.enrol("bob")
    yield shop
    assert show(other, "SPRING")["remaining"] == {"uses": 2}
    for each in (shop, other):
        each.verify()


def rush(shop, *calls):
    return crowd.Threads(shop.app).rush(
        [crowd.Call(shop.key, "POST", path, body, once) for path, body, once in calls]
    )


def reservation(code, member=None):
    body = {"voucher": code, "order": {"currency": "EUR", "total": 10_000}}
    return body if member is None else {**body, "member": member}


@pytest.mark.parametrize("uses", [1, 3, 7])
def test_f02_parallel_redemptions_of_a_voucher_with_k_uses_succeed_k_times(shop, uses):
    code = issue(shop, uses=uses)["code"]

    answers = rush(shop, *(("/v1/reservations", reservation(code), f"once-{n}") for n in range(12)))

    held = [answer.body["id"] for answer in answers if answer.status == 201]
    assert len(held) == uses
    assert {answer.code for answer in answers if answer.status != 201} == {"voucher_used_up"}
    captured = rush(
        shop,
        *(
            (f"/v1/reservations/{id}/capture", {"order_id": f"o-{id}"}, None)
            for id in held
            for _ in range(2)
        ),
    )
    assert {answer.status for answer in captured} == {200}
    shown = show(shop, code)
    assert (shown["state"], shown["remaining"]) == ("redeemed", {"uses": 0})
    assert refused(shop, code) == NOT_USABLE


def test_f02_stored_value_is_spent_in_parallel_to_the_last_cent_and_no_further(shop):
    card = issue(shop, **GIFT_CARD)["code"]
    body = {**reservation(card), "amount": 700}

    answers = rush(shop, *(("/v1/reservations", body, f"once-{n}") for n in range(12)))

    assert sorted(answer.status for answer in answers) == [201] * 7 + [409] * 5
    assert show(shop, card)["remaining"] == {"amount": 100}


def test_f03_the_same_checkout_completed_twice_at_once_uses_its_voucher_once(shop):
    code = issue(shop, uses=2)["code"]
    held = reserve(shop, code, member="ann")["id"]
    order = new_order("o", "ann", 9_000, reservations=[held])

    answers = rush(shop, *[("/v1/orders", order, None)] * 4)

    assert sorted(answer.status for answer in answers) == [200, 200, 200, 201]
    assert show(shop, code)["remaining"] == {"uses": 1}


def test_f03_two_orders_with_one_reservation_at_once_and_one_wins(shop):
    held = reserve(shop, issue(shop)["code"])["id"]

    answers = rush(
        shop,
        *(("/v1/orders", new_order(id, None, 9_000, reservations=[held]), None) for id in "op"),
    )

    assert sorted(answer.status for answer in answers) == [201, 409]
    assert {answer.code for answer in answers} == {None, "reservation_not_held"}


def test_f03_the_checkout_pressed_twice_reserves_once_by_its_key(shop):
    code = issue(shop, uses=2)["code"]

    answers = rush(shop, *[("/v1/reservations", reservation(code, "ann"), "once")] * 4)

    made = [answer.body["id"] for answer in answers if answer.status == 201]
    assert made
    assert len(set(made)) == 1
    assert {answer.code for answer in answers if answer.status != 201} <= {
        "idempotency_in_progress"
    }
    assert show(shop, code)["remaining"] == {"uses": 1}


def test_f08_points_and_stored_value_return_in_proportion_once_and_a_use_at_the_end(shop):
    code, card = issue(shop)["code"], issue(shop, **GIFT_CARD)["code"]
    shop.give("ann", 2_000)
    held = [
        shop.reserve("ann", 2_000)["id"],
        reserve(shop, card, member="ann", amount=4_000)["id"],
        reserve(shop, code, member="ann")["id"],
    ]
    shop.order("o", "ann", 8_000, reservations=held)

    first = shop.refund("o", "r1", 2_000)
    assert (first["amount"], first["points"]["returned"]) == (2_000, 500)
    assert show(shop, card)["remaining"] == {"amount": 2_000}
    assert show(shop, code)["state"] == "redeemed"
    for n in range(2, 5):
        for _ in range(2):
            shop.refund("o", f"r{n}", 2_000)
    shop.cancel("o")

    assert shop.points("ann") == {"available": 2_000}
    assert show(shop, card)["remaining"] == {"amount": 5_000}
    assert (show(shop, card)["state"], show(shop, code)["state"]) == ("issued", "issued")


def test_f08_many_small_refunds_return_as_much_as_one(shop):
    cards = [issue(shop, **GIFT_CARD)["code"] for _ in range(2)]
    for id, card in zip("op", cards, strict=True):
        shop.order(id, None, 9_999, reservations=[reserve(shop, card, amount=3_333)["id"]])

    for n in range(7):
        shop.refund("o", f"r{n}", 701)
    shop.refund("p", "r", 7 * 701)

    left = [show(shop, card)["remaining"] for card in cards]
    assert left[0] == left[1] == {"amount": 1_667 + 3_333 * 4_907 // 9_999}


def test_f16_uses_for_each_customer_hold_for_all_spellings_and_a_guest_is_refused(shop):
    spellings = ["ann.lee@gmail.com", "Ann.Lee@GMAIL.com", "annlee@gmail.com", "annlee+x@gmail.com"]
    code = issue(shop, uses=9, uses_per_member=2)["code"]
    for n, email in enumerate(spellings):
        shop.enrol(f"ann-{n}", email=email)

    first = reserve(shop, code, member="ann-0")["id"]
    shop.order("o", "ann-0", 9_000, reservations=[first])
    second = reserve(shop, code, member="ann-1")["id"]

    for member in ("ann-0", "ann-1", "ann-2", "ann-3", "nobody", None):
        more = {} if member is None else {"member": member}
        assert refused(shop, code, **more) == NOT_USABLE, member
    shop.enrol("ann-0", email="somebody@example.org")
    assert refused(shop, code, member="ann-3") == NOT_USABLE
    shop.void(second)
    assert reserve(shop, code, member="ann-3")["state"] == "held"
    shop.cancel("o")
    assert reserve(shop, code, member="ann-2")["state"] == "held"


def test_f16_spellings_that_race_for_one_use_get_one(shop):
    code = issue(shop, uses=9, uses_per_member=1)["code"]
    for n in range(6):
        shop.enrol(f"ann-{n}", email=f"ann+{n}@example.org")

    answers = rush(
        shop,
        *(("/v1/reservations", reservation(code, f"ann-{n}"), f"once-{n}") for n in range(6)),
    )

    assert sorted(answer.status for answer in answers) == [201, *[422] * 5]


def test_f17_someone_elses_voucher_is_refused_just_like_an_unknown_code(shop):
    code = issue(shop, member="ann")["code"]
    refusals = []
    for presented in (code, GUESS):
        for member in ({"member": "bob"}, {"member": "nobody"}, {}):
            with pytest.raises(Refused, match=r"^422") as refusal:
                reserve(shop, presented, **member)
            refusals.append({**refusal.value.problem, "request_id": None})

    assert all(refusal == refusals[0] for refusal in refusals)
    assert reserve(shop, code, member="ann")["state"] == "held"
    with pytest.raises(Refused, match="422 voucher_not_usable"):
        reserve(shop, code, member="bob")


def test_f19_a_single_use_stays_held_while_payment_is_slow_and_is_usable_when_it_fails(shop):
    code = issue(shop)["code"]
    slow = reserve(shop, code, expires_in="P2D")["id"]
    shop.set_clock(NOON + DAY)
    assert refused(shop, code) == USED_UP
    shop.void(slow)

    abandoned = reserve(shop, code, expires_in="PT30M")["id"]
    shop.set_clock(NOON + DAY + timedelta(minutes=30))
    paid = reserve(shop, code)["id"]
    shop.order("o", "ann", 9_000, reservations=[paid])

    assert shop.reservation(abandoned)["state"] == "expired"
    assert show(shop, code)["state"] == "redeemed"
    for id in (slow, abandoned):
        with pytest.raises(Refused, match="409 reservation_not_held"):
            capture(shop, id, "p")


def test_f19_a_voucher_that_expired_while_it_was_held_can_still_be_captured(shop):
    code = issue(shop, expires_after="PT1H")["code"]
    held = reserve(shop, code, expires_in="PT2H")["id"]
    shop.set_clock(NOON + timedelta(hours=1))

    assert capture(shop, held, "o")["state"] == "captured"


def test_f23_what_is_checked_on_one_channel_and_spent_on_another_is_the_same_value(shop):
    card = issue(shop, **GIFT_CARD)["code"]
    till, web = card.replace("-", "").lower(), card

    assert check(shop, till)["remaining"] == {"amount": 5_000}
    held = reserve(shop, web, amount=4_000)["id"]
    assert check(shop, till)["discount"]["amount"] == 1_000
    assert refused(shop, till, amount=1_001) == USED_UP
    capture(shop, held, "o", 2_500)
    for typed in (till, web, show(shop, web)["id"]):
        assert show(shop, typed)["remaining"] == {"amount": 2_500}
    assert [one["remaining"] for one in list_all(shop) if one["code"] == card] == [
        {"amount": 2_500}
    ]
    revoke(shop, web)
    assert refused(shop, till) == NOT_USABLE
