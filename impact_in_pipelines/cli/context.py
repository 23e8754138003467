"""What most commands begin with: settings read, the runtime put together."""

from typing import Annotated

import typer

from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.runtime import Runtime
from impact_in_pipelines.settings import get_settings

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of a table.")]
CompanyArgument = Annotated[str, typer.Argument(metavar="COMPANY", help="A company's slug or id.")]
PlatformArgument = Annotated[
    Platform, typer.Argument(metavar="PLATFORM", help="benevity, goodera or workday.")
]


def open_runtime() -> Runtime:
    """The runtime on the configured database. Raises `InvalidSetting` or `DatabaseUnavailable`."""
    return Runtime(get_settings())
