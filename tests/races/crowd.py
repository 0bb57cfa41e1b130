"""Many calls at the very same time, by the threads of one process or of several."""

import multiprocessing
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import NamedTuple

import orjson

from config import Settings
from loyalty import create_app
from loyalty.foundation import db
from loyalty.worker import loop
from tests.support.money import Shop

PROCESSES = 2
PATIENCE_SECONDS = 60


class Call(NamedTuple):
    """One request of a shop, or with the method SWEEP all that a worker does at once."""

    key: str
    method: str
    path: str
    body: object = None
    once: str | None = None


class Answer(NamedTuple):
    status: int
    body: dict
    replayed: bool

    @property
    def code(self):
        return self.body.get("code")


def settings_for(database_url):
    return Settings(
        database_url=database_url,
        secret_key="a-secret-that-only-tests-know-of",
        base_url="http://localhost",
        database_pool_size=40,
        log_level="error",
    )


def send_all(app, calls, together):
    """Send each call from a thread of its own once all threads are there."""

    def send(call):
        together.wait(PATIENCE_SECONDS)
        if call.method == "SWEEP":
            with app.app_context():
                loop.run_once()
            return Answer(200, {}, replayed=False)
        shop = Shop(app, None, call.key)
        response = shop.send(call.method, call.path, call.body, once=call.once)
        replayed = response.headers.get("Idempotent-Replayed") == "true"
        return Answer(response.status_code, orjson.loads(response.data), replayed)

    with ThreadPoolExecutor(max_workers=len(calls)) as threads:
        return list(threads.map(send, calls))


class Threads:
    """A crowd of the threads of this process."""

    def __init__(self, app):
        self.app = app

    def rush(self, calls):
        return send_all(self.app, calls, threading.Barrier(len(calls)))


class Processes:
    """A crowd of the threads of several processes, each with an application of its own."""

    def __init__(self, pipes):
        self.pipes = pipes

    def rush(self, calls):
        shares = [calls[n :: len(self.pipes)] for n in range(len(self.pipes))]
        for pipe, share in zip(self.pipes, shares, strict=True):
            pipe.send(share)
        answered = [self.receive(pipe) for pipe in self.pipes]
        answers = [None] * len(calls)
        for n, share in enumerate(answered):
            answers[n :: len(self.pipes)] = share
        return answers

    def receive(self, pipe):
        if not pipe.poll(PATIENCE_SECONDS):
            raise TimeoutError("a process does not answer")
        return pipe.recv()


@contextmanager
def processes(database_url):
    """Start the processes, and end them afterwards."""
    spawning = multiprocessing.get_context("spawn")
    gate = spawning.Barrier(PROCESSES)
    pairs = [spawning.Pipe() for _ in range(PROCESSES)]
    started = [
        spawning.Process(target=serve, args=(database_url, gate, theirs), daemon=True)
        for _, theirs in pairs
    ]
    for process in started:
        process.start()
    for ours, _ in pairs:
        assert ours.poll(PATIENCE_SECONDS), "a process does not start"
        assert ours.recv() == "ready"
    yield Processes([ours for ours, _ in pairs])
    for ours, _ in pairs:
        ours.send(None)
    for process in started:
        process.join(PATIENCE_SECONDS)
        process.close()


def serve(database_url, gate, pipe):
    """Be one of the processes: send what comes through the pipe until nothing more comes."""
    app = create_app(settings_for(database_url))
    pipe.send("ready")
    while (calls := pipe.recv()) is not None:
        gate.wait(PATIENCE_SECONDS)
        pipe.send(send_all(app, calls, threading.Barrier(len(calls))) if calls else [])
    with app.app_context():
        db.db.engine.dispose()
