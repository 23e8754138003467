"""What Dagster's events say has arrived: they are kept in a database of their own."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

from dagster import AssetKey, AssetRecordsFilter, DagsterInstance, EventLogRecord, MultiPartitionKey

from impact_in_pipelines.delivery.arrivals import Arrival
from impact_in_pipelines.delivery.states import Trigger
from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.progress import Steps, Tell, silent

_AT_ONCE = 1_000


def arrivals_since(since: datetime, tell: Tell = silent) -> list[Arrival]:
    """Each delivery that the instance which DAGSTER_HOME names shows as arrived since then, once."""
    with DagsterInstance.get() as instance:
        return read_arrivals(instance, since, tell)


def read_arrivals(instance: DagsterInstance, since: datetime, tell: Tell = silent) -> list[Arrival]:
    """The same of `instance`; a delivery of several days has an event for each of them. How many there are
    isn't known: `tell` is called with the seconds since `since` that were read, of each platform's events."""
    found: dict[UUID, Arrival] = {}
    span = max(1, round(datetime.now(UTC).timestamp() - since.timestamp()))
    steps = Steps(span * len(Platform), tell)
    for before, platform in enumerate(Platform):
        steps.up_to(before * span)
        for record in _materializations(instance, platform, since):
            steps.up_to(before * span + min(span, round(record.timestamp - since.timestamp())))
            arrival = _arrival(platform, record)
            if arrival is not None:
                found[arrival.delivery_id] = (
                    arrival  # the newest: a replay's has another transaction
                )
    steps.end()
    return list(found.values())


def _materializations(
    instance: DagsterInstance, platform: Platform, since: datetime
) -> Iterator[EventLogRecord]:
    wanted = AssetRecordsFilter(
        asset_key=AssetKey(f"{platform.value}_export"), after_timestamp=since.timestamp()
    )
    cursor: str | None = None
    while True:
        page = instance.fetch_materializations(
            wanted, limit=_AT_ONCE, cursor=cursor, ascending=True
        )
        yield from page.records
        if not page.has_more:
            return
        cursor = page.cursor


def _arrival(platform: Platform, record: EventLogRecord) -> Arrival | None:
    """What one event says; None if it is not one of an export's, or of a delivery that was skipped."""
    materialization = record.asset_materialization
    if materialization is None:
        return None
    said: dict[str, Any] = {name: value.value for name, value in materialization.metadata.items()}
    partition = materialization.partition
    if "delivery_id" not in said or "duplicate_of" in said or partition is None:
        return None
    start, _, end = str(said["period"]).partition(" to ")
    return Arrival(
        delivery_id=UUID(str(said["delivery_id"])),
        company_slug=_company(partition),
        platform=platform,
        trigger=Trigger(said["trigger"]),
        period_start=date.fromisoformat(start),
        period_end=date.fromisoformat(end or start),
        arrived_at=datetime.fromtimestamp(record.timestamp, UTC),
        run_id=record.run_id,
        attempts=int(said.get("attempts", 1)),
        transaction_id=said.get("transaction_id"),
        payload_hash=said.get("payload_hash"),
        payload_bytes=said.get("payload_bytes"),
    )


def _company(partition: str) -> str:
    if isinstance(partition, MultiPartitionKey):
        return partition.keys_by_dimension["company"]
    # A key as text: the dimensions in alphabetical order, company before day.
    return partition.partition("|")[0]
