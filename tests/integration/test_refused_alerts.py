"""Slack or PagerDuty that takes no alerts (a webhook was removed) is seen wherever people look."""

from collections.abc import Iterator

import pytest

from impact_in_pipelines.db.deliveries.metrics import MetricsStore
from impact_in_pipelines.db.engine import Database
from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.sandbox.server import Sandbox
from impact_in_pipelines.services.operating.health import Fact, of_alerts
from impact_in_pipelines.services.operating.overview import overview
from impact_in_pipelines.sla.incidents import Channel

from .alert_worlds import AlertWorld, alert_world


@pytest.fixture
def made(database: Database, sandbox: Sandbox) -> Iterator[AlertWorld]:
    """A world with alerts."""
    with alert_world(database.url, sandbox) as one:
        yield one


def test_a_channel_that_takes_nothing_is_seen_everywhere(made: AlertWorld) -> None:
    """By operators, in what is examined, and by Prometheus: nobody hears of anything by that channel."""
    runtime = made.world.runtime
    metrics = MetricsStore(runtime.database.engine)
    assert [one.fact for one in of_alerts(runtime)] == [Fact.ALERTS_TAKEN]
    assert metrics.alert_channels() == {}
    company = made.world.companies(1)[0]
    made.settled(company, Platform.BENEVITY, arrived=1, failed=9, latest=True)
    made.watch()
    made.world.sandbox.client.add_fault("slack", "unauthorized")
    made.alerts.send()

    (line,) = overview(runtime).refused_alerts
    assert line.channel is Channel.SLACK
    (found,) = of_alerts(runtime)
    assert found.fact is Fact.ALERTS_REFUSED
    assert "Slack answered HTTP 40" in str(found.values["error"])
    failures, oldest = metrics.alert_channels()["slack"]
    assert failures == 1
    assert oldest == line.oldest
