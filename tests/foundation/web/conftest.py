"""An application with a few made-up operations in the place of the real ones."""

import pytest
from flask import g, request

from config import Settings
from loyalty import app as roof
from loyalty.foundation import problems
from loyalty.foundation.web import api, caller, fields, schema


class TeapotRefused(problems.Problem):
    code = "teapot_refused"
    status = 409
    title = "The teapot refuses"
    about = "Only tests ask teapots."


class Line(schema.Schema):
    sku = fields.Line(20, required=True)
    amount = fields.MinorUnits(required=True, about="In minor units.")


class Order(schema.Schema):
    id = fields.ShopId(required=True)
    total = fields.MinorUnits(required=True)
    placed_at = fields.Instant()
    lines = fields.List(fields.Nested(Line), load_default=list, most=3)
    country = fields.Country(allow_none=True)
    metadata = fields.Metadata(load_default=dict)


class Thing(schema.Schema):
    name = fields.Text(required=True)


class Reason(schema.Schema):
    name = fields.Text()


ROWS = [{"name": f"thing {number}"} for number in range(5)]


trial = api.Blueprint("trial", __name__, url_prefix="/v1", description="Made up for tests.")


@trial.route("/orders", methods=["POST"])
@trial.refuses(TeapotRefused)
@trial.arguments(Order)
@trial.response(201, Order)
def record(order):
    """Record an order.

    With `code` in the description.
    """
    return order


@trial.route("/orders/batch", methods=["POST"])
@trial.arguments(Order, body_limit=3 * 2**20)
@trial.response(200, Order)
def record_large(order):
    return order


@trial.route("/orders/<order_id>", methods=["GET"])
@trial.response(200, Thing)
def get_order(order_id):
    return {"name": order_id}


@trial.route("/orders/<order_id>/cancel", methods=["POST"])
@trial.arguments(Reason, required=False)
@trial.response(200, Order)
def cancel(given, order_id):
    return {"id": order_id, "metadata": given}, {"ETag": '"7"'}


@trial.route("/things", methods=["GET"])
@trial.arguments(schema.ListQuery, location="query")
@trial.response(200, schema.page_of(Thing))
def list_things(query):
    after = query["cursor"][0] if query["cursor"] else -1
    rows = list(enumerate(ROWS))[after + 1 :][: query["limit"] + 1]
    page = schema.page(rows, query["limit"], lambda row: (row[0],))
    return {**page, "data": [thing for _, thing in page["data"]]}


@trial.route("/other_things", methods=["GET"])
@trial.arguments(schema.ListQuery, location="query")
@trial.response(200, schema.page_of(Thing))
def list_other_things(query):
    return schema.page([], query["limit"], lambda row: (row,))


@trial.route("/teapot", methods=["GET"])
def refuse():
    raise TeapotRefused("Ask a kettle.", headers={"Retry-After": "9"}, kettle="k-1")


@trial.route("/failure", methods=["GET"])
def fail():
    raise RuntimeError("secret@example.org")


@trial.route("/where", methods=["GET"])
@trial.response(200, Thing)
def tell_where():
    return {"name": f"{request.scheme} {request.remote_addr}"}


@trial.route("/me", methods=["GET"])
@trial.response(204)
def sign_in():
    caller.become(
        caller.Caller(
            kind="key",
            program_id="prg_1",
            actor="key:key_1",
            scopes=frozenset(),
            key_id="key_1",
        )
    )
    assert g.caller is caller.current_caller()


@trial.route("/nobody", methods=["GET"])
@trial.response(204)
def ask_who():
    caller.current_caller()


@pytest.fixture(scope="session")
def make_web(tmp_path_factory):
    """Make an application that has only the made-up operations: `make_web(log_level="debug")`."""

    def make(**settings):
        database = tmp_path_factory.mktemp("web") / "loyalty.db"
        given = {
            "database_url": f"sqlite:///{database}",
            "secret_key": "a-secret-that-only-tests-know-of",
            "base_url": "http://localhost",
        }
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(roof, "DOORS", ())
            web = roof.create_app(Settings(**{**given, **settings}))
        web.extensions["flask-smorest"]["apis"][""]["ext_obj"].register_blueprint(trial)
        return web

    return make


@pytest.fixture(scope="session")
def web(make_web):
    return make_web()


@pytest.fixture
def call(web):
    return web.test_client()
