"""Vouchers, rewards, gestures and referrals once more, on top of the plain model of the service.

A voucher's value is held like a person's points: uses, or minor units, in one lot.
"""

from dataclasses import dataclass, field
from datetime import timedelta

from tests.model.plain import Held, Lot, Person, Service

MIN_ORDER = 1_000
PRIZES = {"advocate": {"points": 40}, "referee": {"points": 15, "voucher": True}}
REWARDS = {"five": (60, "amount", 1), "card": (150, "stored_value", 200)}  # cost, kind, units
LIFE = timedelta(hours=96)
"""How long given vouchers live; approvals have a day."""
OFTEN, MUCH, ALL = 3, 400, 800
WINDOWS = {"often": timedelta(days=4), "much": timedelta(days=3)}  # all: the calendar day


@dataclass(eq=False)
class Voucher:
    account: Person
    kind: str
    class_: str
    units: int
    bound: Person | None
    starts_at: object
    ends_at: object
    per_member: int | None = None
    revoked: bool = False
    code: str | None = None

    @property
    def lot(self):
        return self.account.lots[0]

    def state(self, now):
        if self.revoked:
            return "revoked"
        if self.lot.held:
            return "reserved"
        if self.lot.expired and self.ends_at <= now:
            return "expired"
        if not self.lot.left:
            return "redeemed"
        return "issued" if self.lot.left == self.units else "partially_redeemed"

    def left(self, now):
        return 0 if self.state(now) in ("expired", "revoked") else self.lot.left

    def take(self):
        """Take back what is neither spent nor held."""
        taken, self.lot.left = self.lot.left, 0
        return taken

    def revoke(self):
        self.revoked = True
        return self.take()


@dataclass(eq=False)
class Kept(Held):
    """A hold at the checkout: of points, or of a voucher for its owner or for anybody."""

    voucher: Voucher | None = None
    owner: Person | None = None

    @property
    def lowers_the_price(self):
        return self.voucher is not None and self.voucher.kind != "stored_value"


@dataclass(eq=False)
class Given:
    """A gesture."""

    person: Person
    agent: str
    kind: str
    value: int
    at: object
    state: str
    until: object
    freed: int = 0
    voucher: Voucher | None = None
    lot: Lot | None = None

    def stands(self, now):
        waited = self.state == "pending_approval" and self.until <= now
        return "expired" if waited else self.state

    def counts(self, now):
        return self.stands(now) in ("pending_approval", "issued") or (
            self.state == "revoked" and self.freed < self.value
        )


@dataclass(eq=False)
class Side:
    """What one side of a referral was granted, as `claw_back` wants it."""

    person: Person
    lot: Lot
    clawed: int = 0
    forgiven: int = 0
    took: dict = field(default_factory=dict)


@dataclass(eq=False)
class Brought:
    """A referral."""

    advocate: Person
    referee: Person
    state: str
    order: str | None = None
    left: int = 0
    decision: str | None = None
    available_at: object = None
    sides: list = field(default_factory=list)
    voucher: Voucher | None = None
    taken: int | None = None

    def shown(self, now):
        is_due = self.state == "qualified" and self.available_at <= now
        return "rewarded" if is_due else self.state


class Shop(Service):
    """The whole of it; `stacking` is the program's, `brings` how many referrals are rewarded."""

    def __init__(self, now, *, stacking, brings, **terms):
        super().__init__(now, **terms)
        self.stacking, self.brings = stacking, brings
        self.vouchers, self.given, self.brought = [], {}, {}

    def set_clock(self, now):
        super().set_clock(now)
        for voucher in self.vouchers:
            self.play(voucher.account)

    def lives(self):
        """Until when points live that are given now."""
        return None if self.life is None else max(self.ends(), self.now + self.settles)

    # Vouchers.

    def issue(
        self, kind, units, *, class_="promotional", name=None, starts=None, life=None, **more
    ):
        begins = starts or self.now
        ends_at = None if life is None else self.now + life
        bound = None if name is None else self.find(name)
        account = Person("voucher")
        account.add_lot(units, begins, ends_at, self.now)
        voucher = Voucher(account, kind, class_, units, bound, starts, ends_at, **more)
        self.vouchers.append(voucher)
        return voucher

    def why_unusable(self, voucher, person):
        if (
            voucher.revoked
            or (voucher.bound is not None and voucher.bound is not person)
            or (voucher.per_member and person is None)
            or (voucher.starts_at and self.now < voucher.starts_at)
            or (voucher.ends_at and voucher.ends_at <= self.now)
            or not (voucher.account.available or voucher.lot.held)
        ):
            return "voucher_not_usable"
        if not voucher.account.available:
            return "voucher_used_up"
        if voucher.per_member and self.uses(voucher, person) >= voucher.per_member:
            return "voucher_not_usable"
        return None

    def uses(self, voucher, person):
        return sum(
            hold.state == "held" or (hold.state == "captured" and hold.returned < hold.captured)
            for hold in self.held.values()
            if hold.voucher is voucher and hold.owner is person
        )

    def present(self, voucher, name, amount):
        """Return why a voucher cannot be reserved, and else None and the units that are held."""
        person = None if name is None else self.find(name)
        refusal = self.why_unusable(voucher, person)
        if refusal or voucher.kind != "stored_value":
            return refusal, 1
        if amount is None:
            return None, voucher.account.available
        return "voucher_used_up" if amount > voucher.account.available else None, amount

    def keep(self, id, voucher, name, units, until):
        owner, parts = None if name is None else self.find(name), voucher.account.pick(units)
        for lot, n in parts:
            lot.left -= n
            lot.held += n
        self.held[id] = Kept(
            len(self.held), voucher.account, units, parts, until, voucher=voucher, owner=owner
        )

    def reserve(self, id, name, units, until):
        refusal = super().reserve(id, name, units, until)
        if refusal is None:
            hold = self.held[id]
            self.held[id] = Kept(
                hold.number, hold.person, units, hold.parts, until, owner=hold.person
            )
        return refusal

    def void(self, id):
        hold = self.held[id]
        was_held, refusal = hold.state == "held", super().void(id)
        if was_held and hold.voucher and hold.voucher.revoked:
            hold.voucher.take()
        return refusal

    # Orders.

    def place(self, hold):
        """The place on its order that a voucher takes; None if it needs none."""
        if not hold.lowers_the_price or self.stacking == "any":
            return None
        return "price" if self.stacking == "one" else hold.voucher.class_

    def taken_places(self, order_id):
        on_it = [hold for hold in self.held.values() if hold.order == order_id]
        return {self.place(hold) for hold in on_it if hold.returned < hold.captured} - {None}

    def paid(self, order_id):
        return sum(
            hold.captured
            for hold in self.held.values()
            if hold.order == order_id and not hold.lowers_the_price
        )

    def order(self, body, advocate=None):
        if body["id"] in self.orders:
            return super().order(body)
        person = self.find(body["member"])
        places, vouchers, others = self.taken_places(body["id"]), [], []
        for id in body["reservations"]:
            hold = self.held[id]
            if hold.owner is not None and hold.owner is not person:
                return "reservation_not_found"
            if (hold.state, hold.order) == ("captured", body["id"]) or hold in vouchers:
                continue
            if hold.state != "held":
                return "reservation_not_held"
            if (place := self.place(hold)) in places:
                return "stacking_refused"
            places |= {place} - {None}
            (vouchers.append if hold.voucher else others.append)(hold if hold.voucher else id)
        for hold in vouchers:
            self.spend(hold, hold.units, body["id"])
        assert super().order({**body, "reservations": others}) is None
        bought = self.orders[body["id"]]
        bought.body = body
        if bought.person is not None:
            self.is_brought_by_an_order(bought, advocate)
        return None

    def capture(self, id, order_id, units):
        hold = self.held[id]
        spends = hold.state == "held" and (units or hold.units) <= hold.units
        if spends and self.place(hold) in self.taken_places(order_id):
            return "stacking_refused"
        refusal = super().capture(id, order_id, units)
        if spends and refusal is None:
            if hold.captured < hold.units and hold.voucher and hold.voucher.revoked:
                hold.voucher.take()
            self.referrals_follow(order_id)
        return refusal

    def refund(self, order_id, body):
        refusal = super().refund(order_id, body)
        self.referrals_follow(order_id)
        return refusal

    def cancel(self, order_id):
        super().cancel(order_id)
        self.referrals_follow(order_id)

    def reopen(self, order_id):
        refusal = super().reopen(order_id)
        self.referrals_follow(order_id)
        return refusal

    def settle_redeemed(self, bought, order_id):
        revoked = {
            hold: hold.returned
            for hold in self.held.values()
            if hold.order == order_id and hold.voucher and hold.voucher.revoked
        }
        super().settle_redeemed(bought, order_id)
        for hold, returned in revoked.items():
            if hold.returned > returned:
                hold.voucher.take()

    def redeem_again(self, hold, units):
        if not (hold.voucher and hold.voucher.revoked):  # else it has nothing, and owes nothing
            super().redeem_again(hold, units)

    # Rewards.

    def redeem(self, reward, name):
        person, (cost, kind, units) = self.find(name), REWARDS[reward]
        if person is None:
            return "member_not_found", None
        if person.available < cost:
            return "insufficient_points", None
        for lot, n in person.pick(cost):
            lot.left -= n
        return None, self.issue(kind, units, class_="reward", name=name, life=LIFE)

    # Gestures.

    def weigh(self, person, agent, value):
        """The arithmetic of each cap: {id: (used, this, remaining, verdict)}."""
        counted = [one for one in self.given.values() if one.counts(self.now)]
        midnight = self.now.replace(hour=0, minute=0, second=0, microsecond=0)
        often = [1 for g in counted if g.person is person and g.at > self.now - WINDOWS["often"]]
        much = [
            g.value - g.freed
            for g in counted
            if g.agent == agent and g.at > self.now - WINDOWS["much"]
        ]
        every = [g.value - g.freed for g in counted if g.at >= midnight]
        return {
            "often": weighed(sum(often), 1, OFTEN, "refused"),
            "much": weighed(sum(much), value, MUCH, "needs_approval"),
            "all": weighed(sum(every), value, ALL, "refused"),
        }

    def give(self, name, agent, kind, value):
        """Return why nothing is given, the arithmetic, and the gesture."""
        person = self.find(name)
        if person is None:
            return "member_not_found", None, None
        caps = self.weigh(person, agent, value)
        verdicts = {verdict for *_, verdict in caps.values()}
        if "refused" in verdicts:
            return "cap_exceeded", caps, None
        until = self.now + timedelta(days=1)
        gesture = Given(person, agent, kind, value, self.now, "pending_approval", until)
        if verdicts == {"within"}:
            self.hand_over(gesture)
        return None, caps, gesture

    def hand_over(self, gesture):
        gesture.state = "issued"
        if gesture.kind == "points":
            gesture.lot = gesture.person.add_lot(gesture.value, self.now, self.lives(), self.now)
            return
        units = gesture.value if gesture.kind == "stored_value" else 1
        gesture.voucher = self.issue(
            gesture.kind, units, class_="goodwill", name=gesture.person.name, life=LIFE
        )

    def decide(self, gesture, verb, agent):
        if gesture.stands(self.now) != "pending_approval":
            return "gesture_not_pending"
        if agent == gesture.agent and verb != "withdraw":
            return "own_gesture"
        if verb == "approve":
            self.hand_over(gesture)
        else:
            gesture.state = {"reject": "rejected", "withdraw": "withdrawn"}[verb]
        return None

    def revoke_gesture(self, gesture):
        if gesture.stands(self.now) != "issued":
            return "gesture_not_issued"
        lot = gesture.voucher.lot if gesture.voucher else gesture.lot
        if not lot.left and not (gesture.voucher and lot.held):
            return "gesture_spent"
        gesture.state = "revoked"
        if gesture.voucher is None:
            gesture.freed, lot.left = lot.left, 0
            return None
        taken = gesture.voucher.revoke()
        gesture.freed = taken if gesture.kind == "stored_value" else bool(taken) * gesture.value
        return None

    # Referrals.

    def refer(self, advocate, name):
        before = self.brought.get(name)
        if before:
            return None if before.advocate.name == advocate else "already_referred"
        self.enrol(name)
        self.is_brought(self.people[name], advocate, self.people[name].orders)
        return None

    def is_brought(self, person, advocate, bought):
        state = "rejected" if advocate == person.name or bought else "pending"
        self.brought[person.name] = Brought(self.people[advocate], person, state)

    def is_brought_by_an_order(self, bought, advocate):
        person = bought.person
        if advocate and person.name not in self.brought:
            self.is_brought(person, advocate, person.orders - 1)
        one = self.brought.get(person.name)
        if one is None or one.order or one.state != "pending" or not counts(money_left(bought)):
            return
        one.order, one.left = bought.body["id"], money_left(bought)
        one.available_at = self.now + self.settles
        rewarded = [
            other
            for other in self.brought.values()
            if other.advocate is one.advocate and other.state == "qualified"
        ]
        if len(rewarded) >= self.brings:
            one.state = "flagged"
        else:
            self.qualify(one)

    def qualify(self, one):
        one.state = "qualified"
        for side, person in (("advocate", one.advocate), ("referee", one.referee)):
            points = PRIZES[side]["points"]
            lot = person.add_lot(points, one.available_at, self.lives(), self.now)
            one.sides.append(Side(person, lot))
        starts = one.available_at if one.available_at > self.now else None
        life = max(one.available_at, self.now) + LIFE - self.now
        one.voucher = self.issue("amount", 1, name=one.referee.name, starts=starts, life=life)

    def decide_referral(self, one, decision):
        if one.decision == decision:
            return None
        if one.state != "flagged":
            return "referral_not_flagged"
        one.decision = decision
        if decision == "reject":
            one.state = "rejected"
        elif counts(one.left):
            self.qualify(one)
        else:
            one.state = "voided"
        return None

    def referrals_follow(self, order_id):
        """Rewards are there while their order counts, and are taken back while it does not."""
        bought = self.orders.get(order_id)
        for one in self.brought.values():
            if bought is None or one.order != order_id:
                continue
            one.left = money_left(bought)
            if one.state == "qualified" and not counts(one.left):
                self.take_back(one)
            elif one.state == "voided" and counts(one.left):
                self.give_back(one)

    def take_back(self, one):
        one.state = "voided"
        for side, prize in zip(one.sides, PRIZES.values(), strict=True):
            side.took = self.claw_back(side, prize["points"] - side.lot.expired)
        if not one.voucher.revoked:
            one.taken = one.voucher.revoke()

    def give_back(self, one):
        if not one.sides:
            self.qualify(one)
            return
        one.state = "qualified"
        for side in one.sides:
            units = sum(n for _, n in side.took["parts"]) + side.took["owed"]
            took = {**side.took, "moves": side.person.moves}
            touched = self.give_back_where_it_was(side.person, side, took, units)
            self.ripen_all(side.person, touched)
        if one.taken is not None:
            one.voucher.revoked = False
            one.voucher.lot.left += one.taken
            one.voucher.account.ripen(one.voucher.lot, self.now)
            one.taken = None


def weighed(used, this, limit, above):
    remaining = max(0, limit - used)
    return used, this, remaining, "within" if this <= remaining else above


def counts(left):
    return left >= MIN_ORDER


def money_left(bought):
    """What is left of an order that was paid with money."""
    if bought.cancel or not bought.total:
        return 0
    paid = max(0, bought.total - bought.paid_with_points)
    return paid * (bought.total - bought.refunded) // bought.total
