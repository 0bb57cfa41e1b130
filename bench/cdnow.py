"""Importing every purchase of a real shop (CDNOW) by the command line, if the data are here."""

from __future__ import annotations

import csv
import gzip
import subprocess
import sys
import time
from itertools import islice
from pathlib import Path

from bench import servers, shops

DATA = servers.ROOT.parent / "shared" / "data" / "cdnow" / "cdnow_master.csv.gz"
FILE = servers.BUILD / "cdnow.csv"
MOST_SECONDS = 300


class ImportFailed(Exception):
    """The command did not succeed; what it said last."""


def write_orders(most: int | None) -> int:
    """Write the first so many purchases as the importer takes them; return how many there are."""
    with gzip.open(DATA, "rt") as source, FILE.open("w", newline="") as target:
        orders = csv.writer(target)
        orders.writerow(["id", "member", "placed_at", "currency", "total"])
        count = 0
        for row in islice(csv.DictReader(source), most):
            member, day = f"cdnow-{row['customer_id']}", f"{row['date']}T12:00:00Z"
            orders.writerow([row["row"], member, day, "USD", row["amount_cents"]])
            count += 1
    return count


def orders_per_second(database_url: str, orders: int) -> float:
    """Import the file into a new program of an empty database; the command's start counts too."""
    shops.migrate(database_url)
    shop = shops.create(database_url, shops.PLAIN, members=0, currency="USD")
    command = [sys.executable, "-m", "flask", "--app", "wsgi", "loyalty", "import", "orders"]
    command += [str(FILE), "--program", shop.slug]
    started = time.perf_counter()
    try:
        done = subprocess.run(
            command,
            cwd=servers.ROOT,
            env=servers.settings(database_url),
            capture_output=True,
            text=True,
            timeout=MOST_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise ImportFailed(f"not done after {MOST_SECONDS} seconds") from None
    if done.returncode:
        raise ImportFailed(done.stderr.strip().splitlines()[-1])
    return orders / (time.perf_counter() - started)


def sqlite_url(folder: Path) -> str:
    """Return the URL of a SQLite file that does not exist yet."""
    file = folder / "cdnow.db"
    for old in folder.glob("cdnow.db*"):
        old.unlink()
    return f"sqlite:///{file}"
