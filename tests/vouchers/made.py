"""Vouchers for tests: issued and presented through the API, held and spent in the ledger."""

import uuid
from contextvars import Context
from datetime import timedelta

from loyalty.foundation import db, ids
from loyalty.foundation.bulk import Changes
from loyalty.ledger import kernel, undoing
from loyalty.ledger.book import Book
from loyalty.ledger.state import Posting, Stamp
from loyalty.vouchers import codes, queries
from tests.support.money import NOON, Refused, document

DAY = timedelta(days=1)
TEN_EUROS = {"kind": "amount", "class": "promotional", "amount": 1_000}
GIFT_CARD = {"kind": "stored_value", "class": "purchased", "amount": 5_000}
GUESS = "ABCDE-FGHJK-MNPQ2"


def issue(shop, *, once=None, **terms):
    """Issue a voucher, of ten euros off unless told otherwise."""
    body = {**TEN_EUROS, **terms} if "kind" not in terms else {"class": "promotional", **terms}
    return shop.call("POST", "/v1/vouchers", body, once=once or uuid.uuid4().hex)


def issue_batch(shop, count, *, once=None, **terms):
    body = {"count": count, **TEN_EUROS, **terms}
    return shop.call("POST", "/v1/vouchers/bulk", body, once=once or uuid.uuid4().hex)


def check(shop, code, *, total=10_000, member=None, client=None, **order):
    """Ask what a voucher is worth for an order."""
    body = {"order": {"currency": "EUR", "total": total, **order}}
    body |= {name: it for name, it in (("member", member), ("client", client)) if it is not None}
    return shop.call("POST", f"/v1/vouchers/{code}/check", body)


def guess(shop, code=GUESS, **more):
    """Present a code that should be refused; return status and problem code."""
    try:
        check(shop, code, **more)
    except Refused as refused:
        return refused.status, refused.code
    return 200, None


def show(shop, code):
    return shop.call("GET", f"/v1/vouchers/{code}")


def revoke(shop, code):
    return shop.call("POST", f"/v1/vouchers/{code}/revoke")


def list_all(shop, **filters):
    """Return all vouchers of a list, newest first."""
    query = "".join(f"&{name}={value}" for name, value in filters.items())
    page = shop.call("GET", f"/v1/vouchers?limit=100{query}")
    found = page["data"]
    while page["has_more"]:
        page = shop.call("GET", f"/v1/vouchers?limit=100{query}&cursor={page['next_cursor']}")
        found += page["data"]
    return found


def put_terms(shop, **terms):
    """Replace the program's terms by plain ones with these under `vouchers`."""
    before = shop.call("GET", "/v1/program")["program"]
    after = {**document(), "program": before, "vouchers": terms}
    headers = {"Authorization": f"Bearer {shop.key}", "If-Match": "*"}
    answer = shop.app.test_client().put("/v1/program", json=after, headers=headers)
    assert answer.status_code == 200, answer.text


def hold(shop, code, units=1, *, now=NOON, until=NOON + timedelta(minutes=30)):
    """Set units of a voucher aside, as a checkout does; returns the hold's id."""
    hold_id = ids.new_id("rsv")
    _move(shop, code, now, lambda account: kernel.hold(account, hold_id, units, until))
    return hold_id


def capture(shop, code, hold_id, units=1, *, now=NOON):
    """Spend units of a hold."""
    posting = Posting("redeem", "reservation", hold_id, "Spent.", now)
    _move(
        shop, code, now,
        lambda account: kernel.capture(account, account.holds[hold_id], units, posting), hold_id,
    )  # fmt: skip


def give_back(shop, code, hold_id, units=1, *, now=NOON):
    """Return what was spent, as a refund does."""
    posting = Posting("redeem_return", "refund", ids.new_id("r"), "Returned.", now)
    _move(
        shop, code, now,
        lambda account: undoing.give_back_captured(
            account, account.holds[hold_id], units, posting
        ),
        hold_id,
    )  # fmt: skip


def release(shop, code, hold_id, *, now=NOON):
    """Give a hold up."""
    _move(
        shop, code, now,
        lambda account: kernel.release(account, account.holds[hold_id], "voided", at=now), hold_id,
    )  # fmt: skip


def _move(shop, code, now, movement, *holds):
    """Make a movement on a voucher's account, settled first."""

    def moved():
        with shop.app.app_context(), db.transaction():
            connection = db.connection()
            [locked] = queries.lock_vouchers(
                connection, shop.program_id, codes=[codes.canonical(code)]
            )
            book, changes = Book(connection, Stamp(now, "test")), Changes()
            book.adopt([locked.account])
            book.read(lots_of=[locked.account_id], holds=holds)
            movement(book.accounts[locked.account_id])
            book.write_into(changes)
            changes.write(connection)

    Context().run(moved)
