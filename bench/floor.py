"""The floor that everything is measured against: a Flask view that returns a small JSON."""

from __future__ import annotations

from flask import Flask

app = Flask(__name__)


@app.get("/")
def show() -> dict[str, object]:
    """Answer what fits on two lines."""
    return {"member": "m-1", "points": {"available": 120, "pending": 30, "held": 0, "debt": 0}}
