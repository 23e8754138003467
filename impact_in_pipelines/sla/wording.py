"""Figures as people say them, in reports, in the terminal and in Dagster."""

from datetime import datetime

_TWO_UNITS = (
    (3_600, 60, "min", 1, "s"),
    (2 * 86_400, 3_600, "h", 60, "min"),
    (14 * 86_400, 86_400, "days", 3_600, "h"),
)
"""Below so many seconds: this unit and, if there is a rest, that one."""


def instant(text: str | None) -> str:
    """`2026-03-10 12:00` of an ISO instant; a dash for None."""
    return "–" if text is None else datetime.fromisoformat(text).strftime("%Y-%m-%d %H:%M")


def duration(ms: float | None) -> str:
    """Milliseconds as people say them: `850 ms`, `12.3 s`, `5 min 1 s`, `3 h 20 min`, `2 days 4 h`; a dash
    for None."""
    if ms is None:
        return "–"
    if abs(ms) < 1_000:
        return f"{ms:.0f} ms"
    if abs(ms) < 60_000:
        return f"{ms / 1_000:.1f} s"
    seconds = round(abs(ms) / 1_000)
    sign = "-" if ms < 0 else ""
    for limit, size, unit, rest_size, rest_unit in _TWO_UNITS:
        if seconds < limit:
            whole, rest = divmod(seconds, size)
            more = f" {rest // rest_size} {rest_unit}" if rest // rest_size else ""
            return f"{sign}{whole} {unit}{more}"
    return f"{sign}{seconds // 86_400} days"


def percent(value: float | None, digits: int = 2) -> str:
    """`97.89 %`; a dash for None."""
    return "–" if value is None else f"{value:.{digits}f} %"


def budget_left(value: float | None) -> str:
    """What is left of an error budget: `62 %`, or `overspent`, however far; a dash for None."""
    return "overspent" if value is not None and value < 0 else percent(value, 0)


def in_unit(type_: str, value: float) -> str:
    """A breach's threshold or actual value in the unit of its type."""
    if type_ in ("success_rate", "retry_success_rate"):
        return percent(value)
    if type_ == "latency":
        return duration(value)
    return f"{value:.1f} ×" if type_ == "burn_rate" else f"{value:.0f}"
