"""Giving unasked: a round a day through the members, each occasion settled once and for all.

Whoever does not want to be written to gets nothing, nor does anybody for whom a cap is in the
way: that is noted and never made up for. A gift counts as a contact, as the shop tells of it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from loyalty.foundation import db
from loyalty.foundation.bulk import Changes
from loyalty.foundation.call import Call
from loyalty.foundation.problems import Problem
from loyalty.members import accounts
from loyalty.programs import service as programs
from loyalty.recovery.contact import service as contact
from loyalty.recovery.contact.models import SERVICE
from loyalty.recovery.models import PROACTIVE
from loyalty.recovery.proactive import days as calendar
from loyalty.recovery.proactive import queries
from loyalty.recovery.proactive.models import GIVEN, SKIPPED, ProactiveGift, ProactiveRound
from loyalty.recovery.proactive.queries import Row
from loyalty.recovery.service.agents import Giver
from loyalty.recovery.service.giving import give_gesture

PROGRAM = Giver(agent="program", role="admin")
"""Who gives: the program itself, with the authority of whoever wrote its terms."""
MOST_AT_ONCE = 20  # gifts of one transaction, while others wait at the program's gate


def list_due_programs(now: datetime) -> Sequence[str]:
    """Return the ids of programs whose round of the day is not done; `now` is the system's time."""
    giving = [row for row in queries.list_programs() if _gifts(row["id"], row["version"])]
    rounds = queries.list_rounds([row["id"] for row in giving]) if giving else []
    made = {
        (row["program_id"], row["proactive_id"]): row["day"] for row in rounds if row["is_done"]
    }
    due = []
    for row in giving:
        today = calendar.local_day(row["test_now"] or now, _zone(row["id"], row["version"]))
        gifts = _gifts(row["id"], row["version"])
        if any(made.get((row["id"], gift["id"]), date.min) < today for gift in gifts):
            due.append(row["id"])
    return due


def give_due(call: Call, *, limit: int) -> Counter[str]:
    """Go on with one round by up to `limit` members; returns what was done, nothing if all is.

    Counts `gifts`, `skipped` and finished `rounds`.
    """
    current = programs.current(call.program_id, call.now)
    version = current.terms.version
    zone = _zone(call.program_id, version)
    rounds = queries.lock_rounds(call.program_id)
    today = calendar.local_day(current.now, zone)
    for gift in _gifts(call.program_id, version):
        due = _round(rounds.get(gift["id"]), today)
        if due is not None:
            page = _Page(call, current, gift, due, zone)
            return page.give(min(limit, MOST_AT_ONCE), is_new=gift["id"] not in rounds)
    return Counter()


def _round(before: Row | None, today: date) -> Row | None:
    """Return the round to go on with: the unfinished one, or a new one from the last one's day."""
    if before is None:
        return {"since": today, "day": today, "after_member": "", "is_done": False}
    if before["day"] >= today:
        return None if before["is_done"] else before
    since = before["day"] if before["is_done"] else before["since"]
    return {**before, "since": since, "day": today, "after_member": "", "is_done": False}


class _Page:
    """Some members of one round, in one transaction."""

    def __init__(
        self,
        call: Call,
        current: programs.Current,
        gift: Mapping[str, Any],
        due: Row,
        zone: str,
    ) -> None:
        self.call, self.gift, self.due, self.zone = call, gift, due, zone
        self.version, self.now = current.terms.version, current.now
        self.changes, self.done = Changes(), Counter[str]()

    def give(self, limit: int, *, is_new: bool) -> Counter[str]:
        queries.lock_gate(self.call.program_id)
        days = calendar.days_between(self.due["since"], self.due["day"])
        found = queries.list_candidates(
            self.call.program_id,
            self.gift,
            days,
            zone=self.zone,
            after=self.due["after_member"],
            limit=limit,
        )
        for member, occasion in self._unsettled(found, days):
            self._settle(member, occasion)
        self._move_on(found, is_new=is_new, is_done=len(found) < limit)
        self.changes.write(db.connection())
        return self.done

    def _unsettled(self, found: list[Row], days: list[date]) -> list[tuple[Row, str]]:
        """Lock the members that have an occasion which is not settled yet."""
        ids = [member["id"] for member in found]
        settled = queries.list_gifts(self.call.program_id, self.gift["id"], ids) if ids else set()
        having = [
            (member, occasion)
            for member in found
            if (occasion := calendar.occasion_of(self.gift, member, days, self.zone))
            and (member["id"], occasion) not in settled
        ]
        named = [member["external_id"] for member, _ in having]
        locked = accounts.lock(db.connection(), self.call.program_id, named)
        return [
            (member, occasion) for member, occasion in having if member["external_id"] in locked
        ]

    def _settle(self, member: Row, occasion: str) -> None:
        person = {**member, "version": self.version}
        answer = contact.decide(
            self.call.program_id, person, channel=None, purpose=SERVICE, now=self.now
        )
        if not answer.allowed or answer.channel is None:
            self._note(member, occasion, SKIPPED, reason=answer.reason)
            return
        try:
            outcome = give_gesture(self.call, self._given(member), who=PROGRAM, may_wait=False)
        except Problem as problem:  # refused before anything was written
            self._note(member, occasion, SKIPPED, reason=problem.code)
            return
        self._note(member, occasion, GIVEN, gesture_id=outcome.gesture["id"])
        contact.add_contact(
            self.changes, self.call, member["id"], channel=answer.channel, purpose=SERVICE,
            occurred_at=self.now, now=self.now,
        )  # fmt: skip

    def _given(self, member: Row) -> dict[str, Any]:
        return {
            "member": member["external_id"],
            "type": PROACTIVE,
            "reason": self.gift["reason"],
            "give": self.gift["give"],
            "message_to_customer": self.gift.get("message"),
        }

    def _note(self, member: Row, occasion: str, state: str, **more: str) -> None:
        self.done["gifts" if state == GIVEN else "skipped"] += 1
        row = {
            "program_id": self.call.program_id,
            "proactive_id": self.gift["id"],
            "member_id": member["id"],
            "occasion": occasion,
            "state": state,
            "reason": None,
            "gesture_id": None,
            "created_at": self.now,
        }
        self.changes.insert(ProactiveGift, {**row, **more})

    def _move_on(self, found: list[Row], *, is_new: bool, is_done: bool) -> None:
        self.done["members"] += len(found)
        self.done["rounds"] += is_done
        row = {
            **self.due,
            "program_id": self.call.program_id,
            "proactive_id": self.gift["id"],
            "after_member": found[-1]["id"] if found else self.due["after_member"],
            "is_done": is_done,
        }
        (self.changes.insert if is_new else self.changes.update)(ProactiveRound, row)


def _gifts(program_id: str, version: int) -> list[dict[str, Any]]:
    document = programs.terms(program_id, version).document
    found: list[dict[str, Any]] = (document.get("recovery") or {}).get("proactive", [])
    return found


def _zone(program_id: str, version: int) -> str:
    return str(programs.terms(program_id, version).document["program"]["timezone"])
