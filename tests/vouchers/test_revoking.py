import pytest
from sqlalchemy import select

from loyalty.foundation import db
from loyalty.foundation.audit import AuditRecord
from loyalty.foundation.events import Event
from loyalty.ledger.models import Account, Entry
from tests.support.money import NOON, Refused
from tests.vouchers.made import (
    DAY,
    GIFT_CARD,
    capture,
    guess,
    hold,
    issue,
    release,
    revoke,
    show,
)


def account_of(voucher):
    with db.reading():
        return db.session.scalars(select(Account).where(Account.owner_id == voucher["id"])).one()


def taken(voucher):
    """What was taken back, in the order in which it was."""
    with db.reading():
        return list(
            db.session.scalars(
                select(Entry.points)
                .join(Account, Account.id == Entry.account_id)
                .where(Account.owner_id == voucher["id"], Entry.kind == "revoke")
                .order_by(Entry.seq)
            )
        )


def test_a_revoked_voucher_is_worth_nothing_and_cannot_be_used(shop):
    made = issue(shop, uses=7)

    revoked = revoke(shop, made["code"])
    assert (revoked["state"], revoked["remaining"]) == ("revoked", {"uses": 0})
    assert revoked["revoked_at"] == "2026-03-01T12:00:00Z"
    assert show(shop, made["code"]) == revoked
    assert guess(shop, made["code"]) == (422, "voucher_not_usable")
    assert account_of(made).available == 0
    assert taken(made) == [-7]


def test_revoking_again_changes_nothing(shop):
    made = issue(shop)
    first = revoke(shop, made["code"])
    shop.set_clock(NOON + DAY)

    assert revoke(shop, made["id"]) == first
    with db.reading():
        for model, name in ((Event, Event.name), (AuditRecord, AuditRecord.action)):
            found = select(model).where(
                model.program_id == shop.program_id, name == "voucher.revoked"
            )
            assert len(db.session.scalars(found).all()) == 1


def test_a_voucher_is_revoked_before_it_starts(shop):
    made = issue(shop, uses=3, starts_at=(NOON + DAY).isoformat())

    assert revoke(shop, made["code"])["state"] == "revoked"
    assert taken(made) == [-3]
    shop.set_clock(NOON + DAY)
    assert account_of(made).pending == 0


def test_only_what_is_neither_spent_nor_held_is_taken(shop):
    made = issue(shop, **GIFT_CARD)
    capture(shop, made["code"], hold(shop, made["code"], 1_000), 1_000)
    held = hold(shop, made["code"], 500)

    revoke(shop, made["code"])
    assert taken(made) == [-3_500]
    capture(shop, made["code"], held, 200)  # the checkout that holds it may still finish
    revoke(shop, made["code"])
    assert taken(made) == [-3_500, -300]


def test_what_a_hold_gives_back_later_is_unusable_and_taken_by_revoking_again(shop):
    made = issue(shop)
    held = hold(shop, made["code"])
    revoke(shop, made["code"])
    assert taken(made) == []
    release(shop, made["code"], held)

    assert guess(shop, made["code"]) == (422, "voucher_not_usable")
    assert show(shop, made["code"])["remaining"] == {"uses": 0}
    revoke(shop, made["code"])
    assert taken(made) == [-1]


def test_a_used_up_or_expired_voucher_can_be_revoked_too(shop):
    spent, expired = issue(shop), issue(shop, expires_after="P1D")
    capture(shop, spent["code"], hold(shop, spent["code"]))
    shop.set_clock(NOON + DAY)

    for made in (spent, expired):
        assert revoke(shop, made["code"])["state"] == "revoked"
        assert taken(made) == []


def test_an_unknown_voucher_cannot_be_revoked(shop):
    with pytest.raises(Refused, match="404 voucher_not_found"):
        revoke(shop, "ABCDE-FGHJK-MNPQ2")
