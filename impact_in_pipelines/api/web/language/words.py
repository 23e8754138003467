"""What the cockpit calls a status, a state, a kind of breach: tone, icon and the word to be translated."""

from typing import NamedTuple

from impact_in_pipelines.scheduling.calendars import HolidayPolicy
from impact_in_pipelines.scheduling.outlook import Because
from impact_in_pipelines.wording.marking import N_


class Sign(NamedTuple):
    """`tone` chooses the colour, `icon` the picture; `word` is English."""

    tone: str
    icon: str
    word: str


class Names(dict[str, str]):
    """What is called what; a name that only a newer program knows is shown as it is."""

    def __missing__(self, name: str) -> str:
        return name.replace("_", " ").capitalize()


STATUSES = {
    "pending": Sign("info", "clock", N_("Pending")),
    "in_progress": Sign("info", "send", N_("In progress")),
    "retrying": Sign("warn", "retry", N_("Retrying")),
    "success": Sign("good", "check", N_("Success")),
    "failed": Sign("bad", "cross", N_("Failed")),
    "skipped": Sign("muted", "skip", N_("Skipped")),
    "missed": Sign("bad", "missed", N_("Missed")),
    "cancelled": Sign("muted", "cancel", N_("Cancelled")),
}

STATES = {
    "healthy": Sign("good", "check", N_("Healthy")),
    "warning": Sign("warn", "warning", N_("Warning")),
    "breach": Sign("bad", "breach", N_("Breach")),
}

HEALTH = {
    "breach": Sign("bad", "breach", N_("Breach")),
    "warning": Sign("warn", "warning", N_("Warning")),
    "nothing": Sign("muted", "clock", N_("Nothing sent yet")),
    "inactive": Sign("muted", "pause", N_("Not active")),
    "healthy": Sign("good", "check", N_("Healthy")),
}
"""How a company stands, where many are listed."""

UPLOADS = {
    "checked": Sign("warn", "clock", N_("Checked, not imported yet")),
    "imported": Sign("good", "check", N_("Imported")),
    "discarded": Sign("muted", "cancel", N_("Discarded")),
}
"""What became of a file."""

NOTHING_YET = Sign("muted", "clock", N_("Nothing yet"))
"""The health of a company that nothing was ever due for."""

STATE_NOTES = {
    "healthy": N_("Every target is met."),
    "warning": N_("Close to a limit, or too many arrived late."),
    "breach": N_("At least one target is missed."),
}

TRIGGERS = {
    "schedule": N_("Schedule"),
    "manual": N_("Manual"),
    "backfill": N_("Sent afterwards"),
    "replay": N_("Replay"),
    "correction": N_("Correction"),
}

OUTCOMES = {
    "started": Sign("info", "send", N_("Started")),
    "delivered": Sign("good", "check", N_("Delivered")),
    "retryable": Sign("warn", "retry", N_("Failed, will be retried")),
    "permanent": Sign("bad", "cross", N_("Failed for good")),
    "split": Sign("muted", "skip", N_("Batch refused, sent singly")),
    "held": Sign("muted", "clock", N_("Held, counts as no attempt")),
    "lost": Sign("warn", "missed", N_("Outcome unknown")),
}

POLICIES = {
    "never": N_("Leave them as they were delivered"),
    "ask": N_("Show them here, a person decides"),
    "automatic": N_("Send a correction by itself"),
}

FIGURES = {
    "participants": N_("Participants"),
    "volunteers": N_("Volunteers"),
    "volunteer_hours": N_("Volunteer hours"),
    "sessions": N_("Sessions"),
    "activities": N_("Activities"),
    "outcomes": N_("Outcomes"),
}
"""What a platform is told."""

DAYS = {
    "arrived": Sign("good", "check", N_("Arrived")),
    "waiting": Sign("muted", "clock", N_("Waits")),
    "held": Sign("warn", "pause", N_("Held")),
    "failed": Sign("bad", "cross", N_("Failed")),
    "missed": Sign("bad", "missed", N_("Missed")),
    "cancelled": Sign("muted", "cancel", N_("Cancelled")),
    "corrected": Sign("good", "replay", N_("Corrected since")),
    "stale": Sign("warn", "warning", N_("Changed since")),
    "hole": Sign("bad", "missed", N_("Not sent")),
    "nothing": Sign("muted", "skip", N_("Nothing to report")),
}
"""What became of a day."""

HELD_BY = {
    "person": N_("Held by a person:"),
    "platform_breaker": N_("Held, nothing has failed: the platform is tried now and then."),
    "connection_breaker": N_("Held, nothing has failed: this account is tried now and then."),
    "platform_request": N_("Held, nothing has failed: the platform asked to wait."),
}
"""What holds a delivery that waits."""

CONNECTION_LACKS = {
    "connector": N_("Its connector isn't installed: what is due waits."),
    "enabled": N_("It is switched off: nothing is sent."),
    "base_url": N_("Its address is missing."),
    "credentials": N_("Its credentials are missing."),
    "unreadable": N_("Its credentials can't be read any more: enter them again."),
    "elsewhere": N_("Its address has changed: enter its credentials again."),
}
"""What keeps a connection from being used."""

CREDENTIALS = (N_("API key"), N_("Client id"), N_("Client secret"), N_("Tenant id"))
"""What our connectors call an account's credentials (`Credential.label`); another one's label that isn't
here is shown as it is."""

CHECK_FAILURES = {
    "authentication": N_("The platform refuses the credentials."),
    "configuration": N_("The address or the account's settings can't be used."),
    "network": N_("The platform can't be reached at the address."),
    "timeout": N_("The platform can't be reached at the address."),
    "rate_limited": N_("The platform takes no more requests for now."),
    "": N_("The platform doesn't answer as promised."),
}
"""What is said of a failed test, by the kind of failure; empty: any other."""

BREACHES = Names(
    {
        "success_rate": N_("Success rate"),
        "on_time_rate": N_("On time"),
        "latency": N_("Latency"),
        "retry_success_rate": N_("Retry success"),
        "consecutive_failures": N_("Consecutive failures"),
        "overdue": N_("Overdue deliveries"),
        "burn_rate": N_("Error budget burns too fast"),
        "platform_outage": N_("Platform outage"),
        "connection_refused": N_("Account refused"),
        "held": N_("Held by a person"),
        "widespread": N_("Many companies at once"),
        "anomaly": N_("Unusual figures"),
        "not_refreshed": N_("Tables not refreshed"),
        "correction_undecided": N_("Correction to decide on"),
    }
)

INCIDENT_EVENTS = {
    "opened": Sign("bad", "breach", N_("Opened")),
    "notice": Sign("muted", "send", N_("Notice sent")),
    "acknowledged": Sign("info", "user", N_("Somebody is on it")),
    "note": Sign("info", "edit", N_("Note")),
    "cleared": Sign("warn", "clock", N_("The cause is gone")),
    "closed": Sign("good", "check", N_("Closed")),
}
"""What happens to an incident."""

NOTICE_KINDS = {
    "opened": N_("it began"),
    "raised": N_("it got worse"),
    "reminded": N_("a reminder"),
    "acknowledged": N_("somebody is on it"),
    "recovered": N_("it is over"),
}
"""Why a notice of an incident was sent."""

CHANNELS = {"slack": "Slack", "slack_critical": "Slack", "pagerduty": "PagerDuty"}
"""Where it was sent, by the names that everybody uses."""

ACTIONS = {
    "send_again": Sign("info", "send", N_("Is sent again")),
    "new_delivery": Sign("info", "plus", N_("Is sent as a new delivery")),
    "skip": Sign("muted", "skip", N_("Would be skipped")),
    "refuse": Sign("warn", "warning", N_("Can't be sent")),
}

PRESETS = {
    "hourly": N_("Every hour"),
    "every-6-hours": N_("Every six hours"),
    "daily": N_("Every day at midnight"),
    "weekly": N_("Every Sunday at midnight"),
    "monthly": N_("On the first of every month"),
}

OFTEN = {
    "hourly": N_("Every hour"),
    "hours": N_("Every few hours"),
    "daily": N_("Every day"),
    "weekly": N_("On chosen weekdays"),
    "monthly": N_("On days of the month"),
    "custom": N_("Advanced"),
}
"""How often a schedule sends, as its form offers it."""

PERIODS = {"weekly": N_("Weekly"), "monthly": N_("Monthly")}

HOLIDAYS = {
    HolidayPolicy.SKIP: N_(
        "Holidays (%(calendar)s): nothing is sent, the next delivery reports those days"
    ),
    HolidayPolicy.NEXT: N_("Holidays (%(calendar)s) and weekends: sent on the next business day"),
    HolidayPolicy.PREVIOUS: N_(
        "Holidays (%(calendar)s) and weekends: sent on the business day before"
    ),
}
"""What happens to the fires of a closed day."""

HOLIDAY_POLICIES = {
    HolidayPolicy.NEXT: N_("Send on the next business day; weekends too"),
    HolidayPolicy.PREVIOUS: N_("Send on the business day before; weekends too"),
    HolidayPolicy.SKIP: N_("Send nothing; the next delivery reports those days"),
}
"""The same, to choose from."""

BECAUSE = {
    Because.HOLIDAY: N_("a public holiday"),
    Because.OWN_DAY: N_("a closed day of your own"),
    Because.WEEKEND: N_("the weekend"),
    Because.WINDOW: N_("the delivery window"),
}
"""Why something isn't sent on the day that its schedule names."""

WEEKDAYS = tuple(range(1, 8))

MEDIA = {"email": N_("E-mail"), "slack": N_("Slack"), "webhook": N_("Webhook")}
"""By which means a channel is reached."""
DIGESTS = {
    "at_once": N_("At once"),
    "hourly": N_("Together, every hour"),
    "daily": N_("Together, every day at eight"),
}
"""When notices go out."""

LEVELS = {
    "success_rate_target_percent": N_("Success rate in percent: a breach below"),
    "success_rate_warning_percent": N_("Success rate in percent: a warning below"),
    "on_time_rate_target_percent": N_("On time in percent: a warning below"),
    "latency_target_ms": N_("Minutes from due to arrived, on average: a breach above"),
    "latency_warning_ms": N_("Minutes from due to arrived, on average: a warning above"),
    "consecutive_failures_critical": N_("Failures in a row that are a breach"),
    "overdue_critical_after_minutes": N_("Minutes after which an overdue delivery is a breach"),
}
"""Service levels that a company may set for itself, in the units of its form."""
