"""Commands that the program tells people to type: they are there, with the options that are named."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

import impact_in_pipelines
from impact_in_pipelines.cli.app import COMMANDS, app

PACKAGE = Path(impact_in_pipelines.__file__).parent
TOLD = re.compile(r"impact-in ((?:[a-z][a-z-]*)(?: [^\s;,(){}`'\"]+| \"[^\"]*\")*)")


def told() -> Iterator[tuple[str, str]]:
    """Where, and what follows `impact-in`, in every text of the package; a value filled in is an X."""
    for file in sorted(PACKAGE.rglob("*.py")):
        tree = ast.parse(file.read_text())
        inner = {
            id(part)
            for node in ast.walk(tree)
            if isinstance(node, ast.JoinedStr)
            for part in ast.walk(node)
            if part is not node
        }
        for node in ast.walk(tree):
            if id(node) in inner:
                continue
            for found in TOLD.finditer(_text(node)):
                yield f"{file.relative_to(PACKAGE)}:{getattr(node, 'lineno', 0)}", found[1]


def _text(node: ast.AST) -> str:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        text = ""
        for part in node.values:
            # What follows a word at once is another option, or nothing.
            filled_in = "X" if text[-1:] in " =" else ""
            text += _text(part) if isinstance(part, ast.Constant) else filled_in
        return text
    return ""


@pytest.fixture(scope="module")
def program() -> Any:
    return get_command(app())


def test_every_command_that_is_named_can_be_typed(program: Any) -> None:
    """A person on call copies it from an error."""
    wrong = []
    seen = 0
    for where, line in told():
        name, *words = line.split()
        if name not in COMMANDS or words[:1] == ["1"]:
            continue  # our name in a sentence, or a format's: "impact-in needs …", "impact-in evidence 1"
        seen += 1
        command = program.commands[name]
        below = getattr(command, "commands", None)
        if below is not None and words:
            names = words[0].rstrip(".:…").split("|")
            if not set(names) <= set(below):
                wrong.append(f"{where}: impact-in {line}")
                continue
            command = below[names[0]]
        options = {"--help"} | {
            opt for one in command.params for opt in (*one.opts, *one.secondary_opts)
        }
        unknown = {word.rstrip(".:…") for word in words if word.startswith("--")} - options - {"--"}
        if unknown:
            wrong.append(f"{where}: impact-in {line}: {', '.join(unknown)}")
    assert not wrong, "\n".join(wrong)
    assert seen > 100
