"""How everybody stands, kept from one look to the next: the counters of each company's platforms."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import numpy as np

from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.sla.assessing import Burn, ScopeKey
from impact_in_pipelines.sla.budget import BURN_WINDOWS
from impact_in_pipelines.sla.everybody import counting
from impact_in_pipelines.sla.everybody import outcomes as o
from impact_in_pipelines.sla.everybody.measuring import (
    Everybody,
    GroupTally,
    Percentiles,
    burn_at,
    of_platforms,
)
from impact_in_pipelines.sla.everybody.outcomes import PLATFORMS
from impact_in_pipelines.sla.metrics import COUNTERS
from impact_in_pipelines.sla.model import Metrics, Window

_EACH = len(PLATFORMS)


@dataclass(slots=True)
class EverybodyStanding:
    """The counters and ends of each company's platforms, some of which can be measured anew. A platform as a
    whole is added up from them, but for its percentiles, which stay those of the last pass."""

    ids: Sequence[UUID]
    numbers: Mapping[UUID, int]
    tally: GroupTally
    ends: counting.Ends
    latency_of_platforms: Sequence[Percentiles]

    @classmethod
    def of(
        cls, everybody: Everybody, window: Window, burning: Window, now: datetime
    ) -> "EverybodyStanding":
        """As it is in `window`; and of what was due in `burning`, what has come to its end."""
        each, platforms = everybody.tallies(window)
        ends = everybody.ends(BURN_WINDOWS, burning, now)
        return cls(everybody.ids, everybody.numbers, each, ends, platforms.latency)

    def __len__(self) -> int:
        return len(self.ids)

    def __contains__(self, company_id: UUID) -> bool:
        return company_id in self.numbers

    def forget(self, companies: Sequence[UUID]) -> None:
        """Nothing is known of `companies` any more."""
        nothing = counting.no_ends(_EACH, len(BURN_WINDOWS))
        for company in companies:
            first = _EACH * self.numbers[company]
            places = slice(first, first + _EACH)
            self.tally.rows[places] = counting.no_rows(_EACH)
            self.tally.latency[places] = self.tally.lateness[places] = [None] * _EACH
            self.ends.due[places], self.ends.errors[places] = nothing.due, nothing.errors
            self.ends.since[places] = nothing.since
            for place in range(first, first + _EACH):
                self.tally.oldest.pop(place, None)

    def put(self, company_id: UUID, platform: Platform, row: Mapping[str, Any]) -> None:
        """The counters of a company on a platform, as a row of `measure` says."""
        place = self._place(company_id, platform)
        self.tally.rows[place] = [
            counting.NO_MAXIMUM if row[name] is None else int(row[name]) for name in COUNTERS
        ]
        found = row["latency_percentiles"]
        self.tally.latency[place] = None if found is None else (found[0], found[1])
        if row["oldest_overdue"] is not None:
            self.tally.oldest[place] = row["oldest_overdue"]

    def put_ends(self, company_id: UUID, platform: Platform, row: Mapping[str, Any]) -> None:
        """What came to its end, as a row of `ends_within` says."""
        place, spans = self._place(company_id, platform), range(len(BURN_WINDOWS))
        self.ends.due[place] = [row[f"due_{n}"] for n in spans]
        self.ends.errors[place] = [row[f"errors_{n}"] for n in spans]
        since = row[f"since_{spans[-1]}"]
        self.ends.since[place] = counting.NEVER if since is None else o.instant_of(since)

    def keys(self, companies: Sequence[UUID] | None) -> list[ScopeKey]:
        """The scopes of `companies` (None: all) on platforms, and of the platforms, of which anything is
        known."""
        known = counting.is_any(self.tally.rows)
        if companies is None:
            places = np.flatnonzero(known).tolist()
        else:
            firsts = [_EACH * self.numbers[company] for company in companies]
            places = [first + n for first in firsts for n in range(_EACH) if known[first + n]]
        whole: list[bool] = np.asarray(known.reshape(-1, _EACH).any(axis=0)).tolist()
        return [
            *((self.ids[place // _EACH], PLATFORMS[place % _EACH]) for place in places),
            *((None, platform) for n, platform in enumerate(PLATFORMS) if whole[n]),
        ]

    def metrics(self, keys: Sequence[ScopeKey]) -> list[Metrics]:
        """The metrics of each of `keys`."""
        rows = self.tally.rows.reshape(-1, _EACH, len(COUNTERS))
        oldest: dict[int, datetime] = {}
        for place, at in self.tally.oldest.items():
            oldest[place % _EACH] = min(at, oldest.get(place % _EACH, at))
        platforms = GroupTally(
            counting.added(rows, axis=0), list(self.latency_of_platforms), [None] * _EACH, oldest
        )
        return [
            platforms.metrics_at(_number(platform))
            if company is None
            else self.tally.metrics_at(self._place(company, platform))
            for company, platform in keys
        ]

    def burns(self, keys: Sequence[ScopeKey]) -> dict[ScopeKey, Burn]:
        """How fast the budget burns of those of `keys` in which anything came to its end."""
        platforms = of_platforms(self.ends)
        found: dict[ScopeKey, Burn] = {}
        for company, platform in keys:
            ends = platforms if company is None else self.ends
            place = _number(platform) if company is None else self._place(company, platform)
            if ends.due[place, -1]:
                found[company, platform] = burn_at(ends, place, BURN_WINDOWS)
        return found

    def _place(self, company_id: UUID, platform: Platform | None) -> int:
        return _EACH * self.numbers[company_id] + _number(platform)


def _number(platform: Platform | None) -> int:
    if platform is None:
        raise ValueError("only single platforms are kept")
    return PLATFORMS.index(platform)
