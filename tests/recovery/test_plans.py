"""What giving asks the database stays small however much was given before."""

import re
from contextvars import Context
from datetime import timedelta

from sqlalchemy import event, insert, select, text

from loyalty.foundation import db, ids
from loyalty.recovery import queries
from loyalty.recovery.queries import GESTURE
from tests.recovery import given
from tests.support.money import NOON

GIVEN = 6_000
READ = re.compile(
    r"(?:Seq Scan|Index (?:Only )?Scan|Bitmap Heap Scan).*rows=(\d+)(?:\.\d+)?\s+loops"
)


def fill(shop):
    """Spread gestures to one member over a year, of which a quarter is precedent."""
    first = given.give(shop)
    connection = db.connection()
    row = dict(
        connection.execute(select(GESTURE).where(GESTURE.c.id == first["id"])).mappings().one()
    )
    members = connection.execute(
        text("SELECT id FROM member WHERE program_id = :program"), {"program": shop.program_id}
    )
    other = next(id for (id,) in members if id != row["member_id"])
    row |= {"voucher_id": None, "member_id": other, "caps": [], "precedent": {}}
    rows = [
        {
            **row,
            "id": ids.new_id("gst"),
            "value_minor": n % 1_000 + 1,
            "at": NOON - timedelta(days=365) * n / GIVEN,
        }
        for n in range(GIVEN)
    ]
    connection.execute(insert(GESTURE), rows)
    if connection.dialect.name == "postgresql":
        connection.execute(text("ANALYZE gesture"))
    return row


def explained(connection, ask):
    """Return the plans of what a function sends, run with their row counts."""
    seen = []

    def note(_conn, _cursor, statement, parameters, _context, _many):
        seen.append((statement, parameters))

    event.listen(connection, "before_cursor_execute", note)
    ask(connection)
    event.remove(connection, "before_cursor_execute", note)
    return [
        "\n".join(
            line for (line,) in connection.exec_driver_sql(f"EXPLAIN ANALYZE {told}", parameters)
        )
        for told, parameters in seen
    ]


def test_no_statement_of_giving_reads_more_than_a_thousand_gestures(app, engine_name):
    shop = given.open_shop(app)
    shop.enrol("bob")

    def played():
        with app.app_context(), db.transaction():
            row = fill(shop)
            program, member = shop.program_id, row["member_id"]
            found = queries.find_precedent(
                db.connection(), program, "late", since=NOON - timedelta(days=90)
            )
            assert found["given"] == queries.MOST_COUNTED
            assert (found["p50"], found["p90"]) == (500, 899)  # of the latest thousand
            if engine_name != "postgresql":
                return []
            near, quarter = timedelta(days=20), timedelta(days=90)

            def ask(connection):
                queries.list_undecided(connection, program, NOON)
                queries.find_circumstances(connection, program, member, "o", since=NOON - near)
                queries.find_precedent(connection, program, "late", since=NOON - quarter)

            return explained(db.connection(), ask)

    plans = Context().run(played)
    assert len(plans) == (3 if engine_name == "postgresql" else 0)
    for plan in plans:
        assert READ.findall(plan), plan
        assert "Seq Scan on gesture" not in plan, plan
        for rows in READ.findall(plan):
            assert int(rows) <= queries.MOST_COUNTED, plan
