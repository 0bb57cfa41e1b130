"""The shape of `[vouchers]`: how vouchers meet at the checkout, and how guessing is slowed down."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

import marshmallow

from loyalty.programs.document import fields
from loyalty.programs.document.sections import Section

STACKING: Final = ("one", "one_per_class", "any")
_COUNTRY = re.compile(r"[A-Z]{2}", re.ASCII)


class ByCountry(fields.Exact[dict[str, str]]):
    """Durations by country."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__('a table such as { DE = "P3Y" }: durations by country', **kwargs)
        self.duration = fields.Duration()

    def read(self, value: Any) -> dict[str, str]:
        """Return the durations by country, in the order of the countries."""
        if not isinstance(value, Mapping):
            raise self.wrong(value)
        errors: dict[str, Any] = {}
        read: dict[str, str] = {}
        for country in sorted(value, key=str):
            if not isinstance(country, str) or not _COUNTRY.fullmatch(country):
                errors[str(country)] = ["Its key must be an ISO 3166 country code such as DE."]
                continue
            try:
                read[country] = self.duration.read(value[country])
            except marshmallow.ValidationError as error:
                errors[country] = error.messages
        if errors:
            raise marshmallow.ValidationError(errors)
        return read


class Vouchers(Section):
    """Terms that all vouchers of the program share.

    `stacking` says how many vouchers may lower the price of one order; stored value pays, and is
    not counted. So many codes may be tried in vain within a window: by a shopper whom the shop
    names, through a key by those it does not name, and in all. `purchased_min_life` is how long
    value that was bought must live at least, by the law of the customer's country if that is told.
    """

    stacking = fields.Choice(STACKING, load_default="one")
    guesses_per_client = fields.Whole(load_default=20)
    guesses_per_key = fields.Whole(load_default=100)
    guesses_per_program = fields.Whole(load_default=1000)
    guess_window = fields.Duration(load_default="PT10M")
    purchased_min_life = fields.Duration(load_default="P5Y")
    purchased_min_life_by_country = ByCountry(load_default=dict)
