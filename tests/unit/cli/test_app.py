"""The list of commands, which is written apart from them so that it can be shown without importing them."""

import errno
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import redirect_stdout, suppress
from io import StringIO
from itertools import pairwise
from tempfile import TemporaryFile
from typing import IO

import pytest
import typer
from typer.exceptions import TyperException
from typer.main import get_command
from typer.testing import CliRunner

from impact_in_pipelines import __version__
from impact_in_pipelines.cli import main
from impact_in_pipelines.cli.app import COMMANDS, app
from impact_in_pipelines.cli.help import tidied, usage_error


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


PROGRAM = (
    "import sys; sys.argv[0] = 'impact-in'\nfrom impact_in_pipelines.cli.main import main; main()"
)


def ran(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """`impact-in words…` in a process of its own."""
    return ran_into(subprocess.PIPE, *words, **environment)


def ran_into(
    stdout: int | IO[str], *words: str, **environment: str
) -> subprocess.CompletedProcess[str]:
    """The same, with this standard output."""
    return subprocess.run(
        [sys.executable, "-c", PROGRAM, *words],
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
        env=os.environ
        | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "COLUMNS": "100"}
        | environment,
    )


def test_the_version_is_the_packages() -> None:
    """One line, and nothing else is read or done for it."""
    done = ran("--version")
    assert (done.returncode, done.stdout) == (0, f"impact-in {__version__}\n")


def test_a_full_disk_is_one_line() -> None:
    """What was not written is no success, and no traceback."""
    with open("/dev/full", "w") as full:
        done = ran_into(full, "--version")
    said = "error: the output can't be written: No space left on device\n"
    assert (done.returncode, done.stderr) == (1, said)


@pytest.mark.parametrize(
    ("file", "said"), [("/data/all.zip", "/data/all.zip"), (None, "the output")]
)
@pytest.mark.parametrize("closed", [False, True])
def test_what_can_t_be_written_is_named(
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    file: str | None,
    said: str,
    closed: bool,
) -> None:
    """A file that is full is not the output; with standard output closed (`>&-`) it was a traceback."""

    def full() -> int:
        raise OSError(errno.ENOSPC, "No space left on device", file)

    monkeypatch.setattr(main, "_loaded", lambda: full)
    with TemporaryFile("w") as out:
        monkeypatch.setattr(sys, "stdout", None if closed else out)
        with pytest.raises(SystemExit) as left:
            main.main()
    assert left.value.code == 1
    assert capfd.readouterr().err == f"error: {said} can't be written: No space left on device\n"


def test_a_date_that_is_none_is_told_so_whatever_formats_were_taken() -> None:
    """Typer names all of its formats where an option names none."""
    typers = "Invalid value for '--to': 'x' does not match the formats '%Y-%m-%d', "
    typers += "'%Y-%m-%dT%H:%M:%S', '%Y-%m-%d %H:%M:%S'."
    said = usage_error(TyperException(typers))
    assert said == "invalid value for '--to': 'x' is no date such as 2026-01-31"


def test_nobody_reads_on() -> None:
    """As after `| head -1`: nothing is said of it."""
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as pipe:
        done = ran_into(pipe, "--help")
    assert done.stderr == ""


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ["deliveries", "nonsense"],
            "no such command 'nonsense'; see: impact-in deliveries --help",
        ),
        (
            ["deliveries", "lst"],
            "no such command 'lst'; did you mean 'list'? See: impact-in deliveries --help",
        ),
        (
            ["schedules", "create", "acme", "goodera", "30", "8", "*", "*", "1-5"],
            "no place for: 8 * * 1-5 (quote what has spaces); see: impact-in schedules create --help",
        ),
        (
            ["evidence", "export", "acme", "--from", "x", "--to", "2026-01-31"],
            "invalid value for '--from': 'x' is no date such as 2026-01-31; see: "
            "impact-in evidence export --help",
        ),
        (
            ["sessions", "revoke", "x"],
            "invalid value for 'ID': it must be a whole id (a UUID); see: "
            "impact-in sessions revoke --help",
        ),
        (
            ["schedules", "plan", "--hours", "0"],
            "invalid value for '--hours': it must be greater than or equal to 1; see: "
            "impact-in schedules plan --help",
        ),
        (
            ["platforms", "hold", "benevty", "--reason", "x"],
            "invalid value for 'PLATFORM': 'benevty' is not one of 'benevity', 'goodera', 'workday'; "
            "did you mean 'benevity'? See: impact-in platforms hold --help",
        ),
        (
            ["companies", "list", "--bad"],
            "no such option: --bad; see: impact-in companies list --help",
        ),
        (
            ["connections", "set"],
            "missing argument 'COMPANY'; see: impact-in connections set --help",
        ),
        (
            ["deliver", "--platform", "nowhere"],
            "invalid value for '--platform': 'nowhere' is not one of 'benevity', 'goodera', 'workday'; "
            "see: impact-in deliver --help",
        ),
    ],
)
def test_wrong_usage_is_one_line_that_says_whose_help_to_read(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    """Like every other error, and exit code 2."""
    monkeypatch.setattr(sys, "argv", ["impact-in", *words])
    # Or click would speak of `python -m pytest.impact-in`.
    monkeypatch.setattr(sys.modules["__main__"], "__package__", None)
    with pytest.raises(SystemExit) as left:
        main.main()
    assert (left.value.code, *capsys.readouterr()) == (2, "", f"error: {said}\n")


def every_help() -> Iterator[str]:
    """The help of the program, its groups and its commands."""
    program = tidied(get_command(app()))
    paths: list[list[str]] = [[]]
    for name, group in program.commands.items():
        paths += [[name], *([name, below] for below in getattr(group, "commands", {}))]
    for path in paths:
        out = StringIO()
        with redirect_stdout(out), suppress(SystemExit):
            program.main([*path, "--help"], prog_name="impact-in")
        yield out.getvalue()


def test_help_has_only_what_a_person_types() -> None:
    """No types of ours, no braces or brackets of arguments beyond one pair, in no command's help."""
    shown = list(every_help())
    assert len(shown) > len(COMMANDS)
    odd = re.compile(r"<[a-z]|\{[A-Z]|\[\[|\.{4}|…\.")
    assert not [line for text in shown for line in text.splitlines() if odd.search(line)]
    usages = "\n".join(shown)
    assert "connections set [OPTIONS] COMPANY PLATFORM" in usages
    assert "sla status [OPTIONS] [COMPANY]" in usages
    assert "deliveries replay [OPTIONS] [ID]..." in usages


def test_help_breaks_its_lines_where_the_terminal_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not where our source does: a paragraph's lines are full, all but the last."""
    monkeypatch.setenv("COLUMNS", "60")
    for text in every_help():
        lines = [line.strip() for line in text.splitlines()]
        assert max(map(len, text.splitlines())) <= 60
        for line, after in pairwise(lines):
            usage = line.startswith("Usage:")
            if not usage and line and after and line[0] not in "│╭╰" and after[0] not in "│╭╰":
                assert len(f"{line} {after.split()[0]}") > 56, text


@pytest.mark.parametrize(
    ("instruction", "environment"),
    [
        ("complete_bash", {"COMP_WORDS": "impact-in deliveries re", "COMP_CWORD": "2"}),
        ("complete_zsh", {"_TYPER_COMPLETE_ARGS": "impact-in deliveries re"}),
        (
            "complete_fish",
            {
                "_TYPER_COMPLETE_ARGS": "impact-in deliveries re",
                "_TYPER_COMPLETE_FISH_ACTION": "get-args",
            },
        ),
    ],
)
def test_shells_complete_the_commands_of_a_group(
    instruction: str, environment: dict[str, str]
) -> None:
    """As the script that `--install-completion` puts into the shell asks."""
    done = ran(_IMPACT_IN_COMPLETE=instruction, **environment)
    assert done.returncode == 0
    assert "replay" in done.stdout
    assert "list" not in done.stdout
