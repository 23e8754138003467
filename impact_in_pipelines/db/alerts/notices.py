"""A notice as the outbox keeps it: a JSON object, and back."""

import json
from collections.abc import Mapping
from dataclasses import asdict, fields
from datetime import datetime
from typing import Any
from uuid import UUID

from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.sla.incidents import Channel, FailedRun, Incident, Notice, NoticeKind
from impact_in_pipelines.sla.model import BreachType, Severity

_INSTANTS = ("since", "opened_at", "acknowledged_at", "cleared_at", "closed_at")
_IDS = ("id", "company_id", "maintenance_id")


def as_body(notice: Notice) -> dict[str, Any]:
    """`notice` as JSON data; `from_body` gives it back."""
    body: dict[str, Any] = json.loads(json.dumps(asdict(notice), default=_text))
    return body


def from_body(body: Mapping[str, Any]) -> Notice:
    """The notice that `as_body` made `body` from."""
    incident, run = body["incident"], body["run"]
    return Notice(
        key=body["key"],
        kind=NoticeKind(body["kind"]),
        at=datetime.fromisoformat(body["at"]),
        pages=body["pages"],
        incident=_incident(incident) if incident else None,
        run=FailedRun(**run) if run else None,
    )


def _incident(body: Mapping[str, Any]) -> Incident:
    values = dict(body)
    for name in _INSTANTS:
        values[name] = datetime.fromisoformat(values[name]) if values[name] else None
    for name in _IDS:
        values[name] = UUID(values[name]) if values[name] else None
    return as_incident(values)


def as_incident(row: Mapping[str, Any]) -> Incident:
    """The incident in `row`, whose instants and ids are values already."""
    values = dict(row)
    told, platform = values["notified_severity"], values["platform"]
    values["platform"] = Platform(platform) if platform else None
    values["type"] = BreachType(values["type"])
    values["severity"] = Severity(values["severity"])
    values["notified_severity"] = Severity(told) if told else None
    values["channels"] = tuple(Channel(channel) for channel in values["channels"])
    return Incident(**{field.name: values[field.name] for field in fields(Incident)})


def _text(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
