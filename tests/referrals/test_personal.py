"""What becomes of referrals when members merge, are erased, or ask what is known of them."""

import json

import pytest

from loyalty.foundation import db
from loyalty.referrals.models import Referral, ReferralSignal
from tests.referrals.made import (
    DAY,
    approve,
    code_of,
    flags,
    list_all,
    of_member,
    refer,
    show,
    state,
)
from tests.support.money import NOON, Refused


def test_an_advocate_who_merged_is_rewarded_once_as_the_one_they_became(shop):
    made = refer(shop, "ann", "ben")
    code = code_of(shop, "ann")
    shop.enrol("ann-2")
    shop.merge("ann", "ann-2")
    shop.order("o", "ben", 2_000)
    assert show(shop, made)["advocate"] == "ann-2"
    assert shop.points("ann-2") == {"pending": 300}
    shop.order("p", "cem", 2_000, referral_code=code)  # the old code still leads to them
    assert shop.points("ann-2") == {"pending": 600}
    assert of_member(shop, "ann-2")["pending"] == 2


def test_a_referee_who_merged_before_buying_still_counts(shop):
    made = refer(shop, "ann", "ben")
    shop.enrol("ben-2")
    shop.merge("ben", "ben-2")
    shop.order("o", "ben-2", 2_000)
    assert (state(shop, made), show(shop, made)["referee"]) == ("qualified", "ben-2")


def test_rewards_follow_the_order_through_merges(shop):
    made = refer(shop, "ann", "ben")
    shop.order("o", "ben", 2_000)
    for name in ("ann", "ben"):
        shop.enrol(f"{name}-2")
    shop.cancel("o")
    for name in ("ann", "ben"):
        shop.merge(name, f"{name}-2")
    shop.reopen("o")
    assert shop.points("ann-2") == {"pending": 300}
    assert shop.points("ben-2") == {"pending": 120}
    shop.cancel("o")
    assert (shop.points("ann-2"), shop.points("ben-2")) == ({}, {})
    assert state(shop, made) == "voided"


def test_a_person_who_was_brought_twice_under_two_ids_counts_once(shop):
    first, second = refer(shop, "ann", "ben"), refer(shop, "cem", "ben-2")
    shop.merge("ben", "ben-2")
    assert flags(show(shop, second)) == ["already_referred"]
    shop.order("o", "ben-2", 2_000)
    assert state(shop, first) == "qualified"
    assert shop.points("ann") == {"pending": 300}
    assert shop.points("cem") == {}


def test_what_was_rewarded_already_stays_when_another_referral_joins(shop):
    first, second = refer(shop, "ann", "ben"), refer(shop, "cem", "ben-2")
    shop.order("o", "ben", 2_000)
    shop.merge("ben", "ben-2")
    assert (state(shop, first), state(shop, second)) == ("qualified", "rejected")
    shop.cancel("o")
    assert state(shop, first) == "voided"
    assert shop.points("ben-2") == {}


def test_advocate_and_referee_who_are_one_person_lose_both_rewards(shop):
    made = refer(shop, "ann", "ben")
    shop.order("o", "ben", 2_000)
    shop.merge("ben", "ann")
    now = show(shop, made)
    assert (now["state"], flags(now)) == ("voided", ["self_referral"])
    assert shop.points("ann") == {"pending": 20}
    shop.cancel("o")
    shop.reopen("o")
    assert state(shop, made) == "voided"
    assert shop.points("ann") == {"pending": 20}


def test_advocate_and_referee_who_merge_before_anything_was_bought_are_refused(shop):
    made = refer(shop, "ann", "ben")
    shop.merge("ann", "ben")
    assert flags(show(shop, made)) == ["self_referral"]
    shop.order("o", "ben", 2_000)
    assert shop.points("ben") == {"pending": 20}


def test_signals_move_once(shop):
    seen = {"device": "d-1", "ip": "203.0.113.7"}
    refer(shop, "zoe", "ann", signals=seen)
    refer(shop, "eve", "ann-2", signals={"device": "d-1"})
    shop.merge("ann", "ann-2")
    made = refer(shop, "ann-2", "ben", signals={"device": "d-1"})
    assert made["state"] == "rejected"


def test_an_erased_member_leaves_no_code_note_or_signal(shop):
    shop.enrol("ann", name="Annabella")
    seen = {"ip": "203.0.113.7", "device": "d-1"}
    refer(shop, "ann", "ben", signals={"ip": seen["ip"]})
    made = refer(shop, "ann", "cem", signals={"ip": seen["ip"]}, email="cem@example.org")
    approve(shop, made, note="Annabella called.")
    shop.call("DELETE", "/v1/members/ann")
    shop.call("DELETE", "/v1/members/cem")
    for one in list_all(shop):
        assert one["advocate"] is None
        assert (one["code"], one["note"]) == (None, None)
    with db.reading():
        rows = db.session.query(Referral).filter_by(program_id=shop.program_id).all()
        kinds = db.session.query(ReferralSignal).filter_by(program_id=shop.program_id).all()
        assert "annabella" not in json.dumps([row.code for row in rows]).lower()
        assert len(kinds) == 1  # ben's


@pytest.mark.parametrize("who", ["ann", "ben"])
def test_nobody_is_rewarded_for_somebody_who_was_erased(shop, who):
    made = refer(shop, "ann", "ben")
    shop.call("DELETE", f"/v1/members/{who}")
    shop.order("o", "ben", 2_000)
    now = show(shop, made)
    assert (now["state"], flags(now)) == ("rejected", ["person_gone"])


def test_the_other_side_keeps_following_the_order_after_one_was_erased(shop):
    refer(shop, "ann", "ben")
    shop.order("o", "ben", 5_000)
    shop.call("DELETE", "/v1/members/ann")
    shop.cancel("o")
    assert shop.points("ben") == {}
    shop.reopen("o")
    assert shop.points("ben") == {"pending": 150}


def test_all_that_is_known_is_exported(shop):
    refer(shop, "ann", "ben", signals={"ip": "203.0.113.7"})
    refer(shop, "ben", "cem")
    known = shop.call("GET", "/v1/members/ben/export")["referrals"]
    assert len(known["brought"]) == len(known["was_brought"]) == 1
    assert [one["kind"] for one in known["signals"]] == ["ip"]
    assert "203.0.113.7" not in json.dumps(known)


def test_the_answer_kept_for_a_key_is_forgotten_with_the_referee(shop):
    body = {"code": code_of(shop, "ann"), "referee": {"external_id": "ben"}}
    first = shop.send("POST", "/v1/referrals", body, once="key")
    again = shop.send("POST", "/v1/referrals", body, once="key")
    assert again.headers["Idempotent-Replayed"] == "true"
    assert again.json == first.json
    shop.call("DELETE", "/v1/members/ben")
    anew = shop.send("POST", "/v1/referrals", body, once="key")
    assert anew.status_code == 201
    assert anew.json["id"] != first.json["id"]


def test_a_merged_member_has_no_referral_page_of_their_own(shop):
    for name in ("ann", "ben"):
        shop.enrol(name)
    shop.merge("ann", "ben")
    with pytest.raises(Refused, match="409 member_merged"):
        of_member(shop, "ann")


def test_what_is_available_by_the_time_of_a_merge_is_taken_back_as_well(shop):
    refer(shop, "ann", "ben")
    shop.order("o", "ben", 2_000)
    shop.set_clock(NOON + 2 * DAY)
    shop.merge("ben", "ann")
    assert shop.points("ann") == {"available": 20}
