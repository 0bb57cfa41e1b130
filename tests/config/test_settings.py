"""Settings: what is read, what is refused and how it is said."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from config import Settings, SettingsError, environment_or, environment_with

ROOT = Path(__file__).parents[2]
LEAST = {
    "LOYALTY_DATABASE_URL": "sqlite:////tmp/loyalty.db",
    "LOYALTY_SECRET_KEY": "x" * 32,
    "LOYALTY_BASE_URL": "https://loyalty.example.org/",
}


def fault_of(name, text):
    """Return the sentence about one setting that is set to `text`."""
    with pytest.raises(SettingsError) as refusal:
        Settings.from_environment({**LEAST, name: text})
    assert list(refusal.value.faults) == [name]
    return refusal.value.faults[name]


def test_three_settings_are_enough():
    settings = Settings.from_environment(LEAST)

    assert settings.database_url == "sqlite:////tmp/loyalty.db"
    assert settings.base_url == "https://loyalty.example.org"
    assert settings.rate_limit_per_minute == 60_000
    assert settings.redis_url is None


def test_everything_that_is_missing_is_named_at_once():
    with pytest.raises(SettingsError) as refusal:
        Settings.from_environment({"LOYALTY_LOG_LEVEL": "loud"})

    assert set(refusal.value.faults) == {*LEAST, "LOYALTY_LOG_LEVEL"}
    for name in LEAST:
        assert f"{name} is missing: give " in str(refusal.value)


def test_an_empty_setting_counts_as_absent():
    settings = Settings.from_environment({**LEAST, "LOYALTY_REDIS_URL": "", "LOYALTY_BIND": " "})

    assert settings.redis_url is None
    assert settings.bind == "127.0.0.1:8000"


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_any_postgresql_url_is_taken_with_the_psycopg_driver(scheme):
    url = f"{scheme}://shop:p%40ss@db.internal:6432/loyalty?sslmode=require"

    settings = Settings.from_environment({**LEAST, "LOYALTY_DATABASE_URL": url})

    assert (
        settings.database_url
        == "postgresql+psycopg://shop:p%40ss@db.internal:6432/loyalty?sslmode=require"
    )


@pytest.mark.parametrize(
    ("url", "fault"),
    [
        ("loyalty.db", "is no database URL"),
        ("postgresql://shop@db:port/loyalty", "is no database URL"),
        ("postgresql://shop@db", "names no database"),
        ("sqlite://", "names no absolute path"),
        ("sqlite:///loyalty.db", "names no absolute path"),
        ("sqlite:////no/such/folder/loyalty.db", "lies in /no/such/folder, which is no folder"),
        ("mysql://shop@db/loyalty", "asks for mysql"),
        ("postgresql+psycopg2://shop@db/loyalty", "asks for postgresql+psycopg2"),
    ],
)
def test_a_database_that_cannot_be_is_refused_with_what_would_be_right(url, fault):
    sentence = fault_of("LOYALTY_DATABASE_URL", url)

    assert sentence.startswith(fault)
    assert "postgresql+psycopg://user:password@host/database" in sentence


@pytest.mark.parametrize(
    ("name", "text", "fault"),
    [
        ("LOYALTY_SECRET_KEY", "short", "has 5 characters: give at least 32 random ones"),
        ("LOYALTY_BASE_URL", "loyalty.example.org", "is no web address"),
        ("LOYALTY_BASE_URL", "ftp://loyalty.example.org", "is no web address"),
        ("LOYALTY_BASE_URL", "https://loyalty.example.org?a=b", "is no web address"),
        ("LOYALTY_BASE_URL", "https://[loyalty", "is no web address"),
        ("LOYALTY_BASE_URL", "https://loyalty.example.org:99999", "is no web address"),
        ("LOYALTY_STRIPE_SECRET_KEY", "pk_test_1", "begins wrongly: it starts with sk_ or rk_"),
        ("LOYALTY_STRIPE_WEBHOOK_SECRET", "secret", "begins wrongly: it starts with whsec_"),
        ("LOYALTY_REDIS_URL", "localhost", "begins wrongly: it starts with redis://"),
        ("LOYALTY_LOG_LEVEL", "loud", "is 'loud': give one of debug, info, warning, error"),
        ("LOYALTY_RATE_LIMIT_PER_MINUTE", "0", "is '0': give a whole number from 1"),
        ("LOYALTY_RATE_LIMIT_PER_MINUTE", "1e3", "is '1e3': give a whole number from 1"),
        ("LOYALTY_WEB_WORKERS", "٣", "is '٣': give a whole number from 1 to 256"),
        ("LOYALTY_WEB_THREADS", "9999999999999", "is '9999999999999': give a whole number"),
        ("LOYALTY_METRICS_DIR", "/no/such/folder", "is '/no/such/folder', which is no folder"),
        ("LOYALTY_BIND", "8000", "is '8000': give host:port"),
    ],
)
def test_a_malformed_setting_is_refused_with_what_would_be_right(name, text, fault):
    assert fault_of(name, text).startswith(fault)


@pytest.mark.parametrize("text", ["0.0.0.0:8000", "localhost:80", "[::]:8000", "unix:/run/web"])
def test_gunicorn_may_listen_on_any_address_or_a_socket(text):
    assert Settings.from_environment({**LEAST, "LOYALTY_BIND": text}).bind == text


def test_secrets_stay_out_of_the_representation():
    settings = Settings.from_environment(
        {
            "LOYALTY_DATABASE_URL": "postgresql://shop:hush-database@db/loyalty",
            "LOYALTY_SECRET_KEY": "hush-" * 8,
            "LOYALTY_BASE_URL": "https://loyalty.example.org",
            "LOYALTY_STRIPE_SECRET_KEY": "sk_live_hush",
            "LOYALTY_STRIPE_WEBHOOK_SECRET": "whsec_hush",
            "LOYALTY_REDIS_URL": "redis://:hush@cache",
        }
    )

    assert "hush" not in repr(settings)


def test_a_refusal_tells_no_secret():
    with pytest.raises(SettingsError) as refusal:
        Settings.from_environment(
            {
                "LOYALTY_DATABASE_URL": "mysql://shop:hush@db/loyalty",
                "LOYALTY_SECRET_KEY": "hush",
                "LOYALTY_STRIPE_SECRET_KEY": "hush",
            }
        )

    assert "hush" not in str(refusal.value)


def test_a_process_that_is_started_gets_what_is_given_or_else_what_is_set(monkeypatch):
    monkeypatch.setenv("LOYALTY_BIND", "127.0.0.1:9000")
    monkeypatch.setenv("LOYALTY_BASE_URL", " ")
    settings = {"bind": "127.0.0.1:8000", "base_url": "http://localhost"}

    over, under = environment_with(**settings), environment_or(**settings)

    assert over["PATH"] == under["PATH"] == os.environ["PATH"]
    assert (over["LOYALTY_BIND"], under["LOYALTY_BIND"]) == ("127.0.0.1:8000", "127.0.0.1:9000")
    assert over["LOYALTY_BASE_URL"] == under["LOYALTY_BASE_URL"] == "http://localhost"


@pytest.mark.parametrize(
    "command",
    [
        [sys.executable, "wsgi.py"],
        [sys.executable, "-m", "flask", "routes"],
        [sys.executable, "-m", "gunicorn", "-c", "config/gunicorn.py"],
    ],
    ids=["wsgi", "flask", "gunicorn"],
)
def test_a_process_without_settings_says_so_and_ends_with_status_2(command):
    clean = {name: text for name, text in os.environ.items() if not name.startswith("LOYALTY_")}

    ended = subprocess.run(
        command, cwd=ROOT, env=clean, capture_output=True, text=True, timeout=60, check=False
    )

    assert ended.returncode == 2
    assert "LOYALTY_SECRET_KEY is missing" in ended.stderr
    assert "Traceback" not in ended.stderr
