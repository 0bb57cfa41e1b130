"""`flask loyalty worker`: what time does, it does also where nobody asks."""

import json
import re
import signal
from contextvars import Context
from datetime import timedelta

import pytest
from sqlalchemy import func, select, update

from loyalty.foundation import clock, db
from loyalty.foundation.events import Event
from loyalty.foundation.idempotency import KEPT, IdempotencyKey
from loyalty.ledger.models import Account, Hold
from loyalty.orders import schemas
from loyalty.orders.service import record
from loyalty.worker import loop
from tests.support import commands, make
from tests.support.money import NOON, open_shop

FORTNIGHT = {"settles_after": "P14D", "expires_after": "P60D", "expires_at_end_of": "day"}
REGULAR = {"id": "regular", "qualify": {"orders": 2, "window": "P30D"}, "grace": "P5D"}


@pytest.fixture
def sweep(app):
    """Do what `--once` does; returns what each sweep did."""
    loop.run_once()  # what other tests left
    return lambda: Context().run(_swept, app)


def _swept(app):
    with app.app_context():
        return {name: dict(done) for name, done in loop.run_once().items() if done}


def events_of(shop, *names):
    query = (
        select(Event.name, Event.data, Event.occurred_at)
        .where(Event.program_id == shop.program_id, Event.name.in_(names))
        .order_by(Event.occurred_at, Event.name)
    )
    with db.reading():
        return [tuple(row) for row in db.session.execute(query)]


def told_points(shop, *names):
    return [(name, data["points"], at) for name, data, at in events_of(shop, *names)]


def history_of(shop, member):
    """Everything a sweep or a touch may write, apart from ids and the time of writing."""
    return [
        {name: entry[name] for name in ("kind", "points", "balance_after", "occurred_at")}
        for entry in shop.entries(member)
    ]


def live_through(shop):
    """Buy, hold a part, and let two months go by."""
    shop.order("1", "anna", 30_000)
    shop.set_clock(NOON + timedelta(days=20))
    held = shop.reserve("anna", 50, expires_in="P5D")["id"]
    shop.order("2", "anna", 10_000)
    shop.set_clock(NOON + timedelta(days=70))
    return held


def test_points_settle_and_expire_and_holds_end_without_anyone_asking(app, sweep):
    shop = open_shop(app, earning=FORTNIGHT)
    held = live_through(shop)

    assert sweep() == {"settle points": {"accounts": 1, "points_expired": 300, "holds_released": 1}}
    assert sweep() == {}

    assert shop.points("anna") == {"available": 100}
    assert shop.reservation(held)["state"] == "expired"
    with db.reading():
        query = select(Account.available, Account.pending, Account.held)
        account = query.where(Account.program_id == shop.program_id)
        assert tuple(db.session.execute(account).one()) == (100, 0, 0)
    shop.verify()


def test_a_sweep_leaves_what_a_touch_leaves(app, sweep):
    swept, touched = (open_shop(app, earning=FORTNIGHT) for _ in range(2))
    live_through(swept)
    sweep()
    live_through(touched)

    for shop in (swept, touched):
        shop.order("3", "anna", 100)

    assert history_of(swept, "anna") == history_of(touched, "anna")
    assert swept.balance("anna") == touched.balance("anna")
    names = ("points.expired", "points.released", "points.earned")
    assert told_points(swept, *names) == told_points(touched, *names)
    assert swept.verify() == touched.verify()


def test_what_time_took_is_told_once_and_at_its_own_time(app, sweep):
    shop = open_shop(app, earning=FORTNIGHT)
    held = live_through(shop)

    sweep()
    shop.order("3", "anna", 100)

    [expired] = events_of(shop, "points.expired")
    [released] = events_of(shop, "points.released")
    assert expired[1]["points"] == 300
    assert expired[2] == NOON.replace(hour=0) + timedelta(days=61)  # the last day is usable
    assert released[1] == {"points": 50, "reservation": held}
    assert released[2] == NOON + timedelta(days=25)


def test_a_live_program_goes_by_the_clock_on_the_wall(app, sweep):
    program = make.program(
        mode="live", earning={**FORTNIGHT, "rules": make.PLAIN["earning"]["rules"]}
    )
    now = clock.system_now()
    for days_ago in (15, 13):
        placed_at = now - timedelta(days=days_ago)
        order = {"id": str(days_ago), "member": "anna", "currency": "EUR", "total": 100}
        loaded = schemas.NewOrder().load({**order, "placed_at": placed_at.isoformat()})
        with db.transaction():
            record.record_order(make.call(program, now=placed_at), loaded)

    assert sweep() == {"settle points": {"accounts": 1}}

    with db.reading():
        query = select(Account.available, Account.pending)
        account = query.where(Account.program_id == program.id)
        assert tuple(db.session.execute(account).one()) == (1, 1)


def test_a_tier_ends_when_its_time_is_over(app, sweep):
    shop = open_shop(app, tiers=[REGULAR])
    shop.order("1", "anna", 100)
    shop.order("2", "anna", 100)
    assert shop.call("GET", "/v1/members/anna")["tier"] == "regular"

    shop.set_clock(NOON + timedelta(days=34))
    assert "review tiers" not in sweep()
    shop.set_clock(NOON + timedelta(days=35))
    assert sweep()["review tiers"] == {"members": 1, "changed": 1}
    assert sweep() == {}

    assert shop.call("GET", "/v1/members/anna")["tier"] is None
    changes = [data for _, data, _ in events_of(shop, "tier.changed")]
    assert changes == [{"from": None, "to": "regular"}, {"from": "regular", "to": None}]


def test_a_tier_that_ended_is_told_also_by_the_next_order(app, sweep):
    shop = open_shop(app, tiers=[REGULAR])
    shop.order("1", "anna", 100)
    shop.order("2", "anna", 100)

    shop.set_clock(NOON + timedelta(days=40))
    shop.order("3", "anna", 100)

    assert [data["to"] for _, data, _ in events_of(shop, "tier.changed")] == ["regular", None]
    assert "review tiers" not in sweep()


def test_a_tier_that_the_program_no_longer_has_ends_with_its_review(app, sweep):
    shop = open_shop(app, tiers=[REGULAR])
    shop.order("1", "anna", 100)
    shop.order("2", "anna", 100)
    shop.put_program(tiers=[])

    shop.set_clock(NOON + timedelta(days=40))

    assert sweep()["review tiers"] == {"members": 1, "changed": 1}
    assert shop.call("GET", "/v1/members/anna")["tier"] is None


def test_idempotency_keys_are_forgotten_after_thirty_days(app, sweep):
    shop = open_shop(app)
    shop.enrol("anna")
    shop.adjust("anna", 5, once="old")
    shop.adjust("anna", 5, once="new")
    own = IdempotencyKey.program_id == shop.program_id
    with db.transaction():
        old = clock.system_now() - KEPT - timedelta(minutes=1)
        db.session.execute(
            update(IdempotencyKey).where(own, IdempotencyKey.key == "old").values(created_at=old)
        )

    assert sweep() == {"forget idempotency keys": {"keys": 1}}

    with db.reading():
        assert list(db.session.scalars(select(IdempotencyKey.key).where(own))) == ["new"]


def fill(shop, members=600):
    """Give many members points that are due to settle."""
    for start in range(0, members, 200):
        orders = range(start, start + 200)
        shop.batch(
            *({"id": f"{n}", "member": f"m{n}", "currency": "EUR", "total": 1000} for n in orders)
        )
    shop.set_clock(NOON + timedelta(days=15))


def test_once_says_what_was_done(app, run_once):
    shop = open_shop(app, earning=FORTNIGHT)
    shop.order("1", "anna", 30_000)
    shop.set_clock(NOON + timedelta(days=15))

    assert run_once() == (
        "settle points: 1 accounts\n"
        "review tiers: nothing was due\n"
        "end approvals: nothing was due\n"
        "tell follow-ups due: nothing was due\n"
        "give gifts: nothing was due\n"
        "forget idempotency keys: nothing was due\n"
        "forget voucher guesses: nothing was due\n"
    )


@pytest.fixture
def run_once(app, sweep):
    def run():
        result = app.test_cli_runner().invoke(args=["loyalty", "worker", "--once"])
        assert result.exit_code == 0, result.output
        return result.stdout

    return run


def test_two_workers_at_once_settle_each_account_once(app, sweep, database_url):
    shop = open_shop(app, earning=FORTNIGHT)
    fill(shop)

    workers = [commands.start(database_url, "worker", "--once") for _ in range(2)]
    said = [worker.communicate() for worker in workers]

    assert [worker.returncode for worker in workers] == [0, 0], said
    settled = [re.search(r"settle points: (?:(\d+) accounts|nothing)", out)[1] for out, _ in said]
    assert sum(int(count or 0) for count in settled) == 600
    with db.reading():
        total = select(func.sum(Account.available)).where(Account.program_id == shop.program_id)
        assert db.session.scalar(total) == 6000
    assert sweep() == {}
    shop.verify()


def told(process, event):
    """Read the worker's log until it tells of an event; return that line."""
    for line in process.stderr:
        if (said := json.loads(line))["event"] == event:
            return said
    raise AssertionError(f"the worker ended without telling: {event}")


def test_a_worker_ends_in_good_order_when_told_to(app, sweep, database_url):
    shop = open_shop(app, earning=FORTNIGHT)
    fill(shop)

    with commands.start(database_url, "worker") as worker:
        assert told(worker, "the worker has started")
        worker.terminate()
        assert told(worker, "the worker has ended")

    assert worker.returncode == 0
    sweep()
    with db.reading():
        total = select(func.sum(Account.available)).where(Account.program_id == shop.program_id)
        assert db.session.scalar(total) == 6000
    shop.verify()


def test_a_worker_tells_what_it_did_in_a_line_and_goes_on(app, sweep, database_url):
    shop = open_shop(app, earning=FORTNIGHT)

    with commands.start(database_url, "worker") as worker:
        for day, order in ((0, "1"), (40, "2")):
            shop.set_clock(NOON + timedelta(days=day))
            shop.order(order, "anna", 1000)
            shop.set_clock(NOON + timedelta(days=day + 15))
            line = told(worker, "swept")
            assert (line["sweep"], line["accounts"]) == ("settle points", 1)
        worker.send_signal(signal.SIGINT)
        assert told(worker, "the worker has ended")

    assert worker.returncode == 0
    with db.reading():
        held = select(func.count()).select_from(Hold).join(Account)
        assert db.session.scalar(held.where(Account.program_id == shop.program_id)) == 0


def test_a_worker_outlives_a_database_that_cannot_be_used(new_database, app):
    with new_database("unprepared") as url, commands.start(url, "worker") as worker:
        failed = told(worker, "a sweep failed")
        worker.terminate()
        assert told(worker, "the worker has ended")

    assert failed["sweep"] == "settle points"
    assert worker.returncode == 0
