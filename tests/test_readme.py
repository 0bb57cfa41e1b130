"""The README's commands work as they stand: a newcomer pastes them."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.demo import running_demo

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()

# An answer that is a problem ends the script, so that no command can fail unseen.
STRICT = 'set -euo pipefail\ncurl() { command curl --fail-with-body --show-error "$@"; echo; }\n'


def blocks(language: str) -> list[str]:
    """Return the README's code blocks of a language, in their order."""
    fenced = (block.partition("\n") for block in README.split("```")[1::2])
    return [code for named, _, code in fenced if named == language]


@pytest.mark.skipif(not shutil.which("curl"), reason="the tour needs curl; install it to test it")
def test_the_tour_works_from_its_first_command_to_its_last(tmp_path):
    with running_demo(tmp_path) as demo:
        tour = subprocess.run(
            ["bash", "-c", STRICT + "\n".join(blocks("bash"))],
            env={**os.environ, "URL": demo.url, "KEY": demo.key},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )

    assert tour.returncode == 0, tour.stdout + tour.stderr
    assert '"granted":' in tour.stdout
    assert "redeemed on order" in tour.stdout
    assert "was refunded" in tour.stdout


def test_running_it_for_real_works(tmp_path):
    (for_real,) = (block for block in blocks("") if "LOYALTY_DATABASE_URL" in block)
    commands = [line.partition(" #")[0].strip() for line in for_real.splitlines()]
    run = [line for line in commands if line.startswith("flask")]
    assert run[:3] == [
        "flask loyalty migrate",
        "flask loyalty program apply config/programs/corner-shop.toml",
        "flask loyalty key create --program corner-shop --name checkout",
    ]
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "LOYALTY_DATABASE_URL": f"sqlite:///{tmp_path / 'loyalty.db'}",
        "LOYALTY_SECRET_KEY": "a-secret-that-only-this-test-knows",
        "LOYALTY_BASE_URL": "https://rewards.example.org",
    }
    printed = ""
    for line in run:
        command = line.replace("worker", "worker --once").replace("apply", "apply --yes")
        done = subprocess.run(
            command.split(), cwd=ROOT, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
        printed += done.stdout
    assert re.search(r"^sk_live_\w+$", printed, re.MULTILINE)


def test_every_file_the_readme_names_is_there():
    named = set(re.findall(r"\]\((docs/[^)]+)\)", README))
    named |= set(re.findall(r"`((?:config|loyalty|docs|bench)/[\w./-]+)`", README))

    assert named
    assert not {name for name in named if not (ROOT / name).exists()}
