"""Nonsense in any field of any body is refused in words, with a pointer, and nothing is stored."""

import io
import json

import pytest

from tests.hostile import contract

BAD = [
    *(None, True, False, 0, -1, 1, 1.5, 5.0, 0.1, 1e308),
    *(2**53, 2**63, 2**64, 10**30, -(2**53), -(2**63), -(10**30)),
    *("", " ", "x", "5", "-5", "1.5", "٣", "NaN", "null", "true", "EUR ", "1970"),
    *("2026-02-30", "2026-02-30T00:00:00Z", "0000-00-00T00:00:00Z", "P", "P-1D", "P1.5D"),
    *("\u0001", "\u007f", "a\u2028b", "..", "../..", "%00", "<b>", "😀" * 300, "9" * 400),
    *([], [None], [[]], ["x"], [{}] * 1001),
    *({}, {"": ""}, {"a": 1}, {"a": None}, {"x" * 101: "y"}, {"a": "x" * 501}),
]
UNREADABLE = {
    "nothing": "",
    "a word": "nonsense",
    "half an object": '{"id": ',
    "two values": "{} {}",
    "a comma too many": '{"id": "1",}',
    "single quotes": "{'id': '1'}",
    "a comment": '{"id": "1"} // one',
    "a byte order mark": "\ufeff{}",
    "NaN": '{"total": NaN}',
    "a number beyond all numbers": '{"total": 1e400}',
    "Infinity": '{"total": -Infinity}',
    "a leading zero": '{"total": 0123}',
    "a hexadecimal number": '{"total": 0x10}',
    "a digit of another script": '{"total": ٣}',
    "a raw line break in a text": '{"id": "a\nb"}',
    "a raw null": '{"id": "a\0b"}',
    "a null character": '{"id": "a\\u0000b"}',
    "a null character in a name": '{"a\\u0000b": 1}',
    "a lone surrogate": '{"id": "\\ud800"}',
    "surrogates in the wrong order": '{"id": "\\udc00\\ud800"}',
    "a name twice": '{"id": "1", "id": "2"}',
    "a name twice, once escaped": '{"id": "1", "\\u0069d": "2"}',
    "a name twice, deep down": '{"metadata": {"a": "1", "a": "2"}}',
    "deep lists": "[" * 10_000 + "]" * 10_000,
    "deep objects": '{"a":' * 10_000 + "1" + "}" * 10_000,
    "deep lists that do not end": "[" * 10_000,
    "65 levels": '{"a":' * 65 + "1" + "}" * 65,
    "bytes that are no UTF-8": b'{"id": "\xff\xfe"}',
    "an encoded surrogate": b'{"id": "\xed\xa0\x80"}',
    "an overlong slash": b'{"id": "\xc0\xaf"}',
    "UTF-16": '{"id": "1"}'.encode("utf-16"),
}
NOT_OBJECTS = ["null", "true", "5", "-0", '"text"', "[]", "[{}]", "[[[]]]"]
OTHER_MEDIA = [
    *(None, "", "nonsense", "é", "text/plain", "text/json", "application/xml", "application/jsonx"),
    *(
        "application/x-www-form-urlencoded",
        "multipart/form-data",
        "multipart/form-data; boundary=x",
    ),
    *("application/json; charset=latin-1", "application/json; charset=utf-16"),
    *("application/problem+json", "application/json, text/plain"),
]

by_operation = pytest.mark.parametrize(
    "operation", contract.with_body(), ids=lambda operation: operation.id
)


pytestmark = pytest.mark.usefixtures("nothing_stored")


@by_operation
def test_what_a_field_cannot_be_is_refused_with_a_pointer_to_it(operation, shop):
    for path, schema in contract.fields(operation.media["schema"]):
        for value in BAD:
            if contract.is_valid(value, schema) or is_read_one_by_one(path, value):
                continue
            answer = send(shop, operation, contract.replaced(sound(operation), path, value))

            problem, pointer = problem_of(answer, path)
            told = f"{pointer}: {value!r:.60} gave {problem}"
            assert problem["code"] in {"invalid_request", "invalid_program"}, told
            assert any(each["pointer"].startswith(pointer) for each in problem["errors"]), told
            assert all(each["detail"] for each in problem["errors"])


@by_operation
def test_a_million_characters_are_refused_with_a_pointer_and_not_repeated(operation, shop):
    for path, _ in contract.fields(operation.media["schema"]):
        answer = send(shop, operation, contract.replaced(sound(operation), path, "x" * 1_000_000))

        problem, pointer = problem_of(answer, path)
        assert pointer in [error["pointer"] for error in problem["errors"]]
        assert len(json.dumps(answer.body)) < 5_000


@by_operation
def test_a_field_that_is_missing_is_named(operation, shop):
    for name in contract.resolve(operation.media["schema"]).get("required", ()):
        body = sound(operation)
        del body[name]

        assert f"/{name}" in refusal(send(shop, operation, body), 422, "invalid_request").pointers


@by_operation
def test_a_field_that_nobody_knows_is_named(operation, shop):
    objects = [
        path
        for path, schema in contract.fields(operation.media["schema"])
        if "properties" in contract.resolve(schema)
    ]
    for path in [(), *objects]:
        body = contract.replaced(sound(operation), (*path, "nonsense/~"), 1)
        answer = send(shop, operation, body)

        problem, pointer = problem_of(answer, (*path, "nonsense~1~0"))
        assert pointer in [error["pointer"] for error in problem["errors"]]


@by_operation
def test_a_body_that_is_no_json_is_refused(operation, shop):
    for text in UNREADABLE.values():
        if operation.described["requestBody"]["required"] or text:
            data = text.encode() if isinstance(text, str) else text
            refusal(send_raw(shop, operation, data), 400, "malformed_json")


@by_operation
def test_a_body_that_is_no_object_is_refused(operation, shop):
    for text in NOT_OBJECTS:
        refusal(send_raw(shop, operation, text), 422, "invalid_request", "invalid_program")


@by_operation
def test_a_body_that_is_not_sent_as_json_is_refused(operation, shop):
    data = json.dumps(sound(operation)).encode()
    for kind in OTHER_MEDIA:
        answer = send_raw(shop, operation, data, content_type=kind)
        refusal(answer, 415, "unsupported_media_type")
    for coding in ("gzip", "br", "nonsense", "identity, gzip"):
        answer = send_raw(shop, operation, data, headers={"Content-Encoding": coding})
        refusal(answer, 415, "unsupported_media_type")


@by_operation
def test_ten_megabytes_are_refused_however_they_come(operation, shop):
    data = b'{"id": "' + b"x" * 10_000_000 + b'"}'
    refusal(send_raw(shop, operation, data), 413, "payload_too_large")

    in_chunks = send(
        shop,
        operation,
        input_stream=io.BytesIO(data),
        content_type="application/json",
        headers={"Transfer-Encoding": "chunked"},
        environ_overrides={"wsgi.input_terminated": True},
    )
    refusal(in_chunks, 413, "payload_too_large")


@pytest.mark.parametrize(
    "operation",
    [each for each in contract.operations() if each.method != "get" and not each.media],
    ids=lambda operation: operation.id,
)
def test_a_call_that_takes_no_body_refuses_one(operation, shop):
    answer = refusal(send(shop, operation, {"amount": 5}), 422, "invalid_request")
    assert answer.pointers == ["/amount"]
    refusal(send_raw(shop, operation, b"nonsense"), 400, "malformed_json")
    refusal(send_raw(shop, operation, b"[1]"), 422, "invalid_request")


def sound(operation):
    """Return a body whose only fault will be the one that a test makes."""
    body = operation.example
    body.pop("version", None)  # of a program document, which If-Match names
    if "orders" in body:
        del body["orders"][1:]
    return body


def is_read_one_by_one(path, value):
    """Whether a batch reads this by itself, and answers for it beside its neighbours."""
    return path == ("orders",) and isinstance(value, list) and 0 < len(value) <= 1000


def send(shop, operation, body=None, headers=None, **options):
    sent = {"If-Match": "*", **(headers or {})}
    if operation.parameters.get("Idempotency-Key", {}).get("required"):
        sent["Idempotency-Key"] = "nothing-is-kept-under-it"
    return shop.api.send(operation.method.upper(), shop.path(operation.path), body, sent, **options)


def send_raw(shop, operation, data, content_type="application/json", headers=None):
    return send(shop, operation, headers=headers, data=data, content_type=content_type)


def refusal(answer, status, *codes):
    assert answer.status == status, answer.body
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert (answer["status"], answer["code"]) in {(status, code) for code in codes}
    assert answer["request_id"] == answer.headers["Request-Id"]
    assert answer["detail"]
    return answer


def problem_of(answer, path):
    """Return the problem of a refused body, or of the one refused order of a batch."""
    if path[:1] == ("orders",) and len(path) > 1:
        assert answer.status == 200, answer.body
        return answer["results"][0]["problem"], contract.pointer(path[2:])
    assert answer.status == 422, (path, answer.body)
    return answer.body, contract.pointer(path)
