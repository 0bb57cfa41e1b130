"""Requests that wait for the same kind of work have it done in one go, each with its own result."""

import threading

import pytest

from loyalty.foundation.together import Together


class Work:
    """Squares numbers, and remembers what it was given at once; zero is refused.

    While `gate` is closed it waits, so that others queue up.
    """

    def __init__(self):
        self.given = []
        self.gate = threading.Event()
        self.gate.set()
        self.begun = threading.Event()

    def __call__(self, numbers):
        self.given.append(list(numbers))
        self.begun.set()
        assert self.gate.wait(10)
        if 0 in numbers:
            raise ValueError("zero")
        return [number * number for number in numbers]


@pytest.fixture
def work():
    return Work()


def in_threads(together, numbers):
    """Start a thread for each number; return the threads and where their results will be."""
    found = {}

    def run(number):
        try:
            found[number] = together.do(number)
        except ValueError as error:
            found[number] = str(error)

    threads = [threading.Thread(target=run, args=(number,)) for number in numbers]
    for thread in threads:
        thread.start()
    return threads, found


def queue_up(together, work, first, others):
    """Let `others` wait while `first` is worked on, then let go; return the results."""
    work.gate.clear()
    leading, found = in_threads(together, [first])
    assert work.begun.wait(10)
    following, found_later = in_threads(together, others)
    while len(together._waiting) < len(others):
        threading.Event().wait(0.001)
    work.gate.set()
    for thread in leading + following:
        thread.join(10)
    return found | found_later


def test_who_comes_alone_is_served_alone(work):
    together = Together(work)

    assert [together.do(3), together.do(4)] == [9, 16]
    assert work.given == [[3], [4]]


def test_those_who_wait_are_served_in_one_go(work):
    found = queue_up(Together(work), work, 1, [2, 3, 4])

    assert found == {1: 1, 2: 4, 3: 9, 4: 16}
    assert [sorted(numbers) for numbers in work.given] == [[1], [2, 3, 4]]


def test_no_more_at_once_than_allowed(work):
    found = queue_up(Together(work, most=2), work, 1, [2, 3, 4])

    assert found == {1: 1, 2: 4, 3: 9, 4: 16}
    assert sorted(len(numbers) for numbers in work.given) == [1, 1, 2]


def test_what_is_wrong_with_one_is_nobody_elses_trouble(work):
    found = queue_up(Together(work), work, 1, [2, 0, 4])

    assert found == {1: 1, 2: 4, 0: "zero", 4: 16}


def test_after_a_failure_the_next_one_is_served(work):
    together = Together(work)
    with pytest.raises(ValueError, match="zero"):
        together.do(0)

    assert together.do(5) == 25


def test_everybody_gets_their_own_result_in_a_crowd(work):
    together = Together(work)
    numbers = range(1, 400)

    threads, found = in_threads(together, numbers)
    for thread in threads:
        thread.join(20)

    assert found == {number: number * number for number in numbers}
    assert sorted(number for given in work.given for number in given) == list(numbers)


def test_a_process_that_is_told_to_end_lets_nobody_wait():
    ending = threading.Event()

    def work(numbers):
        ending.wait(10)
        raise SystemExit

    together = Together(work)
    ended = []

    def run():
        try:
            together.do(1)
        except SystemExit:
            ended.append(True)

    threads = [threading.Thread(target=run) for _ in range(3)]
    for thread in threads:
        thread.start()
    ending.set()
    for thread in threads:
        thread.join(10)
    assert ended == [True] * 3
