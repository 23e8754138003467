"""Refusals about companies and their connections."""

from collections.abc import Sequence
from pathlib import Path

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


@refusal("company.country_unknown")
class CountryUnknown(UsageError):
    """ISO 3166-1 assigns this code to no country; `example` is the likeliest one that it does."""

    country: str
    example: str


@refusal("company.inactive")
class CompanyInactive(Conflict):
    """The company is switched off: nothing is sent, planned or imported for it."""

    company: str


@refusal("company.still_active")
class CompanyStillActive(Conflict):
    """A company is exported for good and erased only after it was switched off."""

    company: str


@refusal("company.being_sent")
class CompanyBeingSent(Conflict):
    """Deliveries of it are being sent at this moment."""

    company: str
    count: int


@refusal("company.not_exported")
class CompanyNotExported(Conflict):
    """No export of it, or another one than was named, has been taken since it was switched off."""

    company: str


@refusal("company.not_confirmed")
class CompanyNotConfirmed(UsageError):
    """Erasing needs the company's slug, written out."""

    company: str


@refusal("company.export_unwritable")
class ExportUnwritable(UsageError):
    """The export can't be written there."""

    path: Path
    reason: str


@refusal("participant.reference_empty")
class ReferenceEmpty(UsageError):
    """Whose data is to be erased isn't said."""


@refusal("connection.option_unknown")
class OptionUnknown(UsageError):
    """The platform's connector reads no option of this name; `known` are those that it reads."""

    platform: Platform
    name: str
    known: Sequence[str]


class InvalidCredentials(UsageError):
    """Credentials that the platform can't take. No refusal of these carries a value."""


@refusal("connection.credentials_missing")
class CredentialsMissing(InvalidCredentials):
    """Names of credentials are missing; `wanted` are the sets that the platform takes."""

    platform: Platform
    wanted: str
    missing: Sequence[str]


@refusal("connection.credentials_unknown")
class CredentialsUnknown(InvalidCredentials):
    """There are more credentials than the platform takes."""

    platform: Platform
    wanted: str
    unknown: Sequence[str]


@refusal("connection.credentials_mixed")
class CredentialsMixed(InvalidCredentials):
    """Some credentials are missing and others are too much."""

    platform: Platform
    wanted: str
    missing: Sequence[str]
    unknown: Sequence[str]


@refusal("connection.credential_not_text")
class CredentialNotText(InvalidCredentials):
    """The credential `name` isn't a string."""

    platform: Platform
    name: str


@refusal("connection.credential_empty")
class CredentialEmpty(InvalidCredentials):
    """The credential `name` is the empty string."""

    platform: Platform
    name: str


@refusal("connection.credential_not_printable")
class CredentialNotPrintable(InvalidCredentials):
    """The credential `name` couldn't stand in a header line."""

    platform: Platform
    name: str


@refusal("connection.client_missing")
class ClientMissing(UsageError):
    """The account is to authenticate by OAuth and has neither a client id nor its secret."""

    platform: Platform


@refusal("connection.organization_missing")
class OrganizationMissing(UsageError):
    """The platform would not know whom the figures are about."""

    platform: Platform


@refusal("connection.address_malformed")
class AddressMalformed(UsageError):
    """The base URL is no plain http(s) address. It isn't kept: it may hold a password."""

    platform: Platform


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
