import pytest
from sqlalchemy.exc import DBAPIError

from loyalty.foundation import db
from loyalty.foundation.bulk import Changes
from loyalty.foundation.db import LostUpdate
from loyalty.ledger import kernel, undoing
from loyalty.ledger.book import Book, new_account
from loyalty.ledger.models import Account
from loyalty.ledger.state import Stamp
from tests.ledger.made import START, at, buckets, grant, left, posting
from tests.support import statements


@pytest.fixture
def accounts(shop):
    """Three empty accounts of a program, in no order."""
    ids = [f"acc_{name}_{shop.program_id}" for name in ("b", "a", "c")]
    with db.transaction():
        changes = Changes()
        for id in ids:
            row = new_account(account_id=id, owner_id=id, program_id=shop.program_id, unit="points")
            changes.insert(Account, row)
        changes.write(db.connection())
    return ids


def opened(ids, now=START, **wanted):
    book = Book(db.connection(), Stamp(now=now, actor="tests"))
    book.lock(ids)
    book.read(**wanted)
    return book


def written(book):
    changes = Changes()
    book.write_into(changes)
    changes.write(book.connection)


def story(accounts):
    """Give the first two accounts some past."""
    first, second, _ = accounts
    with db.transaction():
        book = opened(accounts, lots_of=accounts)
        grant(book.accounts[first], 100, expires=30)
        grant(book.accounts[second], 40, available=7)
        kernel.hold(book.accounts[first], f"rsv_{first}", 25, at(1))
        written(book)


def test_what_was_written_is_read_again(accounts, shop):
    story(accounts)
    first, second, third = accounts
    with db.reading():
        book = opened(accounts, lots_of=accounts)
        assert buckets(book.accounts[first]) == (75, 0, 25, 0)
        assert left(book.accounts[first]) == {1: 75}
        assert book.accounts[first].next_due == at(1)
        assert book.accounts[first].holds[f"rsv_{first}"].lots == [(1, 25)]
        assert buckets(book.accounts[second]) == (0, 40, 0, 0)
        assert buckets(book.accounts[third]) == (0, 0, 0, 0)
    shop.verify()


def test_what_is_due_is_settled_before_anyone_looks(accounts, shop):
    story(accounts)
    first, second, _ = accounts
    with db.transaction():
        book = opened(accounts, now=at(30))
        assert buckets(book.accounts[first]) == (0, 0, 0, 0)
        assert buckets(book.accounts[second]) == (40, 0, 0, 0)
        written(book)
    shop.verify()


def test_an_untouched_account_is_not_written(accounts):
    story(accounts)
    with db.transaction():
        book = opened(accounts, lots_of=accounts)
        with statements.seen() as sent:
            written(book)
    assert sent == []


def test_lots_are_not_read_for_a_plain_grant(accounts, shop):
    story(accounts)
    with db.transaction(), statements.seen() as sent:
        book = opened(accounts[:1])
        grant(book.accounts[accounts[0]], 5, id="2")
    assert len(sent) == 1


def test_the_number_of_statements_does_not_grow_with_the_accounts(accounts):
    story(accounts)
    counts = []
    for ids in (accounts[:1], accounts):
        with db.transaction(), statements.seen() as sent:
            opened(ids, now=at(30), lots_of=ids)
        counts.append(len(sent))
    assert counts == [3, 3]


def test_a_lot_is_found_by_what_it_was_granted_for(accounts):
    story(accounts)
    first, second, _ = accounts
    with db.transaction():
        book = opened(accounts)
        capture_all(book, first)
        kernel.take(book.accounts[first], 75, posting("adjust"))
        written(book)
    with db.reading():
        book = opened(accounts, sources=[(first, "order", "1"), (second, "order", "other")])
        assert book.find_lot(first, "order", "1").number == 1
        assert book.find_lot(second, "order", "other") is None


def capture_all(book, account_id):
    id = f"rsv_{account_id}"
    book.read(holds=[id], lots_of=[account_id])
    account, hold = book.find_hold(id)
    kernel.capture(account, hold, hold.units, posting("redeem", "reservation", id))


def test_a_hold_comes_with_the_lots_it_spent_even_if_nothing_is_left_of_them(accounts):
    story(accounts)
    first = accounts[0]
    with db.transaction():
        book = opened([first])
        capture_all(book, first)
        kernel.take(book.accounts[first], 75, posting("adjust"))
        written(book)
    with db.transaction():
        book = opened([first], holds=[f"rsv_{first}"])
        account, hold = book.find_hold(f"rsv_{first}")
        undoing.give_back_captured(account, hold, 25, posting("redeem_return"))
        assert left(account) == {1: 25}
        written(book)


def test_holds_of_accounts_that_are_not_locked_are_not_found(accounts):
    story(accounts)
    with db.reading():
        book = opened(accounts[1:], holds=[f"rsv_{accounts[0]}"])
        assert book.find_hold(f"rsv_{accounts[0]}") is None


def test_a_write_over_someone_elses_write_is_refused(accounts, shop):
    story(accounts)
    first = accounts[0]
    with db.reading():
        stale = opened([first])
    with db.transaction():
        book = opened([first])
        grant(book.accounts[first], 5, id="2")
        written(book)
    grant(stale.accounts[first], 7, id="3")
    db.session.begin()
    stale.connection = db.connection()
    with pytest.raises((LostUpdate, DBAPIError)) as lost:
        written(stale)
    db.session.rollback()
    assert db._lost_race(lost.value)
    shop.verify()
