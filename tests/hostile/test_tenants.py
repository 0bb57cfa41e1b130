"""A key of one program neither sees nor touches anything of another, by whatever route."""

import json

import pytest

from tests.hostile import cases, shops


def test_every_route_has_a_case(app):
    routes = {
        (method, rule.rule)
        for rule in app.url_map.iter_rules()
        for method in rule.methods - {"HEAD", "OPTIONS"}
        if rule.rule.startswith("/v1/")
    }
    assert routes == set(cases.CASES)


@cases.each
def test_what_is_theirs_is_not_there_for_us_and_stays_as_it_is(app, ours, theirs, tried):
    before = cases.rows_of(app, theirs)

    answer = cases.send(ours, tried, theirs.names)

    if tried.case.finds:
        assert answer.status in {200, 201}, answer.body
        assert shown(answer, before, theirs.names, tried.case) == []
    else:
        assert answer.status == 404, answer.body
        nobodys = {name: f"{id}"[:-3] + "999" for name, id in theirs.names.items()}
        unknown = cases.send(ours, tried, nobodys)
        assert cases.without_echo(answer, theirs.names) == cases.without_echo(unknown, nobodys)
    assert cases.rows_of(app, theirs) == before


def test_the_same_ids_are_other_things_in_another_shop(client, app):
    ours, theirs = shops.open_shop(client), shops.open_shop(client)
    before = cases.rows_of(app, theirs)

    ours.api.post("/v1/orders/10045/cancel")
    ours.api.post("/v1/members/c-77/merge", {"into": "c-78"})
    ours.api.delete("/v1/members/c-78")

    assert cases.rows_of(app, theirs) == before
    assert theirs.api.get("/v1/members/c-77")["status"] == "active"


def test_an_idempotency_key_of_theirs_is_new_to_us(ours, theirs):
    body = {"points": 5, "reason": "the same"}
    path = "/v1/members/c-77{}/adjustments"
    first = theirs.api.post(path.format(cases.THEIRS), body, idempotency_key="same")
    second = ours.api.post(path.format(cases.OURS), body, idempotency_key="same")

    assert (first.status, second.status) == (201, 201)
    assert "Idempotent-Replayed" not in second.headers
    assert first["id"] != second["id"]


@pytest.mark.parametrize(
    "path", ["/v1/members", "/v1/members/c-77{}/entries", "/v1/program/versions"]
)
def test_a_cursor_of_theirs_leads_nowhere_but_to_ours(app, ours, theirs, path):
    cursor = theirs.api.get(path.format(cases.THEIRS), limit=1)["next_cursor"]

    answer = ours.api.get(path.format(cases.OURS), cursor=cursor)

    assert answer.status == 200
    assert [
        id for id in cases.ids_of(cases.rows_of(app, theirs)) if id in json.dumps(answer.body)
    ] == []


def shown(answer, rows, names, case):
    """Return what an answer shows of another shop, but for what was sent."""
    sent = json.dumps([case.path, case.body])
    secrets = {str(id) for name, id in names.items() if f"{{{name}}}" not in sent} - {"3"}
    echoed = {id for name, id in names.items() if f"{{{name}}}" in sent}
    told = json.dumps(answer.body)
    return [id for id in (secrets | cases.ids_of(rows)) - echoed if id in told]
