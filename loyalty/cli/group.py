"""What all commands share: refusals as sentences, who acts, and safe text from arguments."""

from __future__ import annotations

import getpass
from typing import Any

import click
from flask.cli import AppGroup
from sqlalchemy.exc import DBAPIError

from loyalty.foundation.problems import Problem


class Commands(AppGroup):
    """A group whose commands answer problems and a missing database in sentences, with exit 1."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except Problem as problem:
            raise click.ClickException(_sentences(problem)) from None
        except DBAPIError as error:
            raise click.ClickException(
                f"The database cannot be used: {str(error.orig).strip()}. "
                "Is it there, and has `flask loyalty migrate` been run?"
            ) from None


class Line(click.ParamType[str]):
    """One line of printable text."""

    name = "text"

    def __init__(self, most: int) -> None:
        self.most = most

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the text; refuse what is empty, too long or cannot be printed."""
        if not 1 <= len(value) <= self.most or not value.isprintable():
            self.fail(f"give 1 to {self.most} printable characters.", param, ctx)
        return value


def actor() -> str:
    """Return how the audit trail names whoever runs a command."""
    try:
        return f"cli:{getpass.getuser()}"[:100]
    except (KeyError, OSError):  # a container's user without a name
        return "cli"


def _sentences(problem: Problem) -> str:
    faults = [f"  {error.pointer}  {error.detail}" for error in problem.errors]
    return "\n".join([problem.detail, *faults])
