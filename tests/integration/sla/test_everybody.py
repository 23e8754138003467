"""Everybody measured by columns, from the packed outcomes and what has changed since: the same as the
statements say that read the log alone, whatever has happened to it."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from impact_in_pipelines.db.accounts.companies import CompanyStore
from impact_in_pipelines.db.deliveries.changes import reading_changes
from impact_in_pipelines.db.engine import rows_of
from impact_in_pipelines.db.queries import load
from impact_in_pipelines.db.sla import outcomes
from impact_in_pipelines.db.sla import statements as sla_sql
from impact_in_pipelines.db.sla.outcomes import SlaOutcomes
from impact_in_pipelines.db.sla.reports import SlaReports
from impact_in_pipelines.db.sla.rows import (
    back,
    burn_of,
    key_of,
    metrics_in,
    only,
    parameters,
    since_when,
    slugs,
    streaks,
    threshold_book,
)
from impact_in_pipelines.db.sla.unplanned import as_parameter, overdue_before, unplanned_fires
from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.settings import read_settings
from impact_in_pipelines.sla.assessing import Assessment, Measured, assess, since_wanted, with_since
from impact_in_pipelines.sla.budget import (
    BUDGET_DAYS,
    BURN_WINDOWS,
    PRESENT_DAYS,
    Errors,
    error_budget,
)
from impact_in_pipelines.sla.model import Window
from impact_in_pipelines.sla.thresholds import Thresholds
from impact_in_pipelines.sla.windows import ReportKind, midnight
from impact_in_pipelines.sla.windows import window as asked_for
from impact_in_pipelines.sla.wire import report_document

from .logs import NOW, TODAY, Log, Row, ago
from .random_rows import FIRST, SPANS, rows

COMPANIES = 3
SETTINGS = read_settings({})
WINDOWS = (
    Window(midnight(FIRST), midnight(TODAY + timedelta(days=1))),
    Window(ago(days=2, hours=5), NOW),
    Window(ago(days=3), ago(days=1)),
)
CHANGES = (
    # An attempt that brought it through, at last or as a replay of a failure.
    "status = 'success', delivered_at = scheduled_for + :span, attempt_count = attempt_count + 1",
    # A final failure, which may be the word of a call-back on what had arrived.
    "status = 'failed', failed_at = scheduled_for + :span, attempt_count = attempt_count + 1",
    # Put back into the queue: by a replay, or taken back by a call-back.
    "status = 'retrying', next_attempt_at = CAST(:now AS timestamptz) - :span",
    "status = 'pending', attempt_count = 0, delivered_at = NULL, failed_at = NULL",
    "status = 'cancelled'",
    # A correction by hand.
    "status = 'skipped', failed_at = NULL, payload_bytes = 7",
)


@pytest.fixture
def log(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Log:
    """An empty log, read in blocks of one company."""
    monkeypatch.setattr(outcomes, "_COMPANY_DAYS_AT_ONCE", 1)
    return Log(engine)


def by_statements(log: Log, window: Window, company_id: UUID | None = None) -> Assessment:
    """The independent reckoning: from the log alone, counted by PostgreSQL."""
    with reading_changes(log.engine) as (connection, _):
        values = parameters(window, NOW, Thresholds.from_settings(SETTINGS), company_id)
        fires = unplanned_fires(connection, values)
        values["unplanned"] = as_parameter(fires)
        burning = parameters(
            back(NOW, BURN_WINDOWS[-1]), NOW, Thresholds.from_settings(SETTINGS), company_id
        )
        burns = rows_of(connection.execute(sla_sql.ends_within(BURN_WINDOWS), burning))
        measured = Measured(
            window,
            {
                key_of(r): metrics_in(r)
                for r in rows_of(connection.execute(sla_sql.MEASURE, values))
            },
            streaks(connection, load("sla/statuses")["streaks"], values),
            {key_of(row): burn_of(row) for row in burns} if window.end >= NOW else {},
            overdue_before(connection, fires, values),
        )
        book = threshold_book(connection, Thresholds.from_settings(SETTINGS), only(company_id))
        found = assess(measured, book, slugs(connection, only(company_id)), NOW)
        since = since_when(connection, sla_sql.SINCE_WHEN, since_wanted(found), values)
        return with_since(found, since)


def reports_by_blocks(log: Log, kind: ReportKind, window: Window) -> dict[Any, Any]:
    """Everybody's reports as they are made, by company (None: on all)."""
    return {
        company_id: report_document(reading.report(company_id))
        for reading, companies in SlaReports(log.engine, SETTINGS).readings(kind, window, NOW)
        for company_id in companies
    }


def reports_by_statements(log: Log, kind: ReportKind, window: Window) -> dict[Any, Any]:
    """The same with days, crowded minutes, causes and trends from the log alone."""
    reading = SlaReports(log.engine, SETTINGS).read_at_once(kind, window, NOW, None)
    companies = [*reading.assessment.company_ids(), None]
    return {company_id: report_document(reading.report(company_id)) for company_id in companies}


def budgets_by_statement(log: Log, company_id: UUID | None = None) -> Any:
    """Error budgets of all scopes, or of one company's, from the log alone."""
    spans = (timedelta(days=PRESENT_DAYS), timedelta(days=BUDGET_DAYS))
    thresholds = Thresholds.from_settings(SETTINGS)
    with reading_changes(log.engine) as (connection, _):
        values = parameters(back(NOW, spans[-1]), NOW, thresholds, company_id)
        rows = rows_of(connection.execute(sla_sql.ends_within(spans), values))
        book = threshold_book(connection, thresholds, only(company_id))
    return {
        key_of(row): error_budget(
            Errors(row["due_1"], row["errors_1"]),
            Errors(row["due_0"], row["errors_0"]),
            book.of(*key_of(row)),
            NOW,
        )
        for row in rows
        if row["due_1"]
    }


@st.composite
def happenings(draw: st.DrawFn) -> tuple[str, Any]:
    """What happens next: rows are written, one changes or is deleted, thresholds are set, a schedule lags,
    or the outcomes are packed."""
    kind = draw(
        st.sampled_from(["write", "write", "change", "change", "pack", "delete", "target", "lag"])
    )
    match kind:
        case "write":
            return kind, draw(st.lists(rows(), min_size=1, max_size=12))
        case "change":
            return kind, (draw(st.integers(0, 40)), draw(st.sampled_from(CHANGES)), draw(SPANS))
        case "delete":
            return kind, draw(st.integers(0, 40))
        case "target":
            company, platform = draw(
                st.sampled_from([(0, None), (1, Platform.GOODERA), (None, Platform.WORKDAY)])
            )
            return kind, (company, platform, draw(st.sampled_from([60_000, 3_600_000])))
        case _:
            return kind, draw(st.integers(0, COMPANIES - 1))


@given(steps=st.lists(happenings(), min_size=1, max_size=8))
@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_everybody_by_columns_is_what_the_statements_say(
    log: Log, steps: list[tuple[str, Any]]
) -> None:
    """For any log, however it came about (late changes, replays, call-backs, corrections, rows that go), and
    whenever it was packed: every metric, breach, burn rate and `since` of every scope is the same."""
    log.forget()
    log.one("TRUNCATE sla_thresholds")
    companies = [log.company(f"c-{n}") for n in range(COMPANIES)]
    written: list[Row] = []
    for kind, what in steps:
        happen(log, companies, written, kind, what)
        for window in WINDOWS:
            found, _ = log.sla.assess_everybody(window, NOW)
            assert found.scopes == by_statements(log, window).scopes
            one = log.sla.assess(window, NOW, company_id=companies[0])
            assert one.scopes == by_statements(log, window, companies[0]).scopes
            by_blocks = reports_by_blocks(log, ReportKind.WEEKLY, window)
            assert by_blocks == reports_by_statements(log, ReportKind.WEEKLY, window)
        assert log.sla.error_budgets(NOW) == budgets_by_statement(log)
    stands(log, companies[1])


def stands(log: Log, company_id: UUID) -> None:
    """One company's status and budget, read together, and with those of others, are what the statements
    say."""
    everybody = CompanyStore(log.engine).listed()
    (company,) = (one for one in everybody if one.id == company_id)
    budgets = budgets_by_statement(log, company_id)
    assert log.sla.error_budgets(NOW, company_id=company_id) == budgets
    for start, end in (
        (None, None),
        (ago(days=3), ago(days=1)),
        (ago(days=20), NOW),
        (ago(days=40), ago(days=35)),
    ):
        status, budget = log.sla.standing(company, start, end, now=NOW)
        if start is None:
            together = log.sla.standings(everybody, now=NOW)
            assert together.keys() == {one.id for one in everybody}
            assert together[company_id] == (status, budget)
        by_log = by_statements(log, asked_for(NOW, start, end), company_id)
        assert status == by_log.status(company_id)
        assert budget == budgets.get((company_id, None))


def happen(log: Log, companies: list[Any], written: list[Row], kind: str, what: Any) -> None:
    """Do one of `happenings`."""
    match kind:
        case "write":
            fresh = [Row(**{**one, "company": companies[one["company"]]}) for one in what]
            log.write(fresh)
            written += fresh
        case "change" if written:
            place, change, span = what
            log.one(
                f"UPDATE impact_deliveries SET {change}, updated_at = :now WHERE id = :id",
                id=written[place % len(written)].id,
                span=span,
                now=NOW,
            )
        case "delete" if written:
            gone = written.pop(what % len(written))
            log.one("DELETE FROM delivery_attempts WHERE delivery_id = :id", id=gone.id)
            log.one("DELETE FROM sla_outcome_marks")
            log.one("DELETE FROM impact_deliveries WHERE id = :id", id=gone.id)
        case "target":
            company, platform, target = what
            values = f'{{"latency_target_ms": {target}}}'
            log.one(
                "INSERT INTO sla_thresholds (company_id, platform, thresholds, updated_by, updated_at) "
                "VALUES (:company, :platform, CAST(:values AS jsonb), 'test', :now) "
                "ON CONFLICT (company_id, platform) DO UPDATE SET thresholds = excluded.thresholds",
                company=None if company is None else companies[company],
                platform=platform and platform.value,
                values=values,
                now=NOW,
            )
        case "lag":
            log.schedule(companies[what], "workday", next_run=ago(days=1))
        case "pack":
            SlaOutcomes(log.engine, SETTINGS).refresh(NOW)
            log.rollup.refresh(FIRST, NOW)


def test_what_is_packed_is_not_read_from_the_log(log: Log) -> None:
    """A log that is packed whole leaves nothing to read but what is open; what changes is read from the log
    until it is packed again."""
    acme = log.company("acme")
    done, late = Row(acme, ago(days=1)), Row(acme, ago(days=2))
    log.write([done, late, Row(acme, ago(hours=1), "retrying", next_attempt=NOW)])
    packed = SlaOutcomes(log.engine, SETTINGS)
    packed.refresh(NOW)
    assert _records(log) == 2

    log.one("UPDATE impact_deliveries SET status = 'retrying' WHERE id = :id", id=late.id)
    packed.refresh(NOW)

    assert _records(log) == 1
    assert log.sla.assess(WINDOWS[0], NOW).scopes[acme, None].metrics.pending == 2


def test_days_that_nobody_looks_back_on_are_dropped(log: Log) -> None:
    """The copy has the days of the budget and the window, and no others."""
    acme = log.company("acme")
    log.write([Row(acme, ago(days=34)), Row(acme, ago(days=1))])
    packed = SlaOutcomes(log.engine, SETTINGS)
    packed.refresh(NOW)
    assert _records(log) == 2

    packed.refresh(NOW + timedelta(days=3))
    assert _records(log) == 1

    # A clock that was put back, or a longer window: what is looked back on again is packed again.
    packed.refresh(NOW)
    assert _records(log) == 2


def _records(log: Log) -> int:
    found: int = log.one("SELECT coalesce(sum(octet_length(records)), 0) / 52 FROM sla_outcomes")
    return int(found)
