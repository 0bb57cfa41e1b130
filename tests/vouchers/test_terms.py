import pytest

from loyalty.programs import document as documents
from loyalty.vouchers.terms import compile_vouchers
from tests.support import make

LAWS = {"DE": "P3Y", "FR": "P10Y"}


def test_a_program_that_says_nothing_has_the_usual_terms():
    terms = compile_vouchers(documents.parse(make.plain()))

    assert (terms.stacking, terms.guess_window) == ("one", "PT10M")
    assert terms.guesses_per_client < terms.guesses_per_key < terms.guesses_per_program
    assert terms.min_life("DE") == terms.min_life(None) == "P5Y"


def test_the_law_table_is_asked_by_country():
    document = documents.parse(make.plain(vouchers={"purchased_min_life_by_country": LAWS}))
    terms = compile_vouchers(document)

    assert [terms.min_life(country) for country in ("DE", "FR", "US", None)] == [
        "P3Y",
        "P10Y",
        "P5Y",
        "P5Y",
    ]


def test_the_terms_survive_being_written_as_toml():
    given = {"stacking": "any", "guesses_per_client": 3, "purchased_min_life_by_country": LAWS}
    document = documents.parse(make.plain(vouchers=given))

    assert documents.from_toml(documents.to_toml(document)) == document


def test_a_changed_law_is_one_change_with_its_path():
    before, after = (
        documents.parse(make.plain(slug="s", vouchers={"purchased_min_life_by_country": laws}))
        for laws in (LAWS, {**LAWS, "DE": "P4Y"})
    )

    [change] = documents.difference(before, after)
    assert change.path == "/vouchers/purchased_min_life_by_country/DE"
    assert (change.before, change.after) == ("P3Y", "P4Y")


@pytest.mark.parametrize(
    ("vouchers", "pointer"),
    [
        ({"stacking": "two"}, "/vouchers/stacking"),
        ({"guesses_per_client": 0}, "/vouchers/guesses_per_client"),
        ({"guess_window": "PT0S"}, "/vouchers/guess_window"),
        ({"purchased_min_life": "5 years"}, "/vouchers/purchased_min_life"),
        ({"purchased_min_life_by_country": "P3Y"}, "/vouchers/purchased_min_life_by_country"),
        (
            {"purchased_min_life_by_country": {"de": "P3Y"}},
            "/vouchers/purchased_min_life_by_country/de",
        ),
        (
            {"purchased_min_life_by_country": {"DE": "3"}},
            "/vouchers/purchased_min_life_by_country/DE",
        ),
        ({"stackin": "one"}, "/vouchers/stackin"),
    ],
)
def test_a_wrong_term_is_named_with_its_path(vouchers, pointer):
    with pytest.raises(documents.InvalidProgram) as refused:
        documents.parse(make.plain(vouchers=vouchers))
    assert [error.pointer for error in refused.value.errors] == [pointer]
