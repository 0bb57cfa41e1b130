import pytest

from tests.support.money import open_shop


@pytest.fixture
def shop(app):
    """A shop whose points settle after two days and live for ten, to the hour."""
    shop = open_shop(app, earning={"settles_after": "P2D", "expires_after": "PT240H"})
    yield shop
    shop.verify()
