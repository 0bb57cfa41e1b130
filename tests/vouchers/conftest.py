import pytest

from tests.support.money import open_shop


@pytest.fixture
def shop(app):
    """A shop whose points never expire, with a member, ann; its ledger is proved at the end."""
    shop = open_shop(app)
    shop.enrol("ann")
    yield shop
    shop.verify()
