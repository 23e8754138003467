"""A company's life on the wire: switched off and on, exported, erased."""

from typing import Annotated

from pydantic import Field

from impact_in_pipelines.api.companies.schemas import CompanyView, Text
from impact_in_pipelines.api.http.schemas import Input, Model


class CompanyBody(Input):
    """What is changed of a company; its slug stays."""

    name: Annotated[Text, Field(examples=["Acme ASA"])]


class DeactivationBody(Input):
    """Why a company is switched off."""

    reason: Text | None = None


class CompanyDeactivation(Model):
    """A company that was switched off."""

    company: CompanyView = Field(description="the company")
    schedules: int = Field(description="how many schedules stopped")
    cancelled: int = Field(description="how many waiting deliveries were cancelled")
    being_sent: int = Field(
        description="how many are being sent at this moment; they are not cancelled"
    )


class CompanyReactivation(Model):
    """A company that was switched on again."""

    company: CompanyView = Field(description="the company")
    schedules: int = Field(description="how many schedules were resumed")
    still_paused: int = Field(description="how many could not be resumed")


class ErasureBody(Input):
    """What must be said before a company is erased."""

    slug: Text = Field(description="the company's slug, to confirm")
    export_sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] = Field(
        description="SHA-256 of the export that was taken since it was switched off"
    )


class PersonBody(Input):
    """The person whose data is to be erased."""

    reference: Text = Field(description="the participant's or volunteer's reference")


class Erasure(Model):
    """What was erased."""

    rows: dict[str, int] = Field(description="rows that are gone or were cleaned, by table")
    archives: dict[str, int] = Field(description="the same of each archive's file")
