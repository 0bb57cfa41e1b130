"""Actions: points for something that is no purchase, once per action id."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from loyalty.earning import kernel as earning
from loyalty.earning.kernel import Award
from loyalty.foundation import db, events, ids
from loyalty.foundation.call import Call
from loyalty.foundation.problems import FieldError
from loyalty.ledger import kernel as ledger
from loyalty.ledger.state import Posting
from loyalty.members import service as members
from loyalty.members.accounts import MemberAccount
from loyalty.orders import queries, views
from loyalty.orders.facts import History
from loyalty.orders.models import Action, RuleUse
from loyalty.orders.problems import ActionConflict, UnknownAction
from loyalty.orders.service.desk import Desk, fingerprint, open_desk
from loyalty.tiers.kernel import Activity


def record_action(call: Call, given: Mapping[str, Any]) -> tuple[dict[str, Any], bool]:
    """Record an action and grant its points; return it and whether it was known before.

    `given` has `id`, `member`, `type` and `occurred_at`. A limit that is used up
    grants nothing, but the action is on record. Raises `UnknownAction`,
    `ActionConflict`, `MemberNotFound`.
    """
    desk = open_desk(call, [{**_NO_ORDER, "member": given["member"]}], lock=True)
    content = fingerprint(given)
    before = queries.find_action(db.connection(), call.program_id, given["id"])
    if before is not None:
        if before["fingerprint"] != content:
            raise ActionConflict(f"Action {given['id']!r} was recorded before with other content.")
        return views.action(before, before["member"], desk.now), True
    name = given["member"]["external_id"]
    if name not in desk.members and not desk.terms.enrols:
        raise members.not_found(name)
    limits = desk.terms.earning.needs.action_limits.get(given["type"], ())
    member = desk.members.get(name) or desk.newcomer(name)
    desk.history = History(desk.terms.earning, limits)
    occurred_at = given["occurred_at"] or desk.now
    desk.history.read(db.connection(), [member.id], occurred_at)
    award = _award(desk, member, given["type"], occurred_at)
    row = _row(desk, given, member, award, occurred_at)
    row["fingerprint"] = content
    desk.enrol(member, given["member"])
    desk.changes.insert(Action, row)
    _count(desk, member, row, award, {limit.rule_id for limit in limits})
    _grant(desk, member, row, award)
    desk.write()
    return views.action(row, member.external_id, desk.now), False


_NO_ORDER: Mapping[str, Any] = {"id": "", "reservations": (), "placed_at": None}


def _award(desk: Desk, member: MemberAccount, kind: str, at: datetime) -> Award:
    facts = desk.history.facts(member, at)
    award = earning.award_action(desk.terms.earning, kind, facts, at)
    if award is None:
        known = ", ".join(sorted(desk.terms.earning.actions)) or "none"
        raise UnknownAction(
            f"The program gives nothing for {kind!r}; it rewards: {known}.",
            errors=[FieldError("/type", f"must be one of: {known}")],
        )
    return award


def _row(
    desk: Desk,
    given: Mapping[str, Any],
    member: MemberAccount,
    award: Award,
    occurred_at: datetime,
) -> dict[str, Any]:
    schedule = desk.terms.earning.schedule(occurred_at) if award.points else (None, None)
    return {
        "id": ids.new_id("act"),
        "program_id": desk.call.program_id,
        "external_id": given["id"],
        "member_id": member.id,
        "type": given["type"],
        "fingerprint": "",
        "granted": award.points,
        "breakdown": [part._asdict() for part in award.breakdown],
        "available_at": schedule[0],
        "expires_at": schedule[1],
        "occurred_at": occurred_at,
        "recorded_at": desk.now,
    }


def _count(
    desk: Desk, member: MemberAccount, row: Mapping[str, Any], award: Award, limited: set[str]
) -> None:
    for part in award.breakdown:
        if part.rule in limited and part.points > 0:
            use = {
                "member_id": member.id,
                "rule_id": part.rule,
                "source_id": f"action/{row['external_id']}",
                "points": part.points,
                "at": row["occurred_at"],
            }
            desk.changes.insert(RuleUse, use)
    desk.standings.add(member, Activity(row["occurred_at"], award.points))
    desk.note_member(member)


def _grant(desk: Desk, member: MemberAccount, row: Mapping[str, Any], award: Award) -> None:
    if not award.points:
        return
    terms = desk.terms
    posting = Posting(
        "action",
        "action",
        row["external_id"],
        earning.explain_action(award, terms.earning.points_name),
        row["occurred_at"],
        breakdown=row["breakdown"],
        terms_version=terms.program.version,
    )
    ledger.grant(
        desk.book.accounts[member.account_id],
        award.points,
        posting,
        available_at=row["available_at"],
        expires_at=row["expires_at"],
    )
    events.record(
        desk.changes,
        "points.earned",
        program_id=desk.call.program_id,
        member_id=member.id,
        data={"action": row["external_id"], "points": award.points},
        request_id=desk.call.request_id,
        occurred_at=row["occurred_at"],
        now=desk.now,
    )
