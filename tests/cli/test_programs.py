"""`flask loyalty program …`"""

import uuid

import pytest

from loyalty.foundation import db
from loyalty.programs import service

DOCUMENT = """
[program]
slug = "{slug}"
name = "Corner Shop"
mode = "test"
currency = "EUR"

[[earning.rules]]
id = "base"
kind = "per_spend"
points = {points}
per = 100
"""


@pytest.fixture
def slug():
    return f"shop-{uuid.uuid4().hex}"


@pytest.fixture
def file(tmp_path, slug):
    """A program document; call it to write another version."""
    path = tmp_path / "shop.toml"

    def write(points=1, text=DOCUMENT, slug=slug):
        path.write_text(text.format(slug=slug, points=points), "utf-8")
        return str(path)

    return write


def version_of(slug):
    with db.reading():
        return service.get_program(slug).version


def test_a_new_document_makes_a_program(run, file, slug):
    result = run("program", "apply", file(), "--yes")

    assert result.exit_code == 0
    assert f"{slug} is new" in result.output
    assert f"{slug} is at version 1." in result.output
    assert version_of(slug) == 1


def test_the_difference_is_shown_before_it_is_asked_for(run, file, slug):
    run("program", "apply", file(), "--yes")

    result = run("program", "apply", file(points=3), input="y\n")

    assert "~ /earning/rules/base/points: 1 → 3" in result.output
    assert result.output.index("points") < result.output.index("Apply this?")
    assert version_of(slug) == 2


@pytest.mark.parametrize("answer", ["n\n", ""])
def test_nothing_is_applied_without_a_yes(run, file, slug, answer):
    run("program", "apply", file(), "--yes")

    result = run("program", "apply", file(points=3), input=answer)

    assert result.exit_code == 1
    assert version_of(slug) == 1


def test_the_same_document_again_changes_nothing(run, file, slug):
    run("program", "apply", file(), "--yes")

    result = run("program", "apply", file())

    assert result.exit_code == 0
    assert "nothing changes" in result.output
    assert version_of(slug) == 1


def test_what_is_added_and_removed_is_shown(run, file, slug):
    run("program", "apply", file(), "--yes")
    longer = DOCUMENT + '\n[[tiers]]\nid = "gold"\nqualify = {{ points = 10 }}\n'

    added = run("program", "apply", file(text=longer), "--yes")
    removed = run("program", "apply", file(), "--yes")

    assert "+ /tiers/gold" in added.output
    assert "- /tiers/gold" in removed.output
    assert version_of(slug) == 3


def test_mistakes_are_listed_with_their_places(run, file):
    result = run("program", "apply", file(points='"many"'), "--yes")

    assert result.exit_code == 1
    assert result.stdout == ""
    assert "/earning/rules/0/points" in result.stderr


def test_what_never_changes_is_refused(run, file, slug):
    run("program", "apply", file(), "--yes")

    result = run("program", "apply", file(text=DOCUMENT.replace("EUR", "USD")), "--yes")

    assert result.exit_code == 1
    assert "/program/currency" in result.stderr
    assert version_of(slug) == 1


@pytest.mark.parametrize("content", [b"\xff\xfe", b"[program", b""])
def test_a_file_that_is_no_document_is_refused_in_a_sentence(run, tmp_path, content):
    path = tmp_path / "shop.toml"
    path.write_bytes(content)

    result = run("program", "apply", str(path), "--yes")

    assert result.exit_code == 1
    assert result.stderr.startswith("Error: ")


def test_a_file_that_is_not_there_is_a_wrong_call(run, tmp_path):
    assert run("program", "apply", str(tmp_path / "none.toml")).exit_code == 2


def test_what_is_shown_can_be_applied_again(run, file, slug, tmp_path):
    run("program", "apply", file(), "--yes")
    copy = tmp_path / "copy.toml"

    copy.write_text(run("program", "show", slug).stdout, "utf-8")

    assert "nothing changes" in run("program", "apply", str(copy)).output


def test_programs_are_listed_a_line_each(run, file, slug):
    run("program", "apply", file(), "--yes")

    lines = run("program", "list").stdout.splitlines()

    assert f"{slug}\ttest\t1\tEUR\tCorner Shop" in lines


def test_an_unknown_program_is_refused_in_a_sentence(run):
    result = run("program", "show", "nowhere")

    assert result.exit_code == 1
    assert result.stderr.startswith("Error: There is no program 'nowhere'; ")
