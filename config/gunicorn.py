"""How gunicorn runs the service: `gunicorn -c config/gunicorn.py` from the top of the repository.

Each name below is a gunicorn setting or hook. What an operator decides comes from the settings.
"""

import ctypes
import gc
import os
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

from config.settings import environment_with, settings_from_environment

_settings = settings_from_environment()

wsgi_app = "wsgi:app"
bind = _settings.bind
workers = _settings.web_workers
threads = _settings.web_threads
worker_class = _settings.web_worker_class
loglevel = _settings.log_level
accesslog = None  # the service logs each request itself, with its request id

keepalive = 75  # seconds; longer than the idle time of common load balancers, who then close first
timeout = 60
graceful_timeout = 30
logger_class = "config.gunicorn_words.Logger"
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108 - a heartbeat in memory never waits for a disk
control_socket_disable = True  # would open a socket in $HOME, which a container may not have
http_parser = "auto"  # takes the faster gunicorn_h1c where it is installed; it ships no wheels

# Several processes answer for one service: they add up their metrics in files that they share.
# A reload runs this file again and must find the folder that it made before.
_OWN_METRICS = "loyalty-metrics-of-"
_metrics_dir = _settings.metrics_dir or Path(tempfile.mkdtemp(prefix=_OWN_METRICS))
os.environ.update(environment_with(metrics_dir=str(_metrics_dir)))
os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(_metrics_dir)


_YOUNG_OBJECTS = 10_000  # made and not yet freed; the default is 700
_ARENA_MAX = -8  # M_ARENA_MAX in glibc's malloc.h


def on_starting(_server: Any) -> None:
    """Forget what an earlier run counted: counters start at zero with the process."""
    for leftover in _metrics_dir.glob("*.db"):
        leftover.unlink()


def post_fork(_server: Any, _worker: Any) -> None:
    """Let all threads take memory from two places: by default each keeps its own largest need.

    Batches of 500 grew a worker by 64 MiB without this, by 40 MiB with it. Only glibc has the knob.
    """
    with suppress(AttributeError, OSError):
        ctypes.CDLL(None).mallopt(_ARENA_MAX, 2)


def post_worker_init(_worker: Any) -> None:
    """Leave what start-up made out of every garbage collection, and collect less often.

    A quarter of a balance read went into walking the same modules and schemas again and again.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG_OBJECTS, 50, 100)


def child_exit(_server: Any, worker: Any) -> None:
    """Take a worker that ended out of the sums of what is going on now."""
    from prometheus_client import multiprocess  # noqa: PLC0415 - reads the variable set above

    multiprocess.mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]


def on_exit(_server: Any) -> None:
    """Leave no files behind that nobody else asked for."""
    if _metrics_dir.name.startswith(_OWN_METRICS):
        shutil.rmtree(_metrics_dir, ignore_errors=True)
