"""An application without a rate limit, as bad input comes in floods; shops with a bit of all."""

import pytest

from tests.hostile import cases, shops


@pytest.fixture(scope="session")
def app(new_database, new_app):
    """Stands in for the fixture of all tests, with a database of its own to count rows in."""
    with new_database("hostile") as url, new_app(url, rate_limit_per_minute=10_000_000) as app:
        yield app


@pytest.fixture(scope="session")
def shop(app):
    """A shop that has a bit of everything; for tests that change nothing in it."""
    with app.app_context():
        return shops.open_shop(app.test_client())


@pytest.fixture
def nothing_stored(app, shop):
    """Fail the test if any row of any table is not as it was before."""
    before = shops.stored(app)
    yield
    assert shops.stored(app) == before


@pytest.fixture
def ours(client):
    """A shop for one test, which may do with it what it likes."""
    return shops.open_shop(client, mark=cases.OURS)


@pytest.fixture(scope="session")
def theirs(app):
    """Another shop, with all that ours has, and more versions of its program."""
    with app.app_context():
        return shops.open_shop(app.test_client(), mark=cases.THEIRS, versions=3)
