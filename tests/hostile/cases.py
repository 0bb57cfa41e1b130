"""How each route under /v1 is tried with what is not the caller's.

A new route needs a case here; `test_tenants` says so.
"""

import json
import re
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import pytest
from sqlalchemy import inspect, text

from loyalty.foundation import db

OURS, THEIRS = "-ours", "-theirs"


@dataclass(frozen=True)
class Case:
    """How a route is tried with ids of the other shop.

    `path` and `body` name ids by `{external_id}`, `{order_id}` and so on: those of the other shop.
    In a path or body `{our_external_id}` is our own member. With `finds` false, the answer must be
    the same 404 as for ids that nobody has; else it is a success that shows nothing of theirs.
    """

    path: str
    body: Any = None
    finds: bool = False
    headers: dict = field(default_factory=dict)


class Try(NamedTuple):
    """One case of one route."""

    method: str
    route: str
    case: Case


ORDER = {"id": "new", "member": "{our_external_id}", "currency": "EUR", "total": 5000}
CHECKOUT = {"points": 100, "order": {"currency": "EUR", "total": 5000}}
GESTURE = {"reason": "late_delivery", "agent": "kim", "give": {"kind": "voucher", "amount": 500}}
VOUCHER = {"kind": "amount", "class": "promotional", "amount": 500}
MEMBER = "/v1/members/{external_id}"
OUR_MEMBER = "/v1/members/{our_external_id}"
CASES = {
    ("PUT", "/v1/members/<external_id>"): [Case(MEMBER, {"name": "New"}, finds=True)],
    ("GET", "/v1/members/<external_id>"): [Case(MEMBER)],
    ("DELETE", "/v1/members/<external_id>"): [Case(MEMBER)],
    ("GET", "/v1/members"): [
        Case("/v1/members?limit=100", finds=True),
        Case("/v1/members?email={email}", finds=True),
    ],
    ("GET", "/v1/members/<external_id>/export"): [Case(f"{MEMBER}/export")],
    ("POST", "/v1/members/<external_id>/merge"): [
        Case(f"{MEMBER}/merge", {"into": "{our_external_id}"}),
        Case(f"{OUR_MEMBER}/merge", {"into": "{external_id}"}),
        Case(f"{MEMBER}/merge", {"into": "{friend}"}),
    ],
    ("POST", "/v1/members/<external_id>/token"): [Case(f"{MEMBER}/token")],
    ("GET", "/v1/members/<external_id>/balance"): [Case(f"{MEMBER}/balance")],
    ("GET", "/v1/members/<external_id>/entries"): [Case(f"{MEMBER}/entries")],
    ("GET", "/v1/entries/<entry_id>"): [Case("/v1/entries/{entry_id}")],
    ("POST", "/v1/members/<external_id>/adjustments"): [
        Case(f"{MEMBER}/adjustments", {"points": 5, "reason": "theft"}),
        Case(f"{MEMBER}/adjustments", {"points": -5, "reason": "theft"}),
    ],
    ("POST", "/v1/members/<external_id>/transfers"): [
        Case(f"{MEMBER}/transfers", {"to": "{our_external_id}", "points": 5}),
        Case(f"{OUR_MEMBER}/transfers", {"to": "{external_id}", "points": 5}),
        Case(f"{MEMBER}/transfers", {"to": "{friend}", "points": 5}),
    ],
    ("POST", "/v1/orders"): [
        Case("/v1/orders", {**ORDER, "reservations": ["{reservation_id}"]}),
        Case(
            "/v1/orders",
            {**ORDER, "member": "{external_id}", "reservations": ["{reservation_id}"]},
        ),
        Case("/v1/orders", {**ORDER, "id": "{order_id}", "member": "{external_id}"}, finds=True),
    ],
    ("POST", "/v1/orders/preview"): [
        Case("/v1/orders/preview", {**ORDER, "reservations": ["{reservation_id}"]}),
        Case("/v1/orders/preview", {**ORDER, "member": "{external_id}"}, finds=True),
    ],
    ("POST", "/v1/orders/batch"): [
        Case(
            "/v1/orders/batch",
            {
                "orders": [
                    {**ORDER, "id": "{order_id}", "member": "{external_id}"},
                    {**ORDER, "reservations": ["{reservation_id}"]},
                ]
            },
            finds=True,
        )
    ],
    ("GET", "/v1/orders/<order_id>"): [Case("/v1/orders/{order_id}")],
    ("POST", "/v1/orders/<order_id>/refunds"): [
        Case("/v1/orders/{order_id}/refunds", {"id": "r-1", "amount": 5})
    ],
    ("POST", "/v1/orders/<order_id>/cancel"): [Case("/v1/orders/{order_id}/cancel")],
    ("POST", "/v1/orders/<order_id>/reopen"): [Case("/v1/orders/{order_id}/reopen")],
    ("POST", "/v1/actions"): [
        Case(
            "/v1/actions",
            {"id": "{action_id}", "member": "{external_id}", "type": "review"},
            finds=True,
        )
    ],
    ("POST", "/v1/reservations"): [
        Case("/v1/reservations", {"member": "{external_id}", **CHECKOUT})
    ],
    ("GET", "/v1/reservations/<reservation_id>"): [Case("/v1/reservations/{reservation_id}")],
    ("POST", "/v1/reservations/<reservation_id>/capture"): [
        Case("/v1/reservations/{reservation_id}/capture", {"order_id": "{order_id}"}),
        Case("/v1/reservations/{reservation_id}/capture", {"order_id": "new", "points": 1}),
    ],
    ("POST", "/v1/reservations/<reservation_id>/void"): [
        Case("/v1/reservations/{reservation_id}/void")
    ],
    ("POST", "/v1/vouchers"): [Case("/v1/vouchers", {**VOUCHER, "member": "{external_id}"})],
    ("POST", "/v1/vouchers/bulk"): [Case("/v1/vouchers/bulk", {**VOUCHER, "count": 1}, finds=True)],
    ("GET", "/v1/vouchers"): [
        Case("/v1/vouchers?limit=100", finds=True),
        Case("/v1/vouchers?member={external_id}", finds=True),
        Case("/v1/vouchers?batch={batch_id}", finds=True),
    ],
    ("GET", "/v1/vouchers/<code>"): [Case("/v1/vouchers/{code}")],
    ("GET", "/v1/vouchers/batches/<batch_id>/codes.csv"): [
        Case("/v1/vouchers/batches/{batch_id}/codes.csv")
    ],
    # the uniform refusal is tests/vouchers' matter
    ("POST", "/v1/vouchers/<code>/check"): [],
    ("POST", "/v1/vouchers/<code>/revoke"): [Case("/v1/vouchers/{code}/revoke")],
    ("GET", "/v1/members/<external_id>/vouchers"): [Case(f"{MEMBER}/vouchers")],
    ("GET", "/v1/rewards"): [
        Case("/v1/rewards", finds=True),
        Case("/v1/rewards?member={external_id}"),
    ],
    ("POST", "/v1/rewards/<reward_id>/redeem"): [
        Case("/v1/rewards/{reward_id}/redeem", {"member": "{our_external_id}"}),
        Case("/v1/rewards/{our_reward_id}/redeem", {"member": "{external_id}"}),
    ],
    ("POST", "/v1/gestures"): [Case("/v1/gestures", {**GESTURE, "member": "{external_id}"})],
    ("POST", "/v1/gestures/preview"): [
        Case("/v1/gestures/preview", {**GESTURE, "member": "{external_id}"})
    ],
    ("GET", "/v1/gestures"): [
        Case("/v1/gestures?limit=100", finds=True),
        Case("/v1/gestures?member={external_id}", finds=True),
    ],
    ("GET", "/v1/gestures/<gesture_id>"): [Case("/v1/gestures/{gesture_id}")],
    **{
        ("POST", f"/v1/gestures/<gesture_id>/{verb}"): [
            Case(f"/v1/gestures/{{gesture_id}}/{verb}", {"agent": "lee"})
        ]
        for verb in ("approve", "reject", "revoke", "withdraw")
    },
    ("GET", "/v1/follow_ups"): [
        Case("/v1/follow_ups?limit=100", finds=True),
        Case("/v1/follow_ups?member={external_id}", finds=True),
        Case("/v1/follow_ups?gesture={gesture_id}", finds=True),
    ],
    ("GET", "/v1/follow_ups/<follow_up_id>"): [Case("/v1/follow_ups/{follow_up_id}")],
    ("POST", "/v1/follow_ups/<follow_up_id>/complete"): [
        Case("/v1/follow_ups/{follow_up_id}/complete", {"result": "satisfied"})
    ],
    ("GET", "/v1/members/<external_id>/may_contact"): [Case(f"{MEMBER}/may_contact")],
    ("POST", "/v1/members/<external_id>/contacts"): [
        Case(f"{MEMBER}/contacts", {"channel": "email", "purpose": "service"})
    ],
    ("GET", "/v1/audit"): [Case("/v1/audit?limit=100", finds=True)],
    ("POST", "/v1/referrals"): [
        Case("/v1/referrals", {"code": "{referral_code}", "referee": {"external_id": "somebody"}})
    ],
    ("GET", "/v1/referrals"): [
        Case("/v1/referrals?limit=100", finds=True),
        Case("/v1/referrals?advocate={external_id}", finds=True),
    ],
    ("GET", "/v1/referrals/<referral_id>"): [Case("/v1/referrals/{referral_id}")],
    ("POST", "/v1/referrals/<referral_id>/approve"): [
        Case("/v1/referrals/{referral_id}/approve", {})
    ],
    ("POST", "/v1/referrals/<referral_id>/reject"): [
        Case("/v1/referrals/{referral_id}/reject", {})
    ],
    ("GET", "/v1/members/<external_id>/referral"): [Case(f"{MEMBER}/referral")],
    ("GET", "/v1/program"): [Case("/v1/program", finds=True)],
    ("PUT", "/v1/program"): [
        Case("/v1/program", "{our_program}", finds=True, headers={"If-Match": "*"})
    ],
    ("GET", "/v1/program/versions"): [Case("/v1/program/versions", finds=True)],
    ("GET", "/v1/program/versions/<int(min=1, max=2147483647):version>"): [
        Case("/v1/program/versions/{version}")
    ],
    ("GET", "/v1/test_clock"): [Case("/v1/test_clock", finds=True)],
    ("PUT", "/v1/test_clock"): [
        Case("/v1/test_clock", {"now": "2050-01-01T00:00:00Z"}, finds=True)
    ],
}
EVERY = [Try(*route, case) for route, cases in CASES.items() for case in cases]
each = pytest.mark.parametrize(
    "tried", EVERY, ids=[f"{one.method} {one.route} {n}" for n, one in enumerate(EVERY)]
)


def send(shop, tried, names, program=None):
    """Send a case with these names for what is not ours."""
    method, _, case = tried
    names = {**names, **{f"our_{name}": id for name, id in shop.names.items()}}
    body = case.body
    if body == "{our_program}":
        body = shop.api.get("/v1/program").body if program is None else program
    else:
        body = filled(body, names)
    key = {"Idempotency-Key": "a-new-one"} if case.body != "{our_program}" else {}
    return shop.api.send(method, case.path.format(**names), body, {**case.headers, **key})


def filled(value, names):
    if isinstance(value, dict):
        return {name: filled(each, names) for name, each in value.items()}
    if isinstance(value, list):
        return [filled(each, names) for each in value]
    return value.format(**names) if isinstance(value, str) else value


def rows_of(app, shop):
    """Return every row that is of a shop: that names its program, or something that does."""
    program_id = shop.program.id
    with app.app_context(), db.reading():
        tables = {
            name: db.connection().execute(text(f'SELECT * FROM "{name}"')).mappings().all()
            for name in inspect(db.connection()).get_table_names()
        }
    of_program = {
        row["id"]
        for rows in tables.values()
        for row in rows
        if row.get("program_id") == program_id and "id" in row
    }
    known = {program_id, *of_program}
    return {
        name: sorted(repr(dict(row)) for row in rows if not known.isdisjoint(texts(row)))
        for name, rows in tables.items()
    }


def texts(row):
    return [value for value in row.values() if isinstance(value, str)]


def ids_of(rows):
    """Return all ids of our making in rows."""
    return set(re.findall(r"\b[a-z]{3}_[0-9a-f]{8}-[0-9a-f-]{27}\b", json.dumps(rows)))


def without_echo(answer, names):
    """Return a problem without what is particular to one request."""
    body = {name: value for name, value in answer.body.items() if name != "request_id"}
    told = json.dumps(body)
    for id in names.values():
        told = re.sub(rf"(?<![\w-]){re.escape(str(id))}(?![\w-])", "…", told)
    return told
