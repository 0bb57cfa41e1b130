"""Points moved by hand, and the history that is left of all movements."""

from datetime import timedelta

import pytest

from loyalty.foundation import db
from loyalty.points.opening import record_openings
from tests.support import make
from tests.support.money import NOON, Refused, open_shop

MOST = 2**53 - 1
DAY = timedelta(days=1)


def test_added_points_can_be_spent_at_once_and_live_as_long_as_earned_ones(shop):
    shop.give("ann", 50)
    assert shop.balance("ann")["expiring"] == [{"points": 50, "expires_at": "2026-03-11T12:00:00Z"}]


def test_only_available_points_are_taken(shop):
    shop.order("o", "ann", 10_000)
    shop.give("ann", 50)
    with pytest.raises(Refused, match="409 insufficient_points"):
        shop.adjust("ann", -51)
    with pytest.raises(Refused, match="422 insufficient_points"):
        shop.adjust("ann", -151)
    shop.adjust("ann", -50)
    assert shop.points("ann") == {"pending": 100}


def test_the_note_of_an_adjustment_stays_beside_the_entry(shop):
    shop.enrol("ann")
    body = {"points": 5, "reason": "Wrong price", "note": "on the phone"}
    entry = shop.call("POST", "/v1/members/ann/adjustments", body, once="k")
    assert shop.call("GET", f"/v1/entries/{entry['id']}") == entry
    assert (entry["reason"], entry["note"]) == ("Wrong price", "on the phone")


def test_nobody_is_given_more_than_a_number_can_tell(shop):
    shop.give("ann", MOST)
    shop.give("bob", 1)
    with pytest.raises(Refused, match="422 balance_too_large"):
        shop.adjust("ann", 1)
    with pytest.raises(Refused, match="422 balance_too_large"):
        shop.transfer("bob", "ann", 1)
    assert (shop.points("ann"), shop.points("bob")) == ({"available": MOST}, {"available": 1})


def test_a_worth_that_no_number_can_tell_is_not_told(app):
    shop = open_shop(app, redemption={"points_per": {"points": 1, "amount": MOST}})
    shop.give("ann", 1)
    assert shop.balance("ann")["worth"] == {"amount": MOST, "currency": "EUR"}
    shop.adjust("ann", 1)
    assert shop.balance("ann")["worth"] is None


def test_transferred_points_keep_their_expiry_and_both_sides_are_named(shop):
    shop.give("ann", 50)
    shop.set_clock(NOON + DAY)
    shop.give("ann", 50)
    shop.enrol("bob")
    moved = shop.transfer("ann", "bob", 70)
    assert (moved["out"]["points"], moved["in"]["points"]) == (-70, 70)
    assert (
        moved["out"]["source"] == moved["in"]["source"] == {"type": "transfer", "id": moved["id"]}
    )
    assert shop.balance("bob")["expiring"] == [
        {"points": 50, "expires_at": "2026-03-11T12:00:00Z"},
        {"points": 20, "expires_at": "2026-03-12T12:00:00Z"},
    ]


def test_nobody_transfers_to_themselves_by_any_name(shop):
    shop.give("ann", 50)
    shop.enrol("old-ann")
    shop.merge("old-ann", "ann")
    for name, to in (("ann", "ann"), ("ann", "old-ann"), ("old-ann", "ann")):
        with pytest.raises(Refused, match="422 transfer_refused"):
            shop.transfer(name, to, 10)
    assert shop.points("ann") == {"available": 50}


def test_each_entry_says_what_was_left_after_it(shop):
    shop.order("o", "ann", 10_000)
    shop.give("ann", 50)
    shop.reserve("ann", 20)
    shop.refund("o", "r", 5_000)
    after = [entry["balance_after"] for entry in shop.entries("ann")]
    assert [sum(each.values()) - 2 * each["debt"] for each in after] == [100, 150, 100]
    assert after[-1] == {"available": 30, "pending": 50, "held": 20, "debt": 0}


def test_entries_come_in_pages_that_stay_where_they_are_while_more_is_written(shop):
    shop.enrol("ann")
    for n in range(7):
        shop.adjust("ann", n + 1)
    seen, path = [], "/v1/members/ann/entries?limit=3"
    page = shop.call("GET", path)
    while True:
        seen += [entry["points"] for entry in page["data"]]
        if not page["has_more"]:
            break
        shop.adjust("ann", 100)
        page = shop.call("GET", f"{path}&cursor={page['next_cursor']}")
    assert seen == [7, 6, 5, 4, 3, 2, 1]


def test_an_opening_balance_that_is_too_large_spoils_no_other(app, shop):
    shop.give("ann", MOST)
    opening = {"expires_at": None, "email": None, "name": None}
    rows = [
        {"id": "1", "member": "ann", "points": 1, **opening},
        {"id": "2", "member": "new", "points": MOST, **opening},
        {"id": "3", "member": "new", "points": 1, **opening},
    ]
    with db.transaction():
        outcomes = record_openings(make.call(shop.program_id), rows)
    codes = [outcome.problem and outcome.problem.code for outcome in outcomes]
    assert codes == ["balance_too_large", None, "balance_too_large"]
    assert shop.points("new") == {"available": MOST}
