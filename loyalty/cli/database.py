"""`flask loyalty migrate` and `flask loyalty ledger verify`."""

from __future__ import annotations

import click
import flask_migrate
from flask.cli import with_appcontext

from loyalty.cli.group import Commands
from loyalty.foundation import db
from loyalty.ledger import verify
from loyalty.programs import service as programs

ledger = Commands("ledger", help="Prove the books.")


@click.command("migrate")
@with_appcontext
def migrate() -> None:
    """Bring the database to the present schema."""
    flask_migrate.upgrade()
    click.echo("The database is at head.")


@ledger.command("verify")
@click.option("--program", "slug", help="Only the accounts of this program.")
def verify_ledger(slug: str | None) -> None:
    """Prove every account from its entries, lots and holds; exit 1 at the first that is broken."""
    with db.snapshot():
        program_id = None if slug is None else programs.get_program(slug).id
        report = verify.verify(db.connection(), program_id)
    if report.broken is not None:
        raise click.ClickException(report.broken)
    click.echo(f"{report.accounts} accounts with {report.entries} entries add up.")
