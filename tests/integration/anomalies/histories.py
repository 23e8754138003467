"""Half a year of daily rollups with weekends, written as the hourly run writes them."""

from datetime import timedelta
from uuid import UUID

from factories import World

from impact_in_pipelines.anomalies.model import HISTORY_DAYS
from impact_in_pipelines.platforms import Platform

_COUNTS = (
    *("recovered", "missed", "overdue", "skipped", "pending", "cancelled"),
    *("retried", "retried_successful", "retried_failed"),
    *("retry_1", "retry_2", "retry_3", "retry_later"),
    *("attempts_n", "payload_bytes_n", "latency_ms_n", "lateness_ms_n"),
    *("attempts_sum", "payload_bytes_sum", "latency_ms_sum", "lateness_ms_sum"),
)

_DAYS = """FROM generate_series(0, :days - 1) n,
    LATERAL (SELECT CAST(:now AS date) - 1 - n AS day) d,
    LATERAL (SELECT CASE WHEN extract(isodow FROM day) > 5 THEN 0.2 ELSE 1.0 END
             * (1 + (abs(hashtext(day::text || CAST(:company AS text))) % 100 - 50) / 1000.0) AS usual) u"""


def write_history(
    world: World,
    company: UUID,
    platform: Platform = Platform.GOODERA,
    *,
    due: int = 24,
    answer_ms: float = 200,
    events: int = 300,
) -> None:
    """Deliveries that all arrived, their calls and the company's events, up to yesterday."""
    zeros = ", ".join("0" for _ in _COUNTS)
    values = {
        "company": company,
        "platform": platform.value,
        "now": world.clock(),
        "days": HISTORY_DAYS,
        "due": due,
        "ms": answer_ms,
        "events": events,
    }
    world.execute(
        f"""INSERT INTO sla_daily (day, company_id, platform, successful, failed, {", ".join(_COUNTS)},
                latency_ms_buckets)
            SELECT day, :company, :platform, round(:due * usual), 0, {zeros}, '{{}}' {_DAYS}""",
        **values,
    )
    world.execute(
        f"""INSERT INTO calls_daily (day, company_id, platform, requests, deliveries_sent, repeats,
                failed_requests, lost, answered, answer_ms_sum, answer_bins, answer_counts)
            SELECT day, :company, :platform, 10, 10, 0, 0, 0, 10,
                   10 * CAST(:ms AS float8) * (1 + (abs(hashtext('a' || day)) % 100 - 50) / 1000.0),
                   '{{}}', '{{}}'
            {_DAYS}""",
        **values,
    )
    world.execute(
        f"""INSERT INTO company_impact (company_id, day, participants, volunteers, volunteer_hours, sessions,
                events, activities, outcomes, quality, computed_at)
            SELECT :company, day, 1, 1, round(:events * usual * 2), 1, round(:events * usual), '{{}}', '{{}}',
                   '{{}}', :now
            {_DAYS} ON CONFLICT DO NOTHING""",
        **values,
    )


def write_platform(world: World, platform: Platform, *, due: int = 2400, bin_: int = 61) -> None:
    """What all companies together did; `bin_` is where their answers lie (analytics/answers.py)."""
    world.execute(
        f"""INSERT INTO platform_daily (day, platform, companies, planned, succeeded, failed, never_started,
                timed, on_time, latency_ms_sum, latency_ms_n, payload_bytes, requests, deliveries_sent,
                repeats, failed_requests, lost, answered, latency_ms_buckets, answer_ms_sum, answer_bins,
                answer_counts)
            SELECT day, :platform, 100, round(:due * usual), round(:due * usual), 0, 0, 0, 0, 0, 0, 0, 100,
                   100, 0, 0, 0, 100, '{{}}', 20000, ARRAY[:bin - 1, :bin, :bin + 1], ARRAY[30, 40, 30]
            {_DAYS}""",
        platform=platform.value,
        company="everybody",
        now=world.clock(),
        days=HISTORY_DAYS,
        due=due,
        bin=bin_,
    )


def spoil(world: World, table: str, change: str, *, days: int, company: UUID | None = None) -> None:
    """Change the last `days` days."""
    since = world.clock().date() - timedelta(days=days)
    whose = "" if company is None else " AND company_id = :company"
    values = {} if company is None else {"company": company}
    world.execute(f"UPDATE {table} SET {change} WHERE day >= :since{whose}", since=since, **values)
