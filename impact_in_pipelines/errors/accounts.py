"""Refusals about companies and their connections."""

from impact_in_pipelines.errors.base import Conflict, ImpactInError, NotFound, UsageError, refusal
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


@refusal("company.slug_invalid")
class SlugInvalid(UsageError):
    """The slug isn't 1 to 63 of a-z, 0-9 and '-' that begin with a letter or digit."""

    slug: str


@refusal("company.name_empty")
class CompanyNameEmpty(UsageError):
    """A company needs a name."""


@refusal("connection.meant_elsewhere")
class CredentialsMeantElsewhere(UsageError):
    """The base URL would lead to another origin than the one that the stored credentials were entered for."""

    company: str
    platform: Platform


@refusal("connection.address_not_encrypted")
class AddressNotEncrypted(UsageError):
    """The base URL isn't https, and its host isn't allowed by setting."""

    url: str


@refusal("connection.address_not_public")
class AddressNotPublic(UsageError):
    """The base URL's address isn't public, and isn't allowed by setting."""

    url: str


@refusal("vault.no_key_fits")
class NoKeyFits(ImpactInError):
    """A stored secret was encrypted with a key that this program doesn't have."""
