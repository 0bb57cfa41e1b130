"""`flask loyalty import …`: orders and opening balances from CSV files, safe to interrupt."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import click

from loyalty.cli import intake
from loyalty.cli.group import Commands
from loyalty.cli.importing import Import
from loyalty.cli.intake import Columns, Form, Values
from loyalty.cli.tables import Rejects, Table
from loyalty.foundation import db
from loyalty.orders import schemas as orders
from loyalty.orders.service import record
from loyalty.points import opening
from loyalty.points import schemas as points
from loyalty.programs import service as programs
from loyalty.programs.service import Terms

Renamed = tuple[tuple[str, str], ...]

imports = Commands("import", help="Take in what happened before, from CSV files.")


class FieldInColumn(click.ParamType[tuple[str, str]]):
    """`FIELD=NAME`."""

    name = "field=name"

    def convert(
        self, value: str, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, str]:
        """Return field and column."""
        field, equals, column = value.partition("=")
        if not (field and equals and column):
            self.fail("give FIELD=NAME, such as total=amount_cents.", param, ctx)
        return field, column


def _options(command: Callable[..., None]) -> Callable[..., None]:
    for option in (
        click.option("--resume", is_flag=True, help="Go on after the last committed rows."),
        click.option(
            "--column",
            "renamed",
            multiple=True,
            type=FieldInColumn(),
            metavar="FIELD=NAME",
            help="In which column a field is, if not in the one of its name.",
        ),
        click.option("--program", "slug", required=True, help="Slug of the program."),
        click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path)),
    ):
        command = option(command)
    return command


@imports.command("orders")
@_options
def import_orders(file: Path, slug: str, renamed: Renamed, resume: bool) -> None:  # noqa: FBT001 - a flag
    """Record the orders in FILE (CSV in UTF-8, may be gzipped), in their order.

    Columns: id, member (empty for a guest), placed_at (an instant, or a date for
    the beginning of that day), currency (the program's, if there is no such
    column), total, and whatever else an order may have: tax, shipping,
    gift_cards, channel, country, email, name, referral_code, metadata.NAME,
    lines as JSON. Amounts are in minor units.

    Refused rows go to FILE.rejected.csv with the reason. An order is recorded
    once, however often it is imported.
    """
    terms, table = _terms(slug), Table(file)
    columns = Columns(_form_of_orders(terms), table.header, dict(renamed))
    _run(Import("orders", terms.program_id, table, columns, record.record_orders), resume=resume)


@imports.command("balances")
@_options
def import_balances(file: Path, slug: str, renamed: Renamed, resume: bool) -> None:  # noqa: FBT001 - a flag
    """Grant the opening balances in FILE (CSV in UTF-8, may be gzipped), a lot for each row.

    Columns: member, points, and maybe expires_at (an instant, or a date for the
    end of that day; without it, as points that are earned now), email and name
    for those who join, and id.

    A row is granted once for each id. Without ids only the very same file is
    known again, so put right what was refused in FILE.rejected.csv and import
    that, not an edited copy.
    """
    terms, table = _terms(slug), Table(file)
    columns = Columns(_form_of_balances(terms, table), table.header, dict(renamed))
    save = opening.record_openings
    _run(Import("balances", terms.program_id, table, columns, save), resume=resume)


def _run(import_: Import, *, resume: bool) -> None:
    if import_.columns.ignored:
        click.echo(import_.columns.not_read(), err=True)
    done = import_.run(resume=resume)
    where = f" (see {Rejects.beside(import_.table).path})" if done.rejected else ""
    click.echo(
        f"Recorded {done.recorded}, repeated {done.repeated}, rejected {done.rejected}{where}."
    )
    if done.rejected:
        click.get_current_context().exit(1)


def _terms(slug: str) -> Terms:
    with db.reading():
        program = programs.get_program(slug)
        return programs.terms(program.id, program.version)


def _form_of_orders(terms: Terms) -> Form:
    def shape(values: Values, _number: int) -> Values:
        order: Values = {"currency": terms.currency, "member": None}
        buyer = {name: values.pop(name) for name in ("email", "name") if name in values}
        for name, value in values.items():
            if name.startswith(intake.METADATA):
                order.setdefault("metadata", {})[name.removeprefix(intake.METADATA)] = value
            elif name == "member":
                order["member"] = {"external_id": value, **buyer}
            else:
                order[name] = value
        return order

    schema = orders.NewOrder()
    amounts = ("total", "tax", "shipping", "gift_cards")
    others = [name for name in schema.fields if name != "metadata"]
    return Form(
        fields=(*others, "email", "name"),
        required=("id", "member", "placed_at", "total"),
        readers={
            "placed_at": intake.beginning_of_day(_zone(terms)),
            **dict.fromkeys(amounts, intake.whole_number),
            **dict.fromkeys(("lines", "reservations"), intake.json),
        },
        schema=schema,
        shape=shape,
        has_metadata=True,
    )


def _form_of_balances(terms: Terms, table: Table) -> Form:
    def shape(values: Values, number: int) -> Values:
        return {"id": f"{table.digest}:{number}", **values}

    schema = points.NewOpening()
    return Form(
        fields=tuple(schema.fields),
        required=("member", "points"),
        readers={"points": intake.whole_number, "expires_at": intake.end_of_day(_zone(terms))},
        schema=schema,
        shape=shape,
    )


def _zone(terms: Terms) -> str:
    return str(terms.document["program"]["timezone"])
