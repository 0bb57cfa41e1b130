import pytest

from tests.support.money import open_shop


@pytest.fixture
def shop(app):
    """A shop that gives a point per euro at once; a point is worth a cent."""
    return open_shop(app)
