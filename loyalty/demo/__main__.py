"""Prepares what is missing, starts the web and worker processes, and says where everything is.

What is kept lies in `./var`; a second start finds it again. An environment with `LOYALTY_…`
variables goes before it.
"""

from __future__ import annotations

import signal
import sys
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

import flask_migrate
from sqlalchemy.engine import make_url

from config import Settings, SettingsError, environment_or
from loyalty import create_app
from loyalty.demo import address, shop
from loyalty.demo.children import Children
from loyalty.demo.keeping import Keeping

ROOT = Path(__file__).parents[2]
GUNICORN = ("gunicorn", "-c", str(ROOT / "config" / "gunicorn.py"))
WORKER = ("flask", "loyalty", "worker")
SECONDS_TO_START = 60


def main() -> None:
    """Run the demo until Ctrl-C or SIGTERM."""
    signal.signal(signal.SIGTERM, _interrupt)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # also where a shell ignored it
    try:
        _run()
    except KeyboardInterrupt:
        _say("Stopped.")


def _run() -> None:
    keeping = Keeping(Path("var"))
    environment = environment_or(
        database_url=keeping.database_url, secret_key=keeping.secret_key(), bind=address.USUAL
    )
    bind = environment["LOYALTY_BIND"]
    environment.setdefault("LOYALTY_BASE_URL", f"http://{bind}")
    try:
        settings = Settings.from_environment(environment)
        url = address.free_url(settings.bind)
    except (SettingsError, address.Unusable) as error:
        _give_up(str(error))
    key = _prepare(settings, keeping)
    with Children(ROOT, environment) as children:
        children.start("web", *GUNICORN)
        children.start("worker", *WORKER)
        if not address.answers(f"{url}/readyz", SECONDS_TO_START, while_=children.all_alive):
            _give_up("The service did not start; the lines above say why.")
        _tell(settings, url, key)
        ended = children.wait_for_first_to_end()
    _give_up(f"The {ended} process ended by itself, so everything was stopped.")


def _prepare(settings: Settings, keeping: Keeping) -> str:
    """Bring the database to head, fill it, and return a server key."""
    _say("Preparing the database …")
    app = create_app(replace(settings, log_level="warning"))
    with app.app_context():
        flask_migrate.upgrade()
        program = shop.open_shop()
        return shop.server_key(program, keeping)


def _tell(settings: Settings, url: str, key: str) -> None:
    database = make_url(settings.database_url).render_as_string(hide_password=True)
    _say(
        f"""
The service runs on {url}

  documentation   {url}/docs
  health          {url}/healthz
  database        {database}

"{shop.SLUG}" is a test program: its clock can be set, and its members are made up. What
{shop.FEATURED_NAME} has shows when this is pasted into a second terminal:

  export URL={url}
  export KEY={key}
  curl -s $URL/v1/members/{shop.FEATURED}/balance -H "Authorization: Bearer $KEY"

The tour in README.md goes on from there. Ctrl-C stops everything.
"""
    )


def _interrupt(_number: int, _frame: object) -> NoReturn:
    raise KeyboardInterrupt


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _give_up(sentence: str) -> NoReturn:
    sys.stderr.write(f"{sentence}\n")
    sys.exit(1)


if __name__ == "__main__":
    main()
