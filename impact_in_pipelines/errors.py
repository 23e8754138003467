"""The error tree: everything a person can mend derives from `ImpactInError`.

The message of an `ImpactInError` is one line that names what is wrong and how to mend it; the CLI prints
it as it is and leaves with `exit_code`. It never carries a secret.
"""

from typing import ClassVar


class ImpactInError(Exception):
    """Something that a person can mend; the message is one line for that person."""

    exit_code: ClassVar[int] = 1


class UsageError(ImpactInError):
    """The input itself is wrong: a bad option, file, name or value."""

    exit_code: ClassVar[int] = 2


class InvalidSetting(UsageError):
    """An environment variable doesn't hold what it must."""


class InvalidSchedule(UsageError):
    """A cron, time zone, calendar or window that can't be a schedule."""


class NotFound(ImpactInError):
    """A company, schedule or delivery that isn't there."""


class Conflict(ImpactInError):
    """The state of the thing forbids what was asked."""


class DatabaseUnavailable(ImpactInError):
    """PostgreSQL doesn't answer, or doesn't have our tables yet."""
