"""What each table has of a company. One that isn't here fails a test: whoever adds it says whose it is."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

_OWN = "t.company_id = :company_id"
_DELIVERY = (
    "t.delivery_id IN (SELECT d.id FROM impact_deliveries d WHERE d.company_id = :company_id)"
)
_INCIDENT = "t.incident_id IN (SELECT i.id FROM incidents i WHERE i.company_id = :company_id)"
_MESSAGE = "t.message_id IN (SELECT m.id FROM notice_messages m WHERE m.company_id = :company_id)"
_UPLOAD = "t.upload_id IN (SELECT u.id FROM event_uploads u WHERE u.company_id = :company_id)"


@dataclass(frozen=True, slots=True)
class Holding:
    """A table's part of a company.

    `rows`: which rows are the company's, as a condition on the table as `t`; None: none is its alone.
    `hidden`: columns that an export leaves out, since nobody is ever shown them. `sealed`: texts that are
    hashed, and hold ids and digests only: no person stands in them. `shared`: which of the other
    rows may name a company or a person among others, in texts or JSON; None: none does. `why`: for a table
    that has nothing of anybody, why not.
    """

    rows: str | None = None
    hidden: tuple[str, ...] = ()
    sealed: tuple[str, ...] = ()
    shared: str | None = None
    why: str = ""


HOLDINGS: Mapping[str, Holding] = MappingProxyType(
    {
        "access_tokens": Holding(shared="true"),
        "alert_channels": Holding(why="our own channels, and what they answered"),
        "api_tokens": Holding(_OWN, hidden=("token_hash",)),
        "audit_log": Holding(_OWN, shared="t.company_id IS NULL"),
        "companies": Holding("t.id = :company_id"),
        "company_impact": Holding(_OWN),
        "connection_closures": Holding(_OWN, shared="t.company_id IS NULL"),
        "correction_policies": Holding(_OWN),
        "counters": Holding(why="counts over everybody"),
        "delivery_attempts": Holding(_DELIVERY),
        "erased_references": Holding(_OWN),
        "event_upload_parts": Holding(_UPLOAD),
        "event_uploads": Holding(_OWN),
        "evidence_heads": Holding(_OWN),
        "evidence_links": Holding(_OWN, sealed=("record",)),
        "evidence_marks": Holding(why="one mark over everybody"),
        "idempotency_keys": Holding(shared="true"),
        "impact_compared_days": Holding(_OWN),
        "impact_deliveries": Holding(_OWN),
        "impact_events": Holding(_OWN),
        "impact_touched_days": Holding(_OWN),
        "incident_notes": Holding(_INCIDENT, shared="true"),
        "incidents": Holding(_OWN, shared="t.company_id IS NULL"),
        "maintenance_windows": Holding(_OWN, shared="t.company_id IS NULL"),
        "notice_attempts": Holding(_MESSAGE),
        "notice_channels": Holding(_OWN, hidden=("target", "secret", "old_secret")),
        "notice_marks": Holding(why="one mark over everybody"),
        "notice_messages": Holding(_OWN),
        "notifications": Holding(_INCIDENT, shared="true"),
        "platform_connections": Holding(_OWN, hidden=("credentials", "webhook_secret")),
        "platform_health": Holding(why="whole platforms"),
        "processes": Holding(why="our own processes"),
        "provider_tokens": Holding(
            why="encrypted, under digests from which no company can be read; the company's is dropped by key"
        ),
        "replay_requests": Holding(shared="true"),
        "request_budgets": Holding(shared="true"),
        "revoked_subjects": Holding(
            why="people of the operator's sign-in service, gone with the last token"
        ),
        "scheduled_deliveries": Holding(_OWN),
        "sla_daily": Holding(_OWN),
        "sla_days": Holding(why="days of everybody"),
        "sla_outcome_marks": Holding(why="one mark over everybody"),
        "sla_outcomes": Holding(_OWN),
        "sla_reports": Holding(_OWN, shared="t.company_id IS NULL"),
        "sla_thresholds": Holding(_OWN, shared="t.company_id IS NULL"),
        "stale_cells": Holding(_OWN),
        "stale_days": Holding(_OWN),
        "web_sessions": Holding(shared="true"),
        "webhook_messages": Holding(_OWN),
    }
)
