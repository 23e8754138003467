"""Help and wrong usage as this program shows them: the names that a person types, nothing else."""

import re
from typing import Any

import typer
from typer.core import TyperArgument, TyperOption
from typer.exceptions import TyperException

_FEW = 24
"""Characters of choices that stand where an option's value does; more would be broken in their midst."""
_NAMES = {"str": "TEXT", "int": "N", "float": "N", "path": "FILE", "file": "FILE", "UUID": "ID"}
"""What a value is called whose option gives it no name of its own."""
_SAID = {
    r": Value error, ": ": ",
    r": Input should be": ": it must be",
    r"\. Did you mean": "; did you mean",
    r"a valid UUID, .*": "a whole id (a UUID)",
    r"does not match the formats '%Y-%m-%d'.*": "is no date such as 2026-01-31",
    r"^Got unexpected extra arguments?(?:\(s\))? \((.*)\)$": r"no place for: \1 (quote what has spaces)",
}
"""Of wrong usage: what Typer and pydantic say of it (patterns), and what we do."""


def tidied(command: Any) -> Any:
    """`command` and all below it without what Typer adds: `<bool>` beside a flag, `<int range>` beside a
    number, braces and more around the name of an argument; and with paragraphs in one piece, which the
    terminal breaks where it ends.

    Typer has no settings for these, so that each parameter gets the answer of its own. Returns `command`.
    """
    command.help = _flowing(command.help)
    context = typer.Context(command)
    for parameter in (*command.params, command.get_help_option(context)):
        if isinstance(parameter, TyperArgument):
            _tidy_argument(parameter)
        elif isinstance(parameter, TyperOption) and parameter.metavar is None:
            _tidy_option(parameter, context)
    for below in getattr(command, "commands", {}).values():
        tidied(below)
    return command


def _flowing(text: str | None) -> str | None:
    """Each paragraph on one line."""
    if text is None:
        return None
    return "\n\n".join(" ".join(part.split()) for part in text.split("\n\n"))


def _tidy_argument(argument: TyperArgument) -> None:
    name = argument.display_name_raw
    argument.metavar = name
    shown = name if argument.required else f"[{name}]"
    pieces = [shown + ("..." if argument.nargs != 1 else "")]

    def usage(_: object) -> list[str]:
        return pieces

    def no_type(**_: object) -> None:
        return None

    vars(argument)["get_usage_pieces"] = usage
    vars(argument)["display_type_rich"] = no_type


def _tidy_option(option: TyperOption, context: typer.Context) -> None:
    if option.is_flag:
        option.metavar = ""
        return
    kind = option.type_descriptor
    if kind.is_choice:
        choices = [str(getattr(one, "value", one)) for one in kind.choices or ()]
        option.metavar = "|".join(choices)
        if len(option.metavar) > _FEW:
            option.metavar = str(option.name).upper().replace("_", "-")
            option.help = f"{option.help or ''} One of: {', '.join(choices)}.".strip()
        return
    described = option.display_type(context)
    option.metavar = _NAMES.get(re.sub(r"<|>|list\[|\]| range", "", described), described)


def usage_error(error: TyperException) -> str:
    """One line: what is wrong and whose help says how it is right. Ends where Typer's own has a full stop."""
    said = " ".join(error.format_message().split()).rstrip(".")
    for typers, ours in _SAID.items():
        said = re.sub(typers, ours, said)
    context = getattr(error, "ctx", None)
    said = said[:1].lower() + said[1:]
    if context is None:
        return said
    see = f"{context.command_path} --help"
    return f"{said} See: {see}" if said.endswith("?") else f"{said}; see: {see}"


def is_help(error: TyperException) -> bool:
    """Whether it only says that a group of commands was called without one, which shows its help."""
    return type(error).__name__ == "NoArgsIsHelpError"
