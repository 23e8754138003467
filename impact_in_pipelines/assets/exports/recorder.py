"""Showing final deliveries in Dagster: a green cell for what arrived, a red one for what failed."""

import time
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from uuid import UUID

from dagster import (
    AssetExecutionContext,
    AssetKey,
    AssetObservation,
    DagsterEventType,
    MetadataValue,
    TableColumn,
    TableRecord,
    TableSchema,
)

from impact_in_pipelines.assets.event_batches import (
    GreenCell,
    Link,
    plan_partitions,
    write_materializations,
    write_observations,
)
from impact_in_pipelines.assets.exports.figures import delivered
from impact_in_pipelines.assets.partitions import cell, companies, inside_window
from impact_in_pipelines.delivery.holding.closures import Hold
from impact_in_pipelines.delivery.showing.figures import figures_in_words
from impact_in_pipelines.delivery.showing.sanitising import sanitised
from impact_in_pipelines.delivery.showing.tracing import traced_record
from impact_in_pipelines.delivery.states import DeliveryStatus
from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.runtime import Runtime
from impact_in_pipelines.services.deliveries.run_selections import WaitingDay
from impact_in_pipelines.services.deliveries.showing import FinalDelivery, show_final, take_back

MOST_FAILURES_SHOWN = 20
_RECORD_EVERY_S = 2.0

_COLUMNS = TableSchema(
    columns=[
        TableColumn(name, type="string")
        for name in ("company", "period", "kind", "error", "attempts", "delivery")
    ]
)


class Recorder:
    """Writes the events of one run, from the log's own list of what is not shown yet.

    Nothing is kept here: a batch is marked in the log after its events are written, so what a killed run did
    not write, the next drain finds. `run_id`: only that run's own selection is shown.
    """

    def __init__(
        self,
        context: AssetExecutionContext,
        runtime: Runtime,
        *,
        platform: Platform,
        asset_key: AssetKey,
        run_id: str | None = None,
    ) -> None:
        self._context = context
        self._runtime = runtime
        self._platform = platform
        self._asset_key = asset_key
        self._run_id = run_id
        self.counts: Counter[DeliveryStatus] = Counter()
        self.corrected = False
        self._failures: list[FinalDelivery] = []
        self._failed_ids: list[UUID] = []
        self._known: set[str] = set()
        self._record_again_at = 0.0
        self._earlier = _failures_shown(context)

    def record_now_and_then(self) -> None:
        """Show what has arrived, unless that was done just now: what a batch costs beside its events
        (connections and statements of Dagster's) is the same for one of them and for a thousand."""
        if time.monotonic() >= self._record_again_at:
            self.record(failures=False)
            self._record_again_at = time.monotonic() + _RECORD_EVERY_S

    def record(self, *, failures: bool) -> None:
        """Write events for everything that is final and not shown yet, with or without what failed."""
        show_final(
            self._runtime, self._platform, self._write, run_id=self._run_id, failures=failures
        )

    def failed_before(self) -> int:
        """How many failures an earlier try of this step has shown: its planned cells wait for this run to
        fail, and the log does not list them again."""
        return len(self._earlier)

    def take_failures_back(self) -> None:
        """What this run has shown as failed is to be shown by the next drain once more."""
        take_back(self._runtime, self._failed_ids)

    def show_waiting(self, waiting: Sequence[WaitingDay]) -> None:
        """An observation on each of these cells: what it waits for, and until when."""
        self._add_companies({one.company_slug for one in waiting})
        write_observations(
            self._context,
            [
                AssetObservation(
                    asset_key=self._asset_key,
                    partition=cell(one.company_slug, one.day),
                    description=_waits(one),
                    metadata=_hold(one.held) if one.held else _retry(one),
                )
                for one in waiting
                if inside_window([one.day])
            ],
        )

    def _write(self, batch: Sequence[FinalDelivery]) -> None:
        with traced_record({d.id: d.attempt_count > 0 for d in batch}, self._runtime.clock):
            self._show(batch)
        self.counts.update(d.status for d in batch)

    def _show(self, batch: Sequence[FinalDelivery]) -> None:
        self._add_companies({d.company_slug for d in batch})
        arrived = [d for d in batch if self._shows_as_arrived(d)]
        failed = [d for d in batch if d.status is DeliveryStatus.FAILED]
        write_materializations(
            self._context,
            self._asset_key,
            [
                self._green(delivery, day)
                for delivery in arrived
                for day in inside_window(delivery.days)
            ],
        )
        plan_partitions(self._context, self._asset_key, sorted(_cells(failed)))
        write_observations(
            self._context,
            [
                self._observation(delivery, day)
                for delivery in failed
                for day in inside_window(delivery.days)
            ],
        )
        self.corrected |= any(d.corrects is not None for d in arrived)
        self._failed_ids += [d.id for d in failed]
        self._failures += failed[: MOST_FAILURES_SHOWN - len(self._failures)]

    def _shows_as_arrived(self, delivery: FinalDelivery) -> bool:
        """A skipped delivery's content arrived with its twin, which has its own event; only a selected
        partition must get one of its own, or its run would seem to have left it out."""
        if delivery.status is DeliveryStatus.SKIPPED:
            return self._run_id is not None
        return delivery.status is DeliveryStatus.SUCCESS

    def _add_companies(self, slugs: set[str]) -> None:
        # A run reads them once: ten thousand names take long enough to be noticed.
        if not self._known:
            self._known = set(self._context.instance.get_dynamic_partitions(str(companies.name)))
        if slugs - self._known:
            self._context.instance.add_dynamic_partitions(
                str(companies.name), sorted(slugs - self._known)
            )
            self._known |= slugs

    def _green(self, delivery: FinalDelivery, day: date) -> GreenCell:
        # What people look for comes first: the UI's panel shows the first seven or so.
        metadata: dict[str, str | int] = {"period": _period(delivery)}
        if delivery.delivered_at is not None:
            metadata["delivered_at"] = _second(delivery.delivered_at)
        if delivery.figures is not None:
            metadata["figures"] = figures_in_words(delivery.figures)
        if delivery.transaction_id is not None:
            metadata["transaction_id"] = delivery.transaction_id
        metadata |= {
            "attempts": delivery.attempt_count,
            "trigger": delivery.trigger.value,
            "delivery_id": str(delivery.id),
        }
        if delivery.latency_ms is not None:
            metadata["latency_ms"] = round(delivery.latency_ms)
        if delivery.payload_bytes is not None:
            metadata["payload_bytes"] = delivery.payload_bytes
        if delivery.payload_hash is not None:
            metadata["payload_hash"] = delivery.payload_hash
        if delivery.corrects is not None:
            metadata["corrects"] = str(delivery.corrects)
        if delivery.duplicate_of is not None:
            metadata["duplicate_of"] = str(delivery.duplicate_of)
            metadata["sent"] = (
                f"nothing: the same content had arrived with delivery {delivery.duplicate_of}"
            )
        metadata["cockpit"] = self._link(delivery)
        return GreenCell(
            str(cell(delivery.company_slug, day)),
            metadata,
            delivered(self._platform, delivery.figures_hash),
        )

    def _link(self, delivery: FinalDelivery) -> Link:
        base = self._runtime.settings.cockpit_url.rstrip("/")
        return Link(f"{base}/en/cockpit/{delivery.company_id}/deliveries/{delivery.id}")

    def _observation(self, delivery: FinalDelivery, day: date) -> AssetObservation:
        return AssetObservation(
            asset_key=self._asset_key,
            partition=cell(delivery.company_slug, day),
            description=f"{delivery.company_slug} {_period(delivery)}: {delivery.last_error}",
            metadata={
                "delivery_id": str(delivery.id),
                "period": _period(delivery),
                "error_kind": delivery.error_kind or "",
                "error": delivery.last_error or "",
                "http_status": delivery.http_status or 0,
                "attempts": delivery.attempt_count,
                "cockpit": MetadataValue.url(self._link(delivery)),
            },
        )

    def failure_table(self) -> MetadataValue:
        """The first failures as a table for the run's page, those of earlier tries of the step too."""
        shown = [*self._earlier, *(self._observation(d, d.period_end) for d in self._failures)]
        return MetadataValue.table(
            records=[_record(one) for one in shown[:MOST_FAILURES_SHOWN]], schema=_COLUMNS
        )

    def failures_in_words(self, count: int, title: str) -> str:
        """One line: how many deliveries to `title` failed for good, and the first with its reason."""
        noun = "delivery" if count == 1 else "deliveries"
        shown = [*self._earlier, *(self._observation(d, d.period_end) for d in self._failures[:1])]
        example = f"; the first: {shown[0].description}" if shown else ""
        return f"{count} {noun} to {title} failed for good{example}"


def _failures_shown(context: AssetExecutionContext) -> list[AssetObservation]:
    """What earlier tries of this step have shown as failed: the run's own observations so far."""
    if context.retry_number == 0:
        return []
    entries = context.instance.all_logs(
        context.run.run_id, of_type=DagsterEventType.ASSET_OBSERVATION
    )
    seen = [
        entry.dagster_event.asset_observation_data.asset_observation
        for entry in entries
        if entry.dagster_event is not None
    ]
    # A failure is shown on each day of its period, and is one.
    return list({str(one.metadata["delivery_id"].value): one for one in seen}.values())


def _record(failure: AssetObservation) -> TableRecord:
    """One failure as a row of the table, from its observation."""

    def told(name: str) -> str:
        value = failure.metadata[name].value
        return str(value) if value is not None else ""

    company = str(failure.partition or "").partition("|")[0]
    named = {"period": "period", "kind": "error_kind", "error": "error", "attempts": "attempts"}
    return TableRecord(
        {
            "company": company,
            **{column: told(name) for column, name in named.items()},
            "delivery": told("delivery_id"),
        }
    )


def _waits(one: WaitingDay) -> str:
    if one.held:
        probe = one.held.next_probe_at
        then = f"the next try is at {_second(probe)}" if probe else "until a person resumes it"
        why = f"nothing has failed: {sanitised(one.held.reason)}"
        return f"{one.company_slug} {one.day}: held since {_second(one.held.since)}, {then}; {why}"
    until = _second(one.next_attempt_at) if one.next_attempt_at else "later"
    because = f", after: {one.last_error}" if one.last_error else ""
    return f"{one.company_slug} {one.day}: the next attempt is due at {until}{because}"


def _retry(one: WaitingDay) -> dict[str, str]:
    """When a cell is tried again, for its metadata."""
    return {
        "next_attempt_at": _second(one.next_attempt_at) if one.next_attempt_at else "",
        "last_error": one.last_error or "",
    }


def _hold(held: Hold) -> dict[str, str]:
    """What holds a cell, for its metadata."""
    return {
        "held_by": f"{held.by}: {held.who}" if held.who else held.by,
        "held_since": _second(held.since),
        "next_try": _second(held.next_probe_at) if held.next_probe_at else "when it is resumed",
        "held_because": str(sanitised(held.reason)),
    }


def _second(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"


def _period(delivery: FinalDelivery) -> str:
    if delivery.period_start == delivery.period_end:
        return delivery.period_start.isoformat()
    return f"{delivery.period_start} to {delivery.period_end}"


def _cells(deliveries: Iterable[FinalDelivery]) -> set[str]:
    return {cell(d.company_slug, day) for d in deliveries for day in inside_window(d.days)}
