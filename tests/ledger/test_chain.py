from loyalty.ledger import chain
from tests.ledger.made import (
    account,
    at,
    grant,
)


def test_every_field_of_an_entry_is_under_its_hash():
    one = account()
    grant(one, 100)
    (entry,) = one.entries
    for name in chain.HASHED:
        other = {**entry, name: at(9) if name.endswith("_at") else "other"}
        assert chain.entry_hash("0" * 64, other) != entry["hash"], name
    assert set(entry) - set(chain.HASHED) == {"hash"}


def test_each_entry_is_chained_to_the_one_before_it():
    one = account()
    grant(one, 100)
    grant(one, 100, id="2")
    first, second = one.entries
    assert second["hash"] == chain.entry_hash(first["hash"], second) == one.head
    assert second["hash"] != chain.entry_hash("0" * 64, second)
