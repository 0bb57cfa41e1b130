"""The door of programs: documents by version, and the clock of a test program."""

import pytest

from tests.support import make

EARNING = {"rules": [{"id": "base", "kind": "per_spend", "points": 2, "per": 100}]}


def changed(api, **parts):
    """Return the document in force with some parts replaced, and its ETag."""
    answer = api.get("/v1/program")
    return {**answer.body, **parts}, answer.headers["ETag"]


def test_the_document_in_force_is_shown_with_its_version_as_etag(api, program):
    answer = api.get("/v1/program")

    assert answer.status == 200
    assert answer["program"]["slug"] == program.slug
    assert answer["version"] == 1
    assert answer.headers["ETag"] == '"1"'


def test_nothing_is_sent_again_while_nothing_changed(api):
    answer = api.get("/v1/program", headers={"If-None-Match": '"1"'})

    assert (answer.status, answer.body) == (304, "")
    assert answer.headers["ETag"] == '"1"'


def test_what_was_read_can_be_changed_and_sent_back(api):
    document, etag = changed(api, earning=EARNING)

    answer = api.put("/v1/program", document, headers={"If-Match": etag})

    assert answer.status == 200
    assert answer["earning"]["rules"][0]["points"] == 2
    assert (answer["version"], answer.headers["ETag"]) == (2, '"2"')
    assert api.get("/v1/program").body == answer.body


def test_a_change_without_if_match_is_refused(api):
    document, _ = changed(api, earning=EARNING)

    answer = api.put("/v1/program", document)

    assert (answer.status, answer["code"]) == (428, "precondition_required")


@pytest.mark.parametrize("tag", ['"7"', 'W/"1"', '"nonsense"', '"' + "9" * 5000 + '"', "²"])
def test_a_change_of_another_version_is_refused(api, tag):
    document, _ = changed(api, earning=EARNING)

    answer = api.put("/v1/program", document, headers={"If-Match": tag.encode().decode("latin-1")})

    assert (answer.status, answer["code"]) == (412, "precondition_failed")
    assert answer["version"] == 1


def test_the_second_of_two_changes_to_one_version_is_refused(api):
    first, etag = changed(api, earning=EARNING)
    second, _ = changed(api, earning={"rules": []})
    api.put("/v1/program", first, headers={"If-Match": etag})

    answer = api.put("/v1/program", second, headers={"If-Match": etag})

    assert answer.status == 412


def test_a_body_read_before_the_present_version_is_refused_whatever_if_match_says(api):
    stale, etag = changed(api, earning={"rules": []})
    document, _ = changed(api, earning=EARNING)
    api.put("/v1/program", document, headers={"If-Match": etag})

    for tag in ('"2"', "*"):
        assert api.put("/v1/program", stale, headers={"If-Match": tag}).status == 412


def test_if_match_with_a_star_takes_any_version(api):
    document, _ = changed(api, earning=EARNING)
    del document["version"]

    assert api.put("/v1/program", document, headers={"If-Match": "*"}).status == 200


def test_a_document_that_changes_nothing_makes_no_version(api):
    document, etag = changed(api)

    answer = api.put("/v1/program", document, headers={"If-Match": etag})

    assert (answer.status, answer["version"]) == (200, 1)


@pytest.mark.parametrize(
    ("name", "value"), [("slug", "another"), ("mode", "live"), ("currency", "USD")]
)
def test_slug_mode_and_currency_never_change(api, name, value):
    document, etag = changed(api)
    document["program"][name] = value

    answer = api.put("/v1/program", document, headers={"If-Match": etag})

    assert (answer.status, answer["code"]) == (422, "program_term_fixed")
    assert answer.pointers == [f"/program/{name}"]
    assert api.get("/v1/program")["version"] == 1


def test_every_mistake_in_a_document_is_named(api):
    document, etag = changed(api, earning={"rules": [{"id": "x", "kind": "per_spend"}]}, hats=1)

    answer = api.put("/v1/program", document, headers={"If-Match": etag})

    assert (answer.status, answer["code"]) == (422, "invalid_program")
    assert "/earning/rules/0/points" in answer.pointers
    assert "/hats" in answer.pointers


@pytest.mark.parametrize("body", [[], "text", 1, {"program": 7}, {"tiers": {}}, {"version": "1"}])
def test_what_is_no_document_is_refused(api, body):
    answer = api.put("/v1/program", body, headers={"If-Match": '"1"'})

    assert answer.status == 422
    assert answer["errors"]


def test_versions_are_listed_newest_first_page_by_page(api):
    for points in (2, 3):
        document, etag = changed(
            api, earning={"rules": [{"id": "b", "kind": "per_spend", "points": points, "per": 1}]}
        )
        api.put("/v1/program", document, headers={"If-Match": etag})

    first = api.get("/v1/program/versions", limit=2)
    rest = api.get("/v1/program/versions", limit=2, cursor=first["next_cursor"])

    assert [row["version"] for row in first["data"]] == [3, 2]
    assert [row["version"] for row in rest["data"]] == [1]
    assert (first["has_more"], rest["has_more"]) == (True, False)
    assert first["data"][0]["actor"].startswith("key:key_")


def test_an_old_version_is_shown_as_it_was_applied(api):
    document, etag = changed(api, earning=EARNING)
    api.put("/v1/program", document, headers={"If-Match": etag})

    old = api.get("/v1/program/versions/1")

    assert old["document"]["earning"]["rules"][0]["points"] == 1
    assert api.get("/v1/program/versions/3")["code"] == "program_version_not_found"
    assert api.get("/v1/program/versions/99999999999").status == 404
    assert api.get("/v1/program/versions/0").status == 404


def test_a_stranger_sees_and_changes_only_their_own_program(api, stranger, program):
    document, etag = changed(api, earning=EARNING)
    api.put("/v1/program", document, headers={"If-Match": etag})

    assert stranger.get("/v1/program")["program"]["slug"] != program.slug
    assert stranger.get("/v1/program/versions/2").status == 404
    assert len(stranger.get("/v1/program/versions")["data"]) == 1
    assert stranger.put("/v1/program", document, headers={"If-Match": "*"}).status == 422


def test_the_clock_of_a_test_program_is_set_and_shown(api, stranger):
    answer = api.put("/v1/test_clock", {"now": "2031-03-01T00:00:00Z"})

    assert (answer.status, answer["now"]) == (200, "2031-03-01T00:00:00Z")
    assert api.get("/v1/test_clock")["now"] == "2031-03-01T00:00:00Z"
    assert stranger.get("/v1/test_clock")["now"] < "2031"


def test_the_clock_never_runs_backwards(api):
    api.put("/v1/test_clock", {"now": "2031-03-01T00:00:00Z"})

    answer = api.put("/v1/test_clock", {"now": "2031-02-28T23:59:59Z"})

    assert (answer.status, answer["code"]) == (409, "clock_backwards")
    assert api.put("/v1/test_clock", {"now": "2031-03-01T00:00:00Z"}).status == 200


def test_the_first_setting_may_lie_in_the_past_while_nothing_happened(api):
    assert api.put("/v1/test_clock", {"now": "2001-01-01T00:00:00Z"}).status == 200


def test_the_clock_is_not_set_a_hundred_years_ahead(api):
    answer = api.put("/v1/test_clock", {"now": "2900-01-01T00:00:00Z"})

    assert (answer.status, answer["code"]) == (422, "clock_too_far")


@pytest.mark.parametrize("now", [None, 5, "tomorrow", "2031-03-01", "9999-12-31T23:59:59Z"])
def test_a_time_that_is_none_is_refused(api, now):
    answer = api.put("/v1/test_clock", {"now": now})

    assert (answer.status, answer.pointers) == (422, ["/now"])


def test_a_live_program_has_no_test_clock(client):
    live = make.api(client, make.key(make.program(mode="live")))

    for answer in (
        live.put("/v1/test_clock", {"now": "2031-03-01T00:00:00Z"}),
        live.get("/v1/test_clock"),
    ):
        assert (answer.status, answer["code"]) == (403, "no_test_clock")
