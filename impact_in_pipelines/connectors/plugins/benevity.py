"""Benevity: `POST {url}/impact` with an API key or an OAuth token (design, section 6)."""

from datetime import datetime
from typing import Any

from impact_in_pipelines.connectors.base import PlatformConnector
from impact_in_pipelines.connectors.classify import Promise
from impact_in_pipelines.connectors.credentials import uses_oauth
from impact_in_pipelines.connectors.plugins import mapping
from impact_in_pipelines.delivery.model import Connection, Shipment
from impact_in_pipelines.delivery.payload import Payload
from impact_in_pipelines.impact.figures import ImpactFigures, OutcomeFigures
from impact_in_pipelines.platforms import Platform

_UNITS = {"integration": "score_0_1", "job_readiness": "score_0_1", "language": "level_0_10"}


def to_payload(
    figures: ImpactFigures, connection: Connection, built_at: datetime, correction: int = 0
) -> Payload:
    """The body of `POST /impact`; `program_participation` is the volunteer count.

    The contract has a place for words: the description of each metric says that it corrects an earlier one.
    """
    payload: Payload = {
        "organizationId": connection.organization_id,
        "programId": mapping.program_id(connection),
        "programName": mapping.program_name(connection),
        "reportingPeriod": mapping.start_end(figures),
        "metrics": [
            _metric("volunteer_hours", mapping.hours(figures.volunteer_hours), "hours"),
            _metric("participant_count", figures.participants, "participants"),
            _metric("program_participation", figures.volunteers, "volunteers"),
            *(_outcome(outcome) for outcome in mapping.scored(figures)),
        ],
        "timestamp": mapping.timestamp(built_at),
    }
    if correction:
        for metric in payload["metrics"]:
            said = metric.get("description")
            metric["description"] = (
                f"{said}; {_corrects(correction)}" if said else _corrects(correction)
            )
    return payload


def _corrects(correction: int) -> str:
    return f"correction {correction} of this period's figures"


def reported(figures: ImpactFigures) -> dict[str, Any]:
    """What `to_payload` says of them."""
    return {
        "volunteer_hours": mapping.hours(figures.volunteer_hours),
        "participants": figures.participants,
        "volunteers": figures.volunteers,
        "outcomes": mapping.reported_outcomes(figures),
    }


def _metric(kind: str, value: float, unit: str) -> dict[str, Any]:
    return {"metricType": kind, "metricValue": value, "metricUnit": unit}


def _outcome(outcome: OutcomeFigures) -> dict[str, Any]:
    unit = _UNITS.get(outcome.category, "score")
    name = mapping.words(outcome.category)
    return {
        **_metric("outcome_score", mapping.score(outcome.average), unit),
        "category": outcome.category,
        "description": f"{name}: average of {outcome.participants} participants scored",
    }


class BenevityConnector(PlatformConnector):
    """Sends one payload a request."""

    platform: Platform = Platform.BENEVITY

    def path(self, shipment: Shipment) -> str:
        del shipment
        return "/impact"

    def headers(self, shipment: Shipment) -> dict[str, str]:
        headers = {"X-API-Version": "1.0"}
        if not uses_oauth(shipment.connection):
            headers["Authorization"] = f"Bearer {shipment.connection.credentials['api_key']}"
        return headers

    def promise(self, shipment: Shipment) -> Promise:
        return Promise("Benevity", str(shipment.key), id_fields=("transactionId",))
