import math
import random
import re

import pytest

from loyalty.vouchers import codes

ISSUED = 1_000_000
GUESSES = 10_000_000


def test_ten_million_guesses_at_a_million_issued_codes_find_less_than_one():
    random_codes = len(codes.ALPHABET) ** codes.RANDOM_CHARACTERS

    assert len(codes.ALPHABET) == 31
    assert math.log2(random_codes) > 69.3  # more than the 60 bits that are asked for
    # The check character is no secret: who guesses well gets it right each time. Then each guess
    # finds a code with a chance of issued / possible, and all together find on average:
    found = GUESSES * ISSUED / random_codes
    assert found < 1e-7  # 13 codes in a thousand million such attacks
    assert found < 1


def test_codes_are_of_letters_and_digits_that_are_not_mistaken_for_one_another():
    assert set("01OIL").isdisjoint(codes.ALPHABET)
    assert len(set(codes.ALPHABET)) == 31
    assert codes.ALPHABET.isupper()
    for _ in range(100):
        code = codes.new_code()
        assert len(code) == 15
        assert set(code) <= set(codes.ALPHABET)


def test_a_code_is_shown_in_three_groups_and_is_legal_as_a_stripe_promotion_code():
    shown = codes.written(codes.new_code())

    assert re.fullmatch(r"[A-Z0-9]{5}-[A-Z0-9]{5}-[A-Z0-9]{5}", shown)
    assert re.fullmatch(r"[A-Za-z0-9-]+", shown)


def test_the_check_character_tells_every_single_wrong_character():
    for _ in range(20):
        code = codes.new_code()
        assert codes.is_well_formed(code)
        for place in range(len(code)):
            for other in set(codes.ALPHABET) - {code[place]}:
                assert not codes.is_well_formed(code[:place] + other + code[place + 1 :])


def test_the_check_character_tells_any_two_neighbours_exchanged():
    random.seed(1)
    for _ in range(200):
        code = codes.new_code()
        for place in range(len(code) - 1):
            one, two = code[place : place + 2]
            exchanged = code[:place] + two + one + code[place + 2 :]
            assert codes.is_well_formed(exchanged) == (one == two)


@pytest.mark.parametrize(
    "typed",
    [
        "abcde-fghjk-mnpq2",
        " ABCDE FGHJK MNPQ2 ",
        "AbCdEfGhJkMnPq2",
        "A-B-CDEFGHJKMNPQ2",
        "ABCDE\u2011FGHJK\u2013MNPQ2\n",
        "\tabcde\u00a0fghjk\u00a0mnpq2",
    ],
)
def test_case_hyphens_and_spaces_do_not_matter(typed):
    assert codes.canonical(typed) == "ABCDEFGHJKMNPQ2"


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "---",
        "ABC",
        "A" * 41,
        "STRAßE",
        "\u017fpring",
        "10%OFF",
        "A_B_C_D",
        "ABCD\0",
        "\u0661234",
    ],
)
def test_what_can_be_no_code_is_told_apart(typed):
    assert codes.canonical(typed) == ""


@pytest.mark.parametrize("code", ["", "SPRING2026", "ABCDEFGHJKMNPQ", "0BCDEFGHJKMNPQ2"])
def test_a_code_of_the_shop_is_none_of_ours(code):
    assert not codes.is_well_formed(code)
