"""How Alembic reaches the database; Flask-Migrate runs it inside the application.

All steps of an upgrade are one transaction on both engines: a step that fails leaves the schema as
it was.
"""

import sys
from typing import Any

from alembic import context
from sqlalchemy.engine import Connection

from loyalty.foundation.db import Base, UtcTime, db

# Two upgrades at once wait for one another; the number is arbitrary and ours.
UPGRADE_LOCK = 0x10A17E


def render_item(kind: str, item: object, _autogenerate: object) -> str | bool:
    """Write our own types as plain SQLAlchemy: history must not change with the code."""
    if kind == "type" and isinstance(item, UtcTime):
        return 'sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite")'
    return False


def drop_empty_revision(_context: object, _revision: object, directives: list[Any]) -> None:
    """Write no file when the models and the migrations say the same."""
    generated = getattr(context.config.cmd_opts, "autogenerate", False)
    if generated and directives[0].upgrade_ops.is_empty():
        directives.clear()
        sys.stdout.write("The models and the migrations say the same: there is nothing to write.\n")


def migrate_postgresql(connection: Connection) -> None:
    """Upgrade alone, and give up rather than make every other query wait behind a table lock."""
    with connection.begin():
        connection.exec_driver_sql("SET LOCAL lock_timeout = '10s'")
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({UPGRADE_LOCK})")
        run(connection)


def migrate_sqlite(connection: Connection) -> None:
    """Upgrade with foreign keys off, since changing a table on SQLite means replacing it.

    The switch only works outside a transaction, hence on the driver's own connection.
    """
    driver: Any = connection.connection.driver_connection
    driver.execute("PRAGMA foreign_keys = OFF")
    try:
        with connection.begin():
            run(connection)
            if broken := connection.exec_driver_sql("PRAGMA foreign_key_check").all():
                raise RuntimeError(
                    f"The migration would leave rows without their parents: {broken}."
                )
    finally:
        driver.execute("PRAGMA foreign_keys = ON")


def run(connection: Connection) -> None:
    """Run the steps in the transaction that is open."""
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        compare_type=True,
        render_as_batch=True,
        render_item=render_item,
        process_revision_directives=drop_empty_revision,
    )
    with context.begin_transaction():
        context.run_migrations()


if context.is_offline_mode():
    raise SystemExit("Migrations read the database as they go: `--sql` is not possible.")
with db.engine.connect() as opened:
    migrate_sqlite(opened) if opened.dialect.name == "sqlite" else migrate_postgresql(opened)
