"""`flask loyalty staff …`: persons who work for a shop, and their roles."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TypeVar

import click
import email_validator

from loyalty.access import staff as service
from loyalty.cli.group import Commands, Line, actor
from loyalty.foundation import clock, db
from loyalty.foundation.call import Call
from loyalty.members import identity
from loyalty.programs import service as programs

T = TypeVar("T")

staff = Commands("staff", help="Enter, list and disable persons of the staff.")
_program = click.option("--program", "slug", required=True, help="Slug of the program.")


class Address(click.ParamType[str]):
    """An email address by its syntax."""

    name = "email"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the address in its normal form."""
        try:
            return email_validator.validate_email(
                value, check_deliverability=False, test_environment=True
            ).normalized
        except email_validator.EmailNotValidError:
            self.fail("give an email address, such as kim@example.org.", param, ctx)


_email = click.option("--email", type=Address(), required=True, help="Their address.")


@staff.command("create")
@_program
@_email
@click.option("--role", type=click.Choice(service.ROLES), required=True, help="What they may do.")
@click.option("--agent", type=Line(100), help="Their name as an agent; else what is before the @.")
@click.option("--name", type=Line(200), help="Their name.")
def create_staff(slug: str, email: str, role: str, agent: str | None, name: str | None) -> None:
    """Give a person a role in a program; the password is read from standard input.

    Somebody who has a role in another program keeps their password. With nothing on standard
    input the person has no password yet.
    """
    password = _password()

    def create() -> tuple[str, str, bool]:
        person, held, is_new = service.create_staff(
            _call(slug),
            email=email,
            email_key=identity.email_key(email),
            role=role,
            agent=agent,
            name=name,
            password=password,
        )
        return person.id, held.agent, is_new

    staff_id, handle, is_new = _write(create)
    click.echo(staff_id)
    known = "" if is_new else ", whose password stays as it is"
    click.echo(f"{email}{known} is {role} of {slug}, as the agent {handle}.", err=True)


@staff.command("list")
@click.option("--program", "slug", help="Only the staff of this program.")
def list_staff(slug: str | None) -> None:
    """List the staff: id, program, address, name, role, agent, status."""
    with db.reading():
        program_id = None if slug is None else programs.get_program(slug).id
        rows = service.list_staff(program_id)
    for person, held, program in rows:
        shown = (person.id, program, person.email, person.name or "-", held.role, held.agent)
        click.echo("\t".join((*shown, person.status)))


@staff.command("role")
@_program
@_email
@click.option("--role", type=click.Choice(service.ROLES), required=True, help="The new role.")
@click.option("--agent", type=Line(100), help="Their new name as an agent.")
def change_role(slug: str, email: str, role: str, agent: str | None) -> None:
    """Change a person's role in a program."""

    def change() -> str:
        key = identity.email_key(email)
        return service.change_role(_call(slug), email_key=key, role=role, agent=agent).agent

    handle = _write(change)
    click.echo(f"{email} is {role} of {slug}, as the agent {handle}.", err=True)


@staff.command("disable")
@_email
def disable_staff(email: str) -> None:
    """End a person's access to all programs."""
    key = identity.email_key(email)
    _write(lambda: service.disable_staff(email_key=key, actor=actor(), now=clock.system_now()))
    click.echo(f"{email} is disabled.", err=True)


@staff.command("enable")
@_email
def enable_staff(email: str) -> None:
    """Let a person who was disabled act again."""
    key = identity.email_key(email)
    _write(lambda: service.enable_staff(email_key=key, actor=actor(), now=clock.system_now()))
    click.echo(f"{email} is enabled.", err=True)


def _password() -> str | None:
    """Return the first line of standard input; people are asked for it without it being shown."""
    if sys.stdin.isatty():
        return str(click.prompt("Password", hide_input=True, confirmation_prompt=True))
    try:
        return sys.stdin.readline().rstrip("\r\n") or None
    except UnicodeError:
        raise click.ClickException("The password must be text in UTF-8.") from None


def _call(slug: str) -> Call:
    return Call(programs.get_program(slug).id, actor(), None, clock.system_now())


def _write(work: Callable[[], T]) -> T:
    def unit() -> T:
        with db.transaction():
            return work()

    return db.retrying(unit)
