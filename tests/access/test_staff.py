"""The staff: persons with a role in each program, entered by command."""

import argon2
import pytest

from loyalty.access import staff
from loyalty.cli.staff import staff as commands
from loyalty.foundation import db
from tests.support import make

PASSWORD = "correct horse battery staple\n"


@pytest.fixture
def run(app):
    """Run `flask loyalty staff …`: `run("list")`."""
    runner = app.test_cli_runner()

    def invoke(*arguments, typed=""):
        result = runner.invoke(commands, arguments, input=typed)
        assert result.exception is None or isinstance(result.exception, SystemExit), result.output
        return result

    return invoke


@pytest.fixture
def enter(run, program):
    """Enter a person into `program`, or into another one."""

    def entered(email, role="agent", *more, slug=None, typed=PASSWORD):
        arguments = ("--program", slug or program.slug, "--email", email, "--role", role, *more)
        return run("create", *arguments, typed=typed)

    return entered


def find(program, agent):
    with db.reading():
        return staff.find_agent(program.id, agent)


def unique(program, name="kim"):
    """An address that no other test uses: persons belong to all programs."""
    return f"{name}@{program.slug}.example"


def test_a_person_is_entered_with_a_role_and_a_hashed_password(enter, program):
    result = enter(unique(program), "supervisor")

    with db.reading():
        [(person, role, slug)] = staff.list_staff(program.id)
    assert result.stdout == f"{person.id}\n"
    assert (role.role, role.agent, slug) == ("supervisor", "kim", program.slug)
    assert argon2.PasswordHasher().verify(person.password_hash, PASSWORD.strip())


def test_an_agent_is_found_by_name_or_address_however_it_is_written(enter, program):
    enter(unique(program), "supervisor", "--agent", "Kim  North")

    for name in ("kim north", "KIM NORTH ", unique(program).upper()):
        found = find(program, name)
        assert (found.agent, found.role, found.decides) == ("kim north", "supervisor", True)
    assert find(program, "somebody") is None


def test_an_agent_of_another_program_is_unknown_here(enter, program):
    enter(unique(program), slug=make.program().slug)

    assert find(program, "kim") is None
    assert find(program, unique(program)) is None


def test_one_person_works_for_two_programs_and_keeps_the_password(enter, program):
    other = make.program()
    enter(unique(program), "agent")
    told = enter(unique(program, "Kim+work"), "admin", slug=other.slug, typed="another password\n")

    assert "whose password stays as it is" in told.stderr
    assert find(program, "kim").staff_id == find(other, "kim+work").staff_id
    assert find(other, "kim+work").role == "admin"


def test_a_person_without_a_password_is_entered_without_one(enter, program):
    enter(unique(program), typed="")

    with db.reading():
        [(person, _, _)] = staff.list_staff(program.id)
    assert person.password_hash is None


def test_a_short_password_is_refused(enter, program):
    result = enter(unique(program), typed="short\n")

    assert result.exit_code == 1
    assert "12 to 1024 characters" in result.stderr
    assert find(program, "kim") is None


def test_nobody_is_entered_twice_and_no_name_is_given_twice(enter, program):
    enter(unique(program))

    again = enter(unique(program), "admin")
    namesake = enter(unique(program, "other"), "agent", "--agent", "KIM")

    assert (again.exit_code, namesake.exit_code) == (1, 1)
    assert "staff role" in again.stderr
    assert "Somebody else is the agent 'kim'" in namesake.stderr


def test_a_role_changes_in_one_program_alone(enter, run, program):
    other = make.program()
    enter(unique(program))
    enter(unique(program), slug=other.slug)

    run("role", "--program", program.slug, "--email", unique(program), "--role", "admin")

    assert (find(program, "kim").role, find(other, "kim").role) == ("admin", "agent")


def test_the_role_of_a_stranger_cannot_be_changed(run, program):
    arguments = ("--program", program.slug, "--email", unique(program), "--role", "admin")

    result = run("role", *arguments)

    assert result.exit_code == 1
    assert "Nobody of the staff" in result.stderr


def test_whoever_was_disabled_acts_no_more_until_enabled(enter, run, program):
    enter(unique(program), "supervisor")

    run("disable", "--email", unique(program))
    with db.reading(), pytest.raises(staff.StaffDisabled):
        staff.find_agent(program.id, "kim")
    run("enable", "--email", unique(program))

    assert find(program, "kim").role == "supervisor"


def test_the_list_shows_everybody_of_a_program(enter, run, program):
    enter(unique(program), "admin", "--name", "Kim North")
    enter(unique(program, "lee"))

    lines = [
        line.split("\t")[2:]
        for line in run("list", "--program", program.slug).stdout.split("\n")[:-1]
    ]

    assert lines == [
        [unique(program), "Kim North", "admin", "kim", "active"],
        [unique(program, "lee"), "-", "agent", "lee", "active"],
    ]


@pytest.mark.parametrize(
    "arguments", [["--role", "king"], ["--email", "nobody"], ["--agent", ""], ["--name", "\n"]]
)
def test_what_makes_no_sense_is_refused(run, program, arguments):
    result = run(
        *("create", "--program", program.slug, "--email", unique(program), "--role", "agent"),
        *arguments,
        typed=PASSWORD,
    )

    assert result.exit_code == 2
