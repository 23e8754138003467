"""Refusals about companies and their connections."""

from impact_in_pipelines.errors.base import Conflict, NotFound, UsageError, refusal
from impact_in_pipelines.platforms import Platform


@refusal("company.unknown")
class CompanyUnknown(NotFound):
    """No company has this slug or id."""

    company: str


@refusal("company.exists")
class CompanyExists(Conflict):
    """A company with this slug, or with the id that was given, is there already."""

    slug: str


@refusal("connection.missing")
class ConnectionMissing(UsageError):
    """The company has no complete, enabled connection to the platform."""

    company: str
    platform: Platform
