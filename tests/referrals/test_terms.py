"""What a program document says of referrals."""

import pytest

from loyalty.programs import document as documents
from tests.referrals.made import POINTS, code_of, of_member
from tests.support import make


def parse(**referrals):
    return documents.parse(make.plain(referrals={**POINTS, **referrals}))["referrals"]


@pytest.mark.parametrize(
    "link",
    [
        "https://shop.example/?ref={code}",
        "http://localhost:8000/r/{code}#top",
        "https://{code}.shop.example",
    ],
)
def test_a_link_is_an_address_with_the_code_in_it(link):
    assert parse(link=link)["link"] == link


@pytest.mark.parametrize(
    "link",
    [
        "https://shop.example/",
        "javascript:{code}",
        "https://a b/{code}",
        "{code}",
        'https://"{code}',
    ],
)
def test_any_other_link_is_refused_with_what_would_be_right(link):
    with pytest.raises(documents.InvalidProgram) as refused:
        parse(link=link)
    (error,) = refused.value.errors
    assert error.pointer == "/referrals/link"
    assert "https://shop.example/?ref={code}" in error.detail


def test_without_a_link_there_is_none(shop):
    code_of(shop, "ann")
    assert of_member(shop, "ann")["link"] is None
