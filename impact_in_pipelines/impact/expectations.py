"""The Great Expectations suite on figures, for the asset checks; drains judge by the same checks in plain
Python (`judging`), and a test holds the two verdicts against each other.

Great Expectations takes seconds and 200 MB to import and is wrong without a word when two threads share a
context (design, section 9): it is imported on first use, and one thread at a time runs one fresh context.
"""

import threading
import warnings
from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Any

from impact_in_pipelines.impact.checks import CHECKS
from impact_in_pipelines.impact.columns import KINDS, Kind, Record, Unjudgeable, records
from impact_in_pipelines.impact.figures import ImpactFigures
from impact_in_pipelines.impact.verdicts import Evaluation, Verdict, verdict
from impact_in_pipelines.loading import without_collecting

if TYPE_CHECKING:
    import pandas as pd

_RUNNING = threading.Lock()
_ROW = "row"


def evaluate(figures: Sequence[ImpactFigures], now: datetime) -> tuple[Evaluation, ...]:
    """One evaluation per expectation over all `figures`; `now` (aware) tells what lies in the future."""
    return judge(figures, now).evaluations


def judge(figures: Sequence[ImpactFigures], now: datetime) -> Verdict:
    """Run the suite over `figures`. Raises `Unjudgeable`."""
    judged = records(figures, now)
    return verdict(figures, judged, failed_rows(judged))


def failed_rows(judged: Sequence[Record]) -> dict[str, list[int]]:
    """The rows that fail each check, ascending, by the check's name. Raises `Unjudgeable`."""
    failed: dict[str, set[int]] = {check.name: set() for check in CHECKS}
    if judged:
        frame = to_frame(judged)
        with _RUNNING:
            results = _validate(frame)
        for result in results:
            if result.success:
                continue
            rows = _unexpected_rows(result)
            if not rows:
                # It failed without a row: it couldn't be evaluated, and what isn't judged must not pass.
                raise Unjudgeable(f"an expectation could not be evaluated: {result.exception_info}")
            failed[result.expectation_config.meta["check"]].update(rows)
    return {name: sorted(rows) for name, rows in failed.items()}


def to_frame(judged: Sequence[Record]) -> "pd.DataFrame":
    """The records as rows: `row` (int64, a record's position), texts as object (None where absent), numbers
    as float64 (NaN where absent), counts as int64 where none is absent."""
    import pandas as pd

    frame = pd.DataFrame.from_records([{_ROW: n, **each} for n, each in enumerate(judged)])
    dtypes = {Kind.TEXT: "object", Kind.NUMBER: "float64"}
    return frame.astype({name: dtypes[kind] for name, kind in KINDS.items() if kind in dtypes})


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
    with warnings.catch_warnings(), without_collecting():
        warnings.simplefilter("ignore")
        import great_expectations
        import great_expectations.expectations

    return great_expectations
