"""Plain JSON is read exactly; anything else is refused with the reason."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loyalty.foundation import problems
from loyalty.foundation.web import parsing

TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXTS
    | st.sampled_from(['"', '\\"', "\\", '":', "\\\\", "\\u0000", "{[", "]}"])
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner), max_leaves=20
)


@given(VALUES, st.booleans(), st.sampled_from([None, 1]))
def test_plain_json_is_read_as_the_standard_library_reads_it(value, ascii_only, indent):
    text = json.dumps(value, ensure_ascii=ascii_only, indent=indent).encode()

    assert parsing.read_json(text) == json.loads(text)


@given(TEXTS, VALUES, VALUES, st.sampled_from(["%s", '{"outer": [1, %s]}']), st.booleans())
def test_a_repeated_name_is_always_found(name, first, second, around, ascii_only):
    key, one, two = (json.dumps(each, ensure_ascii=ascii_only) for each in (name, first, second))
    text = around.replace("%s", f"{{{key} : {one}, {key}: {two}}}")

    with pytest.raises(problems.MalformedJson, match="appears twice in one object"):
        parsing.read_json(text.encode())


def test_a_repeated_name_is_found_however_it_is_written():
    with pytest.raises(problems.MalformedJson, match='The name "total" appears twice'):
        parsing.read_json(rb'{"total": 1, "\u0074otal": 2}')


def test_a_repeated_name_among_very_many_is_found_in_time():
    names = [f'"{number}": 1' for number in range(60_000)]

    with pytest.raises(problems.MalformedJson, match='The name "7" appears twice'):
        parsing.read_json(f"{{{', '.join(names)}, {names[7]}}}".encode())


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"{", "is not JSON: "),
        (b"[1,]", "trailing comma"),
        (b"{'a': 1}", "is not JSON: "),
        (b"NaN", "NaN and Infinity are no numbers"),
        (b'{"a": -Infinity}', "NaN and Infinity are no numbers"),
        (b"1e999", "infinity"),
        (b"9" * 5000, "infinity"),
        (b'"\xff"', "is not UTF-8 from byte 1 on"),
        ("{}".encode("utf-16"), "is not UTF-8"),
        (b"\xef\xbb\xbf{}", "byte order mark"),
        (rb'"\ud800"', "surrogate"),
        (rb'"\udc00\ud800"', "surrogate"),
        (rb'{"a": "x\u0000"}', "null character"),
        (rb'{"x\u0000": 1}', "null character"),
        (b'"a\x01b"', "control character"),
        (b"[" * 65 + b"]" * 65, "deeper than 64 levels"),
        (b'{"a":' * 65 + b"1" + b"}" * 65, "deeper than 64 levels"),
        (b"[" * 300 + b"]" * 300, "deeper than 64 levels"),
        (b"[" * 100_000, "depth limit"),
    ],
)
def test_what_is_no_plain_json_is_refused_with_the_reason(text, reason):
    with pytest.raises(problems.MalformedJson) as refusal:
        parsing.read_json(text)

    assert reason in refusal.value.detail
    assert refusal.value.detail.endswith(".")


def test_64_levels_and_wide_documents_are_read():
    deep = b"[" * 64 + b"]" * 64
    wide = json.dumps([{"lines": [{}, {}]}] * 500).encode()

    assert parsing.read_json(deep) == json.loads(deep)
    assert parsing.read_json(wide) == json.loads(wide)


def test_a_number_beyond_64_bits_is_left_to_the_field_that_gets_it():
    assert math.isclose(parsing.read_json(b"123456789012345678901234567890"), 1.2345678901234568e29)


def test_messages_become_pointers_and_one_sentence():
    problem = parsing.invalid({"lines": {1: {"a/b": ["is missing"]}}, "_schema": ["is odd."]})

    assert problem.detail == "/lines/1/a~1b is missing. 1 more in errors."
    assert problem.errors == (("/lines/1/a~1b", "is missing", "body"), ("", "is odd.", "body"))


def test_a_thousand_faults_are_told_in_part():
    problem = parsing.invalid({number: ["is odd"] for number in range(1000)})

    assert len(problem.errors) == parsing.MAX_ERRORS
    assert problem.detail == "/0 is odd. 999 more in errors."
