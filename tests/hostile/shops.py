"""A shop that has at least one of everything: what requests of the document's examples name."""

from dataclasses import dataclass

from sqlalchemy import inspect, text

from loyalty.foundation import db
from tests.support import make

RULES = [
    {"id": "base", "kind": "per_spend", "points": 1, "per": 100},
    {"id": "review", "kind": "action", "action": "review", "points": 20},
]
POINTS = 1000
WAITING = 500  # a gesture of more than this in minor units waits for approval
RECOVERY = {
    "reasons": [{"code": "late_delivery", "name": "Late delivery"}],
    "caps": [
        {
            "id": "at-once",
            "per": "gesture",
            "measure": "value",
            "limit": WAITING,
            "above": "approve",
        }
    ],
}
REFERRALS = {"min_order": 2000, "advocate": {"points": 300}, "referee": {"points": 100}}


@dataclass(frozen=True)
class Shop:
    """A program with a key that may do everything, and what its paths can name."""

    program: object
    api: make.Api
    names: dict

    def path(self, template, **others):
        """Fill the path of an operation."""
        return template.format(**{**self.names, **others})


def open_shop(client, *, mark="", mode="test", versions=1):
    """Open a shop whose members c-77 and c-78 have points; `mark` ends every id of its own."""
    program = make.program(mode=mode, **sections(mark))
    api = make.api(client, make.key(program))
    names = {
        "external_id": f"c-77{mark}",
        "friend": f"c-78{mark}",
        "email": f"person{mark}@example.org",
        "order_id": f"10045{mark}",
        "action_id": f"review-881{mark}",
        "version": versions,
    }
    member, order = names["external_id"], names["order_id"]
    for one in (member, names["friend"]):
        done(api.put(f"/v1/members/{one}", {}))
        given = {"points": POINTS, "reason": "a start"}
        path = f"/v1/members/{one}/adjustments"
        names["entry_id"] = done(api.post(path, given, idempotency_key=f"start-{one}"))["id"]
    done(api.put(f"/v1/members/{member}", {"email": names["email"]}))
    done(api.post("/v1/orders", {"id": order, "member": member, "currency": "EUR", "total": 12500}))
    done(api.post("/v1/actions", {"id": names["action_id"], "member": member, "type": "review"}))
    wanted = {"member": member, "points": 100, "order": {"currency": "EUR", "total": 12500}}
    held = done(api.post("/v1/reservations", wanted, idempotency_key=f"hold-{mark}"))
    names["reservation_id"] = held["id"]
    names |= vouchers(api, member, mark) | referral(api, member, mark)
    names |= gestures(api, member, mark) | {"reward_id": f"five-off{mark}"}
    for version in range(2, versions + 1):
        document = done(api.get("/v1/program")).body
        document["earning"]["rules"][0]["points"] = version
        done(api.put("/v1/program", document, headers={"If-Match": "*"}))
    return Shop(program, api, names)


def sections(mark=""):
    """Return the sections of a program in which everything can happen."""
    voucher = {"kind": "amount", "amount": 500}
    return {
        "earning": {"rules": RULES},
        "rewards": [{"id": f"five-off{mark}", "cost": 100, "voucher": voucher}],
        "referrals": REFERRALS,
        "recovery": RECOVERY,
    }


def gestures(api, member, mark=""):
    """Give a gesture, which opens a follow-up, and ask for one that waits for approval."""
    body = {"member": member, "reason": "late_delivery", "agent": "kim"}
    for name, amount in (("given", 100), ("waits", WAITING + 1)):
        give = {"kind": "voucher", "amount": amount}
        key = f"{name}-{mark}"
        made = done(api.post("/v1/gestures", {**body, "give": give}, idempotency_key=key))
    (follow_up,) = done(api.get(f"/v1/follow_ups?member={member}"))["data"]
    return {"gesture_id": made["id"], "follow_up_id": follow_up["id"]}


def vouchers(api, member, mark):
    """Issue a voucher for a member, and a batch for anybody; return what paths name them by."""
    terms = {"kind": "amount", "class": "promotional", "amount": 500}
    bound = {**terms, "member": member}
    one = done(api.post("/v1/vouchers", bound, idempotency_key=f"voucher-{mark}"))
    several = {**terms, "count": 2}
    batch = done(api.post("/v1/vouchers/bulk", several, idempotency_key=f"batch-{mark}"))
    return {"code": one["code"], "batch_id": batch["batch"]}


def referral(api, member, mark=""):
    """Let a member bring somebody, from the address of the document's example."""
    code = f"ANNA-7KQ2M{mark.upper()}"
    done(api.put(f"/v1/members/{member}", {"referral_code": code}))
    body = {"code": code, "referee": {"external_id": f"c-76{mark}"}}
    made = done(api.post("/v1/referrals", {**body, "signals": {"ip": "203.0.113.7"}}))
    return {"referral_code": code, "referral_id": made["id"]}


def done(answer):
    """Return an answer that must be a success."""
    assert answer.status in {200, 201, 202}, answer.body
    return answer


def stored(app):
    """Return a digest of each table, to tell whether anything was written."""
    found = {}
    with app.app_context(), db.reading():
        for table in inspect(db.connection()).get_table_names():
            rows = db.connection().execute(text(f'SELECT * FROM "{table}"'))
            content = sorted(map(repr, rows))
            found[table] = (len(content), hash(tuple(content)))
    return found
