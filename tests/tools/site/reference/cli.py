"""Every command with its arguments and options, from the program itself."""

from collections.abc import Iterator
from typing import Any

import typer
from typer.main import get_command

from impact_in_pipelines.cli.app import COMMANDS, app
from impact_in_pipelines.cli.help import tidied
from tools.site.reference.text import cell, code, document, table

_SAID = (
    "`impact-in COMMAND --help` shows the same in a terminal. COMPANY is a slug or an id. With `--json` a command "
    "prints one JSON document and nothing else. Exit codes: 0 done, 1 something was not delivered or not found, "
    "2 wrong usage, 130 Ctrl-C ([what each means](../operations.md#exit-codes))."
)


def page() -> str:
    program = tidied(get_command(app()))
    root = typer.Context(program, info_name="impact-in")
    described = list(_commands(program, root))
    lines = {name: command.line for name, command in COMMANDS.items()}
    overview = table(
        ["command", "what it does"],
        [
            [f"[`impact-in {name}`](#{_first(name, described)})", cell(lines[name])]
            for name in lines
        ],
    )
    return document("Command line", _SAID, overview, *(text for _, text in described))


def _first(name: str, described: list[tuple[str, str]]) -> str:
    """The anchor of the first command of that name or group."""
    path = f"impact-in {name}"
    return next(one for one, _ in described if f"{one} ".startswith(f"{path} ")).replace(" ", "-")


def _commands(command: Any, context: Any) -> Iterator[tuple[str, str]]:
    for name, below in command.commands.items():
        inner = typer.Context(below, info_name=name, parent=context)
        if getattr(below, "hidden", False):
            continue
        if hasattr(below, "commands"):
            yield from _commands(below, inner)
        else:
            yield inner.command_path, _section(below, inner)


def _section(command: Any, context: Any) -> str:
    """One command. Its help is prose with a blank line between paragraphs."""
    records = [one for p in command.params if (one := p.get_help_record(context)) is not None]
    said = "\n\n".join(cell(part) for part in (command.help or "").split("\n\n"))
    usage = " ".join([context.command_path, *command.collect_usage_pieces(context)])
    parts = [f"## {context.command_path}", said, f"```text\n{usage}\n```"]
    if records:
        rows = [[code(name), cell(text)] for name, text in records]
        parts.append(table(["argument or option", "meaning"], rows))
    return "\n\n".join(parts)
