"""The drawing in `loyalty/__init__.py` is true, and the check that says so can say no."""

from pathlib import Path

import pytest

from tests.support.architecture import Drawing, House

DRAWING = """A house.

Prose about floors, which is no line of the drawing.

    doors     console cli        + each slice's routes.py
    stories   orders             what happened: a purchase
    people    members access     who, allowed what
    ground    foundation
"""


def faults_of(files):
    """Check made-up files, named like `orders/service` for `loyalty/orders/service.py`."""
    paths = {f"loyalty/{name}.py": text for name, text in files.items()}
    return House(Drawing(DRAWING), paths).faults()


def test_every_file_keeps_to_the_drawing():
    faults = House.standing(Path(__file__).parents[1]).faults()

    assert not faults, "\n".join(faults)


def test_the_real_drawing_is_read_from_the_doors_to_the_ground():
    drawing = House.standing(Path(__file__).parents[1]).drawing

    assert {"cli", "worker"} <= set(drawing.doors)
    assert drawing.height("ledger") == 1
    assert drawing.ground == ["foundation"]


def test_a_drawing_is_read_without_its_comments():
    assert Drawing(DRAWING).floors == [
        ["console", "cli"],
        ["orders"],
        ["members", "access"],
        ["foundation"],
    ]


def test_what_keeps_to_the_drawing_passes():
    assert not faults_of(
        {
            "orders/routes": "from loyalty.orders import schemas, service\nimport flask",
            "orders/schemas": "import marshmallow\nfrom loyalty.members import schemas",
            "orders/service": "from . import queries\nfrom loyalty.members import service as m",
            "orders/queries": "from loyalty.orders.models import Order",
            "orders/models": "from loyalty.foundation import db",
            "members/routes": "from loyalty.access import guard\nwith transaction(): pass",
            "access/guard": "import flask\nwith reading(): pass",
            "members/schemas": "",
            "members/service": "import datetime\ndef post(now: datetime.datetime): pass",
            "cli/orders": "from loyalty import create_app\nfrom loyalty.console import pages",
            "console/pages": "from loyalty.orders import queries",
            "foundation/db": "def transaction(): session.begin()",
        }
    )


@pytest.mark.parametrize(
    ("path", "text", "rule"),
    [
        ("members/service", "from loyalty.orders import service", "on a floor above"),
        ("members/service", "from loyalty.access.models import Key", "on the same floor"),
        ("members/service", "import loyalty.access", "on the same floor"),
        ("members/service", "from ..access import models", "on the same floor"),
        ("members/__init__", "from ..access import models", "on the same floor"),
        ("foundation/db", "def f():\n    from loyalty.members import service", "on a floor above"),
        ("orders/service", "from loyalty.members import routes", "a door"),
        ("orders/service", "from loyalty.cli import main", "a door"),
        ("orders/service", "from loyalty import create_app", "the roof"),
        ("orders/models", "from loyalty.orders import queries", "up the stairs"),
        ("orders/queries", "from . import service", "up the stairs"),
        ("orders/service/record", "from loyalty.orders.schemas import X", "up the stairs"),
        ("orders/schemas", "from loyalty.orders.routes import orders", "a door"),
        ("orders/service", "from loyalty.access import guard", "a door"),
        ("orders/service", "from loyalty.members import schemas", "the shapes of the API"),
        ("orders/service", "import flask", "does not know the web"),
        ("orders/queries", "from flask_sqlalchemy import x", "does not know the web"),
        ("orders/models", "from marshmallow import fields", "does not know the web"),
        ("orders/service", "from loyalty.foundation.clock import system_now", "told the time"),
        ("orders/service", "clock.system_now()", "told the time"),
        ("orders/models", "x = mapped_column(default=datetime.now)", "told the time"),
        ("orders/service", "datetime.datetime.now(UTC)", "told the time"),
        ("orders/service", "with transaction(): pass", "only doors open a transaction"),
        ("orders/schemas", "with db.reading(): pass", "only doors open a transaction"),
        ("strangers/service", "", "draw `strangers`"),
        ("strangers", "", "draw `strangers`"),
        ("cli/main", "import os\nos.environ['HOME']", "only config/"),
        ("foundation/db", "from os import getenv", "only config/"),
    ],
)
def test_what_breaks_a_rule_is_named_with_its_file(path, text, rule):
    existing = dict.fromkeys(
        [
            *("orders/routes", "orders/schemas", "orders/service", "orders/queries"),
            *("members/routes", "members/schemas", "members/service"),
            *("access/models", "access/guard"),
        ],
        "",
    )

    faults = faults_of({**existing, path: text})

    assert faults
    assert all(rule in fault for fault in faults)
    assert all(fault.startswith(f"loyalty/{path}.py:") for fault in faults)


def test_a_helper_is_as_high_as_what_it_imports():
    [fault] = faults_of(
        {
            "orders/models": "from loyalty.orders import helper",
            "orders/helper": "from loyalty.orders import deeper",
            "orders/deeper": "from loyalty.orders import helper, service",
            "orders/service": "",
        }
    )

    assert fault.startswith("loyalty/orders/models.py:1 imports loyalty.orders.helper")
    assert "from models to service" in fault


def test_a_helper_of_a_service_is_held_to_the_same_purity():
    [fault] = faults_of(
        {
            "orders/service": "from loyalty.orders import kernel",
            "orders/kernel": "import flask",
        }
    )

    assert fault.startswith("loyalty/orders/kernel.py:1 imports flask")


def test_a_helper_of_the_routes_alone_may_know_the_web():
    assert not faults_of(
        {
            "orders/routes": "from loyalty.orders import answers",
            "orders/answers": "import flask",
        }
    )
