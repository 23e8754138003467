"""Named statements: `db/WING/SUBJECT.sql` holds blocks that begin with `-- name: NAME`."""

import re
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any

from sqlalchemy import TextClause, text

from impact_in_pipelines.delivery.states import (
    OPEN,
    PRIORITY,
    SHOWN_IN_DAGSTER,
    WAITING,
    DeliveryStatus,
    Trigger,
)

_HEADER = re.compile(r"^-- name: (\w+)\s*$", re.MULTILINE)
_FRAGMENT = re.compile(r"@(\w+)(?:\(([^()]*)\))?")
_IF_GIVEN = re.compile(
    r"^ *AND \(CAST\(:(?P<name>\w+) AS [\w\[\]]+\) IS NULL OR (?P<then>.+)\)\n", re.MULTILINE
)


@cache
def load(subject: str) -> Mapping[str, TextClause]:
    """The statements of `db/{subject}.sql` (such as `deliveries/queue`) by name.

    What many statements say is written once, here: `IN @open`, `IN @waiting`, `IN @shown` are lists of
    statuses;
    `@closed(d)` holds for rows of `d` whose connection is closed at `:now`, and so does
    `@shut(d)`, for statements that look at the whole queue, and
    `@priority(d)` is the place of rows of `d` in the order of D13,
    `@hold(d)` is what holds a row of `d` that waits, as JSON (by the database's time), and
    `@claim_lost(d)` for rows whose worker has died before it opened an attempt, and
    `@changed_since(d, :mark)` for rows of `d` that have changed since a mark (`deliveries/changes.py`),
    `@within(d)` for rows of `d` that are due between `:due_from` and `:due_until` (`deliveries/spans.py`),
    `@fitting(d)`, on a line of its own, adds the conditions of a list of deliveries, each of them for a value
    that may be null, so that `narrowed` can leave it out, and
    `@correction_of(o, s, d)` for corrections `o`, asked for and not called off, of a stale day `s` of a
    delivery `d`, and
    `@event(d)` is what a notice says of a row of `d` (`o` is its company), as JSON, and
    `@attempt(a, d)` for the attempts `a` of a delivery `d` between these, and `@attempts_within(a)` for all.

    Raises `ValueError` when a name occurs twice, text stands before the first name, or a fragment is unknown.
    """
    source = files("impact_in_pipelines.db").joinpath(f"{subject}.sql").read_text("utf-8")
    head, *parts = _HEADER.split(source)
    if _without_comments(head):
        raise ValueError(f"{subject}.sql has text before the first '-- name:'")
    names, bodies = parts[::2], parts[1::2]
    if len(set(names)) != len(names):
        raise ValueError(f"{subject}.sql names a statement twice")
    return MappingProxyType(
        {name: text(with_fragments(body)) for name, body in zip(names, bodies, strict=True)}
    )


def narrowed(statement: TextClause, values: Mapping[str, Any]) -> TextClause:
    """`statement` without its lines `AND (CAST(:name AS type) IS NULL OR …)` where `values` have None for
    `:name`.

    It says the same. The planner and SQLAlchemy look at each line for every question and each month.
    """
    given = (name for name, value in values.items() if value is not None)
    return _with_lines(statement, frozenset(given))


@cache
def _with_lines(statement: TextClause, given: frozenset[str]) -> TextClause:
    def line(found: re.Match[str]) -> str:
        return f"AND ({found['then']})\n" if found["name"] in given else ""

    return text(_IF_GIVEN.sub(line, statement.text))


def with_fragments(sql: str) -> str:
    """`sql` without comments, its `@fragments` written out. Raises `ValueError` for one that is unknown."""
    return _FRAGMENT.sub(_fragment, _without_comments(sql))


def _fragment(found: re.Match[str]) -> str:
    match found.group(1), found.group(2):
        case "open", None:
            return in_list(OPEN)
        case "waiting", None:
            return in_list(WAITING)
        case "shown", None:
            return in_list(SHOWN_IN_DAGSTER)
        case "closed", str(alias) if alias.isidentifier():
            return _closed(alias)
        case "shut", str(alias) if alias.isidentifier():
            return _shut(alias)
        case "priority", str(alias) if alias.isidentifier():
            return priority_of(f"{alias}.trigger")
        case "hold", str(alias) if alias.isidentifier():
            return _hold(alias)
        case "event", str(alias) if alias.isidentifier():
            return _event(alias)
        case "fitting", str(alias) if alias.isidentifier():
            return _fitting(alias)
        case "claim_lost", str(alias) if alias.isidentifier():
            return _claim_lost(alias)
        case "within", str(alias) if alias.isidentifier():
            return _within(f"{alias}.scheduled_for")
        case "attempts_within", str(alias) if alias.isidentifier():
            return _attempts_within(alias)
        case "attempt", str(arguments) if arguments.count(",") == 1:
            return _attempt_of(*(argument.strip() for argument in arguments.split(",")))
        case "correction_of", str(arguments) if arguments.count(",") == 2:
            return _correction_of(*(argument.strip() for argument in arguments.split(",")))
        case "changed_since", str(arguments) if arguments.count(",") == 1:
            return _changed_since(*(argument.strip() for argument in arguments.split(",")))
        case _:
            raise ValueError(f"no fragment is called {found.group()}")


def in_list(statuses: Iterable[DeliveryStatus]) -> str:
    """`statuses` as the list of an SQL `IN`."""
    # Literals in one order: the planner matches a partial index by its text, not by bound parameters.
    wanted = set(statuses)
    return "(" + ", ".join(f"'{status}'" for status in DeliveryStatus if status in wanted) + ")"


def priority_of(trigger: str) -> str:
    """The place of the column `trigger` in the order of D13, from 1, as the index of open rows has it word
    for word."""
    # Corrections have no place, and so come last: the index of before serves as it is.
    placed = PRIORITY.keys() - {Trigger.CORRECTION}
    order = ", ".join(f"'{one}'" for one in sorted(placed, key=PRIORITY.__getitem__))
    return f"array_position(ARRAY[{order}], {trigger})"


def _closed(alias: str) -> str:
    return (  # an identifier, as `_fragment` has checked
        "EXISTS (SELECT 1 FROM connection_closures k "  # noqa: S608
        f"WHERE k.platform = {alias}.platform AND (k.holds OR k.closed_until > :now) "
        f"AND (k.company_id = {alias}.company_id OR k.company_id IS NULL))"
    )


def _shut(alias: str) -> str:
    # As `_closed`, for statements that look at the whole queue: both lists are read once and hashed, where
    # `_closed` asks for each row (20,000 rows beside 300 held connections: 370 ms).
    in_force = "k.holds OR k.closed_until > :now"
    return (  # an identifier, as `_fragment` has checked
        f"({alias}.platform IN (SELECT k.platform FROM connection_closures k "  # noqa: S608
        f"WHERE k.company_id IS NULL AND ({in_force})) "
        f"OR ({alias}.platform, {alias}.company_id) IN (SELECT k.platform, k.company_id "
        f"FROM connection_closures k WHERE k.company_id IS NOT NULL AND ({in_force})))"
    )


def _hold(alias: str) -> str:
    # A person's word first, then the platform's own breaker: it explains those of its connections.
    return (  # an identifier, as `_fragment` has checked
        f"CASE WHEN {alias}.status IN {in_list(WAITING)} THEN (SELECT jsonb_build_object("  # noqa: S608
        "'by', CASE WHEN k.kind = 'person' THEN 'person' WHEN k.kind = 'retry_after' THEN 'platform_request' "
        "WHEN k.company_id IS NULL THEN 'platform_breaker' ELSE 'connection_breaker' END, "
        "'who', k.held_by, 'reason', k.reason, 'since', k.since, "
        "'next_probe_at', CASE WHEN k.kind <> 'person' THEN k.closed_until END) "
        f"FROM connection_closures k WHERE k.platform = {alias}.platform "
        f"AND (k.company_id = {alias}.company_id OR k.company_id IS NULL) "
        "AND (k.holds OR k.closed_until > now()) "
        "ORDER BY k.kind = 'person' DESC, k.company_id NULLS FIRST, k.closed_until DESC LIMIT 1) END"
    )


def _claim_lost(alias: str) -> str:
    # Only for rows whose lease has ended. An attempt that is still open counts by itself, as lost.
    return (  # an identifier, as `_fragment` has checked
        f"({alias}.status = 'in_progress' AND NOT EXISTS (SELECT 1 FROM delivery_attempts o "  # noqa: S608
        f"WHERE {_attempt_of('o', alias)} AND o.outcome = 'started'))"
    )


def _event(alias: str) -> str:
    names = (
        *(("id", "id"), ("platform", "platform"), ("trigger", "trigger"), ("status", "status")),
        *(("periodStart", "period_start"), ("periodEnd", "period_end"), ("timezone", "timezone")),
        *(("scheduledFor", "scheduled_for"), ("deliveredAt", "delivered_at")),
        *(("attemptCount", "attempt_count"), ("transactionId", "transaction_id")),
        *(("errorKind", "error_kind"), ("error", "last_error")),
    )
    shown = ", ".join(f"'{name}', {alias}.{column}" for name, column in names)
    return (
        "jsonb_build_object('company', jsonb_build_object('id', o.id, 'slug', o.slug, 'name', o.name), "
        f"'platform', {alias}.platform, 'delivery', jsonb_build_object({shown}))"
    )


_FITTING = (
    ("ids", "uuid[]", "{d}.id = ANY(CAST(:ids AS uuid[]))"),
    ("start", "timestamptz", "{d}.scheduled_for >= :start"),
    ("end", "timestamptz", "{d}.scheduled_for < :end"),
    (
        *("before_at", "timestamptz"),
        "({d}.scheduled_for, {d}.id) < (:before_at, CAST(:before_id AS uuid))",
    ),
    ("before_at", "timestamptz", "{d}.scheduled_for <= :before_at"),
    ("platform", "text", "{d}.platform = :platform"),
    ("statuses", "text[]", "{d}.status = ANY(CAST(:statuses AS text[]))"),
    ("trigger", "text", "{d}.trigger = :trigger"),
    ("schedule_id", "uuid", "{d}.schedule_id = :schedule_id"),
    ("error", "text", "{d}.last_error ILIKE :error"),
    ("search", "text", "{d}.last_error ILIKE :search"),
    (
        *("period_from", "date"),
        "({d}.period_end >= :period_from AND {d}.scheduled_for >= :period_due_from)",
    ),
    ("period_until", "date", "{d}.period_start <= :period_until"),
)
"""What a list of deliveries may ask for: the value, its type, and the condition where it isn't null."""


def _fitting(alias: str) -> str:
    # A line each, as `narrowed` reads them.
    return "\n".join(
        f"AND (CAST(:{name} AS {type_}) IS NULL OR {condition.format(d=alias)})"
        for name, type_, condition in _FITTING
    )


def _within(column: str) -> str:
    # As constants: the planner leaves out the months that these exclude.
    return f"{column} BETWEEN CAST(:due_from AS timestamptz) AND CAST(:due_until AS timestamptz)"


def _attempts_within(alias: str) -> str:
    # Attempts from before there were months have no due time of their own (db/schema/deliveries.py).
    return f"({_within(f'{alias}.due_at')} OR {alias}.due_at = '-infinity')"


def _attempt_of(alias: str, delivery: str) -> str:
    return (
        f"({alias}.delivery_id = {delivery}.id "
        f"AND {alias}.due_at IN ({delivery}.scheduled_for, '-infinity') AND {_attempts_within(alias)})"
    )


def _correction_of(alias: str, day: str, delivery: str) -> str:
    # By impact_deliveries_corrections_idx. It was asked for when the day had been found, which may be before
    # the delivery was due: a clock was set back in between. The margin is for a day that was found anew.
    return (
        f"({alias}.company_id = {day}.company_id AND {alias}.platform = {day}.platform "
        f"AND {alias}.trigger = 'correction' AND {alias}.period_start = {delivery}.period_start "
        f"AND {alias}.corrects = {day}.delivery_id AND {alias}.status NOT IN ('cancelled', 'skipped') "
        f"AND {alias}.scheduled_for >= least({day}.due_at, {day}.found_at) - interval '62 days')"
    )


def _changed_since(alias: str, mark: str) -> str:
    # Below its smallest running transaction a snapshot sees everything: that is what the index narrows
    # to. A null mark has seen nothing.
    snapshot = f"CAST({mark} AS pg_snapshot)"
    return (
        f"({snapshot} IS NULL OR ({alias}.change_seq >= "
        f"CAST(CAST(pg_snapshot_xmin({snapshot}) AS text) AS bigint) AND NOT pg_visible_in_snapshot("
        f"CAST(CAST({alias}.change_seq AS text) AS xid8), {snapshot})))"
    )


def _without_comments(sql: str) -> str:
    # A colon in a comment would be taken for a bound parameter.
    return "\n".join(
        line for line in sql.splitlines() if not line.lstrip().startswith("--")
    ).strip()
