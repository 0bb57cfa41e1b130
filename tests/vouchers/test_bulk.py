import csv

import pytest

from loyalty.vouchers import codes
from tests.support import statements
from tests.support.money import Refused
from tests.vouchers.made import check, issue_batch, list_all, show


def download(shop, batch):
    answer = shop.send("GET", batch["download"])
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert "attachment" in answer.headers["Content-Disposition"]
    return list(csv.DictReader(answer.get_data(as_text=True).splitlines()))


def test_ten_thousand_codes_are_issued_in_one_call_and_downloaded(shop):
    batch = issue_batch(shop, 10_000, expires_after="P30D")

    rows = download(shop, batch)
    assert batch["count"] == len(rows) == len({row["code"] for row in rows}) == 10_000
    assert all(codes.is_well_formed(codes.canonical(row["code"])) for row in rows)
    assert {(row["kind"], row["amount"], row["currency"]) for row in rows} == {
        ("amount", "1000", "EUR")
    }
    assert rows[0]["expires_at"] == "2026-03-31T12:00:00Z"
    assert check(shop, rows[7_777]["code"])["discount"]["amount"] == 1_000


def test_fifty_vouchers_take_as_many_statements_as_two(shop, app):
    issue_batch(shop, 2)  # the key is known from here on
    counts = []
    for count in (2, 50):
        with statements.seen() as sent:
            issue_batch(shop, count)
        counts.append(len(sent))

    assert counts[0] == counts[1]


def test_the_same_key_issues_the_batch_once(shop):
    first, again = (issue_batch(shop, 3, once="k") for _ in range(2))

    assert first == again
    assert len(list_all(shop)) == 3


def test_a_batch_is_listed_page_by_page_and_kept_apart_from_others(shop):
    batch, other = issue_batch(shop, 120), issue_batch(shop, 2)

    assert len(list_all(shop, batch=batch["batch"])) == 120
    found = list_all(shop, batch=other["batch"])
    assert [one["source"] for one in found] == [{"type": "bulk", "id": other["batch"]}] * 2
    assert show(shop, found[0]["code"])["batch"] == other["batch"]


@pytest.mark.parametrize("count", [0, 10_001, None, "5", -1])
def test_a_batch_has_one_to_ten_thousand_vouchers(shop, count):
    with pytest.raises(Refused, match="422 invalid_request") as refused:
        issue_batch(shop, count)
    assert refused.value.problem["errors"][0]["pointer"] == "/count"


def test_a_batch_is_free_for_all_and_has_no_code_of_the_shops_own(shop):
    for more in ({"member": "ann"}, {"code": "SPRING"}):
        with pytest.raises(Refused, match="422 invalid_request"):
            issue_batch(shop, 2, **more)


def test_an_unknown_batch_has_nothing_to_download(shop):
    with pytest.raises(Refused, match="404 voucher_batch_not_found"):
        shop.call("GET", "/v1/vouchers/batches/bat_1/codes.csv")
