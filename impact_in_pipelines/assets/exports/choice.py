"""What a run of an export is for: what is due, or the days that it was started for."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from dagster import AssetExecutionContext, Config
from pydantic import Field

from impact_in_pipelines.assets.partitions import days_between, latest_day, selected
from impact_in_pipelines.db.accounts.companies import Company
from impact_in_pipelines.delivery.model import Selection
from impact_in_pipelines.delivery.states import Trigger
from impact_in_pipelines.errors.accounts import CompanyUnknown
from impact_in_pipelines.errors.deliveries import DayNotBegun
from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.runtime import Runtime
from impact_in_pipelines.services.deliveries.run_selections import SelectedDay


class ExportConfig(Config):
    """What a run without a partition key sends."""

    companies: list[str] = Field(default=[], description="Slugs; empty means all companies.")
    start: str | None = Field(
        default=None,
        description="First local day (YYYY-MM-DD) to send, whether due or not; empty: what is due.",
    )
    end: str | None = Field(default=None, description="Last local day to send, inclusive.")


@dataclass(frozen=True, slots=True)
class Due:
    """What is due, of these companies or (empty) of all: such a run is a drain."""

    selection: Selection


@dataclass(frozen=True, slots=True)
class Chosen:
    """The company-days that the run was started for, and what its deliveries' trigger is.

    `waits`: whether the run may wait for a retry within its minute. The CLI's doesn't.
    """

    days: Sequence[SelectedDay]
    trigger: Trigger
    waits: bool


def chosen_days(
    context: AssetExecutionContext, runtime: Runtime, platform: Platform, config: ExportConfig
) -> Due | Chosen:
    """What this run is for. Raises `UsageError` for days without a cell, or that have begun for none of the
    companies, and `CompanyUnknown`."""
    if context.has_partition_key or context.has_partition_key_range:
        pairs = selected(context.partition_keys)
        begun = _begun(context, _as_days(runtime, pairs))
        return Chosen(begun, _trigger(context, len(pairs)), waits=True)
    if config.start is None and config.end is None:
        known = _known(runtime, config.companies)
        return Due(Selection(company_ids=tuple(company.id for company in known.values())))
    span = days_between(config.start, config.end)
    slugs = config.companies or _connected(runtime, platform)
    pairs = [(slug, day) for slug in slugs for day in span]
    # Dates make a range, if only of one day: nobody promised them for now, so they have no latency.
    begun = _begun(context, _as_days(runtime, pairs))
    return Chosen(begun, Trigger.BACKFILL, waits=False)


def _trigger(context: AssetExecutionContext, days: int) -> Trigger:
    if "dagster/backfill" in context.run.tags or days > 1:
        return Trigger.BACKFILL
    return Trigger.MANUAL


def _as_days(runtime: Runtime, pairs: Sequence[tuple[str, date]]) -> list[SelectedDay]:
    known = _known(runtime, (slug for slug, _ in pairs))
    return [SelectedDay(known[slug].id, known[slug].timezone, day) for slug, day in pairs]


def _begun(context: AssetExecutionContext, days: Sequence[SelectedDay]) -> list[SelectedDay]:
    """Those of `days` that have begun where the company is. A day has a cell as soon as it begins anywhere;
    elsewhere its figures would be noughts for a day to come. Raises `DayNotBegun` if none has."""
    latest = {one.timezone: latest_day(timezone=one.timezone) for one in days}
    begun = [one for one in days if one.day <= latest[one.timezone]]
    if days and not begun:
        raise DayNotBegun(days[0].day, days[0].timezone, latest[days[0].timezone])
    if len(begun) < len(days):
        context.log.info(
            f"{len(days) - len(begun)} selected company-days haven't begun where the company is: "
            "they are not sent"
        )
    return begun


def _known(runtime: Runtime, slugs: Iterable[str]) -> Mapping[str, Company]:
    """The companies by slug. Raises `CompanyUnknown` for the first that isn't there."""
    wanted = sorted(set(slugs))
    known = runtime.companies.by_slug(wanted)
    for slug in wanted:
        if slug not in known:
            raise CompanyUnknown(slug)
    return known


def _connected(runtime: Runtime, platform: Platform) -> list[str]:
    """The active companies that have a connection to `platform`."""
    active = [company for company in runtime.companies.listed() if company.active]
    connected = runtime.connections.of_companies(platform, [company.id for company in active])
    return [company.slug for company in active if company.id in connected]
