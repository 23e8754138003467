"""The error tree: everything a person can mend derives from `ImpactInError`.

An error of the core is a *refusal*: a code and typed parameters, and no prose. `wording` turns it into a
sentence, and each door adds its own next step: the CLI a command, the API a problem type, the cockpit the
page's language. No error carries a secret.

A refusal is a dataclass, so that its fields are its parameters:

    @refusal("company.unknown")
    class CompanyUnknown(NotFound):
        company: str
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar, dataclass_transform


class ImpactInError(Exception):
    """Something that a person can mend. `code` names it for programs and never changes its meaning."""

    code: ClassVar[str] = "error"
    exit_code: ClassVar[int] = 1

    @property
    def parameters(self) -> Mapping[str, Any]:
        """What the refusal is about, by name; empty for an error that was worded by a door."""
        return {name: getattr(self, name) for name in getattr(self, "__dataclass_fields__", ())}

    def __str__(self) -> str:
        """For logs; people read `wording.sentence`."""
        if self.code not in REFUSALS:
            return super().__str__()
        told = ", ".join(f"{name}={value!r}" for name, value in self.parameters.items())
        return f"{self.code} ({told})" if told else self.code


class UsageError(ImpactInError):
    """The input itself is wrong: a bad option, file, name or value."""

    code = "usage"
    exit_code: ClassVar[int] = 2


class InvalidSetting(UsageError):
    """An environment variable doesn't hold what it must."""

    code = "setting.invalid"


class InvalidSchedule(UsageError):
    """A cron, time zone, calendar or window that can't be a schedule."""

    code = "schedule.invalid"


class NotFound(ImpactInError):
    """A company, schedule or delivery that isn't there."""

    code = "not_found"


class Gone(ImpactInError):
    """Something that was here, and is known to have left."""

    code = "gone"


class Conflict(ImpactInError):
    """The state of the thing forbids what was asked."""

    code = "conflict"


class DatabaseUnavailable(ImpactInError):
    """PostgreSQL doesn't answer, or doesn't have our tables yet."""

    code = "database.unavailable"


_Error = TypeVar("_Error", bound=ImpactInError)
REFUSALS: dict[str, type[ImpactInError]] = {}
"""Every refusal by its code: tests walk it, and the documentation lists it."""


@dataclass_transform(eq_default=False)
def refusal(code: str) -> Callable[[type[_Error]], type[_Error]]:
    """Make a dataclass of an error's fields and register it under `code`, which must be new."""

    def made(cls: type[_Error]) -> type[_Error]:
        if code in REFUSALS:
            raise ValueError(f"two refusals have the code {code!r}")
        cls.code = code
        # Compared by identity, like any exception: `contextlib` and tracebacks rely on it.
        decorated = dataclass(eq=False)(cls)
        REFUSALS[code] = decorated
        return decorated

    return made
