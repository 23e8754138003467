"""What the CLI prints of others' words is text, and nothing but text."""

import json
from io import StringIO

import pytest
from rich.text import Text

from impact_in_pipelines.cli import output

HOSTILE = [
    ("[bold red]breach[/]", "[bold red]breach[/]"),
    ("[/]", "[/]"),
    (r"\[link=http://evil.test]here[/link]", r"\[link=http://evil.test]here[/link]"),
    ("\\", "\\"),
    ("\x1b[2J\x1b[1;1Hgone", "gone"),
    ("\x1b]8;;http://evil.test\x07here\x1b]8;;\x07", "here"),
    ("\x9b31mred", "red"),
    ("acme\u202egpj.exe", "acmegpj.exe"),
    ("a\u2066b\u2069c", "abc"),
    ("bell\x07", "bell"),
    (":warning:", ":warning:"),
    ("{value}", "{value}"),
]
"""What somebody called their company, and how it reads."""


@pytest.fixture
def printed(monkeypatch: pytest.MonkeyPatch) -> StringIO:
    """What stands on the terminal, colours and control sequences included."""
    file = StringIO()
    monkeypatch.setattr(output.console, "_file", file)
    monkeypatch.setattr(output.console, "_force_terminal", True)
    monkeypatch.setattr(output.console, "_color_system", None)
    return file


@pytest.mark.parametrize(("text", "shown"), HOSTILE)
def test_a_message_shows_others_words_as_they_are(text: str, shown: str, printed: StringIO) -> None:
    """No markup, no control or bidi characters, wherever a command puts them."""
    output.console.print(f"Company {text} is there.", soft_wrap=True)
    output.console.print(output.styled("[bold]{name}[/] is there.", name=text), soft_wrap=True)
    lines = printed.getvalue().splitlines()
    assert lines == [f"Company {shown} is there.", f"{shown} is there."]


@pytest.mark.parametrize(("text", "shown"), HOSTILE)
def test_a_table_shows_others_words_as_they_are(text: str, shown: str, printed: StringIO) -> None:
    """Titles, headings and cells."""
    output.print_table(text, ["name", text], [[text, "success"]], empty="")
    found = printed.getvalue()
    assert found.count(shown) >= 3
    assert not {"\x1b", "\x9b", "\u202e", "\u2066", "\x07"} & set(found)
    output.console.print(output.cell_text(text))
    assert printed.getvalue().splitlines()[-1] == shown


def test_a_cell_of_ours_may_have_a_colour_and_lines() -> None:
    """Statuses are coloured by us, not by what they say."""
    assert output.cell_text("failed").style == "bold red"
    assert output.cell_text("one\ntwo").plain == "one\ntwo"
    assert output.cell_text(Text("made", "dim")).style == "dim"


def test_json_on_a_terminal_moves_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    """A program reads the very same text; a terminal gets no control or bidi character."""
    value = {"name": "a\u202eb\x1b[2J\x9b\u2066é–日\u200d"}
    output.print_json(value)
    said = capsys.readouterr().out
    assert json.loads(said) == value
    assert not {"\u202e", "\x1b", "\x9b", "\u2066"} & set(said)
    assert "é–日" in said


def test_an_error_is_one_line_whatever_is_in_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name with a line break doesn't forge a second one."""
    file = StringIO()
    monkeypatch.setattr(output.errors, "_file", file)
    output.print_error("no company 'acme\nerror: all data lost'")
    assert file.getvalue().splitlines() == ["error: no company 'acme error: all data lost'"]


@pytest.mark.parametrize("terminal", [True, False])
def test_a_line_that_names_a_command_is_not_broken(
    terminal: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Copied from a terminal of 40 columns it would end in its midst; a program that searches wants lines."""
    file = StringIO()
    monkeypatch.setattr(output.console, "_file", file)
    monkeypatch.setattr(output.console, "_force_terminal", terminal)
    monkeypatch.setattr(output.console, "_width", 40)
    step = "Nothing is there yet. Make one: impact-in companies add SLUG --name NAME"
    plain = "A sentence of more than forty columns, which names no command."
    output.print_table("", [""], [], empty=step)
    output.console.print(plain)
    lines = file.getvalue().splitlines()
    assert lines[0] == step
    assert len(lines) == (3 if terminal else 2)


def test_a_narrow_terminal_keeps_words_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """As long as they fit without the lines between columns."""
    file = StringIO()
    monkeypatch.setattr(output.console, "_file", file)
    monkeypatch.setattr(output.console, "_width", 60)
    columns = ("Platform", "Company", "State", "Since", "Next try", "Held", "Why")
    row = ("Benevity", "all", "sending", None, None, 0, None)
    output.print_table("Platforms (UTC)", columns, [row], empty="")
    title, head, _, line = file.getvalue().splitlines()
    assert title.rstrip() == "Platforms (UTC)"
    assert head.split("  ") != [head]
    assert [word for word in columns if word not in head] == []
    assert line.split() == ["Benevity", "all", "sending", "–", "–", "0", "–"]
