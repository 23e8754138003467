"""Initial schema"""

from alembic import op
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

revision = '0001'
down_revision = None


def upgrade() -> None:
    op.create_table('alert_channels',
    sa.Column('channel', sa.Text(), nullable=False),
    sa.Column('failures', sa.Integer(), nullable=False),
    sa.Column('closed_until', postgresql.TIMESTAMP(timezone=True), nullable=False),
    sa.Column('last_error', sa.Text(), nullable=False),
    sa.Column('updated_at', postgresql.TIMESTAMP(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.PrimaryKeyConstraint('channel', name=op.f('alert_channels_pkey'))
    )
    op.create_table('companies',
    sa.Column('id', sa.Uuid(), server_default=sa.text('gen_random_uuid()'), nullable=False),
    sa.Column('slug', sa.Text(), nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('country', sa.CHAR(length=2), nullable=True),
    sa.Column('timezone', sa.Text(), server_default='UTC', nullable=False),
    sa.Column('active', sa.Boolean(), server_default=sa.text('true'), nullable=False),
    sa.Column('created_at', postgresql.TIMESTAMP(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.CheckConstraint("slug ~ '^[a-z0-9][a-z0-9-]{0,62}$'", name=op.f('companies_slug_check')),
    sa.PrimaryKeyConstraint('id', name=op.f('companies_pkey')),
    sa.UniqueConstraint('slug', name=op.f('companies_slug_key'))
    )
    op.create_table('counters',
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('value', sa.BigInteger(), server_default=sa.text('0'), nullable=False),
    sa.PrimaryKeyConstraint('name', name=op.f('counters_pkey'))
    )
    op.create_table('idempotency_keys',
    sa.Column('scope', sa.CHAR(length=64), nullable=False),
    sa.Column('key', sa.Text(), nullable=False),
    sa.Column('request_hash', sa.CHAR(length=64), nullable=False),
    sa.Column('status', sa.SmallInteger(), nullable=True),
    sa.Column('headers', postgresql.JSONB(astext_type=sa.Text()), nullable=True),
    sa.Column('body', sa.LargeBinary(), nullable=True),
    sa.Column('created_at', postgresql.TIMESTAMP(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.PrimaryKeyConstraint('scope', 'key', name=op.f('idempotency_keys_pkey'))
    )
    # purge: answers older than a day.
    op.create_index(op.f('idempotency_keys_created_at_idx'), 'idempotency_keys', ['created_at'], unique=False)
    op.create_table('platform_health',
    sa.Column('platform', sa.Text(), nullable=False),
    sa.Column('state', sa.Text(), nullable=False),
    sa.Column('since', postgresql.TIMESTAMP(timezone=True), nullable=False),
    sa.Column('reason', sa.Text(), nullable=True),
    sa.Column('updated_at', postgresql.TIMESTAMP(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.CheckConstraint("platform IN ('benevity', 'goodera', 'workday')", name=op.f('platform_health_platform_check')),
    sa.CheckConstraint("state IN ('healthy', 'degraded', 'outage')", name=op.f('platform_health_state_check')),
    sa.PrimaryKeyConstraint('platform', name=op.f('platform_health_pkey'))
    )
    op.create_table('provider_tokens',
    sa.Column('key', sa.CHAR(length=64), nullable=False),
    sa.Column('token', sa.LargeBinary(), nullable=False),
    sa.Column('token_hash', sa.CHAR(length=64), nullable=False),
    sa.Column('expires_at', postgresql.TIMESTAMP(timezone=True), nullable=False),
    sa.Column('updated_at', postgresql.TIMESTAMP(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.PrimaryKeyConstraint('key', name=op.f('provider_tokens_pkey'))
    )
    op.create_table('replay_requests',
    sa.Column('id', sa.Uuid(), server_default=sa.text('gen_random_uuid()'), nullable=False),
    sa.Column('requested_by', sa.Text(), nullable=False),
    sa.Column('company_ids', postgresql.ARRAY(sa.Uuid()), nullable=False),
    sa.Column('delivery_ids', postgresql.ARRAY(sa.Uuid()), nullable=False),
    sa.Column('created_at', postgresql.TIMESTAMP(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('replay_requests_pkey'))
    )
    op.create_table('sla_days',
    sa.Column('day', sa.Date(), nullable=False),
    sa.Column('computed_at', postgresql.TIMESTAMP(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('day', name=op.f('sla_days_pkey'))
    )
    op.create_table('web_sessions',
    sa.Column('id_hash', sa.CHAR(length=64), nullable=False),
    sa.Column('subject', sa.Text(), nullable=False),
    sa.Column('roles', postgresql.ARRAY(sa.Text()), nullable=False),
    sa.Column('companies', postgresql.ARRAY(sa.Uuid()), nullable=True),
    sa.Column('form_token', sa.Text(), nullable=False),
    sa.Column('created_at', postgresql.TIMESTAMP(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('expires_at', postgresql.TIMESTAMP(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('id_hash', name=op.f('web_sessions_pkey'))
    )
    # purge: sessions that have expired.
    op.create_index(op.f('web_sessions_expires_at_idx'), 'web_sessions', ['expires_at'], unique=False)
    op.create_table('audit_log',
    sa.Column('id', sa.Uuid(), server_default=sa.text('gen_random_uuid()'), nullable=False),
    sa.Column('at', postgresql.TIMESTAMP(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('actor', sa.Text(), nullable=False),
    sa.Column('action', sa.Text(), nullable=False),
    sa.Column('company_id', sa.Uuid(), nullable=True),
    sa.Column('subject', sa.Text(), nullable=False),
    sa.Column('before', postgresql.JSONB(astext_type=sa.Text()), nullable=True),
    sa.Column('after', postgresql.JSONB(astext_type=sa.Text()), nullable=True),
    sa.ForeignKeyConstraint(['company_id'], ['companies.id'], name=op.f('audit_log_company_id_fkey')),
    sa.PrimaryKeyConstraint('id', name=op.f('audit_log_pkey'))
    )
    # A company's changes, newest first.
    op.create_index('audit_log_company_idx', 'audit_log', ['company_id', sa.literal_column('at DESC')], unique=False)
    op.create_table('company_impact',
    sa.Column('company_id', sa.Uuid(), nullable=False),
    sa.Column('day', sa.Date(), nullable=False),
    sa.Column('participants', sa.Integer(), nullable=False),
    sa.Column('volunteers', sa.Integer(), nullable=False),
    sa.Column('volunteer_hours', sa.Numeric(precision=14, scale=2), nullable=False),
    sa.Column('sessions', sa.Integer(), nullable=False),
    sa.Column('events', sa.Integer(), nullable=False),
    sa.Column('activities', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.Column('outcomes', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.Column('quality', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.Column('computed_at', postgresql.TIMESTAMP(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['company_id'], ['companies.id'], name=op.f('company_impact_company_id_fkey')),
    sa.PrimaryKeyConstraint('company_id', 'day', name=op.f('company_impact_pkey'))
    )
    op.create_table('impact_events',
    sa.Column('company_id', sa.Uuid(), nullable=False),
    sa.Column('event_id', sa.Text(), nullable=False),
    sa.Column('occurred_at', postgresql.TIMESTAMP(timezone=True), nullable=False),
    sa.Column('activity', sa.Text(), nullable=False),
    sa.Column('participant_ref', sa.Text(), nullable=True),
    sa.Column('volunteer_ref', sa.Text(), nullable=True),
    sa.Column('hours', sa.Numeric(precision=10, scale=2), server_default=sa.text('0'), nullable=False),
    sa.Column('outcome_category', sa.Text(), nullable=True),
    sa.Column('outcome_score', sa.Numeric(precision=12, scale=4), nullable=True),
    sa.Column('imported_at', postgresql.TIMESTAMP(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.ForeignKeyConstraint(['company_id'], ['companies.id'], name=op.f('impact_events_company_id_fkey')),
    sa.PrimaryKeyConstraint('company_id', 'event_id', name=op.f('impact_events_pkey'))
    )
    # aggregate_periods: the events of one company between two instants.
    op.create_index(op.f('impact_events_company_id_occurred_at_idx'), 'impact_events', ['company_id', 'occurred_at'], unique=False)
    op.create_table('impact_touched_days',
    sa.Column('company_id', sa.Uuid(), nullable=False),
    sa.Column('day', sa.Date(), nullable=False),
    sa.Column('touched_at', postgresql.TIMESTAMP(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.ForeignKeyConstraint(['company_id'], ['companies.id'], name=op.f('impact_touched_days_company_id_fkey')),
    sa.PrimaryKeyConstraint('company_id', 'day', name=op.f('impact_touched_days_pkey'))
    )
    op.create_table('maintenance_windows',
    sa.Column('id', sa.Uuid(), server_default=sa.text('gen_random_uuid()'), nullable=False),
    sa.Column('company_id', sa.Uuid(), nullable=True),
    sa.Column('platform', sa.Text(), nullable=True),
    sa.Column('starts_at', postgresql.TIMESTAMP(timezone=True), nullable=False),
    sa.Column('ends_at', postgresql.TIMESTAMP(timezone=True), nullable=False),
    sa.Column('reason', sa.Text(), nullable=False),
    sa.Column('created_by', sa.Text(), nullable=False),
    sa.Column('created_at', postgresql.TIMESTAMP(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('ended_by', sa.Text(), nullable=True),
    sa.CheckConstraint("platform IN ('benevity', 'goodera', 'workday')", name=op.f('maintenance_windows_platform_check')),
    sa.CheckConstraint('company_id IS NOT NULL OR platform IS NOT NULL', name=op.f('maintenance_windows_subject_check')),
    sa.CheckConstraint('starts_at <= ends_at', name=op.f('maintenance_windows_span_check')),
    sa.ForeignKeyConstraint(['company_id'], ['companies.id'], name=op.f('maintenance_windows_company_id_fkey')),
    sa.PrimaryKeyConstraint('id', name=op.f('maintenance_windows_pkey'))
    )
    op.create_table('platform_connections',
    sa.Column('id', sa.Uuid(), server_default=sa.text('gen_random_uuid()'), nullable=False),
    sa.Column('company_id', sa.Uuid(), nullable=False),
    sa.Column('platform', sa.Text(), nullable=False),
    sa.Column('organization_id', sa.Text(), nullable=True),
    sa.Column('base_url', sa.Text(), nullable=True),
    sa.Column('credentials', sa.LargeBinary(), nullable=True),
    sa.Column('webhook_secret', sa.LargeBinary(), nullable=True),
    sa.Column('options', postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'::jsonb"), nullable=False),
    sa.Column('enabled', sa.Boolean(), server_default=sa.text('true'), nullable=False),
    sa.Column('rate_limit_per_minute', sa.Integer(), nullable=True),
    sa.Column('max_concurrency', sa.Integer(), nullable=True),
    sa.Column('created_at', postgresql.TIMESTAMP(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('updated_at', postgresql.TIMESTAMP(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.CheckConstraint("platform IN ('benevity', 'goodera', 'workday')", name=op.f('platform_connections_platform_check')),
    sa.CheckConstraint('max_concurrency > 0', name=op.f('platform_connections_max_concurrency_check')),
    sa.CheckConstraint('rate_limit_per_minute > 0', name=op.f('platform_connections_rate_limit_per_minute_check')),
    sa.ForeignKeyConstraint(['company_id'], ['companies.id'], name=op.f('platform_connections_company_id_fkey')),
    sa.PrimaryKeyConstraint('id', name=op.f('platform_connections_pkey')),
    sa.UniqueConstraint('company_id', 'platform', name=op.f('platform_connections_company_id_platform_key'))
    )
    op.create_table('scheduled_deliveries',
    sa.Column('id', sa.Uuid(), server_default=sa.text('gen_random_uuid()'), nullable=False),
    sa.Column('company_id', sa.Uuid(), nullable=False),
    sa.Column('platform', sa.Text(), nullable=False),
    sa.Column('schedule', sa.String(length=100), nullable=False),
    sa.Column('timezone', sa.Text(), server_default='UTC', nullable=False),
    sa.Column('active', sa.Boolean(), server_default=sa.text('true'), nullable=False),
    sa.Column('next_run', postgresql.TIMESTAMP(timezone=True), nullable=True),
    sa.Column('last_run', postgresql.TIMESTAMP(timezone=True), nullable=True),
    sa.Column('last_status', sa.Text(), nullable=True),
    sa.Column('last_error', sa.Text(), nullable=True),
    sa.Column('consecutive_failures', sa.Integer(), server_default=sa.text('0'), nullable=False),
    sa.Column('paused_reason', sa.Text(), nullable=True),
    sa.Column('holiday_calendar', sa.Text(), nullable=True),
    sa.Column('window_start', sa.Time(), nullable=True),
    sa.Column('window_end', sa.Time(), nullable=True),
    sa.Column('window_days', postgresql.ARRAY(sa.SmallInteger()), nullable=True),
    sa.Column('catch_up', sa.Text(), server_default='coalesce', nullable=False),
    sa.Column('catch_up_limit_days', sa.Integer(), server_default=sa.text('31'), nullable=False),
    sa.Column('spread_minutes', sa.Integer(), server_default=sa.text('0'), nullable=False),
    sa.Column('fired_until', postgresql.TIMESTAMP(timezone=True), nullable=False),
    sa.Column('covered_until', sa.Date(), nullable=False),
    sa.Column('created_at', postgresql.TIMESTAMP(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('updated_at', postgresql.TIMESTAMP(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('deleted_at', postgresql.TIMESTAMP(timezone=True), nullable=True),
    sa.CheckConstraint("catch_up IN ('coalesce', 'all', 'none')", name=op.f('scheduled_deliveries_catch_up_check')),
    sa.CheckConstraint("platform IN ('benevity', 'goodera', 'workday')", name=op.f('scheduled_deliveries_platform_check')),
    sa.ForeignKeyConstraint(['company_id'], ['companies.id'], name=op.f('scheduled_deliveries_company_id_fkey')),
    sa.PrimaryKeyConstraint('id', name=op.f('scheduled_deliveries_pkey'))
    )
    # schedules stats: counts of active and paused ones.
    op.create_index(op.f('scheduled_deliveries_active_idx'), 'scheduled_deliveries', ['active'], unique=False)
    # schedules list, stats: one company's schedules.
    op.create_index(op.f('scheduled_deliveries_company_id_idx'), 'scheduled_deliveries', ['company_id'], unique=False)
    # plan_due and the tick: active schedules of a platform whose next run has come.
    op.create_index('scheduled_deliveries_next_run_idx', 'scheduled_deliveries', ['platform', 'next_run'], unique=False, postgresql_where=sa.text('active AND deleted_at IS NULL'))
    op.create_table('sla_daily',
    sa.Column('day', sa.Date(), nullable=False),
    sa.Column('company_id', sa.Uuid(), nullable=False),
    sa.Column('platform', sa.Text(), nullable=False),
    sa.Column('successful', sa.Integer(), nullable=False),
    sa.Column('failed', sa.Integer(), nullable=False),
    sa.Column('recovered', sa.Integer(), nullable=False),
    sa.Column('missed', sa.Integer(), nullable=False),
    sa.Column('overdue', sa.Integer(), nullable=False),
    sa.Column('skipped', sa.Integer(), nullable=False),
    sa.Column('pending', sa.Integer(), nullable=False),
    sa.Column('cancelled', sa.Integer(), nullable=False),
    sa.Column('retried', sa.Integer(), nullable=False),
    sa.Column('retried_successful', sa.Integer(), nullable=False),
    sa.Column('retried_failed', sa.Integer(), nullable=False),
    sa.Column('retry_1', sa.Integer(), nullable=False),
    sa.Column('retry_2', sa.Integer(), nullable=False),
    sa.Column('retry_3', sa.Integer(), nullable=False),
    sa.Column('retry_later', sa.Integer(), nullable=False),
    sa.Column('attempts_n', sa.Integer(), nullable=False),
    sa.Column('payload_bytes_n', sa.Integer(), nullable=False),
    sa.Column('latency_ms_n', sa.Integer(), nullable=False),
    sa.Column('lateness_ms_n', sa.Integer(), nullable=False),
    sa.Column('attempts_sum', sa.BigInteger(), nullable=False),
    sa.Column('payload_bytes_sum', sa.BigInteger(), nullable=False),
    sa.Column('latency_ms_sum', sa.BigInteger(), nullable=False),
    sa.Column('lateness_ms_sum', sa.BigInteger(), nullable=False),
    sa.Column('attempts_max', sa.BigInteger(), nullable=True),
    sa.Column('payload_bytes_max', sa.BigInteger(), nullable=True),
    sa.Column('latency_ms_max', sa.BigInteger(), nullable=True),
    sa.Column('lateness_ms_max', sa.BigInteger(), nullable=True),
    sa.Column('latency_ms_buckets', postgresql.ARRAY(sa.Integer()), nullable=False),
    sa.Column('computed_at', postgresql.TIMESTAMP(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.CheckConstraint("platform IN ('benevity', 'goodera', 'workday')", name=op.f('sla_daily_platform_check')),
    sa.ForeignKeyConstraint(['company_id'], ['companies.id'], name=op.f('sla_daily_company_id_fkey')),
    sa.PrimaryKeyConstraint('day', 'company_id', 'platform', name=op.f('sla_daily_pkey'))
    )
    op.create_table('sla_reports',
    sa.Column('id', sa.Uuid(), server_default=sa.text('gen_random_uuid()'), nullable=False),
    sa.Column('company_id', sa.Uuid(), nullable=True),
    sa.Column('period', sa.Text(), nullable=False),
    sa.Column('starts_on', sa.Date(), nullable=False),
    sa.Column('ends_on', sa.Date(), nullable=False),
    sa.Column('report', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.Column('created_at', postgresql.TIMESTAMP(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.CheckConstraint("period IN ('weekly', 'monthly')", name=op.f('sla_reports_period_check')),
    sa.ForeignKeyConstraint(['company_id'], ['companies.id'], name=op.f('sla_reports_company_id_fkey')),
    sa.PrimaryKeyConstraint('id', name=op.f('sla_reports_pkey')),
    sa.UniqueConstraint('company_id', 'period', 'starts_on', name=op.f('sla_reports_company_id_period_starts_on_key'), postgresql_nulls_not_distinct=True)
    )
    op.create_table('sla_thresholds',
    sa.Column('id', sa.Uuid(), server_default=sa.text('gen_random_uuid()'), nullable=False),
    sa.Column('company_id', sa.Uuid(), nullable=True),
    sa.Column('platform', sa.Text(), nullable=True),
    sa.Column('thresholds', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.Column('updated_by', sa.Text(), nullable=False),
    sa.Column('updated_at', postgresql.TIMESTAMP(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.CheckConstraint("platform IN ('benevity', 'goodera', 'workday')", name=op.f('sla_thresholds_platform_check')),
    sa.CheckConstraint('company_id IS NOT NULL OR platform IS NOT NULL', name=op.f('sla_thresholds_scope_check')),
    sa.ForeignKeyConstraint(['company_id'], ['companies.id'], name=op.f('sla_thresholds_company_id_fkey'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('sla_thresholds_pkey')),
    sa.UniqueConstraint('company_id', 'platform', name=op.f('sla_thresholds_company_id_platform_key'), postgresql_nulls_not_distinct=True)
    )
    op.create_table('webhook_messages',
    sa.Column('platform', sa.Text(), nullable=False),
    sa.Column('company_id', sa.Uuid(), nullable=False),
    sa.Column('message_id', sa.Text(), nullable=False),
    sa.Column('result', sa.Text(), nullable=False),
    sa.Column('received_at', postgresql.TIMESTAMP(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.CheckConstraint("platform IN ('benevity', 'goodera', 'workday')", name=op.f('webhook_messages_platform_check')),
    sa.ForeignKeyConstraint(['company_id'], ['companies.id'], name=op.f('webhook_messages_company_id_fkey')),
    sa.PrimaryKeyConstraint('platform', 'company_id', 'message_id', name=op.f('webhook_messages_pkey'))
    )
    # purge_messages: those that are older than any call-back may be.
    op.create_index(op.f('webhook_messages_received_at_idx'), 'webhook_messages', ['received_at'], unique=False)
    op.create_table('impact_deliveries',
    sa.Column('id', sa.Uuid(), server_default=sa.text('gen_random_uuid()'), nullable=False),
    sa.Column('company_id', sa.Uuid(), nullable=False),
    sa.Column('platform', sa.Text(), nullable=False),
    sa.Column('schedule_id', sa.Uuid(), nullable=True),
    sa.Column('trigger', sa.Text(), nullable=False),
    sa.Column('status', sa.Text(), nullable=False),
    sa.Column('timezone', sa.Text(), server_default='UTC', nullable=False),
    sa.Column('period_start', sa.Date(), nullable=False),
    sa.Column('period_end', sa.Date(), nullable=False),
    sa.Column('scheduled_for', postgresql.TIMESTAMP(timezone=True), nullable=False),
    sa.Column('note', sa.Text(), nullable=True),
    sa.Column('payload', postgresql.JSONB(astext_type=sa.Text()), nullable=True),
    sa.Column('payload_hash', sa.CHAR(length=64), nullable=True),
    sa.Column('payload_bytes', sa.Integer(), nullable=True),
    sa.Column('revision', sa.Integer(), server_default=sa.text('1'), nullable=False),
    sa.Column('rebuild', sa.Boolean(), server_default=sa.text('false'), nullable=False),
    sa.Column('force', sa.Boolean(), server_default=sa.text('false'), nullable=False),
    sa.Column('idempotency_key', sa.Uuid(), nullable=False),
    sa.Column('batch_id', sa.Uuid(), nullable=True),
    sa.Column('attempt_count', sa.Integer(), server_default=sa.text('0'), nullable=False),
    sa.Column('failed_attempts', sa.SmallInteger(), server_default=sa.text('0'), nullable=False),
    sa.Column('next_attempt_at', postgresql.TIMESTAMP(timezone=True), nullable=True),
    sa.Column('lease_until', postgresql.TIMESTAMP(timezone=True), nullable=True),
    sa.Column('claimed_by', sa.Text(), nullable=True),
    sa.Column('last_error', sa.Text(), nullable=True),
    sa.Column('error_kind', sa.Text(), nullable=True),
    sa.Column('http_status', sa.SmallInteger(), nullable=True),
    sa.Column('transaction_id', sa.Text(), nullable=True),
    sa.Column('provider_response', postgresql.JSONB(astext_type=sa.Text()), nullable=True),
    sa.Column('duplicate_of', sa.Uuid(), nullable=True),
    sa.Column('replay_of', sa.Uuid(), nullable=True),
    sa.Column('dagster_run_id', sa.Text(), nullable=True),
    sa.Column('selected_by', sa.Text(), nullable=True),
    sa.Column('recorded_at', postgresql.TIMESTAMP(timezone=True), nullable=True),
    sa.Column('created_at', postgresql.TIMESTAMP(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('failed_at', postgresql.TIMESTAMP(timezone=True), nullable=True),
    sa.Column('delivered_at', postgresql.TIMESTAMP(timezone=True), nullable=True),
    sa.Column('updated_at', postgresql.TIMESTAMP(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.CheckConstraint("platform IN ('benevity', 'goodera', 'workday')", name=op.f('impact_deliveries_platform_check')),
    sa.CheckConstraint("status IN ('pending', 'in_progress', 'retrying', 'success', 'failed', 'skipped', 'missed', 'cancelled')", name=op.f('impact_deliveries_status_check')),
    sa.CheckConstraint("trigger IN ('schedule', 'manual', 'backfill', 'replay')", name=op.f('impact_deliveries_trigger_check')),
    sa.CheckConstraint('period_start <= period_end', name=op.f('impact_deliveries_period_check')),
    sa.ForeignKeyConstraint(['company_id'], ['companies.id'], name=op.f('impact_deliveries_company_id_fkey')),
    sa.ForeignKeyConstraint(['duplicate_of'], ['impact_deliveries.id'], name=op.f('impact_deliveries_duplicate_of_fkey')),
    sa.ForeignKeyConstraint(['replay_of'], ['impact_deliveries.id'], name=op.f('impact_deliveries_replay_of_fkey')),
    sa.ForeignKeyConstraint(['schedule_id'], ['scheduled_deliveries.id'], name=op.f('impact_deliveries_schedule_id_fkey')),
    sa.PrimaryKeyConstraint('id', name=op.f('impact_deliveries_pkey')),
    sa.UniqueConstraint('schedule_id', 'scheduled_for', name=op.f('impact_deliveries_schedule_id_scheduled_for_key'))
    )
    # claim_due: the other members of a frozen batch.
    op.create_index(op.f('impact_deliveries_batch_id_idx'), 'impact_deliveries', ['batch_id'], unique=False, postgresql_where=sa.text('batch_id IS NOT NULL'))
    # outcome_of_run: what a run did, for its summary.
    op.create_index(op.f('impact_deliveries_dagster_run_id_idx'), 'impact_deliveries', ['dagster_run_id'], unique=False, postgresql_where=sa.text('dagster_run_id IS NOT NULL'))
    # claim_due, due_state: open rows of a platform in the order they want a worker.
    op.create_index('impact_deliveries_open_idx', 'impact_deliveries', ['platform', 'next_attempt_at'], unique=False, postgresql_where=sa.text("status IN ('pending', 'in_progress', 'retrying')"))
    # selected partitions: the rows that one run made.
    op.create_index(op.f('impact_deliveries_selected_by_idx'), 'impact_deliveries', ['selected_by'], unique=False, postgresql_where=sa.text('selected_by IS NOT NULL'))
    # sla windows of all companies, and the days that have changed since their rollup: both follow the order in which rows are written, so a BRIN of a few kilobytes serves.
    op.create_index('impact_deliveries_time_brin', 'impact_deliveries', ['scheduled_for', 'updated_at'], unique=False, postgresql_using='brin', postgresql_with={'autosummarize': 'on', 'pages_per_range': '32'})
    # timeline and lists of one company, newest first.
    op.create_index('impact_deliveries_timeline_idx', 'impact_deliveries', ['company_id', sa.literal_column('scheduled_for DESC')], unique=False)
    # call-backs of a platform: the delivery with its transaction id.
    op.create_index('impact_deliveries_transaction_idx', 'impact_deliveries', ['platform', 'transaction_id'], unique=False, postgresql_where=sa.text('transaction_id IS NOT NULL'))
    # freeze: the same content of the same company, delivered or in flight.
    op.create_index('impact_deliveries_twin_idx', 'impact_deliveries', ['company_id', 'platform', 'payload_hash'], unique=False, postgresql_where=sa.text('payload_hash IS NOT NULL'))
    # unrecorded: final rows that Dagster has not been told of.
    op.create_index('impact_deliveries_unrecorded_idx', 'impact_deliveries', ['platform', 'updated_at'], unique=False, postgresql_where=sa.text("recorded_at IS NULL AND status IN ('success', 'failed', 'skipped')"))
    op.create_table('incidents',
    sa.Column('id', sa.Uuid(), server_default=sa.text('gen_random_uuid()'), nullable=False),
    sa.Column('company_id', sa.Uuid(), nullable=True),
    sa.Column('platform', sa.Text(), nullable=True),
    sa.Column('type', sa.Text(), nullable=False),
    sa.Column('severity', sa.Text(), nullable=False),
    sa.Column('threshold', sa.DOUBLE_PRECISION(), nullable=True),
    sa.Column('actual', sa.DOUBLE_PRECISION(), nullable=True),
    sa.Column('sample_size', sa.Integer(), server_default=sa.text('0'), nullable=False),
    sa.Column('low_confidence', sa.Boolean(), server_default=sa.text('false'), nullable=False),
    sa.Column('details', postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'::jsonb"), nullable=False),
    sa.Column('since', postgresql.TIMESTAMP(timezone=True), nullable=True),
    sa.Column('opened_at', postgresql.TIMESTAMP(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('acknowledged_at', postgresql.TIMESTAMP(timezone=True), nullable=True),
    sa.Column('acknowledged_by', sa.Text(), nullable=True),
    sa.Column('cleared_at', postgresql.TIMESTAMP(timezone=True), nullable=True),
    sa.Column('closed_at', postgresql.TIMESTAMP(timezone=True), nullable=True),
    sa.Column('notified_severity', sa.Text(), nullable=True),
    sa.Column('paged', sa.Boolean(), server_default=sa.text('false'), nullable=False),
    sa.Column('channels', postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'::text[]"), nullable=False),
    sa.Column('muted_by', sa.Text(), nullable=True),
    sa.Column('maintenance_id', sa.Uuid(), nullable=True),
    sa.Column('updated_at', postgresql.TIMESTAMP(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.CheckConstraint("platform IN ('benevity', 'goodera', 'workday')", name=op.f('incidents_platform_check')),
    sa.CheckConstraint("severity IN ('warning', 'critical')", name=op.f('incidents_severity_check')),
    sa.ForeignKeyConstraint(['company_id'], ['companies.id'], name=op.f('incidents_company_id_fkey')),
    sa.ForeignKeyConstraint(['maintenance_id'], ['maintenance_windows.id'], name=op.f('incidents_maintenance_id_fkey')),
    sa.PrimaryKeyConstraint('id', name=op.f('incidents_pkey'))
    )
    # One incident is open for one breach, however many monitors see it.
    op.create_index('incidents_open_key', 'incidents', ['company_id', 'platform', 'type'], unique=True, postgresql_where=sa.text('closed_at IS NULL'), postgresql_nulls_not_distinct=True)
    # incidents list, reports: the incidents of a span of time, newest first.
    op.create_index('incidents_opened_at_idx', 'incidents', [sa.literal_column('opened_at DESC')], unique=False)
    op.create_table('delivery_attempts',
    sa.Column('id', sa.Uuid(), server_default=sa.text('gen_random_uuid()'), nullable=False),
    sa.Column('delivery_id', sa.Uuid(), nullable=False),
    sa.Column('number', sa.Integer(), nullable=False),
    sa.Column('started_at', postgresql.TIMESTAMP(timezone=True), nullable=False),
    sa.Column('finished_at', postgresql.TIMESTAMP(timezone=True), nullable=True),
    sa.Column('outcome', sa.Text(), nullable=False),
    sa.Column('http_status', sa.SmallInteger(), nullable=True),
    sa.Column('error_kind', sa.Text(), nullable=True),
    sa.Column('error', sa.Text(), nullable=True),
    sa.Column('latency_ms', sa.DOUBLE_PRECISION(), nullable=True),
    sa.ForeignKeyConstraint(['delivery_id'], ['impact_deliveries.id'], name=op.f('delivery_attempts_delivery_id_fkey')),
    sa.PrimaryKeyConstraint('id', name=op.f('delivery_attempts_pkey')),
    sa.UniqueConstraint('delivery_id', 'number', name=op.f('delivery_attempts_delivery_id_number_key'))
    )
    # platform_activity: the attempts of the last hours. Rows lie in the order of their time: BRIN is enough.
    op.create_index('delivery_attempts_started_at_idx', 'delivery_attempts', ['started_at'], unique=False, postgresql_using='brin')
    op.create_table('notifications',
    sa.Column('id', sa.Uuid(), server_default=sa.text('gen_random_uuid()'), nullable=False),
    sa.Column('seq', sa.BigInteger(), sa.Identity(always=True), nullable=False),
    sa.Column('key', sa.Text(), nullable=False),
    sa.Column('incident_id', sa.Uuid(), nullable=True),
    sa.Column('channel', sa.Text(), nullable=False),
    sa.Column('kind', sa.Text(), nullable=False),
    sa.Column('body', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.Column('attempts', sa.Integer(), server_default=sa.text('0'), nullable=False),
    sa.Column('last_error', sa.Text(), nullable=True),
    sa.Column('created_at', postgresql.TIMESTAMP(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('next_attempt_at', postgresql.TIMESTAMP(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('sent_at', postgresql.TIMESTAMP(timezone=True), nullable=True),
    sa.CheckConstraint("channel IN ('slack', 'slack_critical', 'pagerduty', 'log')", name=op.f('notifications_channel_check')),
    sa.ForeignKeyConstraint(['incident_id'], ['incidents.id'], name=op.f('notifications_incident_id_fkey')),
    sa.PrimaryKeyConstraint('id', name=op.f('notifications_pkey')),
    sa.UniqueConstraint('key', name=op.f('notifications_key_key'))
    )
    # claim: an earlier notice of the same incident and channel that is still to be sent.
    op.create_index('notifications_before_idx', 'notifications', ['incident_id', 'channel', 'seq'], unique=False, postgresql_where=sa.text('sent_at IS NULL'))
    # claim: the outbox, what is still to be sent, in order.
    op.create_index('notifications_unsent_idx', 'notifications', ['channel', 'seq'], unique=False, postgresql_where=sa.text('sent_at IS NULL'))
    for statement in _TRIGGERS:
        op.execute(sa.text(statement.replace(':', r'\:')))


def downgrade() -> None:
    op.drop_index('notifications_unsent_idx', table_name='notifications', postgresql_where=sa.text('sent_at IS NULL'))
    op.drop_index('notifications_before_idx', table_name='notifications', postgresql_where=sa.text('sent_at IS NULL'))
    op.drop_table('notifications')
    op.drop_index('delivery_attempts_started_at_idx', table_name='delivery_attempts', postgresql_using='brin')
    op.drop_table('delivery_attempts')
    op.drop_index('incidents_opened_at_idx', table_name='incidents')
    op.drop_index('incidents_open_key', table_name='incidents', postgresql_where=sa.text('closed_at IS NULL'), postgresql_nulls_not_distinct=True)
    op.drop_table('incidents')
    op.drop_index('impact_deliveries_unrecorded_idx', table_name='impact_deliveries', postgresql_where=sa.text("recorded_at IS NULL AND status IN ('success', 'failed', 'skipped')"))
    op.drop_index('impact_deliveries_twin_idx', table_name='impact_deliveries', postgresql_where=sa.text('payload_hash IS NOT NULL'))
    op.drop_index('impact_deliveries_transaction_idx', table_name='impact_deliveries', postgresql_where=sa.text('transaction_id IS NOT NULL'))
    op.drop_index('impact_deliveries_timeline_idx', table_name='impact_deliveries')
    op.drop_index('impact_deliveries_time_brin', table_name='impact_deliveries', postgresql_using='brin', postgresql_with={'autosummarize': 'on', 'pages_per_range': '32'})
    op.drop_index(op.f('impact_deliveries_selected_by_idx'), table_name='impact_deliveries', postgresql_where=sa.text('selected_by IS NOT NULL'))
    op.drop_index('impact_deliveries_open_idx', table_name='impact_deliveries', postgresql_where=sa.text("status IN ('pending', 'in_progress', 'retrying')"))
    op.drop_index(op.f('impact_deliveries_dagster_run_id_idx'), table_name='impact_deliveries', postgresql_where=sa.text('dagster_run_id IS NOT NULL'))
    op.drop_index(op.f('impact_deliveries_batch_id_idx'), table_name='impact_deliveries', postgresql_where=sa.text('batch_id IS NOT NULL'))
    op.drop_table('impact_deliveries')
    op.drop_index(op.f('webhook_messages_received_at_idx'), table_name='webhook_messages')
    op.drop_table('webhook_messages')
    op.drop_table('sla_thresholds')
    op.drop_table('sla_reports')
    op.drop_table('sla_daily')
    op.drop_index('scheduled_deliveries_next_run_idx', table_name='scheduled_deliveries', postgresql_where=sa.text('active AND deleted_at IS NULL'))
    op.drop_index(op.f('scheduled_deliveries_company_id_idx'), table_name='scheduled_deliveries')
    op.drop_index(op.f('scheduled_deliveries_active_idx'), table_name='scheduled_deliveries')
    op.drop_table('scheduled_deliveries')
    op.drop_table('platform_connections')
    op.drop_table('maintenance_windows')
    op.drop_table('impact_touched_days')
    op.drop_index(op.f('impact_events_company_id_occurred_at_idx'), table_name='impact_events')
    op.drop_table('impact_events')
    op.drop_table('company_impact')
    op.drop_index('audit_log_company_idx', table_name='audit_log')
    op.drop_table('audit_log')
    op.drop_index(op.f('web_sessions_expires_at_idx'), table_name='web_sessions')
    op.drop_table('web_sessions')
    op.drop_table('sla_days')
    op.drop_table('replay_requests')
    op.drop_table('provider_tokens')
    op.drop_table('platform_health')
    op.drop_index(op.f('idempotency_keys_created_at_idx'), table_name='idempotency_keys')
    op.drop_table('idempotency_keys')
    op.drop_table('counters')
    op.drop_table('companies')
    op.drop_table('alert_channels')


_TRIGGERS = (
    """
CREATE FUNCTION notify_delivery_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('impact_deliveries', json_build_object(
        'id', NEW.id, 'company_id', NEW.company_id, 'platform', NEW.platform,
        'status', NEW.status, 'attempt_count', NEW.attempt_count,
        'updated_at', NEW.updated_at)::text);
    RETURN NULL;
END $$
""",
    """
CREATE TRIGGER impact_deliveries_added AFTER INSERT ON impact_deliveries
FOR EACH ROW EXECUTE FUNCTION notify_delivery_change()
""",
    """
CREATE TRIGGER impact_deliveries_changed AFTER UPDATE ON impact_deliveries
FOR EACH ROW WHEN (OLD.status IS DISTINCT FROM NEW.status)
EXECUTE FUNCTION notify_delivery_change()
""",
)
