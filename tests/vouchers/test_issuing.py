from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from loyalty.foundation import db
from loyalty.foundation.audit import AuditRecord
from loyalty.foundation.events import Event
from loyalty.ledger.models import Account, Entry
from loyalty.vouchers.service import issuing
from tests.races import crowd
from tests.races.crowd import Call
from tests.support.money import NOON, Refused, document, open_shop
from tests.vouchers.made import DAY, GIFT_CARD, TEN_EUROS, issue, put_terms, show

YEAR = "P1Y"


def rows(shop, model, *where):
    with db.reading():
        return list(
            db.session.scalars(select(model).where(model.program_id == shop.program_id, *where))
        )


def test_a_voucher_says_all_that_it_is(shop):
    made = issue(
        shop,
        kind="percent",
        percent="12.5",
        max_discount=2_000,
        uses=3,
        uses_per_member=1,
        member="ann",
        min_order=5_000,
        skus=["TEA-1"],
        categories=["cups"],
        starts_at="2026-03-02T00:00:00Z",
        expires_after="P90D",
        metadata={"campaign": "spring"},
    )

    assert show(shop, made["code"]) == made
    assert made["id"].startswith("vch_")
    assert {name: made[name] for name in ("state", "remaining", "percent", "member", "uses")} == {
        "state": "issued",
        "remaining": {"uses": 3},
        "percent": "12.5",
        "member": "ann",
        "uses": 3,
    }
    assert made["expires_at"] == "2026-05-30T12:00:00Z"
    assert made["currency"] == "EUR"
    assert made["metadata"] == {"campaign": "spring"}
    assert made["source"]["type"] == "api"


def test_its_value_is_units_of_the_ledger_uses_or_minor_units(shop):
    by_use, by_value = issue(shop, uses=7), issue(shop, **GIFT_CARD)

    found = {account.owner_id: account for account in rows(shop, Account)}
    with db.reading():
        texts = set(db.session.scalars(select(Entry.explanation).where(Entry.kind == "issue")))
    assert (found[by_use["id"]].unit, found[by_use["id"]].available) == ("uses", 7)
    assert (found[by_value["id"]].unit, found[by_value["id"]].available) == ("EUR", 5_000)
    assert by_value["remaining"] == {"amount": 5_000}
    assert {"Voucher issued with 7 uses.", "Voucher issued with 50.00 EUR."} <= texts


def test_issuing_leaves_an_event_and_names_who_did_it(shop):
    made = issue(shop, member="ann")

    [event] = rows(shop, Event, Event.name == "voucher.issued")
    [audit] = rows(shop, AuditRecord, AuditRecord.action == "voucher.issued")
    assert event.data["voucher"] == audit.subject_id == made["id"]
    assert event.member_id == audit.data["member"]
    assert audit.actor.startswith("key:")
    assert made["code"] not in str(event.data) + str(audit.data)


def test_the_same_key_issues_once(shop):
    made = [issue(shop, once="k") for _ in range(3)]

    assert made[0] == made[1] == made[2]
    assert len(rows(shop, Account, Account.unit == "uses")) == 1


def test_a_key_is_required(shop):
    with pytest.raises(Refused, match="400 missing_idempotency_key"):
        shop.call("POST", "/v1/vouchers", TEN_EUROS)


def test_the_shops_own_code_is_kept_as_written_and_found_however_it_is_typed(shop):
    made = issue(shop, code="Spring-2026")

    assert made["code"] == "Spring-2026"
    assert show(shop, "SPRING2026")["id"] == show(shop, "s-p-ring 2026")["id"] == made["id"]


def test_a_code_is_given_once_in_a_program_and_again_in_another(app, shop):
    issue(shop, code="SPRING-2026")

    with pytest.raises(Refused, match="409 voucher_code_taken") as refused:
        issue(shop, code="spring2026")
    assert refused.value.problem["errors"][0]["pointer"] == "/code"
    other = open_shop(app)
    assert issue(other, code="SPRING-2026")["state"] == "issued"


def test_of_two_who_want_one_code_at_once_one_gets_it(shop):
    calls = [
        Call(shop.key, "POST", "/v1/vouchers", {**TEN_EUROS, "code": "SPRING-26"}, f"k-{n}")
        for n in range(8)
    ]
    answers = crowd.Threads(shop.app).rush(calls)

    assert sorted(answer.status for answer in answers) == [201] + [409] * 7
    assert {answer.code for answer in answers} == {"SPRING-26", "voucher_code_taken"}


@pytest.mark.parametrize("code", ["ABC", "-ABCD", "AB--CD", "AB CD", "ÄBCD", "A" * 41, "", 1234])
def test_a_code_that_nobody_could_type_is_refused(shop, code):
    with pytest.raises(Refused, match="422 invalid_request") as refused:
        issue(shop, code=code)
    assert refused.value.problem["errors"][0]["pointer"] == "/code"


@pytest.mark.parametrize(
    ("terms", "pointers"),
    [
        ({"kind": "amount"}, ["/amount"]),
        ({"kind": "stored_value"}, ["/amount"]),
        ({"kind": "percent"}, ["/percent"]),
        ({"kind": "percent", "percent": 10, "amount": 5}, ["/amount"]),
        ({"kind": "free_shipping", "amount": 5}, ["/amount"]),
        ({"amount": 5, "kind": "amount", "percent": 10}, ["/percent"]),
        ({"amount": 5, "kind": "fee_waiver", "max_discount": 10}, ["/max_discount"]),
        ({**GIFT_CARD, "uses": 2, "uses_per_member": 1}, ["/uses", "/uses_per_member"]),
        ({**GIFT_CARD, "kind": "amount"}, ["/kind"]),
        ({**TEN_EUROS, "currency": "USD"}, ["/currency"]),
        ({**TEN_EUROS, "expires_at": "2026-03-01T12:00:00Z"}, ["/expires_at"]),
        ({**TEN_EUROS, "expires_after": "PT0S"}, ["/expires_after"]),
        (
            {**TEN_EUROS, "expires_after": "P1D", "expires_at": "2027-01-01T00:00:00Z"},
            ["/expires_after"],
        ),
        (
            {
                **TEN_EUROS,
                "starts_at": "2027-01-01T00:00:00Z",
                "expires_at": "2027-01-01T00:00:00Z",
            },
            ["/expires_at"],
        ),
    ],
)
def test_terms_that_do_not_go_together_are_refused_with_what_would_be_right(shop, terms, pointers):
    with pytest.raises(Refused, match="422 voucher_terms_refused") as refused:
        issue(shop, **terms)
    assert [error["pointer"] for error in refused.value.problem["errors"]] == pointers
    assert rows(shop, Account, Account.unit != "points") == []


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("amount", 0),
        ("amount", 2**53),
        ("amount", 1.5),
        ("uses", 0),
        ("percent", 0),
        ("percent", "0.0"),
        ("percent", 101),
        ("percent", "100.1"),
        ("percent", 12.5),
        ("skus", []),
        ("starts_at", "tomorrow"),
    ],
)
def test_no_amount_that_makes_no_sense_is_issued(shop, field, value):
    with pytest.raises(Refused, match="422 invalid_request") as refused:
        issue(shop, **{**TEN_EUROS, field: value})
    assert refused.value.problem["errors"][0]["pointer"].startswith(f"/{field}")


def test_the_largest_voucher_there_can_be_is_issued(shop):
    most = 2**53 - 1
    assert issue(shop, **{**GIFT_CARD, "amount": most})["remaining"] == {"amount": most}
    assert issue(shop, uses=most)["remaining"] == {"uses": most}


def test_goodwill_is_not_given_here_where_no_cap_would_hold(shop):
    for kind in (TEN_EUROS, GIFT_CARD):
        with pytest.raises(Refused, match="422 use_gestures"):
            issue(shop, **{**kind, "class": "goodwill"})
    with pytest.raises(Refused, match="422 use_gestures"):
        shop.call(
            "POST", "/v1/vouchers/bulk", {**TEN_EUROS, "class": "goodwill", "count": 2}, once="b"
        )


def test_a_voucher_for_nobody_is_refused(shop):
    with pytest.raises(Refused, match="404 member_not_found"):
        issue(shop, member="nobody")


def test_purchased_value_lives_as_long_as_the_law_table_says(shop):
    assert issue(shop, **GIFT_CARD)["expires_at"] is None
    assert issue(shop, **GIFT_CARD, expires_after="P5Y")["expires_at"] == "2031-03-01T12:00:00Z"
    for name, value in (("expires_after", "P4Y"), ("expires_at", "2031-03-01T11:59:59Z")):
        with pytest.raises(Refused, match="422 voucher_terms_refused") as refused:
            issue(shop, **GIFT_CARD, **{name: value})
        assert refused.value.problem["errors"][0]["pointer"] == f"/{name}"
    assert issue(shop, **GIFT_CARD | {"class": "promotional"}, expires_after=YEAR)


def test_purchased_value_follows_the_law_of_the_customers_country(shop):
    laws = {"purchased_min_life": "P1Y", "purchased_min_life_by_country": {"DE": "P3Y"}}
    put_terms(shop, **laws)
    shop.enrol("eva", country="DE")

    assert issue(shop, **GIFT_CARD, member="ann", expires_after=YEAR)
    for where in ({"member": "eva"}, {"country": "DE"}, {"member": "ann", "country": "DE"}):
        with pytest.raises(Refused, match="P3Y from now or later"):
            issue(shop, **GIFT_CARD, **where, expires_after=YEAR)
    assert issue(shop, **GIFT_CARD, member="eva", expires_after="P3Y")


def test_terms_of_the_programs_document_become_terms_of_a_voucher():
    whole = document(timezone="Europe/Berlin")
    now = datetime(2026, 3, 28, 12, tzinfo=UTC)  # a day before clocks go forward there
    found = issuing.terms_of(
        {"kind": "amount", "amount": 500, "uses": 2, "expires_after": "P1D"},
        whole,
        now,
        class_="reward",
    )

    assert found["expires_at"] == datetime(2026, 3, 29, 11, tzinfo=UTC)
    assert (found["kind"], found["class_"], found["currency"]) == ("amount", "reward", "EUR")
    assert (found["amount"], found["uses"], found["starts_at"]) == (500, 2, None)
    assert issuing.terms_of({"kind": "free_shipping"}, whole, now, class_="x")["uses"] == 1


def test_a_voucher_can_be_used_from_its_start_to_its_end(shop):
    end = NOON + 2 * DAY
    made = issue(shop, starts_at=(NOON + DAY).isoformat(), expires_at=end.isoformat())

    assert made["remaining"] == {"uses": 1}
    assert made["state"] == "issued"
    shop.set_clock(end)
    assert show(shop, made["code"])["state"] == "expired"
    assert show(shop, made["code"])["remaining"] == {"uses": 0}
