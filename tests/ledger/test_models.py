"""What the database itself refuses, whoever asks."""

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError

from loyalty.foundation import db

IMMUTABLE = ("entry", "program_version")


@pytest.fixture
def held(shop):
    """A shop with a member who has points, pending and held ones."""
    shop.order("first", "ann", 10_000)
    shop.adjust("ann", 50)
    shop.reserve("ann", 20)
    return shop


@pytest.fixture
def connection(held):
    with db.db.engine.connect() as connection:
        yield connection
        connection.rollback()


@pytest.mark.parametrize("table", IMMUTABLE)
@pytest.mark.parametrize("verb", ["UPDATE {} SET actor = 'x'", "DELETE FROM {}"])
def test_history_is_never_changed_or_deleted(held, connection, table, verb):
    with pytest.raises(DBAPIError, match=f"rows of {table} are never changed or deleted"):
        connection.execute(text(verb.format(table)))


@pytest.mark.parametrize("table", IMMUTABLE)
def test_history_is_never_truncated(held, connection, table):
    if connection.dialect.name == "sqlite":
        pytest.skip("SQLite has no TRUNCATE; DELETE is refused")
    with pytest.raises(DBAPIError, match=f"rows of {table} are never changed or deleted"):
        connection.execute(text(f"TRUNCATE {table} CASCADE"))


def test_history_refuses_a_replacing_insert_too(held, connection):
    if connection.dialect.name == "postgresql":
        pytest.skip("PostgreSQL replaces only by UPDATE, which is refused")
    with pytest.raises(DBAPIError, match="rows of entry are never changed or deleted"):
        connection.execute(text("INSERT OR REPLACE INTO entry SELECT * FROM entry"))


@pytest.mark.parametrize(
    ("constraint", "statement"),
    [
        ("available", "UPDATE account SET available = -1, debt = 0"),
        ("pending", "UPDATE account SET pending = -1"),
        ("held", "UPDATE account SET held = -1"),
        ("debt", "UPDATE account SET debt = -1"),
        ("debt_is_paid_first", "UPDATE account SET debt = 1 WHERE available > 0"),
        ("remaining", "UPDATE lot SET remaining = -1"),
        ("held", "UPDATE lot SET held = -1"),
        ("granted", "UPDATE lot SET granted = 0"),
        ("state", "UPDATE hold SET state = 'lost', closed_at = created_at"),
        ("closed", "UPDATE hold SET state = 'voided'"),
        ("captured", "UPDATE hold SET captured = units + 1"),
        ("returned", "UPDATE hold SET returned = captured + 1"),
        ("refunded", "UPDATE orders SET refunded = total + 1"),
        ("taken_once", "UPDATE orders SET clawed = granted, forgiven = 1"),
    ],
)
def test_a_row_that_cannot_be_true_is_refused(held, connection, constraint, statement):
    with pytest.raises(IntegrityError, match=f"ck_[a-z]+_{constraint}"):
        connection.execute(text(statement))


def test_one_source_moves_an_account_once_per_kind(held, connection):
    columns = "account_id, kind, points, counterpart, available, pending, held, debt, lots"
    columns += ", source_type, source_id, explanation, actor, occurred_at, recorded_at, hash"
    again = f"INSERT INTO entry (id, seq, {columns}) SELECT 'ent_again', 99, {columns} FROM entry"
    with pytest.raises(IntegrityError, match=r"uq_entry_natural|entry\.source_id"):
        connection.execute(text(f"{again} WHERE seq = 1 LIMIT 1"))


def test_two_entries_never_have_one_number(held, connection):
    columns = "account_id, seq, kind, points, counterpart, available, pending, held, debt, lots"
    columns += ", source_type, explanation, actor, occurred_at, recorded_at, hash"
    again = (
        f"INSERT INTO entry (id, source_id, {columns}) SELECT 'ent_x', 'x', {columns} FROM entry"
    )
    with pytest.raises(IntegrityError, match=r"pk_entry|entry\.seq"):
        connection.execute(text(f"{again} LIMIT 1"))
