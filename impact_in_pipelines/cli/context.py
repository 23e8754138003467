"""What most commands begin with: settings read, the runtime put together."""

import os
from collections.abc import Sequence
from typing import Annotated

import typer

from impact_in_pipelines.cli.output import print_warning
from impact_in_pipelines.close_names import meant_by
from impact_in_pipelines.platforms import Platform, installed_platform
from impact_in_pipelines.runtime import Runtime
from impact_in_pipelines.setting_names import unknown_settings
from impact_in_pipelines.settings import get_settings, setting_names

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of a table.")]
CompanyArgument = Annotated[str, typer.Argument(metavar="COMPANY", help="A company's slug or id.")]
Actor = Annotated[
    str | None,
    typer.Option(
        "--by", "--actor", metavar="WHO", help="For the audit log; user@host if not given."
    ),
]


def platform_named(text: str) -> Platform:
    """The installed platform of this name, or a usage error that lists them."""
    try:
        return installed_platform(text)
    except ValueError:
        names = ", ".join(f"'{one}'" for one in Platform)
        meant = "".join(
            f" {did_you_mean([one])}" for one in meant_by(text, platform_names(), beginnings=True)
        )
        raise typer.BadParameter(f"'{text}' is not one of {names}.{meant}") from None


def did_you_mean(names: Sequence[str]) -> str:
    """The question, as Typer asks it about commands and options."""
    return f"Did you mean {' or '.join(repr(one) for one in names)}?"


def platform_names() -> list[str]:
    """What a shell completes."""
    return [one.value for one in Platform]


PlatformArgument = Annotated[
    Platform,
    typer.Argument(
        metavar="PLATFORM",
        parser=platform_named,
        autocompletion=platform_names,
        help="A platform's name; 'impact-in platforms list' has them.",
    ),
]
PlatformOption = Annotated[
    Platform | None,
    typer.Option(
        "--platform",
        metavar="PLATFORM",
        parser=platform_named,
        autocompletion=platform_names,
        help="Only this platform.",
    ),
]

NO_SETTING = "{name} is no setting and changes nothing"


def open_runtime() -> Runtime:
    """The runtime on the configured database. Raises `InvalidSetting` or `DatabaseUnavailable`."""
    settings = get_settings()
    for unknown in unknown_settings(os.environ, setting_names()):
        hint = f"; did you mean {unknown.meant}?" if unknown.meant else ""
        print_warning(NO_SETTING.format(name=unknown.name) + hint)
    return Runtime(settings)
