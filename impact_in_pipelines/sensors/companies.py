"""New companies become partitions without a code change."""

from collections.abc import Sequence

from dagster import DefaultSensorStatus, SensorEvaluationContext, SkipReason, sensor

from impact_in_pipelines.assets.partitions import MOST_PARTITIONS, companies
from impact_in_pipelines.plurals import count
from impact_in_pipelines.resources.runtime import RuntimeResource
from impact_in_pipelines.services.accounts.lives import cancel_of_inactive


@sensor(
    name="companies_become_partitions",
    minimum_interval_seconds=30,
    default_status=DefaultSensorStatus.RUNNING,
    description="Adds a partition for every active company. A company that leaves keeps its history.",
)
def company_partitions(context: SensorEvaluationContext, runtime: RuntimeResource) -> SkipReason:
    """Add what is missing. Never removes: a read that fails must not look like everyone has left. What still
    waits for a company that is switched off is cancelled."""
    parts = runtime.get()
    if cancelled := cancel_of_inactive(parts):
        context.log.info(
            f"cancelled {count(cancelled, 'delivery', 'deliveries')} of companies that are switched off"
        )
    slugs = parts.companies.active_slugs()
    missing = missing_partitions(
        slugs, context.instance.get_dynamic_partitions(str(companies.name))
    )
    size = len(slugs) * parts.settings.partition_days
    if size > MOST_PARTITIONS:
        days = count(parts.settings.partition_days, "day")
        context.log.warning(
            f"{count(len(slugs), 'company', 'companies')} × {days} are {size:,} partitions; "
            f"above {MOST_PARTITIONS:,} the partition pages become slow: lower IMPACT_IN_PARTITION_DAYS"
        )
    if not missing:
        return SkipReason(
            f"{count(len(slugs), 'active company has its', 'active companies have their')} partitions"
        )
    # Not as a request of the tick: the daemon looks each of its keys up by itself, on a connection of its
    # own, and 10,000 companies took minutes.
    context.instance.add_dynamic_partitions(str(companies.name), missing)
    return SkipReason(_added(missing))


def _added(slugs: Sequence[str]) -> str:
    more = f" and {len(slugs) - 10} more" if len(slugs) > 10 else ""
    return f"added: {', '.join(slugs[:10])}{more}"


def missing_partitions(slugs: Sequence[str], known: Sequence[str]) -> list[str]:
    """The companies that have no partition yet, oldest first."""
    have = set(known)
    return [slug for slug in slugs if slug not in have]
