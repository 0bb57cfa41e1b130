"""Both sides' rewards: given once, taken back while the order does not count, given back after.

What was granted is pinned on the referral's row, so taking and giving back never asks what the
program says today. Each turn has a number of its own, which names its entries.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from loyalty.foundation.problems import Problem
from loyalty.ledger import kernel, undoing
from loyalty.ledger import queries as ledger
from loyalty.ledger.state import Account, Lot, Posting
from loyalty.referrals.models import SIDES
from loyalty.referrals.queries import Side
from loyalty.referrals.service import rows
from loyalty.referrals.service.rows import Row, Work
from loyalty.referrals.terms import ReferralTerms
from loyalty.vouchers import queries as vouchers
from loyalty.vouchers.models import Voucher
from loyalty.vouchers.queries import LockedVoucher
from loyalty.vouchers.service import issuing, refusing

Own = tuple[str, int]
"""A lot of a side's own: account id and number, which counts for each account anew."""

Sides = Mapping[str, Side]
_FOR = {
    "advocate": "for recommending us: somebody you brought has ordered.",
    "referee": "for your order on a friend's recommendation.",
}


def has_room(work: Work, row: Row, sides: Sides, terms: ReferralTerms) -> bool:
    """Whether both accounts can take in what the terms give."""
    try:
        for side, who in _present(row, sides):
            points = terms.prizes.get(side, {}).get("points", 0)
            kernel.require_room(work.book.accounts[who.account_id], points)
    except Problem:
        return False
    return True


def grant(work: Work, row: Row, sides: Sides, terms: ReferralTerms) -> dict[str, Any]:
    """Give both sides what the terms say, and return what of the row changes; no statement runs.

    It can be spent once the order's return period is over. A side that was erased gets nothing.
    """
    available_at, _ = terms.earning.schedule(row["placed_at"])
    changed: dict[str, Any] = {"available_at": available_at}
    for side, who in _present(row, sides):
        prize = terms.prizes.get(side, {})
        if prize.get("points"):
            column, points = _grant_points(work, row, side, who, terms)
            changed[column] = points
        if prize.get("voucher"):
            begins = max(available_at, work.now)
            given = issuing.terms_of(prize["voucher"], terms.document, begins, class_="promotional")
            given["starts_at"] = available_at if available_at > work.now else None
            voucher = issuing.issue(
                work.book, work.changes, work.call, given,
                member_id=who.id, source=("referral", row["id"]), now=work.now,
            )  # fmt: skip
            changed[f"{side}_voucher_id"] = voucher["id"]
    return changed


def take_back(work: Work, row: Row, sides: Sides, *, why: str, forgive: bool) -> dict[str, Any]:
    """Take back what is left of both rewards, and return what of the row changes.

    Points that were spent are owed, or forgiven where the program says so.
    """
    found = _read(work, row, sides)
    turn, used = row["turns"] + 1, set[Own]()
    changed: dict[str, Any] = {"turns": turn}
    for side, who in _present(row, sides):
        points = row[f"{side}_points"]
        if not points:
            continue
        account = work.book.accounts[who.account_id]
        lot = _own_lot(account, row["id"], points, used)
        units = points - (lot.expired if lot else 0)
        text = f"{account.stamp.count(units)} taken back: {why}"
        posting = Posting("clawback", "referral", _key(row, side, turn), text, work.now)
        clawed = undoing.clawback(account, lot, units, posting, forgive=forgive)
        changed |= {f"{side}_clawed": clawed.taken, f"{side}_forgiven": clawed.forgiven}
        if clawed.taken:
            data = {"referral": row["id"], "points": clawed.taken, "debt": clawed.debt}
            rows.tell_member(work, "points.clawed_back", who.id, data)
    for side, voucher in found.items():
        if voucher.voucher["revoked_at"] is None:
            taken = refusing.revoke(work.book, work.changes, work.call, voucher, now=work.now)
            changed[f"{side}_units_taken"] = taken
    return changed


def give_back(work: Work, row: Row, sides: Sides, terms: ReferralTerms) -> dict[str, Any]:
    """Undo the last `take_back`, and return what of the row changes."""
    found = _read(work, row, sides)
    used = set[Own]()
    changed: dict[str, Any] = {}
    for side, who in _present(row, sides):
        units = row[f"{side}_clawed"]
        account = work.book.accounts[who.account_id]
        lot = _own_lot(account, row["id"], row[f"{side}_points"], used)
        if units and lot is not None:
            key = _key(row, side, row["turns"])
            _reinstate(work, account, lot, units, key=key, terms=terms)
            data = {"referral": row["id"], "points": units}
            rows.tell_member(work, "points.earned", who.id, data)
        changed |= {f"{side}_clawed": 0, f"{side}_forgiven": 0}
    for side, voucher in found.items():
        if row[f"{side}_units_taken"] is not None:
            _let_count_again(
                work, voucher, row[f"{side}_units_taken"], _key(row, side, row["turns"])
            )
            changed[f"{side}_units_taken"] = None
    return changed


def _present(row: Row, sides: Sides) -> Iterator[tuple[str, Side]]:
    for side in SIDES:
        who = sides.get(row[f"{side}_id"])
        if who is not None and who.is_active:
            yield side, who


def _key(row: Row, side: str, turn: int) -> str:
    return f"{row['id']}/{side}/{turn}"


def _grant_points(
    work: Work, row: Row, side: str, who: Side, terms: ReferralTerms
) -> tuple[str, int]:
    """Grant one side's points; return the column that tells how many, and the points."""
    points, account = terms.prizes[side]["points"], work.book.accounts[who.account_id]
    available_at, _ = terms.earning.schedule(row["placed_at"])
    _, expires_at = terms.earning.schedule(max(row["placed_at"], work.now))
    text = f"{account.stamp.count(points)} {_FOR[side]}"
    posting = Posting(
        "referral", "referral", row["id"], text, work.now, terms_version=terms.version
    )
    kernel.grant(account, points, posting, available_at=available_at, expires_at=expires_at)
    data = {"referral": row["id"], "points": points, "available_at": available_at}
    rows.tell_member(work, "points.earned", who.id, data)
    return f"{side}_points", points


def _read(work: Work, row: Row, sides: Sides) -> dict[str, LockedVoucher]:
    """Read the lots of both sides, those of the referral among them; return the vouchers."""
    account_ids = {who.account_id for _, who in _present(row, sides)}
    ids = [row[f"{side}_voucher_id"] for side in SIDES if row[f"{side}_voucher_id"]]
    locked = vouchers.lock_vouchers(work.book.connection, work.call.program_id, ids=ids)
    work.book.adopt(one.account for one in locked if one.account_id not in work.book.accounts)
    work.book.read(
        lots_of={*account_ids, *(one.account_id for one in locked)},
        sources=[(account_id, "referral", row["id"]) for account_id in account_ids],
        lots=[(one.account_id, 1) for one in locked],
    )
    by_id = {one.id: one for one in locked}
    named = {side: by_id.get(row[f"{side}_voucher_id"]) for side in SIDES}
    return {side: one for side, one in named.items() if one is not None}


def _own_lot(account: Account, referral_id: str, points: int, used: set[Own]) -> Lot | None:
    """Return the lot that a side was granted; both may lie in one account after a merge."""
    for lot in sorted(account.known_lots(), key=lambda lot: lot.number):
        own = (lot.source_type, lot.source_id) == ("referral", referral_id)
        if own and lot.granted == points and (account.id, lot.number) not in used:
            used.add((account.id, lot.number))
            return lot
    return None


def _reinstate(
    work: Work, account: Account, lot: Lot, units: int, *, key: str, terms: ReferralTerms
) -> None:
    moved = ledger.find_moved_lots(
        work.book.connection, account.id, kind="clawback", source=("referral", key)
    )
    work.book.read(lots=[(account.id, number) for number in moved])
    text = f"{account.stamp.count(units)} given back: the order counts again."
    posting = Posting("reinstate", "referral", key, text, work.now)
    taken = {number: -change for number, change in moved.items()}
    _, fresh_until = terms.earning.schedule(work.now)
    undoing.reinstate(account, lot, units, posting, taken=taken, fresh_until=fresh_until)


def _let_count_again(work: Work, found: LockedVoucher, units: int, key: str) -> None:
    """Undo the revocation of a voucher: the same code is good again for what was taken."""
    account = work.book.accounts[found.account_id]
    if units:
        text = f"{account.stamp.count(units)} given back: the order counts again."
        posting = Posting("reinstate", "referral", key, text, work.now)
        lot = next(iter(account.known_lots()))
        undoing.reinstate(account, lot, units, posting, taken={lot.number: units}, fresh_until=None)
    found.voucher["revoked_at"] = None
    work.changes.update(Voucher, {"id": found.id, "revoked_at": None})
    data = {"voucher": found.id, "unit": account.unit, "units": units}
    rows.tell_member(work, "voucher.reinstated", str(found.voucher["member_id"]), data)
