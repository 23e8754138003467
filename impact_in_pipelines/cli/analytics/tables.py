"""Markdown in a terminal, whose tables stay legible in a narrow one."""

from collections.abc import Sequence

from rich import box
from rich.console import Console, ConsoleOptions, RenderResult
from rich.markdown import Markdown, TableElement
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

_UNBOUNDED = 10_000
_HEADING = "bold"


class LegibleTable(TableElement):
    """A table that isn't squeezed until its words are cut: where it doesn't fit, a heading takes a line for
    each word, and if that isn't enough, each column becomes a line."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        headings = self.header.row.cells if self.header and self.header.row else []
        columns = [one.content for one in headings]
        rows = [[one.content for one in row.cells] for row in (self.body.rows if self.body else [])]
        folded = [Text(_folded(one.plain), justify=one.justify) for one in columns]
        turned = [
            [Text(one.plain), *(row[place] for row in rows)] for place, one in enumerate(columns)
        ]
        forms = [_table(columns, rows), _table(folded, rows)]
        if turned:
            forms.append(_table(turned[0], turned[1:]))
        unbounded = options.update(max_width=_UNBOUNDED)
        fitting = (
            one
            for one in forms
            if Measurement.get(console, unbounded, one).maximum <= options.max_width
        )
        yield next(fitting, forms[1])


class LegibleMarkdown(Markdown):
    """`rich`'s Markdown with such tables."""

    elements = {**Markdown.elements, "table_open": LegibleTable}  # noqa: RUF012


def _folded(heading: str) -> str:
    """A line for each word; a percent sign stays with its number."""
    return heading.replace(" %", "\u00a0%").replace(" ", "\n")


def _table(headings: Sequence[Text], rows: Sequence[Sequence[Text]]) -> Table:
    table = Table(box=box.SIMPLE, pad_edge=False, collapse_padding=True)
    for heading in headings:
        shown = heading.copy()
        shown.stylize(_HEADING)
        table.add_column(shown)
    for row in rows:
        table.add_row(*row)
    return table
