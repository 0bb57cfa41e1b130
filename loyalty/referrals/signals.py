"""Signals: what is seen with a person, brought to one spelling and kept as a keyed hash alone.

The secret (`pepper`) comes from the settings and is handed in. A digest is bound to its program
and kind, so that nobody can be followed from one program to another.
"""

from __future__ import annotations

import hmac
import re
import unicodedata
from collections.abc import Callable, Mapping
from ipaddress import IPv6Address, ip_address, ip_network

HOUSEHOLD = 64  # bits of an IPv6 address that a household shares; the rest changes daily


def digests(program_id: str, given: Mapping[str, str | None], pepper: str) -> dict[str, str]:
    """Return the digest of each signal that says something, by its kind."""
    found = {}
    for kind, value in given.items():
        plain = _PLAIN[kind](value) if value else ""
        if plain:
            message = f"referral-signal:{program_id}:{kind}:{plain}"
            found[kind] = hmac.digest(pepper.encode(), message.encode(), "sha256").hex()
    return found


def phone_key(phone: str | None) -> str:
    """Return the digits of a phone number without the zeros and the plus before them."""
    return re.sub(r"\D", "", phone or "", flags=re.ASCII).lstrip("0")


def _ip(value: str) -> str:
    try:
        address = ip_address(value.strip())
    except ValueError:
        return value.strip().casefold()
    if not isinstance(address, IPv6Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    plain = IPv6Address(int(address))  # without the name of an interface
    return str(ip_network((plain, HOUSEHOLD), strict=False))


def _words(value: str) -> str:
    """Return letters and digits alone: commas, accents and capitals differ from form to form."""
    plain = unicodedata.normalize("NFKD", value).casefold()
    return "".join(letter for letter in plain if letter.isalnum())


_PLAIN: Mapping[str, Callable[[str], str]] = {
    "ip": _ip,
    "device": str.strip,
    "payment": str.strip,
    "address": _words,
    "phone": phone_key,
}
