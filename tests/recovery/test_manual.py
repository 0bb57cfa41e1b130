"""docs/recovery.md says what happens: its examples are played, line by line."""

import re
import tomllib
from contextvars import Context
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from loyalty.access import staff
from loyalty.foundation import db
from tests.support import make
from tests.support.money import Refused, instant, new_order, open_shop

MANUAL = (Path(__file__).parents[2] / "docs" / "recovery.md").read_text()
ZONE = ZoneInfo("Europe/Berlin")
EXAMPLE = re.compile(
    r"^## ([^\n]+)\n(?:(?!^## ).)*?```toml\n(.*?)```\n+(\|.*?)\n\n", re.MULTILINE | re.DOTALL
)
EXAMPLES = EXAMPLE.findall(MANUAL)


def rows_of(table):
    lines = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()]
    return [dict(zip(lines[0], line, strict=True)) for line in lines[2:]]


def cents(euros):
    return int(euros.replace(".", ""))


def played(shop, row):
    """Give what a row of an example gives; return what came of it in the example's words."""
    shop.set_clock(datetime.fromisoformat(row["When"]).replace(tzinfo=ZONE))
    agent, role = re.fullmatch(r"(\w+)(?: \((\w+)\))?", row["Agent"]).groups()
    if role and agent not in shop.hired:
        hire(shop, agent, role)
        shop.hired.add(agent)
    shop.enrol(row["Customer"])
    given = {
        "member": row["Customer"],
        "type": "recovery",
        "reason": "late_delivery",
        "give": {"kind": "voucher", "amount": cents(row["Gives"]), "currency": "EUR"},
        "agent": agent,
    }
    if row["Order"]:
        given["order_id"] = f"order-of-{row['Customer']}"
        order = new_order(given["order_id"], row["Customer"], cents(row["Order"]))
        shop.call("POST", "/v1/orders", {**order, "placed_at": "2026-01-01T00:00:00Z"})
    try:
        answer = shop.call("POST", "/v1/gestures", given, once=instant(datetime.now(ZONE)))
    except Refused as refused:
        return f"refused: {broken(refused.problem['caps'])}"
    if answer["state"] == "pending_approval":
        return f"waits: {broken(answer['caps'])}"
    assert broken(answer["caps"]) == ""
    return "given"


def broken(caps):
    return ", ".join(one["id"] for one in caps if one["verdict"] != "within")


def hire(shop, agent, role):
    def hired():
        with shop.app.app_context(), db.transaction():
            email = f"{agent}-{shop.program_id}@example.org"
            staff.create_staff(
                make.call(shop.program_id),
                email=email,
                email_key=email,
                role=role,
                agent=agent,
                name=None,
                password=None,
            )

    Context().run(hired)


@pytest.mark.parametrize("example", EXAMPLES, ids=[name for name, _, _ in EXAMPLES])
def test_an_example_happens_as_the_manual_says(app, example):
    _, caps, table = example
    recovery = {
        **tomllib.loads(caps)["recovery"],
        "reasons": [{"code": "late_delivery", "name": "Late delivery"}],
        "approval_expires_after": "P30D",
    }
    shop = open_shop(app, now=None, sections={"recovery": recovery}, timezone="Europe/Berlin")
    shop.hired = set()

    for row in rows_of(table):
        assert played(shop, row) == row["Answer"], row


def test_the_manual_has_examples():
    assert len(EXAMPLES) == 3
