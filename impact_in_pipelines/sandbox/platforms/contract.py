"""What the three contracts have in common: strict models, ISO dates, one-line reasons."""

import re
from datetime import date, datetime
from typing import Annotated, Any, Self, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    model_validator,
)
from pydantic.alias_generators import to_camel

from impact_in_pipelines.sandbox.exchange import RefusalError

_TIMESTAMP = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$"


def _real_date(text: str) -> str:
    date.fromisoformat(text)
    return text


def _real_timestamp(text: str) -> str:
    # Digits beyond microseconds are legal ISO 8601, but fromisoformat refuses them.
    datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", text))
    return text


Name = Annotated[str, StringConstraints(min_length=1, max_length=255)]
Number = Annotated[float, Field(ge=0)]
Count = Annotated[int, Field(ge=0)]
# pydantic's own date and datetime also take Unix times in strings.
IsoDate = Annotated[
    str, StringConstraints(pattern=r"^\d{4}-\d\d-\d\d$"), AfterValidator(_real_date)
]
IsoTimestamp = Annotated[
    str, StringConstraints(pattern=_TIMESTAMP), AfterValidator(_real_timestamp)
]


class Contract(BaseModel):
    """A JSON object of the wire: camelCase, types strict, unknown fields refused.

    Optional fields may be left out but not be null.
    """

    model_config = ConfigDict(
        alias_generator=to_camel,
        strict=True,
        extra="forbid",
        frozen=True,
        allow_inf_nan=False,
    )


class StartEnd(Contract):
    """A reporting period as `startDate` and `endDate`, both inclusive."""

    start_date: IsoDate
    end_date: IsoDate

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.start_date > self.end_date:
            raise ValueError("startDate is after endDate")
        return self


Model = TypeVar("Model", bound=BaseModel)


def read_json(model: type[Model], raw: bytes, code: str) -> Model:
    """Return the body as `model`; raises `RefusalError` (400, `code`), naming the first error."""
    try:
        return model.model_validate_json(raw)
    except ValidationError as error:
        raise RefusalError(400, code, first_error(error)) from None


def first_error(error: ValidationError) -> str:
    """Return one line for a validation error: where, why, how many more; never the value."""
    errors = error.errors(include_url=False, include_input=False)
    first: Any = errors[0]
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    return f"{place(first['loc'])}: {first['msg']}{more}"


def place(location: tuple[int | str, ...]) -> str:
    """Return a location such as `records[3].impactDimensions[0].value`; `body` for the whole."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location)
    return text.lstrip(".") or "body"
