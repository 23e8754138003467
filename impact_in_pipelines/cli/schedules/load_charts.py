"""The chart of a level load: bars in the terminal, PNG or SVG in a file."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
from rich.text import Text

from impact_in_pipelines.cli.output import console
from impact_in_pipelines.errors import UsageError
from impact_in_pipelines.platforms import FACTS, Platform
from impact_in_pipelines.scheduling.load.levels import Load, OverloadedMinute
from impact_in_pipelines.scheduling.load.patterns import Counts

_HEIGHT = 5
_EIGHTHS = " ▁▂▃▄▅▆▇█"
_LABEL = 7
_WIDEST = 144
_FILE_COLUMNS = 300
_BUCKETS = (1, 2, 5, 10, 15, 20, 30, 60, 120, 180, 360)
"""Minutes that one column may stand for, so that hours fall on columns."""


def print_chart(
    start: datetime, counts: Counts, capacity: float, late: Sequence[OverloadedMinute]
) -> None:
    """Bars, a column for some minutes, each as high as its busiest one; red where the SLA can't
    hold, yellow above `capacity` (deliveries a minute)."""
    size = _bucket(len(counts), min(console.width - _LABEL - 3, _WIDEST))
    peaks = _peaks(counts, size)
    top = max(int(peaks.max()), 1)
    red = _late_columns(start, size, late)
    for row in range(_HEIGHT, 0, -1):
        label = {_HEIGHT: str(top), 1: "0"}.get(row, "")
        line = Text(f"{label:>{_LABEL}} │", style="dim")
        for at, peak in enumerate(peaks):
            color = "red" if at in red else "yellow" if peak > capacity else "cyan"
            line.append(_cell(int(peak) / top * _HEIGHT - (row - 1), bottom=row == 1), color)
        console.print(line, soft_wrap=True)
    console.print(Text(" " * _LABEL + " └" + _axis(start, len(peaks), size), "dim"), soft_wrap=True)
    each = "minute" if size == 1 else f"{size} minutes"
    console.print(Text(" " * (_LABEL + 2) + f"UTC; one column is {each}, at its peak", "dim"))


def _bucket(minutes: int, width: int) -> int:
    return next((size for size in _BUCKETS if minutes / size <= width), _BUCKETS[-1])


def _late_columns(
    start: datetime,
    size: int,
    late: Sequence[OverloadedMinute],
    platform: Platform | None = None,
) -> set[int]:
    """The columns that hold a late minute (of `platform`, if given)."""
    return {
        int((one.minute - start) / timedelta(minutes=1)) // size
        for one in late
        if platform is None or one.platform == platform.value
    }


def _peaks(counts: Counts, size: int) -> Counts:
    padded = np.pad(counts, (0, -len(counts) % size))
    peaks: Counts = padded.reshape(-1, size).max(axis=1)
    return peaks


def _cell(height: float, *, bottom: bool) -> str:
    """One character of a bar that is `height` rows high from here; the least one is still seen."""
    if height <= 0:
        return " "
    return _EIGHTHS[max(1 if bottom else 0, min(8, round(height * 8)))]


def _axis(start: datetime, columns: int, size: int) -> str:
    """Clock times under their columns, as many as fit."""
    line = [" "] * columns
    at = 0
    while at < columns:
        moment = start + timedelta(minutes=at * size)
        label = f"{moment:%H:%M}"
        if at + len(label) > columns:
            break
        line[at : at + len(label)] = label
        at += max(12, len(label) + 1)
    return "".join(line)


def write_chart(
    path: Path,
    load: Load,
    per_minute_capacity: Mapping[str, float],
    late: Sequence[OverloadedMinute],
    sla_minutes: float,
) -> None:
    """Write the load as PNG or SVG, by the suffix of `path`; a panel for each platform.

    Raises `UsageError` for a file that can't be written.
    """
    # Half a second and a hundred megabytes: only who asks for a picture pays.
    import matplotlib as mpl
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    shown = [one for one in Platform if one.value in load.by_platform] or list(Platform)
    figure = Figure(figsize=(11, 2.6 * len(shown) + 0.6), layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(len(shown), 1, sharex=True, squeeze=False)[:, 0]
    for panel, platform in zip(panels, shown, strict=True):
        counts = load.by_platform.get(platform.value, np.zeros(1, np.int64))
        size = _bucket(len(counts), _FILE_COLUMNS)
        peaks = _peaks(counts, size)
        red = _late_columns(load.start, size, late, platform)
        times = [load.minute(at * size) for at in range(len(peaks))]
        colors = ["#e53e3e" if at in red else "#2b6cb0" for at in range(len(peaks))]
        capacity = per_minute_capacity[platform.value]
        panel.bar(times, peaks, width=timedelta(minutes=size), align="edge", color=colors)
        if capacity <= 2 * peaks.max():
            panel.axhline(capacity, color="#dd6b20", linestyle="--", linewidth=1)
        panel.set_ylim(0, max(float(peaks.max()) * 1.15, 1))
        panel.set_title(f"{FACTS[platform].title}: takes {capacity:.0f} a minute", loc="left")
        panel.set_ylabel("due in a minute")
        # Deliveries are whole: without this a small load has ticks at halves.
        panel.yaxis.set_major_locator(MaxNLocator(nbins=6, integer=True, min_n_ticks=1))
    locator = AutoDateLocator()  # type: ignore[no-untyped-call]
    panels[-1].xaxis.set_major_locator(locator)
    formatter = ConciseDateFormatter(locator)  # type: ignore[no-untyped-call]
    panels[-1].xaxis.set_major_formatter(formatter)
    panels[-1].set_xlabel(f"UTC; red: the {sla_minutes:.0f}-minute SLA can't hold")
    try:
        with mpl.rc_context({"svg.hashsalt": "impact-in"}):
            figure.savefig(path, dpi=120)
    except OSError as error:
        raise UsageError(f"--chart {path} can't be written: {error.strerror}") from None
