"""`flask loyalty migrate`, `ledger verify` and `openapi`."""

import json

import pytest
from sqlalchemy import text

from config import Settings
from loyalty import create_app
from loyalty.foundation import db


@pytest.fixture
def empty(new_database, app):
    """An application on a database without tables."""
    with new_database("empty") as url:
        app = create_app(
            Settings(database_url=url, secret_key="s" * 40, base_url="http://localhost")
        )
        with app.app_context():
            yield app.test_cli_runner()
            db.session.remove()
            db.db.engine.dispose()


def test_migrating_takes_an_empty_database_to_head_and_may_be_repeated(empty):
    for _ in range(2):
        result = empty.invoke(args=["loyalty", "migrate"])
        assert result.exit_code == 0, result.output
        assert "The database is at head." in result.stdout

    assert empty.invoke(args=["loyalty", "program", "list"]).exit_code == 0


def test_a_database_without_tables_is_told_in_a_sentence(empty):
    result = empty.invoke(args=["loyalty", "program", "list"])

    assert result.exit_code == 1
    assert "flask loyalty migrate" in result.stderr
    assert "Traceback" not in result.stderr


def test_a_sound_ledger_is_counted(run, api, program):
    api.put("/v1/members/anna")

    result = run("ledger", "verify", "--program", program.slug)

    assert (result.exit_code, result.stdout) == (0, "1 accounts with 0 entries add up.\n")


def test_the_first_broken_entry_is_printed(run, api, program):
    api.put("/v1/members/anna")
    with db.transaction():
        db.connection().execute(
            text("UPDATE account SET available = 7 WHERE program_id = :id"), {"id": program.id}
        )

    result = run("ledger", "verify", "--program", program.slug)

    assert (result.exit_code, result.stdout) == (1, "")
    assert "acc_" in result.stderr
    with db.transaction():  # other tests verify everything
        db.connection().execute(
            text("UPDATE account SET available = 0 WHERE program_id = :id"), {"id": program.id}
        )


def test_the_openapi_document_is_printed(run):
    document = json.loads(run("openapi").stdout)

    assert document["openapi"] == "3.1.0"
    assert "/v1/members/{external_id}" in document["paths"]


def test_each_command_explains_itself(run):
    result = run("--help")

    assert result.exit_code == 0
    for command in ("migrate", "program", "key", "ledger", "openapi"):
        assert command in result.output
