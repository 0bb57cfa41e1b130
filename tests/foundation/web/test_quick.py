"""The quick way through a schema and marshmallow's own come to the same."""

import copy

import marshmallow as ma
import pytest

from loyalty.checkout import schemas as checkout
from loyalty.foundation.web import quick
from loyalty.orders import schemas as orders

ORDER = {
    "id": "10045",
    "member": {"external_id": "c-77", "email": "a@example.org"},
    "placed_at": "2026-11-02T10:15:00Z",
    "currency": "EUR",
    "total": 12500,
    "tax": 1996,
    "lines": [
        {"id": "1", "sku": "TEA-1", "quantity": 2, "amount": 12000},
        {"id": "2", "amount": 0},
    ],
    "channel": "web",
    "country": "DE",
    "reservations": ["rsv_1"],
    "metadata": {"campaign": "spring"},
}
RESERVATION = {"member": "c-77", "points": 500, "order": {"currency": "EUR", "total": 12500}}
REFUND = {"id": "r-1", "amount": 2500, "lines": [{"id": "1", "quantity": 1, "amount": 2000}]}
BODIES = [
    (orders.NewOrder, ORDER),
    (checkout.NewReservation, RESERVATION),
    (orders.NewRefund, REFUND),
]
ODD = (None, True, 5.5, -1, 2**53, "", "٣", "x" * 300, "a\x00b", [], [None], {}, {"a": 1})


def odd_ones(body):
    """Yield the body with each of its values left out, or replaced by something odd."""
    for path in paths(body):
        for odd in (*ODD, "left out"):
            changed = copy.deepcopy(body)
            inner = changed
            for step in path[:-1]:
                inner = inner[step]
            if odd == "left out":
                del inner[path[-1]]
            else:
                inner[path[-1]] = odd
            yield changed
    yield {**body, "unknown": 1}


def paths(value, path=()):
    """Yield the way to each value within."""
    inner = value.items() if isinstance(value, dict) else enumerate(value)
    for key, item in inner if isinstance(value, dict | list) else ():
        yield (*path, key)
        if isinstance(item, dict | list):
            yield from paths(item, (*path, key))


def outcome(load, body):
    try:
        return load(body)
    except ma.ValidationError as error:
        return error.messages


@pytest.mark.parametrize(("schema", "body"), BODIES)
def test_loading_gives_the_same_values_and_the_same_words(schema, body):
    ours = schema()
    tried = [body, *odd_ones(body)]

    assert len(tried) > 50
    for one in tried:
        plainly = outcome(lambda given: ma.Schema.load(ours, given), one)
        assert outcome(ours.load, one) == plainly, one


def test_an_order_takes_the_quick_way_both_in_and_out():
    assert quick.reader(orders.NewOrder()) is not None
    assert quick.writer(orders.Order()) is not None
    assert quick.reader(orders.NewRefund()) is None, "it has a hook, which marshmallow runs"
