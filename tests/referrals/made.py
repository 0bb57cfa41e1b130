"""Shops that reward referrals, and the calls tests make about them."""

from contextvars import Context
from datetime import timedelta

from sqlalchemy import select

from loyalty.foundation import clock, db
from loyalty.foundation.events import Event
from loyalty.programs import service as programs
from tests.support import make
from tests.support.money import NOON, Shop, document, part

DAY = timedelta(days=1)
POINTS = {"min_order": 2_000, "advocate": {"points": 300}, "referee": {"points": 100}}
VOUCHER = {"kind": "amount", "amount": 500, "min_order": 2_000, "expires_after": "P60D"}
MIXED = {"min_order": 2_000, "advocate": {"points": 300}, "referee": {"voucher": VOUCHER}}


def open_referring(app, *rules, referrals=POINTS, earning=None, now=NOON, **terms):
    """Open a shop with terms for referrals; what is earned settles after two days."""
    whole = document(*rules, earning={"settles_after": "P2D", **(earning or {})}, **terms)
    if referrals is not None:
        whole["referrals"] = referrals

    def opened():
        with app.app_context():
            with db.transaction():
                programs.create_program(document=whole, actor="test", now=clock.system_now())
            with db.reading():
                program = programs.get_program(whole["program"]["slug"])
            return Shop(app, program.id, make.key(program))

    shop = Context().run(opened)
    shop.set_clock(now)
    return shop


def code_of(shop, member):
    """The code of a member, who joins if they are unknown."""
    return shop.enrol(member)["referral_code"]


def new_referral(code, referee, *, signals=None, advocate_signals=None, **profile):
    body = {"code": code, "referee": {"external_id": referee, **profile}}
    seen = {"signals": signals, "advocate_signals": advocate_signals}
    return body | {name: it for name, it in seen.items() if it is not None}


def refer(shop, advocate, referee, **more):
    """Let a member bring somebody."""
    body = new_referral(code_of(shop, advocate), referee, **more)
    return shop.call("POST", "/v1/referrals", body)


def show(shop, referral):
    return shop.call("GET", f"/v1/referrals/{referral['id']}")


def state(shop, referral):
    return show(shop, referral)["state"]


def approve(shop, referral, **body):
    return shop.call("POST", f"/v1/referrals/{referral['id']}/approve", body)


def reject(shop, referral, **body):
    return shop.call("POST", f"/v1/referrals/{referral['id']}/reject", body)


def list_all(shop, **filters):
    query = "".join(f"&{name}={value}" for name, value in filters.items())
    return shop.call("GET", f"/v1/referrals?limit=100{query}")["data"]


def of_member(shop, member):
    return shop.call("GET", f"/v1/members/{part(member)}/referral")


def flags(referral):
    return [flag["code"] for flag in referral["flags"]]


def events(shop, prefix="referral."):
    """The names of the program's events that begin so, the oldest first."""

    def read():
        with shop.app.app_context(), db.reading():
            names = db.connection().scalars(
                select(Event.name).where(Event.program_id == shop.program_id).order_by(Event.id)
            )
            return [name for name in names if name.startswith(prefix)]

    return Context().run(read)
