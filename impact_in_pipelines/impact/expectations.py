"""The Great Expectations suite on figures, used alike by the gate and by the asset checks.

Great Expectations takes seconds and 200 MB to import and is wrong without a word when two threads share a
context (design, section 9): it is imported on first use, and one thread at a time runs one fresh context.
"""

import gc
import threading
import warnings
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from typing import TYPE_CHECKING, Any
from uuid import UUID

from impact_in_pipelines.impact.checks import (
    CHECKS,
    Check,
    CheckSeverity,
    events_where_some_are_due,
    share_of_usual,
)
from impact_in_pipelines.impact.figures import STANDARD_RANGES, ImpactFigures, Ref

if TYPE_CHECKING:
    import pandas as pd

MOST_OFFENDERS = 20
_RUNNING = threading.Lock()
_ROW = "row"


@dataclass(frozen=True, slots=True)
class Offender:
    """Figures that failed an expectation, and what was seen in them."""

    ref: Ref
    company_id: UUID
    period_start: date
    period_end: date
    observed: str


@dataclass(frozen=True, slots=True)
class Evaluation:
    """One expectation over all figures: `evaluated` rows that it judged, `failed` of them, the first
    `MOST_OFFENDERS` of these."""

    name: str
    severity: CheckSeverity
    evaluated: int
    failed: int
    offenders: tuple[Offender, ...] = ()

    @property
    def passed(self) -> bool:
        return self.failed == 0


@dataclass(frozen=True, slots=True)
class Verdict:
    """Every evaluation, in the order of `CHECKS`, and by row of the figures the checks that it failed."""

    evaluations: tuple[Evaluation, ...]
    failures: Mapping[int, tuple[Check, ...]]


def evaluate(figures: Sequence[ImpactFigures], now: datetime) -> tuple[Evaluation, ...]:
    """One evaluation per expectation over all `figures`; `now` (aware) tells what lies in the future."""
    return judge(figures, now).evaluations


def judge(figures: Sequence[ImpactFigures], now: datetime) -> Verdict:
    """Run the suite over `figures`. Raises `RuntimeError` if an expectation could not be evaluated."""
    if not figures:
        return Verdict(tuple(Evaluation(c.name, c.severity, 0, 0) for c in CHECKS), {})
    frame = to_frame(figures, now)
    failed = _failed_rows(frame)
    by_row: dict[int, list[Check]] = defaultdict(list)
    for check in CHECKS:
        for row in failed[check.name]:
            by_row[row].append(check)
    return Verdict(
        evaluations=tuple(
            Evaluation(
                name=check.name,
                severity=check.severity,
                evaluated=_judged_rows(frame, check),
                failed=len(failed[check.name]),
                offenders=tuple(
                    _offender(check, figures[row]) for row in failed[check.name][:MOST_OFFENDERS]
                ),
            )
            for check in CHECKS
        ),
        failures={row: tuple(checks) for row, checks in by_row.items()},
    )


def _judged_rows(frame: "pd.DataFrame", check: Check) -> int:
    # A null in a required column is judged; in any other it means that there is nothing to judge.
    return (
        len(frame)
        if check.required
        else int(frame[list(check.columns)].notna().any(axis="columns").sum())
    )


def _offender(check: Check, figures: ImpactFigures) -> Offender:
    return Offender(
        ref=figures.ref,
        company_id=figures.company_id,
        period_start=figures.period_start,
        period_end=figures.period_end,
        observed=check.observed(figures),
    )


def to_frame(figures: Sequence[ImpactFigures], now: datetime) -> "pd.DataFrame":
    """One row per company and period, in the order of `figures`.

    int64: `row` (its position), `participants`, `volunteers`, `sessions`, `events`, `missing_refs`,
    `unattributed_scores`. object: `company_id`, `period_start`, `period_end`,
    `timezone` as text, None where absent. float64, NaN where there is nothing to judge:
    `volunteer_hours`, `lowest_hours`, `most_hours_a_day` (hours), `ownerless_hours` (hours where there
    are no volunteers), `hours_of_volunteers` (hours where there are), `seconds_ahead` (of the last event,
    after `now`), `events_due`, `share_of_usual`, and `{category}_minimum` and `{category}_maximum` of
    the standard outcome categories.
    """
    import pandas as pd

    frame = pd.DataFrame.from_records([_record(n, each, now) for n, each in enumerate(figures)])
    floats = [
        "volunteer_hours",
        "lowest_hours",
        "most_hours_a_day",
        "ownerless_hours",
        "hours_of_volunteers",
        "seconds_ahead",
        "events_due",
        "share_of_usual",
        *(f"{category}_{end}" for category in STANDARD_RANGES for end in ("minimum", "maximum")),
    ]
    texts = ["company_id", "period_start", "period_end", "timezone"]
    return frame.astype(dict.fromkeys(floats, "float64") | dict.fromkeys(texts, "object"))


def _record(row: int, figures: ImpactFigures, now: datetime) -> dict[str, Any]:
    quality = figures.quality
    latest = quality.latest_event
    scored = {outcome.category: outcome for outcome in figures.outcomes}
    record: dict[str, Any] = {
        _ROW: row,
        "company_id": _text(figures.company_id),
        "period_start": _text(figures.period_start),
        "period_end": _text(figures.period_end),
        "timezone": _text(figures.timezone),
        "participants": figures.participants,
        "volunteers": figures.volunteers,
        "sessions": figures.sessions,
        "events": figures.events,
        "volunteer_hours": figures.volunteer_hours,
        "missing_refs": quality.missing_refs,
        "unattributed_scores": quality.unattributed_scores,
        "lowest_hours": quality.lowest_hours,
        "most_hours_a_day": quality.most_hours_a_day,
        "ownerless_hours": None if figures.volunteers else figures.volunteer_hours,
        "hours_of_volunteers": figures.volunteer_hours if figures.volunteers else None,
        "seconds_ahead": (latest - now).total_seconds() if latest else None,
        "events_due": events_where_some_are_due(figures, now),
        "share_of_usual": share_of_usual(figures, now),
    }
    for category in STANDARD_RANGES:
        outcome = scored.get(category)
        record[f"{category}_minimum"] = outcome.minimum if outcome else None
        record[f"{category}_maximum"] = outcome.maximum if outcome else None
    return record


def _text(value: object) -> str | None:
    return None if value in (None, "") else str(value)


def _failed_rows(frame: "pd.DataFrame") -> dict[str, list[int]]:
    """The rows of `frame` that fail each check, ascending, by the check's name."""
    failed: dict[str, set[int]] = {check.name: set() for check in CHECKS}
    with _RUNNING:
        results = _validate(frame)
    for result in results:
        if result.success:
            continue
        rows = _unexpected_rows(result)
        if not rows:
            # It failed without a row: it couldn't be evaluated, and what isn't judged must not pass.
            raise RuntimeError(f"an expectation could not be evaluated: {result.exception_info}")
        failed[result.expectation_config.meta["check"]].update(rows)
    return {name: sorted(rows) for name, rows in failed.items()}


def _unexpected_rows(result: Any) -> list[int]:
    return [int(entry[_ROW]) for entry in result.result.get("unexpected_index_list") or ()]


def _validate(frame: "pd.DataFrame") -> Iterable[Any]:
    gx = _great_expectations()
    context = gx.get_context(mode="ephemeral")
    context.enable_analytics(False)
    context.variables.progress_bars = {"globally": False, "metric_calculations": False}
    batch = (
        context.data_sources.add_pandas("figures")
        .add_dataframe_asset("figures")
        .add_batch_definition_whole_dataframe("all")
        .get_batch({"dataframe": frame})
    )
    found = batch.validate(
        _suite(gx),
        result_format={"result_format": "COMPLETE", "unexpected_index_column_names": [_ROW]},
    )
    return list(found.results)


def _suite(gx: Any) -> Any:
    expectations = gx.expectations
    suite: list[Any] = []
    for check in CHECKS:
        common = {"severity": check.severity.value, "meta": {"check": check.name}}
        suite += [
            expectations.ExpectColumnValuesToNotBeNull(column=column, **common)
            for column in check.required
        ]
        suite += [
            expectations.ExpectColumnValuesToBeBetween(
                column=column,
                min_value=bounds.lowest,
                max_value=bounds.highest,
                strict_min=bounds.above,
                **common,
            )
            for column, bounds in check.bounds.items()
        ]
    return gx.ExpectationSuite(name="company_impact", expectations=suite)


@cache
def _great_expectations() -> Any:
    # Its modules use what Python and others have deprecated; that is nobody's business here.
    with warnings.catch_warnings(), _without_collecting():
        warnings.simplefilter("ignore")
        import great_expectations
        import great_expectations.expectations

    return great_expectations


@contextmanager
def _without_collecting() -> Iterator[None]:
    """For imports of that size: what they make stays, and the garbage collector, which would look through it
    again and again, is told so (measured: a tenth of a drain's CPU)."""
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
        gc.freeze()
    finally:
        if collects:
            gc.enable()
