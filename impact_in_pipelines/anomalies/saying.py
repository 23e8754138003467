"""An anomaly in words, from what its incident keeps. Commands and links are added by whoever tells it."""

from collections.abc import Mapping
from decimal import ROUND_CEILING, Decimal
from typing import Any

from impact_in_pipelines.anomalies.kinds import AnomalyKind, Measure

_NAMES = {
    AnomalyKind.SUCCESS: "deliveries that did not arrive",
    AnomalyKind.VOLUME: "deliveries due",
    AnomalyKind.ANSWERS: "answer time",
    AnomalyKind.FIGURES: "figures",
}
_MEASURES = {Measure.EVENTS: "events", Measure.HOURS: "volunteer hours"}
_THOUSAND_MS = 1000


def in_words(anomaly: Mapping[str, Any]) -> str:
    """`answer time 410 ms in the last 4 days, 200 ms expected (× 2.05)`."""
    kind = AnomalyKind(anomaly["kind"])
    observed, expected = float(anomaly["observed"]), float(anomaly["expected"])
    span = int(anomaly["span"])
    when = "on the last day" if span == 1 else f"in the last {span} days"
    told = f"{amount(kind, observed)} {when}, {amount(kind, expected)} expected"
    return f"{name(anomaly)} {told}{_factor(kind, observed, expected)}"


def own_anomalies(details: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Those of an incident's `details` that are of its own company or platform, not of the companies that are
    told together with it (`members`)."""
    found = details.get("anomalies", ())
    return [one for one in found if one.get("own", not details.get("members"))]


def name(anomaly: Mapping[str, Any]) -> str:
    """What is anomalous."""
    measure = anomaly.get("measure")
    return _MEASURES[Measure(measure)] if measure else _NAMES[AnomalyKind(anomaly["kind"])]


def amount(kind: AnomalyKind, value: float) -> str:
    """A value of the series in its unit."""
    if kind is AnomalyKind.SUCCESS:
        # Up: a share of failures just above what the target allows must not read as if it were kept.
        return f"{(Decimal(str(value)) * 100).quantize(Decimal('0.1'), ROUND_CEILING)} %"
    if kind is AnomalyKind.ANSWERS:
        return f"{value:.0f} ms" if value < _THOUSAND_MS else f"{value / _THOUSAND_MS:.1f} s"
    return f"{value:,.0f}" if value >= 10 or value == 0 else f"{value:.1f}"


def _factor(kind: AnomalyKind, observed: float, expected: float) -> str:
    if kind is AnomalyKind.SUCCESS or expected <= 0:
        return ""
    if kind is AnomalyKind.ANSWERS:
        return f" (× {observed / expected:.2g})"
    share = (observed / expected - 1) * 100
    return f" ({'+' if share > 0 else '−'}{abs(share):.0f} %)"
