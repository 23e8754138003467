"""What HTTP itself promises: HEAD, conditional GET, other sites' scripts, operations that will go."""

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
import requests
from factories import copied_database, world_on
from fastapi import FastAPI
from sqlalchemy import URL

from impact_in_pipelines.api.access.rights import PUBLIC
from impact_in_pipelines.api.http.headers.deprecation import deprecated
from impact_in_pipelines.api.http.routing import api_router
from impact_in_pipelines.sandbox.server import Sandbox

from .api_harness import MANAGER, SETTINGS, Served, running, served

PORTAL = "https://portal.example.org"


@pytest.fixture(scope="module")
def api(postgres_url: URL, template: str, shared_sandbox: Sandbox) -> Iterator[Served]:
    """One API that another site's scripts may call."""
    with (
        copied_database(postgres_url, template) as url,
        world_on(url, shared_sandbox, gated=False, API_CORS_ORIGINS=PORTAL, **SETTINGS) as world,
        served(world) as one,
    ):
        yield one


@pytest.mark.parametrize("path", ["/deliveries", "/companies", "/healthz", "/openapi.json"])
def test_head_answers_as_get_without_a_body(api: Served, path: str) -> None:
    """The same status and headers; it was 405 on every address."""
    get, head = api.call("GET", path), api.call("HEAD", path)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-type"] == get.headers["content-type"]
    assert head.headers["content-length"] == get.headers["content-length"]


def test_head_of_a_stream_ends(api: Served) -> None:
    """The headers say what it is; nobody waits for a body without end."""
    answer = api.call("HEAD", f"/events?companyId={api.own.company}")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/event-stream")


def test_head_needs_a_token_like_get(api: Served) -> None:
    """It is no way around the rights."""
    assert api.call("HEAD", "/deliveries", token=None).status_code == 401
    assert api.call("HEAD", f"/deliveries/{api.other.failed}").status_code == 404


def test_a_method_that_is_not_there_names_those_that_are(api: Served) -> None:
    """HEAD among them."""
    answer = api.call("DELETE", "/deliveries")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD")


def test_a_report_is_not_sent_twice_to_who_has_it(api: Served) -> None:
    """With its ETag as If-None-Match the answer is 304 without a body; each form has an ETag of its own."""
    path = f"/sla-report?companyId={api.own.company}"
    first = api.call("GET", path)
    etag = first.headers["etag"]
    for given in (etag, f"W/{etag}", f'"another", {etag}', "*"):
        again = api.call("GET", path, headers={"If-None-Match": given})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == etag
    other = api.call("GET", path, headers={"If-None-Match": '"another"'})
    assert (other.status_code, other.content) == (200, first.content)
    csv = api.call("GET", path, headers={"If-None-Match": etag, "Accept": "text/csv"})
    assert csv.status_code == 200


def test_a_site_that_is_named_may_ask_and_read(api: Served) -> None:
    """Preflight and answer, with the headers a client needs, and never with cookies."""
    address = f"{api.url}/v1/impact-in/deliveries"
    preflight = requests.options(
        address,
        headers={
            "Origin": PORTAL,
            "Access-Control-Request-Method": "GET",
            "Access-Control-Request-Headers": "authorization",
        },
        timeout=30,
    )
    assert preflight.status_code == 200
    assert preflight.headers["access-control-allow-origin"] == PORTAL
    answer = api.call("GET", "/deliveries", headers={"Origin": PORTAL})
    assert answer.headers["access-control-allow-origin"] == PORTAL
    assert "RateLimit" in answer.headers["access-control-expose-headers"]
    assert "access-control-allow-credentials" not in answer.headers


def test_no_other_site_may(api: Served) -> None:
    """Nor does the cockpit say anything to the one that is named."""
    for origin in ("https://evil.example.org", "null", "https://portal.example.org.evil.test"):
        answer = api.call("GET", "/deliveries", headers={"Origin": origin})
        assert "access-control-allow-origin" not in answer.headers
    page = requests.get(f"{api.url}/en/cockpit/sign-in", headers={"Origin": PORTAL}, timeout=30)
    assert "access-control-allow-origin" not in page.headers


def test_an_operation_that_will_go_says_so_in_every_answer(api: Served) -> None:
    """Deprecation (RFC 9745), Sunset (RFC 8594) and where it is explained, also in an error; the document
    marks it."""
    router = api_router("Test")

    @router.get(
        "/old",
        operation_id="old",
        dependencies=[
            PUBLIC,
            deprecated(
                since=datetime(2027, 1, 1, tzinfo=UTC),
                sunset=datetime(2027, 7, 1, tzinfo=UTC),
                why="https://docs.example.org/api#old",
            ),
        ],
    )
    async def old() -> dict[str, int]:
        return {}

    app = FastAPI()
    app.state.api = api.api
    app.router.routes.extend(router.routes)
    with running(api.api, app) as url:
        answers = [requests.get(f"{url}/v1/impact-in/old{q}", timeout=30) for q in ("", "?x=1")]
    assert [one.status_code for one in answers] == [200, 422]
    for answer in answers:
        assert answer.headers["deprecation"] == "@1798761600"
        assert answer.headers["sunset"] == "Thu, 01 Jul 2027 00:00:00 GMT"
        assert answer.headers["link"].startswith("<https://docs.example.org/api#old>")
    assert app.openapi()["paths"]["/v1/impact-in/old"]["get"]["deprecated"] is True


def test_the_documentation_page_and_all_that_it_loads_are_ours(api: Served) -> None:
    """No address of another host in the page, and a policy that lets none in."""
    page = requests.get(f"{api.url}/docs", timeout=30)
    assert page.status_code == 200
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert "unsafe" not in page.headers["content-security-policy"]
    assert "http" not in page.text.replace("http-equiv", "")
    for address in (one.split('"')[0] for one in page.text.split("/docs/assets/")[1:]):
        asset = requests.get(f"{api.url}/docs/assets/{address}", timeout=30)
        assert asset.status_code == 200
        assert "immutable" in asset.headers["cache-control"]


def test_an_export_of_a_company_counts_for_who_has_all_of_it(api: Served) -> None:
    """HEAD made it count, and a request for one byte: the company could be erased, and nobody had it."""
    everywhere = api.token(MANAGER, ["*"])
    path = f"/companies/{api.own.company}/export"

    def exported() -> object:
        [found] = api.world.scalars(
            "SELECT export_sha256 FROM companies WHERE id = :id", id=api.own.company
        )
        return found

    assert api.call("HEAD", path, token=everywhere).status_code == 200
    assert exported() is None
    whole = api.call("GET", path, token=everywhere, headers={"Range": "bytes=0-0"})
    assert whole.status_code == 200
    assert exported() == hashlib.sha256(whole.content).hexdigest()
    assert "attachment" in whole.headers["Content-Disposition"]
