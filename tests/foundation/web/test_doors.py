"""Doors: one transaction a request, whole or not at all, and once for each Idempotency-Key."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from flask import request
from sqlalchemy import Column, Integer, MetaData, String, Table, func, insert, select

from config import Settings
from loyalty import app as roof
from loyalty.foundation import db, idempotency, ids, problems
from loyalty.foundation.tenancy import Program
from loyalty.foundation.web import api, caller, doors, fields, schema

effects = Table(
    "effect",
    MetaData(),
    Column("id", Integer, primary_key=True),
    Column("program_id", String(64)),
    Column("name", String(64), unique=True),
)
stage = SimpleNamespace(calls=0, entered=threading.Event(), go_on=threading.Event())


class Effect(schema.Schema):
    name = fields.Text(required=True)
    count = fields.Integer(dump_only=True)


def known(view):
    """Let the headers say who calls, as the guard would find out from a key."""

    def guarded(*args, **kwargs):
        caller.become(
            caller.Caller(
                kind="key",
                program_id=request.headers["Program"],
                actor="key:1",
                scopes=frozenset(),
                member_id=request.headers.get("Member"),
            )
        )
        return view(*args, **kwargs)

    guarded.__name__ = view.__name__
    guarded.__dict__.update(view.__dict__)
    return guarded


def put(name):
    connection = db.connection()
    connection.execute(
        insert(effects), {"program_id": caller.current_caller().program_id, "name": name}
    )
    return {"name": name, "count": count_in(connection)}


def count_in(connection):
    here = effects.c.program_id == caller.current_caller().program_id
    return connection.scalar(select(func.count()).select_from(effects).where(here))


made = api.Blueprint("made", __name__, url_prefix="/v1")


@made.route("/effects", methods=["POST"])
@known
@doors.idempotent
@made.arguments(Effect)
@made.response(201, Effect, description="Made.")
def put_effect(given):
    stage.calls += 1
    return put(given["name"] + ids.new_id("")), {"ETag": '"1"', "Not-Kept": "1"}


@made.route("/named_effects", methods=["POST"])
@known
@doors.writes
@made.arguments(Effect)
@made.response(201, Effect)
def put_named_effect(given):
    return put(given["name"])


@made.route("/refused_effects", methods=["POST"])
@known
@doors.idempotent
def refuse_effect():
    stage.calls += 1
    put(ids.new_id("refused"))
    raise problems.Conflict("Not now.")


@made.route("/slow_effects", methods=["POST"])
@known
@doors.idempotent
@made.response(201, Effect)
def put_slowly():
    shown = put(ids.new_id("slow"))
    stage.entered.set()
    assert stage.go_on.wait(20)
    return shown


@made.route("/racing_effects", methods=["POST"])
@known
@doors.writes
@made.response(201, Effect)
def lose_twice():
    stage.calls += 1
    shown = put(ids.new_id("race"))
    if stage.calls < 3:
        raise db.LostUpdate
    return shown


@made.route("/members_effects", methods=["POST"])
@known
@doors.idempotent
@made.response(201, Effect)
def put_for_member():
    idempotency.concerns("mbr_1")
    return put(ids.new_id("member"))


@made.route("/effects", methods=["GET"])
@known
@doors.reads
@made.response(200, Effect)
def count_effects():
    return {"name": "all", "count": count_in(db.connection())}


@pytest.fixture(scope="session")
def house(new_database):
    """An application with the operations above, on the engine under test."""
    with new_database("doors") as url:
        with pytest.MonkeyPatch.context() as patch:  # other applications keep their doors
            patch.setattr(roof, "DOORS", ())
            app = roof.create_app(
                Settings(database_url=url, secret_key="x" * 32, base_url="http://localhost")
            )
        app.extensions["flask-smorest"]["apis"][""]["ext_obj"].register_blueprint(made)
        with app.app_context():
            tables = [Program.__table__, idempotency.IdempotencyKey.__table__]
            db.metadata.create_all(db.db.engine, tables=tables)
            effects.metadata.create_all(db.db.engine)
        yield app
        with app.app_context():
            db.db.engine.dispose()


@pytest.fixture
def program(house):
    stage.calls = 0
    stage.entered.clear()
    stage.go_on.clear()
    return new_program(house)


def new_program(house):
    row = {"id": ids.new_id("prg"), "slug": ids.new_id("s"), "mode": "live", "version": 1}
    with house.app_context(), db.transaction():
        now = datetime.now(UTC)
        db.connection().execute(insert(Program), {**row, "test_now": None, "created_at": now})
    return row["id"]


@pytest.fixture
def send(house, program):
    """Send a call for the program: `send("/v1/effects", {"name": "a"}, key="k")`."""

    def sent(path, body=None, *, key=None, method="POST", **headers):
        headers = {"Program": program, **headers}
        if key is not None:
            headers["Idempotency-Key"] = key
        return house.test_client().open(path, method=method, json=body, headers=headers)

    def count():
        return sent("/v1/effects", method="GET").json["count"]

    sent.count = count
    return sent


def test_a_view_and_its_effect_are_one_transaction(send):
    assert send("/v1/named_effects", {"name": ids.new_id("a")}).status_code == 201
    assert send("/v1/refused_effects", key="k").status_code == 409
    assert send.count() == 1


def test_a_lost_race_is_run_again_as_a_whole(send):
    answer = send("/v1/racing_effects")

    assert answer.status_code == 201
    assert stage.calls == 3
    assert send.count() == 1


def test_the_same_key_and_body_get_the_first_answer_again(send):
    first = send("/v1/effects", {"name": "a"}, key="k-1")
    again = send("/v1/effects", {"name": "a"}, key="k-1")

    assert first.status_code == again.status_code == 201
    assert again.data == first.data
    assert again.content_type == first.content_type
    assert again.headers["ETag"] == '"1"'
    assert "Not-Kept" not in again.headers
    assert again.headers["Idempotent-Replayed"] == "true"
    assert "Idempotent-Replayed" not in first.headers
    assert again.headers["Request-Id"] != first.headers["Request-Id"]
    assert stage.calls == 1
    assert send.count() == 1


def test_a_body_that_means_the_same_is_the_same(house, program, send):
    send("/v1/effects", {"name": "a"}, key="k")

    answer = house.test_client().post(
        "/v1/effects",
        data=rb' { "name" : "\u0061" } ',
        content_type="application/json",
        headers={"Program": program, "Idempotency-Key": "k"},
    )

    assert answer.headers["Idempotent-Replayed"] == "true"


def test_the_same_key_for_something_else_is_refused(send):
    send("/v1/effects", {"name": "a"}, key="k")

    for path, body in [("/v1/effects", {"name": "b"}), ("/v1/named_effects", {"name": "a"})]:
        answer = send(path, body, key="k")

        assert answer.status_code == 422
        assert answer.json["code"] == "idempotency_key_reused"
    assert send.count() == 1


def test_a_refused_call_is_not_pinned(send):
    for calls in (1, 2):
        assert send("/v1/refused_effects", key="k").status_code == 409
        assert stage.calls == calls
    assert send("/v1/effects", {"name": 5}, key="k").status_code == 422
    assert send("/v1/effects", {"name": "a"}, key="k").status_code == 201


def test_a_key_is_required_where_nothing_else_tells_calls_apart(send):
    answer = send("/v1/effects", {"name": "a"})

    assert answer.status_code == 400
    assert answer.json["code"] == "missing_idempotency_key"
    assert send("/v1/named_effects", {"name": ids.new_id("a")}).status_code == 201


@pytest.mark.parametrize("key", ["", "x" * 256, "a b", "\xe9", "a\tb"])
def test_a_key_must_be_visible_text(send, key):
    answer = send("/v1/effects", {"name": "a"}, key=key)

    assert answer.status_code == 400
    assert answer.json["code"] == "invalid_idempotency_key"


def test_a_key_may_be_any_visible_text_of_255_characters(send):
    assert send("/v1/effects", {"name": "a"}, key='"!~' + "k" * 252).status_code == 201


def test_programs_and_members_have_keys_of_their_own(house, send):
    send("/v1/effects", {"name": "a"}, key="k")

    other = send("/v1/effects", {"name": "b"}, key="k", Program=new_program(house))
    member = send("/v1/effects", {"name": "c"}, key="k", Member="mbr_2")

    assert other.status_code == member.status_code == 201
    assert "Idempotent-Replayed" not in member.headers


def test_an_unreadable_body_is_told_before_its_key_is_looked_up(house, program):
    answer = house.test_client().post(
        "/v1/effects",
        data="{",
        content_type="application/json",
        headers={"Program": program, "Idempotency-Key": "k"},
    )

    assert answer.json["code"] == "malformed_json"


def test_a_call_while_the_first_still_runs_waits_or_is_told_to(send, engine_name):
    with ThreadPoolExecutor() as threads:
        first = threads.submit(send, "/v1/slow_effects", key="k")
        assert stage.entered.wait(20)
        second = threads.submit(send, "/v1/slow_effects", key="k")
        if engine_name == "postgresql":
            assert second.result().status_code == 409
            assert second.result().json["code"] == "idempotency_in_progress"
            assert second.result().headers["Retry-After"] == "1"
        stage.go_on.set()
        assert first.result().status_code == 201
        if engine_name == "sqlite":
            assert second.result().headers["Idempotent-Replayed"] == "true"

    assert send("/v1/slow_effects", key="k").headers["Idempotent-Replayed"] == "true"
    assert send.count() == 1


def test_many_calls_with_one_key_at_once_take_effect_once(send):
    with ThreadPoolExecutor(8) as threads:
        calls = [threads.submit(send, "/v1/effects", {"name": "a"}, key="k") for _ in range(40)]
        answers = [call.result() for call in calls]

    assert {answer.status_code for answer in answers} <= {201, 409}
    first = [
        answer
        for answer in answers
        if answer.status_code == 201 and "Idempotent-Replayed" not in answer.headers
    ]
    assert len(first) == 1
    assert {answer.data for answer in answers if answer.status_code == 201} == {first[0].data}
    assert send.count() == 1


def kept_in(house, program):
    table = idempotency.IdempotencyKey.__table__
    with house.app_context(), db.reading():
        rows = select(table.c.key).where(table.c.program_id == program)
        return set(db.connection().scalars(rows))


def test_erasing_a_member_forgets_what_answers_showed_of_them(house, program, send):
    send("/v1/members_effects", key="shows the member".replace(" ", "-"))
    send("/v1/effects", {"name": "a"}, key="shows-nobody")
    send("/v1/effects", {"name": "a"}, key="asked-by-the-member", Member="mbr_1")
    send("/v1/effects", {"name": "a"}, key="asked-by-another", Member="mbr_2")

    with house.app_context(), db.transaction():
        idempotency.forget("mbr_1")

    assert kept_in(house, program) == {"shows-nobody", "asked-by-another"}


def test_keys_are_kept_for_thirty_days(house, program, send):
    for key in ("a", "b", "c"):
        send("/v1/effects", {"name": key}, key=key)
    now = datetime.now(UTC)

    def forget_at(moment, limit=1000):
        with house.app_context(), db.transaction():
            return idempotency.forget_expired(now=moment, limit=limit)

    assert forget_at(now + timedelta(days=29, hours=23)) == 0
    assert kept_in(house, program) == {"a", "b", "c"}
    assert forget_at(now + timedelta(days=31), limit=1) == 1
    assert forget_at(now + timedelta(days=31)) >= 2
    assert kept_in(house, program) == set()
