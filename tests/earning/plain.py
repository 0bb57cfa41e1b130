"""The same award as the kernel's, written down slowly with fractions and no shortcuts."""

import itertools
import math
from fractions import Fraction

HOLDS = {
    "is": lambda found, value: found == value,
    "in": lambda found, value: found in value,
    "at_least": lambda found, value: found is not None and found >= value,
    "above": lambda found, value: found is not None and found > value,
}


def remaining_lines(earning, basket, refunded):
    """[(line, share that is left, basis that is left)] of the lines that earn."""
    goods = Fraction(basket.total)
    exclude = earning["exclude"]
    lines = list(basket.lines)
    if "tax" in exclude:
        goods -= basket.tax
    if "shipping" in exclude:
        goods -= basket.shipping
    if "points" in exclude:
        goods -= basket.paid_with_points
    if "gift_cards" in exclude:
        goods -= basket.gift_cards + sum(each.amount for each in lines if each.gift_card)
    if not lines:
        whole = [("", None, None, 1, basket.total)]
    else:
        whole = [
            (each.id, each.sku, each.category, each.quantity, each.amount)
            for each in lines
            if not (each.gift_card and "gift_cards" in exclude)
        ]
    goods = max(goods, Fraction(0))
    if not whole or refunded.amount >= basket.total:
        return []
    scale = Fraction(basket.total - refunded.amount, basket.total - sum(refunded.lines.values()))
    amounts = sum(each[4] for each in whole)
    found = []
    for each in whole:
        spread = Fraction(each[4], amounts) if amounts else Fraction(1, len(whole))
        back = refunded.lines.get(each[0], 0)
        share = scale * (Fraction(each[4] - back, each[4]) if each[4] else 1)
        found.append((each, share, goods * spread * share))
    return [each for each in found if each[2] > 0]


def holds(where, line, total):
    if where is None:
        return True
    if "any" in where:
        return any(holds(each, line, total) for each in where["any"])
    if "not" in where:
        return not holds(where["not"], line, total)
    (_, _, category, _, amount), share, _ = line
    found = {"line.category": category, "line.amount": amount * share, "order.total": total}
    return HOLDS[where["op"]](found[where["field"]], where["value"])


def points(document, basket, facts, refunded):
    earning = document["earning"]
    lines = remaining_lines(earning, basket, refunded)
    total = basket.total - refunded.amount

    def matching(rule):
        return [each for each in lines if holds(rule.get("where"), each, total)]

    def basis(of):
        return sum((each[2] for each in of), Fraction(0))

    rules = earning["rules"]
    tier = next((each for each in document["tiers"] if each["id"] == facts.tier), None)
    factor = dict.fromkeys(map(id, lines), Fraction(1))
    for rule in rules:
        if rule["kind"] == "multiplier":
            for each in matching(rule):
                factor[id(each)] *= Fraction(rule["factor"])
    spending = Fraction(0)
    for rule in rules:
        if rule["kind"] == "per_spend":
            levels = sorted({Fraction(0), *(factor[id(each)] for each in matching(rule))})
            for low, high in itertools.pairwise(levels):
                steps = basis(e for e in matching(rule) if factor[id(e)] >= high) / rule["per"]
                steps = Fraction(math.floor(steps)) if rule["increments"] == "whole" else steps
                spending += (high - low) * rule["points"] * steps
    if tier:
        spending *= Fraction(tier["factor"])
    half = Fraction(1, 2)
    rounded = {
        "down": math.floor(spending),
        "up": math.ceil(spending),
        "nearest": math.floor(spending + half),
    }
    return rounded[earning["rounding"]] + sum(
        bonus(rule, matching(rule), basis(matching(rule)), facts) for rule in rules
    )


def bonus(rule, lines, basis, facts):
    if not lines:
        return 0
    match rule["kind"]:
        case "repeat_purchase":
            return rule["points"] if facts.nth % rule["every"] == 0 else 0
        case "first_order":
            return rule["points"] if facts.nth == 1 else 0
        case "large_order":
            return max([s["points"] for s in rule["thresholds"] if basis >= s["from"]], default=0)
        case "product":
            pieces = [
                math.floor(quantity * share) if rule["per"] == "unit" else 1
                for (_, sku, _, quantity, _), share, _ in lines
                if sku in rule["skus"]
            ]
            return rule["points"] * sum(pieces)
    return 0
