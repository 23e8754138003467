"""What is refused, and how: one problem that names the field, whatever is wrong."""

import json
import re
import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from factories import World, copied_database, world_on
from sqlalchemy import URL

from impact_in_pipelines.api.context import build_context
from impact_in_pipelines.api.http.requests import BODY_LIMIT
from impact_in_pipelines.sandbox.server import Sandbox

from .api_harness import BASE, SETTINGS, VIEWER, Served, running, served


@pytest.fixture(scope="module")
def api(postgres_url: URL, template: str, shared_sandbox: Sandbox) -> Iterator[Served]:
    """One API for all: nothing here changes anything."""
    with (
        copied_database(postgres_url, template) as url,
        world_on(url, shared_sandbox, gated=False, **SETTINGS) as world,
        served(world) as one,
    ):
        yield one


def problem(answer: requests.Response, status: int) -> dict[str, Any]:
    """The problem details in `answer`."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    found: dict[str, Any] = answer.json()
    assert found["status"] == status
    assert {"type", "title", "detail", "instance"} <= found.keys()
    return found


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("/deliveries?limit=0", "limit"),
        ("/deliveries?limit=101", "limit"),
        ("/deliveries?limit=ten", "limit"),
        ("/deliveries?limit=1_0", "limit"),
        ("/deliveries?limit=%2B1", "limit"),
        ("/deliveries?companyId=acme", "companyId"),
        ("/deliveries?platform=other", "platform"),
        ("/deliveries?status=success&status=other", "status[1]"),
        ("/deliveries?trigger=other", "trigger"),
        ("/deliveries?scheduleId=1", "scheduleId"),
        ("/deliveries?startDate=yesterday", "startDate"),
        ("/deliveries?startDate=2026-13-01", "startDate"),
        ("/deliveries?startDate=2026-03-09T00:00:00", "startDate"),
        ("/deliveries?startDate=1741478400", "startDate"),
        ("/deliveries?startDate=2026-03-09&endDate=2026-03-08", "endDate"),
        ("/deliveries?cursor=abc", "cursor"),
        ("/deliveries?cursor=", "cursor"),
        ("/deliveries?error=%00", "error"),
        ("/deliveries?unknown=1", "unknown"),
        ("/deliveries?limit=1&limit=2", "limit"),
        ("/deliveries?Limit=1", "Limit"),
        ("/deliveries/not-an-id", "deliveryId"),
        ("/delivery-timeline", "companyId"),
        (
            "/sla-status?companyId={own}&startDate=2026-03-09T10:00:00Z&endDate=2026-03-09",
            "endDate",
        ),
        ("/sla-status?companyId={own}&startDate=2999-01-01", "startDate"),
        ("/sla-status", "companyId"),
        ("/sla-report?companyId={own}&period=daily", "period"),
        ("/sla-report?companyId={own}&start=2026-03-02", "start"),
        ("/sla-report?companyId={own}&period=weekly&start=0001-01-01", "start"),
        ("/sla-report?companyId={own}&period=weekly&start=1741564800", "start"),
        ("/sla-report?companyId={own}&period=weekly&start=2026-03-09T00:00:00Z", "start"),
        ("/schedules/{schedule}/preview?count=0", "count"),
        ("/schedules/{schedule}/preview?from=9999-01-01", "from"),
        ("/schedules?active=perhaps", "active"),
        ("/schedules?cursor=e30", "cursor"),
        ("/companies?cursor=W10", "cursor"),
        ("/audit-log?cursor=%F0%9F%98%80", "cursor"),
    ],
)
def test_a_bad_question_names_the_parameter(api: Served, path: str, field: str) -> None:
    """Dates, ids, cursors, limits, and parameters that don't exist or come twice."""
    own = path.format(own=api.own.company, schedule=api.own.schedule)

    found = problem(api.call("GET", own), 422)

    assert [one["field"] for one in found["errors"]] == [field]


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("/deliveries/bulk-replay", b"{", "body"),
        ("/deliveries/bulk-replay", b"", "body"),
        ("/deliveries/bulk-replay", b"[]", "body"),
        ("/deliveries/bulk-replay", b'{"ids": ["x"]}', "ids[0]"),
        ("/deliveries/bulk-replay", b'{"ids": []}', "ids"),
        ("/deliveries/bulk-replay", b"{}", "body"),
        ("/deliveries/bulk-replay", b'{"ids": null, "ids": null}', "ids"),
        ("/deliveries/bulk-replay", b'{"filter": {"platform": 1}}', "filter.platform"),
        ("/deliveries/bulk-replay", b'{"filter": {"startDate": "now"}}', "filter.startDate"),
        ("/deliveries/bulk-replay", b'{"filter": {}, "force": "maybe"}', "force"),
        ("/deliveries/bulk-replay", b'{"filter": {}, "force": "yes"}', "force"),
        ("/deliveries/bulk-replay", b'{"filter": {}, "force": 1}', "force"),
        (
            "/deliveries/bulk-replay",
            b'{"filter": {"start_date": "2026-03-09"}}',
            "filter.start_date",
        ),
        (
            "/deliveries/bulk-replay",
            b'{"filter": {"startDate": "2026-03-09", "endDate": "2026-03-08"}}',
            "filter.endDate",
        ),
        ("/deliveries/bulk-replay", b'{"filter": {}, "more": 1}', "more"),
        ("/deliveries/bulk-replay", b'{"filter": {"more": {"a": 1}}}', "filter.more"),
        ("/deliveries/retry-all-failed", b'{"companyId": 1}', "companyId"),
        ("/deliveries/{failed}/replay", b'{"force": 3}', "force"),
        ("/schedules/{schedule}/pause", b'{"reason": " "}', "reason"),
        ("/schedules/{schedule}/pause", b'{"reason": "\\u0000"}', "body"),
        ("/schedules/preview", b'{"schedule": "daily", "count": 101}', "count"),
        ("/schedules/preview", b'{"schedule": "daily", "count": "7"}', "count"),
        ("/schedules/preview", b'{"schedule": "daily", "spread_minutes": 7}', "spread_minutes"),
        (
            "/schedules/preview",
            b'{"schedule": "daily", "window": {"start": 60, "end": "02:00"}}',
            "window.start",
        ),
        (
            "/schedules/preview",
            b'{"schedule": "daily", "holidayCalendar": {"extraDates": [1741564800]}}',
            "holidayCalendar.extraDates[0]",
        ),
        ("/schedules/preview", b'{"schedule": "daily", "from": "1969-01-01"}', "from"),
        (
            "/schedules/preview",
            b'{"schedule": "daily", "window": {"start": "08:00Z", "end": "10:00"}}',
            "window.start",
        ),
        (
            "/maintenance-windows",
            b'{"reason": "a", "endsAt": "2030-01-01T00:00", "platform": "benevity"}',
            "endsAt",
        ),
    ],
)
def test_a_bad_body_names_the_field(api: Served, path: str, body: bytes, field: str) -> None:
    """Also where it is no JSON at all."""
    address = path.format(failed=api.own.failed, schedule=api.own.schedule)
    headers = {"Content-Type": "application/json"}

    found = problem(api.call("POST", address, data=body, headers=headers), 422)

    assert [one["field"] for one in found["errors"]] == [field]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"schedule": "every now and then"}, "five fields"),
        ({"schedule": "0 0 30 2 *"}, "0 0 30 2"),
        ({"timezone": "Europe/Atlantis"}, "Europe/Atlantis"),
        ({"holidayCalendar": {"country": "ZZ"}}, "ZZ"),
        ({"window": {"start": "08:00", "end": "08:00"}}, "window"),
    ],
)
def test_a_schedule_that_cannot_be_says_why(
    api: Served, change: dict[str, Any], words: str
) -> None:
    """The rules are those of scheduling; the API passes their one line on, and names the field: of a rule
    that is tried out, created or changed."""
    new = {
        "schedule": "daily",
        "companyId": str(api.own.company),
        "platform": "benevity",
        **change,
    }
    answers = [
        api.post("/schedules/preview", {"schedule": "daily", **change}),
        api.post("/schedules", new),
        api.call("PATCH", f"/schedules/{api.own.schedule}", json=change),
    ]

    for answer in answers:
        found = problem(answer, 422)
        assert words in found["detail"]
        assert [one["field"] for one in found["errors"]] == list(change)


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("/companies", {"slug": "third", "name": "T", "timezone": "Europe/Atlantis"}, "timezone"),
        (
            "/maintenance-windows",
            {"platform": "benevity", "reason": "a move", "endsAt": "2001-01-01"},
            "endsAt",
        ),
        (
            "/schedules",
            {"companyId": "{own}", "platform": "workday", "schedule": "daily"},
            "platform",
        ),
    ],
)
def test_what_a_rule_refuses_names_the_field(
    api: Served, path: str, body: dict[str, Any], field: str
) -> None:
    """Not only what the schema can tell; and nobody is sent to a command line."""
    given = {name: value.replace("{own}", str(api.own.company)) for name, value in body.items()}
    api.world.execute(
        "INSERT INTO platform_connections (company_id, platform, enabled) VALUES (:id, 'workday', false) "
        "ON CONFLICT DO NOTHING",
        id=api.own.company,
    )

    found = problem(api.post(path, given, token=api.token(companies=["*"])), 422)

    assert [one["field"] for one in found["errors"]] == [field]
    assert "impact-in" not in found["detail"].replace(BASE, "")


def test_a_window_goes_out_as_it_may_come_in(api: Served) -> None:
    """As the document describes it: JSON Schema's `time` would want an offset."""
    window: dict[str, Any] = {"start": "08:00:00", "end": "17:30:00", "days": [1, 2]}
    path = f"/schedules/{api.own.schedule}"

    answer = api.call("PATCH", path, json={"window": window})

    assert answer.json()["window"] == window
    described = api.get("/openapi.json")["components"]["schemas"]["Window"]["properties"]["start"]
    assert re.fullmatch(described["pattern"], window["start"])
    assert "format" not in described


def test_more_than_ten_megabytes_are_413(api: Served) -> None:
    """Said before they are read, when the length is announced; and while they are read, when it isn't."""
    headers = {"Content-Type": "application/json"}
    path = "/deliveries/bulk-replay"

    def endless() -> Iterator[bytes]:
        for _ in range(BODY_LIMIT // 65_536 + 2):
            yield b" " * 65_536

    announced = api.call("POST", path, data=b" " * (BODY_LIMIT + 1), headers=headers)
    problem(announced, 413)
    problem(api.call("POST", path, data=endless(), headers=headers), 413)


def test_ten_megabytes_of_nonsense_are_422_in_a_few_words(api: Served) -> None:
    """A million wrong fields aren't answered with a million lines."""
    unknown = json.dumps({f"field{n}": n for n in range(450_000)}).encode()
    assert 8_000_000 < len(unknown) <= BODY_LIMIT
    headers = {"Content-Type": "application/json"}

    answer = api.call("POST", "/deliveries/bulk-replay", data=unknown, headers=headers)

    assert len(problem(answer, 422)["errors"]) == 20
    assert len(answer.content) < 10_000


@pytest.mark.parametrize("declared", ["text/plain", "application/x-www-form-urlencoded", None])
def test_a_body_that_is_not_declared_as_json_is_415(api: Served, declared: str | None) -> None:
    """Guessing would make cross-site forms possible."""
    headers = {"Content-Type": declared} if declared else {}

    answer = api.call("POST", "/deliveries/bulk-replay", data=b"{}", headers=headers)

    problem(answer, 415)


def test_an_unknown_address_is_404_and_another_method_405_with_all_that_are_allowed(
    api: Served,
) -> None:
    """Problem details too, outside every route."""
    problem(api.call("GET", "/nothing"), 404)
    answer = api.call("DELETE", "/schedules")

    problem(answer, 405)
    assert answer.headers["allow"] == "GET, HEAD, POST"


def test_a_slash_too_many_is_404(api: Served) -> None:
    """A redirect would go to whatever the Host header says, token and all."""
    answer = api.call("GET", "/companies/", allow_redirects=False)

    problem(answer, 404)


def test_a_caller_who_hangs_up_is_no_defect(api: Served) -> None:
    """Half a body, and gone: neither logged nor counted as one of ours."""
    host, port = api.url.removeprefix("http://").split(":")
    head = (
        f"POST {BASE}/schedules/preview HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {api.token()}\r\n"
        "Content-Type: application/json\r\nContent-Length: 50\r\n\r\n{}"
    )
    with socket.create_connection((host, int(port)), timeout=30) as caller:
        caller.sendall(head.encode())
    counted = re.compile(rf'route="{BASE}/schedules/preview",status="400"}} [1-9]')

    end = time.monotonic() + 30
    while not counted.search(told := api.call("GET", "/metrics").text):
        assert time.monotonic() < end, told
        time.sleep(0.05)
    assert set(re.findall(r'requests_total{.*status="500"} (\S+)', told)) == {"0.0"}


def test_another_form_than_there_is_is_406(api: Served) -> None:
    """A report can be had as JSON, HTML or CSV."""
    path = f"/sla-report?companyId={api.own.company}"

    problem(api.call("GET", path, headers={"Accept": "image/png"}), 406)


def test_an_answer_says_what_is_left_of_the_minute(world: World) -> None:
    """And when nothing is left, 429 with the time to wait."""
    changes = {**SETTINGS, "IMPACT_IN_API_RATE_LIMIT_PER_MINUTE": "2"}
    with (
        world_on(world.database.url, world.sandbox, gated=False, **changes) as limited,
        served(limited) as api,
    ):
        answers = [api.call("GET", "/companies") for _ in range(3)]
        other = api.call("GET", "/companies", token=api.token(subject="kari"))

    assert [one.status_code for one in answers] == [200, 200, 429]
    assert answers[0].headers["RateLimit"].startswith('"token";r=1')
    assert answers[0].headers["RateLimit-Policy"] == '"token";q=2;w=60'
    problem(answers[2], 429)
    assert int(answers[2].headers["Retry-After"]) <= 30
    assert other.status_code == 200


def test_a_database_that_is_away_is_503(world: World) -> None:
    """One line, nothing of the driver's."""
    with world_on(world.database.url, world.sandbox, gated=False, **SETTINGS) as gone:
        api = build_context(gone.runtime)
        with running(api) as url:
            token = Served(url, gone, api, None, None).token(VIEWER, ["*"])  # type: ignore[arg-type]
            headers = {"Authorization": f"Bearer {token}"}
            gone.execute("ALTER TABLE companies RENAME TO gone")
            answer = requests.get(f"{url}{BASE}/companies", headers=headers, timeout=30)
            gone.execute("ALTER TABLE gone RENAME TO companies")

    found = problem(answer, 503)
    assert "Retry-After" in answer.headers
    assert "companies" not in found["detail"]


def test_a_defect_is_500_and_tells_nothing(world: World) -> None:
    """Whatever a program says of itself in an error is not for its callers."""
    with world_on(world.database.url, world.sandbox, gated=False, **SETTINGS) as broken:
        api = build_context(broken.runtime)
        with running(api) as url:
            token = Served(url, broken, api, None, None).token(VIEWER, ["*"])  # type: ignore[arg-type]
            broken.execute("ALTER TABLE companies RENAME COLUMN name TO title")
            answer = requests.get(
                f"{url}{BASE}/companies",
                headers={"Authorization": f"Bearer {token}"},
                timeout=30,
            )
            broken.execute("ALTER TABLE companies RENAME COLUMN title TO name")

    assert "name" not in problem(answer, 500)["detail"]


@pytest.mark.parametrize("end", ["2100-01-01T00:00:00Z", "3832-06-28T21:44:32Z"])
def test_a_window_that_ends_in_the_far_future_is_answered(api: Served, end: str) -> None:
    """Nothing is due there, and nothing is searched: it took more than 30 s of everybody's status."""
    token = api.token(["ADMIN_CONSOLE"], ["*"])
    answer = api.call("GET", f"/sla-status?endDate={end}", token=token)

    assert answer.status_code == 200
