"""The results: a table for people, and the same as JSON."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.support import postgres

FOLDER = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured figure; `ratio` is to the plain view unless `limited_by` says otherwise."""

    name: str
    value: float | None
    unit: str
    limited_by: str
    ratio: float | None = None
    target: str = ""

    @property
    def shown_value(self) -> str:
        """The value with its unit."""
        if self.value is None:
            return self.unit
        digits = 0 if self.value >= 100 else 2  # noqa: PLR2004 - three figures are enough
        return f"{self.value:,.{digits}f} {self.unit}"

    @property
    def shown_ratio(self) -> str:
        """The ratio, if there is one."""
        return "" if self.ratio is None else f"{self.ratio:.3f}"


def show(figures: list[Figure]) -> None:
    """Print the table."""
    table = Table("What", "Measured", "Ratio", "Target", title="Benchmark")
    for figure in figures:
        table.add_row(figure.name, figure.shown_value, figure.shown_ratio, figure.target)
    Console().print(table)


def write(figures: list[Figure], *, how: str) -> None:
    """Write `results.json` and `results.md` beside this module."""
    facts = machine()
    document = {"how": how, "machine": facts, "figures": [asdict(figure) for figure in figures]}
    FOLDER.joinpath("results.json").write_text(json.dumps(document, indent=2) + "\n")
    lines = ["# Measured", "", "Written by `make bench`; docs/performance.md explains it.", ""]
    lines += [how, "", *(f"- {name}: {value}" for name, value in facts.items()), ""]
    lines += ["| What | Measured | Ratio | Target | Limited by |", "|---|---|---|---|---|"]
    lines += [
        f"| {one.name} | {one.shown_value} | {one.shown_ratio} | {one.target} | {one.limited_by} |"
        for one in figures
    ]
    FOLDER.joinpath("results.md").write_text("\n".join(lines) + "\n")


def machine() -> dict[str, str]:
    """Return what the figures depend on, without names of hosts and folders."""
    version = subprocess.run(
        [postgres.binaries() / "postgres", "--version"], capture_output=True, text=True, check=True
    )
    return {
        "when": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        "processor": _processor(),
        "cores": str(len(os.sched_getaffinity(0))),
        "load before": f"{_load_before:.1f}",
        "python": platform.python_version(),
        "postgresql": version.stdout.split(")")[1].split()[0],
    }


def _processor() -> str:
    information = Path("/proc/cpuinfo")
    text = information.read_text() if information.exists() else ""
    names = [line.split(":")[1].strip() for line in text.splitlines() if "model name" in line]
    return names[0] if names else platform.machine()


_load_before = os.getloadavg()[0]
