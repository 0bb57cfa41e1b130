"""Databases to measure on: programs, keys, and members with orders, all by the service's own code.

`python -m bench.shops` fills one; several at once fill it faster.
"""

from __future__ import annotations

import random
import subprocess
import sys
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from flask import Flask
from sqlalchemy import text

from bench import servers, wrk
from config import Settings
from loyalty import create_app
from loyalty.access import service as access
from loyalty.foundation import clock, db
from loyalty.foundation.call import Call
from loyalty.orders.service import record
from loyalty.programs import document
from loyalty.programs import service as programs

PLAIN = servers.ROOT / "bench" / "plain.toml"
RICH = servers.ROOT / "config" / "programs" / "corner-shop.toml"
CAPS = servers.ROOT / "bench" / "caps.toml"
BATCH = 1000
FILLERS = 2
FIRST_AMOUNT = 5_000_000  # of each member's first order: points enough for all that is redeemed


@dataclass(frozen=True, slots=True)
class Shop:
    """A program in a database, with `members` members and a key that may do everything."""

    database_url: str
    program_id: str
    slug: str
    key: str
    members: int

    def at(self, server: servers.Server, members: int | None = None) -> wrk.Target:
        """Return what to send load to: a server of this database, and who shops there."""
        return wrk.Target(server.address, self.key, members or self.members)


def create(database_url: str, file: Path, *, members: int, currency: str | None = None) -> Shop:
    """Make a program from a document, and a key; the tables must be there."""
    terms = document.from_toml(file.read_text())
    terms["program"]["currency"] = currency or terms["program"]["currency"]
    now = clock.system_now()
    with application(database_url).app_context(), db.transaction():
        made = programs.create_program(document=terms, actor="bench", now=now)
        key = access.create_key(
            program_id=made.program_id,
            mode="live",
            name="bench",
            granted=["*"],
            agent=None,
            pepper=servers.SECRET_KEY,
            now=now,
        )
        slug = terms["program"]["slug"]
        return Shop(database_url, made.program_id, slug, key.secret, members)


def migrate(database_url: str) -> None:
    """Make the tables."""
    command = [sys.executable, "-m", "flask", "--app", "wsgi", "db", "upgrade"]
    environment = servers.settings(database_url) | {"LOYALTY_LOG_LEVEL": "warning"}
    subprocess.run(command, cwd=servers.ROOT, env=environment, check=True, capture_output=True)


def fill(shop: Shop, *, orders_each: int) -> None:
    """Let every member of the shop place so many orders, spread over the past eleven months."""
    command = [sys.executable, "-m", "bench.shops", shop.database_url, shop.program_id]
    with ExitStack() as running:
        fillers = [
            running.enter_context(
                subprocess.Popen(
                    [*command, str(part), str(shop.members), str(orders_each)], cwd=servers.ROOT
                )
            )
            for part in range(FILLERS)
        ]
    if any(filler.returncode for filler in fillers):
        raise SystemExit("A database could not be filled; see above.")


def analyze(database_url: str) -> None:
    """Let the planner know what is in the tables, as autovacuum does before long."""
    with application(database_url).app_context(), db.snapshot():
        db.connection().execute(text("ANALYZE"))


def application(database_url: str) -> Flask:
    """Return the service as an application on a database."""
    settings = Settings(
        database_url=database_url,
        secret_key=servers.SECRET_KEY,
        base_url="http://127.0.0.1:8000",
        log_level="warning",
    )
    return create_app(settings)


def _fill_part(
    database_url: str, program_id: str, part: int, members: int, orders_each: int
) -> None:
    call = Call(program_id, "bench", None, clock.system_now())
    numbers = list(range(1 + part, members + 1, FILLERS))
    with application(database_url).app_context():
        for nth in range(orders_each):
            random.shuffle(numbers)
            days = 330 * (orders_each - nth) // orders_each
            placed_at = call.now - timedelta(days=days)
            for start in range(0, len(numbers), BATCH):
                batch = [_order(n, nth, placed_at) for n in numbers[start : start + BATCH]]
                with db.transaction():
                    record.record_orders(call, batch)


def _order(member: int, nth: int, placed_at: datetime) -> dict[str, Any]:
    amount = random.randint(500, 6000) if nth else FIRST_AMOUNT
    line = {"id": "1", "sku": "TEA-1", "category": "tea", "quantity": 1, "gift_card": False}
    return {
        "id": f"o-{member}-{nth}",
        "member": {"external_id": f"m-{member}"},
        "placed_at": placed_at + timedelta(seconds=random.randrange(86_400)),
        "currency": "EUR",
        "total": amount + 490,
        "tax": amount * 16 // 100,
        "shipping": 490,
        "gift_cards": 0,
        "lines": [{**line, "amount": amount}],
        "channel": "web",
        "country": "DE",
        "reservations": [],
        "referral_code": None,
        "metadata": {},
    }


if __name__ == "__main__":
    url, program, *numbers = sys.argv[1:]
    _fill_part(url, program, *map(int, numbers))
