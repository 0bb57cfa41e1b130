"""Whatever writes names who did it: in a ledger entry, on the audit trail, or in its own row."""

import pytest
from sqlalchemy import func, select

from loyalty.foundation import db
from tests.hostile import shops

ORDER = {"currency": "EUR", "total": 5000}
NEW_ORDER = {"id": "new", "member": "c-77", **ORDER}
VOUCHER = {"kind": "amount", "class": "promotional", "amount": 500}
GESTURE = {
    "member": "c-77",
    "reason": "late_delivery",
    "give": {"kind": "voucher", "amount": 100},
    "agent": "kim",
}
WAITS = {**GESTURE, "give": {"kind": "voucher", "amount": shops.WAITING + 1}}
STORES_NOTHING = {
    "POST /v1/members/<external_id>/token",
    "POST /v1/orders/preview",
    "POST /v1/vouchers/<code>/check",
    "POST /v1/gestures/preview",
}


def reserved(shop):
    body = {"member": "c-77", "points": 100, "order": ORDER}
    return shops.done(shop.api.post("/v1/reservations", body, idempotency_key="held"))["id"]


def given(shop):
    return shops.done(shop.api.post("/v1/gestures", GESTURE, idempotency_key="given"))["id"]


def asked(shop):
    """A gesture that waits for approval."""
    return shops.done(shop.api.post("/v1/gestures", WAITS, idempotency_key="asked"))["id"]


def issued(shop):
    return shops.done(shop.api.post("/v1/vouchers", VOUCHER, idempotency_key="issued"))["code"]


def cancelled(shop):
    shops.done(shop.api.post("/v1/orders/10045/cancel"))
    return "10045"


def flagged(shop):
    """A referral from the address of another one."""
    body = {"code": shop.names["referral_code"], "referee": {"external_id": "c-79"}}
    made = shop.api.post("/v1/referrals", {**body, "signals": {"ip": "203.0.113.7"}})
    assert made["state"] == "flagged"
    return made["id"]


def terms(shop):
    document = shop.api.get("/v1/program").body
    return {**document, "tiers": [{"id": "gold", "qualify": {"points": 10}}]}


REFERRAL = {"code": "ANNA-7KQ2M", "referee": {"external_id": "c-80"}}
CALLS = {
    "POST /v1/reservations": (
        "/v1/reservations",
        {"member": "c-77", "points": 100, "order": ORDER},
    ),
    "POST /v1/reservations/<reservation_id>/void": (
        "/v1/reservations/{reservation_id}/void",
        None,
    ),
    "PUT /v1/members/<external_id>": ("/v1/members/c-77", {"name": "Another"}),
    "DELETE /v1/members/<external_id>": ("/v1/members/c-77", None),
    "POST /v1/members/<external_id>/merge": ("/v1/members/c-78/merge", {"into": "c-77"}),
    "POST /v1/members/<external_id>/adjustments": (
        "/v1/members/c-77/adjustments",
        {"points": 5, "reason": "a test"},
    ),
    "POST /v1/members/<external_id>/transfers": (
        "/v1/members/c-77/transfers",
        {"to": "c-78", "points": 5},
    ),
    "POST /v1/members/<external_id>/contacts": (
        "/v1/members/c-77/contacts",
        {"channel": "email", "purpose": "service"},
    ),
    "POST /v1/rewards/<reward_id>/redeem": ("/v1/rewards/five-off/redeem", {"member": "c-77"}),
    "POST /v1/orders": ("/v1/orders", NEW_ORDER),
    "POST /v1/orders/batch": ("/v1/orders/batch", {"orders": [NEW_ORDER]}),
    "POST /v1/orders/<order_id>/refunds": (
        "/v1/orders/10045/refunds",
        {"id": "r-1", "amount": 5000},
    ),
    "POST /v1/orders/<order_id>/cancel": ("/v1/orders/10045/cancel", None),
    "POST /v1/orders/<order_id>/reopen": ("/v1/orders/{made}/reopen", None, cancelled),
    "POST /v1/actions": ("/v1/actions", {"id": "new", "member": "c-78", "type": "review"}),
    "POST /v1/reservations/<reservation_id>/capture": (
        "/v1/reservations/{made}/capture",
        {"order_id": "new"},
        reserved,
    ),
    "POST /v1/vouchers": ("/v1/vouchers", VOUCHER),
    "POST /v1/vouchers/bulk": ("/v1/vouchers/bulk", {**VOUCHER, "count": 2}),
    "POST /v1/vouchers/<code>/revoke": ("/v1/vouchers/{made}/revoke", None, issued),
    "POST /v1/follow_ups/<follow_up_id>/complete": (
        "/v1/follow_ups/{follow_up_id}/complete",
        {"result": "satisfied"},
    ),
    "POST /v1/gestures": ("/v1/gestures", GESTURE),
    "POST /v1/gestures/<gesture_id>/approve": (
        "/v1/gestures/{made}/approve",
        {"agent": "lee"},
        asked,
    ),
    "POST /v1/gestures/<gesture_id>/reject": (
        "/v1/gestures/{made}/reject",
        {"agent": "lee"},
        asked,
    ),
    "POST /v1/gestures/<gesture_id>/withdraw": (
        "/v1/gestures/{made}/withdraw",
        {"agent": "kim"},
        asked,
    ),
    "POST /v1/gestures/<gesture_id>/revoke": (
        "/v1/gestures/{made}/revoke",
        {"agent": "kim"},
        given,
    ),
    "POST /v1/referrals": ("/v1/referrals", REFERRAL),
    "POST /v1/referrals/<referral_id>/approve": ("/v1/referrals/{made}/approve", {}, flagged),
    "POST /v1/referrals/<referral_id>/reject": ("/v1/referrals/{made}/reject", {}, flagged),
    "PUT /v1/program": ("/v1/program", terms),
    "PUT /v1/test_clock": ("/v1/test_clock", {"now": "2050-01-01T00:00:00Z"}),
}


def named_as(actor):
    """How many rows of all tables name this actor."""
    count = 0
    with db.reading():
        for table in db.metadata.tables.values():
            for column in {"actor", "completed_by"} & set(table.c.keys()):
                query = select(func.count()).select_from(table).where(table.c[column] == actor)
                count += db.connection().scalar(query)
    return count


def test_every_writing_route_is_tried(app):
    writing = {
        f"{method} {rule.rule}"
        for rule in app.url_map.iter_rules()
        for method in rule.methods - {"GET", "HEAD", "OPTIONS"}
        if rule.rule.startswith("/v1/")
    }

    assert writing == set(CALLS) | STORES_NOTHING


@pytest.mark.parametrize("route", CALLS)
def test_a_write_names_its_actor(client, app, route):
    shop = shops.open_shop(client)
    path, body, *makes = CALLS[route]
    made_before = [make(shop) for make in makes]
    path = path.format(made="".join(made_before), **shop.names)
    [key] = shop.api.get("/v1/audit", action="key.created")["data"]
    actor = f"key:{key['subject']['id']}"
    before = named_as(actor)

    headers = {"Idempotency-Key": "a-new-one", "If-Match": "*"}
    answer = shop.api.send(route.split()[0], path, body(shop) if callable(body) else body, headers)

    assert answer.status in {200, 201, 202}, answer.body
    assert named_as(actor) > before
