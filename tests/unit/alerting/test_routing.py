"""Which channel hears of what (seed, "Alerts")."""

from dataclasses import replace

import pytest

from impact_in_pipelines.alerting.routing import Configured, routes
from impact_in_pipelines.settings import read_settings
from impact_in_pipelines.sla.incidents import Channel, FailedRun, Notice, NoticeKind
from impact_in_pipelines.sla.model import Breach

from .helpers import NOON, Book, breach, few, warning

SLACK, URGENT, PAGER, LOG = (
    Channel.SLACK,
    Channel.SLACK_CRITICAL,
    Channel.PAGERDUTY,
    Channel.LOG,
)
ALL = Configured(slack=True, slack_critical=True, pagerduty=True)
BOTH = Configured(slack=True, pagerduty=True)
NOTHING = Configured()


def opening(seen: Breach) -> Notice:
    """The opening notice of a breach."""
    (change,) = Book().look([seen], NOON)
    assert change.notice is not None
    return change.notice


def later(kind: NoticeKind, *told: Channel) -> Notice:
    """A notice of an incident that these channels have heard of."""
    notice = opening(breach())
    assert notice.incident is not None
    return replace(notice, kind=kind, incident=replace(notice.incident, channels=told))


@pytest.mark.parametrize(
    ("seen", "configured", "channels"),
    [
        (warning(), BOTH, [SLACK]),
        (warning(), ALL, [SLACK]),
        (breach(), BOTH, [SLACK, PAGER]),
        (breach(), ALL, [URGENT, PAGER]),
        (few(), ALL, [SLACK]),
        (breach(), Configured(slack=True), [SLACK]),
        (breach(), Configured(slack_critical=True), [URGENT]),
        (warning(), Configured(slack_critical=True), [URGENT]),
        (breach(), Configured(pagerduty=True), [LOG, PAGER]),
        (warning(), Configured(pagerduty=True), [LOG]),
        (breach(), NOTHING, [LOG]),
    ],
)
def test_openings(seen: Breach, configured: Configured, channels: list[Channel]) -> None:
    """A warning to Slack, a critical breach to Slack and PagerDuty; the log where there is no Slack."""
    assert list(routes(opening(seen), configured)) == channels


def test_a_recovery_reaches_whoever_was_told() -> None:
    """Also channels that the present settings would not choose."""
    told = (LOG, PAGER, SLACK, URGENT)

    assert routes(later(NoticeKind.RECOVERED, *told), BOTH) == told


def test_an_acknowledgement_concerns_the_pager() -> None:
    """If it was called."""
    assert routes(later(NoticeKind.ACKNOWLEDGED, SLACK, PAGER), BOTH) == (PAGER,)
    assert routes(later(NoticeKind.ACKNOWLEDGED, SLACK), BOTH) == ()


def test_a_failed_run_is_a_warning() -> None:
    """Slack, never the pager."""
    run = FailedRun("r", "drain_goodera", None, "it broke")
    notice = Notice("run:r", NoticeKind.RUN_FAILED, NOON, pages=False, run=run)

    assert routes(notice, ALL) == (SLACK,)
    assert routes(notice, NOTHING) == (LOG,)


@pytest.mark.parametrize(
    ("channel", "configured", "instead"),
    [
        (URGENT, BOTH, SLACK),
        (SLACK, Configured(slack_critical=True), URGENT),
        (PAGER, ALL, LOG),
        (SLACK, NOTHING, LOG),
        (URGENT, NOTHING, LOG),
    ],
)
def test_what_becomes_of_a_channel_that_lost_its_address(
    channel: Channel, configured: Configured, instead: Channel
) -> None:
    """Its notices go where they are at least kept."""
    assert configured.instead_of(channel) is instead


def test_what_is_configured() -> None:
    """Each by its own setting."""
    assert Configured.from_settings(read_settings({})) == NOTHING
    everything = {
        "SLACK_WEBHOOK_URL": "https://hooks.example/a",
        "SLACK_CRITICAL_WEBHOOK_URL": "https://hooks.example/b",
        "PAGERDUTY_INTEGRATION_KEY": "key",
    }
    found = Configured.from_settings(read_settings(everything))
    assert found == ALL
    assert all(found.has(channel) for channel in Channel)
    assert [channel for channel in Channel if NOTHING.has(channel)] == [LOG]
