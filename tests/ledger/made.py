"""Accounts made by hand for the tests of the ledger's decisions."""

from datetime import UTC, datetime, timedelta

from loyalty.ledger import kernel, models
from loyalty.ledger.state import Account, Posting, Stamp

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def at(days):
    """The instant so many days after the start."""
    return START + days * DAY


def account(id="acc_1", *, now=START, debt=0):
    """An empty account, its lots read; `debt` is owed without a history."""
    zero = dict.fromkeys(("available", "pending", "held", "earned", "peak"), 0)
    counts = {"version": 1, "entry_count": 0, "lot_count": 0}
    return Account(
        id=id,
        owner_id=f"mbr_of_{id}",
        program_id="prg_1",
        unit="points",
        head=models.NO_HASH,
        next_due=None,
        stamp=Stamp(now=now, actor="tests"),
        lots={},
        debt=debt,
        **zero,
        **counts,
    )


def move_clock(account, now):
    """Let time pass, and settle what is due by then."""
    account.stamp = Stamp(now=now, actor="tests")
    kernel.settle(account)


def posting(kind="earn", source="order", id="1", occurred_at=START):
    return Posting(kind, source, id, "Because.", occurred_at)


def grant(account, units, *, id="1", available=None, expires=None):
    """Grant a lot; `available` and `expires` are days after the start."""
    now = account.stamp.now
    return kernel.grant(
        account,
        units,
        posting(id=id, occurred_at=now),
        available_at=now if available is None else at(available),
        expires_at=None if expires is None else at(expires),
    )


def out_and_in(id, giver, taker):
    """The postings of a transfer."""
    return (
        Posting("transfer_out", "transfer", id, "Given.", START, counterpart=taker.id),
        Posting("transfer_in", "transfer", id, "Taken.", START, counterpart=giver.id),
    )


def buckets(account):
    """(available, pending, held, debt)."""
    return account.available, account.pending, account.held, account.debt


def left(account):
    """What each lot has left to spend, by its number."""
    return {number: lot.remaining for number, lot in account.lots.items() if lot.remaining}


def kinds(account):
    """(kind, points) of all entries."""
    return [(entry["kind"], entry["points"]) for entry in account.entries]


def assert_sound(account):
    """What must hold of any account after anything."""
    assert min(buckets(account)) >= 0
    assert not (account.debt and account.available)
    lots = account.lots.values()
    assert account.available == sum(lot.remaining for lot in lots if lot.settled)
    assert account.pending == sum(lot.remaining for lot in lots if not lot.settled)
    assert account.held == sum(lot.held for lot in lots)
    open_holds = [hold for hold in account.holds.values() if hold.state == "open"]
    assert account.held == sum(hold.units for hold in open_holds)
    assert account.total == sum(entry["points"] for entry in account.entries)
    dues = [lot.due for lot in lots] + [hold.expires_at for hold in open_holds]
    dues = [due for due in dues if due is not None]
    assert not dues or account.next_due <= min(dues)
    for lot in lots:
        changes = sum(entry["lots"].get(str(lot.number), 0) for entry in account.entries)
        assert changes == lot.remaining + lot.held
