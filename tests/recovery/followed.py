"""A shop that makes things good and asks afterwards, as tests play it."""

import uuid
from contextvars import Context
from datetime import timedelta

from loyalty.foundation import clock, db
from loyalty.programs import queries
from loyalty.programs import service as programs
from tests.support import make, money
from tests.support.money import NOON, Shop

DAY = timedelta(days=1)
REASONS = [
    {"code": "late_delivery", "name": "Late delivery", "follow_up_after": "P2D"},
    {"code": "thanks", "name": "Thank you"},
]
REFERRALS = {"advocate": {"points": 300}, "min_order": 2000}
BY_EMAIL = {"channel": "email", "marketing": True}


def open_shop(app, *, now=NOON, **parts):
    """Make a program with reasons for gestures and nothing in their way, and set its clock."""
    parts = {"recovery": {"reasons": REASONS}, "referrals": REFERRALS, **parts}
    whole = make.plain(**{**money.document(), **parts})

    def opened():
        with app.app_context():
            with db.transaction():
                made = programs.create_program(document=whole, actor="test", now=clock.system_now())
            with db.reading():
                program = queries.get_program(made.program_id)
            return Shop(app, program.id, make.key(program))

    shop = Context().run(opened)
    shop.set_clock(now)
    return shop


def give(shop, member, *, agent="kim", reason="late_delivery", once=None, **more):
    """Give a voucher of 5.00 to a member."""
    body = {
        "member": member,
        "type": "recovery",
        "reason": reason,
        "give": {"kind": "voucher", "amount": 500, "currency": "EUR"},
        "agent": agent,
        **more,
    }
    return shop.call("POST", "/v1/gestures", body, once=once or uuid.uuid4().hex)


def list_follow_ups(shop, state=None, **query):
    """All follow-ups of one page."""
    given = {**query, **({"state": state} if state else {})}
    asked = "&".join(f"{name}={value}" for name, value in given.items())
    return shop.call("GET", f"/v1/follow_ups?{asked}")["data"]


def complete(shop, follow_up, result, **more):
    return shop.call(
        "POST", f"/v1/follow_ups/{follow_up['id']}/complete", {"result": result, **more}
    )


def may_contact(shop, member, purpose="service", channel=None):
    query = f"purpose={purpose}" + (f"&channel={channel}" if channel else "")
    return shop.call("GET", f"/v1/members/{member}/may_contact?{query}")


def record_contact(shop, member, channel="email", purpose="service", **more):
    body = {"channel": channel, "purpose": purpose, **more}
    return shop.call("POST", f"/v1/members/{member}/contacts", body, once=uuid.uuid4().hex)
