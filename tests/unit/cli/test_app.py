"""The list of commands, which is written apart from them so that it can be shown without importing them."""

import re

import pytest
import typer
from typer.main import get_command
from typer.testing import CliRunner

from impact_in_pipelines.cli.app import COMMANDS, app


def first_line(text: str | None) -> str:
    """What a list of commands has for a command: the first paragraph of its help."""
    return " ".join((text or "").split("\n\n")[0].split())


def test_every_line_is_the_first_of_its_commands_help() -> None:
    """The list says what the command says."""
    commands = get_command(app()).commands  # type: ignore[attr-defined]
    assert list(COMMANDS) == list(commands)
    assert {name: first_line(each.help) for name, each in commands.items()} == {
        name: command.line for name, command in COMMANDS.items()
    }


def test_the_list_is_the_same_whatever_is_imported() -> None:
    """All of it, one command, or none."""
    shown = {
        CliRunner().invoke(each, ["--help"], prog_name="impact-in").stdout
        for each in (app(), app(["--help", "deliver"]), app(["--help"]))
    }
    assert len(shown) == 1


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_that_is_called_is_the_real_one(name: str) -> None:
    """Also after `--`, and as it was named."""
    program: typer.Typer = app(["--", name, "--help"])
    help_ = CliRunner().invoke(program, [name, "--help"], prog_name="impact-in").stdout
    words = COMMANDS[name].line.split()[:3]
    assert re.search(r"\s+".join(map(re.escape, words)), help_)
    assert ("COMMAND [ARGS]" in help_) is (COMMANDS[name].attribute == "app")
