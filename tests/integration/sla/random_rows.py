"""Deliveries at random, for logs of which a law has to hold whatever is in them."""

from datetime import timedelta
from typing import Any

from hypothesis import strategies as st

from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.sla.windows import midnight

from .logs import NOW, TODAY

DAYS = 4
FIRST = TODAY - timedelta(days=DAYS - 1)
STATUSES = (
    *("success", "success", "success", "failed", "missed", "skipped", "cancelled"),
    *("pending", "in_progress", "retrying"),
)
SPANS = st.integers(0, 7200_000).map(lambda n: timedelta(milliseconds=n))


@st.composite
def rows(draw: st.DrawFn) -> dict[str, Any]:
    """A delivery in any state that the log can be in, or could come to be in by hand."""
    status = draw(st.sampled_from(STATUSES))
    attempts = draw(st.integers(0, 7))
    return {
        "company": draw(st.integers(0, 2)),
        "platform": draw(st.sampled_from([p.value for p in Platform])),
        "trigger": draw(st.sampled_from(["schedule", "schedule", "manual", "backfill", "replay"])),
        "at": midnight(FIRST)
        + draw(st.integers(0, DAYS * 86_400_000 - 1).map(lambda n: timedelta(milliseconds=n))),
        "status": status,
        "attempts": attempts,
        "took": draw(SPANS),
        "failed_after": draw(st.none() | SPANS) if status != "missed" else None,
        "next_attempt": draw(st.none() | SPANS.map(lambda span: NOW - span + timedelta(hours=1))),
        "late": draw(st.none() | SPANS),
        "payload_bytes": draw(st.none() | st.integers(0, 2**31 - 1)),
    }
