"""Figures as people say them, in reports, in the terminal and in Dagster."""

from datetime import datetime


def instant(text: str | None) -> str:
    """`2026-03-10 12:00` of an ISO instant; a dash for None."""
    return "–" if text is None else datetime.fromisoformat(text).strftime("%Y-%m-%d %H:%M")


def duration(ms: float | None) -> str:
    """Milliseconds as people say them: `850 ms`, `12.3 s`, `4.2 min`, `3.1 h`, `2.5 d`."""
    if ms is None:
        return "–"
    for limit, size, unit in ((1_000, 1, "ms"), (60_000, 1_000, "s"), (3_600_000, 60_000, "min")):
        if abs(ms) < limit:
            return f"{ms / size:.0f} {unit}" if unit == "ms" else f"{ms / size:.1f} {unit}"
    hours = ms / 3_600_000
    return f"{hours:.1f} h" if hours < 48 else f"{hours / 24:.1f} d"


def percent(value: float | None, digits: int = 2) -> str:
    """`97.89 %`; a dash for None."""
    return "–" if value is None else f"{value:.{digits}f} %"


def in_unit(type_: str, value: float) -> str:
    """A breach's threshold or actual value in the unit of its type."""
    if type_ in ("success_rate", "retry_success_rate"):
        return percent(value)
    if type_ == "latency":
        return duration(value)
    return f"{value:.1f} ×" if type_ == "burn_rate" else f"{value:.0f}"
