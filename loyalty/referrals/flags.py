"""What is noticed about a referral, and what follows from it; a pure decision.

Whoever refers themselves or a customer is refused. What may be chance, as two friends in one
house, is left to a person.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import NamedTuple

from loyalty.referrals.models import FLAGGED, PENDING, REJECTED
from loyalty.referrals.signals import phone_key

SELF, CUSTOMER, TWICE = "self_referral", "already_customer", "already_referred"
OVER_LIMIT = "over_limit"
NO_ROOM, GONE = "balance_too_large", "person_gone"

TEXTS = {
    SELF: "Advocate and referee are one person.",
    CUSTOMER: "The referee had bought before.",
    TWICE: "The referee had been brought by another member before.",
    OVER_LIMIT: "The advocate has brought more people than are rewarded within the time.",
    NO_ROOM: "The points would make a balance too large.",
    GONE: "The advocate or the referee was erased.",
    "same_email": "The advocate has the same email address.",
    "same_phone": "The advocate has the same phone number.",
    "same_payment": "The advocate paid by the same means.",
    "same_device": "The advocate used the same device.",
    "same_ip": "The advocate came from the same internet address.",
    "same_address": "The advocate has the same postal address.",
    "shared_phone": "Another referee of the advocate has the same phone number.",
    "shared_payment": "Another referee of the advocate paid by the same means.",
    "shared_device": "Another referee of the advocate used the same device.",
    "shared_ip": "Another referee of the advocate came from the same internet address.",
    "shared_address": "Another referee of the advocate has the same postal address.",
}
"""Each flag in words for the person who decides."""

_PROOF = {"same_email", "same_phone", "same_payment", "same_device"}


class Person(NamedTuple):
    """A member, or somebody who is about to be one, as far as people are told apart."""

    id: str
    email_keys: frozenset[str]
    phone_keys: frozenset[str]


def person_of(member_id: str, email_key: str | None, phone: str | None) -> Person:
    """Return what tells a member apart."""
    emails, phones = {email_key or ""}, {phone_key(phone)}
    return Person(member_id, frozenset(emails - {""}), frozenset(phones - {""}))


class Verdict(NamedTuple):
    """The state a referral begins in, and the flags that say why."""

    state: str
    flags: list[str]


def judge(
    advocate: Person,
    referee: Person,
    *,
    bought: bool,
    like_advocate: Iterable[str] = (),
    like_others: Iterable[str] = (),
) -> Verdict:
    """Return where a referral begins.

    `like_advocate` and `like_others` are the kinds of signals that the referee shares with the
    advocate, and with other referees of the same advocate. `bought` says whether the referee, or
    somebody with their mailbox, is a customer already.
    """
    flags = {f"same_{kind}" for kind in like_advocate} | {f"shared_{kind}" for kind in like_others}
    if advocate.email_keys & referee.email_keys:
        flags.add("same_email")
    if advocate.phone_keys & referee.phone_keys:
        flags.add("same_phone")
    if advocate.id == referee.id or flags & _PROOF:
        return Verdict(REJECTED, [SELF, *in_order(flags)])
    if bought:
        return Verdict(REJECTED, [CUSTOMER, *in_order(flags)])
    return Verdict(FLAGGED if flags else PENDING, in_order(flags))


def in_order(flags: Collection[str]) -> list[str]:
    """Return flags in the order in which they are listed here."""
    return [flag for flag in TEXTS if flag in flags]
