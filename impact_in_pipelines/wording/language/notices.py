"""What companies are notified of, in the reader's language and time zone: a title, details, where to look.

One text for e-mails and Slack alike; webhooks carry data instead (docs/notices.md).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Protocol
from uuid import UUID

from markupsafe import Markup

from impact_in_pipelines.delivery.notifying.model import NoticeEvent
from impact_in_pipelines.plain_text import plain, slack
from impact_in_pipelines.platforms import FACTS, Platform
from impact_in_pipelines.wording.language.formats import Formats
from impact_in_pipelines.wording.language.languages import DEFAULT, Language, language
from impact_in_pipelines.wording.marking import N_

KIND_TITLES: Mapping[NoticeEvent, str] = {
    NoticeEvent.FAILED: N_("A delivery failed for good"),
    NoticeEvent.HELD: N_("Deliveries wait because a platform or connection is closed"),
    NoticeEvent.LATE: N_("A delivery is late"),
    NoticeEvent.RECOVERED: N_("What had failed or waited has been sent"),
    NoticeEvent.DELIVERED: N_("A delivery has arrived"),
    NoticeEvent.CORRECTED: N_("A correction has arrived"),
    NoticeEvent.CORRECTION_UNDECIDED: N_("Figures have changed since they were delivered"),
    NoticeEvent.WEEKLY_REPORT: N_("The weekly report is ready"),
    NoticeEvent.CHANNEL_DISABLED: N_("A channel was switched off"),
    NoticeEvent.TEST: N_("Test"),
}
"""What people choose from, and what the log calls it."""

_DELIVERY_TITLES: Mapping[NoticeEvent, str] = {
    NoticeEvent.FAILED: N_("%(platform)s: the delivery for %(days)s failed"),
    NoticeEvent.LATE: N_("%(platform)s: the delivery for %(days)s is late"),
    NoticeEvent.RECOVERED: N_("%(platform)s: the delivery for %(days)s has arrived after all"),
    NoticeEvent.DELIVERED: N_("%(platform)s: the delivery for %(days)s has arrived"),
    NoticeEvent.CORRECTED: N_("%(platform)s: a correction for %(days)s has arrived"),
}
_MOST_LISTED = 50
_TEXT_LIMIT, _BLOCK_LIMIT, _MOST_BLOCKS = 3_500, 2_900, 45
_ICONS: Mapping[NoticeEvent, str] = {
    NoticeEvent.FAILED: ":red_circle:",
    NoticeEvent.HELD: ":large_yellow_circle:",
    NoticeEvent.LATE: ":large_yellow_circle:",
    NoticeEvent.CORRECTION_UNDECIDED: ":large_yellow_circle:",
    NoticeEvent.CHANNEL_DISABLED: ":large_yellow_circle:",
}


class Happening(Protocol):
    """What has happened: a message to send, or one of the log."""

    @property
    def kind(self) -> NoticeEvent: ...

    @property
    def data(self) -> Mapping[str, Any]: ...


@dataclass(frozen=True, slots=True)
class NoticeText:
    """One notice in words."""

    kind: NoticeEvent
    title: str
    lines: Sequence[str]
    link: str


@dataclass(frozen=True, slots=True)
class NoticeReader:
    """Whom a notice is written for: language, zone, company, and where its cockpit is."""

    language: Language
    formats: Formats
    company_id: UUID
    company: str
    cockpit_url: str

    def text(self, message: str) -> str:
        """`message` in the reader's language."""
        return self.language.text(message)

    def link(self, *parts: str) -> str:
        """The address of a page of the company's."""
        base = f"{self.cockpit_url.rstrip('/')}/{self.language.code}/cockpit/{self.company_id}"
        return "/".join([base, *parts])


def reader_language(code: str) -> Language:
    """The language with this code; the default where it is gone."""
    found = language(code) or language(DEFAULT)
    assert found is not None
    return found


def worded(message: Happening, reader: NoticeReader) -> NoticeText:
    """A notice as its reader reads it. What others wrote (names, errors) is on one line, without markup."""
    data, kind = message.data, message.kind
    if "delivery" in data:
        return _of_delivery(kind, data["delivery"], reader)
    if "hold" in data:
        return _of_hold(kind, data, reader)
    if "changed" in data:
        return _of_changed(kind, data, reader)
    if "report" in data:
        return _of_report(data["report"], reader)
    if "channel" in data and kind is NoticeEvent.CHANNEL_DISABLED:
        return _of_channel(data["channel"], reader)
    return NoticeText(
        kind,
        reader.text(N_("This is a test notice")),
        [reader.text(N_("Notices about deliveries will look like this one."))],
        reader.link("settings", "notices"),
    )


def _of_delivery(kind: NoticeEvent, of: Mapping[str, Any], reader: NoticeReader) -> NoticeText:
    formats = reader.formats
    first, last = date.fromisoformat(of["periodStart"]), date.fromisoformat(of["periodEnd"])
    title = reader.text(_DELIVERY_TITLES[kind]) % {
        "platform": _platform(of["platform"]),
        "days": formats.days(first, last),
    }
    lines = [
        reader.text(N_("Due: %(when)s")) % {"when": formats.exact(_instant(of["scheduledFor"]))}
    ]
    if of.get("deliveredAt") and kind is not NoticeEvent.FAILED:
        when = formats.exact(_instant(of["deliveredAt"]))
        lines.append(reader.text(N_("Arrived: %(when)s")) % {"when": when})
    if kind is NoticeEvent.LATE:
        lines.append(reader.text(N_("It has not arrived yet.")))
    if kind is NoticeEvent.FAILED:
        count = {"count": formats.number(of["attemptCount"])}
        lines.append(reader.text(N_("Attempts: %(count)s")) % count)
        if of.get("error"):
            # Quoted as it was logged; it is in English, as it is in the cockpit.
            lines.append(
                reader.text(N_("Reason: %(reason)s")) % {"reason": plain(of["error"])[:500]}
            )
    return NoticeText(kind, title, lines, reader.link("deliveries", of["id"]))


def _of_hold(kind: NoticeEvent, data: Mapping[str, Any], reader: NoticeReader) -> NoticeText:
    platform, hold = {"platform": _platform(data["platform"])}, data["hold"]
    if kind is NoticeEvent.RECOVERED:
        return NoticeText(
            kind,
            reader.text(N_("%(platform)s: deliveries are being sent again")) % platform,
            [reader.text(N_("What had waited is sent by itself, the oldest first."))],
            reader.link("deliveries"),
        )
    since = {"when": reader.formats.exact(_instant(hold["since"]))}
    why = {
        "person": N_("Somebody has put them on hold; they are sent when it is ended."),
        "retry_after": N_(
            "The platform has asked to wait; they are sent by themselves after that."
        ),
    }.get(
        hold["kind"],
        N_(
            "The platform doesn't take them at the moment; they are sent by themselves when it does."
        ),
    )
    return NoticeText(
        kind,
        reader.text(N_("%(platform)s: deliveries are waiting")) % platform,
        [reader.text(N_("Since: %(when)s")) % since, reader.text(why)],
        reader.link("connections"),
    )


def _of_changed(kind: NoticeEvent, data: Mapping[str, Any], reader: NoticeReader) -> NoticeText:
    changed, formats = data["changed"], reader.formats
    days = formats.days(
        date.fromisoformat(changed["firstDay"]), date.fromisoformat(changed["lastDay"])
    )
    title = reader.text(N_("%(platform)s: figures for %(days)s have changed since they were sent"))
    return NoticeText(
        kind,
        title % {"platform": _platform(data["platform"]), "days": days},
        [
            reader.text(N_("Days with other figures: %(count)s"))
            % {"count": formats.number(changed["days"])},
            reader.text(
                N_("Nothing is sent until you decide: correct them, or leave them as they are.")
            ),
        ],
        reader.link("calendar"),
    )


def _of_report(report: Mapping[str, Any], reader: NoticeReader) -> NoticeText:
    first = date.fromisoformat(report["startsOn"])
    days = reader.formats.days(first, date.fromisoformat(report["endsOn"]))
    title = reader.text(N_("The weekly report for %(days)s is ready")) % {"days": days}
    return NoticeText(NoticeEvent.WEEKLY_REPORT, title, [], reader.link("reports"))


def _of_channel(channel: Mapping[str, Any], reader: NoticeReader) -> NoticeText:
    named = {"name": plain(channel["name"])}
    title = reader.text(N_("The channel “%(name)s” was switched off")) % named
    lines = [reader.text(N_("Nothing sent there has been accepted for a long time."))]
    if channel.get("reason") == "gone":
        lines = [reader.text(N_("The receiver has said that it wants no more notices."))]
    if channel.get("error"):
        reason = {"reason": plain(channel["error"])[:500]}
        lines.append(reader.text(N_("Reason: %(reason)s")) % reason)
    return NoticeText(
        NoticeEvent.CHANNEL_DISABLED, title, lines, reader.link("settings", "notices")
    )


def subject(texts: Sequence[NoticeText], reader: NoticeReader) -> str:
    """The line above one notice or several."""
    if len(texts) == 1:
        return f"{texts[0].title} · {plain(reader.company)}"
    many = reader.language.texts.ngettext("%(count)s notice", "%(count)s notices", len(texts)) % {
        "count": reader.formats.number(len(texts))
    }
    return f"{many} · {plain(reader.company)}"


def as_mail(texts: Sequence[NoticeText], reader: NoticeReader) -> tuple[str, str]:
    """An e-mail's body: as text, and as HTML with nothing that has to be fetched."""
    more = _more(len(texts), reader)
    shown = texts[:_MOST_LISTED]
    why = reader.text(
        N_(
            "You get this because somebody at %(company)s has set this address up for notices. "
            "Change it: %(link)s"
        )
    ) % {"company": plain(reader.company), "link": reader.link("settings", "notices")}
    plain_text = "\n\n".join(
        [*("\n".join([one.title, *one.lines, one.link]) for one in shown), *more, f"-- \n{why}"]
    )
    look = reader.text(N_("See it in the cockpit"))
    items = Markup("").join(
        Markup(
            '<div style="margin:0 0 20px"><p style="margin:0 0 4px;font-weight:600">{}</p>{}'
            '<p style="margin:4px 0 0"><a href="{}">{}</a></p></div>'
        ).format(
            one.title,
            Markup("").join(
                Markup('<p style="margin:0 0 2px">{}</p>').format(line) for line in one.lines
            ),
            one.link,
            look,
        )
        for one in shown
    )
    html = Markup(
        '<!doctype html><html lang="{}"><body style="font:16px/1.5 system-ui,sans-serif;max-width:640px">'
        '{}{}<p style="margin-top:28px;font-size:14px;opacity:.75">{}</p></body></html>'
    ).format(
        reader.language.code,
        items,
        Markup("").join(Markup("<p>{}</p>").format(line) for line in more),
        why,
    )
    return plain_text, str(html)


def as_slack(texts: Sequence[NoticeText], reader: NoticeReader) -> tuple[str, list[dict[str, Any]]]:
    """A Slack message: the text of its notification, and its blocks."""
    look = reader.text(N_("See it in the cockpit"))
    blocks = [
        _section(
            "\n".join(
                [
                    f"{_ICONS.get(one.kind, ':large_green_circle:')} *{slack(one.title)}*",
                    *(slack(line) for line in one.lines),
                    f"<{one.link}|{slack(look)}>",
                ]
            )
        )
        for one in texts[:_MOST_BLOCKS]
    ]
    if len(texts) > _MOST_BLOCKS:
        blocks += [_section(slack(line)) for line in _more(len(texts), reader, _MOST_BLOCKS)]
    return slack(subject(texts, reader))[:_TEXT_LIMIT], blocks


def _section(text: str) -> dict[str, Any]:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text[:_BLOCK_LIMIT]}}


def _more(count: int, reader: NoticeReader, most: int = _MOST_LISTED) -> list[str]:
    if count <= most:
        return []
    left = {"count": reader.formats.number(count - most)}
    return [reader.text(N_("And %(count)s more, which the cockpit shows.")) % left]


def _platform(name: str) -> str:
    return FACTS[Platform(name)].title


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text)
