"""A shop's server as tests play it: a test program of its own, a key, and the calls it makes."""

import json
import uuid
from contextvars import Context
from datetime import UTC, datetime
from urllib.parse import quote

from sqlalchemy import select

from loyalty.foundation import clock, db
from loyalty.ledger import verify as proof
from loyalty.ledger.models import Account
from loyalty.members.models import Member
from loyalty.programs import service as programs
from tests.support import make

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
BASE = {"id": "base", "kind": "per_spend", "points": 1, "per": 100}
AT_PAR = {"points_per": {"points": 1, "amount": 1}, "min_points": 1}  # a point is worth a cent


class Refused(Exception):
    """The service answered 4xx; `code` and `problem` say why."""

    def __init__(self, status, problem):
        super().__init__(f"{status} {problem['code']}: {problem['detail']}")
        self.status, self.code, self.problem = status, problem["code"], problem


def document(*rules, earning=None, redemption=AT_PAR, tiers=(), sections=None, **program):
    """A program document: one point per whole euro, at once, for ever, unless told otherwise.

    `sections` are further ones, such as `recovery`, as they stand in a document.
    """
    parts = {} if redemption is None else {"redemption": redemption}
    whole = make.plain(
        program={"timezone": "UTC", **program},
        earning={"rules": list(rules or (BASE,)), **(earning or {})},
        tiers=list(tiers),
    )
    del whole["redemption"]
    return {**whole, **parts, **(sections or {})}


def open_shop(app, *rules, now=NOON, **terms):
    """Make a program and a key for it, and set its clock if it has one."""

    whole = document(*rules, **terms)

    def opened():
        with app.app_context():
            with db.transaction():
                programs.create_program(document=whole, actor="test", now=clock.system_now())
            with db.reading():
                program = programs.get_program(whole["program"]["slug"])
            return Shop(app, program.id, make.key(program))

    shop = Context().run(opened)
    if now is not None:
        shop.set_clock(now)
    return shop


class Shop:
    """Calls raise `Refused` for 4xx, fail for anything else that is no success, and return JSON."""

    def __init__(self, app, program_id, key):
        self.app, self.program_id, self.key = app, program_id, key

    def send(self, method, path, body=None, *, once=None):
        """Send a request as it is and return the whole response."""
        headers = {"Authorization": f"Bearer {self.key}"}
        if once is not None:
            headers["Idempotency-Key"] = once
        data = None if body is None else json.dumps(body)
        return self.app.test_client().open(
            path, method=method, data=data, headers=headers, content_type="application/json"
        )

    def call(self, method, path, body=None, *, once=None):
        response = self.send(method, path, body, once=once)
        if 400 <= response.status_code < 500:
            raise Refused(response.status_code, response.json)
        assert response.status_code < 300, (method, path, body, response.get_data(as_text=True))
        return response.json

    def set_clock(self, now):
        return self.call("PUT", "/v1/test_clock", {"now": instant(now)})

    def enrol(self, member, **profile):
        return self.call("PUT", f"/v1/members/{part(member)}", profile)

    def merge(self, member, into):
        return self.call("POST", f"/v1/members/{part(member)}/merge", {"into": into})

    def order(self, id, member, total, **more):
        return self.call("POST", "/v1/orders", new_order(id, member, total, **more))

    def preview(self, id, member, total, **more):
        return self.call("POST", "/v1/orders/preview", new_order(id, member, total, **more))

    def batch(self, *orders):
        return self.call("POST", "/v1/orders/batch", {"orders": list(orders)})["results"]

    def get_order(self, id):
        return self.call("GET", f"/v1/orders/{part(id)}")

    def refund(self, order, id, amount, **more):
        body = {"id": id, "amount": amount, **more}
        return self.call("POST", f"/v1/orders/{part(order)}/refunds", body)

    def cancel(self, order):
        return self.call("POST", f"/v1/orders/{part(order)}/cancel")

    def reopen(self, order):
        return self.call("POST", f"/v1/orders/{part(order)}/reopen")

    def action(self, id, member, type, **more):
        return self.call("POST", "/v1/actions", {"id": id, "member": member, "type": type, **more})

    def reserve(self, member, points, *, total=100_000_000, once=None, order=None, **more):
        body = {
            "member": member,
            "points": points,
            "order": {"currency": "EUR", "total": total, **({"id": order} if order else {})},
            **more,
        }
        return self.call("POST", "/v1/reservations", body, once=once or uuid.uuid4().hex)

    def capture(self, reservation, order, points=None, **headers):
        body = {"order_id": order} if points is None else {"order_id": order, "points": points}
        return self.call("POST", f"/v1/reservations/{reservation}/capture", body, **headers)

    def void(self, reservation):
        return self.call("POST", f"/v1/reservations/{reservation}/void")

    def reservation(self, reservation):
        return self.call("GET", f"/v1/reservations/{reservation}")

    def adjust(self, member, points, *, once=None):
        path = f"/v1/members/{part(member)}/adjustments"
        body = {"points": points, "reason": "a test"}
        return self.call("POST", path, body, once=once or uuid.uuid4().hex)

    def give(self, member, points):
        """Let somebody have points, whether or not they are a member yet."""
        self.enrol(member)
        return self.adjust(member, points)

    def transfer(self, member, to, points, *, once=None):
        path = f"/v1/members/{part(member)}/transfers"
        return self.call("POST", path, {"to": to, "points": points}, once=once or uuid.uuid4().hex)

    def balance(self, member, as_of=None):
        """The whole balance."""
        query = f"?as_of={instant(as_of)}" if as_of else ""
        return self.call("GET", f"/v1/members/{part(member)}/balance{query}")

    def points(self, member, as_of=None):
        """The four buckets, those that are not empty."""
        found = self.balance(member, as_of)["points"]
        return {name: points for name, points in found.items() if points}

    def entries(self, member):
        """All entries, the oldest first."""
        path, found = f"/v1/members/{part(member)}/entries?limit=100", []
        page = self.call("GET", path)
        found += page["data"]
        while page["has_more"]:
            page = self.call("GET", f"{path}&cursor={page['next_cursor']}")
            found += page["data"]
        return found[::-1]

    def kinds(self, member):
        """(kind, points) of all entries, the oldest first."""
        return [(entry["kind"], entry["points"]) for entry in self.entries(member)]

    def put_program(self, *rules, **terms):
        """Replace the terms by a new version."""
        path = "/v1/program"
        before = self.call("GET", path)
        after = document(*rules, **terms)
        after["program"] |= {
            name: before["program"][name] for name in ("slug", "mode", "currency", "timezone")
        }
        headers = {"Authorization": f"Bearer {self.key}", "If-Match": f'"{before["version"]}"'}
        answer = self.app.test_client().put(path, json=after, headers=headers)
        assert answer.status_code == 200, answer.text
        return answer.json

    def verify(self):
        """Prove the program's ledger; return the number of accounts and entries."""
        return Context().run(self._verify)

    def _verify(self):
        with self.app.app_context(), db.snapshot():
            report = proof.verify(db.connection(), self.program_id)
            debts = db.connection().execute(
                select(Member.external_id, Account.available, Account.debt)
                .join(Account, Account.owner_id == Member.id)
                .where(Member.program_id == self.program_id, Account.available * Account.debt > 0)
            )
            assert report.broken is None
            assert debts.all() == []
        return report


def new_order(id, member, total, **more):
    return {"id": id, "member": member, "currency": "EUR", "total": total, **more}


def line(id, amount, **more):
    return {"id": id, "amount": amount, **more}


def instant(at):
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def part(text):
    """A text as one part of an address."""
    return quote(text, safe="")
