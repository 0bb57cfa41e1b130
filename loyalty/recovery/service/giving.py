"""Giving: one way for all of API, approvals and gifts on a schedule, so that caps always hold."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from loyalty.foundation import clock, db, ids
from loyalty.foundation.call import Call
from loyalty.foundation.money import written
from loyalty.foundation.problems import FieldError, Problem
from loyalty.ledger import kernel
from loyalty.members.accounts import MemberAccount
from loyalty.programs import service as programs
from loyalty.recovery.caps.kernel import NEEDS_APPROVAL, REFUSED, WITHIN, verdict
from loyalty.recovery.models import ISSUED, PENDING, POINTS, RECOVERY, REFUND, Gesture
from loyalty.recovery.service import precedent
from loyalty.recovery.service.agents import Giver, require_to_give
from loyalty.recovery.service.desk import Desk, facts_of, open_desk, preview_desk
from loyalty.recovery.service.handing import hand_over
from loyalty.recovery.service.reading import caps_shown, shown
from loyalty.recovery.terms import RecoveryTerms, recovery_of

_EMPTY = (
    *("voucher_id", "entry_id", "refund_state", "expires_at", "decided_at", "decided_by"),
    *("decision_note", "issued_at", "revoked_at", "revoked_by", "revocation_note", "freed_at"),
)


class CapExceeded(Problem):
    """A cap is against it."""

    code = "cap_exceeded"
    status = 422
    title = "A cap does not allow this gesture"
    about = (
        "All caps that look at a gesture hold at once. `caps` has the arithmetic of each: what is "
        "used, what this takes, what remains and when that grows again; `precedent` says what was "
        "given for the same reason lately."
    )


class GestureRefused(Problem):
    """The gesture cannot be given like this, whatever the caps say."""

    code = "gesture_refused"
    status = 422
    title = "This gesture cannot be given like this"
    about = (
        "Points have a number of points, all else an amount of money in the program's currency. "
        "The reason must be one of the program's, points need a worth, and a refund needs an order "
        "of that member with as much left to refund."
    )


class Outcome(NamedTuple):
    """What came of it: the gesture in the API's shape, `issued` or `pending_approval`."""

    gesture: dict[str, Any]

    @property
    def is_issued(self) -> bool:
        """Whether it was given; else it waits for approval."""
        return bool(self.gesture["state"] == ISSUED)


class _Asked(NamedTuple):
    desk: Desk
    member: MemberAccount
    row: dict[str, Any]
    contact: Mapping[str, Any] | None
    verdict: str


def give_gesture(
    call: Call, given: Mapping[str, Any], *, who: Giver, may_wait: bool = True
) -> Outcome:
    """Give a gesture, or let it wait for approval where a cap wants that.

    `given` has `member` (the shop's id), `reason` and `give` (`kind` with `points` or `amount`,
    and perhaps `currency` and `expires_after`), and perhaps `type`, `order_id`, `case_ref`,
    `note_internal`, `message_to_customer` and `exception`. Without `may_wait` what would wait is
    refused. Raises MemberNotFound, AgentMayNot, OwnGesture, GestureRefused, CapExceeded.
    """
    current = programs.current(call.program_id, call.now)
    lately = _precedent(current, given)
    desk = open_desk(call, who, current)
    desk.expire_undecided()
    asked = _ask(desk, given, who, lately, locked=True)
    if asked.verdict == REFUSED or (asked.verdict == NEEDS_APPROVAL and not may_wait):
        raise _exceeded(asked.row)
    row = asked.row
    desk.gate.count(facts_of(row))
    if asked.verdict == WITHIN:
        row.update(hand_over(desk, row, asked.member, asked.contact))
        desk.audit("gesture.issued", row, {"kind": row["kind"], "reason": row["reason"]})
    else:
        row["expires_at"] = clock.add(desk.terms.approval_expires_after, desk.now, desk.terms.zone)
        desk.event("gesture.requested", row, {"agent": who.agent})
        desk.audit("gesture.requested", row, {"kind": row["kind"], "reason": row["reason"]})
    desk.changes.insert(Gesture, {k: v for k, v in row.items() if k not in ("member", "code")})
    desk.write()
    return Outcome(shown(row, desk.now))


def preview_gesture(call: Call, given: Mapping[str, Any], *, who: Giver) -> dict[str, Any]:
    """Return what would come of a gesture: its verdict, value, caps and precedent.

    Nothing is given. Raises what `give_gesture` raises, except CapExceeded.
    """
    current = programs.current(call.program_id, call.now)
    lately = _precedent(current, given)
    desk = preview_desk(call, who, current)
    desk.expire_undecided()  # in the gate's memory; nothing is written
    asked = _ask(desk, given, who, lately, locked=False)
    return {
        "verdict": asked.verdict,
        "value": {"amount": asked.row["value_minor"], "currency": asked.row["currency"]},
        "caps": asked.row["caps"],
        "precedent": asked.row["precedent"],
    }


def require_room(order: Mapping[str, Any], amount: int, currency: str) -> None:
    """Raise GestureRefused if less than an amount is left to refund of an order."""
    left = max(0, order["order_left"] - int(order["refunding"]))
    if amount > left:
        raise GestureRefused(
            f"{written(left, currency)} of the order can still be refunded, not "
            f"{written(amount, currency)}.",
            errors=[FieldError("/give/amount", "must be no more than what is left of the order")],
        )


def _precedent(current: programs.Current, given: Mapping[str, Any]) -> dict[str, Any]:
    """Look at what was given for the reason; before the gate, which nobody should wait longer at.

    Raises GestureRefused for a reason that the program does not have.
    """
    program_id = current.terms.program_id
    terms = recovery_of(program_id, current.terms.version)
    if given["reason"] not in terms.reasons:
        known = ", ".join(sorted(terms.reasons)) or "none; add `[[recovery.reasons]]`"
        raise GestureRefused(
            f"There is no reason {given['reason']!r} in this program; it has: {known}.",
            errors=[FieldError("/reason", "must be one of the program's reasons")],
        )
    return precedent.find_precedent(
        db.connection(), program_id, given["reason"], now=current.now, zone=terms.zone
    )


def _ask(
    desk: Desk, given: Mapping[str, Any], who: Giver, lately: dict[str, Any], *, locked: bool
) -> _Asked:
    _check_give(given["give"])
    value = _value_of(given["give"], desk.terms)
    member = desk.member(given["member"], locked=locked)
    around = desk.circumstances(member.id, given.get("order_id"))
    require_to_give(who, around)
    row = _new_row(desk, given, who, member, value)
    _check_order(row, around)
    facts = facts_of(row)._replace(order_total=around["order_total"])
    weighed = desk.gate.weigh(facts)
    row["caps"] = caps_shown(weighed)
    row["precedent"] = precedent.complete(lately, value=value, to_member=around["given"])
    come_to = verdict(weighed)
    return _Asked(desk, member, row, around["contact"], come_to)


def _new_row(
    desk: Desk, given: Mapping[str, Any], who: Giver, member: MemberAccount, value: int
) -> dict[str, Any]:
    give, terms = given["give"], desk.terms
    money = give["kind"] != POINTS
    life = give.get("expires_after") or terms.goodwill_expires_after
    return {
        **dict.fromkeys(_EMPTY),
        "id": ids.new_id("gst"),
        "program_id": desk.call.program_id,
        "member_id": member.id,
        "member": member.external_id,
        "code": None,
        "type": given.get("type") or RECOVERY,
        "reason": given["reason"],
        "kind": give["kind"],
        "points": None if money else give["points"],
        "amount": give["amount"] if money else None,
        "currency": terms.currency,
        "value_minor": value,
        "life": life if money and give["kind"] != REFUND else None,
        "order_ref": given.get("order_id"),
        **{name: given.get(name) for name in ("case_ref", "note_internal", "message_to_customer")},
        "agent": who.agent,
        "role": who.role,
        "exception": bool(given.get("exception")),
        "state": PENDING,
        "at": desk.now,
        "freed_minor": 0,
        "actor": desk.call.actor,
    }


def _check_give(give: Mapping[str, Any]) -> None:
    """Raise GestureRefused unless a gift has what its kind needs, and nothing else."""
    kind = give["kind"]
    wanted, other = (POINTS, "amount") if kind == POINTS else ("amount", POINTS)
    errors = []
    if give.get(wanted) is None:
        errors.append(FieldError(f"/give/{wanted}", "is missing"))
    superfluous = [other, "expires_after"] if kind in (POINTS, REFUND) else [other]
    errors += [
        FieldError(f"/give/{name}", f"must be left out of a gesture of kind {kind}")
        for name in superfluous
        if give.get(name) is not None
    ]
    if errors:
        raise GestureRefused(f"A gesture of kind {kind} has `{wanted}`.", errors=errors)


def _value_of(give: Mapping[str, Any], terms: RecoveryTerms) -> int:
    """Return what a gesture is worth in minor units; the worth of points is rounded up."""
    if give["kind"] != POINTS:
        currency = give.get("currency")
        if currency and currency != terms.currency:
            raise GestureRefused(
                f"This program gives {terms.currency}, not {currency}.",
                errors=[FieldError("/give/currency", f"must be {terms.currency}")],
            )
        return int(give["amount"])
    if terms.redemption is None:
        raise GestureRefused(
            "Points of this program have no worth that caps could add up; give a voucher, or add "
            "`[redemption]` to the program.",
            errors=[FieldError("/give/kind", "must not be points in a program without redemption")],
        )
    worth: int = -(-give["points"] * terms.redemption.amount // terms.redemption.points)
    if worth > kernel.MOST:
        raise GestureRefused(
            "These points are worth more than a number can tell exactly.",
            errors=[FieldError("/give/points", "must be fewer")],
        )
    return worth


def _check_order(row: Mapping[str, Any], around: Mapping[str, Any]) -> None:
    if row["order_ref"] is None:
        if row["kind"] == REFUND:
            raise GestureRefused(
                "A refund needs the order that is refunded.",
                errors=[FieldError("/order_id", "is missing")],
            )
        return
    if around["order_total"] is None:
        raise GestureRefused(
            f"The member has no order {row['order_ref']!r}.",
            errors=[FieldError("/order_id", "must be an order of this member")],
        )
    if row["kind"] == REFUND:
        require_room(around, row["amount"], row["currency"])


def _exceeded(row: Mapping[str, Any]) -> CapExceeded:
    over = [one for one in row["caps"] if one["verdict"] != WITHIN]
    named = ", ".join(f"`{one['id']}`" for one in over)
    first = over[0]
    if first["measure"] == "value":
        left, takes = (written(first[name], row["currency"]) for name in ("remaining", "this"))
    else:
        left, takes = (f"{first[name]}" for name in ("remaining", "this"))
    return CapExceeded(
        f"It takes {takes}, but {left} remains under {named}; give less, or ask who may give more.",
        caps=row["caps"],
        precedent=row["precedent"],
    )
