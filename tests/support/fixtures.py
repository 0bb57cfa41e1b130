"""Fixtures of the domain; `make` holds what they are made with."""

import pytest

from tests.support import make


@pytest.fixture
def program(app):
    """A plain test program."""
    return make.program()


@pytest.fixture
def api(client, program):
    """A server of `program` that may do everything."""
    return make.api(client, make.key(program))


@pytest.fixture
def stranger(client, app):
    """A server of another program that may do everything there."""
    return make.api(client, make.key(make.program()))
