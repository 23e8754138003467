"""What a closure says of itself: who holds, and whether it ends by itself (D12)."""

from datetime import UTC, datetime
from uuid import UUID

import pytest

from impact_in_pipelines.delivery.holding.closures import Closure
from impact_in_pipelines.platforms import Platform

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
