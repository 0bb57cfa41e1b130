import pytest

from loyalty.vouchers.service import checking
from tests.support import statements
from tests.support.money import NOON, Refused, open_shop
from tests.vouchers.made import (
    DAY,
    GIFT_CARD,
    GUESS,
    capture,
    check,
    give_back,
    guess,
    hold,
    issue,
    put_terms,
    release,
    revoke,
    show,
)

NOT_USABLE = (422, "voucher_not_usable")
ORDER = {"currency": "EUR", "total": 10_000}


@pytest.fixture
def refused_codes(app, shop):
    """A code for each cause of refusal; bob presents it, or nobody."""
    shop.enrol("bob")
    other = open_shop(app)
    codes = {
        "unknown": GUESS,
        "no code at all": "%25%C3%A4",
        "another program's": issue(other)["code"],
        "someone else's": issue(shop, member="ann")["code"],
        "not started": issue(shop, starts_at=(NOON + 9 * DAY).isoformat())["code"],
        "expired": issue(shop, expires_after="P1D")["code"],
        "revoked": issue(shop)["code"],
        "used up": issue(shop)["code"],
        "used up in time": issue(shop, expires_after="P1D")["code"],
        "revoked while held": issue(shop)["code"],
    }
    revoke(shop, codes["revoked"])
    hold(shop, codes["revoked while held"], until=NOON + 2 * DAY)
    revoke(shop, codes["revoked while held"])
    for name in ("used up", "used up in time"):
        capture(shop, codes[name], hold(shop, codes[name]))
    shop.set_clock(NOON + DAY)
    return codes


@pytest.mark.parametrize("member", ["bob", "nobody", None])
def test_f17_f18_refusals_do_not_tell_why_by_status_body_or_statements(shop, refused_codes, member):
    body = {"order": ORDER, "member": member}
    shop.send("POST", f"/v1/vouchers/{GUESS}/check", body)  # all that is remembered is known now
    answers = {}
    for cause, code in refused_codes.items():
        with statements.seen() as sent:
            answer = shop.send("POST", f"/v1/vouchers/{code}/check", body)
        told = {**answer.json, "request_id": None}
        kept = {
            name: text
            for name, text in answer.headers.items()
            if name not in {"Request-Id", "RateLimit", "Date"}
        }
        answers[cause] = (answer.status_code, told, kept, sent)

    assert answers["unknown"][:1] == (422,)
    assert answers["unknown"][1]["code"] == "voucher_not_usable"
    for cause, answer in answers.items():
        assert answer == answers["unknown"], cause


def test_the_same_codes_can_be_used_by_whom_they_are_for(shop):
    code = issue(shop, member="ann", uses=2)["code"]

    assert check(shop, code.lower(), member="ann") == {
        "valid": True,
        "discount": {"amount": 1_000, "currency": "EUR"},
        "code": code,
        "kind": "amount",
        "class": "promotional",
        "remaining": {"uses": 2},
        "expires_at": None,
    }
    assert guess(shop, code) == guess(shop, code, member="nobody") == NOT_USABLE


def test_f17_a_bound_voucher_follows_its_member_through_a_merge(shop):
    shop.enrol("bob")
    code = issue(shop, member="ann")["code"]
    shop.merge("ann", "bob")

    assert check(shop, code, member="bob")["valid"]
    assert check(shop, code, member="ann")["valid"]  # the pointer leads on
    assert show(shop, code)["member"] == "bob"


def test_a_voucher_that_is_held_elsewhere_is_a_conflict_until_it_comes_back(shop):
    code = issue(shop)["code"]
    held = hold(shop, code)

    assert guess(shop, code) == (409, "voucher_used_up")
    release(shop, code, held)
    assert check(shop, code)["valid"]


def test_f19_a_single_use_is_usable_again_when_its_hold_is_over_or_it_is_refunded(shop):
    code = issue(shop)["code"]
    hold(shop, code, until=NOON + DAY)
    assert guess(shop, code) == (409, "voucher_used_up")
    shop.set_clock(NOON + DAY)
    assert check(shop, code)["valid"]
    held = hold(shop, code, now=NOON + DAY, until=NOON + 2 * DAY)
    capture(shop, code, held, now=NOON + DAY)
    assert guess(shop, code) == NOT_USABLE
    give_back(shop, code, held, now=NOON + DAY)
    assert check(shop, code)["valid"]


def test_stored_value_is_worth_what_is_neither_spent_nor_held(shop):
    code = issue(shop, **GIFT_CARD)["code"]
    capture(shop, code, hold(shop, code, 1_000), 1_000)
    hold(shop, code, 500)

    checked = check(shop, code)
    assert checked["discount"]["amount"] == checked["remaining"]["amount"] == 3_500


@pytest.mark.parametrize(
    ("terms", "order", "reason"),
    [
        ({"min_order": 10_001}, {}, "below_minimum"),
        ({"skus": ["TEA-1"]}, {"lines": [{"sku": "CUP", "amount": 100}]}, "no_eligible_line"),
        ({}, {"currency": "USD"}, "other_currency"),
        ({}, {"total": 0}, "nothing_to_discount"),
    ],
)
def test_a_good_code_that_does_not_fit_the_order_says_why_and_is_no_guess(
    shop, terms, order, reason
):
    put_terms(shop, guesses_per_client=1, guesses_per_key=1, guesses_per_program=1)
    code = issue(shop, **terms)["code"]

    for _ in range(3):
        with pytest.raises(Refused, match="422 voucher_not_applicable") as refused:
            check(shop, code, **order)
        assert refused.value.problem["reason"] == reason


def test_limits_per_member_ask_for_a_member(shop):
    code = issue(shop, uses=5, uses_per_member=1)["code"]

    assert guess(shop, code) == guess(shop, code, member="nobody") == NOT_USABLE
    assert check(shop, code, member="ann")["valid"]


@pytest.fixture
def used_once():
    """Let every member who is known have used every voucher once, as the checkout would tell."""
    before = checking._count_uses
    checking.count_uses_by(lambda _connection, voucher, member: int(bool(voucher and member)))
    yield
    checking.count_uses_by(before)


def test_f16_who_used_a_voucher_as_often_as_one_may_is_refused_like_for_an_unknown_code(
    shop, used_once
):
    once, twice = (issue(shop, uses=5, uses_per_member=n)["code"] for n in (1, 2))

    assert guess(shop, once, member="ann") == NOT_USABLE
    assert check(shop, twice, member="ann")["valid"]


def test_checking_sets_nothing_aside(shop):
    code = issue(shop)["code"]

    assert check(shop, code) == check(shop, code)
    assert show(shop, code)["state"] == "issued"


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/order"),
        ({"order": {"total": 5}}, "/order/currency"),
        ({"order": {"currency": "EUR"}}, "/order/total"),
        ({"order": {**ORDER, "total": -1}}, "/order/total"),
        ({"order": {**ORDER, "lines": [{"sku": "A"}]}}, "/order/lines/0/amount"),
        ({"order": ORDER, "client": ""}, "/client"),
        ({"order": ORDER, "member": 5}, "/member"),
    ],
)
def test_a_check_that_cannot_be_read_says_where(shop, body, pointer):
    with pytest.raises(Refused, match="422 invalid_request") as refused:
        shop.call("POST", f"/v1/vouchers/{GUESS}/check", body)
    assert [error["pointer"] for error in refused.value.problem["errors"]] == [pointer]
