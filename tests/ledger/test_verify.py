"""Whatever is changed behind the ledger's back is found, and the first fault is named."""

from contextlib import contextmanager
from datetime import timedelta

import pytest
from sqlalchemy import text

from loyalty.foundation import db
from loyalty.ledger.verify import verify
from tests.support.money import NOON


@pytest.fixture
def history(shop):
    """A member with points of all sorts, and two who make noise."""
    shop.order("noise", "zoe", 5_000)
    shop.order("first", "ann", 10_000)
    shop.set_clock(NOON + timedelta(days=8))
    shop.order("second", "ann", 4_000)
    shop.capture(shop.reserve("ann", 20)["id"], "not-recorded-yet")
    shop.reserve("ann", 30)
    shop.refund("first", "r1", 1_000)
    shop.transfer("zoe", "ann", 5)
    assert shop.points("ann") == {"available": 45, "pending": 40, "held": 30}
    return shop


@contextmanager
def behind_the_back(program_id):
    """A connection that may change anything of ann's, and forgets it afterwards."""
    with db.db.engine.connect() as connection:
        if connection.dialect.name == "sqlite":
            connection.execute(text("DROP TRIGGER entry_refuses_update"))
            connection.execute(text("DROP TRIGGER entry_refuses_delete"))
        else:
            connection.execute(text("ALTER TABLE entry DISABLE TRIGGER USER"))
            connection.execute(text("SET CONSTRAINTS ALL DEFERRED"))
        account_id = connection.scalar(
            text(
                "SELECT account.id FROM account JOIN member ON member.id = account.owner_id "
                "WHERE member.program_id = :program_id AND member.external_id = 'ann'"
            ),
            {"program_id": program_id},
        )
        yield connection, account_id
        connection.rollback()


def broken(shop, *statements):
    """What the proof says after these statements; `:ann` is her account."""
    with behind_the_back(shop.program_id) as (connection, account_id):
        for statement in statements:
            done = connection.execute(text(statement), {"ann": account_id})
            assert done.rowcount == 1, statement
        report = verify(connection, shop.program_id)
        assert account_id in report.broken
        return report.broken.replace(account_id, "ann")


def test_an_untouched_ledger_is_proven_and_counted(history):
    report = history.verify()
    assert report.broken is None
    assert report.accounts == 2
    assert report.entries == len(history.entries("ann")) + len(history.entries("zoe")) == 7


def test_the_proof_of_everything_takes_in_every_program(history, app):
    with db.db.engine.connect() as connection:
        everything = verify(connection)
        only = verify(connection, history.program_id)
    assert everything.broken is None
    assert everything.accounts > only.accounts or everything == only


@pytest.mark.parametrize(
    "change",
    [
        "explanation = 'a gift'",
        "actor = 'nobody'",
        "occurred_at = (SELECT created_at FROM program LIMIT 1)",
        "request_id = NULL",
        "kind = 'bonus'",
        "source_id = 'other'",
        "counterpart = 'program:adjusted'",
        "available = available + 1, pending = pending - 1",
        "hash = '0000'",
    ],
)
def test_a_changed_entry_is_found_by_its_hash(history, change):
    sentence = broken(history, f"UPDATE entry SET {change} WHERE account_id = :ann AND seq = 2")
    assert sentence.startswith("entry ent_")
    assert "(number 2 of account ann) was changed after it was written" in sentence


def test_changed_points_are_found_by_the_balances_after_them(history):
    sentence = broken(
        history, "UPDATE entry SET points = points + 1 WHERE account_id = :ann AND seq = 2"
    )
    assert "number 2 of account ann) says other balances" in sentence


def test_an_entry_deleted_from_the_middle_is_missed(history):
    sentence = broken(history, "DELETE FROM entry WHERE account_id = :ann AND seq = 2")
    assert "number 3 of account ann) should have number 2: an entry is missing" in sentence


def test_the_last_entry_deleted_is_missed_by_the_account(history):
    sentence = broken(history, "DELETE FROM entry WHERE account_id = :ann AND seq = 5")
    assert sentence == "account ann does not end with its last entry."


def test_a_lot_that_grew_is_found(history):
    sentence = broken(
        history, "UPDATE lot SET remaining = remaining + 1 WHERE account_id = :ann AND number = 1"
    )
    assert sentence == "lot 1 of account ann holds another sum than its entries."


def test_a_lot_deleted_is_missed(history):
    sentence = broken(history, "DELETE FROM lot WHERE account_id = :ann AND number = 2")
    assert sentence == "account ann misses a lot that its entries or holds name."


def test_a_spent_lot_deleted_is_missed_too(history):
    history.adjust("ann", 7)
    history.set_clock(NOON + timedelta(days=400))
    history.adjust("ann", 1)
    sentence = broken(history, "DELETE FROM lot WHERE account_id = :ann AND number = 4")
    assert sentence == "account ann misses a lot that its entries or holds name."


def test_points_made_spendable_too_early_are_found(history):
    settled = "settled = 1" if history.app.config["SQLALCHEMY_DATABASE_URI"][:6] == "sqlite" else ""
    sentence = broken(
        history,
        f"UPDATE lot SET {settled or 'settled = true'} WHERE account_id = :ann AND number = 2",
    )
    assert sentence == "account ann has other balances than its lots."


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (
            "state = 'voided', closed_at = created_at WHERE state = 'open' AND",
            "lot 1 of account ann is held by no reservation, or by two.",
        ),
        (
            "units = units + 1 WHERE state = 'open' AND",
            "account ann holds 30, its reservations hold 31.",
        ),
        ("captured = captured - 1 WHERE state = 'captured' AND", "19 were spent, its entry says"),
        ("units = units + 1 WHERE state = 'captured' AND", "holds 21, but 20 in its lots."),
    ],
)
def test_a_changed_hold_is_found(history, change, fault):
    assert fault in broken(history, f"UPDATE hold SET {change} account_id = :ann")


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ("available = available + 1", "account ann holds another sum than its entries."),
        (
            "available = available + 1, pending = pending - 1",
            "account ann has other balances than its lots.",
        ),
        ("earned = earned + 1", "account ann says it earned 131, its entries say 130."),
        ("head = '0000'", "account ann does not end with its last entry."),
        ("entry_count = 6", "account ann does not end with its last entry."),
        ("lot_count = 2", "account ann misses a lot that its entries or holds name."),
        ("next_due = NULL", "account ann would not notice what is due on 2026-03-09"),
    ],
)
def test_a_changed_account_is_found(history, change, fault):
    assert fault in broken(history, f"UPDATE account SET {change} WHERE id = :ann")


def test_a_fault_of_another_program_is_not_this_programs(history):
    with behind_the_back(history.program_id) as (connection, account_id):
        connection.execute(
            text("UPDATE account SET available = available + 1 WHERE id = :ann"),
            {"ann": account_id},
        )
        assert verify(connection, "prg_other").broken is None
        assert verify(connection).broken is not None
