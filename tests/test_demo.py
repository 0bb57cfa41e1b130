"""`make run`, without make: the whole service from nothing, and back to nothing."""

import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import requests

from config import environment_with

ROOT = Path(__file__).parents[1]
SECONDS = 120


@pytest.fixture
def port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


@pytest.fixture
def start(tmp_path):
    """Start the demo in an empty folder, as the leader of its own group of processes."""
    started = []

    def starting(port):
        environment = environment_with(bind=f"127.0.0.1:{port}")
        demo = subprocess.Popen(
            [sys.executable, "-m", "loyalty.demo"],
            cwd=tmp_path,
            env={**environment, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            start_new_session=True,
        )
        started.append(demo)
        return demo

    yield starting
    for demo in started:
        demo.stdout.close()
        if demo.poll() is None:
            os.killpg(demo.pid, signal.SIGKILL)
            demo.wait()


def printed(demo):
    """Read what the demo prints until all is said; return URL and key."""
    said = ""
    for line in demo.stdout:
        said += line
        if "Ctrl-C stops" in line:
            found = dict(re.findall(r"^ *export (URL|KEY)=(\S+)$", said, re.MULTILINE))
            return found["URL"], found["KEY"]
    raise AssertionError(f"the demo ended early: {said}")


def get(url, path, key=None):
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    return requests.get(f"{url}{path}", headers=headers, timeout=SECONDS)


def stop(demo, sent):
    """Stop the demo, and say whether any of its processes is left."""
    demo.send_signal(sent)
    assert demo.wait(SECONDS) == 0
    try:
        os.killpg(demo.pid, 0)
    except ProcessLookupError:
        return "nothing left"
    return "processes left"


@pytest.mark.slow
def test_the_demo_runs_lively_stops_cleanly_and_finds_its_data_again(start, port):
    demo = start(port)
    url, key = printed(demo)

    for path in ("/healthz", "/readyz", "/docs", "/openapi.json"):
        assert get(url, path).status_code == 200
    balance = get(url, "/v1/members/c-1001/balance", key).json()
    assert balance["points"]["available"] > 0
    assert balance["lifetime_earned"] > 1000
    page = get(url, "/v1/members?limit=100", key).json()
    assert len(page["data"]) == 40
    assert {member["tier"] for member in page["data"]} >= {"bronze", "silver", "gold"}
    assert stop(demo, signal.SIGINT) == "nothing left"

    again = start(port)
    assert printed(again) == (url, key)
    assert get(url, "/v1/members?limit=100", key).json() == page
    assert get(url, "/v1/members/c-1001/balance", key).json() == balance
    assert stop(again, signal.SIGTERM) == "nothing left"


def test_a_port_that_is_taken_is_told_in_a_sentence(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        environment = environment_with(bind=f"127.0.0.1:{port}")
        demo = subprocess.run(
            [sys.executable, "-m", "loyalty.demo"],
            cwd=tmp_path,
            env={**environment, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )

    assert demo.returncode == 1
    assert demo.stderr.startswith(f"127.0.0.1:{port} is taken")
    assert "LOYALTY_BIND=127.0.0.1:8001 make run" in demo.stderr
    assert not (tmp_path / "var" / "loyalty.db").exists()
