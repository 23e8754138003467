"""What every page goes through: language, session, roles, company, the form's token; and how it fails.

Handlers are plain functions that run in a thread, or coroutines where they wait for somebody else;
whatever they raise becomes a page a person can read.
"""

import hmac
import logging
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from inspect import iscoroutinefunction
from pathlib import PurePath
from typing import Any, cast
from urllib.parse import parse_qsl, quote, urlencode
from uuid import UUID

from anyio.to_thread import run_sync
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from impact_in_pipelines.api.access.rights import own_company
from impact_in_pipelines.api.access.tokens import Principal
from impact_in_pipelines.api.context import ApiContext
from impact_in_pipelines.api.http.problems import ApiProblem, problem_of
from impact_in_pipelines.api.http.routing import caller_address, check_rate, named
from impact_in_pipelines.api.web.file_forms import MULTIPART, SentFile, file_form
from impact_in_pipelines.api.web.sign_in.cookie import cookie_of
from impact_in_pipelines.api.web.templating import render
from impact_in_pipelines.api.web.times import Times, times_of, zone_or_none
from impact_in_pipelines.db.access.sessions import WebSession
from impact_in_pipelines.db.accounts.companies import Company
from impact_in_pipelines.db.engine import translated_errors
from impact_in_pipelines.delivery.showing.sanitising import sanitised
from impact_in_pipelines.errors import ImpactInError
from impact_in_pipelines.logs.context import about
from impact_in_pipelines.platforms import Platform, installed_platform
from impact_in_pipelines.scheduling import parse_timezone
from impact_in_pipelines.wording import readable, sentence
from impact_in_pipelines.wording.evidence.failures import failure_in, trouble_in
from impact_in_pipelines.wording.evidence.rejections import rejection_in
from impact_in_pipelines.wording.language.formats import Formats
from impact_in_pipelines.wording.language.languages import DEFAULT, Language, language, preferred
from impact_in_pipelines.wording.marking import N_

FRAGMENT = "X-Fragment"
"""Our scripts ask for a part of a page with this header."""

FORM_TOKEN = "X-Form-Token"  # noqa: S105, a header's name
"""Where our scripts put the form's token when they post a file."""

_CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
_FORM_LIMIT = 256 * 1024
_MOST_FIELDS = 1_100
_log = logging.getLogger(__name__)


class SignInNeeded(Exception):
    """Nobody is signed in, or not any more (`expired`)."""

    def __init__(self, *, expired: bool) -> None:
        super().__init__("sign in")
        self.expired = expired


@dataclass
class Visit:
    """One request to the cockpit. `form` holds what was posted, in order, `sent` the file of a form that has
    one."""

    request: Request
    api: ApiContext
    language: Language
    session: WebSession | None = None
    company: Company | None = None
    form: Sequence[tuple[str, str]] = field(default_factory=list)
    sent: SentFile | None = None

    @cached_property
    def now(self) -> datetime:
        """The instant (UTC) of the visit."""
        return self.api.clock()

    @property
    def caller(self) -> Principal:
        """Who is signed in, as the API knows callers."""
        assert self.session is not None
        one = self.session
        return Principal(one.subject, one.roles, one.companies, one.expires_at)

    @property
    def home(self) -> Company:
        """The company whose page it is."""
        assert self.company is not None
        return self.company

    @property
    def may_manage(self) -> bool:
        """Whether replays and changes are open to whoever is signed in."""
        return self.session is not None and self.session.roles >= MANAGE

    @property
    def may_operate(self) -> bool:
        """Whether it is the operator who is signed in: all companies, with the right to change them."""
        return self.may_manage and self.session is not None and self.session.companies is None

    @property
    def is_fragment(self) -> bool:
        """Whether a script asks for a part of the page."""
        return FRAGMENT.lower() in self.request.headers

    @cached_property
    def times(self) -> Times:
        """How the reader wants times shown."""
        return times_of(self.request)

    @cached_property
    def formats(self) -> Formats:
        """Formats in the company's time zone, or in the reader's where that was chosen."""
        name = self.company.timezone if self.company else "UTC"
        # The machine's zones may no longer have it: that company's schedules say so, its pages are read on.
        zone = self.times.zone or zone_or_none(name) or parse_timezone("UTC")
        return Formats(
            self.language, zone, self.now.astimezone(zone).year, exact_times=self.times.exact
        )

    @property
    def here(self) -> str:
        """The address of this page, without its host."""
        query = self.request.url.query
        return self.request.url.path + (f"?{query}" if query else "")

    def text(self, message: str) -> str:
        """`message` in the page's language."""
        return self.language.text(message)

    def told(self, error: ImpactInError) -> str:
        """What `error` says in the page's language, instants in the company's time zone."""
        said = sentence(error, self.text, read=self._read)
        files = [str(one) for one in error.parameters.values() if isinstance(one, PurePath)]
        if said.startswith(tuple(files)):
            return said  # a file is called as it is called
        return said[:1].upper() + said[1:]

    def rejection(self, reason: str) -> str:
        """Why a row of an events file isn't imported, in the page's language."""
        return rejection_in(self.text, reason)

    def failure(self, kind: str | None, kept: str | None) -> str | None:
        """Why a delivery failed, in the page's language, personal data masked."""
        told = failure_in(self.text, kind, kept, english=self.language.code == DEFAULT)
        return told if told is None else str(sanitised(told))

    def trouble(self, kept: str | None) -> str:
        """Why a channel took no notice or no alert, in the page's language, personal data masked."""
        return str(sanitised(trouble_in(self.text, kept or "")))

    def _read(self, value: Any) -> str:
        return self.formats.when(value) if isinstance(value, datetime) else readable(value)

    def field(self, name: str) -> str:
        """What was posted under `name`, stripped; empty if nothing was."""
        return next((value.strip() for key, value in self.form if key == name), "")

    def fields(self, name: str) -> list[str]:
        """Everything that was posted under `name`."""
        return [value for key, value in self.form if key == name]

    def query(self, name: str) -> str:
        """A parameter of the address, stripped; empty if it isn't there."""
        return self.request.query_params.get(name, "").strip()

    def path(self, *parts: object, **query: object) -> str:
        """An address below the company, or below the cockpit where there is none; a tuple in `query` is
        given several times."""
        base = [self.language.code, "cockpit", *([self.company.id] if self.company else [])]
        text = "/" + "/".join(quote(str(part)) for part in [*base, *parts])
        wanted = {name: value for name, value in query.items() if value not in (None, "", ())}
        return f"{text}?{urlencode(wanted, doseq=True)}" if wanted else text

    def render(self, template: str, *, status: int = 200, **values: Any) -> Response:
        """A template as the answer; every one of them knows the visit as `v` and the formats as `f`."""
        text = render(self.language, template, {"v": self, "f": self.formats, **values})
        return HTMLResponse(text, status, headers={"Content-Security-Policy": _CSP})

    def go(self, address: str) -> Response:
        """Send the browser on, with GET."""
        return RedirectResponse(address, status_code=303)

    def in_language(self, code: str) -> str:
        """This page's address in another language."""
        _, _, rest = self.request.url.path.lstrip("/").partition("/")
        query = self.request.url.query
        return f"/{code}/{rest}" + (f"?{query}" if query and "token=" not in query else "")


Handler = Callable[[Visit], Response]
AsyncHandler = Callable[[Visit], Coroutine[Any, Any, Response]]

NOBODY: frozenset[str] = frozenset()
VIEW = frozenset({"ADMIN_CONSOLE"})
MANAGE = VIEW | {"MANAGE_INTEGRATIONS"}


class Pages:
    """Makes routes of handlers."""

    def __init__(self, api: ApiContext) -> None:
        self._api = api

    def route(
        self,
        path: str,
        handler: Handler | AsyncHandler,
        roles: frozenset[str],
        *,
        method: str = "GET",
        file: bool = False,
    ) -> Route:
        """The route `/{lang}/cockpit` + `path`; `roles` none: anybody may see it. A path with a
        `{company_id}` is open to whoever may see that company. With `file` what is posted is one, which the
        handler reads as it comes: the last field of a form, or from a script the whole body, with the form's
        token in a header."""

        async def endpoint(request: Request) -> Response:
            found = language(request.path_params["lang"])
            if found is None:
                return _in_english(request)
            visit = Visit(request, self._api, found)
            with about(**named(request, f"/cockpit{path}")):
                return await self._answer(visit, handler, roles, file)

        methods = [method] if method == "POST" else ["GET", "HEAD"]
        return Route(f"/{{lang}}/cockpit{path}", endpoint, methods=methods)

    async def _answer(
        self, visit: Visit, handler: Handler | AsyncHandler, roles: frozenset[str], file: bool
    ) -> Response:
        try:
            if not roles:
                check_rate(self._api.anonymous.take(caller_address(visit.request)))
            with translated_errors(self._api.runtime.database.url):
                await run_sync(self._admit, visit, roles)
                if visit.request.method == "POST":
                    # Only now: whoever may not do this fills no memory of ours.
                    await _take_in(visit, file=file)
                    if roles:
                        _check_form(visit)
                if iscoroutinefunction(handler):
                    return await cast(AsyncHandler, handler)(visit)
                return await run_sync(cast(Handler, handler), visit)
        except SignInNeeded as refusal:
            return _sign_in_first(visit, refusal)
        except Exception as error:
            return _failure(visit, error)

    def _admit(self, visit: Visit, roles: frozenset[str]) -> None:
        """Raises `SignInNeeded`, and 403 or 404 problems."""
        cookie = cookie_of(visit.request, self._api.runtime.settings)
        visit.session = self._api.runtime.sessions.find(cookie) if cookie else None
        if visit.session and visit.session.expires_at <= visit.now:
            visit.session = None
            if roles:
                raise SignInNeeded(expired=True)
        if not roles:
            return
        if visit.session is None:
            raise SignInNeeded(expired=False)
        if not roles <= visit.session.roles:
            raise ApiProblem(403, visit.text(N_("Your account has no right to do this.")))
        if company_id := visit.request.path_params.get("company_id"):
            visit.company = own_company(self._api, visit.caller, uuid_of(company_id, "company"))


def uuid_of(text: str, what: str) -> UUID:
    """The id in an address. Raises a 404 problem: no other text names anything."""
    try:
        return UUID(text)
    except ValueError:
        raise ApiProblem(404, f"no such {what}") from None


def platform_of(visit: Visit) -> Platform:
    """The platform in the address. Raises a 404 problem: no other text names one."""
    try:
        return installed_platform(visit.request.path_params["platform"])
    except ValueError:
        raise ApiProblem(404, "no such platform") from None


def _check_form(visit: Visit) -> None:
    """Raises a 403 problem for a form that isn't ours: another site may have sent it."""
    assert visit.session is not None
    ours = hmac.compare_digest(
        visit.field("form_token").encode(), visit.session.form_token.encode()
    )
    if not ours or visit.request.headers.get("sec-fetch-site", "same-origin") == "cross-site":
        raise ApiProblem(
            403, visit.text(N_("This form is no longer valid. Load the page again and repeat it."))
        )


async def _take_in(visit: Visit, *, file: bool) -> None:
    """Read what is posted; of a file, what stands before it. Raises 400 and 413 problems."""
    if file:
        visit.form, visit.sent = await _sent(visit.request)
        return
    body = await _body(visit.request)
    if body is None:
        raise ApiProblem(413, visit.text(N_("The form is too large.")))
    visit.form = body


async def _sent(request: Request) -> tuple[Sequence[tuple[str, str]], SentFile]:
    """The fields and the file that are posted. Raises a 400 problem."""
    if request.headers.get("content-type", "").lower().startswith(MULTIPART):
        return await file_form(request)
    name = request.query_params.get("name", "").strip()
    fields = [("form_token", request.headers.get(FORM_TOKEN, ""))]
    return fields, SentFile(name, request.stream())


async def _body(request: Request) -> list[tuple[str, str]] | None:
    """The posted fields; None if there are more than any form of ours has."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _FORM_LIMIT:
            return None
    try:
        return parse_qsl(
            body.decode(), keep_blank_values=True, max_num_fields=_MOST_FIELDS, separator="&"
        )
    except ValueError:
        return None


def _in_english(request: Request) -> Response:
    rest = request.url.path.lstrip("/").partition("/")[2]
    query = request.url.query
    return RedirectResponse(f"/{DEFAULT}/{rest}" + (f"?{query}" if query else ""), 302)


def _sign_in_first(visit: Visit, refusal: SignInNeeded) -> Response:
    back = visit.request.url.path
    if visit.request.method == "GET" and visit.request.url.query:
        back += f"?{visit.request.url.query}"
    elif visit.request.method != "GET":
        back = ""
    values = {"next": back, "expired": "1" if refusal.expired else ""}
    query = urlencode({name: value for name, value in values.items() if value})
    address = f"/{visit.language.code}/cockpit/sign-in" + (f"?{query}" if query else "")
    if visit.is_fragment:
        # A script can't show a sign-in page inside a panel: it sends the whole window there.
        expired = f"/{visit.language.code}/cockpit/sign-in?" + urlencode(
            {"expired": "1", **({"next": _page_of(visit)} if _page_of(visit) else {})}
        )
        return Response(status_code=401, headers={"X-Sign-In": expired})
    return visit.go(address)


def _page_of(visit: Visit) -> str:
    """The page that a script's request came from, as it says itself."""
    return visit.request.headers.get(FRAGMENT.lower(), "")


_TITLES: Mapping[int, str] = {
    403: N_("Not allowed"),
    404: N_("Not found"),
    410: N_("Archived"),
    503: N_("Not available right now"),
}


def _failure(visit: Visit, error: Exception) -> Response:
    problem = problem_of(error)
    status = problem.status_code
    if status == 500:
        _log.exception("a page failed")
    detail = visit.told(error) if isinstance(error, ImpactInError) else str(problem.detail)
    if status == 404:
        detail = visit.text(N_("There is nothing at this address, or it isn't yours to see."))
    title = visit.text(_TITLES.get(status, N_("That didn't work")))
    values = {"detail": detail, "title": title, "archived": status == 410}
    if visit.is_fragment:
        return visit.render("parts/problem.html", status=status, **values)
    visit.company = None
    page = visit.render("problem.html", status=status, **values)
    page.headers.update(problem.headers or {})
    return page


async def home(request: Request) -> Response:
    """From `/` and `/cockpit` to the visitor's own language."""
    return RedirectResponse(f"/{preferred(request.headers.get('accept-language'))}/cockpit", 302)
