"""`flask loyalty openapi`."""

from __future__ import annotations

import click
from flask.cli import with_appcontext

from loyalty.foundation.web import docs


@click.command("openapi")
@with_appcontext
def openapi() -> None:
    """Print the OpenAPI document."""
    click.echo(docs.document())
