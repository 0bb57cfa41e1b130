"""The door of members: enrol, change, find; other programs' members do not exist."""

import json
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote

import pytest

from loyalty.foundation import db
from loyalty.members import queries
from tests.support import make, statements

FULL = {
    "email": "Anna@Example.org",
    "name": "Anna Example",
    "phone": "+49 30 1234567",
    "birthday": "1990-05-17",
    "locale": "de-DE",
    "country": "DE",
    "joined_at": "2020-01-02T03:04:05Z",
    "referral_code": "anna-7kq2m",
    "contact": {
        "channel": "email",
        "marketing": True,
        "at_most": {"count": 2, "per": "P7D"},
    },
    "metadata": {"crm": "77"},
}


def test_a_new_member_is_enrolled_with_what_is_given(api):
    answer = api.put("/v1/members/c-77", FULL)

    assert answer.status == 201
    assert answer["id"].startswith("mbr_")
    assert answer["external_id"] == "c-77"
    assert answer["status"] == "active"
    assert answer["referral_code"] == "ANNA-7KQ2M"
    assert answer["email"] == "Anna@example.org"
    for name in ("name", "phone", "birthday", "locale", "country", "joined_at", "metadata"):
        assert answer[name] == FULL[name]
    assert answer["contact"] == FULL["contact"]
    assert answer["stats"] == {
        "orders": 0, "spend": 0, "currency": "EUR", "last_order_at": None,
    }  # fmt: skip
    assert api.get("/v1/members/c-77").body == answer.body


def test_an_id_is_enough_and_the_body_may_be_left_out(api):
    answer = api.put("/v1/members/c-77")

    assert answer.status == 201
    assert answer["email"] is None
    assert answer["contact"] is None
    assert answer["metadata"] == {}
    assert answer["tier"] is None
    assert answer["merged_into"] is None
    assert answer["referral_code"]


def test_a_new_member_has_an_empty_account(api):
    api.put("/v1/members/c-77")

    points = api.get("/v1/members/c-77/balance")["points"]

    assert points == {"available": 0, "pending": 0, "held": 0, "debt": 0}


def test_given_fields_are_set_and_others_stay(api):
    first = api.put("/v1/members/c-77", FULL)

    second = api.put("/v1/members/c-77", {"name": "Anna Other", "country": "AT"})

    assert second.status == 200
    unchanged = {**first.body, "name": "Anna Other", "country": "AT"}
    assert second.body == {**unchanged, "updated_at": second["updated_at"]}
    assert api.get("/v1/members/c-77").body == second.body


def test_null_clears_a_field(api):
    api.put("/v1/members/c-77", FULL)
    clearable = ("email", "name", "phone", "birthday", "locale", "country", "contact")

    answer = api.put("/v1/members/c-77", {**dict.fromkeys(clearable), "metadata": None})

    assert answer.status == 200
    assert [answer[name] for name in clearable] == [None] * len(clearable)
    assert answer["metadata"] == {}
    assert api.get("/v1/members", email="anna@example.org")["data"] == []


def test_null_as_referral_code_makes_a_new_one(api):
    api.put("/v1/members/c-77", FULL)

    code = api.put("/v1/members/c-77", {"referral_code": None})["referral_code"]

    assert code.startswith("ANNA-")
    assert code != "ANNA-7KQ2M"


def test_the_same_again_changes_nothing(api):
    first = api.put("/v1/members/c-77", FULL)

    assert api.put("/v1/members/c-77", FULL).body == first.body


def test_the_members_time_is_the_programs(api):
    api.put("/v1/test_clock", {"now": "2031-03-01T00:00:00Z"})

    answer = api.put("/v1/members/c-77")

    assert answer["joined_at"] == answer["created_at"] == "2031-03-01T00:00:00Z"


def test_a_referral_code_belongs_to_one_member_of_a_program(api, stranger):
    api.put("/v1/members/anna", FULL)
    api.put("/v1/members/eve")

    for answer in (
        api.put("/v1/members/ben", {"referral_code": "Anna-7KQ2M"}),
        api.put("/v1/members/eve", {"referral_code": "ANNA-7KQ2M"}),
    ):
        assert (answer.status, answer["code"]) == (409, "referral_code_taken")
    assert api.get("/v1/members/ben").status == 404
    assert stranger.put("/v1/members/anna", FULL).status == 201


@pytest.mark.parametrize("external_id", ["a/b", "ümläut ß", "100%", "a?b#c", "9007199254740993"])
def test_any_id_of_the_shop_addresses_its_member(api, external_id):
    path = f"/v1/members/{quote(external_id, safe='')}"
    raw = {"environ_overrides": {"RAW_URI": path}}

    assert api.send("PUT", path, {}, **raw)["external_id"] == external_id
    assert api.send("GET", path, **raw)["external_id"] == external_id


@pytest.mark.parametrize("external_id", ["%20a", "a%20", "%C2%85x", "x" * 256])
def test_an_id_that_cannot_be_one_is_refused(api, external_id):
    assert api.put(f"/v1/members/{external_id}", {}).status in {404, 422}
    assert api.get(f"/v1/members/{external_id}").status == 404


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"email": "nobody"}, "/email"),
        ({"email": ""}, "/email"),
        ({"name": 5}, "/name"),
        ({"name": ""}, "/name"),
        ({"name": "x" * 201}, "/name"),
        ({"name": "a\nb"}, "/name"),
        ({"phone": "1" * 41}, "/phone"),
        ({"birthday": "1990-02-30"}, "/birthday"),
        ({"birthday": 1990}, "/birthday"),
        ({"locale": "xx-nonsense"}, "/locale"),
        ({"country": "de"}, "/country"),
        ({"joined_at": "yesterday"}, "/joined_at"),
        ({"joined_at": None}, "/joined_at"),
        ({"referral_code": "a b"}, "/referral_code"),
        ({"referral_code": "straße"}, "/referral_code"),
        ({"referral_code": "x" * 33}, "/referral_code"),
        ({"contact": {}}, "/contact/channel"),
        ({"contact": {"channel": "owl"}}, "/contact/channel"),
        ({"contact": {"channel": "sms", "marketing": 1}}, "/contact/marketing"),
        ({"contact": {"channel": "sms", "at_most": {"count": 0, "per": "P7D"}}},
         "/contact/at_most/count"),
        ({"contact": {"channel": "sms", "at_most": {"count": 1, "per": "weekly"}}},
         "/contact/at_most/per"),
        ({"metadata": {"a": 1}}, "/metadata/a"),
        ({"status": "erased"}, "/status"),
        ({"tier": "gold"}, "/tier"),
        ({"emial": "a@example.org"}, "/emial"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_and_nothing_stored(api, body, pointer):
    answer = api.put("/v1/members/c-77", body)

    assert (answer.status, answer["code"]) == (422, "invalid_request")
    assert answer.pointers == [pointer]
    assert api.get("/v1/members/c-77").status == 404


@pytest.mark.parametrize("body", [[], "x", 1, None])
def test_a_body_that_is_no_object_is_refused(api, body):
    answer = api.send(
        "PUT", "/v1/members/c-77", data=json.dumps(body), content_type="application/json"
    )

    assert answer.status == 422


def test_an_unknown_member_is_not_found(api):
    for answer in (
        api.get("/v1/members/nobody"),
        api.get("/v1/members/nobody/export"),
        api.delete("/v1/members/nobody"),
        api.post("/v1/members/nobody/token"),
        api.post("/v1/members/nobody/merge", {"into": "c-77"}),
    ):
        assert (answer.status, answer["code"]) == (404, "member_not_found")


def test_a_stranger_finds_no_member_of_another_program(api, stranger):
    known = api.put("/v1/members/c-77", FULL)
    stranger.put("/v1/members/own")

    for answer in (
        stranger.get("/v1/members/c-77"),
        stranger.get(f"/v1/members/{known['id']}"),
        stranger.get("/v1/members/c-77/export"),
        stranger.delete("/v1/members/c-77"),
        stranger.post("/v1/members/c-77/token"),
        stranger.post("/v1/members/c-77/merge", {"into": "own"}),
        stranger.post("/v1/members/own/merge", {"into": "c-77"}),
    ):
        assert (answer.status, answer["code"]) == (404, "member_not_found")
    assert [row["external_id"] for row in stranger.get("/v1/members")["data"]] == ["own"]
    assert stranger.get("/v1/members", email="anna@example.org")["data"] == []
    assert api.get("/v1/members/c-77").body == known.body


def test_members_are_found_by_any_spelling_of_their_mailbox(api):
    api.put("/v1/members/one", {"email": "an.na+news@gmail.com"})
    api.put("/v1/members/two", {"email": "Anna@googlemail.com"})
    api.put("/v1/members/noise", {"email": "ben@gmail.com"})

    found = api.get("/v1/members", email="ANNA@gmail.com")

    assert [row["external_id"] for row in found["data"]] == ["two", "one"]


def test_members_are_listed_newest_first_and_pages_stay_put(api):
    for number in range(5):
        api.put(f"/v1/members/c-{number}")
    first = api.get("/v1/members", limit=2)
    api.put("/v1/members/later")

    second = api.get("/v1/members", limit=2, cursor=first["next_cursor"])
    third = api.get("/v1/members", limit=2, cursor=second["next_cursor"])

    listed = [row["external_id"] for page in (first, second, third) for row in page["data"]]
    assert listed == ["c-4", "c-3", "c-2", "c-1", "c-0"]
    assert [page["has_more"] for page in (first, second, third)] == [True, True, False]
    assert third["next_cursor"] is None


@pytest.mark.parametrize(
    "query", [{"limit": 0}, {"limit": 101}, {"cursor": "x"}, {"email": "nobody"}, {"q": "anna"}]
)
def test_a_list_asked_for_wrongly_is_refused(api, query):
    assert api.get("/v1/members", **query).status == 422


def test_a_page_costs_the_same_however_long_it_is(api):
    def cost():
        with statements.seen() as sent:
            api.get("/v1/members", limit=100)
        return len(sent)

    api.put("/v1/members/c-0")
    api.get("/v1/members")
    short = cost()
    for number in range(20):
        api.put(f"/v1/members/c-{number}", {"email": f"c{number}@example.org"})

    assert cost() == short == 1


def test_a_key_makes_the_enrolment_repeatable(api):
    first = api.put("/v1/members/c-77", FULL, idempotency_key="k-1")
    again = api.put("/v1/members/c-77", FULL, idempotency_key="k-1")

    assert (again.status, again.body) == (201, first.body)
    assert again.headers["Idempotent-Replayed"] == "true"


def test_the_same_enrolment_from_many_threads_makes_one_member(app, api, program):
    def enrol(_):
        return make.api(app.test_client(), api.credentials).put("/v1/members/c-77", FULL)

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(enrol, range(8)))

    assert sorted(answer.status for answer in answers) == [200] * 7 + [201]
    assert len({answer["id"] for answer in answers}) == 1
    with db.reading():
        assert len(queries.list_members(program.id, email_key=None, before=None, limit=9)) == 1
