"""Programs and their versions, without a door."""

from datetime import UTC, datetime, timedelta

import pytest

from loyalty.foundation import db, events
from loyalty.foundation.bulk import Changes
from loyalty.programs import schemas, service
from loyalty.programs.document import InvalidProgram, shape
from tests.support import make, statements

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def create(**parts):
    with db.transaction():
        return service.create_program(document=make.plain(**parts), actor="test", now=NOW)


def test_a_program_begins_with_version_one_of_its_document(app):
    made = create()

    with db.reading():
        program = service.get_program(made.document["program"]["slug"])

    assert (program.version, made.version) == (1, 1)
    assert (program.mode, program.test_now) == ("test", None)
    assert made.document["program"]["enrol"] == "automatic"  # defaults are written out


def test_two_programs_cannot_share_a_slug(app):
    made = create()

    with pytest.raises(service.SlugTaken), db.transaction():
        service.create_program(document=made.document, actor="test", now=NOW)


def test_a_document_with_mistakes_creates_nothing(app):
    document = make.plain(earning={"rules": [{"id": "x"}]})

    with pytest.raises(InvalidProgram), db.transaction():
        service.create_program(document=document, actor="test", now=NOW)

    with db.reading():
        assert service.find_program(document["program"]["slug"]) is None


def test_the_api_shows_every_part_of_a_document():
    assert set(shape.Document().fields) <= set(schemas.Document().fields)


def test_terms_are_read_once_per_version(app):
    made = create()
    with db.reading():
        service.terms(made.program_id, 1)

    with statements.seen() as sent, db.reading():
        terms = service.terms(made.program_id, 1)

    assert not sent
    assert (terms.slug, terms.currency) == (made.document["program"]["slug"], "EUR")


def test_the_current_terms_cost_one_statement(app):
    made = create()
    with db.reading():
        service.current(made.program_id, NOW)

    with statements.seen() as sent, db.reading():
        service.current(made.program_id, NOW)

    assert len(sent) == 1


def test_new_terms_are_current_at_once_and_old_ones_stay(app):
    made = create()
    changed = {**made.document, "earning": {"rules": []}}
    call = make.call(made.program_id, now=NOW)
    with db.reading():
        service.current(made.program_id, NOW)

    with db.transaction():
        service.apply_document(call, changed, expected_versions={1})

    with db.reading():
        current = service.current(made.program_id, NOW)
        assert current.terms.version == 2
        assert current.terms.document["earning"]["rules"] == []
        assert service.terms(made.program_id, 1).document["earning"]["rules"]


def test_a_version_that_never_was_is_not_remembered_as_missing(app):
    made = create()
    call, document = make.call(made.program_id, now=NOW), made.document
    with pytest.raises(service.VersionNotFound), db.reading():
        service.terms(call.program_id, 2)

    with db.transaction():
        service.apply_document(call, {**document, "earning": {"rules": []}}, expected_versions=None)

    with db.reading():
        assert service.terms(call.program_id, 2).version == 2


def test_a_program_without_a_test_clock_lives_in_the_present(app):
    made = create()

    with db.reading():
        assert service.current(made.program_id, NOW).now == NOW


def test_a_test_clock_goes_before_the_present(app):
    made = create()
    call = make.call(made.program_id, now=NOW)
    with db.transaction():
        service.set_test_clock(call, NOW + timedelta(days=40))

    with db.reading():
        assert service.current(made.program_id, NOW).now == NOW + timedelta(days=40)


def test_once_something_happened_the_first_setting_does_not_go_back_either(app):
    made = create()
    call = make.call(made.program_id, now=NOW)
    changes = Changes()
    events.record(
        changes, "points.earned", program_id=made.program_id, member_id=None, data={},
        request_id=None, occurred_at=NOW, now=NOW,
    )  # fmt: skip
    with db.transaction():
        changes.write(db.connection())

    with pytest.raises(service.ClockBackwards), db.transaction():
        service.set_test_clock(call, NOW - timedelta(seconds=1))
