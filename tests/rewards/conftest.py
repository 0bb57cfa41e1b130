import pytest

from tests.support.money import document, open_shop

FIVE_OFF = {
    "id": "five-off",
    "name": "5 € off",
    "cost": 400,
    "voucher": {"kind": "amount", "amount": 500, "expires_after": "P30D"},
}
GIFT = {
    "id": "gift",
    "cost": 1_500,
    "voucher": {"kind": "stored_value", "amount": 2_000},
}


@pytest.fixture
def shop(app):
    """A shop with two rewards and a member, ann, with 1,000 points; its ledger is proved."""
    shop = open_shop(app)
    before = shop.call("GET", "/v1/program")["program"]
    terms = {**document(), "program": before, "rewards": [GIFT, FIVE_OFF]}
    headers = {"Authorization": f"Bearer {shop.key}", "If-Match": "*"}
    answer = app.test_client().put("/v1/program", json=terms, headers=headers)
    assert answer.status_code == 200, answer.text
    shop.give("ann", 1_000)
    yield shop
    shop.verify()
