"""What was redeemed on an order."""

from __future__ import annotations

from typing import NamedTuple

from loyalty.checkout.queries import Found
from loyalty.ledger.state import Account, Hold


class Redeemed(NamedTuple):
    """A captured hold, with the account it came from and its reservation."""

    account: Account
    hold: Hold
    reservation: Found
