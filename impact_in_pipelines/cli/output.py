"""How the CLI speaks: tables for people, one JSON document for programs, one line for what went wrong.

Whatever is printed is text: names, reasons and what a platform answered can neither colour it, move the
cursor nor reverse a line. Colours of ours are `styled` or a `style=`.
"""

import json
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, is_dataclass
from datetime import date, datetime, time
from decimal import Decimal
from enum import Enum
from pathlib import PurePath
from typing import Any, NoReturn
from uuid import UUID

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from impact_in_pipelines.cli.next_steps import told
from impact_in_pipelines.errors import ImpactInError
from impact_in_pipelines.plain_text import plain, plain_lines, unharmed


class Terminal(Console):
    """A console that prints text as text: no markup, no control or bidi characters."""

    def __init__(self, *, stderr: bool = False) -> None:
        super().__init__(stderr=stderr, highlight=False, markup=False, emoji=False)

    def print(self, *objects: Any, soft_wrap: bool | None = None, **options: Any) -> None:
        """As `Console` does, but lines of text that name a command, or that a program reads, are not broken:
        they are copied and searched."""
        if soft_wrap is None and all(isinstance(one, str | Text) for one in objects):
            soft_wrap = not self.is_terminal or any("impact-in " in str(one) for one in objects)
        super().print(*objects, soft_wrap=soft_wrap, **options)

    def render_str(self, text: str, **options: Any) -> Text:
        return super().render_str(unharmed(text), **options)


console = Terminal()
errors = Terminal(stderr=True)

_HARMFUL = re.compile("[\x7f-\x9f\u00ad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff]")
"""Control and bidi characters that `json` leaves as they are."""
_UNBOUNDED = 100_000
_STATUS_STYLES = {
    "success": "green",
    "healthy": "green",
    "active": "green",
    "failed": "bold red",
    "missed": "red",
    "breach": "bold red",
    "critical": "bold red",
    "retrying": "yellow",
    "warning": "yellow",
    "paused": "yellow",
    "skipped": "dim",
    "cancelled": "dim",
}


def fail(error: ImpactInError) -> NoReturn:
    """Print the error's one line on standard error and leave with its exit code."""
    print_error(told(error))
    sys.exit(error.exit_code)


def print_error(said: str) -> None:
    """One line on standard error."""
    errors.print(styled("[bold red]error:[/] {said}", said=said), soft_wrap=True)


def print_warning(said: str) -> None:
    """One line on standard error, about something that doesn't stop the command."""
    errors.print(styled("[bold yellow]warning:[/] {said}", said=said), soft_wrap=True)


def styled(template: str, **outside: object) -> Text:
    """`template`, our own words with rich's markup, with `{name}` filled in as plain text."""
    shown = {name: escape(plain(str(value))) for name, value in outside.items()}
    return Text.from_markup(template.format(**shown), emoji=False)


def camel(name: str) -> str:
    """`period_start` as `periodStart`."""
    head, *rest = name.split("_")
    return head + "".join(part.capitalize() for part in rest)


def to_json(value: Any) -> Any:
    """`value` as JSON data: camelCase keys, ISO 8601 with offset, ids as text."""
    if is_dataclass(value) and not isinstance(value, type):
        value = asdict(value)
    if isinstance(value, Mapping):
        return {camel(str(key)): to_json(item) for key, item in value.items()}
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, UUID | PurePath):
        return str(value)
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, Iterable) and not isinstance(value, str | bytes):
        return [to_json(item) for item in value]
    return value


def print_json(value: Any) -> None:
    """One JSON document on standard output."""
    text = json.dumps(to_json(value), ensure_ascii=False, indent=2)
    # Such characters stand in JSON's texts only, and mean the same when they are escaped.
    sys.stdout.write(_HARMFUL.sub(lambda found: f"\\u{ord(found[0]):04x}", text) + "\n")


def print_table(
    title: str, columns: Sequence[str], rows: Iterable[Sequence[Any]], *, empty: str
) -> None:
    """A table for people; `empty` is what to say, and do, when there are no rows."""
    listed = [tuple(cell_text(value) for value in row) for row in rows]
    if not listed:
        console.print(empty)
        return
    table = Table(title=title, title_justify="left", header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in listed:
        table.add_row(*row)
    unbounded = console.options.update(max_width=_UNBOUNDED)
    if Measurement.get(console, unbounded, table).maximum > console.width:
        # Lines between the columns would cost a narrow terminal the room that words need.
        console.print(Text(plain(title), style="bold"))
        print_plain_table(columns, listed)
        return
    console.print(table)


def print_plain_table(
    columns: Sequence[str], rows: Iterable[Sequence[Any]], *, numbers: bool = False
) -> None:
    """A table without lines between its columns, which leaves room in a terminal of 80; with `numbers` all
    but the first column stand to the right."""
    table = Table(
        box=SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False, header_style="bold"
    )
    for place, column in enumerate(columns):
        right = numbers and place > 0
        table.add_column(column, justify="right" if right else "left", overflow="fold")
    for row in rows:
        table.add_row(*(cell_text(value) for value in row))
    console.print(table)


def cell_text(value: Any) -> Text:
    """A value as a table shows it: UTC to the second, statuses coloured, nothing as a dash."""
    if isinstance(value, Text):
        return value
    if value is None or value == "":
        return Text("–")
    if isinstance(value, datetime):
        return Text(f"{value:%Y-%m-%d %H:%M:%S}")
    if isinstance(value, bool):
        return Text("yes" if value else "no")
    # Its lines stay: a cell of ours may have several.
    text = plain_lines(value.value if isinstance(value, Enum) else str(value))
    return Text(text, style=_STATUS_STYLES.get(text, ""))
