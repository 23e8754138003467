"""Benevity: `POST {url}/impact` with an API key or an OAuth token (design, section 6)."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from impact_in_pipelines.connectors.plugin import (
    API_KEY,
    CLIENT_ID,
    CLIENT_SECRET,
    CallBackSignature,
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
from impact_in_pipelines.connectors.plugins.signatures import holds_in_hex

_SIGNED_BY = "x-benevity-signature"
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
    scored = "participant" if outcome.participants == 1 else "participants"
    return {
        **_metric("outcome_score", mapping.score(outcome.average), unit),
        "category": outcome.category,
        # Digits as they are, without separators: the text is a part of what is hashed.
        "description": f"{name}: average of {outcome.participants} {scored} scored",
    }


def _holds(secret: str, headers: Mapping[str, str], body: bytes) -> bool:
    return holds_in_hex(secret, headers.get(_SIGNED_BY, ""), body)


class Benevity(PlatformPlugin):
    """Sends one payload a request."""

    api_version = 1
    facts = PlatformFacts(
        "Benevity",
        rate_limit_per_minute=100,
        rate_limit_per_day=10_000,
        batch_limit=1,
        credentials=((API_KEY,), (CLIENT_ID, CLIENT_SECRET)),
        # One report for each organisation, programme and reporting period: the newest stands.
        second_report=SecondReport.REPLACES,
        options=("auth", "programId", "programName", "scope"),
    )
    call_backs = CallBackSignature(
        _SIGNED_BY,
        {"X-Benevity-Signature": "Benevity: sha256= and the HMAC of the body in hex"},
        _holds,
        stamped=False,
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
        del shipment
        return "/impact"

    def headers(self, shipment: Shipment) -> dict[str, str]:
        headers = {"X-API-Version": "1.0"}
        if not shipment.connection.uses_oauth:
            headers["Authorization"] = f"Bearer {shipment.connection.credentials['api_key']}"
        return headers

    def promise(self, shipment: Shipment) -> Promise:
        return Promise("Benevity", str(shipment.key), id_fields=("transactionId",))
