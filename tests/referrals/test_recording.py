"""Who brought whom, and what speaks against it."""

import pytest

from loyalty.foundation import db
from loyalty.referrals.models import ReferralSignal
from tests.referrals.made import (
    code_of,
    events,
    flags,
    list_all,
    new_referral,
    of_member,
    refer,
    show,
)
from tests.support.money import Refused


def test_a_referral_is_pending_and_the_referee_joins(shop):
    made = refer(shop, "ann", "ben", email="ben@example.org", name="Ben", phone="030 1")
    assert made["state"] == "pending"
    assert (made["advocate"], made["referee"]) == ("ann", "ben")
    assert made["flags"] == []
    assert made["rewards"] == {"advocate": None, "referee": None}
    assert show(shop, made) == made
    ben = shop.call("GET", "/v1/members/ben")
    assert (ben["email"], ben["name"], ben["phone"]) == ("ben@example.org", "Ben", "030 1")
    assert events(shop) == ["referral.recorded"]


def test_the_referee_makes_the_call_safe_to_repeat(shop):
    body = new_referral(code_of(shop, "ann").lower(), "ben")
    first = shop.send("POST", "/v1/referrals", body)
    again = shop.send("POST", "/v1/referrals", body)
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert again.json == first.json


def test_a_second_advocate_for_the_same_referee_is_refused(shop):
    refer(shop, "ann", "ben", email="ben@example.org")
    with pytest.raises(Refused, match="409 already_referred"):
        refer(shop, "cem", "ben")
    with pytest.raises(Refused, match="409 already_referred"):
        refer(shop, "cem", "another-ben", email="BEN+shop@example.org")
    with pytest.raises(Refused, match="404 member_not_found"):
        shop.call("GET", "/v1/members/another-ben")


def test_an_unknown_code_is_not_found(shop):
    with pytest.raises(Refused, match="404 referral_code_unknown"):
        shop.call("POST", "/v1/referrals", new_referral("NOBODY-1", "ben"))


def test_another_programs_code_is_unknown(shop, open_shop):
    with pytest.raises(Refused, match="404 referral_code_unknown"):
        shop.call("POST", "/v1/referrals", new_referral(code_of(open_shop(), "ann"), "ben"))


def test_a_program_without_terms_takes_no_referrals(open_shop):
    shop = open_shop(referrals=None)
    with pytest.raises(Refused, match="422 referrals_off"):
        refer(shop, "ann", "ben")
    told = of_member(shop, "ann")
    assert (told["link"], told["limit"]) == (None, None)
    assert told["code"] == code_of(shop, "ann")


def test_where_members_enrol_themselves_an_unknown_referee_is_not_found(open_shop):
    shop = open_shop(enrol="explicit")
    with pytest.raises(Refused, match="404 member_not_found"):
        refer(shop, "ann", "ben")
    shop.enrol("ben")
    assert refer(shop, "ann", "ben")["state"] == "pending"


def test_nobody_refers_themselves_by_id(shop):
    made = refer(shop, "ann", "ann")
    assert (made["state"], flags(made)) == ("rejected", ["self_referral"])


@pytest.mark.parametrize(
    ("profile", "given", "flag"),
    [
        ({"email": "ann@example.org"}, {"email": "Ann+2@EXAMPLE.org"}, "same_email"),
        ({"email": "a.nn@gmail.com"}, {"email": "ann@googlemail.com"}, "same_email"),
        ({"phone": "+49 30 1234567"}, {"phone": "0049 30 123 4567"}, "same_phone"),
    ],
)
def test_the_same_mailbox_or_phone_is_oneself(shop, profile, given, flag):
    shop.enrol("ann", **profile)
    made = refer(shop, "ann", "ben", **given)
    assert (made["state"], flags(made)) == ("rejected", ["self_referral", flag])


@pytest.mark.parametrize(
    ("kind", "state"),
    [("device", "rejected"), ("payment", "rejected"), ("ip", "flagged"), ("address", "flagged")],
)
def test_what_the_advocate_was_seen_with_tells(shop, kind, state):
    refer(shop, "zoe", "ann", signals={kind: "the same"})
    made = refer(shop, "ann", "ben", signals={kind: "the same"})
    assert made["state"] == state
    assert f"same_{kind}" in flags(made)


def test_what_is_told_of_the_advocate_is_compared_and_remembered(shop):
    seen = {"device": "d-1", "ip": "203.0.113.7"}
    first = refer(shop, "ann", "ben", signals=seen, advocate_signals={"device": "d-1"})
    assert flags(first) == ["self_referral", "same_device"]
    later = refer(shop, "ann", "cem", signals={"device": "d-1"})
    assert later["state"] == "rejected"


@pytest.mark.parametrize("kind", ["device", "payment", "ip", "address"])
def test_referees_of_one_advocate_who_share_a_signal_wait_for_a_person(shop, kind):
    refer(shop, "ann", "ben", signals={kind: "the same"})
    made = refer(shop, "ann", "cem", signals={kind: "the same"})
    assert (made["state"], flags(made)) == ("flagged", [f"shared_{kind}"])
    assert "Another referee of the advocate" in made["flags"][0]["text"]
    other = refer(shop, "zoe", "dan", signals={kind: "the same"})
    assert other["state"] == "pending"  # of another advocate


def test_signals_are_kept_as_keyed_hashes_alone(shop):
    seen = {"ip": "203.0.113.7", "device": "d-1", "payment": "pm-1", "address": "Main St 1"}
    refer(shop, "ann", "ben", signals=seen, phone="030 1234")
    with db.reading():
        rows = db.session.query(ReferralSignal).filter_by(program_id=shop.program_id).all()
    assert {row.kind for row in rows} == {*seen, "phone"}
    kept = " ".join(row.digest for row in rows)
    assert not any(value in kept for value in (*seen.values(), "1234"))


def test_the_same_signals_again_are_no_fault(shop):
    seen = {"device": "d-1"}
    refer(shop, "ann", "ben", advocate_signals=seen)
    refer(shop, "ann", "cem", advocate_signals=seen)
    assert len(list_all(shop)) == 2


def test_who_bought_before_cannot_be_brought(shop):
    shop.order("o", "ben", 100)
    made = refer(shop, "ann", "ben")
    assert (made["state"], flags(made)) == ("rejected", ["already_customer"])


def test_who_bought_before_under_another_id_is_known_by_their_mailbox(shop):
    shop.enrol("ben", email="ben@example.org")
    shop.order("o", "ben", 100)
    made = refer(shop, "ann", "new-ben", email="Ben+new@example.org")
    assert flags(made) == ["already_customer"]


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"code": "ANNA-1"}, "/referee"),
        ({"code": "ANNA-1", "referee": {}}, "/referee/external_id"),
        ({"code": "a b", "referee": {"external_id": "ben"}}, "/code"),
        ({"code": "x\0yz", "referee": {"external_id": "ben"}}, None),
        (new_referral("ANNA-1", "ben", signals={"ip": 7}), "/signals/ip"),
        (new_referral("ANNA-1", "ben", signals={"face": "x"}), "/signals/face"),
        (new_referral("ANNA-1", "ben", phone="\ud800"), None),
    ],
)
def test_what_is_wrong_is_told(shop, body, pointer):
    with pytest.raises(Refused) as refused:
        shop.call("POST", "/v1/referrals", body)
    assert refused.value.status in {400, 422}
    if pointer:
        assert pointer in {error["pointer"] for error in refused.value.problem["errors"]}


def test_referrals_are_listed_by_state_and_side_page_by_page(shop):
    for name in ("ben", "cem", "dan"):
        refer(shop, "ann", name)
    refer(shop, "eve", "eve")
    assert [one["referee"] for one in list_all(shop, advocate="ann")] == ["dan", "cem", "ben"]
    assert [one["advocate"] for one in list_all(shop, referee="cem")] == ["ann"]
    assert len(list_all(shop, state="pending")) == 3
    assert list_all(shop, state="flagged") == list_all(shop, state="rewarded") == []
    page = shop.call("GET", "/v1/referrals?limit=2")
    assert page["has_more"]
    rest = shop.call("GET", f"/v1/referrals?limit=2&cursor={page['next_cursor']}")
    assert len(page["data"] + rest["data"]) == 4


def test_other_programs_referrals_are_not_found(shop, open_shop):
    made, other = refer(shop, "ann", "ben"), open_shop()
    assert list_all(other) == []
    for verb in ("", "/approve", "/reject"):
        method = "POST" if verb else "GET"
        with pytest.raises(Refused, match="404 referral_not_found"):
            other.call(method, f"/v1/referrals/{made['id']}{verb}")


def test_a_member_sees_their_code_link_and_what_came_of_it(open_shop):
    terms = {
        "advocate": {"points": 300},
        "limit": {"count": 2, "per": "P30D"},
        "link": "https://shop.example/?ref={code}",
    }
    shop = open_shop(referrals=terms)
    code = code_of(shop, "ann")
    refer(shop, "ann", "ben")
    told = of_member(shop, "ann")
    assert told == {
        "member": "ann",
        "code": code,
        "link": f"https://shop.example/?ref={code}",
        "rewarded": 0,
        "pending": 1,
        "limit": {"count": 2, "per": "P30D", "used": 0, "remaining": 2},
    }


def test_a_member_token_reads_its_own_referral_and_no_other(shop):
    for name in ("ann", "ben"):
        shop.enrol(name)
    token = shop.call("POST", "/v1/members/ann/token")["token"]
    headers = {"Authorization": f"Bearer {token}"}
    get = shop.app.test_client().get
    assert get("/v1/members/ann/referral", headers=headers).status_code == 200
    assert get("/v1/members/ben/referral", headers=headers).status_code == 404
    assert get("/v1/referrals", headers=headers).status_code == 403
