"""The catalogue of problems and the documents made of them."""

import json

import pytest

from loyalty.foundation import problems


def test_a_document_has_what_rfc_9457_and_the_contract_ask_for():
    problem = problems.InvalidRequest(
        "/total must be a whole number.",
        errors=[problems.FieldError("/total", "must be a whole number")],
        caps=[{"id": "per-gesture"}],
    )

    document = problem.document(base_url="https://shop.example/", request_id="req_1")

    assert document == {
        "type": "https://shop.example/problems/invalid_request",
        "title": "Something in the request is not valid",
        "status": 422,
        "detail": "/total must be a whole number.",
        "code": "invalid_request",
        "request_id": "req_1",
        "errors": [{"pointer": "/total", "detail": "must be a whole number"}],
        "caps": [{"id": "per-gesture"}],
    }
    assert json.dumps(document)


def test_what_a_problem_adds_cannot_hide_what_it_is():
    problem = problems.Conflict("No.", status=200, code="fine")

    assert problem.document(base_url="")["status"] == 409
    assert problem.document(base_url="")["code"] == "conflict"


def test_a_fault_in_a_parameter_says_where_it_is():
    problem = problems.InvalidRequest("No.", errors=[problems.FieldError("/limit", "no", "query")])

    [error] = problem.document(base_url="")["errors"]

    assert error == {"pointer": "/limit", "in": "query", "detail": "no"}


def test_a_pointer_escapes_what_rfc_6901_escapes_and_cuts_endless_names():
    assert problems.pointer(["a/b", "c~d", 0]) == "/a~1b/c~0d/0"
    assert len(problems.pointer(["x" * 10_000])) < 200


def test_every_problem_can_be_explained_to_a_person():
    for code, problem in problems.catalogue().items():
        assert problem.code == code
        assert 400 <= problem.status < 600
        assert problem.title[0].isupper()
        assert not problem.title.endswith(".")
        assert problem.about.endswith(".")


def test_a_code_belongs_to_one_problem():
    with pytest.raises(TypeError, match="share code 'not_found'"):

        class Lost(problems.Problem):
            code = "not_found"
            status = 404
            title = "Lost"
            about = "Lost."
