"""Pictures as SVG: boxes, arrows and words. On a code host they follow the reader's light or dark scheme by themselves;
in the site they are put into the page (`staging.drawn`), where `site.css` has the same classes."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape

Point = tuple[float, float]

_STYLE = """\
<style>
text { font: 14px system-ui, sans-serif; fill: #1d2733; } .soft { fill: #5b6b7f; font-size: 12.5px; } .strong { font-weight: 600; }
.middle { text-anchor: middle; } .end { text-anchor: end; }
.box { fill: #f3f6fa; stroke: #5b6b7f; } .ours { fill: #e3edfb; stroke: #5b6b7f; } .good { fill: #d9f0df; stroke: #2e7d46; }
.bad { fill: #fbe1e0; stroke: #b3372f; } .wait { fill: #fdf0cf; stroke: #a06a00; }
.line { fill: none; stroke: #5b6b7f; stroke-width: 1.5; } .dashed { stroke-dasharray: 4 4; } .head { fill: #5b6b7f; }
@media (prefers-color-scheme: dark) {
text { fill: #e6ebf2; } .soft { fill: #a9b7c8; } .box { fill: #232b36; stroke: #8fa1b7; } .ours { fill: #1f3350; stroke: #8fa1b7; }
.good { fill: #1d3b28; stroke: #69c488; } .bad { fill: #472523; stroke: #f08a82; } .wait { fill: #443616; stroke: #e0b04d; }
.line { stroke: #8fa1b7; } .head { fill: #8fa1b7; } }
</style>
"""
_LEADING = 18


@dataclass
class Picture:
    """A picture of `width` × `height`, drawn in the order of the calls."""

    width: int
    height: int
    parts: list[str] = field(default_factory=list)

    def box(self, at: Point, size: Point, words: str = "", kind: str = "box") -> None:
        """A box with lines of words in its middle; the first line is strong where there are several."""
        (x, y), (w, h) = at, size
        self.parts.append(
            f'<rect x="{x:g}" y="{y:g}" width="{w:g}" height="{h:g}" rx="6" class="{kind}"/>'
        )
        lines = words.split("\n") if words else []
        top = y + h / 2 + 5 - _LEADING * (len(lines) - 1) / 2
        for n, line in enumerate(lines):
            strong = n == 0 and len(lines) > 1
            self.words(
                (x + w / 2, top + n * _LEADING),
                line,
                "middle strong" if strong else "middle" + (" soft" if n else ""),
            )

    def words(self, at: Point, text: str, kind: str = "") -> None:
        """Words at a base line; `kind` among soft, strong, middle, end."""
        shown = f' class="{kind}"' if kind else ""
        self.parts.append(f'<text x="{at[0]:g}" y="{at[1]:g}"{shown}>{escape(text)}</text>')

    def arrow(self, *points: Point, dashed: bool = False) -> None:
        """A line through the points, with a head at the last."""
        self.line(*points, dashed=dashed)
        (x0, y0), (x1, y1) = points[-2:]
        long = ((x1 - x0) ** 2 + (y1 - y0) ** 2) ** 0.5
        dx, dy = (x1 - x0) / long, (y1 - y0) / long
        corners = [
            (x1, y1),
            (x1 - 9 * dx - 4.5 * dy, y1 - 9 * dy + 4.5 * dx),
            (x1 - 9 * dx + 4.5 * dy, y1 - 9 * dy - 4.5 * dx),
        ]
        self.parts.append(f'<polygon points="{_points(corners)}" class="head"/>')

    def line(self, *points: Point, dashed: bool = False) -> None:
        """A line through the points."""
        kind = "line dashed" if dashed else "line"
        self.parts.append(f'<polyline points="{_points(points)}" class="{kind}"/>')

    def dot(self, at: Point, kind: str = "box") -> None:
        """A small mark."""
        self.parts.append(f'<circle cx="{at[0]:g}" cy="{at[1]:g}" r="6" class="{kind}"/>')

    def svg(self) -> str:
        """The file."""
        body = "\n".join(self.parts)
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {self.width} {self.height}" role="img">\n'
            f"{_STYLE}{body}\n</svg>\n"
        )


def _points(points: Sequence[Point]) -> str:
    return " ".join(f"{x:g},{y:g}" for x, y in points)
