"""Finding deliveries by what people have of them, and taking the log along as filtered."""

import csv
import io
from datetime import date, timedelta
from typing import Any

import pytest
from factories import World

from impact_in_pipelines.db.deliveries.filtering import DeliveryFilter
from impact_in_pipelines.db.deliveries.reading import DeliveryReader
from impact_in_pipelines.delivery.states import DeliveryStatus
from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.services.deliveries.cancelling import waiting_like
from impact_in_pipelines.services.deliveries.exporting import ExportForm, export

from .api_harness import VIEWER, Served
from .cli_harness import Cli
from .test_months import plan_of, statements


def found(api: Served, **filters: Any) -> set[str]:
    return {one["id"] for one in api.get("/deliveries", limit=100, **filters)["data"]}


def test_a_search_takes_an_id_its_beginning_a_transaction_or_a_text_of_the_error(
    api: Served,
) -> None:
    """Whatever a person has of a delivery finds it, in one field."""
    transaction = api.world.delivery(api.own.arrived)["transaction_id"]
    arrived, failed = str(api.own.arrived), str(api.own.failed)

    assert found(api, search=arrived) == {arrived}
    assert found(api, search=f" {failed[:8].upper()} ") == {failed}
    assert found(api, search=transaction) == {arrived}
    assert found(api, search="Busy") == {failed}
    assert found(api, search="50%") == set()
    assert found(api, search=failed, status="success") == set()
    assert found(api, search=failed, platform="goodera", error="503") == {failed}


def test_a_search_finds_nothing_of_another_company(api: Served) -> None:
    """Neither by its id, nor by its transaction, nor by what its error says."""
    transaction = api.world.delivery(api.other.arrived)["transaction_id"]
    api.world.execute(
        "UPDATE impact_deliveries SET last_error = 'only theirs' WHERE id = :id",
        id=api.other.failed,
    )

    for text_of_theirs in (str(api.other.arrived), transaction, "only theirs"):
        assert found(api, search=text_of_theirs) == set()
    both = api.token(VIEWER, [api.own.company, api.other.company])
    answer = api.call("GET", "/deliveries", token=both, params={"search": "only theirs"}).json()
    assert [one["id"] for one in answer["data"]] == [str(api.other.failed)]
    answer = api.call("GET", "/deliveries", token=both, params={"search": transaction}).json()
    assert [one["id"] for one in answer["data"]] == [str(api.other.arrived)]


def test_a_search_pages_through_what_it_names_and_what_its_text_fits(api: Served) -> None:
    """An id's beginning that errors contain too: every delivery once, the latest due first."""
    days = [date(2026, 1, 1) + timedelta(days=n) for n in range(9)]
    ids = api.world.deliveries(Platform.WORKDAY, api.own.company, days=days)
    word = str(api.own.arrived)[:8]
    for n, id_ in enumerate(ids):
        api.world.execute(
            "UPDATE impact_deliveries SET last_error = :error, status = 'failed', "
            "next_attempt_at = NULL, scheduled_for = scheduled_for - make_interval(hours => :n) "
            "WHERE id = :id",
            error=f"refused: {word}",
            n=n,
            id=id_,
        )
    seen, cursor = [], None
    while True:
        page = api.get(
            "/deliveries", search=word, limit=3, **({"cursor": cursor} if cursor else {})
        )
        seen += page["data"]
        cursor = page["nextCursor"]
        if cursor is None:
            break
    assert sorted(one["id"] for one in seen) == sorted(map(str, [*ids, api.own.arrived]))
    due = [one["scheduledFor"] for one in seen]
    assert due == sorted(due, reverse=True)


@pytest.mark.parametrize(
    ("filters", "days"),
    [
        ({"periodFrom": "2026-01-10"}, [(5, 11), (10, 10), (12, 12)]),
        ({"periodUntil": "2026-01-10"}, [(1, 1), (5, 11), (10, 10)]),
        ({"periodFrom": "2026-01-02", "periodUntil": "2026-01-04"}, []),
        ({"periodFrom": "2026-01-08", "periodUntil": "2026-01-08"}, [(5, 11)]),
    ],
)
def test_periods_are_found_by_the_days_that_they_report(
    api: Served, filters: dict[str, str], days: list[tuple[int, int]]
) -> None:
    """A delivery fits if it reports any of the days, whenever it was due."""
    spans = [(1, 1), (5, 11), (10, 10), (12, 12)]
    ids = api.world.deliveries(
        Platform.WORKDAY, api.own.company, days=[date(2026, 1, last) for _, last in spans]
    )
    for id_, (first, _) in zip(ids, spans, strict=True):
        api.world.execute(
            "UPDATE impact_deliveries SET period_start = :first WHERE id = :id",
            first=date(2026, 1, first),
            id=id_,
        )
    named = {str(id_): span for id_, span in zip(ids, spans, strict=True)}

    assert sorted(named[id_] for id_ in found(api, platform="workday", **filters)) == days


@pytest.mark.parametrize(
    ("filters", "name"),
    [
        ({"periodFrom": "2026-01-02", "periodUntil": "2026-01-01"}, "periodUntil"),
        ({"periodFrom": "yesterday"}, "periodFrom"),
        ({"search": "x" * 201}, "search"),
    ],
)
def test_a_filter_that_does_not_hold_is_refused_by_name(
    api: Served, filters: dict[str, str], name: str
) -> None:
    """A typing error never reads as an empty list."""
    for path in ("/deliveries", "/deliveries/export"):
        answer = api.call("GET", path, params=filters)
        assert answer.status_code == 422
        assert name in answer.text


def test_what_waits_is_called_off_by_the_same_filter(world: World) -> None:
    """A button that cancels what fits the filters cancels nothing that they hide."""
    (company,) = world.companies()
    days = [date(2026, 1, 1), date(2026, 1, 2), date(2026, 1, 3)]
    first, second, third = world.deliveries(Platform.WORKDAY, company, days=days)
    world.execute("UPDATE impact_deliveries SET last_error = '503: busy' WHERE id = :id", id=third)
    runtime = world.runtime

    def waiting(**wanted: Any) -> list[Any]:
        return waiting_like(runtime, DeliveryFilter(**wanted), [company])

    assert set(waiting()) == {first, second, third}
    assert waiting(search=str(second)) == [second]
    assert waiting(search="busy") == [third]
    assert waiting(period_until=date(2026, 1, 1)) == [first]
    assert waiting(period_from=date(2026, 1, 3)) == [third]


def test_an_export_is_the_list_whole(api: Served) -> None:
    """Every field as the list has it, all pages, as filtered and of the caller's companies only."""
    days = [date(2026, 1, 1) + timedelta(days=n) for n in range(40)]
    api.world.deliveries(Platform.WORKDAY, api.own.company, days=days)

    exported = api.get("/deliveries/export")
    listed = api.get("/deliveries", limit=100)["data"]
    as_csv = api.call("GET", "/deliveries/export", headers={"Accept": "text/csv"})

    assert len(exported) == 42
    times = [name for name in listed[0] if name.endswith(("At", "For"))]
    for one in (*exported, *listed):
        for name in times:
            one[name] = one[name] and one[name].replace("Z", "+00:00")
    assert exported == listed
    rows = list(csv.DictReader(io.StringIO(as_csv.text)))
    assert [row["id"] for row in rows] == [one["id"] for one in listed]
    assert as_csv.headers["content-type"].startswith("text/csv")
    assert rows[-1].keys() >= listed[0].keys() - {"held"}
    failed = api.get("/deliveries/export", status=["failed", "missed"])
    assert [one["id"] for one in failed] == [str(api.own.failed)]


def test_nothing_in_an_export_is_a_formula_or_a_persons(api: Served) -> None:
    """A text that a platform chose must not run in a spreadsheet, and an address in it is masked."""
    api.world.execute(
        "UPDATE impact_deliveries SET last_error = '=HYPERLINK(\"http://x\") ask kari@example.org', "
        "transaction_id = '@SUM(1)' WHERE id = :id",
        id=api.own.failed,
    )

    text_of = api.call("GET", "/deliveries/export", headers={"Accept": "text/csv"}).text

    (row,) = [one for one in csv.DictReader(io.StringIO(text_of)) if one["status"] == "failed"]
    assert row["lastError"] == '\'=HYPERLINK("http://x") ask ***'
    assert row["transactionId"] == "'@SUM(1)"
    assert "kari@example.org" not in api.call("GET", "/deliveries/export").text


def test_an_export_holds_no_connection_and_one_page_at_a_time(world: World) -> None:
    """However slowly somebody reads: a transaction left open would keep dead rows in the queue."""
    (company,) = world.companies()
    days = [date(2020, 1, 1) + timedelta(days=n) for n in range(2_500)]
    world.deliveries(Platform.WORKDAY, company, days=days)
    reader = DeliveryReader(world.database.engine)
    pieces = export(reader, [company], DeliveryFilter(), ExportForm.CSV)
    sizes = []
    for piece in pieces:
        assert world.database.engine.pool.checkedout() == 0  # type: ignore[attr-defined]
        sizes.append(piece.count("\n"))
    assert sizes == [1, 1_000, 1_000, 500]
    limited = export(reader, [company], DeliveryFilter(), ExportForm.CSV, limit=1_001)
    assert sum(piece.count("\n") for piece in limited) == 1_002
    empty = DeliveryFilter(statuses=[DeliveryStatus.MISSED])
    assert "".join(export(reader, [company], empty, ExportForm.JSON)) == "[\n]\n"


def test_searches_go_by_indexes(world: World) -> None:
    """Among many deliveries: by the primary key, the transactions, the few with an error."""
    (company,) = world.companies()
    world.execute(
        """INSERT INTO impact_deliveries (id, company_id, platform, trigger, status, period_start,
               period_end, scheduled_for, idempotency_key, transaction_id, last_error)
           SELECT gen_random_uuid(), :company, 'benevity', 'schedule', 'success', '2026-01-01',
               '2026-01-01', CAST(:now AS timestamptz) - make_interval(mins => n), gen_random_uuid(),
               'txn-' || n, CASE WHEN n % 100 = 0 THEN '503: busy' END
           FROM generate_series(1, 20000) n""",
        company=company,
        now=world.clock(),
    )
    world.execute("ANALYZE impact_deliveries")
    engine = world.database.engine
    with statements(engine) as seen:
        DeliveryReader(engine).listed([company], DeliveryFilter(search="txn-77"), limit=31)
    with engine.connect() as connection:
        plans = [plan_of(connection, statement) for statement in seen]
    named = next(plan for plan in plans if "transaction_id" in plan and "Limit" in plan)
    assert "Seq Scan on impact_deliveries_before" not in named  # the other months are empty
    by_error = [plan for plan in plans if "last_error" in plan]
    assert by_error
    assert all("errors" in plan or "scheduled_for_idx" in plan for plan in by_error), by_error


@pytest.fixture
def cli(monkeypatch: pytest.MonkeyPatch, world: World) -> Cli:
    return Cli(monkeypatch, world.database)


def test_a_terminal_has_the_same_filters_and_takes_the_log_along(cli: Cli, world: World) -> None:
    """Search, spans of due times and periods, several statuses; CSV and JSON without end."""
    (company,) = world.companies()
    days = [date(2026, 1, 1) + timedelta(days=n) for n in range(30)]
    ids = [str(one) for one in world.deliveries(Platform.WORKDAY, company, days=days)]

    def listed(*words: str) -> list[str]:
        return [row["id"] for row in cli.good("deliveries", "list", *words, "--json").json]

    today = f"{world.clock():%Y-%m-%d}"
    assert listed("--search", ids[4][:13]) == [ids[4]]
    assert set(listed("--period-from", "2026-01-29", "--limit", "50")) == set(ids[28:])
    assert set(listed("--period-until", "2026-01-02")) == set(ids[:2])
    assert len(listed("--due-from", today, "--due-until", today)) == 20
    assert listed("--due-until", "2026-01-01") == []
    assert listed("--trigger", "replay") == []
    rows = list(csv.DictReader(io.StringIO(cli.good("deliveries", "list", "--format", "csv").out)))
    assert {row["id"] for row in rows} == set(ids)
    assert len(cli.good("deliveries", "list", "--format", "json", "--limit", "25").json) == 25
    refused = cli.refused("deliveries", "list", "--due-from", "today")
    assert "--due-from must be a date" in refused.err


def test_trends_are_those_of_the_company_and_end_with_the_running_period(api: Served) -> None:
    """Twelve periods before it; the days are whole and end yesterday."""
    own = {"companyId": str(api.own.company)}
    api.world.clock.advance(timedelta(minutes=1))

    weekly = api.get("/sla-trends", **own)
    monthly = api.get("/sla-trends", **own, period="monthly")

    assert (len(weekly["trend"]), len(monthly["trend"])) == (13, 13)
    assert weekly["trend"][-1]["start"] == "2026-03-09T00:00:00Z"
    assert monthly["trend"][-1]["start"] == "2026-03-01T00:00:00Z"
    for found in (weekly, monthly):
        assert found["trend"][-1]["due"] == 2
        assert found["trend"][-1]["successful"] == 1
    assert [one["day"] for one in weekly["days"]][-1] == "2026-03-09"
    assert len(weekly["days"]) == 28
    theirs = api.call("GET", "/sla-trends", params={"companyId": str(api.other.company)})
    assert theirs.status_code == 404


def test_a_day_of_the_trends_counts_what_did_not_arrive(api: Served) -> None:
    """As the rollup has it: due less arrived."""
    world = api.world
    world.clock.advance(timedelta(days=1))
    world.runtime.sla_rollup.refresh(date(2026, 3, 1), world.clock())

    found = api.get("/sla-trends", companyId=str(api.own.company))

    last = found["days"][-1]
    assert (last["day"], last["successful"], last["notArrived"]) == ("2026-03-10", 1, 1)
