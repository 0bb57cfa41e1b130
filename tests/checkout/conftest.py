import pytest

from tests.support.money import open_shop


@pytest.fixture
def shop(app):
    """A shop with a member, ann, who has 1,000 points; two points are worth three cents."""
    shop = open_shop(app, redemption=REDEMPTION)
    shop.give("ann", 1_000)
    yield shop
    shop.verify()


REDEMPTION = {
    "points_per": {"points": 2, "amount": 3},
    "min_points": 10,
    "max_share_of_order": "0.5",
    "hold": "PT20M",
}
