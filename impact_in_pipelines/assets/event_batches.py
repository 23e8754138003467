"""Writing many Dagster events at once: the one module that touches Dagster's private interface.

One `AssetMaterialization` by `context.log_event` costs 12 ms; a drain writes thousands (docs/adr/0004 has the
figures). `DagsterEvent`, its log entry and its storage are private, so the version is pinned in the lock
file and `tests/acceptance/test_events.py` says at once when an upgrade moves them.
"""

import io
import json
import logging
import os
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar
from uuid import uuid4

from dagster import (
    AssetExecutionContext,
    AssetKey,
    AssetMaterialization,
    AssetObservation,
    DagsterEventType,
    EventLogEntry,
    MetadataValue,
)
from dagster._core.events import (
    AssetMaterializationPlannedData,
    DagsterEvent,
    DagsterEventBatchMetadata,
    StepMaterializationData,
)
from dagster._serdes import serialize_value
from dagster_postgres.event_log import PostgresEventLogStorage

Item = TypeVar("Item")

# Read at every write by Dagster; without it each event of a batch is stored on its own.
os.environ.setdefault("DAGSTER_EVENT_BATCH_SIZE", "1000")

_LOG = logging.getLogger(__name__)

_COPY_EVENTS = (
    'COPY event_logs (id, run_id, event, dagster_event_type, "timestamp", step_key, asset_key, partition) '
    "FROM STDIN"
)
_COPY_TAGS = "COPY asset_event_tags (event_id, asset_key, key, value, event_timestamp) FROM STDIN"
# Ids are drawn first: COPY returns none, and the tags' rows name their event's.
_IDS = (
    "SELECT nextval(pg_get_serial_sequence('event_logs', 'id')) FROM generate_series(1, %(number)s)"
)


_HOLE = re.compile(r'"\\u0000(\w+)"')
"""Where something differs from cell to cell, as JSON writes its name after a NUL, which nothing else has."""

_json = json.JSONEncoder().encode


class Link(str):
    """An address, shown as a link."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class GreenCell:
    """One partition of an asset that has been materialised, and what its event says of it."""

    partition: str
    metadata: Mapping[str, str | int]
    tags: Mapping[str, str] = field(default_factory=dict)


def write_materializations(
    context: AssetExecutionContext, asset_key: AssetKey, cells: Sequence[GreenCell]
) -> None:
    """Store an event for each of `cells` of one asset, all in one transaction."""
    if not cells:
        return
    last = _entry(context, _materialization(asset_key, cells[-1]))
    rows = _Rows.like(last)
    storage = context.instance.event_log_storage
    # Of the last one Dagster's own text is at hand anyway: if ours were another one, Dagster has changed.
    if not isinstance(storage, PostgresEventLogStorage) or rows.text(cells[-1]) != rows.model:
        _LOG.warning(
            "Dagster writes a materialisation differently from what is expected of it: %s cells are written "
            "one by one, at several times the cost",
            len(cells),
        )
        _through_dagster(context, asset_key, cells)
        return
    indexed = storage.get_asset_tags_to_index({key for cell in cells for key in cell.tags})
    with storage.index_transaction() as connection:
        cursor: Any = connection.connection.cursor()
        cursor.execute(_IDS, {"number": len(cells)})
        ids = [id_ for (id_,) in cursor]
        events = (rows.row(id_, cell) for id_, cell in zip(ids, cells, strict=True))
        cursor.copy_expert(_COPY_EVENTS, io.StringIO("".join(events)))
        tags = (rows.tag_rows(id_, cell, indexed) for id_, cell in zip(ids, cells, strict=True))
        cursor.copy_expert(_COPY_TAGS, io.StringIO("".join(tags)))
        # The asset's newest event belongs to the same transaction: nobody sees one without the other.
        storage._store_asset_event(connection, last, ids[-1])


class _Rows:
    """Rows of the event table for cells of one asset: they differ in the partition, the metadata and the tags
    only.

    Serialising each event as Dagster does costs five times what its JSON does, and that twice what it costs
    to write what differs into a text that is the same for all.
    """

    def __init__(self, entry: EventLogEntry, model: str) -> None:
        event = entry.get_dagster_event()
        self.model = model
        document: dict[str, Any] = json.loads(model)
        varying = document["dagster_event"]["event_specific_data"]["materialization"]
        varying |= {name: f"\0{name}" for name in ("partition", "metadata_entries", "tags")}
        self._parts = _HOLE.split(json.dumps(document))
        self._at = datetime.fromtimestamp(entry.timestamp, UTC).replace(tzinfo=None).isoformat()
        self._asset_key = _escaped(event.asset_key.to_string() if event.asset_key else "")
        self._before = f"{entry.run_id}\t"
        self._after = "".join(
            f"\t{part}"
            for part in (
                event.event_type_value,
                self._at,
                _escaped(str(event.step_key)),
                self._asset_key,
            )
        )

    @classmethod
    def like(cls, entry: EventLogEntry) -> "_Rows":
        """Rows that differ from that of `entry` in their cells only."""
        return cls(entry, serialize_value(entry))

    def text(self, cell: GreenCell) -> str:
        """The event as Dagster would serialise it."""
        entries = ", ".join(_entry_text(label, value) for label, value in cell.metadata.items())
        # Dagster sorts them when it makes the event.
        tags = ", ".join(f"{_json(key)}: {_json(tag)}" for key, tag in sorted(cell.tags.items()))
        varying = {
            "partition": _json(cell.partition),
            "metadata_entries": f"[{entries}]",
            "tags": f"{{{tags}}}" if tags else "null",
        }
        return "".join(varying.get(part, part) for part in self._parts)

    def row(self, id_: int, cell: GreenCell) -> str:
        """The event's row in the text format of COPY."""
        text, partition = _escaped(self.text(cell)), _escaped(cell.partition)
        return f"{id_}\t{self._before}{text}{self._after}\t{partition}\n"

    def tag_rows(self, id_: int, cell: GreenCell, indexed: AbstractSet[str]) -> str:
        """A row for each tag by which Dagster finds events."""
        return "".join(
            f"{id_}\t{self._asset_key}\t{_escaped(key)}\t{_escaped(value)}\t{self._at}\n"
            for key, value in cell.tags.items()
            if key in indexed
        )


def _entry_text(label: str, value: str | int) -> str:
    kind, name = "Text", "text"
    if isinstance(value, Link):
        kind, name = "Url", "url"
    elif not isinstance(value, str):
        kind, name = "Int", "value"
    data = f'{{"__class__": "{kind}MetadataEntryData", "{name}": {_json(value)}}}'
    return (
        f'{{"__class__": "EventMetadataEntry", "description": null, "entry_data": {data}, '
        f'"label": {_json(label)}}}'
    )


def _value(value: str | int) -> MetadataValue[Any]:
    if isinstance(value, Link):
        return MetadataValue.url(str(value))
    return MetadataValue.text(value) if isinstance(value, str) else MetadataValue.int(value)


def _escaped(text: str) -> str:
    """`text` as COPY reads it."""
    return text.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r")


def _materialization(asset_key: AssetKey, cell: GreenCell) -> AssetMaterialization:
    return AssetMaterialization(
        asset_key=asset_key,
        partition=cell.partition,
        tags=dict(cell.tags) or None,
        metadata={label: _value(value) for label, value in cell.metadata.items()},
    )


def _entry(context: AssetExecutionContext, materialization: AssetMaterialization) -> EventLogEntry:
    """What `context.log_event` would store at this moment."""
    step = context.get_step_execution_context()
    message = f"Materialized value {materialization.label}."
    event = DagsterEvent(
        event_type_value=DagsterEventType.ASSET_MATERIALIZATION.value,
        job_name=step.job_name,
        step_handle=step.step.handle,
        node_handle=step.step.node_handle,
        step_kind_value=step.step.kind.value,
        logging_tags=step.event_tags,
        event_specific_data=StepMaterializationData(materialization),
        message=message,
        pid=os.getpid(),
    )
    return EventLogEntry(  # type: ignore[no-untyped-call]
        error_info=None,
        level=logging.DEBUG,
        user_message=message,
        run_id=step.run_id,
        timestamp=time.time(),
        step_key=step.step.key,
        job_name=step.job_name,
        dagster_event=event,
    )


def _through_dagster(
    context: AssetExecutionContext, asset_key: AssetKey, cells: Sequence[GreenCell]
) -> None:
    step = context.get_step_execution_context()
    for cell, batch in _batched(cells):
        # Building the event writes it: reporting what is returned would store it twice.
        DagsterEvent.asset_materialization(step, _materialization(asset_key, cell), batch)


def write_observations(
    context: AssetExecutionContext, observations: Sequence[AssetObservation]
) -> None:
    """Store `observations`, all of one asset, in one batch."""
    step = context.get_step_execution_context()
    for observation, batch in _batched(observations):
        DagsterEvent.asset_observation(step, observation, batch)


def plan_partitions(
    context: AssetExecutionContext, asset_key: AssetKey, partitions: Sequence[str]
) -> None:
    """Say that this run means to materialise `partitions`: if it fails without, their cells turn red."""
    step_key = context.get_step_execution_context().step.key
    for partition, batch in _batched(partitions):
        planned = DagsterEvent.build_asset_materialization_planned_event(
            context.job_name,
            step_key,
            AssetMaterializationPlannedData(asset_key, partition=partition),
        )
        context.instance.report_dagster_event(
            planned, run_id=context.run.run_id, batch_metadata=batch
        )


def _batched(items: Sequence[Item]) -> Iterator[tuple[Item, DagsterEventBatchMetadata]]:
    """Each of `items` with its place in one batch, which is stored at its end."""
    batch_id = str(uuid4())
    for place, item in enumerate(items, start=1):
        yield item, DagsterEventBatchMetadata(batch_id, is_end=place == len(items))
