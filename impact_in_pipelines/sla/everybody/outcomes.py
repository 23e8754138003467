"""What became of many deliveries, by columns: a pass over millions of rows in arrays instead of in objects.

A *record* is one delivery as `db/sla/outcomes.sql` packs it, in network byte order. What is counted of a
delivery is decided there, once; here it is only added up.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from impact_in_pipelines.platforms import Platform

PLATFORMS = tuple(Platform)
FATES = (
    *("successful", "failed", "missed", "overdue"),
    *("skipped", "pending", "cancelled", "replayed"),
)
"""The fates of counting.sql, by the number that a record has for each."""
SUCCESSFUL, FAILED, MISSED, OVERDUE, SKIPPED, PENDING, CANCELLED, REPLAYED = range(len(FATES))

FATE_SHIFT, RECOVERED_BIT, TIMED_BIT = 4, 128, 256
"""Where a record's flags have its fate and the two facts; in the lowest bits is the platform's number."""

RECORD = np.dtype(
    [
        ("id", ">i8"),
        ("scheduled_for", ">i8"),
        ("settled_at", ">i8"),
        ("latency_ms", ">i8"),
        ("lateness_ms", ">i8"),
        ("attempts", ">i4"),
        ("payload_bytes", ">i4"),
        ("flags", ">i4"),
    ]
)
"""Instants are microseconds since 2000 (UTC); the `id` is the last eight bytes of the delivery's."""

NOTHING = np.iinfo(np.int64).min
"""Stands for null in instants and durations; in the other numbers -1 does."""

_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

Ints = NDArray[np.int64]
Owners = NDArray[np.bytes_]
Bools = NDArray[np.bool_]


def instant_of(at: datetime) -> int:
    """`at` as records have it."""
    return (at - _EPOCH) // _MICROSECOND


def datetime_of(instant: int) -> datetime:
    """The reverse of `instant_of` (UTC)."""
    return _EPOCH + int(instant) * _MICROSECOND


class Unplanned(NamedTuple):
    """A fire that is overdue and in no log: whose (as a number), and when it was due."""

    company: int
    platform: Platform
    at: datetime


@dataclass(frozen=True, slots=True)
class Outcomes:
    """Columns of equal length, one place for each delivery. `company` is the company's number; `planned` says
    whether it is in the log."""

    company: NDArray[np.int32]
    platform: NDArray[np.int8]
    fate: NDArray[np.int8]
    recovered: Bools
    timed: Bools
    scheduled_for: Ints
    settled_at: Ints
    latency_ms: Ints
    lateness_ms: Ints
    attempts: NDArray[np.int32]
    payload_bytes: NDArray[np.int32]
    planned: Bools

    def __len__(self) -> int:
        return len(self.company)

    def only(self, chosen: Any) -> "Outcomes":
        """Those at the places `chosen`: a mask, indices or a slice."""
        return Outcomes(*(getattr(self, field.name)[chosen] for field in fields(self)))

    def is_due(self, start: datetime, end: datetime) -> Bools:
        """Which of them are due in `[start, end)`."""
        at = self.scheduled_for
        return np.asarray((at >= instant_of(start)) & (at < instant_of(end)))

    def within(self, start: datetime, end: datetime) -> "Outcomes":
        """Those due in `[start, end)`."""
        inside = self.is_due(start, end)
        return self if inside.all() else self.only(inside)

    def of_companies(self, first: int, last: int) -> "Outcomes":
        """Those of the companies numbered `[first, last)`, numbered from 0."""
        some = self.only((self.company >= first) & (self.company < last))
        return replace(some, company=some.company - np.int32(first))

    def settled_only(self) -> "Outcomes":
        """The same without what says whose they are, when they were due and how large: half of the memory.
        Nothing can be counted by company or day any more."""
        size = len(self)
        return replace(
            self,
            company=np.broadcast_to(np.int32(0), size),
            scheduled_for=np.broadcast_to(np.int64(NOTHING), size),
            payload_bytes=np.broadcast_to(np.int32(-1), size),
            recovered=np.broadcast_to(np.False_, size),
            planned=np.broadcast_to(np.True_, size),
        )

    @property
    def due(self) -> Bools:
        """Whether it counts in the success rate: successful, failed, missed or overdue."""
        return np.asarray(self.fate <= OVERDUE)

    @property
    def arrived(self) -> Bools:
        """Whether it arrived by itself."""
        return np.asarray(self.fate == SUCCESSFUL)


def joined(parts: Sequence[Outcomes]) -> Outcomes:
    """`parts` one after the other."""
    return Outcomes(
        *(np.concatenate([getattr(one, field.name) for one in parts]) for field in fields(Outcomes))
    )


def owners_of(ids: Sequence[UUID]) -> Owners:
    """All companies by their ids, which are in order: the place of each is its number."""
    return np.frombuffer(b"".join(id_.bytes for id_ in ids), dtype="S16")


def unpacked(all_: Owners, owners: bytes, counts: bytes, records: bytes) -> tuple[Ints, Outcomes]:
    """The ids of the deliveries in `records`, and what became of them: the first `counts[0]` are those of the
    company `owners[0]`, and so on. Companies get their numbers from `all_` of them."""
    found = np.frombuffer(records, dtype=RECORD)
    times = np.frombuffer(counts, dtype=">i4")
    each = np.searchsorted(all_, np.frombuffer(owners, dtype="S16"))
    flags = found["flags"].astype(np.int32)
    return found["id"].astype(np.int64), Outcomes(
        company=np.repeat(each.astype(np.int32), times),
        platform=(flags & (2**FATE_SHIFT - 1)).astype(np.int8),
        fate=((flags >> FATE_SHIFT) & 7).astype(np.int8),
        recovered=(flags & RECOVERED_BIT) != 0,
        timed=(flags & TIMED_BIT) != 0,
        **{
            name: found[name].astype(np.int64)
            for name in ("scheduled_for", "settled_at", "latency_ms", "lateness_ms")
        },
        attempts=found["attempts"].astype(np.int32),
        payload_bytes=found["payload_bytes"].astype(np.int32),
        planned=np.ones(len(found), dtype=np.bool_),
    )


def of_unplanned(fires: Sequence[Unplanned], overdue_after: timedelta) -> Outcomes:
    """Fires that nobody planned: overdue, and known to be so `overdue_after` after their time."""
    size = len(fires)
    at = np.array([instant_of(fire.at) for fire in fires], dtype=np.int64)
    return Outcomes(
        company=np.array([fire.company for fire in fires], dtype=np.int32),
        platform=np.array([PLATFORMS.index(fire.platform) for fire in fires], dtype=np.int8),
        fate=np.full(size, OVERDUE, dtype=np.int8),
        recovered=np.zeros(size, dtype=np.bool_),
        timed=np.ones(size, dtype=np.bool_),
        scheduled_for=at,
        settled_at=at + overdue_after // _MICROSECOND,
        latency_ms=np.full(size, NOTHING, dtype=np.int64),
        lateness_ms=np.full(size, NOTHING, dtype=np.int64),
        attempts=np.full(size, -1, dtype=np.int32),
        payload_bytes=np.full(size, -1, dtype=np.int32),
        planned=np.zeros(size, dtype=np.bool_),
    )
