"""`flask loyalty worker`: what has to happen without being asked for."""

from __future__ import annotations

import click
from flask import current_app
from flask.cli import with_appcontext

from loyalty.worker import loop


@click.command("worker")
@click.option("--once", is_flag=True, help="Do what is due now, say what was done, and end.")
@with_appcontext
def work(once: bool) -> None:  # noqa: FBT001 - a flag of the command line
    """Settle, expire and release points, review tiers, and clean up, until told to stop.

    Any number of workers may run. SIGTERM and Ctrl-C end one after the
    transaction that is under way.
    """
    if not once:
        loop.run(with_messages=current_app.config["LOG_MESSAGES"])
        return
    for name, done in loop.run_once().items():
        said = ", ".join(f"{count} {what.replace('_', ' ')}" for what, count in done.items())
        click.echo(f"{name}: {said or 'nothing was due'}")
