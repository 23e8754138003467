"""PagerDuty's Events API v2: one POST for each event.

Trigger, acknowledge and resolve of an incident go out under one `dedup_key`, so that an event that is sent
twice is one event there. There are clients to be had, and none serves: `pypd`, which dagster-pagerduty wraps,
has no time-out and a fixed address; PagerDuty's own `pagerduty` refuses an address that isn't https, such as
a sandbox's, and repeats a 429 without end, asleep in the caller, where here the outbox repeats.
"""

from typing import Any

import requests
from pydantic import SecretStr

from impact_in_pipelines.alerting import wording
from impact_in_pipelines.alerting.channels.channel import Refused, asked_wait_s
from impact_in_pipelines.alerting.wording import Links
from impact_in_pipelines.plain_text import plain
from impact_in_pipelines.sla.incidents import Incident, Notice, NoticeKind
from impact_in_pipelines.sla.wire import in_wire_unit

EVENTS_URL = "https://events.pagerduty.com/v2/enqueue"
_SUMMARY_LIMIT = 1024


class PagerDutyChannel:
    """One service's integration. Its key is a secret and appears in no error or repr.

    `events_url` is the whole address of the enqueue endpoint.
    """

    def __init__(self, key: SecretStr, links: Links, *, events_url: str, timeout_s: float) -> None:
        self._key = key
        self._links = links
        self._events_url = events_url
        self._timeout_s = timeout_s

    def send(self, notice: Notice) -> Refused | None:
        """Send the notice's event; one about no incident has none, and counts as sent."""
        built = event(notice, self._links)
        if built is None:
            return None
        try:
            answer = requests.post(
                self._events_url,
                json={"routing_key": self._key.get_secret_value(), **built},
                timeout=self._timeout_s,
                allow_redirects=False,
            )
        except requests.Timeout:
            return Refused("PagerDuty didn't answer in time")
        except (requests.RequestException, OSError, ValueError) as error:
            return Refused(f"PagerDuty can't be reached ({type(error).__name__})")
        return _judged(answer)


def event(notice: Notice, links: Links) -> dict[str, Any] | None:
    """The body of an event without its routing key (PagerDuty Common Event Format)."""
    incident = notice.incident
    if incident is None:
        return None
    dedup_key = f"impact-in-incident-{incident.id}"
    if notice.kind is NoticeKind.RECOVERED:
        return {"event_action": "resolve", "dedup_key": dedup_key}
    if notice.kind is NoticeKind.ACKNOWLEDGED:
        return {"event_action": "acknowledge", "dedup_key": dedup_key}
    return {
        "event_action": "trigger",
        "dedup_key": dedup_key,
        "payload": _payload(notice, incident, links),
        "client": "Impact-In Pipelines",
        "client_url": links.dagster,
        "links": [{"href": url, "text": text} for text, url in links.of_incident(incident)],
    }


def _payload(notice: Notice, incident: Incident, links: Links) -> dict[str, Any]:
    return {
        "summary": plain(wording.summary(notice))[:_SUMMARY_LIMIT],
        "source": "impact-in",
        "severity": "critical",
        "timestamp": (incident.since or incident.opened_at).isoformat(),
        "component": incident.platform.value if incident.platform else "all platforms",
        "group": incident.company or "all companies",
        "class": incident.type.value,
        "custom_details": {
            "level": incident.level,
            "fact": plain(wording.fact(incident)),
            "actual": in_wire_unit(incident.type, incident.actual),
            "threshold": in_wire_unit(incident.type, incident.threshold),
            "rests_on": wording.sample(incident),
            "rule": wording.rule(incident),
            "runbook": links.runbook_entry(wording.anchor(notice)),
            "companies": wording.companies(incident),
            "begin_with": wording.first_step(incident),
            "incident": str(incident.id),
            **{
                f"chart of {name}": f"{days} was, {usual} expected"
                for name, days, usual in wording.evidence(incident)
            },
        },
    }


def _judged(answer: requests.Response) -> Refused | None:
    """Accepted is what the contract says: 2xx with `status` success. Nothing of the answer is quoted: a 400
    repeats the event."""
    status = answer.status_code
    if 200 <= status < 300 and _status(answer) == "success":
        return None
    if status < 300:
        return Refused(f"PagerDuty answered HTTP {status} without accepting the event", alone=True)
    return Refused(
        f"PagerDuty answered HTTP {status}",
        alone=status in (400, 413),
        retry_after_s=asked_wait_s(answer.headers.get("Retry-After")),
    )


def _status(answer: requests.Response) -> object:
    try:
        document = answer.json()
    except ValueError:
        return None
    return document.get("status") if isinstance(document, dict) else None
