import uuid
from datetime import timedelta

import pytest
from sqlalchemy import select

from loyalty.checkout.models import Reservation
from loyalty.foundation import db
from loyalty.foundation.events import Event
from tests.checkout.vouchering import capture, refused, reserve
from tests.races import crowd
from tests.support import statements
from tests.support.money import NOON, Refused, line, open_shop
from tests.vouchers.made import DAY, GIFT_CARD, GUESS, check, issue, put_terms, revoke, show

NOT_USABLE = (422, "voucher_not_usable")
USED_UP = (409, "voucher_used_up")


@pytest.fixture
def shop(app):
    """A shop with two members, ann and bob; its ledger is proved at the end."""
    shop = open_shop(app)
    shop.enrol("ann")
    shop.enrol("bob")
    yield shop
    shop.verify()


def events(shop, prefix="voucher."):
    """(name, data) of all events about vouchers, the oldest first."""
    with db.reading():
        found = db.session.scalars(
            select(Event).where(Event.program_id == shop.program_id).order_by(Event.id)
        )
        return [(one.name, one.data) for one in found if one.name.startswith(prefix)]


def test_a_reservation_holds_a_use_and_says_what_it_is_worth(shop):
    code = issue(shop)["code"]

    held = reserve(shop, code.lower(), member="ann", order="o-1", expires_in="PT1H")

    assert held == {
        "id": held["id"],
        "member": "ann",
        "state": "held",
        "voucher": code,
        "discount": {"amount": 1_000, "currency": "EUR"},
        "captured": {"discount": {"amount": 0, "currency": "EUR"}},
        "order_id": "o-1",
        "expires_at": "2026-03-01T13:00:00Z",
        "created_at": "2026-03-01T12:00:00Z",
    }
    assert shop.reservation(held["id"]) == held
    assert show(shop, code)["state"] == "reserved"
    assert refused(shop, code) == USED_UP


def test_a_guest_and_somebody_unknown_can_reserve_a_voucher(shop):
    assert reserve(shop, issue(shop)["code"])["member"] is None
    assert reserve(shop, issue(shop)["code"], member="nobody")["member"] is None


@pytest.mark.parametrize(
    ("terms", "order", "worth"),
    [
        ({"kind": "percent", "percent": "12.5"}, {"total": 9_999}, 1_249),
        ({"kind": "free_shipping"}, {"shipping": 490}, 490),
        ({"kind": "fee_waiver", "amount": 300}, {}, 300),
        (GIFT_CARD, {}, 5_000),
        (GIFT_CARD, {"total": 1_200}, 1_200),
        (
            {"kind": "amount", "amount": 5_000, "skus": ["TEA"]},
            {"lines": [{"amount": 800, "sku": "TEA"}, {"amount": 9_200}]},
            800,
        ),
    ],
)
def test_it_takes_off_what_the_check_said(shop, terms, order, worth):
    code = issue(shop, **terms)["code"]

    assert check(shop, code, **order)["discount"]["amount"] == worth
    assert reserve(shop, code, **order)["discount"]["amount"] == worth


def test_a_voucher_that_does_not_fit_the_order_is_refused_and_stays_whole(shop):
    code = issue(shop, min_order=20_000)["code"]

    assert refused(shop, code) == (422, "voucher_not_applicable")
    assert refused(shop, code, currency="USD") == (422, "voucher_not_applicable")
    assert show(shop, code)["state"] == "issued"


def test_voiding_or_waiting_gives_the_use_back(shop):
    code = issue(shop)["code"]
    first = reserve(shop, code)["id"]
    assert [shop.void(first)["state"] for _ in range(2)] == ["voided"] * 2
    second = reserve(shop, code, expires_in="PT10M")["id"]
    shop.set_clock(NOON + timedelta(minutes=10))

    assert shop.reservation(second)["state"] == "expired"
    third = reserve(shop, code)["id"]

    for gone in (first, second):
        with pytest.raises(Refused, match="409 reservation_not_held"):
            capture(shop, gone, "o")
    assert capture(shop, third, "o")["state"] == "captured"
    assert show(shop, code)["state"] == "redeemed"


def test_capturing_again_answers_the_same(shop):
    code = issue(shop)["code"]
    held = reserve(shop, code)["id"]

    captured = [capture(shop, held, "o") for _ in range(2)]

    assert captured[0] == captured[1]
    assert captured[0]["captured"] == {"discount": {"amount": 1_000, "currency": "EUR"}}
    assert captured[0]["order_id"] == "o"
    assert refused(shop, code) == NOT_USABLE
    with pytest.raises(Refused, match="409 reservation_not_held"):
        capture(shop, held, "p")


def test_stored_value_is_reserved_and_captured_in_parts(shop):
    code = issue(shop, **GIFT_CARD)["code"]

    held = reserve(shop, code, amount=3_000)
    assert held["discount"]["amount"] == 3_000
    assert show(shop, code)["remaining"] == {"amount": 2_000}
    captured = capture(shop, held["id"], "o", 1_250)

    assert captured["captured"]["discount"]["amount"] == 1_250
    assert show(shop, code)["remaining"] == {"amount": 3_750}
    assert reserve(shop, code)["discount"]["amount"] == 3_750


def test_more_stored_value_than_there_is_is_refused_by_whether_it_comes_back(shop):
    code = issue(shop, **GIFT_CARD)["code"]
    assert refused(shop, code, amount=5_001) == (422, "voucher_used_up")
    reserve(shop, code, amount=3_000)

    assert refused(shop, code, amount=2_001) == (409, "voucher_used_up")
    assert refused(shop, code, amount=5_001) == (422, "voucher_used_up")
    assert reserve(shop, code, amount=2_000)["discount"]["amount"] == 2_000
    assert refused(shop, code, amount=1) == USED_UP


def test_an_amount_above_the_order_is_refused(shop):
    code = issue(shop, **GIFT_CARD)["code"]

    with pytest.raises(Refused, match="422 redemption_refused") as refusal:
        reserve(shop, code, amount=1_001, total=1_000)

    assert refusal.value.problem["errors"][0]["pointer"] == "/amount"


def test_only_stored_value_is_spent_in_part(shop):
    code = issue(shop)["code"]
    assert refused(shop, code, amount=500) == (422, "redemption_refused")
    held = reserve(shop, code)["id"]

    for body in ({"amount": 500}, {"points": 1}):
        with pytest.raises(Refused, match="422 redemption_refused"):
            shop.call("POST", f"/v1/reservations/{held}/capture", {"order_id": "o", **body})
    shop.give("ann", 100)
    points = shop.reserve("ann", 50)["id"]
    with pytest.raises(Refused, match="422 redemption_refused"):
        capture(shop, points, "o", 10)


@pytest.mark.parametrize(
    ("body", "pointers"),
    [
        ({"member": "ann"}, {"/points"}),
        ({"points": 5}, {"/member"}),
        ({"member": "ann", "points": 5, "voucher": GUESS}, {"/voucher"}),
        ({"member": "ann", "points": 5, "amount": 5}, {"/amount"}),
        ({"voucher": GUESS, "amount": 0}, {"/amount"}),
        ({"voucher": None}, {"/voucher"}),
        ({"voucher": "x" * 81}, {"/voucher"}),
    ],
)
def test_a_reservation_is_of_points_or_of_a_voucher(shop, body, pointers):
    with pytest.raises(Refused, match="422 invalid_request") as refusal:
        shop.call(
            "POST",
            "/v1/reservations",
            {"order": {"currency": "EUR", "total": 100}, **body},
            once=uuid.uuid4().hex,
        )

    assert {error["pointer"] for error in refusal.value.problem["errors"]} == pointers


def test_f17_all_causes_get_one_refusal(shop):
    codes = [
        GUESS,
        "%",
        issue(shop, member="ann")["code"],
        issue(shop, starts_at=(NOON + 9 * DAY).isoformat())["code"],
        issue(shop, expires_after="P1D")["code"],
        issue(shop)["code"],
        issue(shop)["code"],
    ]
    revoke(shop, codes[-1])
    capture(shop, reserve(shop, codes[-2])["id"], "o")
    shop.set_clock(NOON + DAY)

    shop.enrol("bob", email="bob@example.org")
    codes.append(issue(shop, uses=9, uses_per_member=1)["code"])
    reserve(shop, codes[-1], member="bob")
    refused(shop, GUESS, member="bob")  # all that is remembered is known now

    answers = []
    for code in codes:
        with statements.seen() as sent, pytest.raises(Refused) as refusal:
            reserve(shop, code, member="bob")
        answers.append(({**refusal.value.problem, "request_id": None}, sent))

    assert answers[0][0]["code"] == "voucher_not_usable"
    assert all(answer == answers[0] for answer in answers)


def test_f18_guessing_at_the_checkout_is_slowed_down(shop):
    put_terms(shop, guesses_per_client=3)
    code = issue(shop)["code"]

    assert [refused(shop, GUESS, client="x") for _ in range(3)] == [NOT_USABLE] * 3
    assert refused(shop, code, client="x") == (429, "too_many_guesses")
    assert refused(shop, code, client="y") == (201, None)


def test_a_bound_voucher_is_reserved_by_its_member_only(shop):
    code = issue(shop, member="ann")["code"]

    assert refused(shop, code, member="bob") == refused(shop, code) == NOT_USABLE
    assert reserve(shop, code, member="ann")["member"] == "ann"


def test_f16_uses_per_member_count_a_person_however_the_email_is_written(shop):
    shop.enrol("ann", email="ann.lee@gmail.com")
    shop.enrol("ann2", email="AnnLee+x@googlemail.com")
    code = issue(shop, uses=9, uses_per_member=1)["code"]
    held = reserve(shop, code, member="ann")["id"]

    assert refused(shop, code, member="ann2") == NOT_USABLE
    with pytest.raises(Refused, match="422 voucher_not_usable"):
        check(shop, code, member="ann2")
    assert refused(shop, code) == NOT_USABLE
    assert reserve(shop, code, member="bob")["state"] == "held"
    shop.void(held)
    again = reserve(shop, code, member="ann2")["id"]
    capture(shop, again, "o")
    assert refused(shop, code, member="ann") == NOT_USABLE


def test_uses_of_a_merged_member_count_for_whom_it_became(shop):
    code = issue(shop, uses=9, uses_per_member=1)["code"]
    capture(shop, reserve(shop, code, member="bob")["id"], "o")

    shop.merge("bob", "ann")

    assert refused(shop, code, member="ann") == NOT_USABLE


def test_a_hold_that_ended_by_itself_no_longer_counts_as_a_use(shop):
    code = issue(shop, uses=9, uses_per_member=1)["code"]
    reserve(shop, code, member="ann", expires_in="PT5M")
    shop.set_clock(NOON + timedelta(minutes=5))

    assert check(shop, code, member="ann")["valid"]
    assert reserve(shop, code, member="ann")["state"] == "held"


def test_a_revoked_voucher_keeps_its_hold_and_takes_what_comes_back(shop):
    code = issue(shop, uses=2)["code"]
    kept, given_up = (reserve(shop, code)["id"] for _ in range(2))
    revoke(shop, code)

    assert shop.void(given_up)["state"] == "voided"
    assert capture(shop, kept, "o")["state"] == "captured"
    assert refused(shop, code) == NOT_USABLE
    assert show(shop, code)["remaining"] == {"uses": 0}


def test_what_is_left_of_a_part_of_a_revoked_gift_is_taken(shop):
    code = issue(shop, kind="stored_value", amount=5_000)["code"]
    held = reserve(shop, code)["id"]
    revoke(shop, code)

    capture(shop, held, "o", 2_000)

    told = [data["units"] for name, data in events(shop) if name == "voucher.revoked"]
    assert told == [0, 3_000]


def test_two_vouchers_do_not_lower_one_price_unless_the_program_lets_them(shop):
    one, other = issue(shop)["code"], issue(shop)["code"]
    card = issue(shop, **GIFT_CARD)["code"]
    first, second = reserve(shop, one)["id"], reserve(shop, other)["id"]
    capture(shop, first, "o")

    with pytest.raises(Refused, match="422 stacking_refused"):
        capture(shop, second, "o")
    capture(shop, reserve(shop, card, amount=100)["id"], "o")
    put_terms(shop, stacking="any")
    assert capture(shop, second, "o")["state"] == "captured"


def test_one_of_each_class_can_lower_a_price_where_the_program_says_so(shop):
    put_terms(shop, stacking="one_per_class")
    codes = [issue(shop, **{"class": one, "kind": "amount", "amount": 100})["code"]
             for one in ("promotional", "promotional", "reward")]  # fmt: skip
    held = [reserve(shop, code)["id"] for code in codes]
    capture(shop, held[0], "o")

    with pytest.raises(Refused, match="422 stacking_refused"):
        capture(shop, held[1], "o")
    assert capture(shop, held[2], "o")["state"] == "captured"


def test_each_step_is_told_once(shop):
    code = issue(shop, **GIFT_CARD)["code"]
    first = reserve(shop, code, member="ann", amount=700)["id"]
    shop.void(first)
    second = reserve(shop, code, member="ann", amount=900)["id"]
    capture(shop, second, "o", 400)

    voucher = show(shop, code)["id"]
    about = {"voucher": voucher, "tender": "stored_value"}
    assert events(shop)[1:] == [
        ("voucher.reserved", {"reservation": first, "units": 700, **about}),
        ("voucher.released", {"reservation": first, "units": 700, **about}),
        ("voucher.reserved", {"reservation": second, "units": 900, **about}),
        ("voucher.redeemed", {"reservation": second, "units": 400, "order": "o", **about}),
    ]


def test_the_same_call_again_reserves_once(shop):
    code = issue(shop)["code"]

    assert reserve(shop, code, once="k") == reserve(shop, code, once="k")


def test_an_erased_member_leaves_no_email_behind(shop):
    shop.enrol("ann", email="ann@example.org")
    code = issue(shop, uses=3, uses_per_member=1)["code"]
    reserve(shop, code, member="ann")

    shop.call("DELETE", "/v1/members/ann")

    with db.reading():
        kept = db.session.scalars(
            select(Reservation.person).where(Reservation.program_id == shop.program_id)
        ).all()
    assert kept == [None]


def test_f02_of_many_who_race_for_a_voucher_exactly_its_uses_succeed(shop):
    code = issue(shop, uses=3)["code"]
    body = {"voucher": code, "order": {"currency": "EUR", "total": 5_000}}

    answers = crowd.Threads(shop.app).rush(
        [crowd.Call(shop.key, "POST", "/v1/reservations", body, f"k{n}") for n in range(12)]
    )

    assert sorted(answer.status for answer in answers) == [201] * 3 + [409] * 9
    assert {answer.code for answer in answers if answer.status == 409} == {"voucher_used_up"}


def test_two_captures_at_once_take_one_place_on_the_order(shop):
    held = [reserve(shop, issue(shop)["code"])["id"] for _ in range(4)]

    answers = crowd.Threads(shop.app).rush(
        [
            crowd.Call(shop.key, "POST", f"/v1/reservations/{id}/capture", {"order_id": "o"})
            for id in held
        ]
    )

    assert sorted(answer.status for answer in answers) == [200, 422, 422, 422]
    assert {answer.code for answer in answers if answer.status == 422} == {"stacking_refused"}


def test_a_reservation_of_a_voucher_takes_seven_statements_and_two_for_its_key(shop, engine_name):
    code = issue(shop)["code"]
    shop.balance("ann")

    with statements.seen() as sent:
        reserve(shop, code, member="ann")

    assert len(sent) <= {"postgresql": 9, "sqlite": 13}[engine_name], "\n\n".join(sent)


def test_lines_may_be_as_an_order_has_them(shop):
    code = issue(shop)["code"]

    held = reserve(shop, code, lines=[line("1", 10_000, sku="TEA", quantity=2)])

    assert held["discount"]["amount"] == 1_000
