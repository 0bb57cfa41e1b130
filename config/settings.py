"""What an operator decides about a process, read from `LOYALTY_…` variables.

Terms of a program (what a purchase earns, which caps hold) are data, not settings.
"""

import os
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
from typing import Any, Final, Self
from urllib.parse import urlsplit

from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

PREFIX: Final = "LOYALTY_"
SECRET_KEY_CHARACTERS: Final = 32


class SettingsError(Exception):
    """Settings that are missing or malformed, all of them at once, a sentence each."""

    def __init__(self, faults: Mapping[str, str]) -> None:
        self.faults = dict(faults)
        lines = [f"  {name} {fault}" for name, fault in self.faults.items()]
        super().__init__("\n".join(["The service cannot start with these settings:", *lines]))


def read_database_url(text: str) -> str:
    """Return the URL as SQLAlchemy takes it, always with the psycopg driver on PostgreSQL."""
    rightly = "give sqlite:////absolute/path.db or postgresql+psycopg://user:password@host/database"
    text = re.sub(r"^postgres(ql)?://", "postgresql+psycopg://", text)
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):  # ValueError: a port that is no number
        raise ValueError(f"is no database URL: {rightly}.") from None
    if url.drivername == "sqlite":
        path = Path(url.database or "")
        if not path.is_absolute():
            raise ValueError(f"names no absolute path of a file: {rightly}.")
        if not path.parent.is_dir():
            raise ValueError(f"lies in {path.parent}, which is no folder: create it, or {rightly}.")
    elif url.drivername != "postgresql+psycopg":
        raise ValueError(
            f"asks for {url.drivername}, but the service speaks two engines: {rightly}."
        )
    elif not url.database:
        raise ValueError(f"names no database: {rightly}.")
    return text


def read_secret_key(text: str) -> str:
    """Accept a secret that is long enough to sign with."""
    if len(text) < SECRET_KEY_CHARACTERS:
        raise ValueError(
            f"has {len(text)} characters: give at least {SECRET_KEY_CHARACTERS} random ones, "
            "for example from `openssl rand -hex 32`."
        )
    return text


def read_web_address(text: str) -> str:
    """Return an http(s) address without a slash at its end."""
    try:
        parts = urlsplit(text)
        whole = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:  # brackets or a port that make no sense
        whole = False
    if not whole or re.search(r"[?#\s]", text):
        raise ValueError("is no web address: give one like https://loyalty.example.org.")
    return text.rstrip("/")


def read_beginning(*prefixes: str) -> Callable[[str], str]:
    """Make a check that a text begins with one of `prefixes`."""

    def read(text: str) -> str:
        if not text.startswith(prefixes):
            raise ValueError(f"begins wrongly: it starts with {' or '.join(prefixes)}.")
        return text

    return read


def read_whole_number(least: int, most: int) -> Callable[[str], int]:
    """Make a reader of whole numbers from `least` to `most`."""

    def read(text: str) -> int:
        if not re.fullmatch(r"[0-9]{1,9}", text) or not least <= int(text) <= most:
            raise ValueError(f"is {text!r}: give a whole number from {least} to {most}.")
        return int(text)

    return read


def read_choice(*choices: str) -> Callable[[str], str]:
    """Make a reader that takes one of `choices`, in small letters."""

    def read(text: str) -> str:
        if text.lower() not in choices:
            raise ValueError(f"is {text!r}: give one of {', '.join(choices)}.")
        return text.lower()

    return read


def read_bind(text: str) -> str:
    """Accept `host:port` or `unix:/path`."""
    if not re.fullmatch(r"unix:/.+|(\[[0-9a-fA-F:]+\]|[^:\s\[\]]+):[0-9]{1,5}", text):
        raise ValueError(f"is {text!r}: give host:port like 0.0.0.0:8000, or unix:/path.")
    return text


def read_folder(text: str) -> Path:
    """Accept an existing folder."""
    path = Path(text)
    if not path.is_dir():
        raise ValueError(f"is {text!r}, which is no folder: create it, or leave the setting out.")
    return path


def setting(read: Callable[[str], Any], *, default: Any = MISSING, secret: bool = False) -> Any:
    """Describe one setting: how its text is read, its default, whether it stays out of `repr`."""
    return field(default=default, repr=not secret, metadata={"read": read})


@dataclass(frozen=True, kw_only=True)
class Settings:
    """All settings of a process; each is `LOYALTY_` and the field's name in capitals."""

    database_url: str = setting(read_database_url, secret=True)
    secret_key: str = setting(read_secret_key, secret=True)
    """Signs sessions and member tokens, and keys what is stored as a hash."""
    base_url: str = setting(read_web_address)
    """Where callers reach the service; links and problem types begin with it."""

    stripe_secret_key: str | None = setting(read_beginning("sk_", "rk_"), default=None, secret=True)
    stripe_webhook_secret: str | None = setting(read_beginning("whsec_"), default=None, secret=True)
    stripe_api_base: str = setting(read_web_address, default="https://api.stripe.com")
    redis_url: str | None = setting(
        read_beginning("redis://", "rediss://"), default=None, secret=True
    )
    """Where rate limits are counted together; without it each process counts its own."""

    log_level: str = setting(read_choice("debug", "info", "warning", "error"), default="info")
    rate_limit_per_minute: int = setting(read_whole_number(1, 10_000_000), default=60_000)
    """Requests that one key may make in a minute."""
    key_memory_ms: int = setting(read_whole_number(0, 1000), default=1000)
    """How long a process remembers an API key; a revoked one may serve that much longer."""
    database_pool_size: int = setting(read_whole_number(1, 1000), default=8)
    """Connections that one web process keeps to PostgreSQL."""
    database_pooler: str | None = setting(read_choice("transaction"), default=None)
    """`transaction` if a pooler in transaction mode stands before PostgreSQL: it keeps no prepared
    statements, so none are used."""
    metrics_dir: Path | None = setting(read_folder, default=None)
    """Where the web processes of one machine add up their metrics."""

    trusted_proxies: int = setting(read_whole_number(0, 10), default=0)
    """How many proxies stand before the service and name the caller in X-Forwarded-For."""

    bind: str = setting(read_bind, default="127.0.0.1:8000")
    web_workers: int = setting(read_whole_number(1, 256), default=2)
    web_worker_class: str = setting(read_choice("gevent", "gthread"), default="gevent")
    """How gunicorn serves requests side by side; docs/performance.md compares them."""
    web_threads: int = setting(read_whole_number(1, 256), default=8)
    """Of a gthread worker."""

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> Self:
        """Read settings from `environ`; an empty value counts as absent.

        Raises `SettingsError`, which names everything that is missing or malformed.
        """
        values: dict[str, Any] = {}
        faults: dict[str, str] = {}
        for each in fields(cls):
            name = PREFIX + each.name.upper()
            text = environ.get(name, "").strip()
            try:
                if text:
                    values[each.name] = each.metadata["read"](text)
                elif each.default is MISSING:
                    faults[name] = f"is missing: give {EXAMPLES[each.name]}."
            except ValueError as fault:
                faults[name] = str(fault)
        if faults:
            raise SettingsError(faults)
        return cls(**values)


EXAMPLES: Final = {
    "database_url": "sqlite:////absolute/path.db or postgresql+psycopg://user:password@host/database",
    "secret_key": f"at least {SECRET_KEY_CHARACTERS} random characters (`openssl rand -hex 32`)",
    "base_url": "the address callers use, like https://loyalty.example.org",
}


def settings_from_environment() -> Settings:
    """Return the settings of this process; what is wrong is printed and ends it with status 2."""
    try:
        return Settings.from_environment(os.environ)
    except SettingsError as error:
        sys.stderr.write(f"{error}\n")
        raise SystemExit(2) from None


def environment_with(**settings: str) -> dict[str, str]:
    """Return this process's environment with other `settings`, for a process that it starts."""
    return {**os.environ, **{PREFIX + name.upper(): text for name, text in settings.items()}}


def environment_or(**settings: str) -> dict[str, str]:
    """Return this process's environment, with `settings` where it says nothing itself."""
    given = {name: text for name, text in os.environ.items() if text.strip()}
    return {**{PREFIX + name.upper(): text for name, text in settings.items()}, **given}
