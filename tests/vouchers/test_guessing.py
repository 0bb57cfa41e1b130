from datetime import timedelta

import pytest
from sqlalchemy import select

from loyalty.foundation import db
from loyalty.vouchers.guessing import KEPT, forget_old
from loyalty.vouchers.models import VoucherGuess
from tests.races import crowd
from tests.races.crowd import Call
from tests.support.money import NOON, open_shop
from tests.vouchers.made import GUESS, check, guess, issue, put_terms

NOT_USABLE, TOO_MANY = (422, "voucher_not_usable"), (429, "too_many_guesses")
ORDER = {"order": {"currency": "EUR", "total": 10_000}}
WINDOW = timedelta(minutes=10)


@pytest.fixture
def strict(shop):
    """A shop where a client may try three codes in vain, a key five, and all together seven."""
    put_terms(shop, guesses_per_client=3, guesses_per_key=5, guesses_per_program=7)
    return shop


def test_f18_a_client_that_guesses_is_stopped_whatever_the_code(strict):
    good = issue(strict)["code"]

    assert [guess(strict, client="a") for _ in range(5)] == [NOT_USABLE] * 3 + [TOO_MANY] * 2
    assert guess(strict, good, client="a") == TOO_MANY
    assert check(strict, good, client="b")["valid"]
    assert check(strict, good)["valid"]


def test_f18_many_clients_that_guess_together_are_stopped_for_the_whole_program(app, strict):
    good, other = issue(strict)["code"], open_shop(app)

    found = [guess(strict, client=f"c-{n}") for n in range(8)]
    assert found == [NOT_USABLE] * 7 + [TOO_MANY]
    assert guess(strict, good) == guess(strict, good, client="new") == TOO_MANY
    assert guess(other) == NOT_USABLE


def test_a_guess_of_nobody_known_counts_for_the_key(strict):
    assert [guess(strict) for _ in range(6)] == [NOT_USABLE] * 5 + [TOO_MANY]
    assert [guess(strict, client="a") for _ in range(3)] == [NOT_USABLE] * 2 + [TOO_MANY]


def test_the_member_who_presents_a_code_is_a_client(strict):
    good = issue(strict)["code"]

    assert [guess(strict, member="ann") for _ in range(4)] == [NOT_USABLE] * 3 + [TOO_MANY]
    assert guess(strict, good, member="ann") == TOO_MANY
    assert check(strict, good, member="bob")["valid"]
    assert check(strict, good, member="ann", client="a-shared-till")["valid"]


def test_good_codes_are_never_counted(strict):
    good = issue(strict)["code"]

    for _ in range(9):
        assert check(strict, good, client="a")["valid"]


def test_the_answer_says_when_to_come_back_and_then_it_is_true(strict):
    for minutes in (0, 2, 4):
        strict.set_clock(NOON + timedelta(minutes=minutes))
        guess(strict, client="a")
    path, body = f"/v1/vouchers/{GUESS}/check", {**ORDER, "client": "a"}

    answer = strict.send("POST", path, body)
    assert (answer.status_code, answer.json["code"]) == TOO_MANY
    assert answer.headers["Retry-After"] == "360"
    strict.set_clock(NOON + WINDOW - timedelta(microseconds=1))
    assert strict.send("POST", path, body).headers["Retry-After"] == "1"
    strict.set_clock(NOON + WINDOW)
    assert [guess(strict, client="a") for _ in range(4)] == [NOT_USABLE] * 3 + [TOO_MANY]


def test_f18_guesses_are_counted_for_all_processes_together(strict, database_url, new_app):
    good = issue(strict)["code"]
    with new_app(database_url) as second:
        headers = {"Authorization": f"Bearer {strict.key}"}

        def elsewhere(code):
            path, body = f"/v1/vouchers/{code}/check", {**ORDER, "client": "a"}
            answer = second.test_client().post(path, json=body, headers=headers)
            return answer.status_code, answer.json.get("code")

        found = [guess(strict, client="a"), elsewhere(GUESS), guess(strict, client="a")]
        assert found == [NOT_USABLE] * 3
        assert elsewhere(good) == guess(strict, good, client="a") == TOO_MANY


def test_f18_guesses_at_once_are_no_more_than_guesses_one_by_one(strict):
    body = {**ORDER, "client": "a"}
    calls = [Call(strict.key, "POST", f"/v1/vouchers/{GUESS}/check", body, None)] * 12
    answers = crowd.Threads(strict.app).rush(calls)

    assert sorted(answer.status for answer in answers) == [422] * 3 + [429] * 9


def test_a_client_is_kept_as_a_keyed_hash_alone(strict):
    guess(strict, client="203.0.113.7")
    other = open_shop(strict.app)
    guess(other, client="203.0.113.7")

    with db.reading():
        found = db.session.scalars(
            select(VoucherGuess.client).where(
                VoucherGuess.program_id.in_([strict.program_id, other.program_id])
            )
        ).all()
    digests = [client for client in found if client and not client.startswith("key_")]
    assert found.count("") == 2
    assert len(set(digests)) == 2  # the same shopper, and nobody can tell
    assert {len(digest) for digest in digests} == {32}


def test_old_counts_are_forgotten_and_young_ones_are_kept(strict):
    guess(strict, client="a")

    def counts():
        with db.reading():
            return db.session.scalars(
                select(VoucherGuess.count).where(VoucherGuess.program_id == strict.program_id)
            ).all()

    for now, left in ((NOON + KEPT, [1, 1]), (NOON + KEPT + timedelta(seconds=1), [])):
        with db.transaction():
            while forget_old(now=now, limit=1):
                pass
        assert counts() == left


def test_the_refused_check_itself_writes_nothing_but_the_count(strict):
    for n in range(2):
        guess(strict, client=f"c-{n}")

    with db.reading():
        rows = db.session.scalars(
            select(VoucherGuess).where(VoucherGuess.program_id == strict.program_id)
        ).all()
        assert sorted(row.count for row in rows) == [1, 1, 2]
