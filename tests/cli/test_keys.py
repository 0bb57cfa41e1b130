"""`flask loyalty key …`"""

import pytest

from loyalty.access import service
from loyalty.foundation import db
from tests.support import make


def key_of(program):
    with db.reading():
        [(key, _)] = service.list_keys(program.id)
    return key


def test_the_new_key_stands_alone_on_standard_output(run, program, client):
    result = run("key", "create", "--program", program.slug)

    assert result.exit_code == 0
    assert result.stdout.startswith("sk_test_")
    assert result.stdout.count("\n") == 1
    assert make.api(client, result.stdout.strip()).get("/v1/program").status == 200


def test_a_key_may_do_everything_unless_it_is_told_what(run, program, client):
    everything = run("key", "create", "--program", program.slug).stdout.strip()
    some = run(
        "key", "create", "--program", program.slug,
        "--scope", "members:read", "--scope", "program:read",
    ).stdout.strip()  # fmt: skip

    assert make.api(client, everything).put("/v1/members/anna").status == 201
    assert make.api(client, some).get("/v1/members/anna").status == 200
    assert make.api(client, some).put("/v1/members/anna").status == 403


def test_a_key_has_a_name_and_may_be_bound_to_an_agent(run, program):
    run("key", "create", "--program", program.slug, "--name", "Help desk", "--agent", "kim")

    key = key_of(program)

    assert (key.name, key.agent, key.scopes) == ("Help desk", "kim", ["*"])


@pytest.mark.parametrize(
    "arguments",
    [
        ["--scope", "members:fly"],
        ["--name", ""],
        ["--name", "x" * 101],
        ["--name", "two\nlines"],
        ["--agent", "\udcff"],
    ],
)
def test_a_key_asked_for_wrongly_is_refused(run, program, arguments):
    result = run("key", "create", "--program", program.slug, *arguments)

    assert result.exit_code == 2
    assert result.stdout == ""


def test_a_key_needs_a_program_that_exists(run):
    assert run("key", "create").exit_code == 2
    result = run("key", "create", "--program", "nowhere")
    assert (result.exit_code, result.stdout) == (1, "")


def test_keys_are_listed_without_their_secret(run, program, stranger):
    secret = run("key", "create", "--program", program.slug, "--name", "shop").stdout.strip()

    [line] = run("key", "list", "--program", program.slug).stdout.splitlines()

    assert secret not in line
    assert line.split("\t")[1:] == [
        program.slug, f"{secret[:12]}…{secret[-4:]}", "shop", "-", "active", "*",
    ]  # fmt: skip
    assert program.slug in run("key", "list").stdout


def test_a_revoked_key_stops(run, program, client):
    secret = run("key", "create", "--program", program.slug).stdout.strip()
    assert make.api(client, secret).get("/v1/program").status == 200

    result = run("key", "revoke", key_of(program).id)

    assert result.exit_code == 0
    assert make.api(client, secret).get("/v1/program").status == 401
    assert "revoked" in run("key", "list", "--program", program.slug).stdout


def test_an_unknown_key_cannot_be_revoked(run):
    result = run("key", "revoke", "key_none")

    assert result.exit_code == 1
    assert "'key_none'" in result.stderr
