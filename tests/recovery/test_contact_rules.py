"""Whether a member may be written to: the rules alone."""

from datetime import UTC, datetime, timedelta

import pytest

from loyalty.recovery.contact import rules
from loyalty.recovery.contact.models import PURPOSES
from loyalty.recovery.contact.rules import Invitation

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
BY_SMS = {"channel": "sms", "marketing": True}
READY = Invitation(
    has_referrals=True, has_open_case=False, has_pending_gesture=False, last_result=None
)


def decide(contact, purpose="service", channel=None, *, last=None, invitation=READY, zone="UTC"):
    return rules.decide(
        contact,
        channel=channel,
        purpose=purpose,
        last_counted=last,
        invitation=invitation,
        now=NOW,
        zone=zone,
    )


@pytest.mark.parametrize("purpose", PURPOSES)
def test_who_wants_no_contact_gets_none_whatever_it_is_for(purpose):
    answer = decide({"channel": "none", "marketing": True}, purpose)

    assert (answer.allowed, answer.reason, answer.channel) == (False, "no_contact", None)


def test_another_channel_than_the_preferred_one_is_refused_and_the_right_one_named():
    answer = decide(BY_SMS, channel="email")

    assert (answer.allowed, answer.reason, answer.channel) == (False, "other_channel", "sms")


def test_without_a_channel_the_preferred_one_is_answered():
    assert decide(BY_SMS).channel == "sms"
    assert decide(BY_SMS).allowed


def test_who_never_said_may_be_told_about_orders_by_any_channel():
    assert decide(None, channel="post")[:2] == (True, "allowed")
    assert decide(None, channel="post").channel == "post"
    assert decide(None, "follow_up").channel == "email"


@pytest.mark.parametrize(
    "contact", [None, {"channel": "email"}, {"channel": "email", "marketing": False}]
)
@pytest.mark.parametrize("purpose", ["marketing", "referral"])
def test_nobody_is_advertised_to_without_having_agreed(contact, purpose):
    assert decide(contact, purpose).reason == "no_marketing"


@pytest.mark.parametrize(("hours", "allowed"), [(167, False), (168, True), (169, True)])
def test_the_next_contact_is_allowed_when_the_window_has_passed(hours, allowed):
    often = {"channel": "email", "at_most": {"count": 2, "per": "P7D"}}
    last = NOW - timedelta(hours=hours)

    answer = decide(often, last=last)

    assert answer.allowed is allowed
    assert answer.next_allowed_at == (None if allowed else last + timedelta(days=7))


def test_a_week_is_a_week_of_the_program_s_zone_across_a_clock_change():
    often = {"channel": "email", "at_most": {"count": 1, "per": "P7D"}}
    before = datetime(2026, 2, 28, 11, tzinfo=UTC)

    answer = decide(often, last=before, zone="Europe/Berlin")

    assert answer.next_allowed_at == datetime(2026, 3, 7, 11, tzinfo=UTC)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"has_referrals": False}, "no_referrals"),
        ({"has_open_case": True}, "open_case"),
        ({"has_pending_gesture": True}, "pending_gesture"),
        ({"last_result": "unsatisfied"}, "not_satisfied"),
        ({"last_result": "reopened"}, "not_satisfied"),
        ({"last_result": "satisfied"}, "allowed"),
        ({}, "allowed"),
    ],
)
def test_a_referral_is_asked_for_only_where_all_is_well(change, reason):
    facts = {
        "has_referrals": True,
        "has_open_case": False,
        "has_pending_gesture": False,
        "last_result": None,
        **change,
    }

    assert decide(BY_SMS, "referral", invitation=Invitation(**facts)).reason == reason
