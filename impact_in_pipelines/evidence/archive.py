"""An archive of evidence: a ZIP that is written as it is sent, so that a year takes little memory.

`chain.txt` has a link a line, its hash before its record; the other files have a JSON object a line. The
manifest names every file with its SHA-256, and where in the company's chain the archive begins and ends.
docs/evidence.md describes them.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from io import RawIOBase
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

FORMAT = "impact-in archive 1"
MANIFEST = "manifest.json"
SUMS = "SHA256SUMS"
CHAIN = "chain.txt"
DELIVERIES = "deliveries.jsonl"
PAYLOADS = "payloads.jsonl"
RECEIPTS = "receipts.jsonl"
ATTEMPTS = "attempts.jsonl"
CALL_BACKS = "call_backs.jsonl"
CORRECTIONS = "corrections.jsonl"
SERVICE_LEVELS = "service_levels.json"

FILES = (
    *(CHAIN, DELIVERIES, PAYLOADS, RECEIPTS, ATTEMPTS),
    *(CALL_BACKS, CORRECTIONS, SERVICE_LEVELS),
)
"""Every file that the manifest names, in the order in which they are written."""

_PIECE = 1 << 16
_EARLIEST = 1980


class ArchiveWriter:
    """Writes the files of one archive one after the other, each in pieces as its lines come."""

    def __init__(self, made_at: datetime) -> None:
        self._pieces = _Pieces()
        self._zip = ZipFile(self._pieces, "w", ZIP_DEFLATED)
        self._at = (max(made_at.year, _EARLIEST), *made_at.timetuple()[1:6])
        self.files: dict[str, dict[str, Any]] = {}

    def add(self, name: str, lines: Iterable[str]) -> Iterator[bytes]:
        """The bytes of the ZIP that hold `lines` as the file `name`; a line feed ends each."""
        digest, size, count = hashlib.sha256(), 0, 0
        with self._zip.open(self._entry(name), "w", force_zip64=True) as entry:
            for line in lines:
                written = f"{line}\n".encode()
                digest.update(written)
                entry.write(written)
                size, count = size + len(written), count + 1
                if self._pieces.waiting >= _PIECE:
                    yield self._pieces.taken()
        self.files[name] = {"sha256": digest.hexdigest(), "bytes": size, "lines": count}
        yield self._pieces.taken()

    def end(self, manifest: Mapping[str, Any]) -> Iterator[bytes]:
        """The rest: `manifest` with all files, their sums for `sha256sum -c`, and the ZIP's directory."""
        content = json.dumps({**manifest, "files": dict(self.files)}, indent=1, ensure_ascii=False)
        yield from self.add(MANIFEST, [content])
        sums = [f"{facts['sha256']}  {name}" for name, facts in self.files.items()]
        yield from self.add(SUMS, sums)
        self._zip.close()
        yield self._pieces.taken()

    def _entry(self, name: str) -> ZipInfo:
        entry = ZipInfo(name, self._at)
        entry.compress_type = ZIP_DEFLATED
        entry.external_attr = 0o600 << 16
        return entry


class _Pieces(RawIOBase):
    """What was written and not taken yet. It can't be sought in: nothing is written anew."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self.waiting = 0

    def writable(self) -> bool:
        return True

    def write(self, data: Any, /) -> int:
        self._parts.append(bytes(data))
        self.waiting += len(data)
        return len(data)

    def taken(self) -> bytes:
        parts, self._parts, self.waiting = self._parts, [], 0
        return b"".join(parts)
