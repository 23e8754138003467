"""How long something has waited and for what, as a tired person reads it."""

from datetime import UTC, datetime, timedelta

import pytest

from impact_in_pipelines.cli.deliveries.results import remaining_in_words
from impact_in_pipelines.cli.operating.findings import sentence_of
from impact_in_pipelines.db.deliveries.queueing.remaining import Remaining, Waiting
from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.services.operating.health import Diagnosis, Fact

_NOW = datetime(2026, 3, 10, 3, 17, tzinfo=UTC)


def test_what_is_held_has_no_time_of_its_own() -> None:
    """A person's hold has no end: it used to be 'held at least until' when the deliveries had been due."""
    held = Remaining(Platform.GOODERA, Waiting.CLOSED, 2, _NOW - timedelta(minutes=17), _NOW)
    assert remaining_in_words(held) == (
        "Goodera: 2 deliveries remain, held, and nothing has failed; why and until when: "
        "impact-in platforms list."
    )


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (1486.2, "have said nothing for up to 24 min 46 s"),
        (72.0, "have said nothing for up to 1 min 12 s"),
        (None, "have never run"),
    ],
)
def test_a_silent_daemon_is_told_in_minutes(seconds: float | None, said: str) -> None:
    """1486 s is no span that anybody knows."""
    silent = Diagnosis(Fact.DAEMON_SILENT, {"parts": ["SENSOR"], "seconds": seconds})
    assert f"of the daemon, SENSOR {said}" in sentence_of(silent)
