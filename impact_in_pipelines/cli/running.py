"""The commands as a program: run with what was typed, or completed while it is typed."""

import os
from collections.abc import Callable, Sequence

from typer.core import TyperGroup
from typer.exceptions import TyperException
from typer.main import get_command

from impact_in_pipelines.cli.app import app
from impact_in_pipelines.cli.help import is_help, tidied, usage_error


def runner(arguments: Sequence[str]) -> Callable[[], int]:
    """What runs the command that `arguments` name; it returns the exit code.

    What a command raises gets out, except wrong usage: that is one line on standard error, and 2.
    """
    command = tidied(get_command(app([*arguments, *_completed()])))

    def run() -> int:
        return _run(command)

    return run


def _run(command: TyperGroup) -> int:
    try:
        code = command.main(standalone_mode=False)
    except TyperException as error:
        # Help that was shown instead has said everything.
        if not is_help(error):
            from impact_in_pipelines.cli.output import print_error

            print_error(usage_error(error))
        return error.exit_code
    return code if isinstance(code, int) else 0


def _completed() -> list[str]:
    """The words that a shell wants completed, so that their command is there with its options."""
    if "_IMPACT_IN_COMPLETE" not in os.environ:
        return []
    # bash names it so, the others as Typer's scripts for them do.
    words = (os.environ.get(name, "") for name in ("COMP_WORDS", "_TYPER_COMPLETE_ARGS"))
    return " ".join(words).split()
