from datetime import timedelta

import pytest
from sqlalchemy import select

from loyalty.foundation import db
from loyalty.foundation.events import Event
from loyalty.points.settling import settle_due_accounts
from tests.support import make
from tests.support.money import NOON, Refused, open_shop
from tests.vouchers.made import (
    DAY,
    GIFT_CARD,
    capture,
    give_back,
    hold,
    issue,
    list_all,
    release,
    revoke,
    show,
)

HOUR = timedelta(hours=1)
STATES = ("issued", "reserved", "partially_redeemed", "redeemed", "expired", "revoked")


def standing(shop, code):
    found = show(shop, code)
    return found["state"], next(iter(found["remaining"].values()))


def spend(shop, code, units=1, **more):
    held = hold(shop, code, units, **more)
    capture(shop, code, held, units, now=more.get("now", NOON))
    return held


def test_the_state_follows_what_happens_to_its_units(shop):
    code = issue(shop, uses=2)["code"]
    assert standing(shop, code) == ("issued", 2)
    held = hold(shop, code)
    assert standing(shop, code) == ("reserved", 1)
    capture(shop, code, held)
    assert standing(shop, code) == ("partially_redeemed", 1)
    last = spend(shop, code)
    assert standing(shop, code) == ("redeemed", 0)
    give_back(shop, code, last)
    assert standing(shop, code) == ("partially_redeemed", 1)


def test_stored_value_is_spent_in_parts(shop):
    code = issue(shop, **GIFT_CARD)["code"]
    spend(shop, code, 1_234)
    assert standing(shop, code) == ("partially_redeemed", 3_766)
    held = hold(shop, code, 3_766)
    assert standing(shop, code) == ("reserved", 0)
    release(shop, code, held)
    assert standing(shop, code) == ("partially_redeemed", 3_766)


def test_a_hold_ends_by_itself_and_the_voucher_is_as_before(shop):
    code = issue(shop)["code"]
    hold(shop, code, until=NOON + HOUR)
    shop.set_clock(NOON + HOUR)
    assert standing(shop, code) == ("issued", 1)


def test_what_is_held_can_be_spent_after_the_voucher_expired_but_comes_back_to_nothing(shop):
    code = issue(shop, uses=3, expires_after="PT1H")["code"]
    held = hold(shop, code, until=NOON + 2 * HOUR)
    shop.set_clock(NOON + HOUR)
    assert standing(shop, code) == ("reserved", 0)
    capture(shop, code, held, now=NOON + HOUR)
    assert standing(shop, code) == ("expired", 0)
    give_back(shop, code, held, now=NOON + HOUR)
    assert standing(shop, code) == ("expired", 0)


def test_a_voucher_that_was_used_up_in_time_is_redeemed_and_not_expired(shop):
    code = issue(shop, expires_after="PT1H")["code"]
    spend(shop, code)
    shop.set_clock(NOON + DAY)
    assert standing(shop, code) == ("redeemed", 0)


@pytest.fixture
def one_of_each(shop):
    """Vouchers in every state, some of them because of what nobody has settled yet."""
    made = {}

    def make(name, **terms):
        made[name] = issue(shop, expires_after="P1D", **{"uses": 2, **terms})["code"]
        return made[name]

    make("issued")
    make("issued, not started", starts_at=(NOON + 2 * HOUR).isoformat())
    make("issued, hold over")
    hold(shop, made["issued, hold over"], until=NOON + HOUR)
    make("reserved")
    hold(shop, made["reserved"], until=NOON + 3 * DAY)
    make("reserved, one spent")
    spend(shop, made["reserved, one spent"])
    hold(shop, made["reserved, one spent"], until=NOON + 3 * DAY)
    spend(shop, make("partially_redeemed"))
    spend(shop, make("partially_redeemed, of value", kind="stored_value", amount=9, uses=1), 4)
    spend(shop, make("redeemed"), 2)
    hold(shop, make("revoked"), until=NOON + 3 * DAY)
    revoke(shop, made["revoked"])
    return made


@pytest.mark.parametrize("at", [NOON + HOUR, NOON + DAY, NOON + 4 * DAY])
def test_a_list_by_state_finds_what_each_voucher_says_of_itself(shop, one_of_each, at):
    shop.set_clock(at)
    every = list_all(shop)

    for state in STATES:
        found = list_all(shop, state=state)
        assert found == [one for one in every if one["state"] == state]
    if at == NOON + HOUR:
        states = {one["code"]: one["state"] for one in every}
        assert {name: states[code] for name, code in one_of_each.items()} == {
            name: name.partition(",")[0] for name in one_of_each
        }
    if at == NOON + 4 * DAY:
        assert {one["state"] for one in every} == {"expired", "redeemed", "revoked"}
    assert list_all(shop, state="pending_approval") == []


def test_a_live_programs_list_is_by_the_present_time(app):
    live = open_shop(app, now=None, mode="live")
    made = issue(live, expires_at="2999-01-01T00:00:00Z")

    assert list_all(live, state="issued") == [made]
    assert list_all(live, state="expired") == []


def test_the_worker_lets_vouchers_expire_and_holds_end_though_nobody_asks(shop):
    expired, held = issue(shop, uses=3, expires_after="PT1H"), issue(shop)
    hold_id = hold(shop, held["code"], until=NOON + HOUR)
    shop.set_clock(NOON + HOUR)
    with db.transaction():
        settle_due_accounts(make.call(shop.program_id), limit=10)

    with db.reading():
        found = db.session.scalars(
            select(Event).where(Event.program_id == shop.program_id, Event.name.like("voucher.%"))
        )
        told = {event.name: event.data for event in found}
    assert told["voucher.expired"]["voucher"] == expired["id"]
    assert told["voucher.released"]["reservation"] == hold_id
    assert standing(shop, expired["code"]) == ("expired", 0)
    assert standing(shop, held["code"]) == ("issued", 1)


def test_a_list_can_be_of_one_member_and_one_class(shop):
    shop.enrol("bob")
    mine = issue(shop, member="ann")
    issue(shop, member="bob")
    card = issue(shop, **GIFT_CARD, member="ann")

    assert list_all(shop, member="ann") == [card, mine]
    assert list_all(shop, member="ann", **{"class": "purchased"}) == [card]
    assert list_all(shop, member="nobody") == []
    assert shop.call("GET", "/v1/members/ann/vouchers")["data"] == [card, mine]
    assert shop.call("GET", "/v1/members/ann/vouchers?state=redeemed")["data"] == []
    with pytest.raises(Refused, match="404 member_not_found"):
        shop.call("GET", "/v1/members/nobody/vouchers")


def test_members_see_their_own_vouchers_without_what_is_internal(shop, app):
    shop.enrol("bob")
    made = issue(shop, member="ann", metadata={"why": "a secret"})
    token = shop.call("POST", "/v1/members/ann/token")["token"]
    headers = {"Authorization": f"Bearer {token}"}

    answer = app.test_client().get("/v1/members/ann/vouchers", headers=headers)
    [seen] = answer.json["data"]
    assert seen["code"] == made["code"]
    assert {"metadata", "source", "batch"}.isdisjoint(seen)
    assert "secret" not in answer.text
    for path in ("/v1/members/bob/vouchers", f"/v1/vouchers/{made['code']}", "/v1/vouchers"):
        assert app.test_client().get(path, headers=headers).status_code in {403, 404}


def test_a_voucher_is_found_by_its_id_and_unknown_ones_are_not(shop):
    made = issue(shop)

    assert show(shop, made["id"]) == made
    for unknown in ("ABCDE-FGHJK-MNPQ2", "vch_1", "%C3%A4", "-", "a" * 255):
        with pytest.raises(Refused, match="404 voucher_not_found"):
            show(shop, unknown)
