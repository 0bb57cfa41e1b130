"""Mailboxes are told apart, spellings are not; codes can be read aloud."""

import re

import pytest

from loyalty.members import identity


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Anna@Example.org", "anna@example.org"),
        ("anna+shop@example.org", "anna@example.org"),
        ("a.n.n.a@gmail.com", "anna@gmail.com"),
        ("an.na+x@googlemail.com", "ANNA@gmail.com"),
    ],
)
def test_spellings_of_one_mailbox_have_one_key(one, other):
    assert identity.email_key(one) == identity.email_key(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("an.na@example.org", "anna@example.org"),  # dots may tell people apart
        ("anna@example.org", "anna@example.com"),
        ("+a@example.org", "+b@example.org"),  # nothing is left without the tag
    ],
)
def test_different_mailboxes_have_different_keys(one, other):
    assert identity.email_key(one) != identity.email_key(other)


def test_the_key_of_the_longest_address_fits_its_column():
    longest = "İ" * 64 + "@" + "a" * 189

    assert len(identity.email_key(longest)) <= 320


@pytest.mark.parametrize(
    ("name", "begins"),
    [
        ("Anna Example", "ANNA-"),
        ("Zoë", "ZOE-"),
        ("Jean-Luc", "JEANLUC-"),
        ("Maximiliana-Theodora", "MAXIMILIAN-"),
    ],
)
def test_a_referral_code_begins_with_the_first_name(name, begins):
    code = identity.new_referral_code(name)

    assert code.startswith(begins)
    assert re.fullmatch(r"[A-Z]+-[2-9B-DF-HJKMNP-TV-Z]{8}", code)


@pytest.mark.parametrize("name", [None, "", " ", "安娜", "Ж", "X"])
def test_a_name_without_latin_letters_gives_a_code_without_it(name):
    assert re.fullmatch(r"[2-9B-Z]{5}-[2-9B-Z]{5}", identity.new_referral_code(name))


def test_two_codes_for_one_name_differ():
    assert len({identity.new_referral_code("Anna") for _ in range(100)}) == 100
