"""Fields take exactly what they say, say what would be right, and document the truth."""

from datetime import UTC, datetime, timedelta, timezone

import jsonschema
import marshmallow as ma
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loyalty.foundation.web import fields


def refusal(field, value):
    with pytest.raises(ma.ValidationError) as refused:
        field.deserialize(value)
    return refused.value.messages


@pytest.mark.parametrize("value", [1, 5, 2**53 - 1])
def test_points_are_whole_numbers_that_every_reader_keeps(value):
    assert fields.Points().deserialize(value) == value


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0, "0"),
        (-1, "-1"),
        (2**53, "9007199254740992"),
        (10**30, str(10**30)),
        (5.0, "5.0"),
        (5.5, "5.5"),
        (1e29, "1e+29"),
        (True, "true"),
        ("5", '"5"'),
        ("٣", '"٣"'),
        ([], "a list"),
        ({}, "an object"),
        (None, "null"),
        ("x" * 99, f'"{"x" * 40}…"'),
    ],
)
def test_what_is_no_number_of_points_is_refused_with_what_would_be(value, shown):
    assert refusal(fields.Points(), value) == [
        f"must be a whole number from 1 to 9007199254740991, not {shown}"
    ]


def test_a_missing_field_says_what_it_would_be():
    class Thing(ma.Schema):
        points = fields.Points(required=True)

    with pytest.raises(ma.ValidationError) as refused:
        Thing().load({})

    assert refused.value.messages == {
        "points": ["is missing; it must be a whole number from 1 to 9007199254740991"]
    }


@pytest.mark.parametrize("text", ["25", "1", "100"])
def test_numbers_in_addresses_are_digits(text):
    assert fields.IntegerText(least=1, most=100).deserialize(text) == int(text)


@pytest.mark.parametrize("text", ["", "0", "101", "+5", "5.0", "1e1", "٣", " 5", "9" * 99, "-1"])
def test_other_texts_are_no_numbers_in_addresses(text):
    assert refusal(fields.IntegerText(least=1, most=100), text)


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2026-11-02T10:15:00Z", datetime(2026, 11, 2, 10, 15, tzinfo=UTC)),
        ("2026-11-02t10:15:00z", datetime(2026, 11, 2, 10, 15, tzinfo=UTC)),
        ("2026-11-02T10:15:00.5+02:00", datetime(2026, 11, 2, 8, 15, 0, 500_000, tzinfo=UTC)),
        ("2024-02-29T23:59:59-23:59", datetime(2024, 3, 1, 23, 58, 59, tzinfo=UTC)),
        ("2026-11-02T10:15:00.123456789Z", datetime(2026, 11, 2, 10, 15, 0, 123456, tzinfo=UTC)),
    ],
)
def test_instants_become_utc(text, instant):
    read = fields.Instant().deserialize(text)

    assert read == instant
    assert read.tzinfo is UTC


@pytest.mark.parametrize(
    "value",
    [
        "2026-11-02",
        "2026-11-02T10:15:00",
        "2026-11-02 10:15:00Z",
        "2026-11-02T10:15:00 01:00",
        "20261102T101500Z",
        "2026-02-29T00:00:00Z",
        "2026-11-02T24:00:00Z",
        "2026-11-02T23:59:60Z",
        "2026-11-02T10:15:00+0100",
        "2026-W45-1T00:00:00Z",
        "1899-12-31T00:00:00Z",
        "9999-12-31T23:59:59-01:00",
        "٢٠٢٦-11-02T10:15:00Z",
        1_790_000_000,
    ],
)
def test_anything_short_of_an_rfc_3339_instant_is_refused(value):
    assert "must be an RFC 3339 instant" in refusal(fields.Instant(), value)[0]


@given(st.datetimes(datetime(1900, 1, 2), datetime(2999, 12, 30)), st.integers(-1439, 1439))  # noqa: DTZ001
def test_an_instant_is_read_as_it_is_written(naive, minutes):
    at = naive.replace(tzinfo=timezone(timedelta(minutes=minutes)))

    text = fields.Instant()._serialize(at, None, None)

    assert text.endswith("Z")
    assert ("." in text) == bool(at.microsecond)
    assert fields.Instant().deserialize(text) == at


@pytest.mark.parametrize("text", ["P14D", "PT0S", "P1Y2M3W4DT5H6M7S", "PT30M", "P100Y", "P36525D"])
def test_durations_are_kept_as_they_are(text):
    assert fields.Duration().deserialize(text) == text


@pytest.mark.parametrize(
    "value",
    [
        "P",
        "PT",
        "P1DT",
        "14D",
        "p14d",
        "-P1D",
        "P-1D",
        "P1.5D",
        "P101Y",
        "P36526D",
        "PT99999999H",
        5,
    ],
)
def test_other_texts_are_no_durations(value):
    assert "must be an ISO 8601 duration" in refusal(fields.Duration(), value)[0]


@pytest.mark.parametrize(
    "text", ["c-77", "10045", "gid://shopify/Order/1", "a b", "ü", "...", "é" * 255, "%2F", "👍"]
)
def test_a_shop_may_use_nearly_any_id(text):
    assert fields.ShopId().deserialize(text) == text


@pytest.mark.parametrize(
    "value",
    ["", " a", "a ", "\u3000a", ".", "..", "a\nb", "a\x00", "a\x7f", "a\x85b", "x" * 256, 5],
)
def test_ids_that_would_be_lost_on_the_way_are_refused(value):
    assert refusal(fields.ShopId(), value)


def test_text_is_told_its_length_or_its_characters():
    assert refusal(fields.Text(5), "abcdef") == ["must be text of 1 to 5 characters, not 6"]
    assert "without control characters" in refusal(fields.Text(5), "a\x00")[0]
    assert fields.Text(5).deserialize("a\nb") == "a\nb"
    assert "without control characters" in refusal(fields.Line(5), "a\nb")[0]


def test_currencies_are_those_that_money_has():
    assert fields.Currency().deserialize("KWD") == "KWD"
    for value in ("eur", "XXX", "XAU", "ZZZ", "EURO", None):
        assert refusal(fields.Currency(), value)


def test_countries_are_those_of_iso_3166():
    assert fields.Country().deserialize("DE") == "DE"
    assert len(fields.Country.codes) == 250
    for value in ("de", "EU", "ZZ", "DEU"):
        assert refusal(fields.Country(), value)


@pytest.mark.parametrize(
    ("text", "usual"),
    [("de", "de"), ("de_DE", "de-DE"), ("pt-br", "pt-BR"), ("zh-hant-tw", "zh-Hant-TW")],
)
def test_languages_are_spelt_as_usual(text, usual):
    assert fields.Locale().deserialize(text) == usual


@pytest.mark.parametrize("value", ["xx", "", "en-", "x" * 99, "../../etc/passwd", "de\0", 5])
def test_unknown_languages_are_refused(value):
    assert refusal(fields.Locale(), value)


@pytest.mark.parametrize(
    ("text", "normal"),
    [("Kim.B+x@EXAMPLE.org", "Kim.B+x@example.org"), ("a@shop.test", "a@shop.test")],
)
def test_email_addresses_are_normalised(text, normal):
    assert fields.Email().deserialize(text) == normal


@pytest.mark.parametrize("value", ["a", "a@b", "@example.org", "a b@example.org", "x" * 300, {}])
def test_what_is_no_email_address_is_refused(value):
    assert "must be an email address" in refusal(fields.Email(), value)[0]


def test_metadata_is_text_by_name_within_limits():
    assert fields.Metadata().deserialize({"a": "", "b": "x" * 500}) == {"a": "", "b": "x" * 500}
    assert refusal(fields.Metadata(), {"a": 1, "b": "fine"}) == {
        "a": ["must be text of 0 to 500 characters, not 1"]
    }
    assert refusal(fields.Metadata(), {"a": "x" * 501})
    assert refusal(fields.Metadata(), {"": "x"})
    assert "not 51 of them" in refusal(fields.Metadata(), {str(n): "" for n in range(51)})[0]
    assert refusal(fields.Metadata(), [])


def test_choices_codes_and_truth_values_are_exact():
    assert refusal(fields.Choice(["a", "b"]), "c") == ['must be one of a, b, not "c"']
    assert fields.Code().deserialize("ANNA-7KQ2M") == "ANNA-7KQ2M"
    assert refusal(fields.Code(), "-a")
    assert refusal(fields.Boolean(), 1) == ["must be true or false, not 1"]


def test_lists_are_bounded_before_their_items_are_read():
    field = fields.List(fields.Points(), least=1, most=2)

    assert field.deserialize([1, 2]) == [1, 2]
    assert refusal(field, [1, 2, "x"]) == ["must be a list of 1 to 2 items, not 3"]
    assert refusal(field, [1, 0]) == {
        1: ["must be a whole number from 1 to 9007199254740991, not 0"]
    }
    assert refusal(field, "12") == ['must be a list of 1 to 2 items, not "12"']


SOME_OF_EACH = [
    fields.Points(),
    fields.Integer(least=-5, most=5),
    fields.Boolean(),
    fields.Instant(),
    fields.Date(),
    fields.Duration(),
    fields.ShopId(),
    fields.Code(),
    fields.Text(5),
    fields.Line(5),
    fields.Choice(["a", "b"]),
    fields.Metadata(),
]
SAMPLES = [
    *(0, 1, 5, 6, -5, 2**53, 5.5, True, None, "", "a", "b", "a b", " a", ".", "a\nb", "a\0"),
    *("2026-11-02T10:15:00Z", "2026-11-02", "P14D", "P", "P1.5D", "abcdef", "ü", [], {}),
    *({"a": "b"}, {"a": 1}, {"": "b"}, {"a": "x" * 501}),
]


@pytest.mark.parametrize("field", SOME_OF_EACH, ids=lambda field: type(field).__name__)
def test_the_document_says_what_a_field_takes(field):
    documented = jsonschema.Draft202012Validator(dict(field.openapi))
    for value in SAMPLES:
        try:
            field.deserialize(value)
        except ma.ValidationError:
            taken = False
        else:
            taken = True

        assert documented.is_valid(value) == taken, value
