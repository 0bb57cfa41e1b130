"""The OpenAPI document is valid and whole; a client that knows nothing else gets along with it."""

import json
import re
import uuid

import pytest
from openapi_spec_validator import validate

from loyalty.access.scopes import SCOPES
from loyalty.foundation import problems
from loyalty.orders.schemas import NewOrder
from tests.hostile import contract, shops
from tests.support import make

SUMMARY = re.compile(r"[A-Z][^\n]{10,90}\.")
MEDIA = {"application/json", "text/csv"}
each_operation = pytest.mark.parametrize(
    "operation", contract.operations(), ids=lambda operation: operation.id
)


def test_the_document_is_valid():
    validate(contract.document())


def test_it_is_what_the_service_serves(client):
    assert client.get("/openapi.json").json == contract.document()


def test_every_route_is_in_it(app):
    routes = {
        (method.lower(), re.sub(r"<(?:[^:<>]+:)?([^<>]+)>", r"{\1}", rule.rule))
        for rule in app.url_map.iter_rules()
        for method in rule.methods - {"HEAD", "OPTIONS"}
        if rule.rule.startswith("/v1/")
    }
    assert routes == {(each.method, each.path) for each in contract.operations()}


def test_every_component_is_used_and_every_reference_leads_somewhere():
    text = json.dumps(contract.document())
    named = set(re.findall(r'"#/components/([^"]+)"', text))
    there = {
        f"{kind}/{name}"
        for kind, components in contract.document()["components"].items()
        for name in components
        if kind != "securitySchemes"
    }
    assert named == there


@each_operation
def test_an_operation_says_what_it_is_who_may_and_how_it_ends(operation):
    told = operation.described
    assert SUMMARY.fullmatch(told["summary"])
    assert len(told["tags"]) == 1
    assert told["tags"][0] in {tag["name"] for tag in contract.document()["tags"]}
    [security] = told["security"]
    assert security["bearer"]
    assert set(security["bearer"]) <= set(SCOPES)
    assert {"401", "403", "429", "default"} <= set(told["responses"])
    assert any(status.startswith("2") for status in told["responses"])


@each_operation
def test_everything_sent_and_answered_has_a_type_and_a_meaning(operation):
    for parameter in operation.parameters.values():
        assert parameter["schema"].get("type"), parameter
    for status, answer in operation.described["responses"].items():
        told = contract.resolve(answer)
        assert told["description"]
        assert {"Request-Id", "RateLimit", "RateLimit-Policy"} <= set(told["headers"])
        if status.startswith("2"):
            assert [media for media in told["content"] if media in MEDIA]
        elif status != "304":
            assert list(told["content"]) == ["application/problem+json"]


@each_operation
def test_every_problem_it_names_is_in_the_catalogue_under_its_status(operation):
    for status, answer in operation.described["responses"].items():
        content = contract.resolve(answer).get("content", {})
        for code, example in (
            content.get("application/problem+json", {}).get("examples", {}).items()
        ):
            kind = problems.catalogue()[code]
            if status != "default":
                assert int(status) in {kind.status, *kind.other_statuses}
                assert example["value"]["status"] == int(status)
            assert example["value"]["type"] == f"http://localhost/problems/{code}"
            assert contract.is_valid(example["value"], {"$ref": "#/components/schemas/Problem"})


@pytest.mark.parametrize("operation", contract.with_body(), ids=lambda operation: operation.id)
def test_the_example_of_a_body_is_one(operation):
    assert contract.is_valid(operation.example, operation.media["schema"])


def test_examples_of_fields_are_right():
    for name, schema in contract.document()["components"]["schemas"].items():
        for path, field in contract.fields(schema):
            if "example" in field:
                assert contract.is_valid(field["example"], field), f"{name} {path}"


def test_links_lead_to_operations_and_name_their_parameters():
    known = {operation.id: operation for operation in contract.operations()}
    for operation in contract.operations():
        for link in links_of(operation):
            target = known[link["operationId"]]
            assert set(link["parameters"]) <= set(target.parameters)


@each_operation
def test_a_client_that_reads_nothing_but_the_document_succeeds(client, operation):
    _, response = Reader(stocked_shop(client).api).call(operation)

    assert response.status_code in {200, 201, 202}, response.text
    told = contract.resolve(operation.described["responses"][str(response.status_code)])
    if "application/json" in told["content"]:
        assert contract.is_valid(response.json, told["content"]["application/json"]["schema"])
    else:
        assert response.mimetype in told["content"]
    for name, header in told["headers"].items():
        assert response.headers.get(name) or not contract.resolve(header).get("required")


class Reader:
    """A client made of the document: it sends the examples and goes where links lead."""

    def __init__(self, api):
        self.api = api

    def call(self, operation):
        """Call an operation, and before it the one whose answer says what it needs.

        Returns the parameters that were sent, and the response.
        """
        parameters, body = examples_of(operation), None
        if operation.media:
            body = operation.example
        if missing := required_of(operation) - set(parameters):
            source, link = source_of(operation, missing)
            before = self.call(source)
            parameters |= {name: read(told, *before) for name, told in link["parameters"].items()}
            if "requestBody" in link:
                body = read(link["requestBody"], *before)
        return parameters, self.send(operation, parameters, body)

    def send(self, operation, parameters, body):
        headers = {"Authorization": f"Bearer {self.api.credentials}"}
        if "Idempotency-Key" in operation.parameters:
            headers["Idempotency-Key"] = str(uuid.uuid4())
        for name in set(parameters) & set(operation.parameters):
            if operation.parameters[name]["in"] == "header":
                headers[name] = parameters[name]
        return self.api.client.open(
            contract.document()["servers"][0]["url"] + operation.path.format(**parameters),
            method=operation.method.upper(),
            json=body,
            headers=headers,
        )


def required_of(operation):
    needed = (name for name, each in operation.parameters.items() if each.get("required"))
    return set(needed) - {"Idempotency-Key"}


def examples_of(operation):
    schemas = {name: each["schema"] for name, each in operation.parameters.items()}
    return {
        name: schemas[name]["example"]
        for name in required_of(operation)
        if "example" in schemas[name]
    }


def links_of(operation):
    for status, answer in operation.described["responses"].items():
        if status.startswith("2"):
            yield from contract.resolve(answer).get("links", {}).values()


def source_of(operation, missing):
    """Return the first operation whose answer tells what is missing, and the link."""
    return next(
        (source, link)
        for source in contract.operations()
        for link in links_of(source)
        if link["operationId"] == operation.id and missing <= set(link["parameters"])
    )


def read(expression, parameters, response):
    """Return what a runtime expression of a link stands for."""
    where, _, pointer = expression.partition("#")
    if where == "$response.body":
        value = response.json
        for step in pointer.split("/")[1:]:
            value = value[int(step)] if isinstance(value, list) else value[step]
        return value
    kind, name = re.fullmatch(r"\$(request\.path|response\.header)\.(.+)", where).groups()
    return parameters[name] if kind == "request.path" else response.headers[name]


def stocked_shop(client):
    """Open a shop in which the two customers of the examples have points to spend."""
    program = make.program(**shops.sections())
    api = make.api(client, make.key(program))
    for member in ("c-77", "c-78"):
        given = {"points": 5000, "reason": "a start"}
        shops.done(api.put(f"/v1/members/{member}", {}))
        path = f"/v1/members/{member}/adjustments"
        shops.done(api.post(path, given, idempotency_key=f"start-{member}"))
    shops.referral(api, "c-77")
    shops.gestures(api, "c-77")
    shops.done(api.post("/v1/orders", NewOrder.example))
    return shops.Shop(program, api, {})
