"""The tables (design, section 5), a file for each subject. All times are timestamptz, all ids uuid.

Migrations create them; a test proves that both give the same schema. Each index names the query that it
serves, and there are no others on the large tables.
"""

from impact_in_pipelines.db.schema.access import audit_log, counters, idempotency_keys, web_sessions
from impact_in_pipelines.db.schema.accounts import (
    companies,
    erased_references,
    platform_connections,
    provider_tokens,
)
from impact_in_pipelines.db.schema.alerts import (
    alert_channels,
    incident_notes,
    incidents,
    maintenance_windows,
    notice_attempts,
    notice_channels,
    notice_marks,
    notice_messages,
    notifications,
)
from impact_in_pipelines.db.schema.analytics import calls_daily, platform_daily, platform_hours
from impact_in_pipelines.db.schema.base import metadata
from impact_in_pipelines.db.schema.deliveries import (
    connection_closures,
    delivery_attempts,
    impact_deliveries,
    platform_health,
    replay_requests,
    webhook_messages,
)
from impact_in_pipelines.db.schema.evidence.archived import (
    archive_marks,
    archived_deliveries,
    archived_files,
)
from impact_in_pipelines.db.schema.evidence.tables import (
    evidence_heads,
    evidence_links,
    evidence_marks,
)
from impact_in_pipelines.db.schema.fleet import processes, request_budgets
from impact_in_pipelines.db.schema.impact.figures import (
    company_impact,
    correction_policies,
    impact_compared_days,
    impact_events,
    impact_touched_days,
    stale_cells,
    stale_days,
)
from impact_in_pipelines.db.schema.impact.uploads import event_upload_parts, event_uploads
from impact_in_pipelines.db.schema.schedules import scheduled_deliveries
from impact_in_pipelines.db.schema.sla import (
    sla_daily,
    sla_days,
    sla_outcome_marks,
    sla_outcomes,
    sla_reports,
    sla_thresholds,
)

__all__ = [
    "alert_channels",
    "archive_marks",
    "archived_deliveries",
    "archived_files",
    "audit_log",
    "calls_daily",
    "companies",
    "company_impact",
    "connection_closures",
    "correction_policies",
    "counters",
    "delivery_attempts",
    "erased_references",
    "event_upload_parts",
    "event_uploads",
    "evidence_heads",
    "evidence_links",
    "evidence_marks",
    "idempotency_keys",
    "impact_compared_days",
    "impact_deliveries",
    "impact_events",
    "impact_touched_days",
    "incident_notes",
    "incidents",
    "maintenance_windows",
    "metadata",
    "notice_attempts",
    "notice_channels",
    "notice_marks",
    "notice_messages",
    "notifications",
    "platform_connections",
    "platform_daily",
    "platform_health",
    "platform_hours",
    "processes",
    "provider_tokens",
    "replay_requests",
    "request_budgets",
    "scheduled_deliveries",
    "sla_daily",
    "sla_days",
    "sla_outcome_marks",
    "sla_outcomes",
    "sla_reports",
    "sla_thresholds",
    "stale_cells",
    "stale_days",
    "web_sessions",
    "webhook_messages",
]
