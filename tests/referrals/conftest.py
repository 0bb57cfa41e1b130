import pytest

from tests.referrals.made import MIXED, open_referring


@pytest.fixture
def open_shop(app):
    """Open shops with terms of their own; their ledgers must be sound afterwards."""
    opened = []

    def open_one(*rules, **terms):
        opened.append(open_referring(app, *rules, **terms))
        return opened[-1]

    yield open_one
    for shop in opened:
        shop.verify()


@pytest.fixture
def shop(open_shop):
    """A shop that gives points to both sides."""
    return open_shop()


@pytest.fixture
def mixed_shop(open_shop):
    """A shop that gives points to the advocate and a voucher to the referee."""
    return open_shop(referrals=MIXED)
