"""`make bench`: measures the service beside a plain Flask view and writes the results.

Everything runs on this machine: PostgreSQL with its default durability, gunicorn as it is shipped,
wrk for load. Rounds of all measures take turns, so that what else the machine does meets them all.
"""

from __future__ import annotations

import argparse

from bench import measures, results, servers, wrk
from tests.support import postgres


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="two minutes, coarse figures")
    parser.add_argument(
        "--only",
        choices=[part.__name__ for part in measures.PARTS],
        help="one part; writes nothing",
    )
    chosen = parser.parse_args()
    if not wrk.is_here():
        raise SystemExit(wrk.MISSING)
    effort = measures.QUICK if chosen.quick else measures.FULL
    figures: list[results.Figure] = []
    with servers.workplace() as folder, postgres.start(durable=True, folder=folder) as server:
        for part in measures.PARTS:
            if chosen.only in {None, part.__name__}:
                print(f"Measuring: {part.__name__.replace('_', ' ')} …", flush=True)
                figures += part(server, effort)
    results.show(figures)
    if chosen.only is None:
        kind = "A quick run: coarse." if chosen.quick else "A full run."
        how = f"{kind} Medians of {effort.rounds} rounds of {effort.seconds} s, taking turns."
        results.write(figures, how=how)
        print(f"Written to {results.FOLDER.name}/results.md and results.json.")


if __name__ == "__main__":
    main()
