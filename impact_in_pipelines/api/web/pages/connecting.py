"""Setting up a company's connection, and trying it out. A stored secret is never shown."""

from dataclasses import dataclass, field
from functools import partial
from typing import Any

from anyio.to_thread import run_sync
from starlette.responses import Response
from starlette.routing import Route

from impact_in_pipelines.api.web.language.words import CHECK_FAILURES
from impact_in_pipelines.api.web.pages.holding import connections_page
from impact_in_pipelines.api.web.visits import MANAGE, Pages, Visit, platform_of
from impact_in_pipelines.connectors.check import ConnectionCheck
from impact_in_pipelines.connectors.credentials import validate_credentials
from impact_in_pipelines.errors import ImpactInError
from impact_in_pipelines.errors.accounts import InvalidCredentials
from impact_in_pipelines.platforms import FACTS, Platform
from impact_in_pipelines.services.accounts import connections as service
from impact_in_pipelines.wording.marking import N_

_LONGEST = 500
_LONGEST_SECRET = 4096
_HIGHEST = {"rate_limit_per_minute": 100_000, "max_concurrency": 1_000}
_TYPED = ("organization_id", "base_url", *_HIGHEST, "enabled")
"""The fields that every platform's form has and that are shown again. A browser posts no box without its
tick, and nothing that a page of an older version hasn't got."""


def routes(pages: Pages) -> list[Route]:
    """The form, saving it, and the test."""
    one = "/{company_id}/connections/{platform}"
    return [
        pages.route(one, form, MANAGE),
        pages.route(one, save, MANAGE, method="POST"),
        pages.route(f"{one}/test", test, MANAGE, method="POST"),
    ]


@dataclass
class _Posted:
    """What was typed: the change it makes, and by field what is wrong with it."""

    change: service.ConnectionChange
    problems: dict[str, str] = field(default_factory=dict)


def form(visit: Visit) -> Response:
    """The form, with what is stored; of credentials only whether they are."""
    platform = platform_of(visit)
    shown = service.stored(visit.api.runtime, visit.home, platform)
    values = {
        "organization_id": shown.organization_id or "",
        "base_url": shown.base_url or "",
        "rate_limit_per_minute": str(shown.rate_limit_per_minute or ""),
        "max_concurrency": str(shown.max_concurrency or ""),
        "enabled": "on" if shown.enabled else "",
        **{_field_of(name): str(shown.options.get(name, "")) for name in _asked_for(platform)},
    }
    return _form(visit, platform, values)


def save(visit: Visit) -> Response:
    """Save what was typed, or show it again with what is wrong; a secret left empty stays as it is."""
    platform = platform_of(visit)
    posted = _posted(visit, platform)
    if not posted.problems:
        try:
            service.set_connection(
                visit.api.runtime,
                visit.home,
                platform,
                posted.change,
                actor=visit.caller.subject,
                by_operator=visit.caller.company_ids is None,
            )
        except ImpactInError as refusal:
            at = "credentials" if isinstance(refusal, InvalidCredentials) else "base_url"
            posted.problems[at] = visit.told(refusal)
    if posted.problems:
        fields = (*_TYPED, *map(_field_of, _asked_for(platform)))
        values = {name: visit.field(name) for name in fields}
        return _form(visit, platform, values, problems=posted.problems)
    return visit.go(visit.path("connections", done="saved"))


async def test(visit: Visit) -> Response:
    """Try the account out without delivering anything; the page says what came out beside it."""
    platform = platform_of(visit)
    check = await visit.api.connection_tests.run(
        visit.home.id, partial(service.try_out, visit.api.runtime, visit.home, platform)
    )
    return await run_sync(
        partial(connections_page, visit, checked=(platform, _outcome(visit, check)))
    )


def _outcome(visit: Visit, check: ConnectionCheck) -> tuple[bool, str]:
    """Whether it can be used, and a sentence. Of a failure a tenant learns the kind only: anything more
    would make the test a probe of networks."""
    if not check.ok:
        kind = check.kind.value if check.kind else ""
        return False, visit.text(CHECK_FAILURES.get(kind, CHECK_FAILURES[""]))
    proved = any("access token" in one for one in check.verified)
    if proved:
        return True, visit.text(N_("The platform took the client id and secret."))
    return True, visit.text(
        N_(
            "Something answers at the address. Whether the key is right, the first delivery will show."
        )
    )


def _form(
    visit: Visit,
    platform: Platform,
    values: dict[str, str],
    *,
    problems: dict[str, str] | None = None,
) -> Response:
    facts = FACTS[platform]
    return visit.render(
        "connection.html",
        status=422 if problems else 200,
        platform=platform,
        shown=service.stored(visit.api.runtime, visit.home, platform),
        values=values,
        problems=problems or {},
        choices=[[one.name for one in together] for together in facts.credentials],
        labels={name: visit.text(one.label) for name, one in facts.credentials_by_name.items()},
        plain={
            name for name, one in facts.credentials_by_name.items() if one.is_id or not one.secret
        },
        usual_limit=facts.rate_limit_per_minute,
        options={name: _field_of(name) for name in _asked_for(platform)},
    )


def _asked_for(platform: Platform) -> list[str]:
    """The options that the form asks for; how an account signs in follows from its credentials."""
    return [name for name in FACTS[platform].options if name != "auth"]


def _field_of(option: str) -> str:
    return f"option-{option}"


def _options(visit: Visit, platform: Platform, problems: dict[str, str]) -> dict[str, Any] | None:
    """The account's options with what was typed over them; None where nothing changes. One whose field wasn't
    posted or says what is stored stays as it is."""
    before = service.stored(visit.api.runtime, visit.home, platform).options
    after = dict(before)
    for name in _asked_for(platform):
        text = visit.field(_field_of(name))
        if not visit.fields(_field_of(name)) or text == str(before.get(name, "")).strip():
            continue
        if len(text) > service.LONGEST_OPTION:
            said = visit.text(N_("%(column)s is longer than %(most)s characters"))
            problems[_field_of(name)] = said % {"column": name, "most": service.LONGEST_OPTION}
        elif text:
            after[name] = text
        else:
            after.pop(name, None)
    return None if after == before else after


def _posted(visit: Visit, platform: Platform) -> _Posted:
    problems: dict[str, str] = {}
    limits = {name: _whole(visit, name, most, problems) for name, most in _HIGHEST.items()}
    secrets = {
        name: visit.field(name)[:_LONGEST_SECRET] for name in FACTS[platform].credentials_by_name
    }
    given = {name: secret for name, secret in secrets.items() if secret}
    url = visit.field("base_url")[:_LONGEST]
    try:
        if given:
            validate_credentials(platform, given)
    except ImpactInError as refusal:
        problems["credentials"] = visit.told(refusal)
    change = service.ConnectionChange(
        organization_id=visit.field("organization_id")[:_LONGEST] or None,
        base_url=url or None,
        credentials=given or None,
        options=_options(visit, platform, problems),
        enabled=visit.field("enabled") == "on",
        rate_limit_per_minute=limits["rate_limit_per_minute"],
        max_concurrency=limits["max_concurrency"],
    )
    return _Posted(change, problems)


def _whole(visit: Visit, name: str, most: int, problems: dict[str, str]) -> int | None:
    text = visit.field(name)
    if not text:
        return None
    if text.isascii() and text.isdecimal() and 1 <= int(text[:9]) <= most:
        return int(text)
    problems[name] = visit.text(N_("A whole number from 1 to %(most)s.")) % {
        "most": visit.formats.number(most)
    }
    return None
