"""The settings of the log. It is there before they are read: `logs.setting_up` reads them too."""

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, Field

from impact_in_pipelines.logs.setting_up import LogFormat, LogLevel


def _lower(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else value


class LogSettings(BaseModel):
    """Part of `settings.Settings`: the fields that begin with LOG_."""

    log_level: Annotated[LogLevel | None, BeforeValidator(_lower)] = Field(
        None, description="debug, info, warning, error or critical"
    )
    log_format: Annotated[LogFormat, BeforeValidator(_lower)] = Field(
        "auto", description="auto, text or json"
    )
