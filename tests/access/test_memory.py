"""What a process remembers of keys, on a clock of the test's own."""

from loyalty.access import memory
from loyalty.access.memory import Memory


class Clock:
    def __init__(self):
        self.seconds = 100.0

    def __call__(self):
        return self.seconds


def test_what_was_looked_up_is_remembered_until_it_is_a_second_old():
    clock = Clock()
    known = Memory(1.0, clock)
    known.remember("digest", "caller", known.ticket())

    clock.seconds += 0.999
    assert known.recall("digest") == "caller"

    clock.seconds += 0.001
    assert known.recall("digest") is None


def test_age_counts_from_before_the_look_up():
    clock = Clock()
    known = Memory(1.0, clock)
    ticket = known.ticket()
    clock.seconds += 0.7  # a slow database
    known.remember("digest", "caller", ticket)

    clock.seconds += 0.3

    assert known.recall("digest") is None


def test_a_revocation_forgets_everything():
    known = Memory(1.0, Clock())
    known.remember("digest", "caller", known.ticket())

    known.forget()

    assert known.recall("digest") is None


def test_what_was_looked_up_during_a_revocation_is_not_remembered():
    known = Memory(1.0, Clock())
    ticket = known.ticket()
    known.forget()

    known.remember("digest", "caller", ticket)

    assert known.recall("digest") is None


def test_a_life_of_nothing_remembers_nothing():
    known = Memory(0, Clock())
    known.remember("digest", "caller", known.ticket())

    assert known.recall("digest") is None


def test_memory_does_not_grow_without_end(monkeypatch):
    monkeypatch.setattr(memory, "MOST", 3)
    known = Memory(1.0, Clock())

    for digest in "abcd":
        known.remember(digest, digest, known.ticket())

    assert known.recall("d") == "d"
    assert known.recall("a") is None
