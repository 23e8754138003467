"""Tables of `impact-in analytics` in terminals of any width: no word is cut."""

from io import StringIO

import pytest
from rich.console import Console

from impact_in_pipelines.cli.analytics.tables import LegibleMarkdown

_HEADINGS = ["Platform", "Success rate", "Failed calls", "95 % within"]
_ROWS = [["Benevity", "83.33 %", "2", "1.1 s"], ["Goodera", "100.00 %", "12", "18 ms"]]
_MARKDOWN = "\n".join(f"| {' | '.join(row)} |" for row in (_HEADINGS, ["---"] * 4, *_ROWS))


def lines_at(width: int, markdown: str = _MARKDOWN) -> list[str]:
    """What is printed, without what is blank or a rule."""
    out = StringIO()
    Console(file=out, width=width).print(LegibleMarkdown(markdown))
    lines = [" ".join(line.split()) for line in out.getvalue().splitlines()]
    return [line for line in lines if line.strip(" ─")]


def test_where_it_fits_a_row_is_a_line() -> None:
    """As Markdown has it."""
    assert lines_at(80)[:2] == [" ".join(_HEADINGS), "Benevity 83.33 % 2 1.1 s"]


def test_where_it_is_narrow_headings_are_folded_between_words() -> None:
    """It used to be `Platfo…`, `Succ…`, `95 %` beside each other."""
    assert lines_at(45) == [
        "Success Failed 95 %",
        "Platform rate calls within",
        "Benevity 83.33 % 2 1.1 s",
        "Goodera 100.00 % 12 18 ms",
    ]


@pytest.mark.parametrize("width", [35, 34])
def test_where_that_is_not_enough_a_column_is_a_line(width: int) -> None:
    """As `sla status` has it: a column for each platform."""
    assert lines_at(width) == [
        "Platform Benevity Goodera",
        "Success rate 83.33 % 100.00 %",
        "Failed calls 2 12",
        "95 % within 1.1 s 18 ms",
    ]


def test_where_nothing_fits_it_is_folded_all_the_same() -> None:
    """Many rows would make as many columns."""
    many = "\n".join([_MARKDOWN, *(f"| company-{n} | 1 % | 2 | 3 s |" for n in range(20))])
    assert len(lines_at(30, many)) >= 22
