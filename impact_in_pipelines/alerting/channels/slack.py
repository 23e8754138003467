"""Slack: incoming webhooks by slack_sdk, messages in Block Kit."""

import logging
from http.client import HTTPException
from typing import Any

from pydantic import SecretStr
from slack_sdk.errors import SlackClientError
from slack_sdk.webhook import WebhookClient

from impact_in_pipelines.alerting import wording
from impact_in_pipelines.alerting.channels.channel import Refused, asked_wait_s
from impact_in_pipelines.alerting.wording import Links
from impact_in_pipelines.plain_text import plain, slack
from impact_in_pipelines.sla.incidents import Incident, Notice, NoticeKind

_ICONS = {1: ":large_yellow_circle:", 2: ":red_circle:", 3: ":rotating_light:"}
_CHARTS = 4
_HEADER_LIMIT, _TEXT_LIMIT, _FIELD_LIMIT = 150, 2900, 1900
# The client logs the webhook's URL, which is a secret, and the message: at DEBUG, and what fails at ERROR.
_SILENT = logging.getLogger(f"{__name__}.client")
_SILENT.setLevel(logging.CRITICAL + 1)


class SlackChannel:
    """One incoming webhook. Its URL is a secret and appears in no error or repr."""

    def __init__(self, url: SecretStr, links: Links, *, timeout_s: float) -> None:
        self._url = url
        self._links = links
        # Whole seconds are what the client declares; the socket takes fractions just as well.
        self._timeout_s: Any = timeout_s

    def send(self, notice: Notice) -> Refused | None:
        """Post the notice. A time-out may hide that it was taken: it is then sent again."""
        client = WebhookClient(
            self._url.get_secret_value(),
            timeout=self._timeout_s,
            logger=_SILENT,
            retry_handlers=[],  # the outbox repeats
        )
        text, blocks = message(notice, self._links)
        try:
            answer = client.send(text=text, blocks=blocks, unfurl_links=False)
        except TimeoutError:
            return Refused("Slack didn't answer in time")
        except (OSError, HTTPException, ValueError, SlackClientError) as error:
            # Its text may hold the URL.
            return Refused(f"Slack can't be reached ({type(error).__name__})")
        if answer.status_code == 200 and answer.body.strip() == "ok":
            return None
        code = _code(answer.body)
        return Refused(
            f"Slack answered HTTP {answer.status_code}{f' {code}' if code else ''}",
            alone=answer.status_code in (200, 400, 413),
            retry_after_s=asked_wait_s(_header(answer.headers, "Retry-After")),
        )


def message(notice: Notice, links: Links) -> tuple[str, list[dict[str, Any]]]:
    """The fallback text and the blocks of a notice."""
    icon = _icon(notice)
    header = f"{icon} {plain(wording.headline(notice))}"[:_HEADER_LIMIT]
    blocks: list[dict[str, Any]] = [
        {"type": "header", "text": {"type": "plain_text", "text": header, "emoji": True}}
    ]
    incident, run = notice.incident, notice.run
    if incident is not None:
        blocks += _incident_blocks(notice, incident)
        points = links.of_incident(incident)
        steps = [f"Runbook: {links.runbook_entry(wording.anchor(notice))}"]
        if notice.kind is not NoticeKind.RECOVERED:
            steps.append(f"Begin with `{wording.first_step(incident)}`")
            steps.append(f"`impact-in incidents ack {str(incident.id)[:8]}`")
    elif run is not None:
        where = f"Step {slack(run.step)}\n" if run.step else ""
        blocks.append(_section(f"{where}{slack(run.error)}"))
        points = links.of_run(run)
        steps = [f"Runbook: {links.runbook_entry(wording.anchor(notice))}"]
    else:
        points, steps = [], []
    if points:
        blocks.append(_section(" · ".join(f"<{url}|{text}>" for text, url in points)))
    if steps:
        blocks.append(
            {"type": "context", "elements": [{"type": "mrkdwn", "text": " · ".join(steps)}]}
        )
    return slack(wording.summary(notice))[:_TEXT_LIMIT], blocks


def _incident_blocks(notice: Notice, incident: Incident) -> list[dict[str, Any]]:
    fields = [
        ("Company", wording.companies(incident)),
        ("Platform", wording.platforms(incident)),
        ("Actual", wording.fact(incident)),
        ("Since", wording.since(incident)),
        ("Rests on", wording.sample(incident)),
        ("Rule", wording.rule(incident)),
    ]
    blocks: list[dict[str, Any]] = [
        {
            "type": "section",
            "fields": [
                {"type": "mrkdwn", "text": f"*{name}*\n{slack(text)}"[:_FIELD_LIMIT]}
                for name, text in fields
            ],
        }
    ]
    if notice.kind is not NoticeKind.RECOVERED:
        blocks += [
            _section(f"*{slack(name)}, day by day*\n```{days}  was\n{usual}  expected```")
            for name, days, usual in wording.evidence(incident)[:_CHARTS]
        ]
    last_error = incident.details.get("last_error")
    if last_error and notice.kind is not NoticeKind.RECOVERED:
        blocks.append(_section(f"*Last error*\n{slack(str(last_error))}"))
    if incident.muted_by:
        blocks.append(_section(f"*Withheld until now*\n{slack(incident.muted_by)}"))
    return blocks


def _section(text: str) -> dict[str, Any]:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text[:_TEXT_LIMIT]}}


def _icon(notice: Notice) -> str:
    if notice.kind is NoticeKind.RECOVERED:
        return ":large_green_circle:"
    return _ICONS[wording.level(notice)]


def _code(body: str) -> str:
    """Slack's one word for what is wrong; anything else isn't quoted."""
    word = body.strip()
    return word if word.replace("_", "").isalnum() and len(word) <= 60 else ""


def _header(headers: Any, name: str) -> str | None:
    return next((value for key, value in headers.items() if key.lower() == name.lower()), None)
