"""What a closure says of itself: who holds, and whether it ends by itself (D12)."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from impact_in_pipelines.delivery.holding.closures import Closure
from impact_in_pipelines.delivery.model import SendResult
from impact_in_pipelines.delivery.ports import Held, Settlement
from impact_in_pipelines.delivery.states import AttemptOutcome
from impact_in_pipelines.platforms import Platform

from .helpers import claimed, prepared

NOW = datetime(2026, 3, 10, tzinfo=UTC)


@pytest.mark.parametrize("company", [None, UUID(int=1)])
@pytest.mark.parametrize(
    ("kind", "by_platform", "by_connection", "ends"),
    [
        ("breaker", "platform_breaker", "connection_breaker", True),
        ("person", "person", "person", False),
        ("retry_after", "platform_request", "platform_request", True),
    ],
)
def test_a_closure_says_who_holds_and_when_it_is_tried_again(
    company: UUID | None, kind: str, by_platform: str, by_connection: str, ends: bool
) -> None:
    """What a person holds waits for a person; everything else ends by itself."""
    closure = Closure(company, Platform.BENEVITY, kind, NOW, NOW, "because")
    assert closure.by == (by_platform if company is None else by_connection)
    assert closure.next_probe_at == (NOW if ends else None)
    assert not closure.probing


OURS, OTHERS = UUID(int=1), UUID(int=2)


@pytest.mark.parametrize(
    ("held", "holds", "holds_a_trial"),
    [
        (Held(), False, False),
        (Held(platform=True), True, False),
        (Held(companies=frozenset({OURS})), True, False),
        (Held(companies=frozenset({OTHERS})), False, False),
        (Held(platform=True, trials_too=frozenset({None})), True, True),
        (Held(companies=frozenset({OURS}), trials_too=frozenset({OURS})), True, True),
        (Held(platform=True, trials_too=frozenset({OTHERS})), True, False),
        (Held(companies=frozenset({OTHERS}), trials_too=frozenset({OURS})), False, False),
    ],
)
def test_what_is_held_goes_back_but_for_what_was_let_through_to_try(
    held: Held, holds: bool, holds_a_trial: bool
) -> None:
    """A canary goes out while its breaker is open; a person's hold keeps it as well."""
    row = claimed()
    assert held.holds(row) is holds
    assert held.holds(replace(row, trial=True)) is holds_a_trial


def test_an_attempt_began_its_duration_before_its_end() -> None:
    """In milliseconds."""
    result = SendResult(AttemptOutcome.DELIVERED, latency_ms=1_500.0)
    settlement = Settlement(prepared(), result, NOW)
    assert settlement.started_at == NOW - timedelta(seconds=1.5)
