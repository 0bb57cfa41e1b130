"""The program document: what it takes, what it refuses and how it says so."""

import json
import tomllib
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loyalty.programs import document
from loyalty.programs.document import Change
from tests.earning import made

CORNER_SHOP = Path(__file__).parents[2] / "config/programs/corner-shop.toml"
PROGRAM = {"slug": "made", "currency": "EUR"}


def parse(**sections):
    return document.parse({"program": PROGRAM, **sections})


def rule(kind, **terms):
    return {"id": "r", "kind": kind, **terms}


def earn(*rules, **terms):
    return parse(earning={"rules": list(rules), **terms})["earning"]


def errors(**sections):
    with pytest.raises(document.InvalidProgram) as refused:
        parse(**sections)
    return {error.pointer: error.detail for error in refused.value.errors}


def rule_errors(*rules, **sections):
    prefix = "/earning/rules/"
    found = errors(earning={"rules": list(rules)}, **sections)
    return {pointer.removeprefix(prefix): detail for pointer, detail in found.items()}


def cap(**terms):
    told = {"id": "c", "per": "member", "measure": "value", "limit": 1, "above": "refuse"}
    told |= terms
    return {"recovery": {"caps": [{key: value for key, value in told.items() if value != "out"}]}}


def test_the_demo_program_shows_every_kind_of_rule():
    shop = document.from_toml(CORNER_SHOP.read_text())

    assert {rule["kind"] for rule in shop["earning"]["rules"]} == {
        "per_spend",
        "repeat_purchase",
        "large_order",
        "first_order",
        "product",
        "multiplier",
        "action",
    }
    assert len(shop["tiers"]) == 3
    assert len(shop["recovery"]["reasons"]) == 5
    assert {"redemption", "rewards", "referrals"} <= shop.keys()


def test_the_least_program_gets_its_defaults_written_out():
    assert document.parse({"program": PROGRAM}) == {
        "program": {
            "slug": "made",
            "name": "made",
            "mode": "live",
            "currency": "EUR",
            "timezone": "UTC",
            "points_name": {"one": "point", "other": "points"},
            "enrol": "automatic",
        },
        "earning": {
            "exclude": ["tax", "shipping", "gift_cards", "points"],
            "rounding": "down",
            "settles_after": "PT0S",
            "on_shortfall": "debt",
            "rules": [],
        },
        "tiers": [],
        "rewards": [],
    }


def test_toml_and_json_come_to_the_same_normal_form():
    shop = document.from_toml(CORNER_SHOP.read_text())

    assert document.parse(json.loads(json.dumps(shop))) == shop
    assert document.from_toml(document.to_toml(shop)) == shop


@given(made.programs())
def test_any_program_comes_back_from_toml_as_it_went(program):
    assert document.from_toml(document.to_toml(program)) == program
    assert document.parse(json.loads(json.dumps(program))) == program


def test_toml_is_laid_out_as_a_person_would_write_it():
    lines = document.to_toml(document.from_toml(CORNER_SHOP.read_text())).splitlines()

    assert "[[earning.rules]]" in lines
    assert 'limit = {count = 4, per = "P30D"}' in lines
    assert "[[recovery.caps]]" in lines
    assert 'where = {role = ["agent"]}' in lines


@pytest.mark.parametrize("text", ["a = ", "a = 1\na = 2", "a = " + "[" * 5_000, "d = 2026-02-31"])
def test_a_text_that_is_no_toml_is_refused(text):
    with pytest.raises(document.InvalidProgram, match="not readable as TOML"):
        document.from_toml(text)


def test_all_mistakes_are_named_at_once_with_their_path():
    found = errors(
        program={"slug": "A b", "curency": "EUR"},
        earning={"rules": [rule("per_spend", points=1, per=0), rule("multiplier", factor="none")]},
        tiers=[{"id": "gold", "qualify": {"points": -5}}],
    )

    assert found.keys() == {
        "/program/slug",
        "/program/curency",
        "/program/currency",
        "/earning/rules/0/per",
        "/earning/rules/1/factor",
        "/earning/rules/1/id",
        "/tiers/0/qualify/points",
    }
    assert found["/program/curency"] == "Unknown key. Did you mean `currency`?"
    assert found["/program/currency"].startswith("It is missing; write an ISO 4217")


def test_a_mistake_says_what_would_be_right():
    with pytest.raises(document.InvalidProgram) as refused:
        parse(redemption={"points_per": {"points": 100, "amount": 0}})

    assert refused.value.detail == (
        "The document has one mistake at /redemption/points_per/amount: "
        "It must be a whole number from 1 to 9007199254740991, not 0."
    )


@pytest.mark.parametrize("raw", [None, [], "x", 5, {"program": None}, {"program": []}, {}])
def test_what_is_no_document_is_refused(raw):
    with pytest.raises(document.InvalidProgram):
        document.parse(raw)


def test_null_is_the_same_as_leaving_a_key_out():
    assert earn(expires_after=None) == earn()
    assert errors(program={**PROGRAM, "currency": None}).keys() == {"/program/currency"}


@pytest.mark.parametrize(
    "value", [0, -1, 2**53, 1.0, 1.5, "1", True, [], 10**400, Decimal(1), float("nan")]
)
def test_f14_points_are_exact_whole_numbers_within_bounds(value):
    assert rule_errors(rule("first_order", points=value)).keys() == {"0/points"}


@pytest.mark.parametrize(
    ("written", "kept"),
    [("1.5", "1.5"), ("3/2", "3/2"), (" 2 ", "2"), (2, "2"), (Decimal("1.50"), "1.50")],
)
def test_rationals_are_kept_exactly_as_they_were_written(written, kept):
    assert earn(rule("multiplier", factor=written))["rules"][0]["factor"] == kept


def test_a_float_is_asked_for_as_a_string():
    found = rule_errors(rule("multiplier", factor=1.5))

    assert found == {
        "0/factor": 'Write it as a string, such as "1.5": a JSON number with a point is not exact.'
    }


@pytest.mark.parametrize(
    "factor",
    ["0", "-1", "1/0", "1e9", "1001", "٣", "1.5.5", "", True, Decimal("NaN"), Decimal("1e99"), []],
)
def test_a_factor_is_a_positive_number(factor):
    assert rule_errors(rule("multiplier", factor=factor)).keys() == {"0/factor"}


def test_toml_numbers_with_a_point_are_read_as_they_are_written():
    text = document.to_toml(parse()) + '[[earning.rules]]\nid="m"\nkind="multiplier"\nfactor=1.10'

    assert document.from_toml(text)["earning"]["rules"][0]["factor"] == "1.10"


@pytest.mark.parametrize("duration", ["P14D", "P12M", "PT30M", "P1Y2M3DT4H5M6S", "P2W", "PT0S"])
def test_durations_are_iso_8601(duration):
    assert earn(settles_after=duration)["settles_after"] == duration


@pytest.mark.parametrize(
    "duration", ["14 days", "P", "PT", "P1.5D", "-P1D", "P101Y", "P99999W", "p1d", "P1D\n", 14, ""]
)
def test_what_is_no_duration_is_refused(duration):
    assert errors(earning={"settles_after": duration}).keys() == {"/earning/settles_after"}


def test_only_settling_may_take_no_time():
    assert errors(earning={"expires_after": "PT0S"}).keys() == {"/earning/expires_after"}


def test_points_must_live_longer_than_they_settle():
    found = errors(earning={"settles_after": "P28D", "expires_after": "P1M"})

    assert found.keys() == {"/earning/expires_after"}
    assert earn(settles_after="P27D", expires_after="P1M")


def test_ends_of_days_and_months_need_an_expiry():
    assert errors(earning={"expires_at_end_of": "month"}).keys() == {"/earning/expires_after"}


def test_instants_are_kept_in_utc():
    raw = tomllib.loads("starts = 2026-12-01T00:00:00+01:00\nends = 2026-12-08T00:00:00.5Z")

    made = earn(rule("first_order", points=1, **raw))["rules"][0]

    assert (made["starts"], made["ends"]) == ("2026-11-30T23:00:00Z", "2026-12-08T00:00:00.500000Z")


@pytest.mark.parametrize(
    "instant",
    [
        "2026-12-01",
        "2026-12-01T00:00:00",
        "2026-13-01T00:00:00Z",
        "0001-01-01T00:00:00+01:00",
        5,
        datetime(2026, 12, 1),  # noqa: DTZ001 - what TOML makes of a time without offset
        date(2026, 12, 1),
    ],
)
def test_an_instant_needs_its_date_time_and_offset(instant):
    assert rule_errors(rule("first_order", points=1, starts=instant)).keys() == {"0/starts"}


def test_a_rule_starts_before_it_ends():
    at = "2026-12-01T00:00:00Z"

    found = rule_errors(rule("first_order", points=1, starts=at, ends="2026-12-01T01:00:00+01:00"))

    assert found == {"0/ends": f"It must be after `starts`, {at}."}


@pytest.mark.parametrize(
    ("zone", "right"), [("Europe/Berln", "Europe/Berlin"), ("../etc/passwd", ""), ("Europe", "")]
)
def test_a_zone_is_one_of_ianas(zone, right):
    found = errors(program={**PROGRAM, "timezone": zone})

    assert found.keys() == {"/program/timezone"}
    assert right in found["/program/timezone"]


@pytest.mark.parametrize("currency", ["eur", "EURO", "ZZZ", 978, None])
def test_a_currency_is_one_that_is_known(currency):
    assert "/program/currency" in errors(program={"slug": "made", "currency": currency})


@pytest.mark.parametrize("name", ["", " ", "x\x00", "\ud800", "x" * 201, 5])
def test_a_name_can_be_stored_and_shown(name):
    assert errors(program={**PROGRAM, "name": name}).keys() == {"/program/name"}


def test_an_unknown_kind_of_rule_is_refused_with_a_suggestion():
    assert "Did you mean `multiplier`?" in rule_errors(rule("multiplyer"))["0/kind"]
    assert rule_errors({"id": "r"}).keys() == {"0/kind"}
    assert rule_errors(7).keys() == {"0"}


@pytest.mark.parametrize(
    ("terms", "at"),
    [
        (rule("per_spend", points=1), "per"),
        (rule("per_spend", points=1, per=1, increments="some"), "increments"),
        (rule("repeat_purchase", points=1), "every"),
        (rule("repeat_purchase", points=1, every=1), "every"),
        (rule("repeat_purchase", points=1, every=2, **{"from": 2}), "from"),
        (rule("repeat_purchase", points=1, every=2, within="P0D"), "within"),
        (rule("large_order"), "thresholds"),
        (rule("large_order", thresholds=[]), "thresholds"),
        (rule("large_order", thresholds=[{"from": 1, "points": 1}], points=1), "points"),
        (rule("large_order", times_usual="2"), "points"),
        (rule("large_order", times_usual="0", points=1), "times_usual"),
        (rule("product", points=1), "skus"),
        (rule("product", points=1, skus=[]), "skus"),
        (rule("action", points=1), "action"),
        (rule("first_order", points=1, limit={}), "limit/count"),
        (rule("first_order", points=1, limit={"count": 1, "per": "week"}), "limit/per"),
        (rule("first_order", points=1, factor="2"), "factor"),
        ({"id": "a b", "kind": "first_order", "points": 1}, "id"),
    ],
)
def test_a_rule_has_what_its_kind_needs_and_no_more(terms, at):
    assert rule_errors(terms).keys() == {f"0/{at}"}


def test_thresholds_rise():
    def steps(*pairs):
        return rule("large_order", thresholds=[{"from": f, "points": p} for f, p in pairs])

    assert rule_errors(steps((5, 1), (5, 2))).keys() == {"0/thresholds/1/from"}
    assert rule_errors(steps((5, 2), (6, 1))).keys() == {"0/thresholds/1/points"}
    assert rule_errors(steps((5, 2), (0, 1))).keys() == {"0/thresholds/1/from"}
    assert earn(steps((5, 2), (6, 2)))


def test_ids_are_given_once():
    twice = [rule("first_order", points=1), rule("first_order", points=1)]
    reasons = [{"code": "late", "name": "Late"}, {"code": "late", "name": "Later"}]

    assert rule_errors(*twice).keys() == {"1/id"}
    assert errors(recovery={"reasons": reasons}).keys() == {"/recovery/reasons/1/code"}


def test_a_mistake_in_one_rule_does_not_hide_another_one_beside_it():
    found = rule_errors(7, rule("nonsense"), rule("first_order"), rule("first_order", points=1))

    assert found.keys() == {"0", "1/kind", "2/points", "3/id"}


def test_tiers_stand_from_low_to_high():
    def tier(id, **qualify):
        return {"id": id, "qualify": qualify}

    wrong = errors(tiers=[tier("a", points=10), tier("b", orders=1), tier("c", points=10)])

    assert wrong.keys() == {"/tiers/2/qualify/points"}
    assert parse(tiers=[tier("a", points=10), tier("b", points=10, window="P1Y")])
    assert errors(tiers=[tier("a")]).keys() == {"/tiers/0/qualify/points"}
    assert errors(tiers=[tier("a", points=1, orders=1)]).keys() == {"/tiers/0/qualify/orders"}


def where(condition, **sections):
    found = rule_errors(rule("first_order", points=1, where=condition), **sections)
    return {pointer.removeprefix("0/where"): detail for pointer, detail in found.items()}


TEA = {"field": "line.category", "op": "is", "value": "tea"}


@pytest.mark.parametrize(
    ("condition", "at"),
    [
        ([], ""),
        ({}, "/field"),
        ({"all": []}, "/all"),
        ({"all": TEA}, "/all"),
        ({"not": [TEA]}, "/not"),
        ({"all": [TEA], "any": [TEA]}, "/any"),
        ({"any": [TEA, {**TEA, "op": "equals"}]}, "/any/1/op"),
        ({**TEA, "field": "line.categry"}, "/field"),
        ({**TEA, "field": "order.metadata."}, "/field"),
        ({**TEA, "field": "line"}, "/field"),
        ({**TEA, "field": 5}, "/field"),
        ({**TEA, "op": "in"}, "/value"),
        ({**TEA, "op": "in", "value": ["tea", 5]}, "/value/1"),
        ({**TEA, "op": "in", "value": []}, "/value"),
        ({**TEA, "op": "exists"}, "/value"),
        ({**TEA, "value": 5}, "/value"),
        ({**TEA, "valu": 5}, "/valu"),
        ({"field": "order.total", "op": "at_least", "value": "5"}, "/value"),
        ({"field": "member.joined_at", "op": "below", "value": "2026"}, "/value"),
        ({"field": "member.joined_at", "op": "is", "value": "2026"}, "/op"),
        ({"not": {"field": "member.tier", "op": "is", "value": "gold"}}, "/not/value"),
    ],
)
def test_a_condition_that_cannot_be_asked_is_refused(condition, at):
    assert at in where(condition)


def test_a_condition_nests_no_deeper_than_can_be_read():
    deep = TEA
    for _ in range(8):
        deep = {"not": deep}

    assert where(deep) == {"/not" * 8: "It is nested deeper than 8 levels."}
    assert earn(rule("first_order", points=1, where=deep["not"]))


def test_a_condition_may_name_a_tier_of_the_document():
    gold = {"field": "member.tier", "op": "in", "value": ["gold", "platinum"]}
    tiers = [{"id": "gold", "qualify": {"points": 1}}]

    assert where(gold, tiers=tiers) == {
        "/value": "There is no tier `platinum` in this document; it has: gold."
    }


def test_an_action_can_be_asked_only_about_its_member():
    found = rule_errors(rule("action", action="review", points=1, where=TEA))

    assert found.keys() == {"0/where/field"}


@pytest.mark.parametrize(
    ("terms", "at"),
    [
        ({"per": "customer"}, "per"),
        ({"limit": "out"}, "limit"),
        ({"limit": -1}, "limit"),
        ({"share": "0.5"}, "share"),
        ({"limit": "out", "share": "0.5"}, "share"),
        ({"limit": "out", "share": "1.5", "per": "order"}, "share"),
        ({"limit": "out", "share": "0.5", "per": "order", "measure": "count"}, "share"),
        ({"per": "gesture", "measure": "count"}, "measure"),
        ({"per": "gesture", "window": "day"}, "window"),
        ({"window": "fortnight"}, "window"),
        ({"window": "PT0S"}, "window"),
        ({"above": "ask"}, "above"),
        ({"where": {"role": "agnt"}}, "where/role/0"),
        ({"where": {"reason": "late"}}, "where/reason"),
        ({"where": {"who": "kim"}}, "where/who"),
    ],
)
def test_a_cap_that_makes_no_sense_is_refused(terms, at):
    assert errors(**cap(**terms)).keys() == {f"/recovery/caps/0/{at}"}


@pytest.mark.parametrize("per", ["order", "member", "agent", "role", "reason", "program"])
@pytest.mark.parametrize("window", ["P30D", "day", "month", "out"])
def test_caps_hold_per_whom_and_in_which_window(per, window):
    read = parse(**cap(per=per, window=window, where={"role": ["agent", "admin"]}))

    assert read["recovery"]["caps"][0]["per"] == per


def test_a_share_of_the_order_can_be_a_cap():
    read = parse(**cap(per="order", limit="out", share="0.5"))

    assert read["recovery"]["caps"][0]["share"] == "0.5"


@pytest.mark.parametrize(
    ("voucher", "at"),
    [
        ({"kind": "amount"}, "amount"),
        ({"kind": "percent"}, "percent"),
        ({"kind": "percent", "percent": "101"}, "percent"),
        ({"kind": "percent", "percent": "10", "amount": 5}, "amount"),
        ({"kind": "amount", "amount": 5, "max_discount": 5}, "max_discount"),
        ({"kind": "free_shipping", "amount": 5}, "amount"),
        ({"kind": "amount", "amount": 0}, "amount"),
        ({"kind": "gift"}, "kind"),
    ],
)
def test_a_voucher_has_what_its_kind_needs(voucher, at):
    reward = {"id": "five", "cost": 500, "voucher": voucher}

    assert errors(rewards=[reward]).keys() == {f"/rewards/0/voucher/{at}"}


def test_referrals_reward_somebody_with_something():
    assert errors(referrals={"min_order": 5}).keys() == {"/referrals/advocate"}
    assert errors(referrals={"advocate": {}}).keys() == {"/referrals/advocate/points"}
    assert parse(referrals={"referee": {"points": 5}})["referrals"]["min_order"] == 0


def test_nothing_that_differs_is_no_difference():
    shop = document.from_toml(CORNER_SHOP.read_text())

    assert document.difference(shop, json.loads(json.dumps(shop))) == []


def test_a_difference_names_rules_by_their_id():
    first, second = rule("first_order", points=1), {**rule("first_order", points=2), "id": "s"}
    changed = {**first, "points": 9}

    assert document.difference(
        parse(earning={"rules": [first, second]}, tiers=[]),
        parse(earning={"rules": [second, changed], "rounding": "up"}),
    ) == [
        Change("/earning/rounding", "down", "up"),
        Change("/earning/rules/r/points", 1, 9),
        Change("/earning/rules", ["r", "s"], ["s", "r"]),
    ]


def test_a_difference_shows_what_came_and_went():
    first, second = rule("first_order", points=1), {**rule("first_order", points=2), "id": "s"}
    old = parse(earning={"rules": [first]}, recovery={})
    new = parse(earning={"rules": [second]})

    assert document.difference(old, new) == [
        Change("/earning/rules/r", first, None),
        Change("/earning/rules/s", None, second),
        Change("/recovery", old["recovery"], None),
    ]


def test_a_list_without_ids_differs_as_a_whole():
    steps = [{"from": 1, "points": 1}]
    old = parse(earning={"rules": [rule("large_order", thresholds=steps)]})
    new = parse(
        earning={"rules": [rule("large_order", thresholds=[*steps, {"from": 2, "points": 2}])]}
    )

    [change] = document.difference(old, new)

    assert change.path == "/earning/rules/r/thresholds"
    assert len(change.after) == 2


KEYS = "program earning rules id kind where all not field op tiers qualify recovery caps limit"
junk = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.dates(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from([*KEYS.split(), "\ud800"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)


@given(junk, junk)
def test_nonsense_is_refused_and_never_breaks_anything(earning, everything):
    for raw in (everything, {"program": PROGRAM, "earning": earning, "recovery": everything}):
        try:
            document.parse(raw)
        except document.InvalidProgram as refused:
            assert all(error.detail for error in refused.errors)  # noqa: PT017 - both ways are right
