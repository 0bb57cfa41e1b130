"""A shop whose support gives, as tests play it: its caps, its people, its calls."""

import uuid
from contextvars import Context

from loyalty.access import staff
from loyalty.foundation import clock, db
from loyalty.foundation.call import Call
from loyalty.members import identity
from loyalty.programs import queries
from loyalty.programs import service as programs
from tests.support import make, money
from tests.support.money import NOON, Shop

REASONS = [
    {"code": "late", "name": "Late delivery", "driver": "fulfilment"},
    {"code": "broken", "name": "Arrived broken"},
]
EUR_5 = {"kind": "voucher", "amount": 500}


def cap(id="cap", per="program", measure="value", limit=1000, above="refuse", **more):
    return {"id": id, "per": per, "measure": measure, "limit": limit, "above": above, **more}


def open_shop(app, *caps, now=NOON, redemption=money.AT_PAR, **recovery):
    """Make a program with two reasons and these caps, and a member, ann; points worth a cent."""
    whole = {
        **money.document(redemption=redemption),
        "recovery": {"reasons": REASONS, "caps": list(caps), **recovery},
    }

    def opened():
        with app.app_context():
            with db.transaction():
                made = programs.create_program(document=whole, actor="test", now=clock.system_now())
            with db.reading():
                program = queries.get_program(made.program_id)
                db.session.expunge(program)
            shop = Shop(app, program.id, make.key(program))
            shop.program = program
            return shop

    shop = Context().run(opened)
    if now is not None:
        shop.set_clock(now)
    shop.enrol("ann", email="ann@example.com")
    return shop


def shop_with(shop, *scopes, agent=None):
    """The same shop calling with another key."""

    def made():
        with shop.app.app_context():
            return make.key(shop.program, scopes, agent=agent)

    return Shop(shop.app, shop.program_id, Context().run(made))


def hire(shop, agent, role, email=None):
    """Let somebody be of the shop's staff."""
    email = email or f"{agent}@shop.example"

    def hired():
        with shop.app.app_context(), db.transaction():
            staff.create_staff(
                Call(shop.program_id, "test", None, clock.system_now()),
                email=email,
                email_key=identity.email_key(email),
                role=role,
                agent=agent,
                name=None,
                password=None,
            )

    Context().run(hired)


def body(member="ann", give=EUR_5, *, agent="kim", reason="late", **more):
    return {"member": member, "reason": reason, "give": give, "agent": agent, **more}


def give(shop, *args, once=None, **more):
    return shop.call("POST", "/v1/gestures", body(*args, **more), once=once or uuid.uuid4().hex)


def preview(shop, *args, **more):
    return shop.call("POST", "/v1/gestures/preview", body(*args, **more))


def decide(shop, gesture, verb, agent="lee", **more):
    return shop.call("POST", f"/v1/gestures/{gesture['id']}/{verb}", {"agent": agent, **more})


def get(shop, gesture):
    return shop.call("GET", f"/v1/gestures/{gesture['id']}")


def listed(shop, **query):
    asked = "&".join(f"{name}={value}" for name, value in query.items())
    return [one["id"] for one in shop.call("GET", f"/v1/gestures?{asked}")["data"]]
