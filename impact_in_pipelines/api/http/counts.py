"""What is counted about callers over all processes of one `impact-in serve`: a file that each of them maps.

Rates must hold for the service, not for each of its processes: with four workers, 600 requests a minute would
be 2,400. PostgreSQL would be asked at every request, so a file in memory does it: fixed places, found by the
key's hash, under a lock of the file's. Several machines count each for itself.
"""

import fcntl
import hashlib
import mmap
import os
import struct
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol

PATH = "IMPACT_IN_API_COUNTS"
"""Where a worker finds the file; set by `counted_together`."""
_MOST_KEYS = 10_000
_PLACE = struct.Struct("<Qdd")  # the key's hash (0: free), tokens, when (seconds, CLOCK_MONOTONIC)
_PLACES = 16_384
_TRIES = 8


class Buckets(Protocol):
    """Token buckets: what is left under a key, and when that was."""

    def locked(self) -> AbstractContextManager[None]:
        """Nobody else reads or writes for as long as the block lasts."""
        ...

    def read(self, key: str) -> tuple[float, float] | None:
        """`(tokens, at)`, None if the key isn't known (any more)."""
        ...

    def write(self, key: str, tokens: float, at: float) -> None:
        """Keep it."""
        ...


class OwnBuckets:
    """Of this process alone; the keys that were written least recently make room."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, tuple[float, float]] = OrderedDict()

    @contextmanager
    def locked(self) -> Iterator[None]:
        yield  # one event loop

    def read(self, key: str) -> tuple[float, float] | None:
        return self._kept.get(key)

    def write(self, key: str, tokens: float, at: float) -> None:
        self._kept[key] = (tokens, at)
        self._kept.move_to_end(key)
        if len(self._kept) > _MOST_KEYS:
            self._kept.popitem(last=False)


class SharedBuckets:
    """Of all processes that map the same file. CLOCK_MONOTONIC is one clock for all of them."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_RDWR)
        self._map = mmap.mmap(self._file, _PLACES * _PLACE.size)

    @contextmanager
    def locked(self) -> Iterator[None]:
        fcntl.flock(self._file, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.flock(self._file, fcntl.LOCK_UN)

    def read(self, key: str) -> tuple[float, float] | None:
        place, known = self._place(_hashed(key))
        if not known:
            return None
        _, tokens, at = _PLACE.unpack_from(self._map, place)
        return tokens, at

    def write(self, key: str, tokens: float, at: float) -> None:
        place, _ = self._place(_hashed(key))
        _PLACE.pack_into(self._map, place, _hashed(key), tokens, at)

    def _place(self, hashed: int) -> tuple[int, bool]:
        """Where the key stands, or where it may: a free place, or the one that was written longest ago."""
        oldest, oldest_at = 0, float("inf")
        for number in range(_TRIES):
            place = (hashed + number) % _PLACES * _PLACE.size
            found, _, at = _PLACE.unpack_from(self._map, place)
            if found == hashed:
                return place, True
            if found == 0:
                return place, False
            if at < oldest_at:
                oldest, oldest_at = place, at
        return oldest, False


def buckets() -> Buckets:
    """Those that this process counts in."""
    path = os.environ.get(PATH)
    return SharedBuckets(Path(path)) if path else OwnBuckets()


@contextmanager
def counted_together() -> Iterator[None]:
    """While it is open, processes that are started count in one file."""
    with TemporaryDirectory(prefix="impact-in-counts-") as folder:
        file = Path(folder) / "buckets"
        with file.open("wb") as made:
            made.truncate(_PLACES * _PLACE.size)
        os.environ[PATH] = str(file)
        try:
            yield
        finally:
            del os.environ[PATH]


def _hashed(key: str) -> int:
    return int.from_bytes(hashlib.blake2b(key.encode(), digest_size=8).digest(), "little") or 1
