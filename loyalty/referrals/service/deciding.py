"""What a person decides about a flagged referral. Nothing is paid because nobody decided."""

from __future__ import annotations

from typing import Any

from loyalty.foundation import audit, db
from loyalty.foundation.bulk import Changes
from loyalty.foundation.call import Call
from loyalty.foundation.problems import Problem
from loyalty.ledger.book import Book, stamp_of
from loyalty.members.models import Member
from loyalty.programs import service as programs
from loyalty.referrals import flags, queries
from loyalty.referrals.models import FLAGGED, PENDING, REJECTED, VOIDED
from loyalty.referrals.service import qualifying, reading, rewards, rows
from loyalty.referrals.service.reading import ReferralNotFound
from loyalty.referrals.service.rows import Row, Work
from loyalty.referrals.terms import is_enough, referral_terms

APPROVED = "approved"


class ReferralNotFlagged(Problem):
    """There is nothing to decide."""

    code = "referral_not_flagged"
    status = 409
    title = "The referral does not wait for a decision"
    about = (
        "Only a referral in state `flagged` is approved or rejected. `state` says what became of "
        "this one; deciding the same again is harmless."
    )


class ReferralNotPayable(Problem):
    """It was approved, but the reward cannot be given."""

    code = "referral_not_payable"
    status = 409
    title = "The rewards of the referral cannot be given"
    about = (
        "Approved means given, in one step, or refused as a whole: the referral stays `flagged`. "
        "Somebody of it was erased, or the points would make a balance too large. Reject it, or "
        "try again when that has changed."
    )


def approve_referral(call: Call, referral_id: str, *, note: str | None) -> dict[str, Any]:
    """Clear a flagged referral: its order counts at once, or will when it comes.

    An order that was refunded meanwhile gives nothing until it counts again. Raises
    `ReferralNotFound`, `ReferralNotFlagged`, `ReferralNotPayable`.
    """
    work, row, sides = _open(call, referral_id)
    if row["decision"] != APPROVED:
        _require_flagged(row)
        _decide(work, row, APPROVED, note)
        _carry_out(work, row, sides)
        work.book.write_into(work.changes)
        work.changes.write(work.book.connection)
    return reading.show(call, referral_id, work.now)


def reject_referral(call: Call, referral_id: str, *, note: str | None) -> dict[str, Any]:
    """Refuse a flagged referral for good. Raises `ReferralNotFound`, `ReferralNotFlagged`."""
    work, row, _ = _open(call, referral_id)
    if row["decision"] != REJECTED:
        _require_flagged(row)
        _decide(work, row, REJECTED, note)
        rows.change(work, row, {"state": REJECTED})
        work.changes.update(Member, {"id": row["referee_id"], "referral_pending": False})
        rows.tell(work, REJECTED, row, {"flags": row["flags"]})
        work.changes.write(work.book.connection)
    return reading.show(call, referral_id, work.now)


def _open(call: Call, referral_id: str) -> tuple[Work, Row, dict[str, queries.Side]]:
    """Lock both sides, then the referral."""
    connection = db.connection()
    parties = queries.find_parties(connection, call.program_id, referral_id)
    if parties is None:
        raise ReferralNotFound(f"There is no referral {referral_id!r} in this program.")
    sides = queries.lock_sides(connection, set(parties.values()))
    current = programs.current(call.program_id, call.now)
    row = queries.lock_referral(connection, referral_id)
    if {row["advocate_id"], row["referee_id"]} != set(parties.values()):
        raise db.LostUpdate("a side of the referral was merged while it was waited for")
    book = Book(connection, stamp_of(call, current.now, current.terms.document))
    book.adopt({one.account_id: one.account for one in sides.values()}.values())
    book.read()
    return Work(book, Changes(), call, current.now), row, sides


def _require_flagged(row: Row) -> None:
    if row["state"] != FLAGGED:
        raise ReferralNotFlagged(
            f"The referral is {row['state']}; only a flagged one is decided.", state=row["state"]
        )


def _decide(work: Work, row: Row, decision: str, note: str | None) -> None:
    about = {
        "decision": decision,
        "decided_by": work.call.actor,
        "decided_at": work.now,
        "note": note,
    }
    rows.change(work, row, about)
    audit.record(
        work.changes,
        work.call,
        f"referral.{decision}",
        subject=("referral", row["id"]),
        now=work.now,
        data={"flags": row["flags"], "order": row["order_ref"]},
    )


def _carry_out(work: Work, row: Row, sides: dict[str, queries.Side]) -> None:
    """Let an approved referral wait for its order, or give its rewards if that counts."""
    if row["order_ref"] is None:
        rows.change(work, row, {"state": PENDING})
        rows.tell(work, APPROVED, row, {"flags": row["flags"]})
        return
    rows.tell(work, APPROVED, {**row, "state": FLAGGED}, {"flags": row["flags"]})
    if not is_enough(row["order_left"], row["min_order"]):
        rows.change(work, row, {"state": VOIDED})
        rows.tell(work, VOIDED, row, {"order": row["order_ref"]})
        return
    terms = referral_terms(work.call.program_id, row["terms_version"])
    if terms is None or not all(side.is_active for side in sides.values()):
        raise ReferralNotPayable(f"{flags.TEXTS[flags.GONE]} Reject the referral.")
    if not rewards.has_room(work, row, sides, terms):
        raise ReferralNotPayable(flags.TEXTS[flags.NO_ROOM])
    qualifying.qualify(work, row, sides, terms)
