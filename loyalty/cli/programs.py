"""`flask loyalty program …`: program documents as TOML files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
import orjson

from loyalty.cli.group import Commands, actor
from loyalty.foundation import clock, db
from loyalty.foundation.call import Call
from loyalty.programs import document as documents
from loyalty.programs import service
from loyalty.programs.models import ProgramVersion

program = Commands("program", help="Apply and show program documents.")


@program.command("apply")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--yes", is_flag=True, help="Do not ask.")
def apply_program(file: Path, yes: bool) -> None:  # noqa: FBT001 - a flag of the command line
    """Apply the program document in FILE (TOML); shows the difference and asks first."""
    new = _read(file)
    slug = new["program"]["slug"]
    with db.reading():
        known = service.find_program(slug) is not None
        in_force = service.show_program(slug) if known else None
    if in_force is None:
        click.echo(f"{slug} is new: a {new['program']['mode']} program in its first version.")
    elif not _show_difference(in_force.document, new):
        click.echo(f"{slug} stays at version {in_force.version}: nothing changes.")
        return
    if not yes:
        click.confirm("Apply this?", abort=True)
    applied = db.retrying(lambda: _apply(new, in_force))
    click.echo(f"{slug} is at version {applied.version}.")


@program.command("show")
@click.argument("slug")
def show_program(slug: str) -> None:
    """Print the document in force of the program SLUG, as TOML."""
    with db.reading():
        version = service.show_program(slug)
    click.echo(documents.to_toml(version.document), nl=False)


@program.command("list")
def list_programs() -> None:
    """List all programs: slug, mode, version, currency, name."""
    with db.reading():
        rows = service.list_programs()
    for tenant, version in rows:
        about = version.document["program"]
        shown = (tenant.slug, tenant.mode, str(tenant.version), about["currency"], about["name"])
        click.echo("\t".join(shown))


def _read(file: Path) -> dict[str, Any]:
    try:
        text = file.read_text("utf-8")
    except UnicodeDecodeError:
        raise click.ClickException(f"{file} is not text in UTF-8, as TOML is.") from None
    except OSError as error:
        raise click.ClickException(f"{file} cannot be read: {error.strerror}.") from None
    return documents.from_toml(text)


def _apply(new: Mapping[str, Any], in_force: ProgramVersion | None) -> ProgramVersion:
    now = clock.system_now()
    with db.transaction():
        if in_force is None:
            return service.create_program(document=new, actor=actor(), now=now)
        call = Call(in_force.program_id, actor(), None, now)
        return service.apply_document(call, new, expected_versions={in_force.version})


def _show_difference(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    """Print what changes; return whether anything does."""
    changes = documents.difference(old, new)
    for change in changes:
        if change.before is None:
            click.echo(f"+ {change.path}: {_short(change.after)}")
        elif change.after is None:
            click.echo(f"- {change.path}: {_short(change.before)}")
        else:
            click.echo(f"~ {change.path}: {_short(change.before)} → {_short(change.after)}")
    return bool(changes)


def _short(value: Any) -> str:
    return orjson.dumps(value).decode()
