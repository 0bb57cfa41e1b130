"""CSV files as shops export them, plain or gzipped, read from front to back in constant memory."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import os
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, NamedTuple, cast

import click

BLOCK_BYTES = 2**20
GZIP = b"\x1f\x8b"  # what a gzipped file begins with
REASON = "reason"


class Record(NamedTuple):
    """One row: its number (the first below the header is 1), its cells, what is wrong with it."""

    number: int
    cells: list[str]
    fault: str | None


class Table:
    """A CSV file in UTF-8 with a header.

    `digest` is the hash of what it says, gzipped or not, `line_count` the number of lines below
    the header: as many rows, if no cell has a line break. Raises `ClickException` for what is no
    such file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.digest, self.line_count = self._measure()
        with self._open() as file:
            header = next(_rows(file), ([], None))[0]
        self.header = [name.strip() for name in header]
        if not any(self.header):
            raise click.ClickException(f"{path} is empty; its first line must name the columns.")
        if _is_broken("".join(self.header)):
            raise click.ClickException(f"{path} is not text in UTF-8; export it as such.")

    def records(self) -> Iterator[Record]:
        """Yield all rows; blank lines are none."""
        with self._open() as file:
            rows = _rows(file)
            next(rows, None)
            number, width = 0, len(self.header)
            for cells, fault in rows:
                if cells or fault:
                    number += 1
                    yield Record(number, cells, fault or _fault(cells, width))

    def _measure(self) -> tuple[str, int]:
        digest, lines, block = hashlib.sha256(), 0, b"\n"
        try:
            with self._bytes() as file:
                while more := file.read(BLOCK_BYTES):
                    block = more
                    digest.update(block)
                    lines += block.count(b"\n")
        except (OSError, EOFError, zlib.error) as error:
            raise click.ClickException(f"{self.path} cannot be read: {error}.") from None
        return digest.hexdigest(), lines - block.endswith(b"\n")

    def _open(self) -> io.TextIOWrapper:
        return io.TextIOWrapper(
            self._bytes(), encoding="utf-8-sig", errors="surrogateescape", newline=""
        )

    def _bytes(self) -> BinaryIO:
        with self.path.open("rb") as file:
            zipped = file.read(len(GZIP)) == GZIP
        return cast("BinaryIO", gzip.open(self.path)) if zipped else self.path.open("rb")


class Rejects:
    """The rows that were refused, with the reason in a last column.

    What lies behind the position to write at is cut off: it belongs to a chunk that was never
    committed. There is no file while there is nothing to say.
    """

    def __init__(self, path: Path, header: Sequence[str]) -> None:
        self.path, self._header = path, header
        self._size = path.stat().st_size if path.exists() else 0

    @classmethod
    def beside(cls, table: Table) -> Rejects:
        """Return the rejects of `orders.csv` or `orders.csv.gz`: `orders.rejected.csv`."""
        name = table.path.name.removesuffix(".gz").removesuffix(".csv")
        return cls(table.path.with_name(f"{name}.rejected.csv"), table.header)

    def require(self, size: int) -> None:
        """Raise `ClickException` if the file is shorter than what is known to have been written."""
        if self._size < size:
            raise click.ClickException(
                f"{self.path} is shorter than it was when the import stopped. Import again without "
                "--resume: what was recorded is not recorded twice."
            )

    def put(self, at: int, rows: Sequence[tuple[Sequence[str], str]]) -> int:
        """Write rows to the disk from the position `at` on; return the position after them."""
        if not rows and at == self._size:
            return at
        text = io.StringIO(newline="")
        writer = csv.writer(text)
        if not at and rows:
            writer.writerow([*self._header, REASON])
        for cells, reason in rows:
            blank = [""] * (len(self._header) - len(cells))
            writer.writerow([*cells, *blank, reason])
        self._size = self._write(at, text.getvalue().encode(errors="surrogateescape"))
        return self._size

    def _write(self, at: int, content: bytes) -> int:
        try:
            if not at and not content:
                self.path.unlink(missing_ok=True)
                return 0
            with self.path.open("r+b" if self.path.exists() else "xb") as file:
                file.truncate(at)
                file.seek(at)
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise click.ClickException(
                f"{self.path}, for the rejected rows, cannot be written: {error.strerror}."
            ) from None
        return at + len(content)


def _rows(file: io.TextIOWrapper) -> Iterator[tuple[list[str], str | None]]:
    reader = csv.reader(file)
    while True:
        try:
            yield next(reader), None
        except StopIteration:
            return
        except csv.Error as error:
            yield [], f"line {reader.line_num} cannot be read as CSV: {error}"


def _fault(cells: list[str], width: int) -> str | None:
    if len(cells) != width:
        return f"the row has {len(cells)} cells, the header has {width}"
    return "the row is not text in UTF-8" if _is_broken("".join(cells)) else None


def _is_broken(text: str) -> bool:
    """Whether bytes that are no UTF-8 were read, which appear as lone surrogates."""
    return not text.isascii() and any("\ud800" <= letter <= "\udfff" for letter in text)
