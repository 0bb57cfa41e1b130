"""Processes that live and end together."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

SECONDS_TO_END = 35  # gunicorn lets requests finish for 30
SECONDS_BETWEEN_LOOKS = 0.2


class Children:
    """Python modules run as processes from one folder; leaving the `with` ends them all.

    They stay in this process's group, so that Ctrl-C and whatever else the terminal sends
    reaches them as well.
    """

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self._folder, self._environment = folder, environment
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, name: str, *command: str) -> None:
        """Start `python -m` with these arguments."""
        self._running[name] = subprocess.Popen(  # noqa: S603 - our own modules
            [sys.executable, "-m", *command], cwd=self._folder, env=dict(self._environment)
        )

    def all_alive(self) -> bool:
        """Whether none has ended."""
        return all(child.poll() is None for child in self._running.values())

    def wait_for_first_to_end(self) -> str:
        """Return the name of the first that ends by itself."""
        while self.all_alive():
            time.sleep(SECONDS_BETWEEN_LOOKS)
        return next(name for name, child in self._running.items() if child.poll() is not None)

    def __enter__(self) -> Self:
        """Start none yet."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        places: TracebackType | None,
    ) -> None:
        """Ask all to end, wait, and kill those that do not, or all when asked once more."""
        try:
            for child in self._running.values():
                child.terminate()
            until = time.monotonic() + SECONDS_TO_END
            for child in self._running.values():
                child.wait(max(0, until - time.monotonic()))
        except (KeyboardInterrupt, subprocess.TimeoutExpired):
            for child in self._running.values():
                child.kill()
                child.wait()
