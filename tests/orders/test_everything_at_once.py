"""One order with all there is: two reservations, stored value, a referral; and its way back."""

import uuid
from contextvars import Context
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from loyalty.foundation import db, events
from tests.checkout.vouchering import reserve
from tests.support.money import NOON, Refused, open_shop

TERMS = {
    "referrals": {
        "min_order": 1000,
        "advocate": {"points": 300},
        "referee": {"voucher": {"kind": "amount", "amount": 500}},
    },
}
SETTLING = {"settles_after": "P14D", "expires_after": "P12M"}


@pytest.fixture
def shop(app):
    shop = open_shop(app, earning=SETTLING, sections=TERMS)
    shop.enrol("anna", email="anna@example.org")
    shop.give("ben", 700)
    return shop


def issue(shop, kind, **terms):
    body = {"kind": kind, **terms}
    return shop.call("POST", "/v1/vouchers", body, once=uuid.uuid4().hex)["code"]


def voucher(shop, code):
    found = shop.call("GET", f"/v1/vouchers/{code}")
    return {name: found[name] for name in ("state", "remaining", "expires_at")}


def everything(shop, code, card):
    """Return all that the order may change: points, both vouchers, who referred whom."""
    states = [one["state"] for one in shop.call("GET", "/v1/referrals")["data"]]
    return {
        "anna": shop.points("anna"),
        "ben": shop.points("ben"),
        "code": voucher(shop, code),
        "card": voucher(shop, card),
        "referrals": states,
    }


def transactions(shop):
    """Return how many requests have written an event so far."""

    def counted():
        with shop.app.app_context(), db.reading():
            table = db.table_of(events.Event)
            return db.connection().scalar(
                select(func.count(table.c.request_id.distinct())).where(
                    table.c.program_id == shop.program_id
                )
            )

    return Context().run(counted)


def buy(shop):
    """Let ben, brought by anna, pay with points, a voucher and a gift card; return the codes."""
    code = issue(shop, "amount", amount=1000, **{"class": "promotional"})
    card = issue(shop, "stored_value", amount=5000, **{"class": "purchased"})
    anna = shop.call("GET", "/v1/members/anna/referral")["code"]
    held = [
        shop.reserve("ben", 200)["id"],
        reserve(shop, code, member="ben")["id"],
        reserve(shop, card, member="ben", amount=3000)["id"],
    ]
    before = transactions(shop)
    shop.order("o-1", "ben", 10_000, reservations=held, referral_code=anna)
    assert transactions(shop) == before + 1
    return code, card


def test_an_order_takes_everything_in_one_transaction(shop):
    code, card = buy(shop)

    now = everything(shop, code, card)
    assert now["code"]["state"] == "redeemed"
    assert now["card"]["remaining"] == {"amount": 2000}
    assert now["ben"]["available"] == 500
    assert now["ben"]["pending"] == 68  # of 100.00 less 2.00 in points and 30.00 from the card
    assert now["anna"] == {"pending": 300}
    assert now["referrals"] == ["qualified"]
    shop.verify()


@pytest.mark.parametrize("how", ["cancel", "one refund", "many refunds"])
def test_its_refund_returns_everything_to_where_it_was(shop, how):
    code, card = buy(shop)
    expiry = [voucher(shop, one)["expires_at"] for one in (code, card)]
    shop.set_clock(NOON + timedelta(days=3))

    if how == "cancel":
        shop.cancel("o-1")
    elif how == "one refund":
        shop.refund("o-1", "r", 10_000)
    else:
        for n, amount in enumerate((1, 3333, 2500, 4166)):
            shop.refund("o-1", f"r-{n}", amount)

    now = everything(shop, code, card)
    assert now["code"]["state"] == "issued"
    assert now["card"] == {
        "state": "issued",
        "remaining": {"amount": 5000},
        "expires_at": expiry[1],
    }
    assert now["code"]["expires_at"] == expiry[0]
    assert now["ben"] == {"available": 700}
    assert now["anna"] == {}
    assert now["referrals"] == ["voided"]
    shop.verify()


def test_half_a_refund_returns_half_of_what_paid_and_no_price_reduction(shop):
    code, card = buy(shop)

    shop.refund("o-1", "r", 5_000)

    now = everything(shop, code, card)
    assert now["code"]["state"] == "redeemed"
    assert now["card"]["remaining"] == {"amount": 3500}
    assert now["ben"]["available"] == 600
    shop.verify()


def test_reopened_it_is_as_it_was(shop):
    code, card = buy(shop)
    before = everything(shop, code, card)

    shop.cancel("o-1")
    shop.reopen("o-1")

    assert everything(shop, code, card) == before
    shop.verify()


def test_what_cannot_be_taken_leaves_everything_as_it_was(shop):
    code = issue(shop, "amount", amount=1000, **{"class": "promotional"})
    held = [shop.reserve("ben", 200)["id"], reserve(shop, code, member="ben")["id"]]
    shop.void(held[1])
    before = shop.points("ben")

    with pytest.raises(Refused) as refused:
        shop.order("o-1", "ben", 10_000, reservations=held)

    assert refused.value.code == "reservation_not_held"
    assert shop.points("ben") == before
    shop.verify()
