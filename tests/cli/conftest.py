"""How commands are run in tests."""

import pytest


@pytest.fixture
def run(app):
    """Run `flask loyalty …`: `run("program", "list")`."""
    runner = app.test_cli_runner()

    def invoke(*arguments, **options):
        result = runner.invoke(args=["loyalty", *arguments], **options)
        assert result.exception is None or isinstance(result.exception, SystemExit), result.output
        return result

    return invoke
