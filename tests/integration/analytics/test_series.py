"""The daily series against the log: the rollup says what a count of raw rows in plain Python says."""

import random
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Engine, text

from impact_in_pipelines.analytics.answers import bin_of, bounds_of, percentile
from impact_in_pipelines.analytics.series import SeriesDay
from impact_in_pipelines.db.analytics.series import SeriesStore
from impact_in_pipelines.db.sla import rollup
from impact_in_pipelines.db.sla.outcomes import SlaOutcomes
from impact_in_pipelines.settings import read_settings
from impact_in_pipelines.sla.windows import midnight
from integration.sla.logs import NOW, TODAY, Log, Row

from .tries import attempt, write_attempts

DAYS = 5
FIRST = TODAY - timedelta(days=DAYS - 1)
KINDS = ("timeout", "server_error", "rate_limited", None)
OUTCOMES = (
    *("delivered", "delivered", "delivered", "retryable", "permanent"),
    *("held", "lost", "started"),
)


@pytest.fixture
def log(engine: Engine) -> Log:
    """An empty log."""
    return Log(engine)


@pytest.mark.parametrize("seed", range(4))
def test_the_series_says_what_the_log_says(log: Log, seed: int) -> None:
    """For logs with every outcome, batches that were split, and attempts from before there were months,
    packed or not: requests, deliveries sent, repeats, failures by kind and answer times agree with a count
    of raw rows, per company, for all, and by hour."""
    rng = random.Random(seed)
    companies = [log.company(f"s{seed}-{n}") for n in range(3)]
    tries = _written(log, rng, companies)
    if seed % 2:
        SlaOutcomes(log.engine, read_settings({})).refresh(NOW)
    log.rollup.refresh(FIRST, NOW)
    store = SeriesStore(log.engine)

    found = [one for one in store.of_all(FIRST, TODAY) if one.company_id in companies]

    expected = _counted(tries)
    calls = {(c, p, d): one.calls for one in found for c, p, d in [_key(one)]}
    assert {key for key, one in calls.items() if one.requests or one.lost} == set(expected)
    for key, want in expected.items():
        one = calls[key]
        assert (one.requests, one.deliveries_sent, one.repeats, one.failed_requests, one.lost) == (
            *(want["requests"], want["deliveries"], want["repeats"], want["failed"], want["lost"]),
        )
        assert dict(one.errors) == dict(want["kinds"])
        assert one.answered == len(want["ms"])
        assert one.answer_ms_sum == pytest.approx(sum(want["ms"]))
        assert one.answers == dict(Counter(map(bin_of, want["ms"])))
    for company in companies:
        mine = [one for one in found if one.company_id == company]
        assert sorted(map(repr, store.of_company(company, FIRST, TODAY))) == sorted(map(repr, mine))
    for platform_day in store.of_platforms(FIRST, TODAY):
        some = [
            one
            for one in found
            if (one.day, one.platform) == (platform_day.day, platform_day.platform)
        ]
        assert platform_day.companies == len({one.company_id for one in some})
        for name in ("requests", "deliveries_sent", "repeats", "failed_requests", "lost"):
            assert getattr(platform_day.calls, name) == sum(
                getattr(one.calls, name) for one in some
            )
        for name in ("planned", "succeeded", "failed", "never_started", "timed", "on_time"):
            assert getattr(platform_day.deliveries, name) == sum(
                getattr(one.deliveries, name) for one in some
            )
        assert sum(platform_day.calls.answers.values()) == platform_day.calls.answered
        assert sum(platform_day.calls.errors.values()) == platform_day.calls.failed_requests
    assert _hours(log) == _counted_hours(tries)


def test_a_batch_is_one_call(log: Log) -> None:
    """Twenty deliveries in one request saved nineteen; after a split each single send counts."""
    company, at = log.company("acme"), NOW - timedelta(hours=2)
    rows = [Row(company, at, platform="goodera", attempts=2) for _ in range(20)]
    log.write(rows)
    began = at + timedelta(seconds=1)
    split = [attempt(row, 1, began, "split", 800.0, "batch_refused") for row in rows]
    single = [
        attempt(row, 2, began + timedelta(seconds=n + 1), "delivered", 100.0 + n)
        for n, row in enumerate(rows)
    ]
    write_attempts(log, [*split, *single])
    log.rollup.refresh(FIRST, NOW)

    (one,) = SeriesStore(log.engine).of_company(company, TODAY, TODAY)

    assert (one.calls.requests, one.calls.deliveries_sent, one.calls.saved) == (21, 40, 19)
    assert (one.calls.repeats, one.calls.failed_requests) == (20, 1)
    assert one.calls.errors == {"batch_refused": 1}
    assert (one.deliveries.planned, one.deliveries.succeeded) == (20, 20)


def test_a_result_that_comes_late_is_counted_by_the_next_run(log: Log) -> None:
    """An attempt whose worker was thought dead, closed after its delivery had ended, makes the day stale."""
    company = log.company("acme")
    row = Row(company, NOW - timedelta(days=2), attempts=2)
    log.write([row])
    lost = attempt(row, 1, row.at, "lost", None)
    write_attempts(log, [lost, attempt(row, 2, row.at + timedelta(minutes=6), "delivered", 90.0)])
    log.rollup.refresh(FIRST, NOW)
    assert log.rollup.stale_days(FIRST, NOW).days == []

    log.one(
        "UPDATE delivery_attempts SET outcome = 'delivered', latency_ms = 50 WHERE id = :id",
        id=lost["id"],
    )

    assert log.rollup.refresh(FIRST, NOW) == [row.day]
    (one,) = SeriesStore(log.engine).of_company(company, FIRST, TODAY)
    assert (one.calls.requests, one.calls.lost) == (2, 0)


def test_days_that_an_older_program_computed_are_counted_again(log: Log) -> None:
    """It writes `sla_daily` and knows nothing of calls; days that have left the log are left alone."""
    company = log.company("acme")
    row = Row(company, NOW - timedelta(days=1))
    log.write([row])
    write_attempts(log, [attempt(row, 1, row.at, "delivered", 90.0)])
    log.rollup.refresh(FIRST, NOW)
    log.one("UPDATE sla_days SET calls_at = NULL")
    log.one("DELETE FROM calls_daily")

    assert log.rollup.refresh(FIRST, NOW) == [row.day]
    (one,) = SeriesStore(log.engine).of_company(company, FIRST, TODAY)
    assert one.calls.requests == 1


def test_an_upgrade_counts_the_calls_of_before_in_portions(
    log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Newest first and some in each run; the hourly run need not take every day since the oldest."""
    monkeypatch.setattr(rollup, "CATCH_UP_DAYS", 2)
    company = log.company("acme")
    rows = [Row(company, NOW - timedelta(days=n)) for n in range(1, 4)]
    log.write(rows)
    log.rollup.refresh(FIRST, NOW)
    log.one("UPDATE sla_days SET calls_at = NULL")
    yesterday, before, first = [row.day for row in rows]

    assert log.rollup.stale_days(FIRST, NOW).days == []
    assert log.rollup.refresh(FIRST, NOW) == [before, yesterday]
    assert log.rollup.refresh(FIRST, NOW) == [first]
    assert log.rollup.refresh(FIRST, NOW) == []


@pytest.mark.parametrize("share", [0.5, 0.95])
def test_percentiles_are_within_five_percent(share: float) -> None:
    """Of any spread between 1 ms and 1,000 s."""
    rng = random.Random(7)
    for _ in range(50):
        middle, width = rng.uniform(1, 9), rng.uniform(0.1, 1.5)
        values = sorted(min(9e5, max(1.0, rng.lognormvariate(middle, width))) for _ in range(2_000))
        true = values[int(share * len(values)) - 1]
        read = percentile(Counter(map(bin_of, values)), share)
        assert read == pytest.approx(true, rel=0.05)
    assert percentile({}, share) is None
    assert all(bounds_of(bin_of(ms))[0] <= ms < bounds_of(bin_of(ms))[1] for ms in (1.0, 37.2, 9e5))


def _key(one: SeriesDay) -> tuple[UUID, str, date]:
    return one.company_id, one.platform.value, one.day


def _written(log: Log, rng: random.Random, companies: Sequence[UUID]) -> list[dict[str, Any]]:
    """Deliveries with attempts, some of them in batches; the attempts."""
    rows = [
        Row(
            rng.choice(companies),
            midnight(FIRST) + timedelta(milliseconds=rng.randrange(DAYS * 86_400_000)),
            rng.choice(["success", "success", "success", "failed", "retrying", "missed"]),
            platform=rng.choice(["benevity", "goodera", "workday"]),
            trigger=rng.choice(["schedule", "schedule", "backfill", "replay"]),
            took=timedelta(seconds=rng.randrange(600)),
        )
        for _ in range(120)
    ]
    log.write(rows)
    tries = []
    for row in rows:
        began = row.at
        for number in range(1, rng.randrange(1, 5)):
            began += timedelta(seconds=rng.uniform(1, 4000))
            outcome = rng.choice(OUTCOMES)
            ms = None if outcome in ("lost", "started") else rng.lognormvariate(5, 1)
            kind = None if outcome == "delivered" else rng.choice(KINDS)
            tries.append(attempt(row, number, began, outcome, ms, kind, old=rng.random() < 0.2))
    for _ in range(15):
        company, at = (
            rng.choice(companies),
            midnight(FIRST) + timedelta(seconds=rng.randrange(DAYS * 86_400)),
        )
        members = [Row(company, at, platform="goodera") for _ in range(rng.randrange(2, 9))]
        log.write(members)
        outcome, ms, number = (
            rng.choice(["delivered", "split", "retryable"]),
            rng.uniform(5, 900),
            1,
        )
        kind = None if outcome == "delivered" else "batch_refused"
        tries += [attempt(one, number, at, outcome, ms, kind) for one in members]
    write_attempts(log, tries)
    return tries


def _calls(tries: Iterable[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """The attempts of each call: batches of one account that began and ended together."""
    together: dict[Any, list[dict[str, Any]]] = defaultdict(list)
    for one in tries:
        if one["outcome"] in ("started", "lost"):
            continue
        row = one["row"]
        alone = one["id"] if row.platform != "goodera" else None
        key = (row.company, row.platform, row.day, one["started_at"], one["latency_ms"], alone)
        together[key].append(one)
    return list(together.values())


def _counted(tries: Sequence[dict[str, Any]]) -> dict[tuple[UUID, str, date], dict[str, Any]]:
    """What the log says, by company, platform and day."""
    found: dict[Any, dict[str, Any]] = defaultdict(
        lambda: (
            {**dict.fromkeys(("requests", "deliveries", "repeats", "failed", "lost"), 0)}
            | {"kinds": Counter(), "ms": []}
        )
    )
    for one in tries:
        if one["outcome"] == "lost":
            found[one["row"].company, one["row"].platform, one["row"].day]["lost"] += 1
    for members in _calls(tries):
        row = members[0]["row"]
        cell = found[row.company, row.platform, row.day]
        cell["requests"] += 1
        cell["deliveries"] += len(members)
        cell["repeats"] += all(one["number"] > 1 for one in members)
        cell["ms"].append(members[0]["latency_ms"])
        if members[0]["outcome"] != "delivered":
            cell["failed"] += 1
            cell["kinds"][members[0]["error_kind"] or "unknown"] += 1
    return dict(found)


def _counted_hours(tries: Sequence[dict[str, Any]]) -> dict[tuple[date, str, int], tuple[int, int]]:
    found: dict[tuple[date, str, int], list[int]] = defaultdict(lambda: [0, 0])
    for members in _calls(tries):
        first = members[0]
        cell = found[first["row"].day, first["row"].platform, first["started_at"].hour]
        cell[0] += 1
        cell[1] += first["outcome"] != "delivered"
    return {key: (one[0], one[1]) for key, one in found.items()}


def _hours(log: Log) -> dict[tuple[date, str, int], tuple[int, int]]:
    with log.engine.connect() as connection:
        rows = connection.execute(
            text("SELECT day, platform, hour, requests, failed_requests FROM platform_hours")
        )
        return {(r.day, r.platform, r.hour): (r.requests, r.failed_requests) for r in rows}
