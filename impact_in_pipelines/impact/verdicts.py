"""What judging figures results in, in the same words whoever judged them."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from impact_in_pipelines.impact.checks import CHECKS, Check, CheckSeverity
from impact_in_pipelines.impact.columns import Record, is_null
from impact_in_pipelines.impact.figures import ImpactFigures, Ref

MOST_OFFENDERS = 20


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
        return not self.failed


@dataclass(frozen=True, slots=True)
class Verdict:
    """Every evaluation, in the order of `CHECKS`, and by row of the figures the checks that it failed."""

    evaluations: tuple[Evaluation, ...]
    failures: Mapping[int, tuple[Check, ...]]


def verdict(
    figures: Sequence[ImpactFigures],
    records: Sequence[Record],
    failed: Mapping[str, Sequence[int]],
) -> Verdict:
    """The verdict on `figures`, whose `records` those are; `failed` has by each check's name the rows that
    fail it, ascending."""
    by_row: dict[int, list[Check]] = defaultdict(list)
    for check in CHECKS:
        for row in failed[check.name]:
            by_row[row].append(check)
    return Verdict(
        evaluations=tuple(
            Evaluation(
                name=check.name,
                severity=check.severity,
                evaluated=_judged(records, check),
                failed=len(failed[check.name]),
                offenders=tuple(
                    _offender(check, figures[row]) for row in failed[check.name][:MOST_OFFENDERS]
                ),
            )
            for check in CHECKS
        ),
        failures={row: tuple(checks) for row, checks in by_row.items()},
    )


def _judged(records: Sequence[Record], check: Check) -> int:
    # A null in a required column is judged; in any other it means that there is nothing to judge.
    if check.required:
        return len(records)
    first, *others = check.columns
    return sum(
        not is_null(record[first]) or any(not is_null(record[column]) for column in others)
        for record in records
    )


def _offender(check: Check, figures: ImpactFigures) -> Offender:
    return Offender(
        ref=figures.ref,
        company_id=figures.company_id,
        period_start=figures.period_start,
        period_end=figures.period_end,
        observed=check.observed(figures),
    )
