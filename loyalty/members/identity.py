"""What tells people apart: the key of an email address, and referral codes people can read."""

from __future__ import annotations

import re
import secrets
import unicodedata

_DOTLESS = {"gmail.com", "googlemail.com"}  # both are one mailbox, which ignores dots
_CODE_LETTERS = "23456789BCDFGHJKMNPQRSTVWXYZ"  # no look-alikes, and no vowels: no words
_CODE_LENGTH = 5
_BESIDE_A_NAME = 8  # many share a first name: a million Annas, and one code in 378,000 is taken
_NAME_LENGTH = 10


def email_key(email: str) -> str:
    """Return what is the same for all spellings of one mailbox.

    Letter case and plus-tags are ignored everywhere, dots only at Gmail, which
    says that they do not count: elsewhere they may tell two people apart.
    """
    local, _, domain = email.strip().lower().rpartition("@")
    local = local.partition("+")[0] or local
    if domain in _DOTLESS:
        local, domain = local.replace(".", ""), "gmail.com"
    return f"{local}@{domain}"


def new_referral_code(name: str | None) -> str:
    """Return a code like ANNA-7KQ2MX4P; without a name in Latin letters, like 9XPT4-7KQ2M."""
    plain = unicodedata.normalize("NFKD", (name or "").split(" ")[0])
    first = re.sub(r"[^A-Z]", "", plain.upper())[:_NAME_LENGTH]
    if len(first) > 1:
        return f"{first}-{_random(_BESIDE_A_NAME)}"
    return f"{_random(_CODE_LENGTH)}-{_random(_CODE_LENGTH)}"


def referral_code_key(code: str) -> str:
    """Return the one spelling of a referral code, as people type it."""
    return code.strip().upper()


def _random(length: int) -> str:
    return "".join(secrets.choice(_CODE_LETTERS) for _ in range(length))
