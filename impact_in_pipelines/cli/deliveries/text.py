"""Deliveries as a terminal shows them."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import date
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.table import Table

from impact_in_pipelines.cli.output import cell_text, console, print_table
from impact_in_pipelines.db.deliveries.reading import AttemptRow, DeliveryDetail, DeliveryRow
from impact_in_pipelines.delivery.holding.closures import Hold
from impact_in_pipelines.delivery.showing.sanitising import sanitised
from impact_in_pipelines.delivery.states import DeliveryStatus
from impact_in_pipelines.platforms import FACTS
from impact_in_pipelines.plurals import count
from impact_in_pipelines.sla.wording import duration

SHORT_ID = 8
"""Characters of an id in a list: enough to name it, few enough to type."""

_WIDE = 120
_ERROR_CHARACTERS = 60


def print_list(rows: Sequence[DeliveryRow], *, empty: str) -> None:
    """One line each, newest first, and below them what can be done about the failed ones."""
    if not rows:
        console.print(empty)
        return
    wide = console.width >= _WIDE
    # Without lines between the columns it fits a terminal of 80 columns.
    table = Table(
        title="Deliveries, times in UTC",
        title_justify="left",
        box=SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        pad_edge=False,
        show_edge=False,
        header_style="bold",
    )
    table.add_column("Id", no_wrap=True)
    table.add_column("Company", no_wrap=True, overflow="ellipsis", max_width=_company_width())
    for name in ("Platform", "Days", "Due"):
        table.add_column(name, no_wrap=True)
    table.add_column("Status", overflow="fold")
    for row in rows:
        said = outcome(row, text_limit=_ERROR_CHARACTERS if wide else 0)
        table.add_row(
            short(row.id),
            row.company,
            row.platform.value,
            _days(row.period_start, row.period_end),
            f"{row.scheduled_for:%Y-%m-%d %H:%M}" if wide else f"{row.scheduled_for:%m-%d %H:%M}",
            cell_text(row.status) + (f" {said}" if said else ""),
        )
    console.print(table)
    failed = [row for row in rows if row.status is DeliveryStatus.FAILED]
    if failed:
        first = short(failed[0].id)
        console.print(
            f"{len(failed)} failed. Why: impact-in deliveries show {first}\n"
            f"Send again: impact-in deliveries replay {first} …, or replay --all-failed",
            soft_wrap=True,
            markup=False,
        )


def _company_width() -> int:
    """What the other columns leave, up to what a slug commonly needs."""
    return max(14, min(30, console.width - 70))


def _days(start: date, end: date) -> str:
    """Month and day; the year is in what `show` tells."""
    return f"{start:%m-%d}" if start == end else f"{start:%m-%d}–{end:%m-%d}"


def short(id_: Any) -> str:
    """The beginning of an id that a list shows."""
    return str(id_)[:SHORT_ID]


def period(start: date, end: date) -> str:
    """One day, or the first and the last."""
    return f"{start}" if start == end else f"{start} – {end:%m-%d}"


def outcome(row: DeliveryRow, *, text_limit: int = 0) -> str:
    """The one thing to know about a delivery besides its status, with up to `text_limit` characters of
    an error."""
    match row.status:
        case DeliveryStatus.SUCCESS:
            if row.recovered:
                return "recovered by a replay"
            return f"in {duration(row.latency_ms)}"
        case DeliveryStatus.SKIPPED:
            return f"same as {short(row.duplicate_of)}"
        case DeliveryStatus.FAILED:
            return _failure(row, text_limit)
        case DeliveryStatus.PENDING | DeliveryStatus.RETRYING if row.held is not None:
            return _held(row.held)
        case DeliveryStatus.RETRYING:
            return f"{_failure(row, text_limit)}; next try {row.next_attempt_at:%H:%M}"
        case DeliveryStatus.MISSED:
            return (row.note or "").removeprefix("missed ")
        case DeliveryStatus.PENDING if row.failed_at is not None:
            return "replay is queued"
        case _:
            return row.note or ""


def as_document(row: DeliveryRow) -> dict[str, Any]:
    """A delivery as JSON shows it: every field, personal data masked, latency in milliseconds."""
    document = asdict(row) | {"recovered": row.recovered, "latency_ms": row.latency_ms}
    del document["payload"]
    document["last_error"] = sanitised(row.last_error)
    if isinstance(row, DeliveryDetail):
        document["payload"] = sanitised(row.payload)
        for attempt in document["attempts"]:
            attempt["error"] = sanitised(attempt["error"])
        document["provider_response"] = sanitised(row.provider_response)
    return document


def print_detail(delivery: DeliveryDetail) -> None:
    """Everything about one delivery: what it is, how it ended, its attempts, what was sent and answered."""
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    for name, value in _facts(delivery):
        if value not in (None, ""):
            grid.add_row(name, cell_text(value))
    console.print(grid)
    _print_attempts(delivery.attempts)
    _print_document("Payload, personal data masked", delivery.payload, "not built yet")
    _print_document("Answer of the platform", delivery.provider_response, "none was kept")
    _print_next_step(delivery)


def _facts(d: DeliveryDetail) -> list[tuple[str, Any]]:
    made = d.trigger.value
    if d.schedule:
        made = f"schedule {d.schedule} ({short(d.schedule_id)})"
    elif d.replay_of:
        made = f"replay of {d.replay_of}"
    elif d.corrects:
        made = f"correction of {d.corrects}"
    open_until = d.status in (DeliveryStatus.PENDING, DeliveryStatus.RETRYING)
    return [
        ("Delivery", d.id),
        ("Company", d.company),
        ("Platform", FACTS[d.platform].title),
        ("Status", d.status),
        ("Held", _held(d.held) if d.held else None),
        ("Held since", d.held.since if d.held else None),
        ("Held because", sanitised(d.held.reason) if d.held else None),
        ("Error", _full_error(d)),
        (
            "Recovered",
            f"failed at {cell_text(d.failed_at)}, then replayed" if d.recovered else None,
        ),
        ("Same content as", d.duplicate_of),
        ("Note", d.note),
        ("Reports on", f"{period(d.period_start, d.period_end)} ({d.timezone})"),
        ("Made by", made),
        ("Due", d.scheduled_for),
        ("Delivered", d.delivered_at),
        ("Latency", duration(d.latency_ms) if d.latency_ms is not None else None),
        ("Failed for good", None if d.recovered else d.failed_at),
        ("Next attempt", d.next_attempt_at if open_until else None),
        ("Transaction", d.transaction_id),
        ("Key sent", (d.batch_id or d.idempotency_key) if d.attempt_count else None),
        ("Batch", "sent together with others" if d.batch_id else None),
        ("Payload", _size(d)),
        ("Dagster run", d.dagster_run_id),
        ("Trace", d.trace_id),
    ]


def _size(d: DeliveryDetail) -> str | None:
    if d.payload_bytes is None:
        return None
    revised = f", revision {d.revision}" if d.revision > 1 else ""
    return f"{count(d.payload_bytes, 'byte')}{revised}, SHA-256 {d.payload_hash}"


def _full_error(d: DeliveryDetail) -> str | None:
    if not d.last_error:
        return None
    known = ", ".join(_kind(d))
    text = str(sanitised(d.last_error))
    return f"{text} ({known})" if known else text


def _print_attempts(attempts: Iterable[AttemptRow]) -> None:
    print_table(
        "\nAttempts, times in UTC",
        ("#", "Started", "Took", "Outcome", "HTTP", "Error"),
        (
            (
                a.number,
                a.started_at,
                duration(a.latency_ms),
                a.outcome,
                a.http_status,
                sanitised(a.error),
            )
            for a in attempts
        ),
        empty="\nNo attempt was made.",
    )


def _print_document(title: str, document: dict[str, Any] | None, absent: str) -> None:
    console.print(f"\n{title}", style="bold", end="")
    if document is None:
        console.print(f": {absent}")
        return
    console.print()
    text = json.dumps(sanitised(document), ensure_ascii=False, indent=2)
    console.print(text, markup=False, soft_wrap=True)


def _print_next_step(delivery: DeliveryDetail) -> None:
    if delivery.status is DeliveryStatus.FAILED:
        console.print(
            f"\nMend the cause, then: impact-in deliveries replay {short(delivery.id)}",
            soft_wrap=True,
        )


def _held(hold: Hold) -> str:
    by = {
        "person": f"by {hold.who}",
        "platform_breaker": "the platform fails",
        "connection_breaker": "its connection fails",
        "platform_request": "the platform asked to wait",
    }[hold.by]
    again = f", next try {hold.next_probe_at:%H:%M}" if hold.next_probe_at else ""
    return f"held: {by}{again}"


def _failure(row: DeliveryRow, text_limit: int) -> str:
    head = ", ".join(_kind(row)) or "failed"
    if not text_limit or not row.last_error:
        return head
    text = str(sanitised(row.last_error))
    cut = text if len(text) <= text_limit else text[: text_limit - 1] + "…"
    return f"{head}: {cut}"


def _kind(row: DeliveryRow) -> list[str]:
    parts = [row.error_kind.replace("_", " ")] if row.error_kind else []
    if row.http_status:
        parts.append(f"HTTP {row.http_status}")
    return parts
