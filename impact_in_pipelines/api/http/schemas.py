"""What all schemas share: camelCase on the wire, nothing unknown, instants with an offset."""

import re
from datetime import UTC, date, datetime, time
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import (
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    WithJsonSchema,
)
from pydantic.alias_generators import to_camel

from impact_in_pipelines.api.http.pagination import MOST
from impact_in_pipelines.platforms import Platform

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_EARLIEST = datetime(1, 1, 2, tzinfo=UTC)
_LATEST = datetime(9999, 12, 30, tzinfo=UTC)


class Model(BaseModel):
    """One JSON object: names in camelCase, unknown ones refused."""

    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=True, extra="forbid", frozen=True
    )


class Input(Model):
    """One that comes in: by its camelCase names alone, or a field could be given twice."""

    model_config = ConfigDict(populate_by_name=False)


def _whole(value: Any) -> Any:
    if isinstance(value, str | bool):
        raise ValueError("must be a whole number")
    return value


def _flag(value: Any) -> Any:
    if not isinstance(value, bool):
        raise ValueError("must be true or false")
    return value


def _digits(value: Any) -> Any:
    if isinstance(value, str) and not (value.isascii() and value.isdecimal()):
        raise ValueError("must be a whole number")
    return value


def _date(value: Any) -> Any:
    if isinstance(value, date):
        return value
    if not isinstance(value, str) or not _DATE.fullmatch(value):
        raise ValueError("must be a date such as 2026-03-29")
    try:
        return date.fromisoformat(value)
    except ValueError:
        raise ValueError("must be a date such as 2026-03-29") from None


# Pydantic alone takes "7" for 7, "yes" for true, and a number for a date, which is seconds from 1970 then.
Whole = Annotated[int, BeforeValidator(_whole)]
"""A whole number in a body; no text."""
Flag = Annotated[bool, BeforeValidator(_flag)]
"""true or false in a body."""
InputDay = Annotated[date, BeforeValidator(_date), Field(examples=["2026-03-09"])]
"""A date as it comes in."""


def parse_instant(value: Any) -> Any:
    """A date (its first instant in UTC) or a date and time with offset, as an instant in UTC."""
    if isinstance(value, datetime):
        return value
    if not isinstance(value, str):
        raise ValueError("must be a date or a date and time with offset")
    try:
        if _DATE.fullmatch(value):
            at = datetime.combine(date.fromisoformat(value), time(), UTC)
        else:
            at = datetime.fromisoformat(value)
    except ValueError:
        raise ValueError(
            "must be a date such as 2026-03-29 or a date and time with offset such as "
            "2026-03-29T01:00:00Z"
        ) from None
    if at.tzinfo is None:
        raise ValueError("must carry an offset, such as 2026-03-29T01:00:00Z")
    try:
        return min(max(at.astimezone(UTC), _EARLIEST), _LATEST)
    except OverflowError:
        return _EARLIEST if at.year < 2000 else _LATEST


Instant = Annotated[
    AwareDatetime,
    BeforeValidator(parse_instant),
    WithJsonSchema(
        {
            "type": "string",
            "anyOf": [{"format": "date"}, {"format": "date-time"}],
            "examples": ["2026-03-09", "2026-03-09T12:00:00Z"],
        }
    ),
]
"""An instant as it comes in: a date is its first instant in UTC."""

Moment = Annotated[
    datetime,
    WithJsonSchema({"type": "string", "format": "date-time", "examples": ["2026-03-10T00:00:30Z"]}),
]
"""An instant as it goes out: ISO 8601 with offset."""

Day = Annotated[date, Field(examples=["2026-03-09"])]
Count = Annotated[int, BeforeValidator(_digits)]
"""A whole number in a query: digits only."""
Limit = Annotated[Count, Field(ge=1, le=MOST, description=f"at most so many, up to {MOST}")]
if TYPE_CHECKING:
    PlatformName = str
else:
    PlatformName = Literal[tuple(one.value for one in Platform)]
    """A platform whose connector is installed, as it comes in."""
ShownPlatform = Annotated[str, Field(examples=["benevity"])]
"""A platform as it goes out: the log may know one whose connector isn't installed any more."""

NO_NUL = r"^[^\x00]*$"
"""PostgreSQL's text holds no NUL."""
