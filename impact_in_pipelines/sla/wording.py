"""Figures as people say them, in reports, in the terminal, in messages and in Dagster.

Nothing is rounded across a threshold: rates and multiples are cut and durations go up, always to the worse
side, so that 97.999 % never reads as the 98 % it has missed, nor 5 min 0.4 s as the five minutes it took too
long for.
"""

from datetime import datetime
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from impact_in_pipelines.sla.document import number
from impact_in_pipelines.sla.model import RATES

NOTHING = "–"
_TWO_UNITS = (
    (3_600, 60, "min", 1, "s"),
    (2 * 86_400, 3_600, "h", 60, "min"),
    (14 * 86_400, 86_400, "days", 3_600, "h"),
)
"""Below so many seconds: this unit and, if there is a rest, that one."""


def cut(value: float, digits: int) -> Decimal:
    """`value` cut (not rounded) to `digits` decimals. By its shortest notation, which is what was meant:
    98.2 is 98.199999… in binary and must stay 98.2."""
    return Decimal(str(value)).quantize(Decimal(1).scaleb(-digits), ROUND_FLOOR)


def as_set(value: float) -> str:
    """A target or limit with every digit that somebody set: 99.99995 is not 100."""
    return f"{Decimal(str(number(value))).normalize():f}"


def allowance(failures: float) -> str:
    """How many may fail, cut: 0.98 of a failure is not the one that has overspent it."""
    return str(cut(failures, 1))


def raised(value: float, step: float = 1) -> int:
    """`value` up to the next whole multiple of `step`."""
    steps = (Decimal(str(value)) / Decimal(str(step))).to_integral_value(ROUND_CEILING)
    return int(steps * Decimal(str(step)))


def instant(text: str | None) -> str:
    """`2026-03-10 12:00` of an ISO instant; a dash for None."""
    return NOTHING if text is None else datetime.fromisoformat(text).strftime("%Y-%m-%d %H:%M")


def duration(ms: float | None, *, capped: bool = False) -> str:
    """Milliseconds as people say them: `850 ms`, `12.3 s`, `5 min 1 s`, `3 h 20 min`, `2 days 4 h`; a dash
    for None. `capped`: it is more than that."""
    if ms is None:
        return NOTHING
    more, sign = "over " if capped else "", "-" if ms < 0 else ""
    return f"{more}{sign}{_lasting(abs(ms))}"


def _lasting(ms: float) -> str:
    if (whole := raised(ms)) < 1_000:
        return f"{whole} ms"
    if (tenths := raised(ms, 100)) < 60_000:
        return f"{tenths // 1_000}.{tenths % 1_000 // 100} s"
    for limit, size, unit, rest_size, rest_unit in _TWO_UNITS:
        seconds = raised(ms / 1_000, rest_size)
        if seconds < limit:
            whole, rest = divmod(seconds, size)
            return f"{whole} {unit}" + (f" {rest // rest_size} {rest_unit}" if rest else "")
    return f"{raised(ms / 1_000, 86_400) // 86_400} days"


def percent(value: float | None, digits: int = 2) -> str:
    """A percentage (0–100): `97.89 %`; a dash for None. What is more than nothing doesn't read as 0."""
    if value is None:
        return NOTHING
    shown, smallest = cut(value, digits), Decimal(1).scaleb(-digits)
    return f"< {smallest} %" if not shown and value > 0 else f"{shown} %"


def share(fraction: float | None, digits: int = 2) -> str:
    """A fraction (0–1), as documents have it, in percent."""
    return percent(None if fraction is None else in_percent(fraction), digits)


def in_percent(fraction: float) -> float:
    """A fraction in percent, without the noise of a multiplication in binary: 0.98 is 98."""
    return float(Decimal(str(fraction)) * 100)


def budget_left(fraction: float | None) -> str:
    """What is left of an error budget: `62 %`, or `overspent`, however far; a dash for None."""
    return "overspent" if fraction is not None and fraction < 0 else share(fraction, 0)


def multiple(value: float) -> str:
    """How many times: `14.4 ×`."""
    return f"{cut(value, 1)} ×"


def in_unit(type_: str, value: float) -> str:
    """A breach's threshold or actual value (percent, ms, a count, a multiple) in the unit of its type."""
    if type_ in RATES:
        return percent(value)
    if type_ == "latency":
        return duration(value)
    return multiple(value) if type_ == "burn_rate" else f"{value:.0f}"
