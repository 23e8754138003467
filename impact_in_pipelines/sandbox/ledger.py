"""What a platform received and accepted, by key: the counts a test compares with the delivery log.

Entries are compact (about a kilobyte a key), so hundreds of thousands fit; whole bodies are kept
only of the last `BODIES_KEPT` accepted requests.
"""

from collections import Counter, defaultdict, deque
from dataclasses import dataclass, field
from typing import Any

BODIES_KEPT = 200
REQUEST_IDS_KEPT = 20


@dataclass(slots=True)
class Counts:
    """Running totals of one service.

    `received` counts requests; each ends in exactly one of accepted, replayed, rejected or
    faulted, but a fault after processing counts in both. `accepted` counts deliveries: every
    record of a batch.
    """

    received: int = 0
    accepted: int = 0
    accepted_requests: int = 0
    replayed: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    rejected_by_status: Counter[str] = field(default_factory=Counter)
    faulted: Counter[str] = field(default_factory=Counter)
    token_requests: int = 0
    tokens_issued: int = 0

    def reject(self, status: int, code: str) -> None:
        """Count a refusal."""
        self.rejected[code] += 1
        self.rejected_by_status[str(status)] += 1

    def describe(self) -> dict[str, Any]:
        """Return the totals as `GET /_sandbox/stats` shows them."""
        return {
            "received": self.received,
            "accepted": self.accepted,
            "acceptedRequests": self.accepted_requests,
            "replayed": self.replayed,
            "rejected": dict(self.rejected),
            "rejectedByStatus": dict(self.rejected_by_status),
            "faulted": dict(self.faulted),
            "tokenRequests": self.token_requests,
            "tokensIssued": self.tokens_issued,
        }


@dataclass(frozen=True, slots=True)
class Record:
    """One organisation's figures for one period; `digest`: SHA-256 of them without timestamps."""

    organization_id: str
    period_start: str
    period_end: str
    digest: bytes


@dataclass(slots=True)
class KeyEntry:
    """Everything about one key: `records` has one element for every effect."""

    times_received: int = 0
    identity: bytes | None = None
    answer: bytes | None = None
    records: list[Record] = field(default_factory=list)
    request_ids: list[str] = field(default_factory=list)


class Ledger:
    """The entries of one platform."""

    def __init__(self) -> None:
        self._entries: dict[str, KeyEntry] = {}
        self.bodies: deque[dict[str, Any]] = deque(maxlen=BODIES_KEPT)

    def note_received(self, key: str, request_id: str) -> None:
        """Count a request that carried this key, whatever becomes of it."""
        entry = self._entries.get(key)
        if entry is None:
            entry = self._entries[key] = KeyEntry()
        entry.times_received += 1
        if request_id and len(entry.request_ids) < REQUEST_IDS_KEPT:
            entry.request_ids.append(request_id)

    def find(self, key: str) -> KeyEntry | None:
        """Return the entry of a key that was accepted before, or None."""
        entry = self._entries.get(key)
        return None if entry is None or entry.identity is None else entry

    def accept(
        self, key: str, identity: bytes, records: tuple[Record, ...], answer: bytes, raw: bytes
    ) -> None:
        """Write down the effect of an accepted request and the answer its repeats will get."""
        entry = self._entries[key]
        entry.identity = identity
        entry.answer = answer
        entry.records.extend(records)
        self.bodies.append({"key": key, "body": raw.decode()})

    def describe(self) -> dict[str, Any]:
        """Return accepted, refused and doubled deliveries and the count by period (camelCase)."""
        return {
            "accepted": [
                line for key, entry in self._entries.items() for line in _accepted_lines(key, entry)
            ],
            "refused": [
                {
                    "key": key,
                    "timesReceived": entry.times_received,
                    "requestIds": entry.request_ids,
                }
                for key, entry in self._entries.items()
                if not entry.records
            ],
            "doubled": self._doubled(),
            "periods": self._periods(),
        }

    def _doubled(self) -> list[dict[str, Any]]:
        keys: defaultdict[tuple[str, bytes], list[str]] = defaultdict(list)
        for key, entry in self._entries.items():
            for record in entry.records:
                keys[record.organization_id, record.digest].append(key)
        return [
            {
                "organizationId": organization_id,
                "contentHash": digest.hex(),
                "keys": sorted(set(found)),
                "timesAccepted": len(found),
            }
            for (organization_id, digest), found in keys.items()
            if len(found) > 1
        ]

    def _periods(self) -> list[dict[str, Any]]:
        times = Counter(
            (record.organization_id, record.period_start, record.period_end)
            for entry in self._entries.values()
            for record in entry.records
        )
        return [
            {
                "organizationId": organization_id,
                "periodStart": start,
                "periodEnd": end,
                "timesAccepted": count,
            }
            for (organization_id, start, end), count in times.items()
        ]


def _accepted_lines(key: str, entry: KeyEntry) -> list[dict[str, Any]]:
    return [
        {
            "key": key,
            "organizationId": record.organization_id,
            "periodStart": record.period_start,
            "periodEnd": record.period_end,
            "timesReceived": entry.times_received,
            "timesAccepted": times_accepted,
            "contentHash": record.digest.hex(),
            "requestIds": entry.request_ids,
        }
        for record, times_accepted in Counter(entry.records).items()
    ]
