"""Parquet archives (db/retention/archives.py) without a company, or without a person's reference.

A file in which something changes is written anew beside itself and put in its place with its manifest; one of
which nothing is left is removed, and its manifest stays and says so.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

from impact_in_pipelines.db.erasing.holdings import HOLDINGS
from impact_in_pipelines.db.erasing.words import Words
from impact_in_pipelines.db.retention.archives import (
    AT_ONCE,
    manifest_of,
    put,
    sha256_of,
    to_disk,
)
from impact_in_pipelines.progress import Steps

TABLES = ("impact_deliveries", "delivery_attempts", "audit_log")
"""What is archived; a test compares it with the folders that retention writes."""

_Row = dict[str, Any]
_Change = Callable[[_Row], _Row | None]


class Archives:
    """The archives in `folder`; None: there are none."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder

    def rows_of(self, company_id: UUID) -> Iterator[tuple[str, str]]:
        """What they have of a company: (table and file, the row as JSON)."""
        id_ = str(company_id)
        deliveries = self._deliveries_of(id_)
        for table in TABLES:
            for file in self._files(table):
                for row in _rows(file):
                    if _is_of(table, row, id_, deliveries):
                        line = json.dumps(row, default=str, ensure_ascii=False)
                        yield f"{table}/{file.name}", line

    def rows(self) -> int:
        """How many rows they have."""
        return sum(_size(file) for table in TABLES for file in self._files(table))

    def without_company(self, company_id: UUID, words: Words, steps: Steps) -> dict[str, int]:
        """Take the company's rows out, and its `words` out of the others of the audit log; by file, how many
        rows were touched. `steps` counts all of them."""
        id_ = str(company_id)
        deliveries = self._deliveries_of(id_)

        def changed(table: str, row: _Row) -> _Row | None:
            if _is_of(table, row, id_, deliveries):
                return None
            if table == "audit_log" and row["company_id"] is None:
                return _without(table, row, words)
            return row

        return self._rewritten(changed, steps)

    def without_person(self, company_id: UUID, words: Words, steps: Steps) -> dict[str, int]:
        """Take `words` out of the company's rows, and of those of the audit log that are nobody's."""
        id_ = str(company_id)
        deliveries = self._deliveries_of(id_)

        def changed(table: str, row: _Row) -> _Row | None:
            if _is_of(table, row, id_, deliveries) or row.get("company_id", "") is None:
                return _without(table, row, words)
            return row

        return self._rewritten(changed, steps)

    def _deliveries_of(self, company_id: str) -> frozenset[str]:
        return frozenset(
            row["id"]
            for file in self._files("impact_deliveries")
            for row in _rows(file, ["id", "company_id"])
            if row["company_id"] == company_id
        )

    def _files(self, table: str) -> list[Path]:
        return sorted((self._folder / table).glob("*.parquet")) if self._folder else []

    def _rewritten(
        self, changed: Callable[[str, _Row], _Row | None], steps: Steps
    ) -> dict[str, int]:
        found = {}
        for table in TABLES:
            for file in self._files(table):
                touched = _rewritten(file, lambda row, table=table: changed(table, row), steps)  # type: ignore[misc]
                if touched:
                    found[f"{table}/{file.name}"] = touched
        return found


def _is_of(table: str, row: _Row, company_id: str, deliveries: frozenset[str]) -> bool:
    if table == "delivery_attempts":
        return row["delivery_id"] in deliveries
    return bool(row["company_id"] == company_id)


def _without(table: str, row: _Row, words: Words) -> _Row:
    sealed = HOLDINGS[table].sealed
    return {
        name: words.out_of_json(value) if isinstance(value, str) and name not in sealed else value
        for name, value in row.items()
    }


def _rows(file: Path, columns: Sequence[str] | None = None) -> Iterator[_Row]:
    import pyarrow.parquet as pq  # 0.4 s and 60 MB

    for batch in pq.ParquetFile(file).iter_batches(
        batch_size=AT_ONCE, columns=list(columns) if columns else None
    ):
        yield from batch.to_pylist()


def _size(file: Path) -> int:
    import pyarrow.parquet as pq

    return int(pq.read_metadata(file).num_rows)


def _rewritten(file: Path, changed: _Change, steps: Steps) -> int:
    """How many rows of `file` differ or are gone; 0: it is as it was."""
    temporary = file.with_name(f".{file.stem}.part")
    try:
        return _rewritten_by(temporary, file, changed, steps)
    finally:
        # Broken off, it would have what is to be erased.
        temporary.unlink(missing_ok=True)


def _rewritten_by(temporary: Path, file: Path, changed: _Change, steps: Steps) -> int:
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = pq.ParquetFile(file).schema_arrow
    touched = kept = 0
    with pq.ParquetWriter(temporary, schema, compression="zstd") as writer:
        for batch in pq.ParquetFile(file).iter_batches(batch_size=AT_ONCE):
            before = batch.to_pylist()
            after = [changed(row) for row in before]
            touched += sum(1 for old, new in zip(before, after, strict=True) if old != new)
            rows = [row for row in after if row is not None]
            steps.step(len(before))
            kept += len(rows)
            if rows:
                writer.write_table(pa.Table.from_pylist(rows, schema=schema))
    if not touched:
        return 0
    manifest = manifest_of(file)
    about = json.loads(manifest.read_text()) if manifest.exists() else {}
    if not kept:
        # First, since a run that is broken off in between finds the file again, and no file without it.
        put(
            manifest, json.dumps(about | {"rows": 0, "bytes": 0, "sha256": None}, indent=1).encode()
        )
        file.unlink()
        return touched
    temporary.chmod(0o600)
    to_disk(temporary)
    about |= {"rows": kept, "bytes": temporary.stat().st_size, "sha256": sha256_of(temporary)}
    temporary.replace(file)
    put(manifest, json.dumps(about, indent=1).encode())
    return touched
