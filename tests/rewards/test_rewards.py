import uuid

import pytest
from sqlalchemy import select

from loyalty.foundation import db
from loyalty.foundation.events import Event
from tests.races import crowd
from tests.support import statements
from tests.support.money import NOON, Refused
from tests.vouchers.made import DAY, check, list_all, show


def redeem(shop, reward="five-off", member="ann", *, once=None):
    path = f"/v1/rewards/{reward}/redeem"
    return shop.call("POST", path, {"member": member}, once=once or uuid.uuid4().hex)


def missing(shop, member="ann"):
    """What is missing for each reward, by its id."""
    listed = shop.call("GET", f"/v1/rewards?member={member}")["data"]
    return {reward["id"]: (reward["affordable"], reward["missing"]) for reward in listed}


def test_rewards_are_listed_cheapest_first_with_what_is_missing(shop):
    listed = shop.call("GET", "/v1/rewards?member=ann")["data"]

    assert [reward["id"] for reward in listed] == ["five-off", "gift"]
    assert [reward["name"] for reward in listed] == ["5 € off", "gift"]
    assert listed[0] == {
        "id": "five-off",
        "name": "5 € off",
        "cost": 400,
        "voucher": {
            "kind": "amount",
            "currency": "EUR",
            "amount": 500,
            **dict.fromkeys(("percent", "max_discount", "min_order", "skus", "categories")),
            "uses": 1,
            "uses_per_member": None,
            "expires_after": "P30D",
        },
        "affordable": True,
        "missing": 0,
    }
    assert missing(shop) == {"five-off": (True, 0), "gift": (False, 500)}


def test_held_points_cannot_buy_a_reward(shop):
    shop.reserve("ann", 700)

    assert missing(shop)["five-off"] == (False, 100)
    with pytest.raises(Refused, match="409 insufficient_points"):
        redeem(shop)


def test_without_a_member_nothing_is_said_about_affording(shop):
    listed = shop.call("GET", "/v1/rewards")["data"]

    assert {(reward["affordable"], reward["missing"]) for reward in listed} == {(None, None)}
    with pytest.raises(Refused, match="404 member_not_found"):
        missing(shop, "nobody")


def test_points_become_a_voucher_of_the_members_own(shop):
    redeemed = redeem(shop)

    voucher = redeemed["voucher"]
    assert (redeemed["reward"], redeemed["points"], redeemed["member"]) == ("five-off", 400, "ann")
    assert voucher["class"] == "reward"
    assert voucher["member"] == "ann"
    assert voucher["source"] == {"type": "reward", "id": "five-off"}
    assert voucher["expires_at"] == "2026-03-31T12:00:00Z"
    assert voucher["state"] == "issued"
    assert show(shop, voucher["code"]) == voucher
    assert shop.kinds("ann") == [("adjust", 1_000), ("redeem", -400)]
    assert shop.entries("ann")[-1]["explanation"] == "400 points redeemed for the reward 5 € off."
    assert check(shop, voucher["code"], member="ann")["discount"]["amount"] == 500
    shop.enrol("bob")
    with pytest.raises(Refused, match="422 voucher_not_usable"):
        check(shop, voucher["code"], member="bob")


def test_redeeming_tells_of_points_and_voucher(shop):
    voucher = redeem(shop)["voucher"]

    with db.reading():
        found = db.session.scalars(select(Event).where(Event.program_id == shop.program_id))
        told = {event.name: event.data for event in found}
    assert told["voucher.issued"]["voucher"] == voucher["id"]
    assert told["points.redeemed"] == {
        "points": 400,
        "reward": "five-off",
        "voucher": voucher["id"],
    }


def test_a_reward_can_be_had_as_often_as_points_allow(shop):
    assert redeem(shop)["voucher"]["code"] != redeem(shop)["voucher"]["code"]

    with pytest.raises(Refused, match="409 insufficient_points") as refused:
        redeem(shop)
    assert refused.value.problem["available"] == 200
    assert shop.points("ann") == {"available": 200}
    assert len(list_all(shop)) == 2


def test_a_reward_that_never_was_affordable_is_refused_422(shop):
    with pytest.raises(Refused, match="422 insufficient_points"):
        redeem(shop, "gift")


@pytest.mark.parametrize(
    ("reward", "member", "code"),
    [("ten-off", "ann", "reward_not_found"), ("five-off", "nobody", "member_not_found")],
)
def test_what_does_not_exist_is_not_found(shop, reward, member, code):
    with pytest.raises(Refused, match=f"404 {code}"):
        redeem(shop, reward, member)


def test_the_same_call_again_redeems_once(shop):
    first = redeem(shop, once="k")

    assert redeem(shop, once="k") == first
    assert shop.points("ann") == {"available": 600}


def test_many_at_once_get_what_the_points_cover(shop):
    body = {"member": "ann"}
    answers = crowd.Threads(shop.app).rush(
        [
            crowd.Call(shop.key, "POST", "/v1/rewards/five-off/redeem", body, f"k{n}")
            for n in range(6)
        ]
    )

    assert sorted(answer.status for answer in answers) == [201, 201, 409, 409, 409, 409]
    assert shop.points("ann") == {"available": 200}
    assert len(list_all(shop)) == 2


def test_time_goes_on_after_a_redemption(shop):
    code = redeem(shop)["voucher"]["code"]

    shop.set_clock(NOON + 31 * DAY)

    assert show(shop, code)["state"] == "expired"
    assert shop.points("ann") == {"available": 600}


def test_redeeming_takes_three_statements_and_two_for_its_key(shop, engine_name):
    shop.balance("ann")

    with statements.seen() as sent:
        redeem(shop)

    assert len(sent) <= {"postgresql": 5, "sqlite": 13}[engine_name], "\n\n".join(sent)
