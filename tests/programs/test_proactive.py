"""The shape of `[[recovery.proactive]]`."""

import pytest

from loyalty.programs import document
from loyalty.programs.document import proactive
from tests.support import make

BIRTHDAY = {
    "id": "birthday",
    "occasion": "birthday",
    "give": {"kind": "points", "points": 100},
    "reason": "thanks",
    "message": "Happy birthday!",
}
NTH = {**BIRTHDAY, "id": "tenth", "occasion": "nth_order", "nth": 10}
THANKS = {
    "id": "saint-nicholas",
    "occasion": "thank_you",
    "on": "12-06",
    "give": {"kind": "voucher", "amount": 500, "expires_after": "P90D"},
    "reason": "thanks",
}


def parse(*gifts):
    recovery = {"reasons": [{"code": "thanks", "name": "Thanks"}], "proactive": list(gifts)}
    return document.parse(make.plain(recovery=recovery))["recovery"]["proactive"]


def mistakes(gift):
    with pytest.raises(document.InvalidProgram) as refused:
        parse(gift)
    return {error.pointer: error.detail for error in refused.value.errors}


def test_gifts_for_all_occasions_are_read():
    anniversary = {**BIRTHDAY, "id": "anniversary", "occasion": "anniversary"}

    assert parse(BIRTHDAY, NTH, THANKS, anniversary) == [BIRTHDAY, NTH, THANKS, anniversary]


@pytest.mark.parametrize(
    ("gift", "pointer"),
    [
        ({**BIRTHDAY, "occasion": "funeral"}, "/recovery/proactive/0/occasion"),
        ({**BIRTHDAY, "nth": 3}, "/recovery/proactive/0/nth"),
        ({**NTH, "nth": 0}, "/recovery/proactive/0/nth"),
        (
            {name: value for name, value in NTH.items() if name != "nth"},
            "/recovery/proactive/0/nth",
        ),
        ({**THANKS, "on": "02-29"}, "/recovery/proactive/0/on"),
        ({**THANKS, "on": "6 December"}, "/recovery/proactive/0/on"),
        ({**BIRTHDAY, "on": "12-06"}, "/recovery/proactive/0/on"),
        ({**BIRTHDAY, "give": {"kind": "points"}}, "/recovery/proactive/0/give/points"),
        ({**BIRTHDAY, "give": {"kind": "voucher"}}, "/recovery/proactive/0/give/amount"),
        (
            {**BIRTHDAY, "give": {"kind": "points", "points": 1, "amount": 1}},
            "/recovery/proactive/0/give/amount",
        ),
        (
            {**BIRTHDAY, "give": {"kind": "points", "points": 1, "expires_after": "P1D"}},
            "/recovery/proactive/0/give/expires_after",
        ),
        ({**BIRTHDAY, "give": {"kind": "refund", "amount": 5}}, "/recovery/proactive/0/give/kind"),
    ],
)
def test_what_makes_no_sense_is_refused_at_its_place(gift, pointer):
    assert pointer in mistakes(gift)


def test_ids_are_given_once_and_reasons_must_exist():
    recovery = {
        "reasons": [{"code": "thanks"}],
        "proactive": [BIRTHDAY, BIRTHDAY, {**THANKS, "reason": "x"}],
    }

    assert [path for path, _ in proactive.mistakes(recovery)] == [
        ("recovery", "proactive", 1, "id"),
        ("recovery", "proactive", 2, "reason"),
    ]
