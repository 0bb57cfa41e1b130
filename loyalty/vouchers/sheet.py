"""A batch of vouchers as CSV, for whoever prints or mails the codes."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

COLUMNS = (
    *("code", "id", "kind", "class", "amount", "percent", "currency", "uses"),
    *("starts_at", "expires_at"),
)


def written(rows: Iterable[Mapping[str, Any]]) -> str:
    """Return a header and one line for each voucher's row; amounts in minor units."""
    text = io.StringIO()
    sheet = csv.writer(text)
    sheet.writerow(COLUMNS)
    sheet.writerows(
        [_cell({**row, "code": row["written"]}[name]) for name in COLUMNS] for row in rows
    )
    return text.getvalue()


def _cell(value: Any) -> Any:
    return f"{value.isoformat()[:-6]}Z" if isinstance(value, datetime) else value
