"""`flask loyalty import …`"""

import csv
import gzip
import os
import signal
from contextlib import suppress
from datetime import UTC, datetime

import pytest
from sqlalchemy import func, select

from loyalty.foundation import db
from loyalty.foundation.events import Event
from loyalty.ledger.models import Account, Entry, Lot
from loyalty.members.models import Member
from loyalty.orders.models import Order
from tests.support import commands, make

HEADER = "id,member,placed_at,currency,total"
THIRD = {"id": "third", "kind": "repeat_purchase", "every": 3, "points": 50}


@pytest.fixture
def import_(run, program, tmp_path):
    """Import a text, or the file that a name stands for: `import_("orders", "id,member…")`."""

    def importing(what, text, *more, name="in.csv", slug=program.slug):
        file = tmp_path / name
        if text is not None:
            file.write_bytes(text if isinstance(text, bytes) else text.encode())
        return run("import", what, str(file), "--program", slug, *more)

    return importing


@pytest.fixture
def rejected(tmp_path):
    """Read what was rejected, by rows: `rejected()`."""
    return lambda name="in": rows_of(tmp_path / f"{name}.rejected.csv")


def rows_of(path):
    with path.open(encoding="utf-8", errors="surrogateescape", newline="") as file:
        return list(csv.DictReader(file))


def table(*rows, header=HEADER):
    return "\n".join([header, *rows]) + "\n"


def long_table(rows, members=40):
    """Orders of a few members, every 100th of them without an amount."""
    return table(
        *(
            f"{n},m{n % members},2026-01-{n % 28 + 1:02},EUR,{'' if n % 100 == 7 else n * 10}"
            for n in range(1, rows + 1)
        )
    )


def columns_of(program, model, *names, by):
    columns = [getattr(model, name) for name in names]
    query = select(*columns).where(model.program_id == program.id).order_by(getattr(model, by))
    with db.reading():
        return [tuple(row) for row in db.session.execute(query)]


def state_of(program):
    """All that an import leaves, without what differs by time and chance."""
    buckets = [getattr(Account, name) for name in ("available", "pending", "earned", "entry_count")]
    of_members = (
        select(Member.external_id, Member.orders, Member.spend, *buckets)
        .join(Account, Account.owner_id == Member.id)
        .where(Member.program_id == program.id)
        .order_by(Member.external_id)
    )
    of_events = (
        select(Event.name, func.count()).where(Event.program_id == program.id).group_by(Event.name)
    )
    with db.reading():
        members = [tuple(row) for row in db.session.execute(of_members)]
        events = dict(map(tuple, db.session.execute(of_events)))
    orders = columns_of(program, Order, "external_id", "granted", by="external_id")
    return {"members": members, "events": events, "orders": orders}


def test_orders_of_a_file_are_recorded_with_what_its_columns_say(import_, program, api):
    result = import_(
        "orders",
        table(
            "1,anna,2026-01-05T10:00:00Z,EUR,2500,399,500,0,web,DE,anna@example.org,Anna,spring",
            "2,,2026-01-06T10:00:00Z,EUR,900,0,0,900,,,,,",
            header=f"{HEADER},tax,shipping,gift_cards,channel,country,email,name,metadata.campaign",
        ),
    )

    assert (result.exit_code, result.stdout) == (0, "Recorded 2, repeated 0, rejected 0.\n")
    first = api.get("/v1/orders/1").body
    assert (first["member"], first["total"], first["points"]["granted"]) == ("anna", 2500, 16)
    assert first["metadata"] == {"campaign": "spring"}
    assert api.get("/v1/orders/2")["member"] is None
    anna = api.get("/v1/members/anna").body
    assert (anna["name"], anna["email"]) == ("Anna", "anna@example.org")
    assert columns_of(
        program, Order, "tax", "gift_cards", "channel", "country", by="placed_at"
    ) == [
        (399, 0, "web", "DE"),
        (0, 900, None, None),
    ]


def test_lines_are_given_as_json(import_, api):
    cell = '"[{""id"": ""a"", ""sku"": ""TEA"", ""amount"": 700}]"'

    result = import_(
        "orders",
        table(
            f"1,anna,2026-01-05,EUR,700,{cell}",
            "2,anna,2026-01-05,EUR,700,[tea]",
            header=f"{HEADER},lines",
        ),
    )

    assert result.exit_code == 1
    assert api.get("/v1/orders/1")["lines"][0]["sku"] == "TEA"
    assert api.get("/v1/orders/2").status == 404


def test_a_mere_date_is_the_beginning_of_the_local_day(import_, program):
    import_("orders", table("1,anna,2026-01-05,EUR,100", "2,anna,2026-07-05,EUR,100"))

    assert columns_of(program, Order, "placed_at", by="placed_at") == [
        (datetime(2026, 1, 4, 23, tzinfo=UTC),),
        (datetime(2026, 7, 4, 22, tzinfo=UTC),),
    ]


def test_without_a_currency_column_the_amounts_are_in_the_programs_currency(import_, program):
    import_("orders", table("1,anna,2026-01-05,100", header="id,member,placed_at,total"))

    assert columns_of(program, Order, "currency", by="id") == [("EUR",)]


def test_rows_that_are_refused_are_kept_with_their_columns_and_the_reason(import_, rejected, api):
    result = import_(
        "orders",
        table(
            "1,anna,2026-01-05,EUR,100,x",
            "2,anna,2026-01-05,EUR,12.50,x",
            "3,anna,2026-02-30,EUR,100,x",
            "4,anna,2026-01-05,USD,100,x",
            "5,anna,2026-01-05,EUR,100",
            ",anna,2026-01-05,EUR,100,x",
            "",
            '6,"anna ""the""\nb",2026-01-05,EUR,100,x',
            "7,anna,2026-01-05,EUR,100,x",
            header=f"{HEADER},colour",
        ),
    )

    assert result.exit_code == 1
    assert "Recorded 2, repeated 0, rejected 6 (see " in result.stdout
    assert "not read: colour" in result.stderr
    found = rejected()
    assert list(found[0]) == [*HEADER.split(","), "colour", "reason"]
    for row, (order, reason) in zip(
        found,
        [
            ("2", 'total must be a whole number from 0 to 9007199254740991, not "12.50"'),
            ("3", "placed_at must be an RFC 3339 instant"),
            ("4", "currency must be EUR"),
            ("5", "the row has 5 cells, the header has 6"),
            ("", "id is missing; it must be text of 1 to 255 characters"),
            ("6", "member must be text of 1 to 255 characters, without control characters"),
        ],
        strict=True,
    ):
        assert row["id"] == order
        assert row["reason"].startswith(reason)
    assert found[5]["member"] == 'anna "the"\nb'
    assert api.get("/v1/members/anna/balance")["points"]["available"] == 2


def test_rows_that_were_put_right_are_imported_from_the_file_of_the_rejected(
    import_, rejected, tmp_path
):
    import_("orders", table("1,anna,2026-01-05,EUR,100", "2,anna,2026-01-05,EUR,2 00"))
    text = (tmp_path / "in.rejected.csv").read_text()

    result = import_("orders", text.replace("2 00", "200"), name="in.rejected.csv")

    assert (result.exit_code, result.stdout) == (0, "Recorded 1, repeated 0, rejected 0.\n")
    assert "reason" not in result.stderr
    assert not (tmp_path / "in.rejected.rejected.csv").exists()


def test_an_import_without_refusals_leaves_no_file_of_an_earlier_one(import_, tmp_path):
    import_("orders", table("1,anna,2026-01-05,EUR,x"))
    assert (tmp_path / "in.rejected.csv").exists()

    import_("orders", table("1,anna,2026-01-05,EUR,100"))

    assert not (tmp_path / "in.rejected.csv").exists()


def test_columns_may_have_other_names(import_, api):
    result = import_(
        "orders",
        table("7,anna,2026-01-05,250,vinyl", header="row,customer_id,date,cents,kind"),
        "--column", "id=row", "--column", "member=customer_id", "--column", "placed_at=date",
        "--column", "total=cents", "--column", "metadata.kind=kind",
    )  # fmt: skip

    assert result.exit_code == 0
    assert api.get("/v1/orders/7")["metadata"] == {"kind": "vinyl"}


@pytest.mark.parametrize(
    ("header", "more", "says"),
    [
        ("id,member,placed_at", [], "no column 'total'"),
        ("id,member,placed_at,amount", ["--column", "total=sum"], "no column 'sum'"),
        ("id,member,placed_at,total,total", [], "several columns 'total'"),
        (HEADER, ["--column", "colour=total"], "no field 'colour'"),
        (HEADER, ["--column", "total"], "FIELD=NAME"),
        (HEADER.replace("total", "totl"), [], "id, member, placed_at, currency, totl"),
    ],
)
def test_columns_that_do_not_fit_are_refused_before_anything_is_read(import_, header, more, says):
    result = import_("orders", table("1,anna,2026-01-05,100,1", header=header), *more)

    assert result.exit_code in {1, 2}
    assert result.stdout == ""
    assert says in result.stderr


def test_a_column_that_may_be_misspelt_is_named(import_):
    result = import_("orders", table("1,anna,2026-01-05,EUR,100,9", header=f"{HEADER},shiping"))

    assert "not read: shiping (did you mean shipping?)" in result.stderr


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is empty"),
        (b"\n", "is empty"),
        (HEADER.encode("utf-16"), "is not text in UTF-8"),
        (gzip.compress(table("1,anna,2026-01-05,EUR,100").encode())[:-9], "cannot be read"),
        (b"\x1f\x8bnonsense", "cannot be read"),
    ],
    ids=["nothing", "a blank line", "UTF-16", "half a gzip", "no gzip"],
)
def test_a_file_that_is_no_table_is_refused_in_a_sentence(import_, content, says):
    result = import_("orders", content)

    assert (result.exit_code, result.stdout) == (1, "")
    assert says in result.stderr


def test_rows_that_cannot_be_read_spoil_no_others(import_, rejected, api):
    content = table("1,anna,2026-01-05,EUR,100").encode()
    content += b"2,M\xfcller,2026-01-05,EUR,100\n"
    content += b'3,"never closed,2026-01-05,EUR,100\n' + b"x" * 140_000 + b"\n"
    content += b"4,anna,2026-01-05,EUR,100\n"

    result = import_("orders", content)

    assert result.exit_code == 1
    reasons = [row["reason"] for row in rejected()]
    assert reasons[0] == "the row is not text in UTF-8"
    assert "cannot be read as CSV" in reasons[1]
    assert rejected()[0]["member"].encode(errors="surrogateescape") == b"M\xfcller"
    assert api.get("/v1/orders/1").status == api.get("/v1/orders/4").status == 200


def test_a_byte_order_mark_and_other_line_ends_are_no_matter(import_):
    text = "\ufeff" + table("1,anna,2026-01-05,EUR,100").replace("\n", "\r\n")

    assert import_("orders", text).stdout == "Recorded 1, repeated 0, rejected 0.\n"


def test_a_gzipped_file_is_read_like_the_plain_one(import_, rejected):
    text = table("1,anna,2026-01-05,EUR,100", "2,anna,2026-01-05,EUR,?")

    result = import_("orders", gzip.compress(text.encode()), name="in.csv.gz")

    assert "Recorded 1, repeated 0, rejected 1 (see " in result.stdout
    assert [row["id"] for row in rejected()] == ["2"]


def test_importing_again_records_nothing_again(import_, program):
    text = table("1,anna,2026-01-05,EUR,1000", "2,anna,2026-01-05,EUR,1000")
    import_("orders", text)
    before = state_of(program)

    assert import_("orders", text).stdout == "Recorded 0, repeated 2, rejected 0.\n"
    assert import_("orders", text, name="copy.csv").stdout.startswith("Recorded 0, repeated 2")
    assert state_of(program) == before


def test_an_order_that_comes_again_with_other_content_is_refused(import_, rejected, api):
    import_("orders", table("1,anna,2026-01-05,EUR,1000"))

    result = import_("orders", table("1,anna,2026-01-05,EUR,2000"))

    assert result.exit_code == 1
    assert rejected()[0]["reason"] == "Order '1' was recorded before with other content."
    assert api.get("/v1/orders/1")["total"] == 1000


def test_orders_count_in_the_order_of_the_file_across_chunks(run, import_):
    program = make.program(earning={"rules": [THIRD]})
    rows = [f"{n},m{n % 400},2026-01-05,EUR,100" for n in range(1200)]

    import_("orders", table(*rows), slug=program.slug)

    granted = {
        int(order): points
        for order, points in columns_of(program, Order, "external_id", "granted", by="id")
    }
    assert granted == {n: 50 * (n >= 800) for n in range(1200)}


def test_a_killed_import_resumes_to_what_an_uninterrupted_one_leaves(
    import_, program, database_url, tmp_path
):
    text, other = long_table(4000), make.program()
    whole = import_("orders", text, name="whole.csv", slug=other.slug)
    file = tmp_path / "in.csv"
    file.write_text(text)
    arguments = ("import", "orders", file, "--program", program.slug)

    commands.kill_in_the_middle(commands.start(database_url, *arguments), program, beyond=0)
    first = commands.rows_done(program)
    commands.kill_in_the_middle(
        commands.start(database_url, *arguments, "--resume"), program, beyond=first
    )
    second = commands.rows_done(program)
    with (tmp_path / "in.rejected.csv").open("a") as rejects:
        rejects.write("a row whose chunk was never committed\n")
    resumed = import_("orders", None, "--resume")

    assert 0 < first < second < 4000
    assert "Recorded 3960, repeated 0, rejected 40 (see " in resumed.stdout
    assert resumed.stdout == whole.stdout.replace("whole", "in")
    assert resumed.exit_code == 1
    assert (tmp_path / "in.rejected.csv").read_text() == (
        tmp_path / "whole.rejected.csv"
    ).read_text()
    assert state_of(program) == state_of(other)


def test_an_import_killed_at_any_moment_may_simply_be_repeated(
    run, import_, program, database_url, tmp_path
):
    file, other = tmp_path / "in.csv", make.program()
    file.write_text(long_table(4000))
    with commands.start(
        database_url, "import", "orders", file, "--program", program.slug
    ) as process:
        commands.wait_for_rows(process, program)
        process.kill()
        process.communicate()

    repeated = import_("orders", None)
    run("import", "orders", str(file), "--program", other.slug)

    recorded, repeats, rejects = (int(word.strip(",.")) for word in repeated.stdout.split()[1:6:2])
    assert (recorded + repeats, rejects) == (3960, 40)
    assert repeats >= 400
    assert state_of(program) == state_of(other)
    assert run("ledger", "verify", "--program", program.slug).exit_code == 0


def test_resuming_what_is_done_says_the_same_again(import_):
    text = table("1,anna,2026-01-05,EUR,100", "2,anna,2026-01-05,EUR,?")

    first = import_("orders", text)

    assert import_("orders", text, "--resume").stdout == first.stdout


def test_resuming_another_file_begins_at_its_beginning(import_):
    import_("orders", table("1,anna,2026-01-05,EUR,100"))

    result = import_("orders", table("2,anna,2026-01-05,EUR,100"), "--resume")

    assert result.stdout == "Recorded 1, repeated 0, rejected 0.\n"


def test_resuming_without_the_rows_rejected_so_far_is_refused(import_, tmp_path):
    text = table("1,anna,2026-01-05,EUR,?")
    import_("orders", text)
    (tmp_path / "in.rejected.csv").unlink()

    result = import_("orders", text, "--resume")

    assert result.exit_code == 1
    assert "Import again without --resume" in result.stderr


@pytest.fixture
def on_sqlite(new_app, tmp_path):
    """The URL of a database with a program `shop`, for what is the same on both engines."""
    url = f"sqlite:///{tmp_path / 'loyalty.db'}"
    with new_app(url) as app, app.app_context():
        yield url, make.program(slug="shop")
        db.session.remove()


def test_ctrl_c_stops_an_import_with_a_sentence(on_sqlite, tmp_path):
    url, program = on_sqlite
    file = tmp_path / "in.csv"
    file.write_text(long_table(20_000))
    process = commands.start(url, "import", "orders", file, "--program", "shop")
    commands.wait_for_rows(process, program)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate()

    assert process.returncode == 1
    assert f"Stopped after {commands.rows_done(program)} rows; --resume goes on from there." in said


def test_an_import_tells_a_terminal_how_far_it_is(on_sqlite, tmp_path):
    file = tmp_path / "in.csv"
    file.write_text(long_table(1000))
    ours, theirs = os.openpty()
    arguments = ("import", "orders", file, "--program", "shop")

    with commands.start(on_sqlite[0], *arguments, stderr=theirs) as process:
        os.close(theirs)
        shown = b""
        with suppress(OSError):  # how a terminal says that nobody is left
            while more := os.read(ours, 4096):
                shown += more
        os.close(ours)
        process.communicate()

    assert "1000/1000" in shown.decode()
    assert "rows/s" in shown.decode()


def test_opening_balances_become_lots_with_their_expiry(run, import_, program, api):
    result = import_(
        "balances",
        table(
            "anna,300,2030-06-30,anna@example.org,Anna",
            "anna,200,2031-01-01T00:00:00Z,,",
            "ben,50,,,",
            header="member,points,expires_at,email,name",
        ),
    )

    assert (result.exit_code, result.stdout) == (0, "Recorded 3, repeated 0, rejected 0.\n")
    balance = api.get("/v1/members/anna/balance").body
    assert balance["points"] == {"available": 500, "pending": 0, "held": 0, "debt": 0}
    assert balance["expiring"] == [
        {"points": 300, "expires_at": "2030-06-30T22:00:00Z"},
        {"points": 200, "expires_at": "2031-01-01T00:00:00Z"},
    ]
    entries = api.get("/v1/members/anna/entries")["data"]
    assert [(entry["kind"], entry["points"]) for entry in entries] == [
        ("opening", 200),
        ("opening", 300),
    ]
    assert entries[1]["explanation"] == "300 points brought along."
    assert api.get("/v1/members/anna")["name"] == "Anna"
    assert state_of(program)["events"] == {"points.opened": 3}
    assert run("ledger", "verify", "--program", program.slug).exit_code == 0


def test_opening_balances_without_an_expiry_last_as_long_as_points_earned_now(import_):
    rules = make.PLAIN["earning"]["rules"]
    program = make.program(earning={"rules": rules, "expires_after": "P12M"})

    import_("balances", table("anna,300", header="member,points"), slug=program.slug)

    with db.reading():
        query = select(Lot).join(Account, Account.id == Lot.account_id)
        lot = db.session.scalar(query.where(Account.program_id == program.id))
    assert (lot.expires_at - lot.available_at).days in {365, 366}


def test_opening_balances_enrol_also_where_members_have_to_ask(import_, client):
    program = make.program(program={"enrol": "explicit"})

    import_("balances", table("anna,300", header="member,points"), slug=program.slug)

    api = make.api(client, make.key(program))
    assert api.get("/v1/members/anna/balance")["points"]["available"] == 300


def test_a_row_with_an_id_is_granted_once_in_whatever_file(import_, rejected, api):
    header = "id,member,points"
    import_("balances", table("a,anna,300", "b,anna,5", header=header))

    result = import_(
        "balances", table("b,anna,5", "a,anna,400", "a,ben,300", "c,anna,1", header=header)
    )

    assert "Recorded 1, repeated 1, rejected 2 (see " in result.stdout
    assert [(row["member"], row["reason"]) for row in rejected()] == [
        ("anna", "Opening balance 'a' was recorded before with other content."),
        ("ben", "Opening balance 'a' was recorded before with other content."),
    ]
    assert api.get("/v1/members/anna/balance")["points"]["available"] == 306


def test_rows_without_ids_are_granted_once_for_each_file(import_, api):
    text = table("anna,300", "anna,300", header="member,points")

    for times in range(2):
        result = import_("balances", text)
        assert result.stdout.startswith(f"Recorded {2 - 2 * times}, repeated {2 * times},")

    assert api.get("/v1/members/anna/balance")["points"]["available"] == 600


def test_opening_balances_count_once_even_after_a_merge(import_, api):
    text = table("anna,300", header="member,points")
    import_("balances", text)
    api.put("/v1/members/ben")
    assert api.post("/v1/members/anna/merge", {"into": "ben"}).status == 200

    assert import_("balances", text).stdout == "Recorded 0, repeated 1, rejected 0.\n"
    assert api.get("/v1/members/ben/balance")["points"]["available"] == 300


def test_balances_that_make_no_sense_are_refused(import_, rejected):
    result = import_(
        "balances",
        table(
            "anna,0,",
            "anna,-5,",
            "anna,1.5,",
            ",5,",
            "anna,5,2020-01-01",
            "anna,5,soon",
            header="member,points,expires_at",
        ),
    )

    assert result.stdout.startswith("Recorded 0, repeated 0, rejected 6")
    assert [row["reason"].split(" ")[0] for row in rejected()] == [
        "points", "points", "points", "member", "expires_at", "expires_at",
    ]  # fmt: skip


def test_opening_balances_pay_what_is_owed_first(import_, client, run):
    program = make.program()
    api = make.api(client, make.key(program))
    order = {"id": "1", "member": "anna", "currency": "EUR", "total": 10_000}
    api.post("/v1/orders", order)
    api.post("/v1/members/anna/adjustments", {"points": -100, "reason": "x"}, idempotency_key="k")
    api.post("/v1/orders/1/cancel")
    assert api.get("/v1/members/anna/balance")["points"]["debt"] == 100

    import_("balances", table("anna,300", header="member,points"), slug=program.slug)

    points = api.get("/v1/members/anna/balance")["points"]
    assert (points["available"], points["debt"]) == (200, 0)
    assert run("ledger", "verify", "--program", program.slug).exit_code == 0


def test_a_killed_import_of_balances_resumes(import_, program, run, database_url, tmp_path):
    file = tmp_path / "in.csv"
    rows = [f"m{n},{n}" for n in range(1, 3001)]
    file.write_text(table(*rows, header="member,points"))
    arguments = ("import", "balances", file, "--program", program.slug)
    commands.kill_in_the_middle(commands.start(database_url, *arguments), program, beyond=0)

    result = import_("balances", None, "--resume")

    assert result.stdout == "Recorded 3000, repeated 0, rejected 0.\n"
    with db.reading():
        total = select(func.sum(Account.available)).where(Account.program_id == program.id)
        entries = select(func.count()).select_from(Entry).join(Account)
        assert db.session.scalar(total) == 3000 * 3001 // 2
        assert db.session.scalar(entries.where(Account.program_id == program.id)) == 3000
    assert run("ledger", "verify", "--program", program.slug).exit_code == 0
