"""Schemas refuse what they do not know; lists are read page by page."""

import base64

import marshmallow as ma
import pytest

from loyalty.foundation.web import fields, schema


class Line(schema.Schema):
    amount = fields.MinorUnits(required=True)


class Order(schema.Schema):
    total = fields.MinorUnits()
    lines = fields.List(fields.Nested(Line))


def messages_of(document, **options):
    with pytest.raises(ma.ValidationError) as refused:
        Order(**options).load(document)
    return refused.value.messages


def test_an_unknown_field_is_refused_with_the_one_that_was_meant():
    assert messages_of({"totl": 1, "zzz": 2}) == {
        "totl": ['is not a known field; did you mean "total"?'],
        "zzz": ["is not a known field"],
    }


def test_unknown_fields_are_found_at_any_depth():
    assert messages_of({"lines": [{"amount": 1}, {"amonut": 1}, 5]}) == {
        "lines": {
            1: {
                "amount": ["is missing; it must be a whole number from 0 to 9007199254740991"],
                "amonut": ['is not a known field; did you mean "amount"?'],
            },
            2: {"_schema": ["must be an object"]},
        }
    }


def test_a_flood_of_unknown_fields_is_refused_without_guessing_at_each():
    messages = messages_of({f"total{number}": 1 for number in range(20_000)})

    assert len(messages) == 20_000
    assert sum("did you mean" in message for [message] in messages.values()) == 5


def test_many_objects_are_told_apart():
    assert messages_of([{}, {"totl": 1}, 7], many=True) == {
        1: {"totl": ['is not a known field; did you mean "total"?']},
        2: {"_schema": ["must be an object"]},
    }


def test_a_list_is_read_to_its_end_page_by_page(call):
    names, cursor = [], None
    for _ in range(3):
        address = "/v1/things?limit=2" + (f"&cursor={cursor}" if cursor else "")
        page = call.get(address).json
        names += [thing["name"] for thing in page["data"]]
        cursor = page["next_cursor"]
        assert page["has_more"] == (cursor is not None)

    assert names == [f"thing {number}" for number in range(5)]
    assert cursor is None


def test_a_page_that_holds_everything_has_no_more(call):
    page = call.get("/v1/things?limit=5").json

    assert len(page["data"]) == 5
    assert page["has_more"] is False
    assert page["next_cursor"] is None


@pytest.mark.parametrize("limit", ["0", "101", "-1", "x", "", "1.5", "9" * 99])
def test_a_limit_out_of_range_is_refused_by_name(call, limit):
    answer = call.get(f"/v1/things?limit={limit}")

    assert answer.status_code == 422
    [error] = answer.json["errors"]
    assert error["pointer"] == "/limit"
    assert error["in"] == "query"
    assert answer.json["detail"].startswith(
        "The query parameter limit must be a whole number from 1 to 100, not "
    )


def cursor_of(call):
    return call.get("/v1/things?limit=2").json["next_cursor"]


def test_a_cursor_that_was_changed_anywhere_is_refused(call):
    cursor = cursor_of(call)
    for place, letter in enumerate(cursor[:-1]):  # the last one holds unused bits
        changed = cursor[:place] + ("B" if letter == "A" else "A") + cursor[place + 1 :]

        assert call.get(f"/v1/things?cursor={changed}").status_code == 422


@pytest.mark.parametrize("cursor", ["", "AAAA", "a b", "%00", "%C3%A9", "x" * 5000, "%ff"])
def test_what_is_no_cursor_is_refused(call, cursor):
    answer = call.get(f"/v1/things?cursor={cursor}")

    assert answer.status_code == 422
    assert "must be a next_cursor that this list returned" in answer.json["detail"]


def test_a_cursor_belongs_to_its_list_and_to_the_service(call):
    cursor = cursor_of(call)
    unsigned = base64.urlsafe_b64encode(bytes(9) + b"[1]").decode()

    assert call.get(f"/v1/things?cursor={cursor}").status_code == 200
    assert call.get(f"/v1/other_things?cursor={cursor}").status_code == 422
    assert call.get(f"/v1/things?cursor={unsigned}").status_code == 422
