import pytest
from sqlalchemy import select

from loyalty.foundation import db
from loyalty.vouchers.models import Voucher
from tests.support.money import Refused
from tests.vouchers.made import check, guess, issue, list_all, show


def test_an_export_shows_the_vouchers_of_the_person(shop):
    shop.enrol("bob")
    issue(shop, member="bob")
    issue(shop)
    made = issue(shop, member="ann", code="FOR-ANN", metadata={"why": "late"})

    [exported] = shop.call("GET", "/v1/members/ann/export")["vouchers"]
    assert exported["code"] == "FOR-ANN"
    assert exported["metadata"] == {"why": "late"}
    assert (exported["id"], exported["available"]) == (made["id"], 1)


def test_f25_of_an_erased_person_no_code_and_no_note_remains(shop):
    shop.enrol("bob")
    others = issue(shop, member="bob", code="FOR-BOB", metadata={"why": "late"})
    made = [
        issue(shop, member="ann", code=f"ANN-MUSTERMANN-{n}", metadata={"note": "Ann Mustermann"})
        for n in range(2)
    ]

    shop.call("DELETE", "/v1/members/ann")
    with db.reading():
        rows = db.session.execute(select(Voucher.__table__)).mappings().all()
    assert "MUSTERMANN" not in str(rows).upper()
    assert guess(shop, "ANN-MUSTERMANN-1") == (422, "voucher_not_usable")
    for one in made:
        kept = show(shop, one["id"])
        assert (kept["amount"], kept["state"], kept["metadata"]) == (1_000, "issued", None)
        assert guess(shop, kept["code"]) == (422, "voucher_not_usable")
        assert guess(shop, kept["code"], member=kept["member"]) == (422, "voucher_not_usable")
    assert show(shop, "FOR-BOB") == others
    with pytest.raises(Refused, match="404"):
        shop.call("GET", "/v1/members/ann/vouchers")


def test_f25_vouchers_of_merged_members_move_once(shop):
    shop.enrol("bob")
    moved, stayed, free = issue(shop, member="ann"), issue(shop, member="bob"), issue(shop)
    for _ in range(2):
        shop.merge("ann", "bob")

    assert {one["id"] for one in list_all(shop, member="bob")} == {moved["id"], stayed["id"]}
    assert check(shop, moved["code"], member="bob")["remaining"] == {"uses": 1}
    assert show(shop, free["code"]) == free
    shop.call("DELETE", "/v1/members/bob")
    assert guess(shop, moved["code"], member="bob") == (422, "voucher_not_usable")
