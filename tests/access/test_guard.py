"""Who passes the door: keys, scopes, member tokens, and what is refused."""

import re
from datetime import timedelta

import pytest

from loyalty.access import guard, scopes, service
from loyalty.foundation import clock, db
from tests.support import make, statements

ANY_KEY = "sk_test_" + "a" * 43


@pytest.fixture
def member(api):
    """A member of `program` with a token."""
    api.put("/v1/members/anna", {"name": "Anna"})
    return api.post("/v1/members/anna/token").body


def test_a_call_without_credentials_is_told_how_to_send_them(client, app):
    answer = make.api(client, None).get("/v1/program")

    assert (answer.status, answer["code"]) == (401, "unauthorized")
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert "Authorization: Bearer" in answer["detail"]


@pytest.mark.parametrize(
    "header",
    [
        "Bearer",
        "Bearer ",
        "Bearer é",
        "Bearer sk_",
        "Bearer mtk_",
        "Bearer mtk_a.b",
        "Bearer mtk_e30.x",
        f"Bearer {ANY_KEY}",
        f"Bearer {ANY_KEY} {ANY_KEY}",
        ANY_KEY,
        "Basic YTpi",
    ],
)
def test_what_is_no_valid_key_is_refused(client, app, header):
    answer = make.api(client, None).get("/v1/program", headers={"Authorization": header})

    assert (answer.status, answer["code"]) == (401, "unauthorized")
    assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_the_scheme_may_be_written_in_any_case(client, api):
    header = {"Authorization": f"bearer {api.credentials}"}

    assert make.api(client, None).get("/v1/program", headers=header).status == 200


@pytest.mark.parametrize("name", ["access_token", "api_key", "key", "token", "limit"])
def test_a_key_in_the_query_string_is_refused_even_beside_a_good_one(api, name):
    answer = api.get("/v1/members", **{name: api.credentials})

    assert (answer.status, answer["code"]) == (400, "credentials_in_query")
    assert api.credentials not in str(answer.body)


def test_a_key_without_the_scope_is_told_which_one_it_lacks(client, program):
    reader = make.api(client, make.key(program, ["program:read"]))

    answer = reader.put("/v1/members/anna", {})

    assert (answer.status, answer["code"]) == (403, "forbidden")
    assert answer["scope"] == "members:write"
    assert "`members:write`" in answer["detail"]
    assert reader.get("/v1/program").status == 200


def test_a_key_with_all_scopes_opens_what_each_opens(client, program):
    each = make.api(client, make.key(program, list(scopes.SCOPES)))

    assert each.get("/v1/program").status == 200
    assert each.put("/v1/members/anna", {}).status == 201


def test_scopes_are_checked_before_the_body(client, program):
    reader = make.api(client, make.key(program, ["program:read"]))

    assert reader.put("/v1/members/anna", {"nonsense": 1}).status == 403


def test_the_openapi_document_names_the_scope_of_each_operation(client, app):
    paths = client.get("/openapi.json").get_json()["paths"]

    assert paths["/v1/program"]["put"]["security"] == [{"bearer": ["program:write"]}]
    assert {"401", "403"} <= set(paths["/v1/program"]["put"]["responses"])


def test_a_key_has_more_than_two_hundred_random_bits_and_is_stored_nowhere(app, program):
    secret = make.key(program)

    assert re.fullmatch(r"sk_test_[0-9A-Za-z]{43}", secret)
    with db.reading():
        [(key, slug)] = service.list_keys(program.id)
    assert slug == program.slug
    assert secret.startswith(key.prefix)
    assert secret.endswith(key.last4)
    assert secret not in str(vars(key))
    assert key.digest == service.digest_of(secret, guard.secret_key())
    assert key.digest != service.digest_of(secret, "another pepper")


@pytest.mark.parametrize(("mode", "other"), [("live", "test"), ("test", "live")])
def test_a_key_says_which_mode_its_program_has_and_serves_no_other(client, app, mode, other):
    secret = make.key(make.program(mode=mode))

    assert secret.startswith(f"sk_{mode}_")
    assert make.api(client, secret).get("/v1/program").status == 200
    disguised = secret.replace(mode, other)
    assert make.api(client, disguised).get("/v1/program").status == 401


def test_an_unknown_scope_is_refused_with_those_there_are(app, program):
    with pytest.raises(service.UnknownScope, match="members:read"):
        make.key(program, ["members:fly"])


def test_recognising_a_key_again_costs_no_statement(client, api):
    api.get("/v1/program")

    with statements.seen() as sent:
        api.get("/v1/program")

    assert sent
    assert not [statement for statement in sent if "api_key" in statement]


def test_a_revoked_key_stops_at_once_in_the_process_that_revoked_it(api, program):
    assert api.get("/v1/program").status == 200
    with db.reading():
        [(key, _)] = service.list_keys(program.id)

    guard.revoke(key.id)

    assert api.get("/v1/program").status == 401
    guard.revoke(key.id)  # repeating is harmless


def test_a_revoked_key_stops_elsewhere_when_its_memory_has_aged(api, program, app, monkeypatch):
    remembered = guard.memory()
    assert api.get("/v1/program").status == 200
    with db.reading():
        [(key, _)] = service.list_keys(program.id)
    with db.transaction():  # another process
        service.revoke_key(key_id=key.id, now=clock.system_now())
    assert api.get("/v1/program").status == 200

    later = remembered._monotonic() + remembered.ttl_seconds
    monkeypatch.setattr(remembered, "_monotonic", lambda: later)

    assert api.get("/v1/program").status == 401


def test_memory_is_never_older_than_a_second(app):
    assert guard.memory().ttl_seconds <= 1


def test_a_member_token_reads_its_own_member(client, member, app):
    anna = make.api(client, member["token"])

    assert anna.get("/v1/members/anna")["name"] == "Anna"
    assert anna.get("/v1/members/anna/balance").status == 200
    assert anna.get("/v1/members/anna/entries").status == 200


def test_a_member_token_comes_with_its_end_and_the_address_of_the_account_page(member):
    assert member["token"].startswith("mtk_")
    assert member["account_url"] == f"http://localhost/account/{member['token']}"
    minutes = (clock.system_now() + timedelta(minutes=61)).isoformat()
    assert member["expires_at"] < minutes


def test_a_member_token_finds_nobody_else(client, api, member):
    api.put("/v1/members/ben", {"name": "Ben"})
    anna = make.api(client, member["token"])

    for path in ("/v1/members/ben", "/v1/members/ben/balance", "/v1/members/nobody"):
        assert anna.get(path).status == 404


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/members"),
        ("GET", "/v1/program"),
        ("PUT", "/v1/members/anna"),
        ("DELETE", "/v1/members/anna"),
        ("POST", "/v1/members/anna/token"),
        ("POST", "/v1/members/anna/merge"),
        ("POST", "/v1/members/anna/adjustments"),
        ("POST", "/v1/orders"),
        ("PUT", "/v1/test_clock"),
    ],
)
def test_a_member_token_changes_nothing_and_lists_nobody(client, member, method, path):
    answer = make.api(client, member["token"]).send(method, path, {} if method != "GET" else None)

    assert (answer.status, answer["code"]) == (403, "forbidden")


def test_a_member_token_ends(app, program):
    now = clock.system_now()
    minted = service.mint_token(
        program_id=program.id, member_id="mbr_1", pepper=guard.secret_key(), now=now
    )

    def read(at, token=minted.token, pepper=None):
        return service.read_token(token, pepper=pepper or guard.secret_key(), now=at)

    assert read(now).member_id == "mbr_1"
    assert read(minted.expires_at - timedelta(seconds=1)) is not None
    assert read(minted.expires_at) is None
    assert read(now, token=minted.token[:-1] + "x") is None
    assert read(now, pepper="another pepper") is None


def test_a_member_token_ends_with_its_member_and_does_not_serve_the_next_of_that_id(
    client, api, member
):
    api.delete("/v1/members/anna")
    assert make.api(client, member["token"]).get("/v1/members/anna").status == 401

    api.put("/v1/members/anna", {"name": "Another Anna"})

    assert make.api(client, member["token"]).get("/v1/members/anna").status == 401
