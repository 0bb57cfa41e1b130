"""Programs, orders and refunds, made small for the tests of earning."""

from datetime import UTC, datetime

from hypothesis import strategies as st

from loyalty import earning
from loyalty.programs import document

NOON = datetime(2026, 11, 2, 12, tzinfo=UTC)
BASE = {"id": "base", "kind": "per_spend", "points": 1, "per": 100}


def program(*rules, tiers=(), currency="EUR", timezone="UTC", **terms):
    """A whole document in its normal form."""
    return document.parse(
        {
            "program": {"slug": "made", "currency": currency, "timezone": timezone},
            "earning": {"rules": list(rules), **terms},
            "tiers": list(tiers),
        }
    )


def terms(*rules, **others):
    return earning.compile_terms(program(*rules, **others))


def line(id, amount, *, sku=None, category=None, quantity=1, gift_card=False):
    return earning.Line(id, sku, category, quantity, amount, gift_card)


def basket(total, *lines, placed_at=NOON, **others):
    told = {
        "tax": 0,
        "shipping": 0,
        "gift_cards": 0,
        "paid_with_points": 0,
        "channel": None,
        "country": None,
        "metadata": {},
        "currency": "EUR",
        **others,
    }
    return earning.Basket(total=total, lines=lines, placed_at=placed_at, **told)


def facts(nth=1, **others):
    return earning.Facts(nth=nth, **others)


def points(terms, basket, known=None, refunded=None):
    """The points alone."""
    return earning.award(
        terms, basket, known or facts(), refunded or earning.Refunded(0, {})
    ).points


CATEGORIES = ("tea", "coffee", "cake")
TIERS = (
    {"id": "silver", "qualify": {"points": 100}, "factor": "1.1"},
    {"id": "gold", "qualify": {"points": 500}, "factor": "4/3"},
)

small = st.integers(1, 500)
factors = st.sampled_from(["0.5", "1", "1.5", "2", "7/3", "1.01"])
tea = {"field": "line.category", "op": "is", "value": "tea"}
not_cake = {"not": {"field": "line.category", "op": "in", "value": ["cake"]}}
dear = {"field": "line.amount", "op": "at_least", "value": 300}
sizeable = {"field": "order.total", "op": "above", "value": 1_000}
places = st.sampled_from(
    [{}, {"where": tea}, {"where": not_cake}, {"where": {"any": [dear, sizeable]}}]
)


@st.composite
def rules(draw):
    """A list of rules of all kinds; none is lost by buying more."""
    kinds = {
        "per_spend": {
            "points": st.integers(1, 7),
            "per": st.sampled_from([1, 3, 100, 250]),
            "increments": st.sampled_from(["whole", "fractional"]),
        },
        "multiplier": {"factor": factors},
        "repeat_purchase": {"every": st.integers(2, 3), "points": small},
        "first_order": {"points": small},
        "product": {
            "skus": st.just(["A"]),
            "points": small,
            "per": st.sampled_from(["unit", "line"]),
        },
        "large_order": {
            "thresholds": st.just([{"from": 700, "points": 5}, {"from": 2_000, "points": 90}])
        },
    }
    made = []
    for index, kind in enumerate(draw(st.lists(st.sampled_from(sorted(kinds)), max_size=6))):
        made.append(
            {"id": f"r{index}", "kind": kind, **draw(st.fixed_dictionaries(kinds[kind]))}
            | draw(places)
        )
    return made


@st.composite
def programs(draw):
    return program(
        *draw(rules()),
        tiers=TIERS,
        rounding=draw(st.sampled_from(["down", "nearest", "up"])),
        exclude=draw(st.lists(st.sampled_from(["tax", "shipping", "gift_cards", "points"]))),
    )


amounts = st.one_of(st.integers(0, 3_000), st.integers(0, 2**40))


@st.composite
def baskets(draw):
    lines = [
        line(
            str(index),
            draw(amounts),
            sku=draw(st.sampled_from(["A", "B", None])),
            category=draw(st.sampled_from([*CATEGORIES, None])),
            quantity=draw(st.integers(1, 5)),
            gift_card=draw(st.sampled_from([False, False, False, True])),
        )
        for index in range(draw(st.integers(0, 4)))
    ]
    goods = sum(each.amount for each in lines) if lines else draw(amounts)
    tax, shipping, paid, cards = (draw(st.sampled_from([0, 0, 1, 77, 500])) for _ in range(4))
    return basket(
        goods + tax + shipping,
        *lines,
        tax=tax,
        shipping=shipping,
        gift_cards=cards,
        paid_with_points=paid,
    )


@st.composite
def refund_steps(draw, order):
    """Single refunds of an order that never exceed it: (amount, amounts by line)."""
    left, by_line = order.total, {each.id: each.amount for each in order.lines}
    steps = []
    for _ in range(draw(st.integers(0, 6))):
        told = {}
        for id, most in by_line.items():
            back = draw(st.integers(0, most)) if draw(st.booleans()) else 0
            back = min(back, left - sum(told.values()))
            if back:
                told[id] = back
        amount = sum(told.values())
        amount += draw(st.integers(0, left - amount)) if draw(st.booleans()) else 0
        if not amount:
            continue
        left -= amount
        for id, back in told.items():
            by_line[id] -= back
        steps.append((amount, told))
    return steps


def sum_up(steps):
    """The cumulative state after some refunds."""
    by_line = {}
    for _, told in steps:
        for id, back in told.items():
            by_line[id] = by_line.get(id, 0) + back
    return earning.Refunded(sum(amount for amount, _ in steps), by_line)


known_facts = st.builds(
    facts, nth=st.integers(1, 6), tier=st.sampled_from([None, "silver", "gold", "gone"])
)
