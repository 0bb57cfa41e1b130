"""Listing rewards with what is missing for them, and turning points into a voucher.

The entry that spends the points names the lots they came from, and the voucher they became.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from loyalty.foundation import db, events
from loyalty.foundation.bulk import Changes
from loyalty.foundation.call import Call
from loyalty.foundation.problems import Problem
from loyalty.ledger import kernel, reading
from loyalty.ledger.book import Book, stamp_of
from loyalty.ledger.state import Posting
from loyalty.members import accounts
from loyalty.members import service as members
from loyalty.programs import service as programs
from loyalty.vouchers.service import issuing
from loyalty.vouchers.service import reading as vouchers

SOURCE = "reward"
_TERMS = (
    *("kind", "amount", "percent", "max_discount", "min_order", "skus", "categories"),
    *("uses", "uses_per_member", "expires_after"),
)


class RewardNotFound(Problem):
    """No such reward in this program."""

    code = "reward_not_found"
    status = 404
    title = "There is no such reward"
    about = "The program's document lists the rewards under `rewards`; none of them has that id."


def list_rewards(call: Call, member: str | None = None) -> list[dict[str, Any]]:
    """Return the program's rewards, cheapest first, and what is missing for the member.

    `member` is the shop's id; without one `affordable` and `missing` are None. Raises
    `MemberNotFound`.
    """
    if member is None:
        document = programs.current(call.program_id, call.now).terms.document
        return [_shown(document, reward, None) for reward in _rewards(document)]
    found = accounts.find_with_lots(db.connection(), call.program_id, [member]).get(member)
    if found is None:
        raise members.not_found(member)
    about, lots, holds = found
    now = about.test_now or call.now
    available = reading.account_at(about.account, lots, holds, now).available
    document = programs.terms(call.program_id, about.version).document
    return [_shown(document, reward, available) for reward in _rewards(document)]


def redeem_reward(call: Call, reward_id: str, *, member: str) -> dict[str, Any]:
    """Turn a member's points into the reward's voucher, which is theirs alone.

    Raises `MemberNotFound`, `RewardNotFound`, `InsufficientPoints`.
    """
    connection = db.connection()
    found = accounts.lock(connection, call.program_id, [member]).get(member)
    if found is None:
        raise members.not_found(member)
    document = programs.terms(call.program_id, found.version).document
    now = found.test_now or call.now
    reward = _find(document, reward_id)
    book = Book(connection, stamp_of(call, now, document))
    book.adopt([found.account])
    book.read(lots_of=[found.account_id])
    account, changes = book.accounts[found.account_id], Changes()
    terms = issuing.terms_of(reward["voucher"], document, now, class_="reward")
    voucher = issuing.issue(
        book, changes, call, terms, member_id=found.id, source=(SOURCE, reward_id), now=now
    )
    text = f"{account.stamp.count(reward['cost'])} redeemed for the reward {_name(reward)}."
    posting = Posting("redeem", SOURCE, voucher["id"], text, now)
    kernel.take(account, reward["cost"], posting)
    data = {"points": reward["cost"], "reward": reward_id, "voucher": voucher["id"]}
    _tell(changes, call, found.id, data, now)
    book.write_into(changes)
    changes.write(connection)
    value = book.accounts[voucher["account_id"]]
    return {
        "reward": reward_id,
        "member": found.external_id,
        "points": reward["cost"],
        "voucher": vouchers.shown(voucher, value, now, member=found.external_id),
    }


def _tell(
    changes: Changes, call: Call, member_id: str, data: dict[str, Any], now: datetime
) -> None:
    events.record(
        changes,
        "points.redeemed",
        program_id=call.program_id,
        member_id=member_id,
        data=data,
        request_id=call.request_id,
        occurred_at=now,
        now=now,
    )


def _rewards(document: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return sorted(document.get("rewards") or (), key=lambda reward: (reward["cost"], reward["id"]))


def _find(document: Mapping[str, Any], reward_id: str) -> Mapping[str, Any]:
    for reward in document.get("rewards") or ():
        if reward["id"] == reward_id:
            found: Mapping[str, Any] = reward
            return found
    raise RewardNotFound(f"There is no reward {reward_id!r} in this program.")


def _name(reward: Mapping[str, Any]) -> str:
    """Return what people call a reward; without a name its id."""
    return str(reward.get("name") or reward["id"])


def _shown(
    document: Mapping[str, Any], reward: Mapping[str, Any], available: int | None
) -> dict[str, Any]:
    missing = None if available is None else max(0, reward["cost"] - available)
    terms = {name: reward["voucher"].get(name) for name in _TERMS}
    return {
        "id": reward["id"],
        "name": _name(reward),
        "cost": reward["cost"],
        "voucher": {**terms, "currency": document["program"]["currency"]},
        "affordable": None if missing is None else missing == 0,
        "missing": missing,
    }
