"""The contact contract: may I write, and: I did."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from loyalty.foundation import db
from loyalty.recovery.contact.queries import CONTACT
from tests.recovery.followed import (
    BY_EMAIL,
    DAY,
    complete,
    give,
    list_follow_ups,
    may_contact,
    open_shop,
    record_contact,
)
from tests.support import statements
from tests.support.money import NOON, Refused, instant

TWICE_A_WEEK = {**BY_EMAIL, "at_most": {"count": 2, "per": "P7D"}}


@pytest.fixture
def shop(app):
    return open_shop(app)


def contacts_of(shop, member):
    return shop.call("GET", f"/v1/members/{member}/export")["contacts"]


def test_the_answer_names_the_channel_and_the_reason(shop):
    shop.enrol("ann", contact={"channel": "sms"})

    assert may_contact(shop, "ann") == {
        "allowed": True,
        "reason": "allowed",
        "detail": "The member may be reached by sms.",
        "channel": "sms",
        "next_allowed_at": None,
    }
    assert may_contact(shop, "ann", channel="email")["reason"] == "other_channel"
    assert may_contact(shop, "ann", "marketing")["reason"] == "no_marketing"


def test_asking_records_nothing(shop):
    shop.enrol("ann", contact={**BY_EMAIL, "at_most": {"count": 1, "per": "P7D"}})

    assert [may_contact(shop, "ann")["allowed"] for _ in range(3)] == [True] * 3
    assert contacts_of(shop, "ann") == []


def test_a_member_is_written_to_as_often_as_they_said_and_again_when_time_has_passed(shop):
    shop.enrol("ann", contact=TWICE_A_WEEK)
    record_contact(shop, "ann")
    shop.set_clock(NOON + DAY)
    record_contact(shop, "ann", purpose="marketing")

    with pytest.raises(Refused) as refused:
        record_contact(shop, "ann")

    again_at = NOON + 7 * DAY
    assert (refused.value.status, refused.value.code) == (409, "contact_not_allowed")
    assert refused.value.problem["reason"] == "too_often"
    assert refused.value.problem["next_allowed_at"] == instant(again_at)
    assert may_contact(shop, "ann")["next_allowed_at"] == instant(again_at)
    shop.set_clock(again_at - timedelta(seconds=1))
    assert not may_contact(shop, "ann")["allowed"]
    shop.set_clock(again_at)
    assert may_contact(shop, "ann")["allowed"]


def test_a_contact_that_was_made_is_a_fact_and_counts(shop):
    shop.enrol("ann", contact=TWICE_A_WEEK)
    for days in (1, 2, 3):
        record_contact(shop, "ann", occurred_at=instant(NOON - days * DAY))

    assert len(contacts_of(shop, "ann")) == 3
    assert may_contact(shop, "ann")["next_allowed_at"] == instant(NOON + 5 * DAY)


def test_a_contact_is_not_made_in_the_future(shop):
    shop.enrol("ann")

    with pytest.raises(Refused) as refused:
        record_contact(shop, "ann", occurred_at=instant(NOON + DAY))

    assert (refused.value.status, refused.value.code) == (422, "invalid_request")


def test_who_wants_no_contact_is_not_written_to(shop):
    shop.enrol("ann", contact={"channel": "none"})

    with pytest.raises(Refused, match="does not want to be written to"):
        record_contact(shop, "ann")


def test_of_many_who_write_at_once_as_many_succeed_as_the_member_allows(shop):
    shop.enrol("ann", contact={**BY_EMAIL, "at_most": {"count": 3, "per": "P1D"}})

    def write(_):
        try:
            record_contact(shop, "ann")
        except Refused as refused:
            return refused.problem["reason"]
        return "made"

    with ThreadPoolExecutor(8) as crowd:
        told = list(crowd.map(write, range(16)))

    assert (told.count("made"), told.count("too_often")) == (3, 13)


@pytest.mark.parametrize(
    "query", ["purpose=fun", "purpose=service&channel=none", "purpose=service&channel=pigeon"]
)
def test_a_question_that_makes_no_sense_is_refused(shop, query):
    shop.enrol("ann")

    assert shop.send("GET", f"/v1/members/ann/may_contact?{query}").status_code == 422


def test_nobody_can_ask_about_a_stranger(shop, app):
    other = open_shop(app)
    other.enrol("ann")

    for unknown in (lambda: may_contact(shop, "ann"), lambda: record_contact(shop, "ann")):
        with pytest.raises(Refused) as refused:
            unknown()
        assert (refused.value.status, refused.value.code) == (404, "member_not_found")


def test_the_contacts_of_two_who_become_one_count_together(shop):
    for name in ("ann", "anna"):
        shop.enrol(name, contact=TWICE_A_WEEK)
        record_contact(shop, name)
    shop.merge("anna", "ann")

    assert may_contact(shop, "ann")["reason"] == "too_often"
    assert may_contact(shop, "anna")["reason"] == "too_often"
    assert len(contacts_of(shop, "ann")) == 2


def test_nothing_remains_of_the_contacts_of_somebody_who_was_erased(shop):
    shop.enrol("ann")
    made = record_contact(shop, "ann")
    shop.call("DELETE", "/v1/members/ann")

    with db.reading():
        assert not db.connection().execute(CONTACT.select().where(CONTACT.c.id == made["id"])).all()


def test_a_referral_is_asked_for_when_no_case_is_open_and_the_last_answer_was_satisfied(shop):
    shop.enrol("ann", contact=BY_EMAIL)
    told = [may_contact(shop, "ann", "referral")["reason"]]
    give(shop, "ann")
    told.append(may_contact(shop, "ann", "referral")["reason"])
    [follow_up] = list_follow_ups(shop)
    complete(shop, follow_up, "unsatisfied")
    told.append(may_contact(shop, "ann", "referral")["reason"])
    [again] = list_follow_ups(shop, "due")
    complete(shop, again, "no_answer")
    told.append(may_contact(shop, "ann", "referral")["reason"])
    give(shop, "ann")
    [last] = list_follow_ups(shop, "open")
    complete(shop, last, "satisfied")
    told.append(may_contact(shop, "ann", "referral")["reason"])

    assert told == ["allowed", "open_case", "open_case", "not_satisfied", "allowed"]


def test_a_program_without_referrals_asks_for_none(app):
    shop = open_shop(app, referrals=None)
    shop.enrol("ann", contact=BY_EMAIL)

    assert may_contact(shop, "ann", "referral")["reason"] == "no_referrals"


def test_an_answer_takes_a_handful_of_statements_however_many_contacts_there_were(shop):
    shop.enrol("ann", contact={**BY_EMAIL, "at_most": {"count": 5, "per": "P1D"}})
    counts = []
    for _ in range(2):
        with statements.seen() as sent:
            may_contact(shop, "ann", "referral")
        counts.append(len(sent))
        for number in range(20):
            record_contact(shop, "ann", occurred_at=instant(NOON - (number + 2) * DAY))

    assert counts[1] <= counts[0] <= 4
