"""Charts as inline SVG: self-contained, sharp in print, legible without colour.

Each takes plain numbers of a report's document and returns one `<svg>` element with a title for whoever
can't see it. Every text is escaped here.
"""

from collections.abc import Callable, Sequence
from html import escape

from impact_in_pipelines.sla.wording import cut, in_percent

INK, MUTED, GRID = "#1f2937", "#6b7280", "#e5e7eb"
GOOD, BAD, WARN, ACCENT = "#2f7d5b", "#c2413b", "#b7791f", "#2f5d8a"
_WIDTH, _HEIGHT = 520, 200
_LINES = ((ACCENT, "none"), (WARN, "7 4"), (GOOD, "2 4"))
"""Colour and dash of one line after the other."""
_LEFT, _RIGHT, _TOP, _BOTTOM = 54, 10, 16, 28


def trend_chart(
    labels: Sequence[str],
    values: Sequence[float | None],
    *,
    target: float,
    title: str,
    target_text: str | None = None,
    shown: Callable[[float], str] | None = None,
) -> str:
    """Rates (fractions) over periods as a line, with the target dashed; None is a gap. `target_text` and
    `shown` (of a percentage) word the target and the last value in another language."""
    values = [None if value is None else in_percent(value) for value in values]
    target = in_percent(target)
    known = [value for value in values if value is not None]
    low = min([*known, target])
    floor = max(0.0, low - max(1.0, (100 - low) * 0.25))
    plot = _Plot(len(labels), floor, 100.0)
    parts = [plot.grid("%"), plot.labels(labels)]
    parts.append(_target(plot.y(target), target_text or f"target {target:g} %"))
    parts += _line(plot, values)
    for n, value in enumerate(values):
        if value is None:
            continue
        parts.append(_dot(plot.x(n), plot.y(value), BAD if value < target else GOOD))
        if n == len(values) - 1:
            # A worded value is longer: in the middle of its point it would be cut off at the edge.
            last, x, anchor = (
                (shown(value), plot.x(n) + 8, "end")
                if shown
                else (f"{cut(value, 1)}", plot.x(n), "middle")
            )
            parts.append(_text(x, plot.y(value) - 9, last, INK, anchor, weight="600"))
    return _svg(title, parts)


def measure_chart(
    labels: Sequence[str],
    values: Sequence[float | None],
    *,
    target: float,
    title: str,
    target_text: str,
    unit: str,
    shown: Callable[[float], str],
) -> str:
    """A measure over periods as a line from 0 on, in `unit`, with the target that it should stay below
    dashed; None is a gap. `shown` words the last value."""
    plot = _Plot(len(labels), 0.0, max([target, *(v for v in values if v is not None)]) * 1.1 or 1)
    parts = [plot.grid(unit), plot.labels(labels), _target(plot.y(target), target_text)]
    parts += _line(plot, values)
    for n, value in enumerate(values):
        if value is None:
            continue
        parts.append(_dot(plot.x(n), plot.y(value), BAD if value > target else GOOD))
        if n == len(values) - 1:
            x, y = plot.x(n) + 8, plot.y(value) - 9
            parts.append(_text(x, y, shown(value), INK, "end", weight="600"))
    return _svg(title, parts)


def compared_chart(
    labels: Sequence[str],
    values: Sequence[float | None],
    usual: Sequence[float | None],
    *,
    title: str,
    unit: str,
    striking: int,
) -> str:
    """A measure day by day as a line, what was expected of each day dashed, and dots on the last `striking`
    days; None is a gap."""
    most = max([value for value in [*values, *usual] if value is not None], default=0.0)
    plot = _Plot(len(labels), 0.0, most * 1.1 or 1)
    parts = [plot.grid(unit), plot.labels(labels)]
    parts += _line(plot, usual, stroke=WARN, dash="5 4")
    parts += _line(plot, values)
    parts += [
        _dot(plot.x(n), plot.y(value), BAD)
        for n, value in enumerate(values)
        if value is not None and n >= len(values) - striking
    ]
    return _svg(title, parts)


def lines(
    labels: Sequence[str],
    named: Sequence[tuple[str, Sequence[float | None]]],
    *,
    title: str,
    unit: str,
) -> str:
    """Several measures over periods from 0 on, each a line of its own colour and dash with its name above."""
    most = max([value for _, values in named for value in values if value is not None], default=0.0)
    plot = _Plot(len(labels), 0.0, most * 1.15 or 1.0)
    parts = [plot.grid(unit), plot.labels(labels)]
    for n, (name, values) in enumerate(named):
        colour, dash = _LINES[n % len(_LINES)]
        style = f' stroke-dasharray="{dash}"'
        x = _LEFT + 8 + n * 120
        parts += _line(plot, values, stroke=colour, dash=dash)
        # A value between two gaps has no line.
        parts += [
            _dot(plot.x(place), plot.y(value), colour, 2.6)
            for place, value in enumerate(values)
            if value is not None
        ]
        parts.append(
            f'<line x1="{x}" x2="{x + 22}" y1="9" y2="9" stroke="{colour}" stroke-width="2"{style}/>'
            + _text(x + 28, 13, name, INK, "start")
        )
    return _svg(title, parts)


def stacked_days(
    labels: Sequence[str], good: Sequence[int], bad: Sequence[int], *, title: str
) -> str:
    """Deliveries per day: arrived, and on top of them those that didn't."""
    most = max([g + b for g, b in zip(good, bad, strict=True)], default=0)
    plot = _Plot(len(labels), 0.0, float(most or 1), bars=True)
    parts = [plot.grid(""), plot.labels(labels)]
    width = min(38.0, plot.step * 0.66)
    for n, (arrived, lost) in enumerate(zip(good, bad, strict=True)):
        x = plot.x(n) - width / 2
        top, middle = plot.y(arrived + lost), plot.y(arrived)
        parts.append(_bar(x, middle, width, plot.y(0) - middle, GOOD))
        if lost:
            parts.append(_bar(x, min(top, middle - 1.5), width, max(1.5, middle - top), BAD))
            if len(labels) <= 16:
                parts.append(_text(plot.x(n), top - 5, f"{lost}", BAD, weight="600"))
    return _svg(title, parts)


def histogram(labels: Sequence[str], counts: Sequence[int], *, beyond: int, title: str) -> str:
    """How many deliveries took how long; the buckets from index `beyond` on miss the target."""
    plot = _Plot(len(labels), 0.0, float(max(counts, default=0) or 1), bars=True)
    parts = [plot.grid(""), plot.labels(labels)]
    width = plot.step * 0.74
    for n, count in enumerate(counts):
        if not count:
            continue
        y = min(plot.y(count), plot.y(0) - 1.5)
        parts.append(
            _bar(plot.x(n) - width / 2, y, width, plot.y(0) - y, BAD if n >= beyond else ACCENT)
        )
        parts.append(_text(plot.x(n), y - 4, f"{count:,}", MUTED))
    return _svg(title, parts)


def rate_ranges(
    rows: Sequence[tuple[str, float, float, float, int]], *, target: float, title: str
) -> str:
    """One line for each (name, rate, low, high, n), fractions: the rate as a dot on its 95 % interval."""
    rows = [
        (name, in_percent(share), in_percent(low), in_percent(high), count)
        for name, share, low, high, count in rows
    ]
    target = in_percent(target)
    floor = max(0.0, min([low for _, _, low, _, _ in rows] + [target]) - 1.5)
    height, left, right = 34 * len(rows) + 30, 76, 150
    span = _WIDTH - left - right

    def x(value: float) -> float:
        return left + span * (value - floor) / (100 - floor)

    parts = []
    for tick in _ticks(floor, 100.0):
        parts.append(
            f'<line x1="{x(tick):.1f}" x2="{x(tick):.1f}" y1="6" y2="{height - 22}" stroke="{GRID}"/>'
            + _text(x(tick), height - 8, f"{tick:g} %", MUTED)
        )
    parts.append(
        f'<line x1="{x(target):.1f}" x2="{x(target):.1f}" y1="2" y2="{height - 22}" stroke="{WARN}" '
        'stroke-width="1.2" stroke-dasharray="5 4"/>'
    )
    for n, (name, percent, low, high, count) in enumerate(rows):
        y = 22 + 34 * n
        colour = BAD if percent < target else GOOD
        parts += [
            _text(left - 10, y + 4, name, INK, "end"),
            f'<line x1="{x(low):.1f}" x2="{x(high):.1f}" y1="{y}" y2="{y}" stroke="{colour}" '
            'stroke-width="5" stroke-linecap="round" opacity="0.35"/>',
            f'<circle cx="{x(percent):.1f}" cy="{y}" r="5.5" fill="{colour}"/>',
            _text(_WIDTH - right + 12, y + 4, f"{cut(percent, 2)} % of {count:,}", INK, "start"),
        ]
    return _svg(title, parts, height)


def meter(left_of_it: float | None, *, title: str) -> str:
    """What is left of a budget (a fraction) as a bar; below 0 it is overspent."""
    width = 250
    left = 0.0 if left_of_it is None else max(0.0, min(100.0, 100 * left_of_it))
    colour = BAD if left <= 0 else WARN if left < 25 else GOOD
    return (
        f'<svg viewBox="0 0 {width} 16" class="meter" role="img"><title>{escape(title)}</title>'
        f'<rect width="{width}" height="12" y="2" rx="6" fill="{GRID}"/>'
        f'<rect width="{width * left / 100:.1f}" height="12" y="2" rx="6" fill="{colour}"/></svg>'
    )


def sparkline(values: Sequence[float | None], *, low: float = 0.0, high: float = 1.0) -> str:
    """`values` as block characters, for where only text goes; None is a dot."""
    blocks = "▁▂▃▄▅▆▇█"
    span = (high - low) or 1.0
    return "".join(
        "·" if value is None else blocks[max(0, min(7, int((value - low) / span * 7.999)))]
        for value in values
    )


class _Plot:
    """The scales of a chart with `count` places on the x axis and values from `low` to `high`."""

    def __init__(self, count: int, low: float, high: float, *, bars: bool = False) -> None:
        self.low, self.high, self._count, self._bars = low, high, count, bars
        room = _WIDTH - _LEFT - _RIGHT
        self.step = room / max(1, count) if bars else room / max(1, count - 1)

    def x(self, n: int) -> float:
        if self._bars:
            return _LEFT + self.step * (n + 0.5)
        # The first and the last point keep off the edges.
        return _LEFT + 14 + (self.step * n) * (1 - 28 / (_WIDTH - _LEFT - _RIGHT))

    def y(self, value: float) -> float:
        share = (value - self.low) / ((self.high - self.low) or 1.0)
        return _HEIGHT - _BOTTOM - share * (_HEIGHT - _BOTTOM - _TOP - 8)

    def grid(self, unit: str) -> str:
        lines = []
        for tick in _ticks(self.low, self.high):
            y = self.y(tick)
            lines.append(
                f'<line x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}" stroke="{GRID}"/>'
                + _text(_LEFT - 6, y + 4, f"{tick:,g}{' ' + unit if unit else ''}", MUTED, "end")
            )
        return "".join(lines)

    def labels(self, labels: Sequence[str]) -> str:
        every = max(1, -(-len(labels) // 10))
        return "".join(
            _text(self.x(n), _HEIGHT - 8, label, MUTED)
            for n, label in enumerate(labels)
            if (len(labels) - 1 - n) % every == 0
        )


def _ticks(low: float, high: float) -> list[float]:
    """Three to six round numbers between `low` and `high`."""
    span = (high - low) or 1.0
    step = next(
        base * 10**power
        for power in range(-2, 10)
        for base in (1, 2, 5)
        if span / (base * 10**power) <= 5
    )
    if span >= 5:
        step = max(1, step)
    first = -(-low // step) * step
    return [round(first + n * step, 6) for n in range(int((high - first) / step + 1e-9) + 1)]


def _line(
    plot: _Plot, values: Sequence[float | None], *, stroke: str = ACCENT, dash: str = ""
) -> list[str]:
    """The line through the known values, broken at gaps."""
    dashes = f' stroke-dasharray="{dash}"' if dash else ""
    runs: list[list[str]] = [[]]
    for n, value in enumerate(values):
        if value is None:
            runs.append([])
        else:
            runs[-1].append(f"{plot.x(n):.1f},{plot.y(value):.1f}")
    return [
        f'<polyline points="{" ".join(run)}" fill="none" stroke="{stroke}" stroke-width="2"{dashes}/>'
        for run in runs
        if len(run) > 1
    ]


def _target(y: float, text: str) -> str:
    return (
        f'<line x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}" stroke="{WARN}" '
        'stroke-width="1.2" stroke-dasharray="5 4"/>'
    ) + _text(_LEFT + 6, y - 5, text, WARN, "start")


def _dot(x: float, y: float, colour: str, radius: float = 3.6) -> str:
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius}" fill="{colour}"/>'


def _bar(x: float, y: float, width: float, height: float, colour: str) -> str:
    return (
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{max(0.0, height):.1f}" '
        f'rx="1.5" fill="{colour}"/>'
    )


def _text(
    x: float, y: float, text: str, colour: str, anchor: str = "middle", weight: str = "400"
) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" fill="{colour}" text-anchor="{anchor}" '
        f'font-weight="{weight}">{escape(text)}</text>'
    )


def _svg(title: str, parts: Sequence[str], height: int = _HEIGHT) -> str:
    return (
        f'<svg viewBox="0 0 {_WIDTH} {height}" class="chart" role="img" '
        f'xmlns="http://www.w3.org/2000/svg" font-family="inherit" font-size="12.5">'
        f"<title>{escape(title)}</title>{''.join(parts)}</svg>"
    )
