"""Members merge: points move once with their lots, a pointer stays. (F25)"""

import pytest

from loyalty.foundation import db
from loyalty.foundation.events import Event
from loyalty.ledger import verify


@pytest.fixture
def both(api):
    """Two members with 300 and 50 points."""
    for name, points in (("source", 300), ("target", 50)):
        api.put(f"/v1/members/{name}", {"name": name, "joined_at": "2020-01-01T00:00:00Z"})
        api.post(
            f"/v1/members/{name}/adjustments",
            {"points": points, "reason": "start"},
            idempotency_key=name,
        )


def available(api, external_id):
    return api.get(f"/v1/members/{external_id}/balance")["points"]["available"]


def merge(api, source, into):
    return api.post(f"/v1/members/{source}/merge", {"into": into})


def test_points_move_once_and_the_source_points_at_the_target(api, both, program):
    answer = merge(api, "source", "target")

    assert answer.status == 200
    assert answer.body == api.get("/v1/members/target").body
    assert available(api, "target") == 350
    assert available(api, "source") == 350  # the pointer leads on
    source = api.get("/v1/members/source")
    assert (source["status"], source["merged_into"]) == ("merged", "target")
    with db.snapshot():
        assert verify.verify(db.connection(), program.id).broken is None


def test_merging_again_changes_nothing(api, both):
    first = merge(api, "source", "target")
    again = merge(api, "source", "target")

    assert (again.status, again.body) == (200, first.body)
    assert available(api, "target") == 350
    assert len(api.get("/v1/members/target/entries")["data"]) == 2


def test_the_earlier_of_both_times_of_joining_stays(api):
    api.put("/v1/members/source", {"joined_at": "2019-01-01T00:00:00Z"})
    api.put("/v1/members/target", {"joined_at": "2020-01-01T00:00:00Z"})

    assert merge(api, "source", "target")["joined_at"] == "2019-01-01T00:00:00Z"


def test_later_orders_of_the_source_count_for_the_target(api, both):
    merge(api, "source", "target")
    order = {
        "id": "o-1", "member": "source", "placed_at": "2026-01-01T00:00:00Z", "currency": "EUR",
        "total": 1000,
    }  # fmt: skip

    assert api.post("/v1/orders", order).status == 201

    assert available(api, "target") == 360
    assert api.get("/v1/members/target")["stats"]["orders"] == 1
    assert api.get("/v1/members/source")["stats"]["orders"] == 0


def test_statistics_are_added_up(api, both):
    for name in ("source", "target"):
        order = {
            "id": name, "member": name, "placed_at": "2026-01-01T00:00:00Z", "currency": "EUR",
            "total": 1000,
        }  # fmt: skip
        api.post("/v1/orders", order)

    stats = merge(api, "source", "target")["stats"]

    assert (stats["orders"], stats["spend"]) == (2, 2000)
    assert stats["last_order_at"] == "2026-01-01T00:00:00Z"


def test_a_member_is_not_merged_into_itself(api, both):
    answer = merge(api, "source", "source")

    assert (answer.status, answer["code"]) == (422, "merge_refused")
    assert answer.pointers == ["/into"]


def test_a_circle_is_refused(api, both):
    merge(api, "source", "target")

    answer = merge(api, "target", "source")

    assert (answer.status, answer["code"]) == (422, "merge_refused")
    assert available(api, "target") == 350


def test_merging_into_a_merged_member_leads_to_the_one_it_became(api, both):
    merge(api, "source", "target")
    api.put("/v1/members/third")

    assert merge(api, "third", "source")["external_id"] == "target"

    assert api.get("/v1/members/third")["merged_into"] == "target"


def test_pointers_are_one_step_long(api, both):
    api.put("/v1/members/third")
    merge(api, "source", "target")

    merge(api, "target", "third")

    assert api.get("/v1/members/source")["merged_into"] == "third"
    assert available(api, "source") == available(api, "third") == 350
    assert merge(api, "source", "target").status == 200  # both are the third already


def test_a_merged_member_goes_nowhere_else(api, both):
    merge(api, "source", "target")
    api.put("/v1/members/third")

    answer = merge(api, "source", "third")

    assert (answer.status, answer["code"]) == (409, "member_merged")
    assert answer["merged_into"] == "target"


def test_a_merged_member_cannot_be_changed(api, both):
    merge(api, "source", "target")

    answer = api.put("/v1/members/source", {"name": "new"})

    assert (answer.status, answer["code"], answer["merged_into"]) == (
        409, "member_merged", "target",
    )  # fmt: skip
    assert api.post("/v1/members/source/token").status == 409


@pytest.mark.parametrize("body", [{}, {"into": ""}, {"into": 5}, {"into": "target", "x": 1}])
def test_a_merge_without_a_target_is_refused(api, both, body):
    assert api.post("/v1/members/source/merge", body).status == 422


def test_the_merge_is_an_event(api, both):
    target = merge(api, "source", "target")

    with db.reading():
        names = db.session.query(Event.name).filter_by(member_id=target["id"]).all()
    assert ("member.merged",) in names
