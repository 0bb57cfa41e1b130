"""The service against a model of it: whatever a shop does, in whatever order, both agree.

`HYPOTHESIS_PROFILE=long` plays for as long as a night allows.
"""

import os
import uuid
from datetime import datetime, timedelta

import hypothesis
from hypothesis import HealthCheck, Phase
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    precondition,
    rule,
    run_state_machine_as_test,
)

from loyalty.foundation import clock, db
from loyalty.foundation.call import Call
from loyalty.points import settling
from tests.model.plain import EVERY_THIRD, FIRST, LARGE, Service
from tests.support.money import BASE, NOON, Refused, new_order, open_shop

LONG = os.environ.get("HYPOTHESIS_PROFILE") == "long"
SETTINGS = hypothesis.settings(
    max_examples=1_500 if LONG else 40,
    stateful_step_count=70 if LONG else 40,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=[phase for phase in Phase if LONG or phase is not Phase.explain],
)
RULES = (
    BASE,
    {"id": "first", "kind": "first_order", "points": FIRST},
    {"id": "third", "kind": "repeat_purchase", "every": 3, "points": EVERY_THIRD},
    {
        "id": "large",
        "kind": "large_order",
        "thresholds": [{"from": size, "points": points} for size, points in LARGE],
    },
)
PEOPLE = ("ann", "bob", "cem")

people = st.sampled_from(PEOPLE)
buyers = st.sampled_from([*PEOPLE * 4, None])
amounts = st.sampled_from([250, 4_999, 5_000, 12_345, 20_000, 40_000, 999, 99, 1, 0])
points = st.sampled_from([30, 7, 60, 111, 2, 1])
parts = st.sampled_from([50, 100, 30, 10, 75, 99, 3, 0])
waits = st.sampled_from([timedelta(minutes=20), *(timedelta(days=n) for n in (1, 2, 3, 5, 9))])
lines = st.lists(amounts, max_size=3)


def played_on(app):  # noqa: C901 - a class, made here for its app
    """Return the machine that plays on this application."""

    class Machine(RuleBasedStateMachine):
        orders = Bundle("orders")
        refunds = Bundle("refunds")
        held = Bundle("held")

        @initialize(
            settles=st.sampled_from([0, 2]),
            life=st.sampled_from([None, 6]),
            forgives=st.booleans(),
        )
        def open(self, settles, life, forgives):
            earning = {
                "settles_after": f"P{settles}D" if settles else "PT0S",
                "on_shortfall": "forgive" if forgives else "debt",
            }
            if life is not None:
                earning["expires_after"] = f"PT{life * 24}H"  # to the hour, not the day
            self.shop = open_shop(app, *RULES, earning=earning, redemption=REDEMPTION)
            self.plain = Service(NOON, settles_days=settles, life_days=life, forgives=forgives)
            self.answers, self.count = [], 0
            for name, points in (("ann", 300), ("bob", 100)):
                self.shop.enrol(name)
                self.plain.enrol(name)
                self.adjust(name, points, 1)

        def id(self, prefix):
            self.count += 1
            return f"{prefix}{self.count}"

        def both(self, refusal, call, *args, **more):
            """Compare the service's answer with the model's refusal, None where it took it."""
            try:
                answer, code = call(*args, **more), None
            except Refused as refused:
                answer, code = None, refused.code
            assert code == refusal, (call.__name__, args, more)
            if answer is not None and call.__name__ in REPEATABLE:
                self.answers.append((call, args, more, answer))
            return answer

        @rule(
            target=orders,
            member=buyers,
            total=amounts,
            tax=parts,
            lines=lines,
            paid=st.lists(held, max_size=2),
        )
        def order(self, member, total, tax, lines, paid):
            body = self.body(self.id("o"), member, total, tax=tax, lines=lines, paid=paid)
            refusal = self.plain.order(body)
            self.both(refusal, self.shop.order, **body)
            return multiple() if refusal else body["id"]

        def body(self, id, member, total, *, tax=0, lines=(), paid=()):
            body = new_order(id, member, total, tax=total * tax // 200, reservations=[*paid])
            body["lines"] = [{"id": str(n), "amount": amount} for n, amount in enumerate(lines)]
            return body

        @rule(
            target=orders,
            told=st.lists(
                st.tuples(people, amounts, st.lists(held, max_size=1)), min_size=1, max_size=4
            ),
            again=st.lists(orders, max_size=1),
            twice=st.booleans(),
        )
        def batch(self, told, again, twice):
            bodies = [
                self.body(self.id("o"), member, total, paid=paid) for member, total, paid in told
            ]
            bodies += [self.plain.orders[id].body for id in again] + bodies[:1] * twice
            bodies += [{**self.plain.orders[id].body, "total": 77_777} for id in again]
            expected = [self.plain.order(body) for body in bodies]
            results = self.shop.batch(*bodies)
            assert [result.get("problem", {}).get("code") for result in results] == expected
            known = [body["id"] for body in bodies[: len(told)]]
            return multiple(*(id for id in known if id in self.plain.orders))

        @rule(target=refunds, order=orders, part=parts, by_line=st.lists(parts, max_size=3))
        def refund(self, order, part, by_line):
            bought = self.plain.orders[order]
            left = bought.total - bought.refunded
            amount = max(1, left * part // 100)
            if bought.cancel:
                amount = 1
            told, rest = [], amount
            for line, share in zip(bought.body["lines"], by_line, strict=False):
                back = line["amount"] - bought.refunded_on(line["id"])
                back = min(rest, back * share // 100)
                told.append({"id": line["id"], "amount": back})
                rest -= back
            body = {"id": self.id("r"), "amount": amount, "lines": told}
            refusal = self.plain.refund(order, body)
            self.both(refusal, self.shop.refund, order, **body)
            return multiple() if refusal else (order, body["id"])

        @rule(order=orders, more=st.integers(1, 1_000))
        def refund_too_much(self, order, more):
            bought = self.plain.orders[order]
            body = {"id": self.id("r"), "amount": bought.total - bought.refunded + more}
            self.both(self.plain.refund(order, body), self.shop.refund, order, **body)

        @rule(refund=refunds)
        def refund_another_amount_under_the_same_id(self, refund):
            order, id = refund
            body = {**self.plain.orders[order].refunds[id], "amount": 123_456}
            self.both(self.plain.refund(order, body), self.shop.refund, order, **body)

        @rule(order=orders)
        def cancel(self, order):
            self.both(self.plain.cancel(order), self.shop.cancel, order)

        @rule(order=orders)
        def reopen(self, order):
            self.both(self.plain.reopen(order), self.shop.reopen, order)

        @rule(target=held, member=people, points=points, minutes=st.sampled_from([10, 30, 6_000]))
        def reserve(self, member, points, minutes):
            until = self.plain.now + timedelta(minutes=minutes)
            once = uuid.uuid4().hex
            more = {"once": once, "expires_in": f"PT{minutes}M"}
            before = self.plain.find(member)
            if before is None or points > before.available:
                refusal = self.plain.reserve(None, member, points, until)
                self.both(refusal, self.shop.reserve, member, points, **more)
                return multiple()
            answer = self.both(None, self.shop.reserve, member, points, **more)
            self.plain.reserve(answer["id"], member, points, until)
            return answer["id"]

        def reserve_some(self, member, part):
            """Reserve a part of what there is, in percent; None if there is nothing."""
            person = self.plain.find(member)
            points = person.available * part // 100 if person else 0
            if not points:
                return None
            answer = self.shop.reserve(member, points)
            until = self.plain.now + timedelta(minutes=30)
            assert self.plain.reserve(answer["id"], member, points, until) is None
            return answer["id"]

        @rule(target=orders, member=people, total=amounts, part=parts)
        def check_out(self, member, total, part):
            held = self.reserve_some(member, part)
            body = self.body(self.id("o"), member, total, paid=[held] if held else [])
            self.both(self.plain.order(body), self.shop.order, **body)
            return body["id"]

        @rule(member=people, part=parts)
        def spend_elsewhere(self, member, part):
            if held := self.reserve_some(member, part):
                self.both(self.plain.capture(held, "other", None), self.shop.capture, held, "other")

        @rule(order=orders, part=parts)
        def pay_an_order_with_points_afterwards(self, order, part):
            person = self.plain.orders[order].person
            held = person and self.reserve_some(person.name, part)
            if held:
                refusal = self.plain.capture(held, order, None)
                self.both(refusal, self.shop.capture, held, order)

        @rule(id=held, order=orders | st.sampled_from(["later1", "later2"]), part=parts)
        def capture(self, id, order, part):
            units = self.plain.held[id].units
            count = None if part > 60 else max(1, units * part // 50)
            refusal = self.plain.capture(id, order, count)
            self.both(refusal, self.shop.capture, id, order, count)

        @rule(target=orders, id=st.sampled_from(["later1", "later2"]), total=amounts, member=people)
        def order_what_points_have_paid_for(self, id, total, member):
            if id in self.plain.orders:
                return multiple()
            body = self.body(id, member, total)
            self.both(self.plain.order(body), self.shop.order, **body)
            return id

        @rule(id=held)
        def void(self, id):
            self.both(self.plain.void(id), self.shop.void, id)

        @rule(member=people, points=points, sign=st.sampled_from([1, 1, -1]))
        def adjust(self, member, points, sign):
            refusal = self.plain.adjust(member, sign * points)
            self.both(refusal, self.shop.adjust, member, sign * points, once=uuid.uuid4().hex)

        @rule(member=people, to=people, points=points)
        def transfer(self, member, to, points):
            refusal = self.plain.transfer(member, to, points)
            self.both(refusal, self.shop.transfer, member, to, points, once=uuid.uuid4().hex)

        @precondition(lambda self: self.count > 12)
        @rule(member=people, into=people)
        def merge(self, member, into):
            self.both(self.plain.merge(member, into), self.shop.merge, member, into)

        @rule(wait=waits)
        def let_time_pass(self, wait):
            self.plain.set_clock(self.plain.now + wait)
            self.shop.set_clock(self.plain.now)

        @rule()
        def sweep(self):
            call = Call(self.shop.program_id, "worker", None, clock.system_now())
            with db.transaction():
                settling.settle_due_accounts(call, limit=100)

        @precondition(lambda self: self.answers)
        @rule(data=st.data())
        def repeat_an_earlier_call(self, data):
            call, args, more, answer = data.draw(st.sampled_from(self.answers))
            again = call(*args, **more)
            same = set(answer) - CHANGING
            if call.__name__ == "reserve":
                same = set(answer)  # by its key, the first answer to the letter
            assert {name: again[name] for name in same} == {name: answer[name] for name in same}

        @invariant()
        def the_members_agree(self):
            for name in PEOPLE:
                person = self.plain.find(name)
                if person is None:
                    continue
                found = self.shop.balance(name)
                assert {k: n for k, n in found["points"].items() if n} == person.buckets(), name
                ending, arriving = person.times()
                assert by_time(found["expiring"], "expires_at") == ending
                assert by_time(found["arriving"], "available_at") == arriving

        def teardown(self):
            if not hasattr(self, "plain"):
                return
            for id, bought in self.plain.orders.items():
                found = self.shop.get_order(id)
                kept = bought.granted - bought.clawed - bought.forgiven
                assert (found["refunded"], found["points"]["kept"]) == (bought.refunded, kept)
            for name, person in self.plain.people.items():
                stats = self.shop.call("GET", f"/v1/members/{name}")["stats"]
                assert (stats["orders"], stats["spend"]) == (person.orders, person.spend)
            self.shop.verify()

    return Machine


REDEMPTION = {"points_per": {"points": 1, "amount": 1}, "min_points": 1}
CHANGING = {"order", "member", "state", "refunded", "points", "paid_with_points"}
REPEATABLE = {"order", "refund", "reserve", "capture", "adjust", "transfer"}


def by_time(rows, name):
    return {datetime.fromisoformat(row[name]): row["points"] for row in rows}


def test_a_shop_that_does_anything_in_any_order_agrees_with_the_model(app):
    run_state_machine_as_test(played_on(app), settings=SETTINGS)
