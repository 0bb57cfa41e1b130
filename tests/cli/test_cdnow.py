"""Every purchase of a real shop's customers: by import and by API, whole and interrupted.

The rows have no order id, and 255 of them repeat another one exactly: only the row's number
tells them apart.
"""

import csv
import gzip
import json
from collections import Counter
from itertools import islice
from pathlib import Path

import pytest
from sqlalchemy import func, select

from loyalty.foundation import db
from loyalty.ledger.models import Account
from loyalty.members.models import Member
from tests.support import commands, make

DATA = Path(__file__).parents[2] / "../shared/data/cdnow"
MASTER, SAMPLE = DATA / "cdnow_master.csv.gz", DATA / "cdnow_sample.csv.gz"
COLUMNS = {
    "id": "row",
    "member": "customer_id",
    "placed_at": "date",
    "total": "amount_cents",
    "metadata.cds": "cds",
}

pytestmark = pytest.mark.skipif(
    not DATA.is_dir(), reason=f"the purchases of CDNOW are not at {DATA}: nothing real was tried"
)


@pytest.fixture
def shop(app):
    """A program with one point per whole dollar, which never expires."""
    return make.program(program={"currency": "USD", "timezone": "America/New_York"}, mode="live")


def arguments(file, program, *more):
    columns = (f"{field}={column}" for field, column in COLUMNS.items())
    named = (word for column in columns for word in ("--column", column))
    return ("import", "orders", str(file), "--program", program.slug, *named, *more)


def rows_of(file):
    with gzip.open(file, "rt") as lines:
        yield from csv.DictReader(lines)


def expected_points(file):
    """Points by customer, reckoned without us."""
    points = Counter()
    for row in rows_of(file):
        points[row["customer_id"]] += int(row["amount_cents"]) // 100
    return points


def available_points(program):
    query = (
        select(Member.external_id, Account.available)
        .join(Account, Account.owner_id == Member.id)
        .where(Member.program_id == program.id)
    )
    with db.reading():
        return Counter(dict(map(tuple, db.session.execute(query))))


def post_in_batches(api, rows, size=1000):
    """Post rows as orders; returns how often each status was answered."""
    orders = (
        {
            "id": row["row"],
            "member": row["customer_id"],
            "placed_at": f"{row['date']}T12:00:00Z",
            "currency": "USD",
            "total": int(row["amount_cents"]),
        }
        for row in rows
    )
    statuses = Counter()
    while batch := list(islice(orders, size)):
        answer = api.post("/v1/orders/batch", {"orders": batch})
        assert answer.status == 200, answer.body
        statuses.update(result["status"] for result in answer["results"])
    return statuses


def verified(run, program):
    result = run("ledger", "verify", "--program", program.slug)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_the_sample_is_imported_to_the_point(run, shop):
    result = run(*arguments(SAMPLE, shop))

    assert (result.exit_code, result.stdout) == (0, "Recorded 6919, repeated 0, rejected 0.\n")
    assert available_points(shop) == expected_points(SAMPLE)
    assert verified(run, shop) == "2357 accounts with 6911 entries add up.\n"


def test_an_import_that_was_killed_ends_the_same(run, shop, database_url):
    commands.kill_in_the_middle(commands.start(database_url, *arguments(SAMPLE, shop)), shop)
    assert 0 < commands.rows_done(shop) < 6919

    result = run(*arguments(SAMPLE, shop, "--resume"))

    assert result.stdout == "Recorded 6919, repeated 0, rejected 0.\n"
    assert available_points(shop) == expected_points(SAMPLE)
    assert verified(run, shop) == "2357 accounts with 6911 entries add up.\n"


def test_the_sample_posted_in_batches_and_broken_off_comes_to_the_same(run, shop, client):
    api = make.api(client, make.key(shop))

    assert post_in_batches(api, islice(rows_of(SAMPLE), 4321)) == {201: 4321}
    statuses = post_in_batches(api, rows_of(SAMPLE))

    assert statuses == {200: 4321, 201: 6919 - 4321}
    assert available_points(shop) == expected_points(SAMPLE)
    assert verified(run, shop) == "2357 accounts with 6911 entries add up.\n"


@pytest.mark.slow
def test_all_purchases_are_imported_to_the_point(run, shop):
    told = json.loads((DATA / "check_figures.json").read_text())["points_1_per_whole_dollar"]

    result = run(*arguments(MASTER, shop))

    points = available_points(shop)
    assert result.stdout == "Recorded 69659, repeated 0, rejected 0.\n"
    assert points.total() == told["floor"] == 2_453_159
    assert points == expected_points(MASTER)
    assert verified(run, shop).startswith("23570 accounts with ")


@pytest.mark.slow
def test_all_purchases_posted_in_batches_come_to_the_same(run, shop, client):
    statuses = post_in_batches(make.api(client, make.key(shop)), rows_of(MASTER))

    assert statuses == {201: 69_659}
    with db.reading():
        total = select(func.sum(Account.available)).where(Account.program_id == shop.id)
        assert db.session.scalar(total) == 2_453_159
    assert verified(run, shop).startswith("23570 accounts with ")
