"""Caps add up exactly what counts in their windows, however gestures, time and terms interleave."""

import re
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import event, insert, select, text, update

from loyalty.foundation import db, ids
from loyalty.foundation.bulk import Changes
from loyalty.foundation.db import table_of
from loyalty.members import service as members
from loyalty.programs import service as programs
from loyalty.recovery.caps import gate as gates
from loyalty.recovery.caps import kernel, windows
from loyalty.recovery.caps.facts import Facts, Freed
from loyalty.recovery.caps.terms import caps_of, compile_caps
from loyalty.recovery.models import Gesture
from tests.support import make

GESTURE = table_of(Gesture)
START = datetime(2026, 3, 27, 9, 0, tzinfo=UTC)
UTC_ZONE = {"timezone": "UTC"}
REASONS = [{"code": code, "name": code} for code in ("late", "broken")]
ANY = Facts("mbr_1", "kim", "agent", "late", "recovery", "voucher", 100)


def cap(id="cap", per="program", measure="value", limit=1000, above="refuse", **more):
    return {"id": id, "per": per, "measure": measure, "limit": limit, "above": above, **more}


def compiled(**terms):
    (one,) = compile_caps({"program": UTC_ZONE, "recovery": {"caps": [cap(**terms)]}})
    return one


@pytest.mark.parametrize(
    ("used", "this", "verdict", "remaining"),
    [
        (0, 1000, "within", 1000),
        (0, 1001, "refused", 1000),
        (999, 1, "within", 1),
        (1000, 1, "refused", 0),
        (1200, 1, "refused", 0),  # the limit was lowered since
    ],
)
def test_a_cap_is_reached_to_the_last_cent_and_not_passed(used, this, verdict, remaining):
    weighed = kernel.weigh(compiled(), ANY._replace(value=this), used, None)

    assert (weighed.verdict, weighed.remaining) == (verdict, remaining)


def test_a_cap_by_count_takes_one_of_each_gesture():
    counting = compiled(measure="count", limit=3, above="approve")

    assert kernel.weigh(counting, ANY._replace(value=10**9), 2, None).verdict == "within"
    assert kernel.weigh(counting, ANY._replace(value=1), 3, None).verdict == "needs_approval"


def test_a_share_of_the_order_is_rounded_down_and_bounds_only_where_there_is_an_order():
    (share,) = compile_caps(
        {
            "program": UTC_ZONE,
            "recovery": {"caps": [{**cap(per="order"), "limit": None, "share": "1/3"}]},
        }
    )
    of_order = ANY._replace(order_ref="o-1", order_total=1001)

    assert kernel.weigh(share, of_order._replace(value=333), 0, None).verdict == "within"
    assert kernel.weigh(share, of_order._replace(value=334), 0, None).verdict == "refused"
    assert not kernel.weighs(share, ANY)


def test_the_most_severe_verdict_holds():
    def weighed(verdict):
        return SimpleNamespace(verdict=verdict)

    assert kernel.verdict([]) == "within"
    assert kernel.verdict(map(weighed, ("within", "needs_approval"))) == "needs_approval"
    assert kernel.verdict(map(weighed, ("refused", "needs_approval", "within"))) == "refused"


@pytest.mark.parametrize(
    ("where", "seen"),
    [
        ({}, True),
        ({"role": ["agent", "admin"]}, True),
        ({"role": ["admin"]}, False),
        ({"reason": ["late"], "type": ["recovery"], "kind": ["voucher"]}, True),
        ({"reason": ["late"], "type": ["proactive"]}, False),
        ({"agent": ["lee"]}, False),
        ({"agent": [" Kim "]}, True),
    ],
)
def test_a_cap_looks_at_what_all_its_words_name(where, seen):
    assert kernel.looks_at(compiled(where=where), ANY) is seen


class Shop:
    """A program whose gestures are played straight at the gate, beside a plain recount."""

    def __init__(self, *caps, zone="Europe/Berlin"):
        self.zone, self.version, self.now = zone, 1, START
        recovery = {"caps": list(caps), "reasons": REASONS}
        terms = {"currency": "EUR", "timezone": zone}
        self.program = make.program(program=terms, recovery=recovery)
        self.members = [self.enrol(f"m-{n}") for n in range(3)]

    def enrol(self, name):
        with db.transaction():
            return members.put_member(make.call(self.program), name, {})[0]["id"]

    def put(self, *caps):
        """Put other caps in force."""
        call = make.call(self.program)
        with db.transaction():
            document = dict(programs.get_current(call).document)
            document["recovery"] = {**document["recovery"], "caps": list(caps)}
            new = programs.apply_document(call, document, expected_versions=None)
            self.version = new.version

    def give(self, facts):
        """Give if every cap allows it; return the gesture's id or None, and what was weighed."""
        with db.transaction():
            connection = db.connection()
            gate = gates.open_gate(connection, self.program.id, self.version, self.now)
            weighed = gate.weigh(facts)
            assert [one.used for one in weighed] == self.recount(facts)
            if kernel.verdict(weighed) != "within":
                return None
            gate.count(facts)
            row = self.row(facts, gate.at)
            connection.execute(insert(GESTURE), row)
            changes = Changes()
            gate.write_into(changes)
            changes.write(connection)
            return row["id"]

    def free(self, gesture_id, part=None):
        """Let a gesture, or a part of its value, count no more."""
        with db.transaction():
            connection = db.connection()
            gate = gates.open_gate(connection, self.program.id, self.version, self.now)
            row = connection.execute(select(GESTURE).where(GESTURE.c.id == gesture_id)).one()
            left = row.value_minor - row.freed_minor
            value = left if part is None else min(part, left - 1)
            facts = Facts(
                row.member_id, row.agent, row.role, row.reason, row.type, row.kind, value,
                row.order_ref,
            )  # fmt: skip
            gate.free([Freed(row.id, facts, row.at, still_counts=part is not None)])
            change = {"freed_at": self.now} if part is None else {}
            change["freed_minor"] = row.freed_minor + value
            connection.execute(update(GESTURE).where(GESTURE.c.id == gesture_id).values(change))
            changes = Changes()
            gate.write_into(changes)
            changes.write(connection)

    def recount(self, facts):
        """Add everything up anew, without windows that slide."""
        rows = db.connection().execute(
            select(GESTURE).where(
                GESTURE.c.program_id == self.program.id, GESTURE.c.freed_at.is_(None)
            )
        )
        rows, found = rows.all(), []
        for one in caps_of(self.program.id, self.version):
            if not kernel.weighs(one, facts):
                continue
            key, since = kernel.key_of(one, facts), windows.since(one.window, self.now, self.zone)
            counted = [
                row
                for row in rows
                if key is not None
                and row.at > since
                and kernel.looks_at(one, row)
                and kernel.key_of(one, row) == key
            ]
            values = sum(row.value_minor - row.freed_minor for row in counted)
            found.append(values if one.measure == "value" else len(counted))
        return found

    def row(self, facts, at):
        told = facts._asdict()
        del told["value"], told["order_total"]
        return {
            **dict.fromkeys(column.name for column in GESTURE.c),
            **told,
            "id": ids.new_id("gst"),
            "program_id": self.program.id,
            "amount": facts.value,
            "currency": "EUR",
            "value_minor": facts.value,
            "exception": False,
            "state": "issued",
            "caps": [],
            "precedent": {},
            "at": at,
            "freed_minor": 0,
            "actor": "test",
        }


caps_played = st.sampled_from(
    [
        [cap(limit=1500)],
        [cap(window="P1M", limit=900), cap("count", measure="count", limit=4, window="P2D")],
        [cap(per="member", window="day", limit=500), cap("agents", "agent", window="PT36H")],
        [cap(per="reason", window="week"), cap("late", where={"reason": ["late"]}, limit=700)],
        [cap(per="order", limit=300), cap("role", "role", "count", 3, window="month")],
        [],
    ]
)
steps = st.one_of(
    st.tuples(
        st.just("give"),
        st.integers(0, 2),
        st.sampled_from(["kim", "lee"]),
        st.sampled_from(["late", "broken"]),
        st.sampled_from([1, 100, 250, 499]),
        st.sampled_from([None, "o-1", "o-2"]),
    ),
    st.tuples(st.just("wait"), st.sampled_from([0, 1, 3600, 40_000, 86_400, 200_000])),
    st.tuples(st.just("free"), st.integers(0, 20), st.sampled_from([None, 1, 90])),
    st.tuples(st.just("put"), caps_played),
)


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(caps=caps_played, played=st.lists(steps, max_size=25))
def test_sliding_sums_are_what_a_plain_recount_gives(app, caps, played):
    with app.app_context():
        shop, given_ids = Shop(*caps), []
        for what, *how in played:
            if what == "wait":
                shop.now += timedelta(seconds=how[0])
            elif what == "put":
                shop.put(*how[0])
            elif what == "free":
                if given_ids:
                    index = how[0] % len(given_ids)
                    gone = how[1] is None
                    shop.free(given_ids.pop(index) if gone else given_ids[index], how[1])
            else:
                member, agent, reason, value, order = how
                facts = Facts(
                    shop.members[member], agent, "agent", reason, "recovery", "voucher",
                    value, order, 1000 if order else None,
                )  # fmt: skip
                gesture = shop.give(facts)
                given_ids += [gesture] if gesture else []


def test_a_cap_that_went_and_came_back_counts_what_was_given_meanwhile(app):
    shop = Shop(cap(limit=300))
    assert shop.give(ANY._replace(member_id=shop.members[0]))

    shop.put(cap(measure="count", limit=99, window="day"))
    assert shop.give(ANY._replace(member_id=shop.members[0]))
    shop.put(cap(limit=300))

    assert shop.give(ANY._replace(member_id=shop.members[0]))
    assert shop.give(ANY._replace(member_id=shop.members[0])) is None


def test_time_at_the_gate_never_runs_backwards(app):
    shop = Shop(cap(limit=150, window="PT1H"))
    assert shop.give(ANY._replace(member_id=shop.members[0]))

    shop.now -= timedelta(hours=2)  # another machine's clock

    assert shop.give(ANY._replace(member_id=shop.members[0])) is None


def test_a_year_of_gestures_is_not_added_up_again(app, engine_name):
    """Ten caps, 100,000 gestures in a year: what is read is what left a window, by an index."""
    ten = [
        cap("gesture", "gesture", limit=10**6),
        cap("year", window="P1Y", limit=10**9),
        cap("agent-year", "agent", window="P1Y", limit=10**9),
        cap("month", window="month", limit=10**9),
        cap("member", "member", "count", 10**6, window="P90D"),
        cap("agent", "agent", window="day", limit=10**9),
        cap("role", "role", window="week", limit=10**9),
        cap("reason", "reason", window="P30D", limit=10**9),
        cap("late", window="P365D", where={"reason": ["late"]}, limit=10**9),
        cap("ever", "program", "count", 10**9),
    ]
    shop = Shop(*ten)
    many = 100_000 if engine_name == "postgresql" else 5_000
    with db.transaction():
        fill(shop, many)
    facts = ANY._replace(member_id=shop.members[0])
    with db.transaction():  # the rows are built once
        gate = gates.open_gate(db.connection(), shop.program.id, shop.version, shop.now)
        gate.weigh(facts)
        gate.count(facts)
        changes = Changes()
        gate.write_into(changes)
        changes.write(db.connection())

    shop.now += timedelta(minutes=5)
    with db.transaction():
        told = explained(db.connection(), shop, facts)

    assert len(told) <= 3  # the gate, the rows, what left the windows
    if engine_name == "postgresql":
        rows_read = [plan for plan in told if "gesture" in plan]
        assert rows_read
        for plan in rows_read:
            assert "Seq Scan on gesture" not in plan
            assert most_rows(plan) < 100


def fill(shop, many):
    """Spread gestures over the year before, one every few minutes."""
    between = timedelta(days=365) / many
    for start in range(0, many, 5000):
        rows = []
        for n in range(start, min(many, start + 5000)):
            facts = ANY._replace(
                member_id=shop.members[n % 3], reason=("late", "broken")[n % 2], value=1
            )
            rows.append(shop.row(facts, shop.now - between * (many - n)))
        db.connection().execute(insert(GESTURE), rows)
    if db.connection().dialect.name == "postgresql":
        db.connection().execute(text("ANALYZE gesture"))


def explained(connection, shop, facts):
    """Return the plans of the statements that weigh a gesture, run with their row counts."""
    seen = []

    def note(_conn, _cursor, statement, parameters, _context, _many):
        if not statement.startswith("EXPLAIN"):
            seen.append((statement, parameters))

    event.listen(connection, "before_cursor_execute", note)
    gates.open_gate(connection, shop.program.id, shop.version, shop.now).weigh(facts)
    event.remove(connection, "before_cursor_execute", note)
    if connection.dialect.name != "postgresql":
        return [statement for statement, _ in seen]
    return [
        "\n".join(
            row[0] for row in connection.exec_driver_sql(f"EXPLAIN ANALYZE {told}", parameters)
        )
        for told, parameters in seen
    ]


def most_rows(plan):
    """Return the most rows that a step of the plan gave or threw away."""
    return max(
        int(number)
        for number in re.findall(r"actual time=\S+ rows=(\d+)|Rows Removed by \w+: (\d+)", plan)
        for number in number
        if number
    )
