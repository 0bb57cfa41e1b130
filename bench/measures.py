"""What is measured, against what and in which order; each part gives some rows of the table."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import median

from bench import cdnow, gestures, minimal, servers, shops, wrk
from bench.results import Figure
from bench.shops import Shop
from tests.support import postgres

CONNECTIONS = 64
FEW_CONNECTIONS = 16  # what one hot member is measured with
BATCH_CONNECTIONS = 4
BATCH_ORDERS = 500
MILLION = 1_000_000
SHIPPED = "gevent"
OTHER = "gthread"


@dataclass(frozen=True, slots=True)
class Effort:
    """How long to measure."""

    rounds: int
    seconds: float
    batch_seconds: float  # longer: what is under way at the end does not count
    members: int  # among whom orders are spread
    orders_each: int  # of every member in the small and the large database …
    small: int  # … which have so many members
    large: int
    gestures: int  # of the year before
    imported: int | None  # how many purchases to import; None is all


FULL = Effort(
    rounds=5,
    seconds=4,
    batch_seconds=12,
    members=10_000,
    orders_each=10,
    small=1_000,
    large=100_000,
    gestures=100_000,
    imported=None,
)
QUICK = Effort(
    rounds=2,
    seconds=2,
    batch_seconds=8,
    members=2_000,
    orders_each=2,
    small=500,
    large=2_500,
    gestures=10_000,
    imported=4_000,
)

Load = tuple[str, wrk.Target, int]


def throughput(server_url: str, effort: Effort) -> Iterator[Figure]:
    """Measure what is answered in a second, and what that costs in memory."""
    with postgres.database(server_url, "bench_main") as url:
        plain, rich = _two_programs(url, effort.members)
        with (
            _floor(SHIPPED) as floor,
            _service(url, SHIPPED) as service,
            postgres.database(server_url, "bench_minimal") as bare,
        ):
            minimal.prepare(bare)
            before = service.memory_mib()
            loads: dict[str, Load] = {
                "floor": ("plain", wrk.Target(floor.address), CONNECTIONS),
                "balance": ("balance", plain.at(service), CONNECTIONS),
                "order": ("order", plain.at(service), CONNECTIONS),
                "few": ("order", plain.at(service), FEW_CONNECTIONS),
                "hot": ("order", plain.at(service, members=1), FEW_CONNECTIONS),
                "rich": ("order", rich.at(service), CONNECTIONS),
                "checkout": ("checkout", plain.at(service), CONNECTIONS),
                "batch": ("batch", plain.at(service), BATCH_CONNECTIONS),
            }
            rounds: dict[str, list[float]] = {name: [] for name in (*loads, "minimal")}
            for _ in range(effort.rounds):
                for name, (script, target, connections) in loads.items():
                    seconds = effort.batch_seconds if name == "batch" else effort.seconds
                    one = wrk.run(script, target, seconds=seconds, connections=connections)
                    rounds[name].append(one.per_second)
                posts = minimal.posts_per_second(
                    bare, seconds=effort.seconds, connections=CONNECTIONS
                )
                rounds["minimal"] += [posts] if posts else []
            yield from _rows(rounds, before, service.memory_mib())


def _rows(
    rounds: Mapping[str, list[float]], before: list[float], after: list[float]
) -> Iterator[Figure]:
    rate = {name: median(found) for name, found in rounds.items() if found}
    floor, order = rate["floor"], rate["order"]
    pairs, in_batches = rate["checkout"] / 2, rate["batch"] * BATCH_ORDERS

    def row(name: str, value: float, unit: str, target: str, limited_by: str) -> Figure:
        return Figure(name, value, unit, limited_by, value / floor, target)

    yield row("Plain Flask view", floor, "requests/s", "", "the web server and Flask")
    yield row(
        "Balance read",
        rate["balance"],
        "requests/s",
        "≥ 0.40",
        "processor: Python, nearly all; those who ask at once share a statement",
    )
    yield row(
        "Durable order post",
        order,
        "orders/s",
        "≥ 0.20",
        "processor: Python three quarters; those who come at once share a transaction",
    )
    yield row(
        f"Durable order post, {FEW_CONNECTIONS} connections",
        rate["few"],
        "orders/s",
        "",
        "the flush: fewer wait for it together",
    )
    yield row(
        "Durable order post, rich program",
        rate["rich"],
        "orders/s",
        "",
        "the same, and the member's past for limits and tiers",
    )
    yield row(
        "Reservation + capture",
        pairs,
        "pairs/s",
        "≥ 0.08",
        "two durable posts, one of them with an Idempotency-Key",
    )
    yield Figure(
        f"Batches of {BATCH_ORDERS}",
        in_batches,
        "orders/s",
        "processor, evenly: Python's rules and rows, PostgreSQL's indexes; ratio to single posts",
        in_batches / order,
        "≥ 12",
    )
    yield Figure(
        f"One hot member, {FEW_CONNECTIONS} connections",
        rate["hot"],
        "orders/s",
        "one row lock, held from the read to the flush; ratio to the spread load",
        rate["hot"] / rate["few"],
        "≥ 0.4",
    )
    if "minimal" in rate:
        yield Figure(
            "Hand-written minimal post, pgbench",
            rate["minimal"],
            "posts/s",
            "the flush; ratio of our order post to it",
            order / rate["minimal"],
        )
    else:
        yield Figure("Hand-written minimal post", None, "no pgbench here", "")
    for when, found in (("before", before), ("after", after)):
        if found:
            yield Figure(
                f"Memory of a web worker, {when}",
                max(found),
                "MiB",
                "the largest worker, resident",
                target="≤ 120",
            )


def worker_classes(server_url: str, effort: Effort) -> Iterator[Figure]:
    """Compare gunicorn's ways to serve requests side by side, on the same database."""
    rounds: dict[tuple[str, str], list[float]] = {}
    with postgres.database(server_url, "bench_workers") as url:
        shops.migrate(url)
        shop = shops.create(url, shops.PLAIN, members=effort.members)
        shops.fill(shop, orders_each=1)
        shops.analyze(url)
        with (
            _service(url, SHIPPED) as ours,
            _service(url, OTHER) as others,
            _floor(SHIPPED) as floor,
            _floor(OTHER) as other_floor,
        ):
            for _ in range(max(2, effort.rounds // 2)):
                for kind, view, service in (
                    (SHIPPED, floor, ours),
                    (OTHER, other_floor, others),
                ):
                    for name, script, target in (
                        ("plain view", "plain", wrk.Target(view.address)),
                        ("balance read", "balance", shop.at(service)),
                        ("order post", "order", shop.at(service)),
                    ):
                        one = wrk.run(
                            script, target, seconds=effort.seconds, connections=CONNECTIONS
                        )
                        rounds.setdefault((name, kind), []).append(one.per_second)
    for (name, kind), found in rounds.items():
        shipped = median(rounds[name, SHIPPED])
        yield Figure(
            f"{kind}: {name}",
            median(found),
            "requests/s",
            f"ratio to {SHIPPED}",
            median(found) / shipped,
        )


def latency(server_url: str, effort: Effort) -> Iterator[Figure]:
    """Compare a small database with a large one: one connection, one request after the other."""
    found: dict[tuple[str, str], list[float]] = {}
    with (
        postgres.database(server_url, "bench_small") as small,
        postgres.database(server_url, "bench_large") as large,
    ):
        shops_by_size = {
            "small": _filled(small, effort.small, effort.orders_each),
            "large": _filled(large, effort.large, effort.orders_each),
        }
        with _service(small, SHIPPED) as one, _service(large, SHIPPED) as other:
            for _ in range(effort.rounds):
                for size, service in (("small", one), ("large", other)):
                    for script in ("balance", "order"):
                        target = shops_by_size[size].at(service)
                        took = wrk.run(script, target, seconds=effort.seconds / 2, connections=1)
                        found.setdefault((script, size), []).append(took.p50_ms)
    for script in ("balance", "order"):
        base = median(found[script, "small"])
        for size, members in (("small", effort.small), ("large", effort.large)):
            entries = members * effort.orders_each
            value = median(found[script, size])
            yield Figure(
                f"Median {script} latency at {entries:,} entries",
                value,
                "ms",
                "one request at a time; ratio to the smaller database",
                value / base,
                "≤ 1.15" if entries >= MILLION else "",
            )


def giving(server_url: str, effort: Effort) -> Iterator[Figure]:
    """Measure gestures under ten caps with a year of them in the program."""
    rounds: dict[str, list[float]] = {"floor": [], "gesture": []}
    with postgres.database(server_url, "bench_gestures") as url:
        shops.migrate(url)
        shop = shops.create(url, shops.CAPS, members=effort.members)
        shops.fill(shop, orders_each=1)
        gestures.fill(shop, effort.gestures)
        shops.analyze(url)
        with _floor(SHIPPED) as floor, _service(url, SHIPPED) as service:
            for _ in range(effort.rounds):
                for name, target in (
                    ("floor", wrk.Target(floor.address)),
                    ("gesture", shop.at(service)),
                ):
                    one = wrk.run(
                        "plain" if name == "floor" else name,
                        target,
                        seconds=effort.seconds,
                        connections=FEW_CONNECTIONS,
                    )
                    rounds[name].append(one.per_second)
    rate = {name: median(found) for name, found in rounds.items()}
    yield Figure(
        f"Gesture under ten caps, {effort.gestures:,} in the year",
        rate["gesture"],
        "gestures/s",
        "the program's gate: one after the other",
        rate["gesture"] / rate["floor"],
        "≥ 0.06",
    )


def importing(server_url: str, effort: Effort) -> Iterator[Figure]:
    """Import CDNOW's purchases on both engines."""
    if not cdnow.DATA.exists():
        yield Figure("Import of CDNOW", None, "../shared/data is not here", "")
        return
    orders = cdnow.write_orders(effort.imported)
    with postgres.database(server_url, "bench_import") as url:
        engines = {"PostgreSQL": url, "SQLite": cdnow.sqlite_url(servers.BUILD)}
        for engine, database_url in engines.items():
            name = f"Import of {orders:,} CDNOW orders, {engine}"
            try:
                rate = cdnow.orders_per_second(database_url, orders)
            except cdnow.ImportFailed as failure:
                yield Figure(name, None, f"failed: {failure}", "")
            else:
                yield Figure(name, rate, "orders/s", "one process: Python and database in turns")


Part = Callable[[str, Effort], Iterator[Figure]]
PARTS: tuple[Part, ...] = (throughput, worker_classes, giving, latency, importing)


def _two_programs(url: str, members: int) -> tuple[Shop, Shop]:
    shops.migrate(url)
    plain = shops.create(url, shops.PLAIN, members=members)
    rich = shops.create(url, shops.RICH, members=members)
    for shop in (plain, rich):
        shops.fill(shop, orders_each=1)
    shops.analyze(url)
    return plain, rich


def _filled(url: str, members: int, orders_each: int) -> Shop:
    shops.migrate(url)
    shop = shops.create(url, shops.PLAIN, members=members)
    shops.fill(shop, orders_each=orders_each)
    shops.analyze(url)
    return shop


@contextmanager
def _floor(worker_class: str) -> Iterator[servers.Server]:
    unused = f"sqlite:///{servers.BUILD}/unused.db"
    with servers.serve(
        "bench.floor:app",
        f"floor-{worker_class}",
        database_url=unused,
        worker_class=worker_class,
        ready="/",
    ) as server:
        yield server


@contextmanager
def _service(url: str, worker_class: str) -> Iterator[servers.Server]:
    with servers.serve(
        "wsgi:app",
        f"service-{worker_class}",
        database_url=url,
        worker_class=worker_class,
        ready="/readyz",
    ) as server:
        yield server
