"""The rewards service: points, reservations, orders and what explains them.

Packages live on floors; imports only go down, packages of one floor do not
know one another, and only doors may import everything.
`tests/test_architecture.py` holds this drawing to its word:

    doors      console account stripe connectors worker cli demo app    + routes.py, guard.py
    insight    reports                             reads across everything, writes nothing
    stories    orders recovery                     what happened: a purchase, a refund, a gesture
    exchange   checkout points rewards referrals   value changes hands
    value      earning vouchers tiers redemption   what points and codes are worth
    people     members programs access webhooks    who, under which terms, allowed what, told what
    money      ledger                              the only writer of balances
    ground     foundation                          db, problems, web, idempotency, events, clock
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Flask

    from config import Settings


def create_app(settings: Settings) -> Flask:
    """Build the web application from settings; see `loyalty.app`."""
    from loyalty.app import create_app as create  # noqa: PLC0415 - keeps the domain free of the web

    return create(settings)
