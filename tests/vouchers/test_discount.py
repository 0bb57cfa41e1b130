from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loyalty.vouchers.discount import discount
from loyalty.vouchers.service.refusing import VoucherNotApplicable

EMPTY = dict.fromkeys(("amount", "percent", "max_discount", "min_order", "skus", "categories"))
LINES = [
    {"sku": "TEA-1", "category": "tea", "amount": 3_000},
    {"sku": "TEA-2", "category": "tea", "amount": 1_000},
    {"sku": "CUP", "category": "cups", "amount": 2_000},
    {"sku": "CARD", "category": "tea", "amount": 5_000, "gift_card": True},
]


def terms(kind, **more):
    return {**EMPTY, "kind": kind, "currency": "EUR", **more}


def order(total=11_500, **more):
    return {"currency": "EUR", "total": total, **more}


@pytest.mark.parametrize(
    ("voucher", "bought", "taken"),
    [
        (terms("amount", amount=1_000), order(), 1_000),
        (terms("amount", amount=1_000), order(700), 700),
        (terms("amount", amount=1_000), order(900, shipping=500), 400),
        (terms("amount", amount=9_000), order(lines=LINES), 6_000),  # gift cards are money
        (terms("amount", amount=9_000, skus=["TEA-1", "TEA-9"]), order(lines=LINES), 3_000),
        (terms("amount", amount=9_000, categories=["tea"]), order(lines=LINES), 4_000),
        (
            terms("amount", amount=9_000, skus=["CUP"], categories=["tea"]),
            order(lines=LINES),
            6_000,
        ),
        (terms("amount", amount=9_000), order(1_000, lines=LINES), 1_000),
        (terms("percent", percent="10"), order(9_999), 999),
        (terms("percent", percent="12.5"), order(1_000), 125),
        (terms("percent", percent="100/3"), order(1_000), 333),
        (terms("percent", percent="100"), order(1_000, shipping=300), 700),
        (terms("percent", percent="50", max_discount=200), order(1_000), 200),
        (terms("percent", percent="10", categories=["cups"]), order(lines=LINES), 200),
        (terms("free_shipping"), order(shipping=490), 490),
        (terms("free_shipping"), order(300, shipping=490), 300),
        (terms("free_shipping", skus=["CUP"]), order(lines=LINES, shipping=490), 490),
        (terms("fee_waiver", amount=450), order(shipping=490), 450),
        (terms("fee_waiver", amount=450), order(300), 300),
        (terms("fee_waiver"), order(shipping=490), 490),
        (terms("stored_value", amount=5_000), order(), 5_000),
        (terms("stored_value", amount=50_000), order(lines=LINES, shipping=500), 11_500),
        (terms("stored_value", amount=5_000, categories=["cups"]), order(lines=LINES), 2_000),
    ],
)
def test_a_voucher_takes_off_what_it_says_and_no_more_than_there_is(voucher, bought, taken):
    assert discount(voucher, bought) == taken


def test_stored_value_is_worth_what_is_left_of_it():
    card = terms("stored_value", amount=5_000)

    assert discount(card, order(), balance=1_200) == 1_200
    assert discount(card, order(1_000), balance=1_200) == 1_000


@pytest.mark.parametrize(
    ("voucher", "bought", "reason"),
    [
        (terms("amount", amount=1), order() | {"currency": "USD"}, "other_currency"),
        (terms("amount", amount=1, min_order=2_000), order(1_999), "below_minimum"),
        (terms("stored_value", amount=1, min_order=2_000), order(1_999), "below_minimum"),
        (terms("amount", amount=1, skus=["X"]), order(lines=LINES), "no_eligible_line"),
        (terms("amount", amount=1, skus=["TEA-1"]), order(), "no_eligible_line"),
        (terms("free_shipping", skus=["X"]), order(lines=LINES, shipping=9), "no_eligible_line"),
        (terms("amount", amount=1), order(lines=LINES[3:]), "no_eligible_line"),
        (terms("free_shipping"), order(), "nothing_to_discount"),
        (terms("percent", percent="0.1"), order(999), "nothing_to_discount"),
        (terms("amount", amount=5), order(0), "nothing_to_discount"),
        (terms("amount", amount=5), order(500, shipping=500), "nothing_to_discount"),
        (terms("fee_waiver", amount=5), order(5_000, lines=LINES[3:]), "no_eligible_line"),
    ],
)
def test_a_voucher_that_does_not_fit_says_why(voucher, bought, reason):
    with pytest.raises(VoucherNotApplicable) as refused:
        discount(voucher, bought)

    assert refused.value.members["reason"] == reason
    assert refused.value.detail.endswith(".")


def test_an_order_of_just_the_minimum_is_enough():
    assert discount(terms("amount", amount=1, min_order=2_000), order(2_000)) == 1


amounts = st.integers(0, 2**53 - 1)
vouchers = st.fixed_dictionaries(
    {
        "kind": st.sampled_from(
            ["amount", "percent", "free_shipping", "fee_waiver", "stored_value"]
        ),
        "amount": st.integers(1, 2**53 - 1),
        "percent": st.sampled_from(["0.000000000001", "33.3", "100"]),
        "skus": st.sampled_from([None, ["a"]]),
    }
)
lines = st.fixed_dictionaries(
    {"amount": amounts, "sku": st.sampled_from("ab"), "gift_card": st.booleans()}
)
orders = st.fixed_dictionaries(
    {"total": amounts, "shipping": amounts, "lines": st.lists(lines, max_size=4)}
)


@given(vouchers, orders)
def test_no_voucher_takes_nothing_or_more_than_the_order_costs(voucher, bought):
    try:
        taken = discount(terms(**voucher), order(**bought))
    except VoucherNotApplicable:
        return
    assert 1 <= taken <= bought["total"]
    assert type(taken) is int
    if voucher["kind"] == "percent":
        assert taken <= Fraction(voucher["percent"]) * bought["total"] / 100
