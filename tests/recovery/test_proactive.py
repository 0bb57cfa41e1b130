"""Gifts unasked: each occasion once, within the caps, for those who may be written to."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from loyalty.foundation import clock, db
from loyalty.recovery.proactive import queries, service
from tests.recovery.followed import DAY, REASONS, list_follow_ups, open_shop, record_contact
from tests.support import make
from tests.support.money import NOON, instant

TOMORROW = NOON + DAY
VOUCHER = {"kind": "voucher", "amount": 500, "expires_after": "P30D"}
BIRTHDAY = {
    "id": "birthday",
    "occasion": "birthday",
    "give": VOUCHER,
    "reason": "thanks",
    "message": "Happy birthday!",
}
ANNIVERSARY = {
    "id": "anniversary",
    "occasion": "anniversary",
    "give": {"kind": "points", "points": 100},
    "reason": "thanks",
}
THIRD = {**BIRTHDAY, "id": "third", "occasion": "nth_order", "nth": 3}
THANKS = {**BIRTHDAY, "id": "thank-you", "occasion": "thank_you", "on": "03-02"}


@pytest.fixture
def shop_with(app):
    shops = []

    def opened(*gifts, now=NOON, caps=(), **parts):
        recovery = {"reasons": REASONS, "proactive": list(gifts), "caps": list(caps)}
        shops.append(open_shop(app, recovery=recovery, now=now, **parts))
        return shops[-1]

    yield opened
    for shop in shops:
        shop.verify()


def give_page(shop):
    with db.transaction():
        return +service.give_due(make.call(shop.program_id, actor="worker"), limit=200)


def sweep(shop):
    """What the worker does until nothing is due."""
    done = Counter()
    with db.reading():
        due = shop.program_id in service.list_due_programs(clock.system_now())
    while due and (page := give_page(shop)):
        done += page
    return {name: done[name] for name in ("gifts", "skipped") if done[name]}


def gifts_of(shop, member):
    rows = shop.call("GET", f"/v1/members/{member}/export")["proactive_gifts"]
    return [(row["proactive_id"], row["occasion"], row["reason"] or row["state"]) for row in rows]


def gestures_of(shop, member):
    return shop.call("GET", f"/v1/gestures?member={member}")["data"]


def test_a_birthday_is_celebrated_once_a_year(shop_with):
    shop = shop_with(BIRTHDAY)
    shop.enrol("ann", birthday="1990-03-02")
    shop.enrol("ben", birthday="1990-03-03")
    told = []
    for now in (NOON, TOMORROW, TOMORROW + timedelta(hours=3), datetime(2027, 3, 2, 9, tzinfo=UTC)):
        shop.set_clock(now)
        told.append(sweep(shop))
        told.append(sweep(shop))

    assert told == [{}, {}, {"gifts": 1}, {}, {}, {}, {"gifts": 1}, {}]
    assert gifts_of(shop, "ann") == [("birthday", "2026", "given"), ("birthday", "2027", "given")]


def test_a_gift_is_a_proactive_gesture_of_the_program_with_its_message(shop_with):
    shop = shop_with(BIRTHDAY)
    shop.enrol("ann", birthday="1990-03-02")
    sweep(shop)
    shop.set_clock(TOMORROW)
    sweep(shop)

    [gesture] = gestures_of(shop, "ann")

    assert (gesture["type"], gesture["state"], gesture["agent"]) == (
        "proactive",
        "issued",
        "program",
    )
    assert (gesture["reason"], gesture["message_to_customer"]) == ("thanks", "Happy birthday!")
    [voucher] = shop.call("GET", "/v1/members/ann/vouchers")["data"]
    assert (voucher["amount"], voucher["class"]) == (500, "goodwill")
    acts = shop.call("GET", f"/v1/audit?subject={gesture['id']}")["data"]
    assert [(act["action"], act["actor"]) for act in acts] == [("gesture.issued", "worker")]


def test_what_a_worker_missed_is_made_up_for(shop_with):
    shop = shop_with(BIRTHDAY)
    shop.enrol("ann", birthday="1990-03-04")
    sweep(shop)
    shop.set_clock(NOON + 9 * DAY)

    assert sweep(shop) == {"gifts": 1}
    assert sweep(shop) == {}


def test_birthdays_before_the_program_gave_any_are_past(shop_with):
    shop = shop_with(BIRTHDAY)
    shop.enrol("ann", birthday="1990-02-28")

    assert sweep(shop) == {}


@pytest.mark.parametrize(
    ("day", "now"),
    [
        ("2000-02-29", datetime(2027, 2, 28, 12, tzinfo=UTC)),
        ("2000-02-29", datetime(2028, 2, 29, 12, tzinfo=UTC)),
        ("2000-12-31", datetime(2027, 12, 31, 22, tzinfo=UTC)),
    ],
    ids=["the day before March", "leap day", "the last day of the year"],
)
def test_every_birthday_has_a_day_each_year(shop_with, day, now):
    shop = shop_with(BIRTHDAY, now=now)
    shop.enrol("ann", birthday=day)

    assert sweep(shop) == {"gifts": 1}


def test_a_day_is_a_day_of_the_program_s_zone(shop_with):
    shop = shop_with(
        BIRTHDAY,
        now=datetime(2026, 3, 1, 14, 59, tzinfo=UTC),
        program={"timezone": "Asia/Tokyo", "currency": "EUR"},
    )
    shop.enrol("ann", birthday="1990-03-02")

    assert sweep(shop) == {}
    shop.set_clock(datetime(2026, 3, 1, 15, tzinfo=UTC))
    assert sweep(shop) == {"gifts": 1}


def test_joining_is_remembered_each_year_after_by_the_local_day(shop_with):
    shop = shop_with(ANNIVERSARY, program={"timezone": "Asia/Tokyo", "currency": "EUR"})
    shop.enrol("ann", joined_at="2024-03-01T16:00:00Z")  # 2 March in Tokyo
    shop.enrol("new", joined_at="2026-03-01T16:00:00Z")
    sweep(shop)
    shop.set_clock(TOMORROW)

    assert sweep(shop) == {"gifts": 1}
    assert shop.points("ann") == {"available": 100}
    assert gifts_of(shop, "ann") == [("anniversary", "2026", "given")]


def test_the_nth_order_is_thanked_for_once_and_no_other(shop_with):
    shop = shop_with(THIRD)
    for member, count in (("ann", 3), ("ben", 2), ("old", 3)):
        placed = NOON - 40 * DAY if member == "old" else NOON
        for number in range(count):
            shop.order(f"{member}-{number}", member, 1000, placed_at=instant(placed))
    shop.order("old-4", "old", 1000)
    shop.order("gone", "ben", 1000)
    shop.cancel("gone")

    assert sweep(shop) == {"gifts": 1}
    assert gifts_of(shop, "ann") == [("third", "order-3", "given")]
    shop.set_clock(TOMORROW)
    shop.order("ann-4", "ann", 1000)
    assert sweep(shop) == {}


def test_a_thank_you_goes_to_who_bought_within_the_year(shop_with):
    shop = shop_with(THANKS)
    shop.order("1", "ann", 1000)
    shop.order("2", "old", 1000, placed_at=instant(NOON - 400 * DAY))
    shop.enrol("new")
    assert sweep(shop) == {}
    shop.set_clock(TOMORROW)

    assert sweep(shop) == {"gifts": 1}
    assert gifts_of(shop, "ann") == [("thank-you", "2026", "given")]


def test_who_wants_no_contact_gets_nothing_and_that_is_noted(shop_with):
    shop = shop_with(BIRTHDAY)
    shop.enrol("ann", birthday="1990-03-01", contact={"channel": "none"})

    assert sweep(shop) == {"skipped": 1}
    assert gifts_of(shop, "ann") == [("birthday", "2026", "no_contact")]
    assert gestures_of(shop, "ann") == []


def test_a_gift_is_a_contact_and_comes_no_more_often_than_the_member_wants(shop_with):
    shop = shop_with(BIRTHDAY, {**ANNIVERSARY})
    once = {"channel": "post", "at_most": {"count": 1, "per": "P7D"}}
    for member in ("ann", "ben"):
        shop.enrol(member, birthday="1990-03-01", joined_at="2024-03-01T12:00:00Z", contact=once)
    record_contact(shop, "ben", channel="post")

    assert sweep(shop) == {"gifts": 1, "skipped": 3}
    assert gifts_of(shop, "ann") == [
        ("anniversary", "2026", "too_often"),
        ("birthday", "2026", "given"),
    ]
    [made] = shop.call("GET", "/v1/members/ann/export")["contacts"]
    assert (made["channel"], made["purpose"]) == ("post", "service")


@pytest.mark.parametrize("above", ["refuse", "approve"])
def test_the_caps_hold_and_nothing_waits_for_approval(shop_with, above):
    cap = {
        "id": "presents", "per": "program", "measure": "count", "limit": 2, "window": "month",
        "above": above, "where": {"type": "proactive"},
    }  # fmt: skip
    shop = shop_with(BIRTHDAY, caps=[cap])
    for name in ("a", "b", "c", "d"):
        shop.enrol(name, birthday="1990-03-01")

    assert sweep(shop) == {"gifts": 2, "skipped": 2}
    assert sorted(gifts_of(shop, name)[0][2] for name in "abcd") == [
        *("cap_exceeded", "cap_exceeded", "given", "given")
    ]
    assert len(shop.call("GET", "/v1/gestures")["data"]) == 2


def test_a_round_goes_on_where_it_ended(shop_with):
    shop = shop_with(BIRTHDAY)
    for number in range(45):
        shop.enrol(f"m-{number}", birthday="1990-03-01")

    assert [give_page(shop)["gifts"] for _ in range(4)] == [20, 20, 5, 0]


def test_several_workers_at_once_give_each_gift_once(shop_with, app):
    shop = shop_with(BIRTHDAY)
    for number in range(30):
        shop.enrol(f"m-{number}", birthday="1990-03-01")

    def work(_):
        with app.app_context():
            done = Counter()
            while page := db.retrying(lambda: give_page(shop)):
                done += page
            db.session.remove()
            return done["gifts"]

    with ThreadPoolExecutor(4) as workers:
        given = list(workers.map(work, range(4)))

    assert sum(given) == 30
    assert all(len(gestures_of(shop, f"m-{number}")) == 1 for number in range(30))


def test_a_round_that_was_cut_off_at_midnight_forgets_nobody(shop_with):
    shop = shop_with(BIRTHDAY)
    for number in range(25):
        shop.enrol(f"m-{number}", birthday="1990-03-01")
    give_page(shop)
    shop.set_clock(TOMORROW)

    assert sweep(shop) == {"gifts": 5}


def test_two_who_become_one_celebrate_once(shop_with):
    shop = shop_with(BIRTHDAY)
    for name in ("ann", "anna"):
        shop.enrol(name, birthday="1990-03-01")
    shop.enrol("annie")
    sweep(shop)
    shop.merge("anna", "ann")
    shop.merge("annie", "ann")

    assert gifts_of(shop, "ann") == [("birthday", "2026", "given")]
    shop.set_clock(NOON + timedelta(hours=1))
    assert sweep(shop) == {}


def test_nobody_who_was_erased_is_given_anything(shop_with):
    shop = shop_with(BIRTHDAY)
    shop.enrol("ann", birthday="1990-03-01")
    shop.call("DELETE", "/v1/members/ann")

    assert sweep(shop) == {}


def test_a_program_without_gifts_is_never_due(shop_with):
    shop = shop_with()

    with db.reading():
        assert shop.program_id not in service.list_due_programs(clock.system_now())
        assert queries.list_rounds([shop.program_id]) == []


def test_gifts_are_followed_up_but_are_no_open_case(shop_with):
    shop = shop_with(BIRTHDAY)
    shop.enrol("ann", birthday="1990-03-01", contact={"channel": "email", "marketing": True})
    sweep(shop)

    assert len(list_follow_ups(shop, "open")) == 1
    asked = shop.call("GET", "/v1/members/ann/may_contact?purpose=referral")
    assert asked["reason"] == "allowed"
