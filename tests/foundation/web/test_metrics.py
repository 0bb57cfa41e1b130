"""Metrics: every request is counted by its route template, across processes too."""

import subprocess
import sys

from prometheus_client import REGISTRY
from prometheus_client.parser import text_string_to_metric_families


def value(name, **labels):
    return REGISTRY.get_sample_value(name, labels) or 0


def test_requests_are_counted_by_template_and_class_of_status(call):
    labels = {"method": "GET", "route": "/v1/orders/<order_id>", "status": "2xx"}
    before = value("http_requests_total", **labels)

    for number in range(3):
        call.get(f"/v1/orders/{number}")

    assert value("http_requests_total", **labels) == before + 3
    assert value("http_request_duration_seconds_count", **labels) >= 3


def test_callers_cannot_make_up_new_series(call):
    call.get("/nothing-1")
    call.get("/nothing-2")
    call.open("/nothing-3", method="NONSENSE")

    page = call.get("/metrics")

    assert page.content_type.startswith("text/plain")
    names = {family.name for family in text_string_to_metric_families(page.text)}
    assert {"http_requests", "http_request_duration_seconds", "process_cpu_seconds"} <= names
    assert "nothing" not in page.text
    assert "NONSENSE" not in page.text


def test_processes_that_share_a_folder_are_added_up(tmp_path):
    script = f"""
import os
os.environ["PROMETHEUS_MULTIPROC_DIR"] = {str(tmp_path)!r}
from flask import Flask
from pathlib import Path
from loyalty.foundation.web import metrics
if os.fork():
    os.wait()
metrics.observe("GET", "/here", 200, 0.1)
app = Flask("shown")
metrics.install(app, directory=Path({str(tmp_path)!r}))
print(app.test_client().get("/metrics").text)
"""
    shown = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )

    assert 'http_requests_total{method="GET",route="/here",status="2xx"} 2.0' in shown.stdout
