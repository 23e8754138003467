"""Analytics as one HTML page with nothing to load, and as Markdown."""

from base64 import b64encode
from collections.abc import Mapping
from functools import cache
from typing import Any

from jinja2 import Template

from impact_in_pipelines.analytics.written.view import WordTable, view
from impact_in_pipelines.plain_text import markdown
from impact_in_pipelines.sla.reports.environment import report_environment
from impact_in_pipelines.sla.reports.said import ENGLISH, ReportLanguage

_CHARTS_IN_TEXT = 2
"""Dagster keeps each materialisation's text for good."""


def render_html(document: Mapping[str, Any], reader: ReportLanguage = ENGLISH) -> str:
    """The document as a page, as `reader` reads it."""
    return _template_of(reader).render(lang=reader.code, shown=view(document, reader))


def render_markdown(document: Mapping[str, Any], *, charts: bool = True) -> str:
    """The document as Markdown, in English; with `charts`, the first ones as pictures in it."""
    shown = view(document, ENGLISH)
    lines = [f"## {markdown(shown.title)}", "", f"{shown.span}. {shown.counted}", ""]
    if not shown.tiles:
        return "\n".join([*lines, "Nothing was due and nothing was called."])
    lines += [f"- {one.name}: **{one.value}** ({one.note})" for one in shown.tiles]
    if charts:
        for one in shown.charts[:_CHARTS_IN_TEXT]:
            svg = one.svg.replace('font-family="inherit"', 'font-family="sans-serif"')
            image = b64encode(svg.encode()).decode()
            lines += [
                "",
                f"### {one.title}",
                "",
                f"![{one.title}](data:image/svg+xml;base64,{image})",
            ]
    lines += ["", "### Best hours", "", *(f"- {one}" for one in shown.best_hours)]
    for table in shown.tables:
        if not table.folded:
            lines += ["", *_table(table)]
    return "\n".join(lines)


def _table(table: WordTable) -> list[str]:
    rows = [f"| {' | '.join(map(markdown, cells))} |" for cells in (table.head, *table.rows)]
    under = "|" + "---|" * table.names + "--:|" * (len(table.head) - table.names)
    note = ["", table.note] if table.note else []
    return [f"### {table.title}", "", rows[0], under, *rows[1:], *note]


@cache
def _template_of(reader: ReportLanguage) -> Template:
    environment = report_environment("impact_in_pipelines.analytics.written", reader)
    return environment.get_template("analytics.html")
