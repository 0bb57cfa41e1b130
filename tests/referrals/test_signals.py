import pytest

from loyalty.referrals import signals
from loyalty.referrals.flags import TEXTS, judge, person_of
from loyalty.referrals.terms import is_enough, money_left

PEPPER = "a-secret"
ORDER = {"state": "paid", "total": 5_000, "refunded": 0, "lines": [], "gift_cards": 0}


def digest(kind, value, program="prg_1", pepper=PEPPER):
    return signals.digests(program, {kind: value}, pepper).get(kind)


@pytest.mark.parametrize(
    ("kind", "one", "other"),
    [
        ("ip", "2001:db8:1:2::7", "2001:DB8:1:2:ffff::1"),
        ("ip", "::ffff:203.0.113.7", "203.0.113.7"),
        ("ip", "not an address", "Not an address "),
        ("ip", "fe80::1%eth0", "fe80::2"),
        ("address", "Main St. 1, Springfield", "main st 1 SPRINGFIELD"),
        ("address", "Straße 5", "STRASSE 5"),
        ("phone", "+49 (30) 123-4567", "0049 30 1234567"),
        ("device", " d-1", "d-1"),
    ],
)
def test_spellings_of_one_thing_have_one_digest(kind, one, other):
    assert digest(kind, one) == digest(kind, other)


@pytest.mark.parametrize(
    ("kind", "one", "other"),
    [
        ("ip", "2001:db8:1:2::7", "2001:db8:1:3::7"),
        ("ip", "203.0.113.7", "203.0.113.8"),
        ("address", "Main St 1", "Main St 2"),
        ("payment", "pm_A", "pm_a"),
    ],
)
def test_different_things_have_different_digests(kind, one, other):
    assert digest(kind, one) != digest(kind, other)


def test_a_digest_depends_on_the_secret_the_program_and_the_kind():
    found = {
        digest("device", "x"),
        digest("device", "x", program="prg_2"),
        digest("device", "x", pepper="another-secret"),
        digest("payment", "x"),
    }
    assert len(found) == 4
    assert all(len(one) == 64 and "x" not in one for one in found)


@pytest.mark.parametrize("value", [None, "", "  ", "--"])
def test_what_says_nothing_has_no_digest(value):
    assert digest("address", value) is None
    assert digest("phone", value) is None


def test_every_verdict_has_its_words():
    kinds = ("phone", "payment", "device", "ip", "address")
    verdict = judge(
        person_of("a", "a@x", "1"),
        person_of("b", "a@x", "1"),
        bought=True,
        like_advocate=(*kinds, "email"),
        like_others=kinds,
    )
    assert verdict.state == "rejected"
    assert set(verdict.flags) <= TEXTS.keys()
    assert len(verdict.flags) == 12


@pytest.mark.parametrize(
    ("like_advocate", "like_others", "state"),
    [
        ((), (), "pending"),
        (("ip",), (), "flagged"),
        (("address",), (), "flagged"),
        (("payment",), (), "rejected"),
        (("device",), (), "rejected"),
        ((), ("device",), "flagged"),
        ((), ("payment",), "flagged"),
    ],
)
def test_proof_refuses_and_chance_is_left_to_a_person(like_advocate, like_others, state):
    verdict = judge(
        person_of("a", None, None),
        person_of("b", None, "00"),
        bought=False,
        like_advocate=like_advocate,
        like_others=like_others,
    )
    assert verdict.state == state


@pytest.mark.parametrize(
    ("change", "left"),
    [
        ({}, 5_000),
        ({"refunded": 2_000}, 3_000),
        ({"state": "cancelled", "refunded": 0}, 0),
        ({"refunded": 5_000, "state": "refunded"}, 0),
        ({"total": 0}, 0),
        ({"gift_cards": 1_000, "paid_with_points": 500, "paid_with_stored_value": 500}, 3_000),
        ({"paid_with_points": 1_000, "refunded": 2_500}, 2_000),
        ({"lines": [{"amount": 4_000, "gift_card": True}, {"amount": 1_000}]}, 1_000),
        ({"lines": [{"amount": 6_000, "gift_card": True}]}, 0),
    ],
)
def test_only_money_for_goods_counts(change, left):
    assert money_left({**ORDER, **change}) == left


def test_an_order_without_money_is_never_enough():
    assert not is_enough(0, 0)
    assert is_enough(1, 0)
    assert is_enough(2_000, 2_000)
    assert not is_enough(1_999, 2_000)
