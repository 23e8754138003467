"""The benchmarks' ratios over commits, as one page without anything from elsewhere.

`results.json` has the newest measurements, its history in git the others.
"""

import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

from benchmarks._results import RESULTS, git

PAGE = RESULTS.parents[1] / "build" / "benchmarks.html"
_WIDTH, _HEIGHT, _EDGE = 640, 180, 36

_STYLE = """
:root { color-scheme: light dark; --line: #2563a8; --grid: #8888; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
svg { width: 100%; height: auto; max-width: 40rem; } svg text { font-size: 12px; fill: currentColor; }
polyline { fill: none; stroke: var(--line); stroke-width: 2; } circle { fill: var(--line); }
.grid { stroke: var(--grid); } .one { stroke-dasharray: 4; }
table { border-collapse: collapse; } td, th { padding: .2rem 1rem .2rem 0; text-align: left; }
td.n { font-variant-numeric: tabular-nums; text-align: right; }
"""


@dataclass(frozen=True, slots=True)
class Point:
    """One measurement of a ratio: on which commit (`+`: and changes), when (ISO 8601), what."""

    commit: str
    date: str
    value: float

    @property
    def label(self) -> str:
        """For people: eight digits of the commit, and the day."""
        changed = "+" if self.commit.endswith("+") else ""
        return f"{self.commit[:8]}{changed}, {self.date[:10]}"


Series = dict[tuple[str, str], list[Point]]
"""By benchmark and ratio, the oldest measurement first."""


def main(page: Path = PAGE, results: Path = RESULTS) -> None:
    """Write the page and say where it is."""
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text(rendered(series(results)), "utf-8")
    print(page)


def series(results: Path) -> Series:
    """Every ratio that was ever recorded in this file, each measurement once."""
    found: dict[tuple[str, str], set[Point]] = defaultdict(set)
    for version in _versions(results):
        for benchmark, measured in version.items():
            for name, value in measured.get("ratios", {}).items():
                point = Point(measured["commit"], measured["date"], float(value))
                found[benchmark, name].add(point)
    return {key: sorted(points, key=lambda p: p.date) for key, points in sorted(found.items())}


def _versions(results: Path) -> Iterator[dict[str, Any]]:
    if results.exists():
        yield json.loads(results.read_text("utf-8"))
    folder = results.parent
    for commit in git(folder, "log", "--format=%H", "--", results.name).split():
        text = git(folder, "show", f"{commit}:./{results.name}")
        try:
            yield json.loads(text)
        except ValueError:
            continue  # the commit that removed it, or one that broke it


def rendered(all_series: Series) -> str:
    """The page: a chart and a table for each ratio."""
    parts = [_section(*key, points) for key, points in all_series.items()]
    return (
        '<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>Benchmarks over commits</title>\n<style>{_STYLE}</style>\n"
        "<h1>Benchmarks over commits</h1>\n"
        "<p>Ratios only: both of their sides were measured in one run, so that they may be compared between "
        "machines and days. The dashed line is 1.</p>\n"
        f"{''.join(parts) or '<p>Nothing has been recorded yet: make bench.</p>'}\n</html>\n"
    )


def _section(benchmark: str, name: str, points: Sequence[Point]) -> str:
    title = f"{escape(benchmark)}: {escape(name)}"
    rows = "".join(
        f'<tr><td><code>{escape(point.label)}</code></td><td class="n">{point.value:g}</td></tr>'
        for point in reversed(points)
    )
    return (
        f"<section><h2>{title}</h2>\n{_chart(title, points)}\n<details><summary>Values</summary><table>"
        f"<thead><tr><th>Commit</th><th>Ratio</th></tr></thead><tbody>{rows}</tbody></table></details>"
        "</section>\n"
    )


def _chart(title: str, points: Sequence[Point]) -> str:
    """The values from left to right, one a measurement, on an axis from 0."""
    most = 1.1 * max(1.0, *(point.value for point in points))
    step = (_WIDTH - 2 * _EDGE) / max(1, len(points) - 1)
    start = _EDGE if len(points) > 1 else _WIDTH - _EDGE

    def height(value: float) -> float:
        return _HEIGHT - _EDGE - (_HEIGHT - 2 * _EDGE) * value / most

    places = [(start + n * step, height(point.value)) for n, point in enumerate(points)]
    dots = "".join(
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4">'
        f"<title>{escape(point.label)}: {point.value:g}</title></circle>"
        for (x, y), point in zip(places, points, strict=True)
    )
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    newest = points[-1]
    first = f'<text x="{_EDGE}" y="{_HEIGHT - 8}">{escape(points[0].label)}</text>'
    return (
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{title}, newest {newest.value:g}">'
        f"{_level(height(0), '0', 'grid')}{_level(height(1), '1', 'grid one')}"
        f'<polyline points="{line}"/>{dots}'
        f"{first if len(points) > 1 else ''}"
        f'<text x="{_WIDTH - _EDGE}" y="{_HEIGHT - 8}" text-anchor="end">{escape(newest.label)}</text>'
        f'<text x="{_WIDTH - _EDGE}" y="{places[-1][1] - 10:.1f}" text-anchor="end">{newest.value:g}</text>'
        "</svg>"
    )


def _level(y: float, label: str, kind: str) -> str:
    return (
        f'<line class="{kind}" x1="{_EDGE}" x2="{_WIDTH - _EDGE}" y1="{y:.1f}" y2="{y:.1f}"/>'
        f'<text x="{_EDGE - 8}" y="{y + 4:.1f}" text-anchor="end">{label}</text>'
    )
