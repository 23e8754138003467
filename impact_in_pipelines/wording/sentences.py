"""From a refusal to the sentence that a person reads.

The English sentence is the gettext message id as well, so that the cockpit shows the same refusal in the
page's language. A sentence names no command, no option and no field: the next step is each door's own
(`cli/next_steps.py`, `api/http/problems.py`).
"""

from collections.abc import Callable, Mapping
from datetime import date, datetime, time
from enum import Enum
from types import MappingProxyType
from typing import Any

from impact_in_pipelines.errors import ImpactInError
from impact_in_pipelines.platforms import FACTS, Platform
from impact_in_pipelines.wording import (
    access,
    accounts,
    database,
    deliveries,
    impact,
    platforms,
    retention,
    schedules,
    sla,
)

Translate = Callable[[str], str]
"""A text of ours in the reader's language, by gettext."""
Read = Callable[[Any], str]
"""A parameter as the reader reads it."""

SENTENCES: Mapping[str, str] = MappingProxyType(
    {
        **access.SENTENCES,
        **accounts.SENTENCES,
        **database.SENTENCES,
        **deliveries.SENTENCES,
        **impact.SENTENCES,
        **platforms.SENTENCES,
        **retention.SENTENCES,
        **schedules.SENTENCES,
        **sla.SENTENCES,
    }
)
"""The English sentence of each code, with `%(name)s` for its parameters."""


def readable(value: Any) -> str:
    """A parameter as people read it: platforms by title, instants to the minute in UTC."""
    match value:
        case Platform():
            return FACTS[value].title
        case Enum():
            return str(value.value)
        case datetime():
            return f"{value:%Y-%m-%d %H:%M} UTC"
        case time():
            return value.isoformat("minutes" if not value.second else "auto")
        case float():
            return f"{value:.15g}"
        case date():
            return f"{value:%Y-%m-%d}"
        case list() | tuple() | set() | frozenset():
            return ", ".join(readable(one) for one in value)
        case _:
            return str(value)


def sentence(error: ImpactInError, translate: Translate = str, *, read: Read = readable) -> str:
    """What `error` says, in one line. An error that a door has worded itself stays as it is; `read` makes
    texts of its parameters."""
    template = SENTENCES.get(error.code)
    if template is None:
        return str(error)
    shown = {name: read(value) for name, value in error.parameters.items()}
    return translate(template) % shown
