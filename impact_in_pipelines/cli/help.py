"""Help and wrong usage as this program shows them: the names that a person types, nothing else."""

from typing import Any

import typer
from typer.core import TyperArgument, TyperOption
from typer.exceptions import TyperException

from impact_in_pipelines.platforms import Platform


def tidied(command: Any) -> Any:
    """`command` and all below it without what Typer adds: `<bool>` beside a flag, `<str>` beside an argument
    that has a name, braces around the name of an argument.

    Typer has no settings for these, so that each parameter gets the answer of its own. Returns `command`.
    """
    for parameter in (*command.params, command.get_help_option(typer.Context(command))):
        if isinstance(parameter, TyperArgument):
            _tidy(parameter)
        elif isinstance(parameter, TyperOption) and parameter.metavar is None:
            plain = parameter.type_descriptor.annotation is str
            parameter.metavar = "" if parameter.is_flag else "TEXT" if plain else None
    for below in getattr(command, "commands", {}).values():
        tidied(below)
    return command


def _tidy(argument: TyperArgument) -> None:
    shown = argument.display_name_raw + ("..." if argument.nargs != 1 else "")

    def usage(_: object) -> list[str]:
        return [shown if argument.required else f"[{shown}]"]

    def no_type(**_: object) -> None:
        return None

    vars(argument)["get_usage_pieces"] = usage
    if argument.type_descriptor.annotation in (str, Platform):
        vars(argument)["display_type_rich"] = no_type


def usage_error(error: TyperException) -> str:
    """One line: what is wrong and whose help says how it is right. Ends where Typer's own has a full stop."""
    said = " ".join(error.format_message().split()).rstrip(".").replace(": Value error, ", ": ")
    context = getattr(error, "ctx", None)
    said = said[:1].lower() + said[1:]
    return f"{said}; see: {context.command_path} --help" if context else said


def is_help(error: TyperException) -> bool:
    """Whether it only says that a group of commands was called without one, which shows its help."""
    return type(error).__name__ == "NoArgsIsHelpError"
