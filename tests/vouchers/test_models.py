import pytest
from sqlalchemy import delete, insert, update
from sqlalchemy.exc import DBAPIError, IntegrityError

from loyalty.foundation import db
from loyalty.vouchers.queries import VOUCHER
from tests.vouchers.made import issue


def row_of(made):
    with db.reading():
        found = db.connection().execute(VOUCHER.select().where(VOUCHER.c.id == made["id"]))
        return dict(found.mappings().one())


def attempt(statement):
    with db.transaction():
        db.connection().execute(statement)


@pytest.mark.parametrize(
    "change",
    [
        {"amount": 2_000},
        {"kind": "free_shipping"},
        {"class": "reward"},
        {"expires_at": None},
        {"uses": 9},
        {"skus": ["TEA-1"]},
        {"revoked_at": None, "min_order": 1},
    ],
)
def test_the_database_lets_nobody_change_the_terms_of_a_voucher(shop, change):
    made = issue(shop, expires_after="P1D")
    before = row_of(made)

    with pytest.raises(DBAPIError, match="terms of a voucher are never changed"):
        attempt(update(VOUCHER).where(VOUCHER.c.id == made["id"]).values(change))
    with pytest.raises(DBAPIError, match="never deleted"):
        attempt(delete(VOUCHER).where(VOUCHER.c.id == made["id"]))
    assert row_of(made) == before


@pytest.mark.parametrize(
    ("wrong", "constraint"),
    [
        ({"kind": "bribe"}, "kind"),
        ({"class": "stolen"}, "class"),
        ({"class": "purchased"}, "purchased"),
        ({"amount": None}, "amount"),
        ({"amount": 0}, "amounts"),
        ({"max_discount": 0}, "amounts"),
        ({"kind": "percent", "amount": None}, "percent"),
        ({"uses": 0}, "uses"),
    ],
)
def test_the_database_takes_no_voucher_that_makes_no_sense(shop, wrong, constraint):
    row = row_of(issue(shop))

    with pytest.raises(IntegrityError, match=rf"ck_voucher_{constraint}\b"):
        attempt(insert(VOUCHER).values({**row, "id": "vch_1", "code": "ANOTHER1", **wrong}))


def test_two_vouchers_share_neither_code_nor_account(shop):
    row = row_of(issue(shop))

    for other in ({"code": row["code"], "account_id": "acc_1"}, {"code": "ANOTHER1"}):
        with pytest.raises(IntegrityError):
            attempt(insert(VOUCHER).values({**row, "id": "vch_1", **other}))
