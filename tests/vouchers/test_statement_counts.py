"""How many statements each call about vouchers sends."""

import pytest

from tests.support import statements
from tests.vouchers.made import check, issue, list_all, revoke, show


@pytest.fixture
def counted():
    """`counted(call, …)` returns how many statements the call sends."""

    def count(call, *args, **kwargs):
        call(*args, **kwargs)  # what is remembered is known from here on
        with statements.seen() as sent:
            call(*args, **kwargs)
        return len(sent)

    return count


def test_reading_a_voucher_takes_one_statement_and_a_list_takes_as_many_for_one_as_for_ten(
    shop, counted
):
    made = issue(shop)
    assert counted(show, shop, made["code"]) == 1
    assert counted(list_all, shop) == 1
    for _ in range(9):
        issue(shop, member="ann")
    assert counted(list_all, shop) == 1
    assert counted(list_all, shop, state="issued", member="ann") == 2


def test_a_check_takes_two_statements_and_with_a_member_at_most_four(shop, counted):
    made = issue(shop, uses_per_member=1)["code"]
    free = issue(shop)["code"]

    assert counted(check, shop, free) == 2
    assert counted(check, shop, made, member="ann") in {3, 4}  # with what the checkout counts


def test_issuing_and_revoking_take_as_few_as_the_engine_allows(shop, counted, engine_name):
    made = issue(shop, uses=3, expires_after="P1D")
    limit = {"postgresql": 4, "sqlite": 11}[engine_name]

    assert counted(issue, shop, member="ann") <= limit
    assert counted(revoke, shop, made["code"]) <= limit
