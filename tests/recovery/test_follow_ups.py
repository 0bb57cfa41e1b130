"""Follow-ups: opened with a gesture, due after its reason's delay, answered once."""

from collections import Counter
from datetime import timedelta

import pytest

from loyalty.foundation import clock, db
from loyalty.foundation.events import Event
from loyalty.recovery.follow_ups import service
from tests.recovery.followed import DAY, complete, give, list_follow_ups, open_shop
from tests.support import make, statements
from tests.support.money import NOON, Refused, instant

EVENT = db.table_of(Event)
HOUR = timedelta(hours=1)


@pytest.fixture
def shop(app):
    shop = open_shop(app)
    shop.enrol("ann", contact={"channel": "sms"})
    yield shop
    shop.verify()


def sweep(shop):
    """What the worker does: tell once what became due."""
    with db.reading():
        due = shop.program_id in service.list_due_programs(clock.system_now())
    with db.transaction():
        done = service.tell_due(make.call(shop.program_id), limit=10)
    assert due is bool(done)
    return done


def events(shop, name):
    with db.reading():
        rows = db.connection().execute(
            EVENT.select()
            .where(EVENT.c.program_id == shop.program_id, EVENT.c.name == name)
            .order_by(EVENT.c.id)
        )
        return [row.data for row in rows]


def test_a_gesture_opens_a_follow_up_by_the_member_s_channel_after_the_reason_s_delay(shop):
    gesture = give(shop, "ann", case_ref="ZD-1", message_to_customer="We are sorry.")

    [follow_up] = list_follow_ups(shop)

    assert follow_up["state"] == "open"
    assert follow_up["gesture"] == gesture["id"]
    assert follow_up["due_at"] == instant(NOON + 2 * DAY)
    assert (follow_up["channel"], follow_up["case_ref"]) == ("sms", "ZD-1")
    assert follow_up["message_to_customer"] == "We are sorry."
    assert [one["id"] for one in follow_up["gestures"]] == [gesture["id"]]


def test_a_reason_without_a_delay_of_its_own_has_the_program_s(shop):
    give(shop, "ann", reason="thanks")

    assert list_follow_ups(shop)[0]["due_at"] == instant(NOON + 3 * DAY)


@pytest.mark.parametrize(
    ("contact", "channel"),
    [({"channel": "none"}, None), ({"channel": "post"}, "post"), (None, "email")],
)
def test_nobody_is_asked_by_a_channel_that_they_do_not_want(shop, contact, channel):
    shop.enrol("ben", contact=contact)
    give(shop, "ben")

    assert list_follow_ups(shop)[0]["channel"] == channel


def test_a_follow_up_is_due_when_its_time_has_come_whether_or_not_a_worker_runs(shop):
    give(shop, "ann")

    shop.set_clock(NOON + 2 * DAY)

    assert [one["state"] for one in list_follow_ups(shop, "due")] == ["due"]
    assert list_follow_ups(shop, "open") == []


def test_it_is_told_once_that_a_follow_up_is_due(shop):
    give(shop, "ann")
    assert sweep(shop) == Counter()

    shop.set_clock(NOON + 2 * DAY)
    assert sweep(shop) == Counter(follow_ups=1)
    assert sweep(shop) == Counter()

    [follow_up] = list_follow_ups(shop)
    assert events(shop, "follow_up.due") == [
        {"follow_up": follow_up["id"], "gesture": follow_up["gesture"], "channel": "sms"}
    ]


def test_what_was_answered_before_its_time_never_becomes_due(shop):
    give(shop, "ann")
    complete(shop, list_follow_ups(shop)[0], "satisfied")

    shop.set_clock(NOON + 9 * DAY)

    assert sweep(shop) == Counter()
    assert list_follow_ups(shop, "due") == []


def test_an_answer_completes_it_and_names_who_took_it(shop):
    give(shop, "ann")
    [follow_up] = list_follow_ups(shop)

    done = complete(shop, follow_up, "satisfied", satisfaction=5, note="All is well.")

    assert (done["state"], done["result"], done["satisfaction"]) == ("completed", "satisfied", 5)
    assert done["completed_by"].startswith("key:")
    assert (done["link"], done["reopened_by"]) == (None, None)
    assert list_follow_ups(shop, "completed") == [done]
    acts = shop.call("GET", f"/v1/audit?subject={follow_up['id']}")["data"]
    assert [act["action"] for act in acts] == ["follow_up.completed"]


def test_the_same_answer_again_changes_nothing_and_another_is_a_conflict(shop):
    give(shop, "ann")
    [follow_up] = list_follow_ups(shop)
    first = complete(shop, follow_up, "unsatisfied", note="Still broken.")

    assert complete(shop, follow_up, "unsatisfied", note="Still broken.") == first
    with pytest.raises(Refused) as refused:
        complete(shop, follow_up, "satisfied")

    assert (refused.value.status, refused.value.code) == (409, "follow_up_completed")
    assert len(list_follow_ups(shop)) == 2
    assert len(events(shop, "follow_up.completed")) == 1


@pytest.mark.parametrize("result", ["unsatisfied", "reopened"])
def test_who_is_not_satisfied_is_asked_again_with_the_case_in_view(shop, result):
    first = give(shop, "ann", case_ref="ZD-1")
    second = give(shop, "ann", case_ref="ZD-1", reason="thanks")
    give(shop, "ann", case_ref="ZD-2")
    shop.enrol("ben")
    give(shop, "ben", case_ref="ZD-1")
    asked = next(one for one in list_follow_ups(shop) if one["gesture"] == first["id"])

    done = complete(shop, asked, result)

    [again] = list_follow_ups(shop, "due")
    assert (done["reopened_by"], again["reopens"]) == (again["id"], asked["id"])
    assert (again["gesture"], again["due_at"]) == (first["id"], instant(NOON))
    assert [one["id"] for one in again["gestures"]] == [first["id"], second["id"]]


def test_a_case_without_a_reference_is_what_belongs_to_the_order(shop):
    shop.order("o-1", "ann", 5000)
    shop.order("o-2", "ann", 5000)
    first = give(shop, "ann", order_id="o-1")
    second = give(shop, "ann", order_id="o-1")
    give(shop, "ann", order_id="o-2")
    give(shop, "ann")

    asked = next(one for one in list_follow_ups(shop) if one["gesture"] == first["id"])

    assert [one["id"] for one in asked["gestures"]] == [first["id"], second["id"]]


@pytest.mark.parametrize("result", ["satisfied", "no_answer"])
def test_a_case_that_is_well_or_unanswered_stays_closed(shop, result):
    give(shop, "ann")

    done = complete(shop, list_follow_ups(shop)[0], result)

    assert done["reopened_by"] is None
    assert len(list_follow_ups(shop)) == 1


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"result": "fine"},
        {"result": "satisfied", "satisfaction": 0},
        {"result": "satisfied", "satisfaction": 6},
        {"result": "no_answer", "satisfaction": 3},
        {"result": "satisfied", "note": "x" * 2001},
        {"result": "satisfied", "agent": "kim"},
    ],
)
def test_an_answer_that_makes_no_sense_is_refused(shop, answer):
    give(shop, "ann")
    [follow_up] = list_follow_ups(shop)

    answered = shop.send("POST", f"/v1/follow_ups/{follow_up['id']}/complete", answer)

    assert answered.status_code == 422
    assert list_follow_ups(shop, "completed") == []


def test_follow_ups_are_listed_the_longest_due_first_page_by_page(shop):
    for hour in range(5):
        shop.set_clock(NOON + hour * HOUR)
        give(shop, "ann")

    every = [one["id"] for one in list_follow_ups(shop, "open")]
    page = shop.call("GET", "/v1/follow_ups?state=open&limit=2")
    seen = [one["id"] for one in page["data"]]
    while page["has_more"]:
        cursor = page["next_cursor"]
        page = shop.call("GET", f"/v1/follow_ups?state=open&limit=2&cursor={cursor}")
        seen += [one["id"] for one in page["data"]]

    assert len(every) == 5
    assert seen == every
    assert [one["id"] for one in list_follow_ups(shop)] == every[::-1]


def test_follow_ups_are_found_by_member_and_gesture(shop):
    shop.enrol("ben")
    gestures = [give(shop, name)["id"] for name in ("ann", "ben", "ann")]

    found = [one["gesture"] for one in list_follow_ups(shop, member="ann", state="open")]

    assert found == [gestures[0], gestures[2]]
    assert len(list_follow_ups(shop, gesture=gestures[1])) == 1


def test_another_program_knows_nothing_of_it(shop, app):
    give(shop, "ann")
    [follow_up] = list_follow_ups(shop)
    stranger = open_shop(app)

    assert list_follow_ups(stranger) == []
    for refused in (
        stranger.send("GET", f"/v1/follow_ups/{follow_up['id']}"),
        stranger.send(
            "POST", f"/v1/follow_ups/{follow_up['id']}/complete", {"result": "satisfied"}
        ),
    ):
        assert (refused.status_code, refused.json["code"]) == (404, "follow_up_not_found")


def test_a_list_takes_the_same_statements_however_long_it_is(shop):
    counts = []
    for _ in range(2):
        for _ in range(4):
            give(shop, "ann", case_ref="ZD-1")
        with statements.seen() as sent:
            list_follow_ups(shop)
        counts.append(len(sent))

    assert counts[0] == counts[1] <= 4


def test_the_follow_ups_of_two_who_become_one_move_once(shop):
    shop.enrol("anna")
    give(shop, "anna")
    shop.merge("anna", "ann")

    [follow_up] = list_follow_ups(shop, member="ann")
    complete(shop, follow_up, "unsatisfied")

    assert {one["member"] for one in list_follow_ups(shop)} == {"ann"}


def test_no_answer_and_no_note_remains_of_somebody_who_was_erased(shop):
    give(shop, "ann")
    complete(shop, list_follow_ups(shop)[0], "unsatisfied", note="Ann was angry.")
    exported = shop.call("GET", "/v1/members/ann/export")["follow_ups"]
    assert exported[0]["note"] == "Ann was angry."

    shop.call("DELETE", "/v1/members/ann")

    rows = list_follow_ups(shop)
    assert {row["note"] for row in rows} == {None}
    assert {row["channel"] for row in rows} == {None}
    assert {row["state"] for row in rows} == {"completed"}
    assert {row["link"] for row in rows} == {None}
