"""The demo as a newcomer starts it: a process of its own, in a folder of its own."""

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]


class Demo(NamedTuple):
    """A running demo: its process, and what it printed."""

    process: subprocess.Popen
    url: str
    key: str


@contextmanager
def running_demo(folder: Path) -> Iterator[Demo]:
    """Start the demo in a folder, wait until it says that it runs, and stop it in the end."""
    environment = {
        name: text for name, text in os.environ.items() if not name.startswith("LOYALTY_")
    }
    environment |= {"PYTHONPATH": str(ROOT), "LOYALTY_BIND": f"127.0.0.1:{free_port()}"}
    process = subprocess.Popen(
        [sys.executable, "-m", "loyalty.demo"],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            said = ""
            while not (found := re.search(r"URL=(\S+)\s+export KEY=(\S+)", said)):
                line = process.stdout.readline()
                if not line:
                    raise RuntimeError(f"The demo ended before it ran:\n{said}")
                said += line
            yield Demo(process, *found.groups())
        finally:
            process.send_signal(signal.SIGINT)
            process.stdout.read()


def free_port() -> int:
    """Return a port of this machine that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]
