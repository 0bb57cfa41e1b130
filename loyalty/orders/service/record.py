"""Recording paid orders, one or a thousand, and previewing them by the same code."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any, NamedTuple

from loyalty.checkout.models import POINTS, STORED_VALUE
from loyalty.earning import kernel as earning
from loyalty.earning.facts import Basket, Facts, Line
from loyalty.earning.kernel import Award
from loyalty.foundation import db, events, ids
from loyalty.foundation.call import Call
from loyalty.foundation.problems import FieldError, Problem
from loyalty.ledger import kernel as ledger
from loyalty.ledger.state import Posting
from loyalty.members import service as members
from loyalty.members.accounts import MemberAccount
from loyalty.orders import queries, views
from loyalty.orders.models import Order, RuleUse
from loyalty.orders.problems import CurrencyMismatch, OrderConflict, OrderInvalid, OrderNotFound
from loyalty.orders.service import redeeming
from loyalty.orders.service.desk import Desk, Input, fingerprint, open_desk
from loyalty.orders.service.redeeming import Held
from loyalty.programs import service as programs
from loyalty.tiers.kernel import Activity

AHEAD = timedelta(days=1)  # how far a shop's clock may run before ours


class Decision(NamedTuple):
    """What an order is and earns, before anything is changed; a guest's earns nothing."""

    order: Input
    member: MemberAccount | None
    held: list[Held]
    basket: Basket
    facts: Facts | None
    award: Award | None


class Outcome(NamedTuple):
    """What became of one order: its view, or the problem that refused it."""

    order: dict[str, Any] | None
    replayed: bool
    problem: Problem | None = None


class Told(NamedTuple):
    """A paid order, and the call that told of it."""

    call: Call
    order: Input


def record_order(call: Call, order: Input) -> Outcome:
    """Record one paid order and grant its points; raise what refuses it."""
    (outcome,) = record_orders(call, [order])
    if outcome.problem is not None:
        raise outcome.problem
    return outcome


def record_orders(call: Call, orders: Sequence[Input]) -> list[Outcome]:
    """Record the paid orders of one call; one that is refused does not touch the others.

    Orders are mappings as `schemas.NewOrder` loads them. The result has one
    outcome per order, in their order.
    """
    return _record([Told(call, order) for order in orders])


def record_told(told: Sequence[Told]) -> list[Outcome]:
    """Record the paid orders of several calls in one transaction, each signed by its own call."""
    outcomes: dict[int, Outcome] = {}
    for program_id in sorted({one.call.program_id for one in told}):
        places = [n for n, one in enumerate(told) if one.call.program_id == program_id]
        found = _record([told[n] for n in places])
        outcomes |= dict(zip(places, found, strict=True))
    return [outcomes[n] for n in range(len(told))]


def _record(told: Sequence[Told]) -> list[Outcome]:
    """Record orders of one program."""
    orders = [one.order for one in told]
    latest = max((one.call for one in told), key=lambda call: call.now)
    desk = open_desk(latest, orders, lock=True)
    outcomes = _decide(desk, told)
    desk.write()
    return _with_replays(desk, orders, outcomes)


def preview_order(call: Call, order: Input) -> dict[str, Any]:
    """Return what recording this order would answer; nothing is locked or written."""
    desk = open_desk(call, [order], lock=False)
    (outcome,) = _with_replays(desk, [order], _decide(desk, [Told(call, order)]))
    if outcome.problem is not None:
        raise outcome.problem
    return outcome.order or {}


def get_order(call: Call, order_id: str) -> dict[str, Any]:
    """Return a recorded order as it is now. Raises `OrderNotFound`."""
    now = programs.current(call.program_id, call.now).now
    found = find_views(replace(call, now=now), [order_id])
    if order_id not in found:
        raise OrderNotFound(f"There is no order {order_id!r} in this program.")
    return found[order_id]


def find_views(call: Call, order_ids: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Return the views of recorded orders by the shop's ids."""
    rows = queries.find_orders(db.connection(), call.program_id, order_ids)
    return {key: views.order(row, row["member"], call.now) for key, row in rows.items()}


def _decide(desk: Desk, told: Sequence[Told]) -> list[Outcome]:
    outcomes = []
    for call, order in told:
        desk.serve(call)
        try:
            outcomes.append(_decide_one(desk, order))
        except Problem as problem:
            outcomes.append(Outcome(None, replayed=False, problem=problem))
    return outcomes


def _decide_one(desk: Desk, order: Input) -> Outcome:
    content = fingerprint(order)
    before = desk.seen.fingerprints.get(order["id"])
    if before is not None:
        if before != content:
            raise OrderConflict(f"Order {order['id']!r} was recorded before with other content.")
        return Outcome(None, replayed=True)
    _check(desk, order)
    decision = _work_out(desk, order, _member(desk, order), redeeming.find_held(desk, order))
    row = _row(desk, decision)
    row["fingerprint"] = desk.seen.fingerprints[order["id"]] = content
    _carry_out(desk, decision, row)
    name = decision.member.external_id if decision.member else None
    return Outcome(views.order(row, name, desk.now), replayed=False)


def _with_replays(desk: Desk, orders: Sequence[Input], outcomes: list[Outcome]) -> list[Outcome]:
    """Answer repeated orders with what is on record, which may be from this very batch."""
    repeated = [o["id"] for o, outcome in zip(orders, outcomes, strict=True) if outcome.replayed]
    if not repeated:
        return outcomes
    known = find_views(replace(desk.call, now=desk.now), repeated)
    return [
        outcome._replace(order=known[order["id"]]) if outcome.replayed else outcome
        for order, outcome in zip(orders, outcomes, strict=True)
    ]


def _check(desk: Desk, order: Input) -> None:
    program = desk.terms.program
    if order["currency"] != program.currency:
        raise CurrencyMismatch(
            f"The order is in {order['currency']}, the program in {program.currency}.",
            errors=[FieldError("/currency", f"must be {program.currency}")],
        )
    placed_at = order["placed_at"]
    if placed_at is not None and program.mode == "live" and placed_at > desk.now + AHEAD:
        raise OrderInvalid(
            "The order was placed in the future.",
            errors=[FieldError("/placed_at", "must not lie more than a day in the future")],
        )
    line_ids = [line["id"] for line in order["lines"]]
    if len(set(line_ids)) != len(line_ids):
        raise OrderInvalid(
            "Two lines have the same id.",
            errors=[FieldError("/lines", "must each have an id of their own")],
        )
    extras = order["tax"] + order["shipping"]
    if extras > order["total"]:
        raise OrderInvalid(
            "Tax and shipping are part of the total, but come to more.",
            errors=[FieldError("/total", f"must be at least {extras}, tax and shipping included")],
        )


def _member(desk: Desk, order: Input) -> MemberAccount | None:
    given = order["member"]
    if given is None:
        return None
    known = desk.members.get(given["external_id"])
    if known is not None:
        return known
    if not desk.terms.enrols:
        raise members.not_found(given["external_id"])
    return desk.newcomer(given["external_id"])


def _work_out(desk: Desk, order: Input, member: MemberAccount | None, held: list[Held]) -> Decision:
    """Work out what an order earns; the last step that may refuse, and nothing is changed yet."""
    placed_at = order["placed_at"] or desk.now
    basket = _basket(
        order,
        placed_at,
        paid_with_points=redeeming.paid_with(desk, order, held, POINTS),
        paid_with_stored_value=redeeming.paid_with(desk, order, held, STORED_VALUE),
    )
    facts = None if member is None else desk.history.facts(member, placed_at)
    award = None if facts is None else earning.award(desk.terms.earning, basket, facts)
    if member is not None and award is not None:
        _require_room(desk, member, order["total"], award.points)
    return Decision(order, member, held, basket, facts, award)


def _require_room(desk: Desk, member: MemberAccount, total: int, points: int) -> None:
    if points > ledger.MOST:
        raise OrderInvalid(f"The order would earn more than {ledger.MOST:,} points.")
    if member.spend + total > ledger.MOST:
        raise OrderInvalid(
            f"With this order the member would have spent more than {ledger.MOST:,}.",
            errors=[FieldError("/total", f"must be at most {ledger.MOST - member.spend}")],
        )
    account = desk.book.accounts.get(member.account_id)
    if account is not None:  # a newcomer's is still to be opened
        ledger.require_room(account, points)


def _carry_out(desk: Desk, decision: Decision, row: dict[str, Any]) -> None:
    desk.changes.insert(Order, row)
    order, member = decision.order, decision.member
    if member is not None:
        desk.enrol(member, order["member"])
    redeeming.capture(desk, order, decision.held)
    if member is None or decision.award is None:
        return
    _count(desk, member, row, decision.award)
    _grant(desk, member, row)
    desk.referrals.order_recorded(
        desk.book, desk.changes, desk.call, member=member, order_row=row, now=desk.now
    )


def _basket(
    order: Input, placed_at: Any, *, paid_with_points: int, paid_with_stored_value: int
) -> Basket:
    return Basket(
        total=order["total"],
        tax=order["tax"],
        shipping=order["shipping"],
        gift_cards=order["gift_cards"],
        paid_with_points=paid_with_points,
        lines=tuple(Line(**line) for line in order["lines"]),
        channel=order["channel"],
        country=order["country"],
        placed_at=placed_at,
        metadata=order["metadata"],
        currency=order["currency"],
        paid_with_stored_value=paid_with_stored_value,
    )


def _row(desk: Desk, decision: Decision) -> dict[str, Any]:
    order, member, _, basket, facts, award = decision
    granted = award.points if award else 0
    available_at, expires_at = (
        desk.terms.earning.schedule(basket.placed_at) if granted else (None, None)
    )
    explanation = None
    if award and granted:
        explanation = earning.explain(award, order["id"], desk.terms.earning.points_name)
    return {
        "id": ids.new_id("ord"),
        "program_id": desk.call.program_id,
        "external_id": order["id"],
        "member_id": member.id if member else None,
        "fingerprint": "",
        "state": "paid",
        "currency": order["currency"],
        "total": order["total"],
        "tax": order["tax"],
        "shipping": order["shipping"],
        "gift_cards": order["gift_cards"],
        "paid_with_points": basket.paid_with_points,
        "paid_with_stored_value": basket.paid_with_stored_value,
        "basis": int(award.basis) if award else 0,
        "lines": order["lines"],
        "channel": order["channel"],
        "country": order["country"],
        "referral_code": order["referral_code"],
        "metadata": order["metadata"] or None,
        "terms_version": desk.terms.program.version,
        "facts": facts.to_json() if facts else None,
        "breakdown": [part._asdict() for part in award.breakdown] if award else [],
        "explanation": explanation,
        "granted": granted,
        "entitled": granted,
        "clawed": 0,
        "forgiven": 0,
        "refunded": 0,
        "available_at": available_at,
        "expires_at": expires_at,
        "placed_at": basket.placed_at,
        "recorded_at": desk.now,
    }


def _count(desk: Desk, member: MemberAccount, row: Mapping[str, Any], award: Award) -> None:
    """Let the order count: for the member's statistics, for later orders and for the tier."""
    placed_at = row["placed_at"]
    member.orders += 1
    member.spend += row["total"]
    member.last_order_at = max(member.last_order_at or placed_at, placed_at)
    desk.history.add_order(member, placed_at, row["basis"])
    for part in award.breakdown:
        if part.rule in desk.terms.limited and part.points > 0:
            desk.history.add_use(member, part.rule, placed_at, part.points)
            desk.changes.insert(
                RuleUse,
                {
                    "member_id": member.id,
                    "rule_id": part.rule,
                    "source_id": f"order/{row['external_id']}",
                    "points": part.points,
                    "at": placed_at,
                },
            )
    desk.standings.add(member, Activity(placed_at, award.points, row["total"], 1))
    desk.note_member(member)


def _grant(desk: Desk, member: MemberAccount, row: Mapping[str, Any]) -> None:
    if not row["granted"]:
        return
    order_id = row["external_id"]
    posting = Posting(
        "earn",
        "order",
        order_id,
        row["explanation"],
        row["placed_at"],
        breakdown=row["breakdown"],
        terms_version=row["terms_version"],
    )
    ledger.grant(
        desk.book.accounts[member.account_id],
        row["granted"],
        posting,
        available_at=row["available_at"],
        expires_at=row["expires_at"],
    )
    data = {"order": order_id, "points": row["granted"], "available_at": row["available_at"]}
    _event(desk, "points.earned", member, data, row["placed_at"])


def _event(desk: Desk, name: str, member: MemberAccount, data: dict[str, Any], at: Any) -> None:
    events.record(
        desk.changes,
        name,
        program_id=desk.call.program_id,
        member_id=member.id,
        data=data,
        request_id=desk.call.request_id,
        occurred_at=at,
        now=desk.now,
    )
