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
_INCIDENT_OF_NOBODY = """(t.incident_id IS NULL
    OR t.incident_id IN (SELECT i.id FROM incidents i WHERE i.company_id IS NULL))"""
_AMONG_COMPANIES = "(t.companies IS NULL OR CAST(:company_id AS uuid) = ANY(t.companies))"
_UPLOAD = "t.upload_id IN (SELECT u.id FROM event_uploads u WHERE u.company_id = :company_id)"


@dataclass(frozen=True, slots=True)
class Holding:
    """A table's part of a company.

    `rows`: which rows are the company's, as a condition on the table as `t`; None: none is its alone.
    `hidden`: columns that an export leaves out, since nobody is ever shown them. `sealed`: texts and
    JSON in which no person stands, and that must stay as they are: ids, digests, addresses, schedules, and
    words of ours; names of the company too, which go with it. `shared`: which of the rows that are nobody's
    or several companies' may name this company or a person of it, in texts or JSON; None: none does. No row
    that is another company's alone is ever among them. `why`: for a table
    that has nothing of anybody, why not.
    """

    rows: str | None = None
    hidden: tuple[str, ...] = ()
    sealed: tuple[str, ...] = ()
    shared: str | None = None
    why: str = ""


HOLDINGS: Mapping[str, Holding] = MappingProxyType(
    {
        "access_tokens": Holding(shared=_AMONG_COMPANIES),
        "alert_channels": Holding(why="our own channels, and what they answered"),
        "api_tokens": Holding(_OWN, hidden=("token_hash",), sealed=("shown",)),
        "archive_marks": Holding(why="our own archive"),
        "archived_deliveries": Holding(_OWN),
        "archived_files": Holding(why="files of everybody's months"),
        "audit_log": Holding(_OWN, sealed=("action",), shared="t.company_id IS NULL"),
        "calls_daily": Holding(_OWN, sealed=("platform",)),
        "companies": Holding("t.id = :company_id", sealed=("slug", "name", "timezone")),
        # Of people it has counts only: the names in it are of activities and categories.
        "company_impact": Holding(_OWN, sealed=("activities", "outcomes", "quality")),
        "connection_closures": Holding(
            _OWN, sealed=("platform", "kind", "state", "cause"), shared="t.company_id IS NULL"
        ),
        "correction_policies": Holding(_OWN, sealed=("platform", "policy")),
        "counters": Holding(why="counts over everybody"),
        "delivery_attempts": Holding(_DELIVERY, sealed=("outcome", "error_kind")),
        "erased_references": Holding(_OWN),
        "event_upload_parts": Holding(_UPLOAD, sealed=("kind",)),
        "event_uploads": Holding(_OWN, sealed=("state",)),
        "evidence_heads": Holding(_OWN),
        "evidence_links": Holding(_OWN, sealed=("record", "status")),
        "evidence_marks": Holding(why="one mark over everybody"),
        "idempotency_keys": Holding(
            # Whole answers go (sweeping.py): none is rewritten.
            sealed=("key", "headers"),
            shared="true",
        ),
        "impact_compared_days": Holding(_OWN),
        "impact_deliveries": Holding(
            _OWN,
            sealed=(
                *("platform", "trigger", "status", "timezone", "error_kind"),
                *("transaction_id", "claimed_by", "dagster_run_id"),
                # Figures, names of activities, account ids: nobody. It is sent again under its key as it was,
                # and its digest is in the chain of evidence.
                *("payload", "figures"),
            ),
        ),
        "impact_events": Holding(_OWN, sealed=("activity", "outcome_category")),
        "impact_touched_days": Holding(_OWN),
        "incident_notes": Holding(_INCIDENT, shared=_INCIDENT_OF_NOBODY),
        "incidents": Holding(
            _OWN,
            sealed=("platform", "type", "severity", "notified_severity"),
            shared="t.company_id IS NULL",
        ),
        "maintenance_windows": Holding(_OWN, sealed=("platform",), shared="t.company_id IS NULL"),
        "notice_attempts": Holding(_MESSAGE),
        "notice_channels": Holding(
            _OWN,
            hidden=("target", "secret", "old_secret"),
            sealed=("medium", "digest", "language", "timezone"),
        ),
        "notice_marks": Holding(why="one mark over everybody"),
        "notice_messages": Holding(_OWN, sealed=("key", "kind")),
        "notifications": Holding(
            _INCIDENT, sealed=("key", "channel", "kind"), shared=_INCIDENT_OF_NOBODY
        ),
        "platform_connections": Holding(
            _OWN,
            hidden=("credentials", "webhook_secret"),
            sealed=("platform", "organization_id", "base_url", "credentials_origin"),
        ),
        "platform_daily": Holding(why="counts over everybody"),
        "platform_health": Holding(why="whole platforms"),
        "platform_hours": Holding(why="counts over everybody"),
        "processes": Holding(why="our own processes"),
        "provider_tokens": Holding(
            why="encrypted, under digests from which no company can be read; the company's is dropped by key"
        ),
        "replay_requests": Holding(shared="CAST(:company_id AS uuid) = ANY(t.company_ids)"),
        "request_budgets": Holding(
            sealed=("platform", "base_url", "organization_id"),
            shared="""(t.platform, t.organization_id) IN (
                SELECT p.platform, p.organization_id FROM platform_connections p
                WHERE p.company_id = :company_id)""",
        ),
        "revoked_subjects": Holding(
            why="people of the operator's sign-in service, gone with the last token"
        ),
        "scheduled_deliveries": Holding(
            _OWN,
            sealed=(
                "platform",
                "schedule",
                "timezone",
                "last_status",
                "holiday_calendar",
                "catch_up",
            ),
        ),
        "sla_daily": Holding(_OWN, sealed=("platform",)),
        "sla_days": Holding(why="days of everybody"),
        "sla_outcome_marks": Holding(why="one mark over everybody"),
        "sla_outcomes": Holding(_OWN),
        "sla_reports": Holding(_OWN, sealed=("period",), shared="t.company_id IS NULL"),
        "sla_thresholds": Holding(_OWN, sealed=("platform",), shared="t.company_id IS NULL"),
        "stale_cells": Holding(_OWN, sealed=("platform", "version")),
        "stale_days": Holding(_OWN, sealed=("platform", "current")),
        "web_sessions": Holding(sealed=("form_token", "signed_in_by"), shared=_AMONG_COMPANIES),
        "webhook_messages": Holding(
            _OWN, sealed=("platform", "message_id", "result", "transaction_id")
        ),
    }
)
