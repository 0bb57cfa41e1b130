"""The whole service once more: slow, in memory, written down from the contract alone.

Amounts are minor units, a point is worth one of them. Refusals are returned by their code.
"""

from dataclasses import dataclass, field
from datetime import timedelta
from fractions import Fraction
from math import floor

EVERY_THIRD, FIRST = 50, 10
LARGE = [(5_000, 20), (20_000, 100)]  # from so much on, so many points


@dataclass(eq=False)
class Lot:
    number: int
    left: int
    ripe_at: object
    ends_at: object
    ripe: bool = False
    expired: int = 0
    held: int = 0

    @property
    def due(self):
        if not self.left:
            return None
        return self.ends_at if self.ripe else self.ripe_at

    @property
    def turn(self):
        """The order of spending: what ends first, then what came first."""
        return (self.ends_at is None, self.ends_at or 0, self.ripe_at, self.number)


@dataclass(eq=False)
class Held:
    number: int
    person: object
    units: int
    parts: list
    until: object
    state: str = "held"
    captured: int = 0
    returned: int = 0
    order: object = None


@dataclass(eq=False)
class Person:
    name: str
    lots: list = field(default_factory=list)
    debt: int = 0
    orders: int = 0
    spend: int = 0
    made: int = 0
    moves: int = 0

    def buckets(self):
        found = {
            "available": sum(lot.left for lot in self.lots if lot.ripe),
            "pending": sum(lot.left for lot in self.lots if not lot.ripe),
            "held": sum(lot.held for lot in self.lots),
            "debt": self.debt,
        }
        return {name: points for name, points in found.items() if points}

    def times(self):
        """({end: points}, {arrival: points}) of what can be spent and of what cannot yet."""
        ending, arriving = {}, {}
        for lot in self.lots:
            if lot.left and not lot.ripe:
                arriving[lot.ripe_at] = arriving.get(lot.ripe_at, 0) + lot.left
            elif lot.left and lot.ends_at is not None:
                ending[lot.ends_at] = ending.get(lot.ends_at, 0) + lot.left
        return ending, arriving

    @property
    def available(self):
        return self.buckets().get("available", 0)

    def add_lot(self, units, ripe_at, ends_at, now):
        self.made += 1
        lot = Lot(self.made, units, ripe_at, ends_at, ripe=ripe_at <= now)
        self.lots.append(lot)
        self.ripen(lot, now)
        return lot

    def ripen(self, lot, now):
        """Bring a lot to where it is at an instant: it ripens, pays what is owed, and ends."""
        lot.ripe = lot.ripe or lot.ripe_at <= now
        if lot.ripe:
            paid = min(self.debt, lot.left)
            lot.left -= paid
            self.debt -= paid
        if lot.ends_at is not None and lot.ends_at <= now:
            lot.expired += lot.left
            lot.left = 0

    def pick(self, units, *, skip=None):
        parts = []
        for lot in sorted(self.lots, key=lambda lot: lot.turn):
            if lot.ripe and lot is not skip and min(lot.left, units):
                parts.append((lot, min(lot.left, units)))
                units -= parts[-1][1]
        return parts


@dataclass
class Bought:
    person: Person | None
    body: dict
    nth: int
    paid_with_points: int = 0
    granted: int = 0
    entitled: int = 0
    clawed: int = 0
    forgiven: int = 0
    lot: Lot | None = None
    refunds: dict = field(default_factory=dict)
    cancel: dict | None = None
    was_cancelled: bool = False

    @property
    def total(self):
        return self.body["total"]

    @property
    def refunded(self):
        if self.cancel:
            return self.total
        return sum(refund["amount"] for refund in self.refunds.values())

    def refunded_on(self, line_id):
        return sum(
            part["amount"]
            for refund in self.refunds.values()
            for part in refund.get("lines", ())
            if part["id"] == line_id
        )

    def award(self):
        """Points for what is left, as if only that had been bought."""
        goods = self.total - self.body["tax"] - self.paid_with_points
        if goods <= 0 or self.refunded >= self.total or self.person is None:
            return 0
        lines = self.body["lines"]
        on_lines = sum(self.refunded_on(line["id"]) for line in lines)
        rest = Fraction(self.total - self.refunded, self.total - on_lines)
        amounts = sum(line["amount"] for line in lines)
        if amounts:
            rest *= Fraction(amounts - on_lines, amounts)
        basis = goods * rest
        if not basis:
            return 0
        points = floor(basis / 100)
        points += max([bonus for size, bonus in LARGE if basis >= size], default=0)
        points += FIRST if self.nth == 1 else 0
        points += EVERY_THIRD if self.nth % 3 == 0 else 0
        return points


class Service:
    """One program. Every call settles time first, then does its work or returns a refusal."""

    def __init__(self, now, *, settles_days, life_days, forgives):
        self.now = now
        self.settles = timedelta(days=settles_days)
        self.life = None if life_days is None else timedelta(days=life_days)
        self.forgives = forgives
        self.people, self.orders, self.held, self.into = {}, {}, {}, {}

    def set_clock(self, now):
        self.now = now
        for person in self.people.values():
            self.play(person)

    def play(self, person):
        """Let happen what is due, one thing at a time: holds end first, then lots by turn."""
        while due := [turn for turn in self.turns(person) if turn[0] <= self.now]:
            at, _, hold, lot = min(due, key=lambda turn: turn[:2])
            if hold:
                self.release(hold, "expired", at)
            else:
                person.ripen(lot, at)

    def turns(self, person):
        for hold in self.held.values():
            if hold.person is person and hold.state == "held":
                yield hold.until, (0, hold.number), hold, None
        for lot in person.lots:
            if lot.due is not None:
                yield lot.due, (1, lot.turn), None, lot

    def find(self, name):
        return self.people.get(self.into.get(name, name))

    def enrol(self, name):
        self.people.setdefault(name, Person(name))

    def ends(self):
        return None if self.life is None else self.now + self.life

    def order(self, body):
        before = self.orders.get(body["id"])
        if before:
            return None if before.body == body else "order_conflict"
        person = self.find(body["member"])
        holds = []
        for hold in map(self.held.get, body["reservations"]):
            if hold is None or person is None or hold.person is not person:
                return "reservation_not_found"
            if hold.state != "held" and (hold.state, hold.order) != ("captured", body["id"]):
                return "reservation_not_held"
            if hold.state == "held" and hold not in holds:
                holds.append(hold)
        if body["member"] is not None and person is None:
            person = self.people[body["member"]] = Person(body["member"])
        bought = Bought(person, body, nth=person.orders + 1 if person else 0)
        self.orders[body["id"]] = bought
        for hold in holds:
            self.spend(hold, hold.units, body["id"])
        bought.paid_with_points = self.paid(body["id"])
        if person is None:
            return None
        person.orders += 1
        person.spend += bought.total
        bought.granted = bought.entitled = bought.award()
        if bought.granted:
            ripe_at = self.now + self.settles
            ends_at = None if self.life is None else max(ripe_at, self.now + self.life)
            bought.lot = person.add_lot(bought.granted, ripe_at, ends_at, self.now)
        return None

    def paid(self, order_id):
        return sum(hold.captured for hold in self.held.values() if hold.order == order_id)

    def refund(self, order_id, body):
        bought = self.orders[order_id]
        if body["id"] in bought.refunds:
            return None if bought.refunds[body["id"]] == body else "refund_conflict"
        if bought.cancel:
            return "order_cancelled"
        sizes = {line["id"]: line["amount"] for line in bought.body["lines"]}
        parts = body.get("lines", ())
        if (
            body["amount"] > bought.total - bought.refunded
            or sum(part["amount"] for part in parts) > body["amount"]
            or any(p["amount"] > sizes[p["id"]] - bought.refunded_on(p["id"]) for p in parts)
        ):
            return "refund_exceeds_order"
        before = bought.refunded
        bought.refunds[body["id"]] = body
        self.recount(bought, before)
        return None

    def cancel(self, order_id):
        bought = self.orders[order_id]
        if not bought.cancel:
            before = bought.refunded
            bought.was_cancelled = True
            bought.cancel = {"entitled": bought.entitled}
            bought.cancel |= self.recount(bought, before)

    def reopen(self, order_id):
        bought = self.orders[order_id]
        if not bought.was_cancelled:
            return "order_not_cancelled"
        if not bought.cancel:
            return None
        cancel, bought.cancel = bought.cancel, None
        bought.entitled = cancel["entitled"]
        bought.forgiven -= cancel["forgiven"]
        person = bought.person
        if person:
            person.spend += bought.total - bought.refunded
            units = sum(n for _, n in cancel["parts"]) + cancel["owed"]
            bought.clawed -= units
            touched = self.give_back_where_it_was(person, bought, cancel, units)
            self.ripen_all(person, touched)
        self.settle_redeemed(bought, order_id)
        return None

    def ripen_all(self, person, lots):
        for lot in sorted(lots, key=lambda lot: lot.turn):
            person.ripen(lot, self.now)

    def give_back_where_it_was(self, person, bought, cancel, units):
        touched, rest = [], units
        if cancel["moves"] == person.moves:  # else they were merged, and the lots are others now
            for lot, n in cancel["parts"]:
                lot.left += n
                rest -= n
                touched.append(lot)
        paid = min(person.debt, rest)
        person.debt -= paid
        rest -= paid
        if rest:
            own = bought.lot
            if own.ends_at is not None and own.ends_at <= self.now:
                ends_at = max(self.ends(), self.now + self.settles)
                person.made += 1
                own = Lot(person.made, 0, self.now, ends_at, ripe=True)
                person.lots.append(own)
            own.left += rest
            touched.append(own)
        return touched

    def recount(self, bought, refunded_before):
        """Claw back what is too much; return where it came from."""
        took = {"parts": [], "owed": 0, "forgiven": 0, "moves": 0}
        person = bought.person
        if person:
            person.spend -= bought.refunded - refunded_before
            took["moves"] = person.moves
            entitled = 0 if bought.cancel else min(bought.award(), bought.granted)
            expired = bought.lot.expired if bought.lot else 0
            has = bought.granted - bought.clawed - bought.forgiven - expired
            less, bought.entitled = entitled < bought.entitled, entitled
            if less and has > entitled:
                took |= self.claw_back(bought, has - entitled)
        self.settle_redeemed(bought, bought.body["id"])
        return took

    def claw_back(self, bought, units):
        person, own = bought.person, bought.lot
        parts = [(own, min(own.left, units))] if own and own.left else []
        rest = units - sum(n for _, n in parts)
        parts += person.pick(rest, skip=own)
        for lot, n in parts:
            lot.left -= n
        missing = units - sum(n for _, n in parts)
        if self.forgives:
            bought.forgiven += missing
            bought.clawed += units - missing
            return {"parts": parts, "owed": 0, "forgiven": missing}
        person.debt += missing
        bought.clawed += units
        return {"parts": parts, "owed": missing, "forgiven": 0}

    def settle_redeemed(self, bought, order_id):
        for hold in sorted(self.held.values(), key=lambda hold: hold.number):
            if hold.order != order_id:
                continue
            share = Fraction(bought.refunded, bought.total) if bought.total else 0
            target = hold.captured if bought.cancel else floor(hold.captured * share)
            while hold.returned < target:
                self.unit(hold, hold.returned).left += 1
                hold.returned += 1
            self.redeem_again(hold, hold.returned - target)
            self.ripen_all(hold.person, [lot for lot, _ in self.captured_parts(hold)])

    def captured_parts(self, hold):
        """What was spent of a hold, as (lot, units): its first units."""
        parts, rest = [], hold.captured
        for lot, n in hold.parts:
            if min(n, rest):
                parts.append((lot, min(n, rest)))
                rest -= parts[-1][1]
        return parts

    def unit(self, hold, index):
        """The lot of the unit that comes back as the index-th: the last spent comes first."""
        for lot, n in reversed(self.captured_parts(hold)):
            if index < n:
                return lot
            index -= n
        raise IndexError(index)

    def redeem_again(self, hold, units):
        """Undo the last returns; what expired since was paid for, what was spent is owed."""
        person, spent, gone = hold.person, 0, {}
        back = [self.unit(hold, hold.returned - 1 - n) for n in range(units)]
        hold.returned -= units
        for lot in back:
            if lot.left:
                lot.left -= 1
            elif gone.get(lot.number, 0) < lot.expired:
                gone[lot.number] = gone.get(lot.number, 0) + 1
            else:
                spent += 1
        for lot, n in person.pick(spent):
            lot.left -= n
            spent -= n
        person.debt += spent

    def reserve(self, id, name, units, until):
        person = self.find(name)
        if person is None:
            return "member_not_found"
        if units > person.available:
            return "insufficient_points"
        parts = person.pick(units)
        for lot, n in parts:
            lot.left -= n
            lot.held += n
        self.held[id] = Held(len(self.held), person, units, parts, until)
        return None

    def capture(self, id, order_id, points):
        hold = self.held[id]
        units = points or hold.units
        if hold.state == "captured" and (hold.order, hold.captured) == (order_id, units):
            return None
        if hold.state != "held":
            return "reservation_not_held"
        if units > hold.units:
            return "redemption_refused"
        bought = self.orders.get(order_id)
        if bought and bought.cancel:
            return "order_cancelled"
        self.spend(hold, units, order_id)
        if bought:
            bought.paid_with_points = self.paid(order_id)
            self.recount(bought, bought.refunded)
        return None

    def spend(self, hold, units, order_id):
        hold.state, hold.captured, hold.order = "captured", units, order_id
        for lot, n in hold.parts:
            now, units = min(n, units), units - min(n, units)
            lot.held -= n
            lot.left += n - now
        for lot, _ in hold.parts:
            hold.person.ripen(lot, self.now)

    def void(self, id):
        hold = self.held[id]
        if hold.state == "captured":
            return "reservation_not_held"
        if hold.state == "held":
            self.release(hold, "voided", self.now)
        return None

    def release(self, hold, state, at):
        hold.state = state
        for lot, n in hold.parts:
            lot.held -= n
            lot.left += n
        for lot, _ in hold.parts:
            hold.person.ripen(lot, at)

    def adjust(self, name, points):
        person = self.find(name)
        if person is None:
            return "member_not_found"
        if points > 0:
            ends_at = None if self.life is None else max(self.ends(), self.now + self.settles)
            person.add_lot(points, self.now, ends_at, self.now)
        elif -points > person.available:
            return "insufficient_points"
        else:
            for lot, n in person.pick(-points):
                lot.left -= n
        return None

    def transfer(self, name, to, points):
        giver, taker = self.find(name), self.find(to)
        if giver is None or taker is None:
            return "member_not_found"
        if giver is taker:
            return "transfer_refused"
        if points > giver.available:
            return "insufficient_points"
        for lot, n in giver.pick(points):
            lot.left -= n
            taker.add_lot(n, lot.ripe_at, lot.ends_at, self.now)
        return None

    def merge(self, name, into):
        source, target = self.find(name), self.find(into)
        if source is None or target is None:
            return "member_not_found"
        if name == into or (source is target and name not in self.into):
            return "merge_refused"
        if name in self.into:
            return None if source is target else "member_merged"
        for lot in source.lots:
            lot.number += target.made
            target.lots.append(lot)
        target.made += source.made
        target.debt += source.debt
        target.orders += source.orders
        target.spend += source.spend
        target.moves += 1
        for thing in (*self.held.values(), *self.orders.values()):
            if thing.person is source:
                thing.person = target
                if isinstance(thing, Bought) and thing.cancel:
                    thing.cancel["moves"] = -1
        self.into = {a: into if b == name else b for a, b in self.into.items()} | {
            name: target.name
        }
        del self.people[source.name]
        self.ripen_all(target, target.lots)
        return None
