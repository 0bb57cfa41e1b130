"""A year in the life of a shop, played through the services with the clock of each moment.

The dice are the same each time; what it comes to depends a little on the day of telling.
"""

from __future__ import annotations

import heapq
import itertools
import random
import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from loyalty.checkout import service as checkout
from loyalty.demo.people import NOW_AND_THEN, PEOPLE, Person
from loyalty.foundation.call import Call
from loyalty.members import schemas as members_schemas
from loyalty.members import service as members
from loyalty.orders import schemas
from loyalty.orders.service import action, record, refund, review
from loyalty.points import service as points
from loyalty.points import settling

SEED = 12
THINGS = (
    # sku, category, minor units, weight in a basket
    ("TEA-ASSAM-100", "tea", 590, 5),
    ("TEA-MINT-50", "tea", 390, 4),
    ("COFFEE-FT-250", "coffee", 790, 7),
    ("CHOC-FT-100", "sweets", 290, 8),
    ("HONEY-500", "pantry", 690, 3),
    ("OLIVE-OIL-750", "pantry", 1290, 3),
    ("CHEESE-BERG-200", "dairy", 540, 4),
    ("BREAD-RYE", "bakery", 420, 6),
    ("WINE-RIESLING", "wine", 1150, 3),
    ("SOAP-OLIVE", "home", 350, 2),
    ("CANDLE-WAX", "home", 990, 1),
)
FREE_DELIVERY_FROM = 5000
DELIVERY = 490
SMALLEST_REDEMPTION = 100
PAGE = 1000

# How likely it is, of 1
BUYS_IN_STORE = 0.4
PAYS_WITH_POINTS = 0.25
LEAVES_THE_CHECKOUT = 0.05
SENDS_BACK = 0.07
CANCELS = 0.015
WRITES_REVIEW = 0.115
LIKES_NEWS = 0.6

Happening = Callable[[datetime], None]


@dataclass(frozen=True)
class Shopper:
    """Someone who buys, a member or (without `member`) a guest, with dice of their own."""

    person: Person
    member: str | None
    dice: random.Random

    @classmethod
    def known(cls, person: Person, number: int) -> Shopper:
        """Return a member with a number; their dice fall the same each time."""
        dice = random.Random(SEED * number)  # noqa: S311 - the same story each time
        return cls(person, f"c-{number}", dice)


class Story:
    """What happens in the shop of a program until `now`; `tell` plays it all."""

    def __init__(self, program_id: str, now: datetime) -> None:
        self._program_id, self._now = program_id, now
        self._order_ids = itertools.count(10001)
        self._turns = itertools.count()
        self._ahead: list[tuple[datetime, int, Happening]] = []

    def tell(self) -> None:
        """Play everything in the order of time, within the transaction that is open."""
        everybody = [Shopper.known(person, n) for n, person in enumerate(PEOPLE, start=1001)]
        for who in everybody:
            self._at(
                self._open(who.person.habit.first_days_ago, who.dice), partial(self._join, who)
            )
        guest = Shopper(Person("", NOW_AND_THEN), None, random.Random(SEED))  # noqa: S311
        for days_ago in range(395, 0, -11):
            self._at(self._open(days_ago, guest.dice), partial(self._shop, guest))
        for days_ago in range(400, 0, -7):
            self._at(self._now - timedelta(days=days_ago), self._sweep)
        self._at(self._open(60, guest.dice), self._late_parcel)
        self._at(self._open(30, guest.dice), self._present)
        self._at(self._open(4, guest.dice), partial(self._shop, everybody[0]))
        self._at(self._now - timedelta(minutes=12), partial(self._checkouts, everybody[1:3]))
        while self._ahead:
            at, _, happening = heapq.heappop(self._ahead)
            happening(at)

    def _at(self, at: datetime, happening: Happening) -> None:
        if at < self._now:
            heapq.heappush(self._ahead, (at, next(self._turns), happening))

    def _open(self, days_ago: float, dice: random.Random) -> datetime:
        """Return a moment about so many days ago while the shop is open."""
        day = self._now - timedelta(days=days_ago)
        opening = day.replace(hour=8, minute=0, second=0, microsecond=0)
        return opening + timedelta(minutes=dice.randrange(10 * 60))

    def _call(self, at: datetime) -> Call:
        return Call(self._program_id, "demo", None, at)

    def _join(self, who: Shopper, at: datetime) -> None:
        person = who.person
        profile: dict[str, Any] = {
            "name": person.name,
            "email": f"{_address(person.name)}@example.org",
            "country": person.country,
            "locale": person.locale,
            "contact": {"channel": "email", "marketing": who.dice.random() < LIKES_NEWS},
        }
        if person.birthday:
            profile["birthday"] = person.birthday.isoformat()
        loaded = members_schemas.Profile().load(profile)
        members.put_member(self._call(at), who.member or "", loaded)
        self._visit(who, at)

    def _visit(self, who: Shopper, at: datetime) -> None:
        """Let someone buy, and come again after a while."""
        self._shop(who, at)
        habit = who.person.habit
        days = who.dice.expovariate(1 / habit.days_between) + 0.5
        again = self._open((self._now - at) / timedelta(days=1) - days, who.dice)
        if again < self._now - timedelta(days=habit.last_days_ago):
            self._at(again, partial(self._visit, who))

    def _shop(self, who: Shopper, at: datetime) -> None:
        order = self._order(who, who.person.habit.things)
        pays_with_points = who.dice.random() < PAYS_WITH_POINTS and self._reserve(order, at)
        if pays_with_points and who.dice.random() < LEAVES_THE_CHECKOUT:
            return
        loaded = schemas.NewOrder().load({**order, "placed_at": at.isoformat()})
        record.record_order(self._call(at + timedelta(minutes=4)), loaded)
        self._think_twice(who, order, at)

    def _order(self, who: Shopper, things: int) -> dict[str, Any]:
        in_store = who.person.country == "DE" and who.dice.random() < BUYS_IN_STORE
        lines = _lines(who.dice, who.dice.randint(1, things))
        goods = sum(line["amount"] for line in lines)
        shipping = 0 if in_store or goods >= FREE_DELIVERY_FROM else DELIVERY
        return {
            "id": str(next(self._order_ids)),
            "member": who.member,
            "currency": "EUR",
            "total": goods + shipping,
            "tax": (goods + shipping) * 7 // 107,
            "shipping": shipping,
            "lines": lines,
            "channel": "store" if in_store else "web",
            "country": who.person.country,
        }

    def _reserve(self, order: dict[str, Any], at: datetime, **options: Any) -> bool:
        """Hold as many points for an order as it may take; return whether there were enough."""
        if order["member"] is None:
            return False
        units = min(self._points(order["member"], at), order["total"] // 2)
        if units < SMALLEST_REDEMPTION:
            return False
        held = checkout.create_reservation(
            self._call(at), member=order["member"], points=units, order=order, **options
        )
        order["reservations"] = [held["id"]]
        return True

    def _points(self, member: str, at: datetime) -> int:
        balance = points.get_balance(self._call(at), member)
        return int(balance["points"]["available"])

    def _think_twice(self, who: Shopper, order: Mapping[str, Any], at: datetime) -> None:
        """Let some send things back or cancel, and some write a review."""
        luck, later = who.dice.random(), timedelta(days=who.dice.uniform(1, 12))
        if luck < SENDS_BACK:
            line = who.dice.choice(order["lines"])
            self._at(at + later, partial(self._send_back, order["id"], line))
        elif luck < SENDS_BACK + CANCELS:
            self._at(at + timedelta(minutes=20), partial(self._cancel, order["id"]))
        elif luck < SENDS_BACK + CANCELS + WRITES_REVIEW and who.member:
            self._at(at + later, partial(self._write_review, order))

    def _send_back(self, order_id: str, line: Mapping[str, Any], at: datetime) -> None:
        part = {name: line[name] for name in ("id", "quantity", "amount")}
        back = schemas.NewRefund().load({"id": "r-1", "amount": line["amount"], "lines": [part]})
        refund.refund_order(self._call(at), order_id, back)

    def _cancel(self, order_id: str, at: datetime) -> None:
        refund.cancel_order(self._call(at), order_id)

    def _write_review(self, order: Mapping[str, Any], at: datetime) -> None:
        done = {"id": f"review-{order['id']}", "member": order["member"], "type": "review"}
        action.record_action(self._call(at), schemas.NewAction().load(done))

    def _sweep(self, at: datetime) -> None:
        """Let the worker come by."""
        call = Call(self._program_id, "worker", None, at)
        settling.settle_due_accounts(call, limit=PAGE)
        review.review_due_members(call, limit=PAGE)

    def _late_parcel(self, at: datetime) -> None:
        points.adjust(
            self._call(at), "c-1009", points=150, reason="Your parcel came a week late: sorry."
        )

    def _present(self, at: datetime) -> None:
        gift = min(100, self._points("c-1004", at))
        if gift:
            points.transfer(self._call(at), "c-1004", to="c-1010", points=gift)

    def _checkouts(self, shoppers: Sequence[Shopper], at: datetime) -> None:
        """Leave some in the middle of paying."""
        for who in shoppers:
            self._reserve(self._order(who, 6), at, expires_in="PT12H")


def _lines(dice: random.Random, things: int) -> list[dict[str, Any]]:
    picked = dice.choices(THINGS, [weight for *_, weight in THINGS], k=things)
    lines = []
    for number, thing in enumerate(dict.fromkeys(picked), start=1):
        sku, category, price, _ = thing
        quantity = picked.count(thing)
        lines.append(
            {
                "id": str(number),
                "sku": sku,
                "category": category,
                "quantity": quantity,
                "amount": price * quantity,
            }
        )
    return lines


def _address(name: str) -> str:
    plain = unicodedata.normalize("NFKD", name.lower())
    return re.sub(r"[^a-z]+", ".", plain.encode("ascii", "ignore").decode())
