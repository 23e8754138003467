"""Goodera: `POST {url}/impact-data`, or `/impact-data/batch` for up to 100 records (design, section
6)."""

from datetime import datetime
from typing import Any

from impact_in_pipelines.connectors.plugin import (
    API_KEY,
    Connection,
    ImpactFigures,
    OutcomeFigures,
    Payload,
    PlatformFacts,
    PlatformPlugin,
    Promise,
    SecondReport,
    Shipment,
    mapping,
)

_COUNTED = ("volunteer_engagement", "volunteer_hours", "program_reach", "session_count")
# Category: dimension, name, unit.
_STANDARD = {
    "integration": ("integration_outcome", "Integration outcome", "percentage"),
    "job_readiness": ("employability", "Employability", "percentage"),
    "language": ("language_proficiency", "Language proficiency", "level_0_10"),
}
_TAKEN = frozenset({*_COUNTED, *(dimension for dimension, _, _ in _STANDARD.values())})


def to_payload(
    figures: ImpactFigures, connection: Connection, built_at: datetime, correction: int = 0
) -> Payload:
    """The body of `POST /impact-data`, and one record of a batch; a correction is a later version of it."""
    return {
        "projectId": mapping.option(connection, "projectId", mapping.program_id(connection)),
        "organizationId": connection.organization_id,
        "reportingPeriod": {
            "from": figures.period_start.isoformat(),
            "to": figures.period_end.isoformat(),
        },
        "impactDimensions": [
            _dimension(
                "volunteer_engagement", "Volunteer engagement", figures.volunteers, "volunteers"
            ),
            _dimension(
                "volunteer_hours",
                "Volunteer hours",
                mapping.hours(figures.volunteer_hours),
                "hours",
            ),
            _dimension("program_reach", "Program reach", figures.participants, "participants"),
            _dimension("session_count", "Sessions", figures.sessions, "sessions"),
            *(_outcome(outcome) for outcome in mapping.scored(figures)),
        ],
        "metadata": {
            "source": mapping.SOURCE,
            "timestamp": mapping.timestamp(built_at),
            "version": mapping.version(correction),
        },
    }


def reported(figures: ImpactFigures) -> dict[str, Any]:
    """What `to_payload` says of them."""
    return {
        "volunteers": figures.volunteers,
        "volunteer_hours": mapping.hours(figures.volunteer_hours),
        "participants": figures.participants,
        "sessions": figures.sessions,
        "outcomes": mapping.reported_outcomes(figures),
    }


def _dimension(dimension: str, name: str, value: float, unit: str) -> dict[str, Any]:
    return {"dimensionId": dimension, "dimensionName": name, "value": value, "unit": unit}


def _outcome(outcome: OutcomeFigures) -> dict[str, Any]:
    dimension, name, unit = _STANDARD.get(
        outcome.category, (_custom(outcome.category), mapping.words(outcome.category), "score")
    )
    convert = mapping.percentage if unit == "percentage" else mapping.score
    return {
        **_dimension(dimension, name, convert(outcome.average), unit),
        "beneficiaries": outcome.participants,
    }


def _custom(category: str) -> str:
    """A company may call a category of its own like a standard dimension; two of one id would be
    refused or, worse, taken for each other."""
    return f"outcome_{category}" if category in _TAKEN else category


class Goodera(PlatformPlugin):
    """Sends one record a request, or a frozen batch of one connection."""

    api_version = 1
    facts = PlatformFacts(
        "Goodera",
        rate_limit_per_minute=60,
        batch_limit=100,
        credentials=((API_KEY,),),
        # One record for each project and reporting period: the highest version stands.
        second_report=SecondReport.REPLACES,
        options=("programId", "programName", "projectId"),
    )

    def payload(
        self,
        figures: ImpactFigures,
        connection: Connection,
        built_at: datetime,
        correction: int = 0,
    ) -> Payload:
        return to_payload(figures, connection, built_at, correction)

    def reported(self, figures: ImpactFigures) -> dict[str, Any]:
        return reported(figures)

    def path(self, shipment: Shipment) -> str:
        return "/impact-data/batch" if shipment.is_batch else "/impact-data"

    def headers(self, shipment: Shipment) -> dict[str, str]:
        return {"X-API-Key": shipment.connection.credentials["api_key"]}

    def promise(self, shipment: Shipment) -> Promise:
        ids = ("batchId", "transactionId") if shipment.is_batch else ("transactionId", "batchId")
        return Promise(
            "Goodera",
            str(shipment.key),
            id_fields=ids,
            counts={"recordsProcessed": len(shipment.payloads)},
            is_batch=shipment.is_batch,
        )
