import pytest

from tests.races import crowd
from tests.support.money import open_shop


@pytest.fixture(scope="session")
def racing_database_url(new_database):
    with new_database("races") as url:
        yield url


@pytest.fixture(scope="session")
def racing_app(new_app, racing_database_url):
    with new_app(racing_database_url, database_pool_size=40) as app:
        yield app


@pytest.fixture(scope="session")
def racing_processes(racing_app, racing_database_url):
    with crowd.processes(racing_database_url) as processes:
        yield processes


@pytest.fixture(params=["threads", "processes"])
def rush(request):
    """Send calls all at once and return their answers, in the order of the calls."""
    if request.param == "threads":
        return crowd.Threads(request.getfixturevalue("racing_app")).rush
    return request.getfixturevalue("racing_processes").rush


@pytest.fixture
def shop(racing_app):
    """A shop whose ledger must be sound when the race is over."""
    shop = open_shop(racing_app)
    yield shop
    shop.verify()
