"""The OpenAPI document tells the truth, and people can read it."""

import re
from html.parser import HTMLParser

import pytest
from markupsafe import escape
from openapi_spec_validator import validate

from loyalty.foundation import problems
from loyalty.foundation.web import doors, notes, openapi


class Page(HTMLParser):
    """Collects what a page links to, and whether its elements are closed."""

    def __init__(self, text):
        super().__init__()
        self.links, self.ids, self.loads, self.scripts, self.open = [], set(), [], 0, []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        assert "style" not in given
        assert not any(name.startswith("on") for name in given)
        self.ids |= {given["id"]} if "id" in given else set()
        if tag == "a":
            self.links.append(given["href"])
        if tag == "link":
            self.loads.append(given["href"])
        self.scripts += tag in {"script", "style"}
        if tag not in {"meta", "link"}:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@pytest.fixture
def document(call):
    return call.get("/openapi.json").json


def operation(document, path, method):
    return document["paths"][path][method]


def test_the_document_is_valid_openapi_3_1(document):
    validate(document)

    assert document["openapi"] == "3.1.0"
    assert document["servers"] == [{"url": "http://localhost"}]
    assert document["tags"] == [{"name": "trial", "description": "Made up for tests."}]


def test_an_operation_tells_its_parts(document):
    record = operation(document, "/v1/orders", "post")

    assert record["operationId"] == "record"
    assert record["summary"] == "Record an order."
    assert record["description"] == "With `code` in the description."
    assert record["requestBody"]["required"] is True
    assert set(record["responses"]) == {
        *("201", "400", "409", "413", "415", "422", "429", "default"),
    }
    assert set(record["responses"]["201"]["headers"]) == set(openapi._ON_EVERY_ANSWER)
    assert record["responses"]["409"] == {"$ref": "#/components/responses/teapot_refused"}
    refused = document["components"]["responses"]["teapot_refused"]
    assert list(refused["content"]) == ["application/problem+json"]
    assert (
        refused["content"]["application/problem+json"]["examples"]["teapot_refused"]["value"][
            "type"
        ]
        == "http://localhost/problems/teapot_refused"
    )


def test_parameters_in_paths_and_queries_are_described(document):
    [order_id] = document["paths"]["/v1/orders/{order_id}"]["parameters"]
    names = [each["name"] for each in operation(document, "/v1/things", "get")["parameters"]]

    assert order_id["schema"]["maxLength"] == 255
    assert names == ["limit", "cursor"]
    assert "404" in operation(document, "/v1/orders/{order_id}", "get")["responses"]
    assert "404" not in operation(document, "/v1/things", "get")["responses"]


def test_schemas_tell_limits_and_what_may_be_null(document):
    order = document["components"]["schemas"]["Order"]

    assert order["additionalProperties"] is False
    assert order["required"] == ["id", "total"]
    assert order["properties"]["total"]["maximum"] == 2**53 - 1
    assert order["properties"]["lines"]["maxItems"] == 3
    assert order["properties"]["country"]["anyOf"] == [
        {"$ref": "#/components/schemas/Country"},
        {"type": "null"},
    ]
    page = document["components"]["schemas"]["ThingPage"]
    assert page["properties"]["next_cursor"]["type"] == ["string", "null"]


def test_what_doors_and_guards_note_is_in_the_document(make_web):
    def door():
        """Do it."""

    noted = notes.note(doors.idempotent(door), scopes=("orders:write",), if_match=True)
    noted = notes.note(noted, refusals=(problems.Conflict,))
    facts = {**noted._apidoc, "operation_id": "door", "success_status_codes": [200]}
    api = make_web().extensions["flask-smorest"]["apis"][""]["ext_obj"]

    doc = openapi.complete({"responses": {200: {"description": "OK"}}}, facts, api=api)

    assert doc["parameters"] == ["idempotency-key-required", "if-match"]
    assert doc["security"] == [{"bearer": ["orders:write"]}]
    assert "Idempotent-Replayed" in doc["responses"]["200"]["headers"]
    assert doc["responses"]["409"] == "conflict-idempotency_in_progress"
    conflict = api.spec.components.responses["conflict-idempotency_in_progress"]
    [media] = conflict["content"].values()
    assert set(media["examples"]) == {"conflict", "idempotency_in_progress"}
    assert conflict["headers"].keys() == {*openapi._ON_EVERY_ANSWER, "Retry-After"}
    assert set(doc["responses"]) == {
        *("200", "400", "401", "403", "409", "412", "413", "415", "422", "428", "429", "default"),
    }


def test_names_that_two_slices_share_are_told_apart():
    names = openapi.SchemaNames()
    orders = type("Line", (), {"__module__": "loyalty.orders.schemas"})
    checkout = type("Line", (), {"__module__": "loyalty.checkout.schemas"})

    assert [names(kind) for kind in (orders, checkout, orders)] == ["Line", "CheckoutLine", "Line"]


@pytest.mark.parametrize("address", ["/openapi.json", "/docs"])
def test_what_has_not_changed_is_not_sent_again(call, address):
    first = call.get(address)

    again = call.get(address, headers={"If-None-Match": first.headers["ETag"]})

    assert again.status_code == 304
    assert again.data == b""


def test_the_readable_page_needs_nothing_from_elsewhere_and_all_its_links_lead_somewhere(call):
    answer = call.get("/docs")
    page = Page(answer.text)

    assert answer.content_type == "text/html; charset=utf-8"
    assert "script" not in answer.headers["Content-Security-Policy"]
    assert page.scripts == 0
    assert page.open == []
    for link in {*page.links, *page.loads}:
        if link.startswith("#"):
            assert link[1:] in page.ids, link
        else:
            with call.get(link) as answer:
                assert answer.status_code == 200, link


def test_the_readable_page_shows_every_operation_with_a_call_to_copy(call, document):
    text = re.sub(r"<[^>]+>", "", call.get("/docs").text)

    for path, methods in document["paths"].items():
        for method in methods.keys() & {"get", "post"}:
            assert path in text
            assert methods[method]["operationId"] in call.get("/docs").text
    assert "curl -X POST &#39;http://localhost/v1/orders&#39;" in text


def test_every_problem_has_the_page_that_its_type_promises(call):
    index = Page(call.get("/problems").text)

    for code, problem in problems.catalogue().items():
        page = call.get(f"/problems/{code}")

        assert page.status_code == 200
        assert str(escape(problem.title)) in page.text
        assert f"/problems/{code}" in index.links
    assert call.get("/problems/no_such_thing").status_code == 404


def test_what_a_page_quotes_cannot_become_markup(call):
    assert "<script" not in call.get("/problems/<script>").text


def test_the_address_of_the_service_leads_to_its_documentation(make_web):
    answer = make_web().test_client().get("/")

    assert (answer.status_code, answer.location) == (302, "/docs")
