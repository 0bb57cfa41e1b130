"""A worker looks after every program of its database, so these tests have one to themselves."""

import pytest


@pytest.fixture(scope="session")
def database_url(new_database):
    with new_database("worker") as url:
        yield url


@pytest.fixture(scope="session")
def app(new_app, database_url):
    with new_app(database_url) as app:
        yield app
