"""Where the company is notified: channels made, changed, tried out, and the log of each."""

from dataclasses import dataclass
from functools import partial

from anyio.to_thread import run_sync
from starlette.responses import Response
from starlette.routing import Route

from impact_in_pipelines.api.http.problems import ApiProblem
from impact_in_pipelines.api.web.language.words import DIGESTS, MEDIA
from impact_in_pipelines.api.web.visits import MANAGE, VIEW, Pages, Visit, uuid_of
from impact_in_pipelines.connectors.notices.mailing import can_mail
from impact_in_pipelines.db.notices.channels import LoggedMessage, NoticeChannel
from impact_in_pipelines.delivery.notifying.model import CHOSEN, USUAL, Digest, Medium, NoticeEvent
from impact_in_pipelines.errors import ImpactInError
from impact_in_pipelines.errors.alerts import NoticeTestsTooMany
from impact_in_pipelines.services.notices import channels as service
from impact_in_pipelines.wording.language.notices import KIND_TITLES, NoticeReader, worded
from impact_in_pipelines.wording.marking import N_

PAGE = 30
_FIELDS = {
    "notices.name_missing": "name",
    "notices.kinds_missing": "kinds",
    "timezone.unknown": "timezone",
    "notices.digest_of_webhooks": "digest",
}
"""At which field a refusal is shown; everything else is about the address."""


def routes(pages: Pages) -> list[Route]:
    """The list, the form, the log, and what can be done with a channel."""
    base = "/{company_id}/settings/notices"
    one = f"{base}/{{channel_id}}"
    return [
        pages.route("/{company_id}/settings", _first, VIEW),
        pages.route(base, listed, VIEW),
        pages.route(f"{base}/new", new, MANAGE),
        pages.route(base, add, MANAGE, method="POST"),
        pages.route(f"{one}/edit", edit, MANAGE),
        pages.route(f"{one}/edit", change, MANAGE, method="POST"),
        pages.route(f"{one}/log", log, VIEW),
        pages.route(f"{one}/send-again", send_again, MANAGE, method="POST"),
        pages.route(f"{one}/test", test, MANAGE, method="POST"),
        pages.route(f"{one}/rotate", rotate, MANAGE, method="POST"),
        pages.route(f"{one}/remove", remove, MANAGE, method="POST"),
    ]


@dataclass(frozen=True, slots=True)
class _LoggedNotice:
    """A line of the log."""

    message: LoggedMessage
    title: str


def _first(visit: Visit) -> Response:
    return visit.go(visit.path("settings", "notices"))


def listed(visit: Visit) -> Response:
    """The company's channels."""
    return _list(visit)


def new(visit: Visit) -> Response:
    """The form of a new channel, with what is usual."""
    medium = _medium(visit.query("medium"))
    values = {
        "name": "",
        "address": "",
        "digest": Digest.AT_ONCE.value,
        "language": visit.language.code,
        "timezone": visit.home.timezone,
        "enabled": "on",
    }
    return _form(visit, medium, values, [kind.value for kind in USUAL])


def add(visit: Visit) -> Response:
    """Add what was typed, or show it again with what is wrong. A webhook's secret is shown now and never
    again."""
    medium = _medium(visit.field("medium"))
    url, to = _address(visit, medium)
    try:
        made = service.add_channel(
            visit.api.runtime,
            visit.home,
            service.NewChannel(
                name=visit.field("name"),
                medium=medium,
                url=url,
                to=to,
                kinds=_kinds(visit),
                digest=_digest(visit),
                language=visit.field("language"),
                timezone=visit.field("timezone"),
            ),
            actor=visit.caller.subject,
            by_operator=visit.caller.company_ids is None,
        )
    except ImpactInError as refusal:
        return _again(visit, medium, refusal)
    if made.secret is not None:
        return _list(visit, secret=(made.channel, made.secret))
    return visit.go(visit.path("settings", "notices", done="added"))


def edit(visit: Visit) -> Response:
    """The form, with what is stored; the address stays unless another one is typed."""
    one = _channel(visit)
    values = {
        "name": one.name,
        "address": "",
        "digest": one.digest.value,
        "language": one.language,
        "timezone": one.timezone,
        "enabled": "on" if one.enabled else "",
    }
    return _form(visit, one.medium, values, [kind.value for kind in one.kinds], one)


def change(visit: Visit) -> Response:
    """Change what was typed, or show it again with what is wrong."""
    one = _channel(visit)
    url, to = _address(visit, one.medium)
    try:
        service.change_channel(
            visit.api.runtime,
            visit.home,
            one.id,
            service.ChannelChange(
                name=visit.field("name"),
                url=url,
                to=to or None,
                kinds=_kinds(visit),
                digest=_digest(visit),
                language=visit.field("language"),
                timezone=visit.field("timezone"),
                enabled=visit.field("enabled") == "on",
            ),
            actor=visit.caller.subject,
            by_operator=visit.caller.company_ids is None,
        )
    except ImpactInError as refusal:
        return _again(visit, one.medium, refusal, one)
    return visit.go(visit.path("settings", "notices", done="changed"))


def log(visit: Visit) -> Response:
    """What was sent on a channel, the latest first, with each try."""
    one = _channel(visit)
    before = visit.query("before")
    found = service.messages(
        visit.api.runtime,
        visit.home,
        one.id,
        limit=PAGE + 1,
        before=int(before)
        if before.isascii() and before.isdecimal() and len(before) < 19
        else None,
    )
    reader = NoticeReader(
        visit.language,
        visit.formats,
        visit.home.id,
        visit.home.name,
        visit.api.runtime.settings.cockpit_url,
    )
    more = None
    if len(found) > PAGE:
        more = visit.path("settings", "notices", one.id, "log", before=found[PAGE - 1].seq)
    return visit.render(
        "settings/notice_log.html",
        channel=one,
        found=[_LoggedNotice(line, worded(line, reader).title) for line in found[:PAGE]],
        more=more,
        kind_titles=KIND_TITLES,
    )


def send_again(visit: Visit) -> Response:
    """Send one message once more, or all that were given up."""
    one, message = _channel(visit), visit.field("message")
    service.send_again(
        visit.api.runtime,
        visit.home,
        one.id,
        [uuid_of(message, "message")] if message else (),
        all_failed=not message,
        actor=visit.caller.subject,
    )
    return visit.go(visit.path("settings", "notices", one.id, "log", done="again"))


async def test(visit: Visit) -> Response:
    """Send a test notice now; the list says beside the channel how that ended."""
    one = await run_sync(_channel, visit)
    try:
        result = await visit.api.connection_tests.run(
            visit.home.id,
            partial(
                service.try_out, visit.api.runtime, visit.home, one.id, actor=visit.caller.subject
            ),
        )
    except NoticeTestsTooMany as refusal:
        told = visit.told(refusal)
        return await run_sync(partial(_list, visit, tested=(one, False, told)))
    if result.error is None:
        said = visit.text(N_("The test notice was accepted."))
    else:
        said = visit.text(N_("The test notice wasn't accepted: %(reason)s")) % {
            "reason": visit.trouble(result.error)
        }
    return await run_sync(partial(_list, visit, tested=(one, result.error is None, said)))


def rotate(visit: Visit) -> Response:
    """Give a webhook another secret, shown now and never again."""
    one = _channel(visit)
    made = service.rotate_secret(visit.api.runtime, visit.home, one.id, actor=visit.caller.subject)
    assert made.secret is not None
    return _list(visit, secret=(made.channel, made.secret))


def remove(visit: Visit) -> Response:
    """Remove a channel with its log."""
    one = _channel(visit)
    service.remove_channel(visit.api.runtime, visit.home, one.id, actor=visit.caller.subject)
    return visit.go(visit.path("settings", "notices", done="removed"))


def _list(
    visit: Visit,
    *,
    secret: tuple[NoticeChannel, str] | None = None,
    tested: tuple[NoticeChannel, bool, str] | None = None,
) -> Response:
    return visit.render(
        "settings/notices.html",
        channels=service.channels(visit.api.runtime, visit.home),
        media=MEDIA,
        digests=DIGESTS,
        kind_titles=KIND_TITLES,
        can_mail=can_mail(visit.api.runtime.settings),
        secret=secret,
        tested=tested,
        overlap_hours=visit.api.runtime.settings.notice_secret_overlap_hours,
    )


def _form(
    visit: Visit,
    medium: Medium,
    values: dict[str, str],
    kinds: list[str],
    channel: NoticeChannel | None = None,
    problems: dict[str, str] | None = None,
) -> Response:
    return visit.render(
        "settings/notice_channel.html",
        status=422 if problems else 200,
        channel=channel,
        medium=medium,
        media=MEDIA,
        digests=DIGESTS,
        kind_titles=KIND_TITLES,
        choices=[kind.value for kind in CHOSEN],
        values=values,
        kinds=kinds,
        problems=problems or {},
    )


def _again(
    visit: Visit, medium: Medium, refusal: ImpactInError, channel: NoticeChannel | None = None
) -> Response:
    at = _FIELDS.get(refusal.code or "", "address")
    names = ("name", "address", "digest", "language", "timezone", "enabled")
    values = {name: visit.field(name) for name in names}
    return _form(visit, medium, values, visit.fields("kinds"), channel, {at: visit.told(refusal)})


def _channel(visit: Visit) -> NoticeChannel:
    id_ = uuid_of(visit.request.path_params["channel_id"], "channel")
    return service.channel(visit.api.runtime, visit.home, id_)


def _medium(text: str) -> Medium:
    try:
        return Medium(text)
    except ValueError:
        raise ApiProblem(404, "no such medium") from None


def _address(visit: Visit, medium: Medium) -> tuple[str | None, list[str]]:
    """The URL, or the e-mail addresses, one in a line or separated by commas."""
    text = visit.field("address")
    if medium is Medium.EMAIL:
        return None, [one for one in text.replace(",", "\n").split("\n") if one.strip()]
    return text or None, []


def _kinds(visit: Visit) -> list[NoticeEvent]:
    chosen = visit.fields("kinds")
    return [kind for kind in CHOSEN if kind.value in chosen]


def _digest(visit: Visit) -> Digest:
    try:
        return Digest(visit.field("digest") or Digest.AT_ONCE)
    except ValueError:
        return Digest.AT_ONCE
