"""What a run says on the console: Dagster's default is every event, at level DEBUG."""

import logging

from dagster import Enum, EnumValue, Field, InitLoggerContext, LoggerDefinition, logger

from impact_in_pipelines.logs.setting_up import LineHandler

_LEVELS = Enum(
    "ConsoleLevel", [EnumValue(name) for name in ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")]
)


@logger(
    {"log_level": Field(_LEVELS, default_value="WARNING", is_required=False)},
    description="Warnings and errors on standard error; everything is in the run's event log anyway.",
)
def quiet_console(context: InitLoggerContext) -> logging.Logger:
    """A logger at the configured level, WARNING by default."""
    config = context.logger_config or {}
    console = logging.Logger("dagster", level=config.get("log_level", "WARNING"))
    handler = LineHandler()
    console.addHandler(handler)
    return console


LOGGERS: dict[str, LoggerDefinition] = {"console": quiet_console}
