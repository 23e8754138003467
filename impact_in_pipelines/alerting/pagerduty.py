"""PagerDuty's Events API v2, by PagerDuty's own client.

Trigger, acknowledge and resolve of an incident go out under one `dedup_key`, so that an event that is sent
twice is one event there.
"""

import logging
from typing import Any, ClassVar

import httpx2
from pagerduty import EventsApiV2Client
from pagerduty.errors import Error, UrlError
from pydantic import SecretStr

from impact_in_pipelines.alerting import wording
from impact_in_pipelines.alerting.channel import Refused, asked_wait_s
from impact_in_pipelines.alerting.wording import Links
from impact_in_pipelines.sla.incidents import Incident, Notice, NoticeKind

_PATH = "/v2/enqueue"
_SUMMARY_LIMIT = 1024
_SILENT = logging.getLogger(f"{__name__}.client")
_SILENT.setLevel(logging.CRITICAL + 1)


class _OneAttempt(EventsApiV2Client):
    """The client without its own repeats, which sleep in the caller and, for 429, never end: the outbox
    repeats."""

    max_network_attempts = 0
    sleep_timer = 0
    retry: ClassVar[dict[int, int]]

    def __init__(self, key: str, *, base_url: str | None, timeout_s: float) -> None:
        super().__init__(key, base_url=base_url)
        # One immediate repeat is the least that it can be told for a 429.
        self.retry = {429: 1}  # type: ignore[misc]
        self.timeout = timeout_s
        self.log = _SILENT


class PagerDutyChannel:
    """One service's integration. Its key is a secret and appears in no error or repr.

    `events_url` is the whole address of the enqueue endpoint; None means PagerDuty's own.
    """

    def __init__(
        self, key: SecretStr, links: Links, *, events_url: str | None, timeout_s: float
    ) -> None:
        self._key = key
        self._links = links
        self._base_url = events_url.rstrip("/").removesuffix(_PATH) if events_url else None
        self._timeout_s = timeout_s

    def send(self, notice: Notice) -> Refused | None:
        """Send the notice's event; one about no incident has none, and counts as sent."""
        built = event(notice, self._links)
        if built is None:
            return None
        action, dedup_key, properties = built
        with _OneAttempt(
            self._key.get_secret_value(), base_url=self._base_url, timeout_s=self._timeout_s
        ) as client:
            try:
                client.send_event(action, dedup_key, **properties)
            except (Error, UrlError, httpx2.HTTPError, httpx2.InvalidURL) as error:
                return _refused(error)
        return None


def event(notice: Notice, links: Links) -> tuple[str, str, dict[str, Any]] | None:
    """The action, the dedup key and the rest of an event (PagerDuty Common Event Format)."""
    incident = notice.incident
    if incident is None:
        return None
    dedup_key = f"impact-in-incident-{incident.id}"
    if notice.kind is NoticeKind.RECOVERED:
        return "resolve", dedup_key, {}
    if notice.kind is NoticeKind.ACKNOWLEDGED:
        return "acknowledge", dedup_key, {}
    properties = {
        "payload": _payload(notice, incident, links),
        "client": "Impact-In Pipelines",
        "client_url": links.dagster,
        "links": [{"href": url, "text": text} for text, url in links.of_incident(incident)],
    }
    return "trigger", dedup_key, properties


def _payload(notice: Notice, incident: Incident, links: Links) -> dict[str, Any]:
    return {
        "summary": wording.summary(notice)[:_SUMMARY_LIMIT],
        "source": "impact-in",
        "severity": "critical",
        "timestamp": (incident.since or incident.opened_at).isoformat(),
        "component": incident.platform.value if incident.platform else "all platforms",
        "group": incident.company or "all companies",
        "class": incident.type.value,
        "custom_details": {
            "level": incident.level,
            "actual": wording.fact(incident),
            "rests_on": wording.sample(incident),
            "runbook": links.runbook_entry(wording.anchor(notice)),
            "begin_with": wording.first_step(incident),
            "incident": str(incident.id),
        },
    }


def _refused(error: Exception) -> Refused:
    answer = getattr(error, "response", None)
    if answer is None:
        timed_out = isinstance(error.__cause__ or error, httpx2.TimeoutException)
        return Refused(
            "PagerDuty didn't answer in time" if timed_out else "PagerDuty can't be reached"
        )
    status: int = answer.status_code
    if status < 300:
        return Refused(f"PagerDuty answered HTTP {status} without accepting the event", alone=True)
    return Refused(
        f"PagerDuty answered HTTP {status}",
        alone=status in (400, 413),
        retry_after_s=asked_wait_s(answer.headers.get("Retry-After")),
    )
