"""Vouchers, rewards, gestures and referrals against a model of them, whatever a shop does.

`HYPOTHESIS_PROFILE=long` plays for as long as a night allows.
"""

import uuid
from datetime import timedelta

import hypothesis
from hypothesis import HealthCheck, Phase
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from loyalty.foundation import clock, db
from loyalty.foundation.call import Call
from loyalty.points import settling
from loyalty.recovery.service import deciding
from tests.model import plain_vouchers as plain
from tests.model.test_state_machine import LONG, REDEMPTION, RULES, by_time
from tests.recovery.given import cap
from tests.support.money import NOON, Refused, new_order, open_shop, part

SETTINGS = hypothesis.settings(
    max_examples=1_500 if LONG else 25,
    stateful_step_count=70 if LONG else 40,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=[phase for phase in Phase if LONG or phase is not Phase.explain],
)
HOURS = "PT96H"  # to the hour, not the day
OFF = {"kind": "amount", "amount": 500, "expires_after": HOURS}
REWARDS = [
    {"id": "five", "name": "5 off", "cost": 60, "voucher": OFF},
    {
        "id": "card",
        "name": "A card",
        "cost": 150,
        "voucher": {"kind": "stored_value", "amount": 200, "expires_after": HOURS},
    },
]
RECOVERY = {
    "reasons": [{"code": "late", "name": "Late delivery"}],
    "approval_expires_after": "PT24H",
    "goodwill_expires_after": HOURS,
    "caps": [
        cap("often", "member", "count", plain.OFTEN, window="P4D"),
        cap("much", "agent", "value", plain.MUCH, "approve", window="P3D"),
        cap("all", "program", "value", plain.ALL, window="day"),
    ],
}
NO_GUESSING = {f"guesses_per_{whom}": 1_000_000 for whom in ("client", "key", "program")}
EVER = ("ann", "bob")  # members from the start, whose codes are passed on
PEOPLE = (*EVER, "cem", "dan", "eve")
LATER = ("later1", "later2")

members = st.sampled_from(PEOPLE)
buyers = st.sampled_from([*PEOPLE * 2, None])
amounts = st.sampled_from([5_000, 1_000, 20_000, 12_345, 999, 250, 0])
parts = st.sampled_from([50, 100, 30, 10, 75, 3])
several = st.sampled_from([100, 37, 200, 350, 1])
minutes = st.sampled_from([30, 10, 6_000])
waits = st.sampled_from([timedelta(minutes=20), *(timedelta(days=n) for n in (1, 2, 3))])
which = st.integers(0, 30)
gestures = st.tuples(
    st.sampled_from([*EVER * 3, "cem"]),
    st.sampled_from(["kim", "kim", "max"]),
    st.sampled_from(["points", "voucher", "stored_value", "fee_waiver"]),
    several,
)
voucher_terms = st.fixed_dictionaries(
    {
        "kind": st.sampled_from(["amount", "stored_value"]),
        "uses": st.sampled_from([1, 2, 3]),
        "units": several,
        "per_member": st.sampled_from([None, None, 1]),
        "member": st.sampled_from([None, None, *EVER]),
        "starts": st.sampled_from([None, None, None, timedelta(days=1)]),
        "ends": st.sampled_from([None, timedelta(hours=72)]),
    }
)


def played_on(app):  # noqa: C901 - a class, made here for its app
    """Return the machine that plays on this application."""

    class Machine(RuleBasedStateMachine):
        @initialize(
            settles=st.sampled_from([0, 2]),
            life=st.sampled_from([None, 6]),
            forgives=st.booleans(),
            stacking=st.sampled_from(["one", "one_per_class", "any"]),
            brings=st.sampled_from([1, 2]),
        )
        def open(self, settles, life, forgives, stacking, brings):
            earning = {
                "settles_after": f"P{settles}D" if settles else "PT0S",
                "on_shortfall": "forgive" if forgives else "debt",
            }
            if life is not None:
                earning["expires_after"] = f"PT{life * 24}H"
            referee = {**plain.PRIZES["referee"], "voucher": OFF}
            sections = {
                "vouchers": {"stacking": stacking, **NO_GUESSING},
                "rewards": REWARDS,
                "recovery": RECOVERY,
                "referrals": {
                    "min_order": plain.MIN_ORDER,
                    "advocate": plain.PRIZES["advocate"],
                    "referee": referee,
                    "limit": {"count": brings},
                },
            }
            self.shop = open_shop(
                app, *RULES, earning=earning, redemption=REDEMPTION, sections=sections
            )
            self.plain = plain.Shop(
                NOON,
                stacking=stacking,
                brings=brings,
                settles_days=settles,
                life_days=life,
                forgives=forgives,
            )
            self.count, self.referral_codes, self.answers = 0, {}, []
            for name in EVER:
                self.referral_codes[name] = self.shop.enrol(name)["referral_code"]
                self.plain.enrol(name)
                self.shop.adjust(name, 800)
                self.plain.adjust(name, 800)
            self.issue_one(kind="amount")
            self.issue_one(kind="amount", uses=3, ends=timedelta(hours=72))
            self.issue_one(kind="stored_value", units=350)

        def id(self, prefix):
            self.count += 1
            return f"{prefix}{self.count}"

        def post(self, refusal, path, body):
            """Compare the service's answer with the model's refusal; return either."""
            once = uuid.uuid4().hex
            try:
                answer, code = self.shop.call("POST", path, body, once=once), None
                self.answers.append((path, body, once, answer))
            except Refused as refused:
                answer, code = refused.problem, refused.code
            assert code == refusal, (path, body, answer)
            return answer

        def pick(self, things, number, aim=None):
            """Choose one; mostly, by its number, of those that something can be done with."""
            things = list(things)
            if aim is not None and number % 5:
                things = [thing for thing in things if aim(thing)] or things
            return things[number % len(things)]

        def pick_voucher(self, number):
            return self.pick(self.plain.vouchers, number, lambda one: one.account.available)

        def pick_hold(self, number):
            return self.pick(
                self.plain.held, number, lambda id: self.plain.held[id].state == "held"
            )

        def pick_order(self, number):
            """Choose an order, mostly one that something was redeemed on or rewarded for."""
            known = {hold.order for hold in self.plain.held.values()}
            known |= {one.order for one in self.plain.brought.values()}
            return self.pick(self.plain.orders, number, known.__contains__)

        def find_new_vouchers(self):
            """Learn the codes of vouchers that came by themselves, with a referral."""
            new = {
                voucher.bound.name: voucher for voucher in self.plain.vouchers if not voucher.code
            }
            if new:
                for found in self.shop.call("GET", "/v1/vouchers?limit=100")["data"]:
                    if found["source"]["type"] == "referral" and found["member"] in new:
                        new[found["member"]].code = found["code"]
            assert all(voucher.code for voucher in self.plain.vouchers)

        # Vouchers.

        @rule(terms=voucher_terms)
        def issue(self, terms):
            self.issue_one(**terms)

        def issue_one(self, *, kind, uses=1, units=500, per_member=None, **when):
            starts, ends, member = (when.get(name) for name in ("starts", "ends", "member"))
            begins = starts and self.plain.now + starts
            body = {"kind": kind, "class": "promotional", "amount": 500, "member": member}
            body["starts_at"] = begins and begins.isoformat().replace("+00:00", "Z")
            body["expires_after"] = ends and f"PT{int(ends.total_seconds()) // 3600}H"
            if kind == "stored_value":
                body["amount"], per_member = units, None
            else:
                units, body["uses"], body["uses_per_member"] = uses, uses, per_member
            body = {name: it for name, it in body.items() if it is not None}
            answer = self.post(None, "/v1/vouchers", body)
            self.plain.issue(
                kind, units, name=member, starts=begins, life=ends, per_member=per_member
            ).code = answer["code"]

        @rule(number=which, member=buyers, part=st.none() | parts, minutes=minutes)
        def reserve_a_voucher(self, number, member, part, minutes):
            voucher = self.pick_voucher(number)
            if voucher.bound and number % 3:
                member = voucher.bound.name
            self.hold_a_voucher(voucher, member, part, minutes)

        def hold_a_voucher(self, voucher, member, part=None, minutes=30):
            """Reserve a voucher; return the reservation, None if it was refused."""
            amount = None
            if voucher.kind == "stored_value" and part is not None:
                amount = max(1, voucher.units * part // 100)
            order = {"currency": "EUR", "total": 100_000}
            body = {"voucher": voucher.code, "order": order, "expires_in": f"PT{minutes}M"}
            body |= {"member": member} if member else {}
            body |= {"amount": amount} if amount else {}
            refusal, units = self.plain.present(voucher, member, amount)
            answer = self.post(refusal, "/v1/reservations", body)
            if refusal:
                return None
            until = self.plain.now + timedelta(minutes=minutes)
            self.plain.keep(answer["id"], voucher, member, units, until)
            return answer["id"]

        @precondition(lambda self: self.count > 5)
        @rule(number=which)
        def revoke_a_voucher(self, number):
            voucher = self.pick(self.plain.vouchers, number)
            self.shop.call("POST", f"/v1/vouchers/{voucher.code}/revoke")
            voucher.revoke()

        # Points, reservations and rewards.

        @rule(member=members, points=st.sampled_from([30, 7, 120]), minutes=minutes)
        def reserve_points(self, member, points, minutes):
            self.hold_points(member, points, minutes)

        def hold_points(self, member, points, minutes):
            order = {"currency": "EUR", "total": 100_000}
            body = {"member": member, "points": points, "order": order}
            body["expires_in"] = f"PT{minutes}M"
            until = self.plain.now + timedelta(minutes=minutes)
            refusal = self.plain.reserve("new", member, points, until)
            answer = self.post(refusal, "/v1/reservations", body)
            if refusal is None:
                self.plain.held[answer["id"]] = self.plain.held.pop("new")

        @precondition(lambda self: self.plain.held)
        @rule(number=which, order=st.none() | st.sampled_from(LATER), of=which, part=parts)
        def capture(self, number, order, of, part):
            id = self.pick_hold(number)
            hold, recorded = self.plain.held[id], list(self.plain.orders)
            if order is None:
                order = self.pick(recorded, of) if recorded else LATER[0]
            body = {"order_id": order}
            units = max(1, hold.units * part // 90)
            if hold.voucher is None:
                body["points"] = units
            elif hold.voucher.kind == "stored_value":
                body["amount"] = units
            else:
                units = None
            refusal = self.plain.capture(id, order, units)
            self.post(refusal, f"/v1/reservations/{id}/capture", body)

        @precondition(lambda self: self.plain.held)
        @rule(number=which)
        def void(self, number):
            id = self.pick_hold(number)
            self.post(self.plain.void(id), f"/v1/reservations/{id}/void", {})

        @rule(member=members, reward=st.sampled_from(["five", "card"]))
        def redeem_a_reward(self, member, reward):
            refusal, voucher = self.plain.redeem(reward, member)
            answer = self.post(refusal, f"/v1/rewards/{reward}/redeem", {"member": member})
            if voucher:
                voucher.code = answer["voucher"]["code"]

        # Orders.

        @rule(
            id=st.sampled_from([None, None, *LATER]),
            member=buyers,
            total=amounts,
            paid=st.lists(which, max_size=3),
            code=st.sampled_from([None, *EVER]),
        )
        def order(self, id, member, total, paid, code):
            named = list(dict.fromkeys(map(self.pick_hold, paid))) if self.plain.held else []
            owners = [self.plain.held[held].owner for held in named if self.plain.held[held].owner]
            if owners and total % 2 == 0:
                member = owners[0].name
            self.record(id or self.id("o"), member, total, named, code)

        @rule(member=members, total=amounts, numbers=st.lists(which, min_size=1, max_size=2))
        def check_out_with_vouchers(self, member, total, numbers):
            self.check_out(member, total, list(map(self.pick_voucher, numbers)))

        def check_out(self, member, total, vouchers):
            member = next((one.bound.name for one in vouchers if one.bound), member)
            held = [self.hold_a_voucher(voucher, member) for voucher in vouchers]
            self.record(self.id("o"), member, total, [id for id in held if id], None)

        @precondition(lambda self: self.plain.orders)
        @rule(number=which, wait=st.none() | waits, total=amounts, member=members)
        def spend_what_a_cancel_gave_back_and_reopen(self, number, wait, total, member):
            id = self.pick_order(number)
            self.turn("cancel", id)
            if wait:
                self.let_time_pass(wait)
            back = [one.voucher for one in self.plain.held.values() if one.order == id]
            self.check_out(member, total, [voucher for voucher in back if voucher])
            self.turn("reopen", id)

        @rule(member=members, total=amounts, code=st.sampled_from(EVER))
        def order_on_a_recommendation(self, member, total, code):
            self.record(self.id("o"), member, total, [], code)

        def record(self, id, member, total, paid, code):
            body = new_order(id, member, total, lines=[], tax=0, reservations=paid)
            if code:
                body["referral_code"] = self.referral_codes[code]
            self.post(self.plain.order(body, code), "/v1/orders", body)
            self.find_new_vouchers()

        @precondition(lambda self: self.plain.orders)
        @rule(number=which, part=parts)
        def refund(self, number, part):
            id = self.pick_order(number)
            bought = self.plain.orders[id]
            amount = max(1, (bought.total - bought.refunded) * part // 100)
            body = {"id": self.id("r"), "amount": amount}
            self.post(self.plain.refund(id, body), f"/v1/orders/{id}/refunds", body)
            self.find_new_vouchers()

        @precondition(lambda self: self.plain.orders)
        @rule(number=which)
        def cancel(self, number):
            self.turn("cancel", self.pick_order(number))

        @precondition(lambda self: self.plain.orders)
        @rule(number=which)
        def reopen(self, number):
            orders = self.plain.orders
            self.turn("reopen", self.pick(orders, number, lambda id: orders[id].cancel))

        def turn(self, verb, id):
            refusal = getattr(self.plain, verb)(id)
            self.post(refusal, f"/v1/orders/{id}/{verb}", {})
            self.find_new_vouchers()

        # Gestures.

        @rule(given=st.lists(gestures, min_size=1, max_size=3))
        def give(self, given):
            for gesture in given:
                self.give_one(*gesture)

        def give_one(self, member, agent, kind, value):
            refusal, caps, gesture = self.plain.give(member, agent, kind, value)
            given = {"kind": kind, "points" if kind == "points" else "amount": value}
            body = {"member": member, "reason": "late", "give": given, "agent": agent}
            answer = self.post(refusal, "/v1/gestures", body)
            if caps:
                names = ("used", "this", "remaining", "verdict")
                found = {one["id"]: tuple(one[name] for name in names) for one in answer["caps"]}
                assert found == caps
            if gesture:
                self.plain.given[answer["id"]] = gesture
                self.learn(gesture, answer)

        def learn(self, gesture, answer):
            if gesture.voucher:
                gesture.voucher.code = answer["voucher"]["code"]

        @precondition(lambda self: self.plain.given)
        @rule(
            number=which,
            verb=st.sampled_from(["approve", "approve", "reject", "withdraw"]),
            agent=st.sampled_from(["lee", "lee", "kim"]),
        )
        def decide(self, number, verb, agent):
            given, now = self.plain.given, self.plain.now
            id = self.pick(given, number, lambda id: given[id].stands(now) == "pending_approval")
            gesture = self.plain.given[id]
            refusal = self.plain.decide(gesture, verb, agent)
            answer = self.post(refusal, f"/v1/gestures/{id}/{verb}", {"agent": agent})
            if refusal is None:
                self.learn(gesture, answer)

        @precondition(lambda self: self.plain.given)
        @rule(number=which)
        def revoke_a_gesture(self, number):
            given = self.plain.given
            id = self.pick(given, number, lambda id: given[id].state == "issued")
            refusal = self.plain.revoke_gesture(self.plain.given[id])
            self.post(refusal, f"/v1/gestures/{id}/revoke", {"agent": "lee"})

        # Referrals.

        @rule(advocate=st.sampled_from(EVER), member=members)
        def refer(self, advocate, member):
            body = {"code": self.referral_codes[advocate], "referee": {"external_id": member}}
            self.post(self.plain.refer(advocate, member), "/v1/referrals", body)

        @precondition(lambda self: self.plain.brought)
        @rule(number=which, decision=st.sampled_from(["approve", "approve", "reject"]))
        def decide_a_referral(self, number, decision):
            brought = self.plain.brought.values()
            one = self.pick(brought, number, lambda one: one.state == "flagged")
            listed = self.shop.call("GET", f"/v1/referrals?referee={part(one.referee.name)}")
            [found] = listed["data"]
            refusal = self.plain.decide_referral(one, decision)
            self.post(refusal, f"/v1/referrals/{found['id']}/{decision}", {})
            self.find_new_vouchers()

        # Time, and calls that come twice.

        @rule(wait=waits)
        def let_time_pass(self, wait):
            self.plain.set_clock(self.plain.now + wait)
            self.shop.set_clock(self.plain.now)

        @rule()
        def sweep(self):
            call = Call(self.shop.program_id, "worker", None, clock.system_now())
            with db.transaction():
                settling.settle_due_accounts(call, limit=100)
            with db.transaction():
                deciding.expire_undecided(call)

        @precondition(lambda self: self.answers)
        @rule(number=which)
        def repeat_an_earlier_call(self, number):
            path, body, once, answer = self.pick(self.answers, number)
            assert self.shop.call("POST", path, body, once=once) == answer

        @invariant()
        def the_members_agree(self):
            for name, person in self.plain.people.items():
                found = self.shop.balance(name)
                assert {k: n for k, n in found["points"].items() if n} == person.buckets(), name
                ending, arriving = person.times()
                assert by_time(found["expiring"], "expires_at") == ending
                assert by_time(found["arriving"], "available_at") == arriving

        @invariant()
        def the_vouchers_agree(self):
            now = self.plain.now
            found = {
                one["code"]: (one["state"], *one["remaining"].values(), one["member"])
                for one in self.shop.call("GET", "/v1/vouchers?limit=100")["data"]
            }
            assert found == {
                one.code: (one.state(now), one.left(now), one.bound and one.bound.name)
                for one in self.plain.vouchers
            }

        @invariant()
        def gestures_and_referrals_agree(self):
            now = self.plain.now
            if self.plain.given:
                found = self.shop.call("GET", "/v1/gestures?limit=100")["data"]
                expected = {id: one.stands(now) for id, one in self.plain.given.items()}
                assert {one["id"]: one["state"] for one in found} == expected
            if self.plain.brought:
                names = ("advocate", "state", "order_id")
                found = self.shop.call("GET", "/v1/referrals?limit=100")["data"]
                assert {one["referee"]: tuple(one[name] for name in names) for one in found} == {
                    name: (one.advocate.name, one.shown(now), one.order)
                    for name, one in self.plain.brought.items()
                }

        def teardown(self):
            if not hasattr(self, "plain"):
                return
            for id, bought in self.plain.orders.items():
                found = self.shop.get_order(id)
                kept = bought.granted - bought.clawed - bought.forgiven
                assert (found["refunded"], found["points"]["kept"]) == (bought.refunded, kept)
                paid = found["paid_with_points"] + found["paid_with_stored_value"]
                assert paid == bought.paid_with_points
            for id, hold in self.plain.held.items():
                assert self.shop.reservation(id)["state"] == hold.state
            self.shop.verify()

    return Machine


def test_vouchers_gestures_and_referrals_agree_with_the_model_whatever_a_shop_does(app):
    run_state_machine_as_test(played_on(app), settings=SETTINGS)
