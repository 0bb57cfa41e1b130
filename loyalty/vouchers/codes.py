"""Codes that cannot be guessed, and that people can read out, mistype and type in any case.

A code has 14 random characters of an alphabet without 0, O, 1, I and L, and a check character:
the weighted sum modulo 31, which tells any single wrong character and any two neighbours
exchanged. All are letters and digits, as Stripe wants its promotion codes.
"""

from __future__ import annotations

import re
import secrets

ALPHABET = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
RANDOM_CHARACTERS = 14
GROUP = 5
LEAST, MOST = 4, 40  # characters of a code that the shop chose

_VALUES = {character: value for value, character in enumerate(ALPHABET)}
_TYPED = re.compile(rf"[A-Za-z0-9]{{{LEAST},{MOST}}}")
_IGNORED = re.compile(r"[\s\u2010-\u2015\u2212-]+")  # letters come with dashes of all lengths


def new_code() -> str:
    """Return a new code, canonical: over 69 random bits."""
    body = "".join(secrets.choice(ALPHABET) for _ in range(RANDOM_CHARACTERS))
    return body + check_character(body)


def canonical(typed: str) -> str:
    """Return a code without hyphens and spaces, in capitals; "" for what can be none."""
    code = _IGNORED.sub("", typed)
    return code.upper() if _TYPED.fullmatch(code) else ""


def written(code: str) -> str:
    """Return a code of ours as people read it: XXXXX-XXXXX-XXXXX."""
    return "-".join(code[at : at + GROUP] for at in range(0, len(code), GROUP))


def check_character(body: str) -> str:
    """Return the character that ends a code which begins with `body`."""
    total = sum(weight * _VALUES[character] for weight, character in enumerate(body, start=2))
    return ALPHABET[-total % len(ALPHABET)]


def is_well_formed(code: str) -> bool:
    """Tell whether a canonical code is one that `new_code` can make."""
    body, check = code[:-1], code[-1:]
    if len(body) != RANDOM_CHARACTERS or not _VALUES.keys() >= set(code):
        return False
    return check_character(body) == check
