"""What the demo keeps from one start to the next: a database file, a secret, a server key."""

from __future__ import annotations

import secrets
from pathlib import Path


class Keeping:
    """A folder only for its owner; it is made when it is first needed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder.absolute()
        self._folder.mkdir(mode=0o700, exist_ok=True)

    @property
    def database_url(self) -> str:
        """The SQLite file, for whoever names no other database."""
        return f"sqlite:///{self._folder / 'loyalty.db'}"

    def secret_key(self) -> str:
        """Return the secret that keys and tokens are made with, a new one the first time."""
        return self.find("secret-key") or self.keep("secret-key", secrets.token_hex(32))

    def find(self, name: str) -> str | None:
        """Return what is kept under a name."""
        file = self._folder / name
        return file.read_text().strip() if file.exists() else None

    def keep(self, name: str, text: str) -> str:
        """Keep a text under a name, and return it."""
        file = self._folder / name
        file.touch(mode=0o600)
        file.write_text(f"{text}\n")
        return text
