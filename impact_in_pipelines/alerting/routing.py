"""Which channel hears of what (seed, "Alerts")."""

from collections.abc import Sequence
from dataclasses import dataclass

from impact_in_pipelines.settings import Settings
from impact_in_pipelines.sla.incidents import Channel, Notice, NoticeKind


@dataclass(frozen=True, slots=True)
class Configured:
    """The channels that have an address."""

    slack: bool = False
    slack_critical: bool = False
    pagerduty: bool = False

    @classmethod
    def from_settings(cls, settings: Settings) -> "Configured":
        """Those that the settings give one."""
        return cls(
            slack=settings.slack_webhook_url is not None,
            slack_critical=settings.slack_critical_webhook_url is not None,
            pagerduty=settings.pagerduty_integration_key is not None,
        )

    def has(self, channel: Channel) -> bool:
        """Whether notices can be sent on `channel`; the log always can."""
        match channel:
            case Channel.SLACK:
                return self.slack
            case Channel.SLACK_CRITICAL:
                return self.slack_critical
            case Channel.PAGERDUTY:
                return self.pagerduty
            case Channel.LOG:
                return True

    def messages(self, *, urgent: bool) -> Channel:
        """Where people read: the critical webhook for what is urgent, where there is one, else the other."""
        if self.slack_critical and (urgent or not self.slack):
            return Channel.SLACK_CRITICAL
        return Channel.SLACK if self.slack else Channel.LOG

    def instead_of(self, channel: Channel) -> Channel:
        """Where a notice goes that was written for `channel`, which has lost its address."""
        if channel is Channel.PAGERDUTY:
            return Channel.LOG
        return self.messages(urgent=channel is Channel.SLACK_CRITICAL)


def routes(notice: Notice, configured: Configured) -> Sequence[Channel]:
    """The channels on which `notice` is to be sent, each once.

    A warning: Slack. A critical breach: Slack and PagerDuty, or the log alone where neither is configured.
    A recovery: every channel that has heard of the incident.
    """
    match notice.kind:
        case NoticeKind.RECOVERED:
            return notice.incident.channels if notice.incident else ()
        case NoticeKind.ACKNOWLEDGED:
            told = notice.incident.channels if notice.incident else ()
            return tuple(channel for channel in told if channel is Channel.PAGERDUTY)
        case NoticeKind.RUN_FAILED:
            return (configured.messages(urgent=False),)
        case NoticeKind.OPENED | NoticeKind.RAISED | NoticeKind.REMINDED:
            pager = (Channel.PAGERDUTY,) if notice.pages and configured.pagerduty else ()
            return (configured.messages(urgent=notice.pages), *pager)
