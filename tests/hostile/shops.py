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
    program = make.program(mode=mode, earning={"rules": RULES})
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
    for version in range(2, versions + 1):
        document = done(api.get("/v1/program")).body
        document["earning"]["rules"][0]["points"] = version
        done(api.put("/v1/program", document, headers={"If-Match": "*"}))
    return Shop(program, api, {**names, "reservation_id": held["id"]})


def done(answer):
    """Return an answer that must be a success."""
    assert answer.status in {200, 201}, answer.body
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
