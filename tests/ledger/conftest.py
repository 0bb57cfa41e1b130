import pytest

from tests.support.money import open_shop


@pytest.fixture
def shop(app):
    """A shop whose points settle after a week and live for a month."""
    return open_shop(app, earning={"settles_after": "P7D", "expires_after": "P30D"})
