"""`flask loyalty key …`: API keys."""

from __future__ import annotations

import click

from loyalty.access import guard, scopes, service
from loyalty.cli.group import Commands, Line, actor
from loyalty.foundation import clock, db
from loyalty.programs import service as programs

key = Commands("key", help="Make, list and revoke API keys.")


@key.command("create")
@click.option("--program", "slug", required=True, help="Slug of the program the key is for.")
@click.option("--name", type=Line(100), default="server", help="What you know the key by.")
@click.option(
    "--scope",
    "granted",
    multiple=True,
    type=click.Choice([scopes.EVERYTHING, *scopes.SCOPES]),
    help="What the key may do; may be given several times. Everything, if left out.",
)
@click.option("--agent", type=Line(100), help="The agent of support that the key is bound to.")
def create_key(slug: str, name: str, granted: tuple[str, ...], agent: str | None) -> None:
    """Make a key and print it, alone. It is not shown again."""

    def make() -> service.NewKey:
        with db.transaction():
            program = programs.get_program(slug)
            return service.create_key(
                program_id=program.id,
                mode=program.mode,
                name=name,
                granted=granted or (scopes.EVERYTHING,),
                agent=agent,
                pepper=guard.secret_key(),
                now=clock.system_now(),
                actor=actor(),
            )

    made = db.retrying(make)
    click.echo(made.secret)
    click.echo(f"This is {made.id} for {slug}; it is not shown again.", err=True)


@key.command("list")
@click.option("--program", "slug", help="Only keys of this program.")
def list_keys(slug: str | None) -> None:
    """List keys: id, program, how it begins and ends, name, agent, state, scopes."""
    with db.reading():
        program_id = None if slug is None else programs.get_program(slug).id
        rows = service.list_keys(program_id)
    for row, program in rows:
        state = "active" if row.revoked_at is None else f"revoked {row.revoked_at:%Y-%m-%d}"
        looks = f"{row.prefix}…{row.last4}"
        shown = (row.id, program, looks, row.name, row.agent or "-", state, " ".join(row.scopes))
        click.echo("\t".join(shown))


@key.command("revoke")
@click.argument("key_id")
def revoke_key(key_id: str) -> None:
    """Revoke the key KEY_ID for good; web processes stop taking it within a second."""
    guard.revoke(key_id, actor=actor())
    click.echo(f"{key_id} is revoked.")
