"""schemathesis plays the whole document: examples, corner cases, random requests, good and bad.

Then it plays a small shop, following the links from one operation to the next, and the ledger
proves itself at the end.
"""

from contextvars import Context
from copy import deepcopy

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis.checks import CHECKS
from schemathesis.config import SchemathesisConfig

from loyalty.foundation import db
from loyalty.ledger import verify as proof
from tests.hostile import contract, shops

# What a schema cannot say: signatures, the world's languages, uniqueness, sums of parts.
BEYOND_SCHEMAS = {"/cursor", "/locale", "/lines", "/expires_in", "/contact/at_most/per"}
BEYOND_SCHEMAS |= {"/satisfaction", "/expires_after"}  # only with an answer; up to 100 years
EITHER_OR = {  # of a reservation: points, or a voucher
    f"/{name}" for name in ("points", "member", "voucher", "amount", "client")
}
REFUSALS = [400, 401, 403, 404, 405, 409, 412, 415, 422, 428]
TRIES = 25
PLAYS, STEPS = 12, 20
MEMBERS = {"type": "string", "enum": ["c-77", "c-78"]}


class Stage:
    """Stands before the application under test; each request gets a context of its own."""

    app = None

    def __call__(self, environ, start):
        return Context().run(self.app, environ, start)


stage = Stage()


def played(document):
    """Make a document playable, its catch-all taken out: every status must be documented."""
    document = deepcopy(document)
    for operation in (each for path in document["paths"].values() for each in path.values()):
        if "responses" in operation:
            del operation["responses"]["default"]
    also_orders = {"checks": {"allow_header_conformance": {"enabled": False}}}
    config = {
        "seed": 1,
        "base-url": "http://localhost",
        "generation": {
            "max-examples": TRIES,
            "deterministic": True,
            "no-shrink": True,
            "allow-x00": False,  # no JSON text may hold one; test_bad_input tries
            "with-security-parameters": False,
        },
        "checks": {
            # most of what is well-formed names something that is not there
            "positive_data_acceptance": {"enabled": False},
            "negative_data_rejection": {"expected-statuses": REFUSALS},
            "missing_required_header": {"expected-statuses": REFUSALS},
        },
        "operations": [
            # GET works there too, for an order of that name
            {"include-path": "/v1/orders/preview", **also_orders},
            {"include-path": "/v1/vouchers/bulk", **also_orders},
            {"include-path": "/v1/gestures/preview", **also_orders},
            # a batch answers for each order by itself
            {
                "include-path": "/v1/orders/batch",
                "checks": {**also_orders["checks"], "negative_data_rejection": {"enabled": False}},
            },
        ],
    }
    schema = schemathesis.openapi.from_dict(document, config=SchemathesisConfig.from_dict(config))
    schema.app = stage
    schema.hook(map_body)
    return schema


def map_body(_context, body):
    """Write whole numbers without a point: JSON Schema takes 5.0 for one, the service does not."""
    if isinstance(body, dict):
        return {name: map_body(None, value) for name, value in body.items()}
    if isinstance(body, list):
        return [map_body(None, value) for value in body]
    return int(body) if isinstance(body, float) and body.is_integer() else body


def narrowed(document):
    """Leave two members, one currency and small sums, so that requests meet what others did."""
    document = deepcopy(document)
    schemas = document["components"]["schemas"]
    schemas["Currency"]["enum"] = ["EUR"]
    for name, fields in {
        "NewOrder": {
            "member": MEMBERS,
            "total": most(100_000),
            "tax": most(9),
            "shipping": most(9),
        },
        "NewRefund": {"amount": {**most(20_000), "minimum": 1}},
        "NewAction": {"member": MEMBERS, "type": {"enum": ["review"]}},
        "NewReservation": {"member": MEMBERS, "points": {**most(100), "minimum": 1}},
        "NewAdjustment": {"points": {"type": "integer", "enum": [-100, 1, 500]}},
        "NewTransfer": {"to": MEMBERS, "points": {**most(100), "minimum": 1}},
        "Merge": {"into": MEMBERS},
        "TestClock": {"now": {"enum": ["2040-01-01T00:00:00Z", "2041-01-01T00:00:00Z"]}},
    }.items():
        schemas[name]["properties"] |= fields
    of_points = schemas["NewReservation"]
    of_points["required"] = ["member", "points", "order"]
    for other in ("voucher", "amount", "client"):
        del of_points["properties"][other]
    for path in document["paths"].values():
        for holder in (path, *path.values()):
            for parameter in holder.get("parameters", ()) if isinstance(holder, dict) else ():
                if parameter.get("name") == "external_id":
                    parameter["schema"] = MEMBERS
    return document


def most(number):
    return {"type": "integer", "minimum": 0, "maximum": number}


@schemathesis.check
def problem_is_documented(_context, response, case):
    """Every refusal is one of those that the document names for its operation and status."""
    if response.status_code >= 400 and response.status_code != 405:
        found = case.operation.responses.find_by_status_code(response.status_code)
        named = found.definition["content"]["application/problem+json"]["examples"]
        assert response.json()["code"] in named


@schemathesis.check
def what_the_schema_takes_is_not_called_invalid(_context, response, case):
    """What the document permits may meet a conflict, but is never malformed."""
    is_sound = case.meta is not None and case.meta.generation.mode.is_positive
    if is_sound and response.status_code >= 400:
        problem = response.json()
        pointers = {error["pointer"] for error in problem.get("errors", ())}
        beyond = BEYOND_SCHEMAS | (EITHER_OR if case.path == "/v1/reservations" else set())
        if not pointers or pointers - beyond:
            wrong = {"bad_request", "invalid_request", "malformed_json", "invalid_idempotency_key"}
            assert problem["code"] not in wrong, problem["detail"]


every_operation = played(contract.document())
small_shop = played(narrowed(contract.document()))


@pytest.fixture(scope="session")
def headers(app):
    """Put the application on stage, and return what signs requests in."""
    stage.app = app
    with app.app_context():
        shop = shops.open_shop(app.test_client())
    return {"Authorization": f"Bearer {shop.api.credentials}"}


@every_operation.parametrize()
def test_every_operation_answers_as_it_is_documented(case, headers):
    case.call_and_validate(headers=headers)


def test_whatever_a_shop_does_in_whatever_order_is_answered_as_documented(app, client):
    stage.app = app
    successes = set()

    class Play(small_shop.as_state_machine()):
        def setup(self):
            self.shop = shops.open_shop(client)

        def get_call_kwargs(self, case):
            del case
            return {"headers": {"Authorization": f"Bearer {self.shop.api.credentials}"}}

        def validate_response(self, response, case, **_options):
            if response.status_code < 300:
                successes.add(case.operation.definition.raw["operationId"])
            case.validate_response(response, excluded_checks=[CHECKS.get_one("ignored_auth")])

        def teardown(self):
            with db.snapshot():
                assert proof.verify(db.connection(), self.shop.program.id).broken is None

    Play.run(
        settings=settings(
            max_examples=PLAYS,
            stateful_step_count=STEPS,
            derandomize=True,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
    )
    assert successes >= {"record_order", "refund_order", "create_reservation"}, "it met nothing"
