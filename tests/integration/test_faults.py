"""Every fault switch of the sandbox, and what the delivery log must say of it (D5, section 6)."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import pytest
from factories import (
    FIRST_RETRY,
    SECOND_RETRY,
    SECRETS,
    THIRD_RETRY,
    World,
    copied_database,
    world_on,
)
from sqlalchemy import URL, RowMapping

from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.sandbox.faults import FaultKind
from impact_in_pipelines.sandbox.server import Sandbox, running_sandbox

SERVER_ERROR_AFTER = "server_error_after"
MALFORMED_AFTER = "malformed_json_after"
RATE_LIMIT_DATE = "rate_limited_date"
OPTIONS: dict[str, dict[str, object]] = {
    FaultKind.RATE_LIMITED: {"retry_after_seconds": 900},
    RATE_LIMIT_DATE: {"retry_after_seconds": 900, "retry_after_format": "date"},
    FaultKind.UNAVAILABLE: {"retry_after_seconds": 200},
    FaultKind.IN_PROGRESS: {"retry_after_seconds": 200},
    FaultKind.SLOW: {"delay_ms": 200},
    FaultKind.SERVER_ERROR: {"status": 502},
    SERVER_ERROR_AFTER: {"status": 500, "after_processing": True},
    MALFORMED_AFTER: {"after_processing": True},
}
KIND_OF = {
    SERVER_ERROR_AFTER: FaultKind.SERVER_ERROR,
    MALFORMED_AFTER: FaultKind.MALFORMED_JSON,
    RATE_LIMIT_DATE: FaultKind.RATE_LIMITED,
}
# Fault: status after one attempt, error kind, HTTP status.
EXPECTED: dict[str, tuple[str, str | None, int | None]] = {
    FaultKind.SERVER_ERROR: ("retrying", "server_error", 502),
    SERVER_ERROR_AFTER: ("retrying", "server_error", 500),
    FaultKind.RATE_LIMITED: ("retrying", "rate_limited", 429),
    RATE_LIMIT_DATE: ("retrying", "rate_limited", 429),
    FaultKind.UNAVAILABLE: ("retrying", "server_error", 503),
    FaultKind.IN_PROGRESS: ("retrying", "server_error", 409),
    FaultKind.TIMEOUT_BEFORE: ("retrying", "timeout", None),
    FaultKind.TIMEOUT_AFTER: ("retrying", "timeout", None),
    FaultKind.CONNECTION_RESET: ("retrying", "network", None),
    FaultKind.CONNECTION_RESET_AFTER: ("retrying", "network", None),
    FaultKind.MALFORMED_JSON: ("retrying", "bad_response", 200),
    MALFORMED_AFTER: ("retrying", "bad_response", 200),
    FaultKind.SUCCESS_FALSE: ("failed", "rejected", 200),
    FaultKind.BAD_REQUEST: ("failed", "rejected", 400),
    FaultKind.UNAUTHORIZED: ("failed", "authentication", 401),
    FaultKind.EXPIRED_TOKEN: ("failed", "authentication", 401),
    FaultKind.SLOW: ("success", None, 200),
}
PROCESSED_UNHEARD = (
    SERVER_ERROR_AFTER,
    MALFORMED_AFTER,
    FaultKind.TIMEOUT_AFTER,
    FaultKind.CONNECTION_RESET_AFTER,
)
OAUTH = (FaultKind.EXPIRED_TOKEN,)
"""Workday gets itself another token, once, and the delivery arrives in its first attempt."""

CASES = [(platform, fault) for platform in Platform for fault in EXPECTED]


@dataclass(frozen=True)
class Story:
    """One delivery that met one fault: its row after the first drain and at the end."""

    first: RowMapping
    last: RowMapping
    first_outcomes: list[str]
    last_outcomes: list[str]
    received: int
    accepted: int


def slug_of(fault: str) -> str:
    return fault.replace("_", "-") + "-1"


@pytest.fixture(scope="module")
def faulty() -> Iterator[Sandbox]:
    """A sandbox of this module's own: its faults stay on from test to test."""
    with running_sandbox() as running:
        yield running


@pytest.fixture(scope="module")
def world(postgres_url: URL, template: str, faulty: Sandbox) -> Iterator[World]:
    """A company for every fault, which meets it once on every platform."""
    with (
        copied_database(postgres_url, template) as url,
        # Most attempts fail, and on a busy machine those that arrive may come last. No platform is held.
        world_on(
            url, faulty, HTTP_READ_TIMEOUT_MS="2500", BREAKER_PLATFORM_ATTEMPTS="1000"
        ) as made,
    ):
        yield made


@pytest.fixture(scope="module")
def stories(world: World) -> dict[tuple[Platform, str], Story]:
    """A drain with every fault on, and a second one, sixteen minutes later, with all of them over."""
    companies = {fault: world.companies(prefix=slug_of(fault)[:-2])[0] for fault in EXPECTED}
    world.events(list(companies.values()))
    first, outcomes = {}, {}
    for platform in Platform:
        world.schedules(platform, list(companies.values()))
        for fault in EXPECTED:
            world.sandbox.client.add_fault(
                platform.value,
                KIND_OF.get(fault, FaultKind(fault) if fault in list(FaultKind) else fault),
                organization=slug_of(fault),
                # Workday may try again once, with a new token: only a second refusal tells.
                count=2 if fault == FaultKind.UNAUTHORIZED else 1,
                **OPTIONS.get(fault, {}),  # type: ignore[arg-type]
            )
        world.drain(platform)
    for case in CASES:
        first[case] = row_of(world, case[0], companies[case[1]])
        outcomes[case] = world.outcomes(first[case]["id"])
    world.clock.advance(timedelta(minutes=16))  # the Retry-After of a quarter of an hour included
    for platform in Platform:
        world.drain(platform)
    ledgers = {platform: world.accepted(platform) for platform in Platform}
    return {
        case: story(world, first[case], outcomes[case], ledgers[case[0]], companies[case[1]])
        for case in CASES
    }


def row_of(world: World, platform: Platform, company: UUID) -> RowMapping:
    (row,) = world.rows(
        "SELECT * FROM impact_deliveries WHERE platform = :platform AND company_id = :company",
        platform=platform.value,
        company=company,
    )
    return row


def story(
    world: World,
    first: RowMapping,
    outcomes: list[str],
    ledger: dict[str, dict[str, int]],
    company: UUID,
) -> Story:
    last = row_of(world, Platform(first["platform"]), company)
    line = ledger.get(str(last["idempotency_key"]), {})
    return Story(
        first=first,
        last=last,
        first_outcomes=outcomes,
        last_outcomes=world.outcomes(last["id"]),
        received=line.get("timesReceived", 0),
        accepted=line.get("timesAccepted", 0),
    )


def expected(platform: Platform, fault: str) -> tuple[str, str | None, int | None]:
    if platform is Platform.WORKDAY and fault in OAUTH:
        return ("success", None, 200)
    if platform is Platform.WORKDAY and fault == FaultKind.UNAUTHORIZED:
        return ("retrying", "authentication", 401)  # a token's refusal, not the credentials'
    return EXPECTED[fault]


def test_every_switch_of_the_sandbox_is_covered() -> None:
    """A new fault kind needs its line above."""
    assert {KIND_OF.get(fault, fault) for fault in EXPECTED} == set(FaultKind)


@pytest.mark.parametrize(("platform", "fault"), CASES)
def test_a_fault_is_logged_for_what_it_is(
    stories: dict[tuple[Platform, str], Story], platform: Platform, fault: str
) -> None:
    """Status, kind and HTTP status after the first attempt; its text names the platform, and no secret."""
    row = stories[platform, fault].first
    status, kind, http_status = expected(platform, fault)
    assert (row["status"], row["error_kind"], row["http_status"]) == (status, kind, http_status)
    assert row["attempt_count"] == 1
    outcome = {"success": "delivered", "retrying": "retryable", "failed": "permanent"}[status]
    assert stories[platform, fault].first_outcomes == [outcome]
    if status == "success":
        assert row["last_error"] is None
        assert row["transaction_id"]
    else:
        assert row["last_error"].lower().startswith(platform.value)
        assert not any(secret in row["last_error"] for secret in SECRETS)
    if status == "failed":
        assert row["failed_at"] == row["scheduled_for"] + timedelta(seconds=30)


@pytest.mark.parametrize(("platform", "fault"), CASES)
def test_what_can_be_repeated_arrives_once_and_the_rest_is_left(
    stories: dict[tuple[Platform, str], Story], platform: Platform, fault: str
) -> None:
    """A retry goes out under the same key and body; what arrived unheard is not accepted again."""
    told = stories[platform, fault]
    status, kind, _ = expected(platform, fault)
    assert told.last["idempotency_key"] == told.first["id"]
    assert told.last["payload"] == told.first["payload"]
    if status == "retrying":
        assert told.last["status"] == "success"
        assert told.last_outcomes == ["retryable", "delivered"]
        tokens = 2 if kind == "authentication" else 1  # each was tried in the first attempt
        assert (told.received, told.accepted) == (tokens + 1, 1)
        assert told.last["last_error"] is None
    elif status == "failed":
        assert told.last["status"] == "failed"
        assert told.last["error_kind"] == kind
        assert told.last_outcomes == ["permanent"]
        assert told.accepted == 0
    else:
        assert told.last_outcomes == ["delivered"]
        assert told.accepted == 1


@pytest.mark.parametrize("platform", list(Platform))
def test_nothing_was_doubled(
    world: World, stories: dict[tuple[Platform, str], Story], platform: Platform
) -> None:
    """By content, not only by key."""
    assert stories
    assert world.doubled(platform) == []


@pytest.mark.parametrize("platform", list(Platform))
@pytest.mark.parametrize("fault", PROCESSED_UNHEARD)
def test_an_answer_that_was_lost_is_heard_at_the_retry(
    stories: dict[tuple[Platform, str], Story], platform: Platform, fault: str
) -> None:
    """The platform repeats its first answer: the log ends with the transaction it made then."""
    told = stories[platform, fault]
    assert told.first["transaction_id"] is None
    assert told.last["transaction_id"]


@pytest.mark.parametrize("platform", list(Platform))
@pytest.mark.parametrize("fault", [FaultKind.RATE_LIMITED, RATE_LIMIT_DATE])
def test_a_retry_after_longer_than_the_plan_is_honoured(
    stories: dict[tuple[Platform, str], Story], platform: Platform, fault: str
) -> None:
    """Asked for a quarter of an hour after its first failure, it isn't tried again after five minutes."""
    row = stories[platform, fault].first
    asked_at: datetime = row["scheduled_for"] + timedelta(seconds=30)
    waited = row["next_attempt_at"] - asked_at
    # A date has whole seconds, and the platform's clock went on since it was written.
    assert timedelta(seconds=898) <= waited <= timedelta(seconds=901)


@pytest.mark.parametrize("platform", list(Platform))
def test_other_failures_wait_five_minutes_with_jitter(
    stories: dict[tuple[Platform, str], Story], platform: Platform
) -> None:
    """4 to 6 minutes (D5), and not all the same."""
    waits = {
        told.first["next_attempt_at"] - told.first["updated_at"]
        for (where, fault), told in stories.items()
        if where is platform and told.first["error_kind"] in ("server_error", "network", "timeout")
    }
    assert min(waits) >= timedelta(minutes=4)
    assert max(waits) <= timedelta(minutes=6)
    assert len(waits) > 1


@pytest.mark.parametrize("fault", [FaultKind.SERVER_ERROR, FaultKind.CONNECTION_RESET])
def test_the_fourth_failure_is_final(world: World, fault: FaultKind) -> None:
    """Retries after 5, 10 and 20 minutes, then a person's turn; the schedule counts one failure."""
    company = world.companies(prefix=f"hopeless-{fault.replace('_', '-')}")[0]
    world.events([company])
    # The clock of this module has moved on since midnight: the fire is a few minutes late.
    (schedule,) = world.schedules(Platform.BENEVITY, [company])
    slug = world.rows("SELECT slug FROM companies WHERE id = :id", id=company)[0]["slug"]
    world.sandbox.client.add_fault("benevity", fault, organization=slug)
    failed_at = None
    for number, wait in enumerate((FIRST_RETRY, SECOND_RETRY, THIRD_RETRY, None), start=1):
        summary = world.drain(Platform.BENEVITY)
        row = world.of_company(company)
        assert row["attempt_count"] == row["failed_attempts"] == number
        assert (summary.retrying, summary.failed) == ((1, 0) if wait else (0, 1))
        if wait is None:
            failed_at = world.clock()
            continue
        assert row["status"] == "retrying"
        too_early = row["next_attempt_at"] - timedelta(milliseconds=1)
        world.clock.now = too_early
        assert world.drain(Platform.BENEVITY).claimed == 0
        world.clock.advance(wait)
    row = world.of_company(company)
    assert (row["status"], row["next_attempt_at"], row["failed_at"]) == ("failed", None, failed_at)
    assert world.outcomes(row["id"]) == ["retryable"] * 4
    assert world.drain(Platform.BENEVITY).claimed == 0
    (noted,) = world.rows("SELECT * FROM scheduled_deliveries WHERE id = :id", id=schedule)
    assert (noted["last_status"], noted["consecutive_failures"]) == ("failed", 1)
    assert noted["last_error"] == row["last_error"]


def test_tokens_that_expired_at_once_cost_no_delivery(world: World) -> None:
    """Every worker gets on with the one new token; nothing is logged as failed."""
    companies = world.due(Platform.WORKDAY, 3, prefix="token")
    world.sandbox.client.expire_tokens()
    summary = world.drain(Platform.WORKDAY)
    assert summary.delivered == len(companies)
    assert {world.of_company(c)["attempt_count"] for c in companies} == {1}
