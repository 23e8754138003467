"""Everybody's window in one pass, some companies at a time: for whoever needs each company's figures once and
then never again. In memory are one block of companies and the columns that all of them together need."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import numpy as np

from impact_in_pipelines.sla.assessing import Burn, ScopeKey, SinceKey
from impact_in_pipelines.sla.everybody import counting
from impact_in_pipelines.sla.everybody import outcomes as o
from impact_in_pipelines.sla.everybody.listing import CrowdedMinutes, DaySums, Found
from impact_in_pipelines.sla.everybody.measuring import (
    Everybody,
    OutcomeBlock,
    Whole,
    burns_of,
    ends_of,
    since_of_all,
)
from impact_in_pipelines.sla.everybody.outcomes import Bools, Outcomes
from impact_in_pipelines.sla.model import Metrics, Window
from impact_in_pipelines.sla.thresholds import ThresholdBook


@dataclass(frozen=True, slots=True)
class PassFindings:
    """What was found of some companies, or (without ids) of all together; as `Everybody` says it."""

    ids: Sequence[UUID]
    metrics: Mapping[ScopeKey, Metrics]
    burns: Mapping[ScopeKey, Burn]
    days: Mapping[UUID | None, Found]
    crowded: Mapping[UUID | None, Found]


@dataclass(frozen=True, slots=True)
class Burning:
    """Of what was due in `window` it is asked how much came to its end within `spans` before now."""

    window: Window
    spans: Sequence[timedelta]


class EverybodyPass:
    """`window` of all companies `ids`, in their order. Give it each block once, then ask for all together."""

    def __init__(
        self,
        ids: Sequence[UUID],
        book: ThresholdBook,
        window: Window,
        now: datetime,
        *,
        burning: Burning | None,
        late_ms: float,
        fewest: int,
    ) -> None:
        self._everybody = Everybody(ids, [], book)
        self._window, self._now, self._burning = window, now, burning
        self._days, self._crowded = DaySums(window), CrowdedMinutes(late_ms, fewest)
        self._whole = Whole()
        self._parts: list[tuple[Outcomes, Bools]] = []
        self._ends: list[counting.Ends] = []
        self._part: tuple[OutcomeBlock, Outcomes, Bools] | None = None

    def see(self, block: OutcomeBlock) -> PassFindings:
        """Count the companies of `block`, which are then the ones that `since` and `failures` are about."""
        ids = self._everybody.ids[block.first : block.first + block.size]
        self._part = _, some, punctual = self._everybody.within_of(block, self._window)
        slim = some.settled_only()
        self._parts.append((slim, punctual))
        metrics = dict(self._everybody.metrics_of(block, some, punctual, self._whole))
        return PassFindings(
            ids,
            metrics,
            self._burns(block, ids),
            self._days.add(ids, some, punctual),
            self._crowded.add(ids, some),
        )

    def _burns(self, block: OutcomeBlock, ids: Sequence[UUID]) -> dict[ScopeKey, Burn]:
        if self._burning is None:
            return {}
        ends = ends_of([block], self._burning.spans, self._burning.window, self._now)
        self._ends.append(ends)
        found = burns_of(ids, ends, self._burning.spans)
        return {key: burn for key, burn in found.items() if key[0] is not None}

    def since(self, wanted: Iterable[SinceKey]) -> dict[SinceKey, datetime]:
        """Since when each of `wanted`, which are of the companies seen last, has been wrong."""
        return self._everybody.since_of(self._seen_last(), wanted, self._now)

    def failures(self) -> list[tuple[UUID, datetime]]:
        """Whose deliveries failed, of the companies seen last, and when these were due: each pair once."""
        block, some, _ = self._seen_last()
        failed = np.flatnonzero(some.fate == o.FAILED)
        pairs = np.unique(
            np.stack([some.company[failed].astype(np.int64), some.scheduled_for[failed]]), axis=1
        )
        ids = self._everybody.ids
        return [
            (ids[block.first + company], o.datetime_of(at))
            for company, at in zip(*pairs.tolist(), strict=True)
        ]

    def all_together(self) -> PassFindings:
        """Of everything that was seen: the platforms, and all."""
        burns: dict[ScopeKey, Burn] = {}
        if self._burning is not None:
            none = counting.no_ends(0, len(self._burning.spans))
            ends = counting.joined_ends([none, *self._ends])
            found = burns_of(self._everybody.ids, ends, self._burning.spans)
            burns = {key: burn for key, burn in found.items() if key[0] is None}
        days, crowded = self._days.of_all(), self._crowded.of_all()
        return PassFindings(
            (),
            dict(self._whole.metrics()),
            burns,
            {None: days} if days else {},
            {None: crowded} if crowded else {},
        )

    def since_of_all(self, wanted: Iterable[SinceKey]) -> dict[SinceKey, datetime]:
        """Since when each of `wanted`, which are of all companies together, has been wrong."""
        return since_of_all(wanted, self._parts, self._now)

    def _seen_last(self) -> tuple[OutcomeBlock, Outcomes, Bools]:
        if self._part is None:
            raise ValueError("nothing has been seen yet")
        return self._part
