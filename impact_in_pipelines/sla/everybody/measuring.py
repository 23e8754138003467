"""Everybody at once: the metrics of every scope, how fast budgets burn, and since when what is wrong."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.sla.assessing import EVERYTHING, Burn, ScopeKey, SinceKey
from impact_in_pipelines.sla.budget import Errors
from impact_in_pipelines.sla.everybody import counting
from impact_in_pipelines.sla.everybody import outcomes as o
from impact_in_pipelines.sla.everybody.outcomes import PLATFORMS, Bools, Ints, Outcomes
from impact_in_pipelines.sla.everybody.since import SettledOutcomes, since_of_one, since_when
from impact_in_pipelines.sla.metrics import metrics_of
from impact_in_pipelines.sla.model import BreachType, Metrics, Window
from impact_in_pipelines.sla.thresholds import ThresholdBook

_EACH = len(PLATFORMS)
Percentiles = tuple[int, int] | None


@dataclass(frozen=True, slots=True)
class OutcomeBlock:
    """The deliveries of some companies, which are numbered from 0; `first` is the number of the first one
    among all companies."""

    first: int
    size: int
    found: Outcomes


@dataclass(slots=True)
class GroupTally:
    """Counters of scopes as rows (`counting.counted`), with what doesn't add up beside them. The place of a
    company's platform is `_EACH * number + platform's number`."""

    rows: Ints
    latency: list[Percentiles]
    lateness: list[Percentiles]
    oldest: dict[int, datetime] = field(default_factory=dict)

    def metrics(self) -> Iterator[tuple[int, Metrics]]:
        """The metrics of every place at which there is anything, by the place."""
        for place in np.flatnonzero(counting.is_any(self.rows)).tolist():
            yield place, self.metrics_at(place)

    def metrics_at(self, place: int) -> Metrics:
        """The metrics of one place."""
        late, later = self.latency[place] or (None, None), self.lateness[place] or (None, None)
        counters = counting.as_counters(self.rows[place].tolist())
        percentiles = {
            "latency_ms_p50": late[0],
            "latency_ms_p95": late[1],
            "lateness_ms_p50": later[0],
            "lateness_ms_p95": later[1],
        }
        return metrics_of(counters | percentiles, oldest_overdue=self.oldest.get(place))


class Everybody:
    """The deliveries of all companies due in some range, by blocks of companies.

    `range_` holds every window that is asked about. Companies are numbered in the order of `ids`.
    """

    def __init__(
        self, ids: Sequence[UUID], blocks: Sequence[OutcomeBlock], book: ThresholdBook
    ) -> None:
        self.ids = ids
        self._blocks = blocks
        self._numbers = {id_: n for n, id_ in enumerate(ids)}
        self._targets = _targets(book, self._numbers, len(ids))

    @property
    def numbers(self) -> Mapping[UUID, int]:
        """The number of each company."""
        return self._numbers

    def metrics(self, window: Window, *, whole: bool = True) -> dict[ScopeKey, Metrics]:
        """The metrics of every scope that has a delivery in `window`; of all together in any case. Without
        `whole` those of companies only."""
        return dict(self._metrics(window, Whole() if whole else None))

    def _metrics(self, window: Window, whole: "Whole | None") -> Iterator[tuple[ScopeKey, Metrics]]:
        for block, found, punctual in self.within(window):
            yield from self.metrics_of(block, found, punctual, whole)
        if whole is not None:
            yield from whole.metrics()

    def metrics_of(
        self, block: OutcomeBlock, found: Outcomes, punctual: Bools, whole: "Whole | None"
    ) -> Iterator[tuple[ScopeKey, Metrics]]:
        """The metrics of the companies of `block`, of whose deliveries `found` count; they are added to
        `whole`."""
        durations = _Durations.of(found)
        places, size = counting.by_platform(found), _EACH * block.size
        rows = counting.counted(found, punctual, places, size)
        own = durations.tally(rows, found, places, size)
        for place, metrics in own.metrics():
            yield (self.ids[block.first + place // _EACH], PLATFORMS[place % _EACH]), metrics
        places = found.company.astype(np.int64)
        rows = counting.added(own.rows.reshape(block.size, _EACH, -1), axis=1)
        for place, metrics in durations.tally(rows, found, places, block.size).metrics():
            yield (self.ids[block.first + place], None), metrics
        if whole is not None:
            whole.add(own.rows, found)

    def tallies(self, window: Window) -> tuple[GroupTally, GroupTally]:
        """What `metrics` are made of: the tally of each company's platforms, and that of the platforms."""
        whole, tallies = Whole(), []
        for block, found, punctual in self.within(window):
            places, size = counting.by_platform(found), _EACH * block.size
            rows = counting.counted(found, punctual, places, size)
            own = _Durations.of(found).tally(rows, found, places, size)
            whole.add(own.rows, found)
            own.oldest = {_EACH * block.first + place: at for place, at in own.oldest.items()}
            tallies.append(own)
        each = GroupTally(
            np.concatenate([one.rows for one in tallies]) if tallies else counting.no_rows(0),
            [one for tally in tallies for one in tally.latency],
            [one for tally in tallies for one in tally.lateness],
            {place: at for tally in tallies for place, at in tally.oldest.items()},
        )
        return each, whole.tallies()[0]

    def ends(self, spans: Sequence[timedelta], window: Window, now: datetime) -> counting.Ends:
        """`ends_of` these."""
        return ends_of(self._blocks, spans, window, now)

    def burns(
        self, spans: Sequence[timedelta], window: Window, now: datetime
    ) -> dict[ScopeKey, Burn]:
        """The same of every scope in which anything has come to its end."""
        return burns_of(self.ids, self.ends(spans, window, now), spans)

    def since(
        self, wanted: Iterable[SinceKey], window: Window, now: datetime
    ) -> dict[SinceKey, datetime]:
        """Since when each of `wanted` has been wrong; those of which nobody knows are absent."""
        keys = list(wanted)
        if not keys:
            return {}
        of_companies = _Wanted(keys, self._numbers)
        of_all = [key for key in keys if key.company_id is None]
        found: dict[SinceKey, datetime] = {}
        parts = []
        for part in self.within(window):
            found |= self._since_of(part, of_companies, now)
            if of_all:
                parts.append(part[1:])
        return found | since_of_all(of_all, parts, now)

    def since_of(
        self,
        part: tuple[OutcomeBlock, Outcomes, Bools],
        wanted: Iterable[SinceKey],
        now: datetime,
    ) -> dict[SinceKey, datetime]:
        """The same of one of the blocks that `within` gives; `wanted` are its companies'."""
        return self._since_of(part, _Wanted(wanted, self._numbers), now)

    def _since_of(
        self, part: tuple[OutcomeBlock, Outcomes, Bools], keys: "_Wanted", now: datetime
    ) -> dict[SinceKey, datetime]:
        block, some, punctual = part
        asked = {each: keys.of_block(block, each) for each in (1, _EACH)}
        if not any(asked.values()):
            return {}
        found: dict[SinceKey, datetime] = {}
        settled = SettledOutcomes.of(some, punctual)
        places = counting.by_platform(settled.found)
        for each, thresholds in asked.items():
            if thresholds:
                instants = since_when(settled, places // (_EACH // each), thresholds, now)
                found |= keys.found(instants, each, block.first)
        return found

    def within(self, window: Window) -> Iterator[tuple[OutcomeBlock, Outcomes, Bools]]:
        """The deliveries due in `window`, block by block, and which of them were on time."""
        for block in self._blocks:
            yield self.within_of(block, window)

    def within_of(
        self, block: OutcomeBlock, window: Window
    ) -> tuple[OutcomeBlock, Outcomes, Bools]:
        """The same of a block of these companies, whichever it is."""
        some = block.found.within(window.start, window.end)
        targets = self._targets[_EACH * block.first : _EACH * (block.first + block.size)]
        return block, some, counting.on_time(some, targets)


def since_of_all(
    wanted: Iterable[SinceKey], parts: Sequence[tuple[Outcomes, Bools]], now: datetime
) -> dict[SinceKey, datetime]:
    """Since when each of `wanted`, which are of all companies together, has been wrong. Of `parts` the
    columns of `Outcomes.settled_only` are enough."""
    found: dict[SinceKey, datetime] = {}
    for key in wanted:
        chosen = (
            (some, punctual) if key.platform is None else _on(key.platform, some, punctual)
            for some, punctual in parts
        )
        since = since_of_one(chosen, key.type, key.threshold, now)
        if since is not None:
            found[key] = since
    return found


def ends_of(
    blocks: Iterable[OutcomeBlock], spans: Sequence[timedelta], window: Window, now: datetime
) -> counting.Ends:
    """What came to its end within each of `spans` before `now`, of each company's platforms and due in
    `window`. Fires that nobody planned have no end yet. Of one block at a time no more than that is kept."""
    found = [counting.no_ends(0, len(spans))]
    for block in blocks:
        all_ = block.found
        some = all_.only(all_.planned & all_.is_due(window.start, window.end))
        places = counting.by_platform(some)
        found.append(counting.ends(some, places, _EACH * block.size, spans, now))
    return counting.joined_ends(found)


def burns_of(
    ids: Sequence[UUID], own: counting.Ends, spans: Sequence[timedelta]
) -> dict[ScopeKey, Burn]:
    """How fast the budget burns of every scope in which anything has come to its end; `own` are the ends of
    the platforms of the companies `ids`."""
    found: dict[ScopeKey, Burn] = {}
    for place in np.flatnonzero(own.ended).tolist():
        key = (ids[place // _EACH], PLATFORMS[place % _EACH])
        found[key] = burn_at(own, place, spans)
    each = own.shaped(len(ids), _EACH)
    companies, platforms = each.added(axis=1), of_platforms(own)
    for place in np.flatnonzero(companies.ended).tolist():
        found[ids[place], None] = burn_at(companies, place, spans)
    for place in np.flatnonzero(platforms.ended).tolist():
        found[None, PLATFORMS[place]] = burn_at(platforms, place, spans)
    whole = platforms.shaped(1, _EACH).added(axis=1)
    if whole.ended[0]:
        found[EVERYTHING] = burn_at(whole, 0, spans)
    return found


def _on(platform: Platform, found: Outcomes, punctual: Bools) -> tuple[Outcomes, Bools]:
    chosen = found.platform == PLATFORMS.index(platform)
    return found.only(chosen), punctual[chosen]


def _targets(book: ThresholdBook, numbers: Mapping[UUID, int], size: int) -> NDArray[np.float64]:
    own: dict[tuple[int | None, int | None], float] = {}
    for (company, platform), values in book.overrides.items():
        if "latency_target_ms" in values and (company is None or company in numbers):
            place = None if platform is None else PLATFORMS.index(platform)
            own[None if company is None else numbers[company], place] = values["latency_target_ms"]
    return counting.targets_ms(size, book.defaults.latency_target_ms, own)


@dataclass(frozen=True, slots=True)
class _Durations:
    """Latencies and latenesses in order."""

    latency: counting.Ordered
    lateness: counting.Ordered

    @classmethod
    def of(cls, found: Outcomes) -> "_Durations":
        return cls(counting.Ordered.of(found.latency_ms), counting.Ordered.of(found.lateness_ms))

    def tally(self, rows: Ints, found: Outcomes, places: Ints, size: int) -> GroupTally:
        """`rows` with the percentiles of each place."""
        return GroupTally(
            rows,
            counting.percentiles(self.latency, places, size),
            counting.percentiles(self.lateness, places, size),
            counting.oldest_overdue(found, places),
        )


class Whole:
    """What the platforms and all together are made of, block by block."""

    def __init__(self) -> None:
        self._rows: list[Ints] = []
        self._parts: list[Outcomes] = []
        self._oldest: dict[int, datetime] = {}

    def add(self, rows: Ints, found: Outcomes) -> None:
        """The deliveries of a block, and the counters of its companies' platforms."""
        self._rows.append(counting.added(rows.reshape(-1, _EACH, rows.shape[-1]), axis=0))
        self._parts.append(found.settled_only())
        platforms = found.platform.astype(np.int64)
        for place, at in counting.oldest_overdue(found, platforms).items():
            self._oldest[place] = min(at, self._oldest.get(place, at))

    def tallies(self) -> tuple[GroupTally, GroupTally]:
        """The tally of the platforms, and that of all together (its place is 0)."""
        rows = counting.no_rows(_EACH)
        if self._rows:
            rows = counting.added(np.stack(self._rows), axis=0)
        one = counting.added(rows, axis=0)[np.newaxis]
        latency, latency_of_all = self._percentiles("latency_ms")
        lateness, lateness_of_all = self._percentiles("lateness_ms")
        oldest = {0: min(self._oldest.values())} if self._oldest else {}
        return (
            GroupTally(rows, latency, lateness, self._oldest),
            GroupTally(one, [latency_of_all], [lateness_of_all], oldest),
        )

    def metrics(self) -> Iterator[tuple[ScopeKey, Metrics]]:
        """The metrics of each platform of which there is anything, and of all together in any case."""
        platforms, everything = self.tallies()
        for place, metrics in platforms.metrics():
            yield (None, PLATFORMS[place]), metrics
        yield EVERYTHING, everything.metrics_at(0)

    def _percentiles(self, name: str) -> tuple[list[Percentiles], Percentiles]:
        """Those of each platform, and those of all together."""
        each = [
            np.concatenate(
                [
                    np.zeros(0, np.int64),
                    *(getattr(part, name)[part.platform == place] for part in self._parts),
                ]
            )
            for place in range(_EACH)
        ]
        found = [counting.percentiles_of_one(values) for values in each]
        return found, counting.percentiles_of_one(np.concatenate(each))


def of_platforms(ends: counting.Ends) -> counting.Ends:
    """The ends of each platform, from those of companies' platforms."""
    return ends.shaped(-1, _EACH).added(axis=0)


def burn_at(ends: counting.Ends, place: int, spans: Sequence[timedelta]) -> Burn:
    """How fast the budget of a place burns."""
    pairs = zip(spans, ends.due[place].tolist(), ends.errors[place].tolist(), strict=True)
    since = int(ends.since[place])
    return Burn(
        {span: Errors(due, errors) for span, due, errors in pairs},
        None if since == counting.NEVER else o.datetime_of(since),
    )


_Limits = dict[BreachType, dict[int, float]]


class _Wanted:
    """The keys of companies that are asked since when, by the place at which each is looked up."""

    def __init__(self, wanted: Iterable[SinceKey], numbers: Mapping[UUID, int]) -> None:
        self._keys: dict[tuple[int, int, BreachType], SinceKey] = {}
        self._of_companies: dict[int, _Limits] = {1: {}, _EACH: {}}
        for key in wanted:
            if key.company_id is None:
                continue
            each = 1 if key.platform is None else _EACH
            place = each * numbers[key.company_id]
            place += 0 if key.platform is None else PLATFORMS.index(key.platform)
            self._of_companies[each].setdefault(key.type, {})[place] = key.threshold
            self._keys[each, place, key.type] = key

    def of_block(self, block: OutcomeBlock, each: int) -> _Limits:
        """Of the companies of `block`, counted from its first one."""
        first, last = each * block.first, each * (block.first + block.size)
        chosen = {
            type_: {
                place - first: limit for place, limit in limits.items() if first <= place < last
            }
            for type_, limits in self._of_companies[each].items()
        }
        return {type_: limits for type_, limits in chosen.items() if limits}

    def found(
        self, instants: Mapping[tuple[BreachType, int], datetime], each: int, first: int
    ) -> dict[SinceKey, datetime]:
        """`instants` by their keys; they are of the block of companies that begins with `first`."""
        return {
            self._keys[each, each * first + place, type_]: at
            for (type_, place), at in instants.items()
        }
