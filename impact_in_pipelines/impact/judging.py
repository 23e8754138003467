"""The expectations as plain comparisons, for drains: the same verdict as `expectations`, without what Great
Expectations costs a process (3 CPU-seconds and 100 MB). A test holds the two against each other.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from math import inf
from typing import Any

from impact_in_pipelines.impact.checks import CHECKS, Check
from impact_in_pipelines.impact.columns import Record, is_null, records
from impact_in_pipelines.impact.figures import ImpactFigures
from impact_in_pipelines.impact.verdicts import Verdict, verdict


def judge(figures: Sequence[ImpactFigures], now: datetime) -> Verdict:
    """Judge all `figures`; `now` (aware) tells what lies in the future. Raises `Unjudgeable`."""
    judged = records(figures, now)
    return verdict(figures, judged, failed_rows(judged))


def failed_rows(judged: Sequence[Record]) -> dict[str, list[int]]:
    """The rows that fail each check, ascending, by the check's name."""
    return {
        name: [row for row, record in enumerate(judged) if fails(record)]
        for name, fails in _COMPILED.items()
    }


def _compiled(check: Check) -> Callable[[Record], bool]:
    required = check.required
    limits = tuple(
        (
            column,
            -inf if bounds.lowest is None else bounds.lowest,
            inf if bounds.highest is None else bounds.highest,
            bounds.above,
        )
        for column, bounds in check.bounds.items()
    )

    def fails(record: Record) -> bool:
        for column in required:
            if is_null(record[column]):
                return True
        for column, lowest, highest, above in limits:
            value: Any = record[column]
            # NaN, a null too, lies on no side of any bound.
            if value is not None and (
                value < lowest or value > highest or (above and value == lowest)
            ):
                return True
        return False

    return fails


_COMPILED = {check.name: _compiled(check) for check in CHECKS}
