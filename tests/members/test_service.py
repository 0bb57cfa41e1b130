"""Enrolling many members at once, as orders do."""

from datetime import UTC, datetime

import pytest
from sqlalchemy.exc import IntegrityError

from loyalty.foundation import db
from loyalty.foundation.bulk import Changes
from loyalty.members import accounts, service
from tests.support import make, statements

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def enrol(program, external_ids):
    changes = Changes()
    with db.transaction():
        rows = [
            service.enrol(changes, program_id=program.id, external_id=each, now=NOW, name="Anna")
            for each in external_ids
        ]
        rows[0]["orders"] = 1  # may be changed until it is written
        changes.write(db.connection())
    return rows


def test_members_are_enrolled_with_their_accounts(program):
    rows = enrol(program, ["a", "b"])

    with db.reading():
        found = accounts.find(db.connection(), program.id, ["a", "b"])
    assert [found[each].id for each in "ab"] == [row["id"] for row in rows]
    assert [found[each].orders for each in "ab"] == [1, 0]
    assert found["a"].account_id != found["b"].account_id


def test_a_thousand_members_cost_as_many_statements_as_one(program):
    with statements.seen() as one:
        enrol(program, ["first"])
    with statements.seen() as many:
        enrol(program, [f"c-{number}" for number in range(1000)])

    assert len(many) == len(one)


def test_the_database_insists_that_an_id_is_enrolled_once(program):
    enrol(program, ["a"])

    with pytest.raises(IntegrityError):
        enrol(program, ["a"])


def test_a_member_of_one_program_may_have_the_id_of_another_programs(program):
    enrol(program, ["a"])

    assert enrol(make.program(), ["a"])


@pytest.mark.parametrize("known", [False, True])
def test_a_put_costs_few_statements(program, known):
    call = make.call(program, now=NOW)
    if known:
        enrol(program, ["a"])

    with statements.seen() as sent, db.transaction():
        service.put_member(call, "a", {"name": "Anna", "referral_code": "ANNA-1"})

    assert len(sent) <= (4 if db.db.engine.dialect.name == "postgresql" else 6)
