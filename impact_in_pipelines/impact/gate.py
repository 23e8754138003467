"""The gate before a delivery: figures that fail a critical expectation are not sent."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from impact_in_pipelines.impact.checks import Check, CheckSeverity
from impact_in_pipelines.impact.figures import ImpactFigures, Ref
from impact_in_pipelines.impact.judging import judge
from impact_in_pipelines.impact.verdicts import Evaluation


@dataclass(frozen=True, slots=True)
class GateFailure:
    """Why figures may not be sent: the first critical expectation that failed, and one line for the log
    that says what was seen and what to do."""

    ref: Ref
    expectation: str
    message: str


@dataclass(frozen=True, slots=True)
class GateReport:
    """`refusals` by the figures' ref; `evaluations` of every expectation, warnings included."""

    refusals: Mapping[Ref, GateFailure]
    evaluations: tuple[Evaluation, ...]


def gate(figures: Sequence[ImpactFigures], now: datetime) -> GateReport:
    """Judge all `figures` at once (refs distinct; `now` aware); what isn't in `refusals` may be sent.

    Raises `Unjudgeable` if an expectation could not be evaluated: nothing passes unjudged.
    """
    verdict = judge(figures, now)
    refusals = {}
    for row, checks in verdict.failures.items():
        critical = [check for check in checks if check.severity is CheckSeverity.CRITICAL]
        if critical:
            refusals[figures[row].ref] = _refusal(figures[row], critical)
    return GateReport(refusals=refusals, evaluations=verdict.evaluations)


def _refusal(figures: ImpactFigures, critical: Sequence[Check]) -> GateFailure:
    message = critical[0].message(figures)
    others = [check.name for check in critical[1:]]
    if others:
        message = f"{message} (failed too: {', '.join(others)})"
    return GateFailure(ref=figures.ref, expectation=critical[0].name, message=message)
