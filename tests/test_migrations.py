"""The migrations make exactly what the models describe, on both engines, and can go back."""

import ast
import importlib
from pathlib import Path

import pytest
from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, inspect, text

from loyalty.foundation.db import Base
from loyalty.foundation.web import health
from tests.support import postgres

ROOT = Path(__file__).parents[1]
VERSIONS = sorted((ROOT / "migrations" / "versions").glob("*.py"))


def schema_of(engine):
    """Return all that the database tells about its tables, in a form that can be compared."""
    inspector = inspect(engine)
    return {
        table: {
            "columns": {
                column["name"]: (
                    column["type"].compile(engine.dialect),
                    column["nullable"],
                    column["default"],
                )
                for column in inspector.get_columns(table)
            },
            "primary key": inspector.get_pk_constraint(table),
            "unique": in_order(inspector.get_unique_constraints(table)),
            "checks": in_order(inspector.get_check_constraints(table)),
            "foreign keys": in_order(inspector.get_foreign_keys(table)),
            "indexes": in_order(inspector.get_indexes(table)),
        }
        for table in inspector.get_table_names()
        if table != "alembic_version"
    }


def in_order(found):
    return sorted(map(as_text, found))


def as_text(thing):
    """Tell values apart by what they say: the clause of a partial index is an object."""
    if isinstance(thing, dict):
        return str(sorted((key, as_text(value)) for key, value in thing.items()))
    return str(thing)


def guarded_tables(engine):
    """Return the tables that have triggers, apart from the engine's own ones."""
    queries = {
        "sqlite": "SELECT tbl_name FROM sqlite_master WHERE type = 'trigger'",
        "postgresql": "SELECT tgrelid::regclass::text FROM pg_trigger WHERE NOT tgisinternal",
    }
    with engine.connect() as connection:
        return set(connection.scalars(text(queries[engine.dialect.name])))


@pytest.fixture
def engine(app, new_database, request):
    """An engine on an empty database; `app` and its commands have loaded every model by then."""
    importlib.import_module("loyalty.cli")
    with new_database("models") as url:
        engine = create_engine(url)
        yield engine
        engine.dispose()


def test_upgrading_an_empty_database_makes_what_the_models_describe(engine, database_url):
    Base.metadata.create_all(engine)
    migrated = create_engine(database_url)

    described, made = schema_of(engine), schema_of(migrated)
    migrated.dispose()

    assert set(made) == set(described)
    for table, description in described.items():
        for part, told in description.items():
            assert made[table][part] == told, f"{table}: {part}"


def test_going_back_empties_the_database_or_is_refused_with_a_reason(new_app, new_database):
    with new_database("back") as url, new_app(url) as app, app.app_context():
        config = app.extensions["migrate"].migrate.get_config()
        engine = create_engine(url)
        before, refusal = schema_of(engine), ""
        try:
            command.downgrade(config, "base")
        except NotImplementedError as refused:
            refusal = str(refused)

        if refusal:
            assert refusal.endswith(".")
        else:
            assert schema_of(engine) == {}
            assert guarded_tables(engine) == set()
            command.upgrade(config, "head")
        assert schema_of(engine) == before
        engine.dispose()


def test_triggers_guard_the_same_tables_on_both_engines(new_app, postgresql_server, tmp_path):
    found = []
    with postgres.database(postgresql_server, "loyalty_test_triggers") as on_postgresql:
        for url in (f"sqlite:///{tmp_path}/loyalty.db", on_postgresql):
            with new_app(url):
                engine = create_engine(url)
                found.append(guarded_tables(engine))
                engine.dispose()

    assert found[0]
    assert found[0] == found[1]


def test_there_is_one_head_which_the_service_knows_without_alembic():
    heads = ScriptDirectory(str(ROOT / "migrations")).get_heads()

    assert len(heads) == 1
    assert health.heads_of(ROOT / "migrations") == set(heads)


@pytest.mark.parametrize("path", VERSIONS, ids=lambda path: path.stem)
def test_a_migration_says_why_and_keeps_apart_from_the_code(path):
    tree = ast.parse(path.read_text())
    imported = {
        name.split(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in [getattr(node, "module", None) or node.names[0].name]
    }

    summary, _, rest = (ast.get_docstring(tree) or "").partition("\n\n")
    assert summary.endswith(".")
    assert rest
    assert "say what made the change necessary" not in rest
    assert "Before you commit this file" not in path.read_text()
    assert "loyalty" not in imported
