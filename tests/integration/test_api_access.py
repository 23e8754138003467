"""Who may do what: every endpoint of the document × role × own or other company."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from factories import copied_database, world_on
from fastapi import FastAPI
from sqlalchemy import URL

from impact_in_pipelines.api.access.rights import MANAGE, VIEW, required_roles
from impact_in_pipelines.api.app import ROUTERS
from impact_in_pipelines.api.http.routing import ApiRoute, api_router
from impact_in_pipelines.api.openapi.document import document
from impact_in_pipelines.impact.csv_dialect import HEADER
from impact_in_pipelines.sandbox.server import Sandbox

from .api_harness import MANAGER, SETTINGS, VIEWER, Holdings, Served, served

EVENTS_HEADER = ",".join(HEADER) + "\n"
_LAST = (
    *("cancelMany", "replayMany", "deleteSchedule", "removeNoticeChannel", "discardUpload"),
    *("deactivateCompany", "reactivateCompany", "eraseParticipant"),
)
"""What leaves nothing to do for another operation on the same delivery or schedule."""
_OF_WHAT_ARRIVED = ("getDeliveryPayload", "getDeliveryReceipt")
"""What a delivery that was never sent doesn't have."""
IDS = {
    "deliveryId": "failed",
    "scheduleId": "schedule",
    "incidentId": "incident",
    "windowId": "window",
    "replayId": "replay",
    "companyId": "company",
    "sessionId": "session",
    "linkId": "link",
    "uploadId": "upload",
    "channelId": "channel",
    "messageId": "message",
    "tokenId": "token",
}
_OPERATORS = (
    *("createCompany", "getOverview", "updateCompany", "deactivateCompany", "reactivateCompany"),
    *("exportCompany", "eraseCompany", "eraseParticipant"),
)
"""What needs a token for all companies."""
_ROLES: Mapping[str, tuple[str, ...]] = {
    "nothing": (),
    "viewer": VIEWER,
    "manager": MANAGER,
    "manager without console": ("MANAGE_INTEGRATIONS",),
}


@dataclass(frozen=True)
class Operation:
    """One operation of the document."""

    id: str
    method: str
    path: str
    roles: tuple[str, ...]
    parameters: tuple[str, ...]

    def address(self, holdings: Holdings) -> str:
        """The path with `holdings`' ids in it."""
        ids = {**IDS, "deliveryId": "arrived"} if self.id in _OF_WHAT_ARRIVED else IDS
        path = re.sub(
            r"\{(\w+)\}",
            lambda match: str(getattr(holdings, ids[match[1]])) if match[1] in ids else "benevity",
            self.path,
        )
        return f"{path}?companyId={holdings.company}" if "companyId" in self.parameters else path

    def body(self, holdings: Holdings) -> Any:
        """A body that does no harm and names `holdings`."""
        company = str(holdings.company)
        bodies: dict[str, Any] = {
            "replayMany": {"ids": [str(holdings.failed)]},
            "cancelMany": {"ids": [str(holdings.failed)]},
            "correctMany": {"ids": [str(holdings.failed)]},
            "setCorrectionPolicy": {"policy": "never"},
            "previewReplayMany": {"ids": [str(holdings.failed)]},
            "retryAllFailed": {"companyId": company, "platform": "workday"},
            "createSchedule": {"companyId": company, "platform": "benevity", "schedule": "monthly"},
            "updateSchedule": {"spreadMinutes": 1},
            "pauseSchedule": {"reason": "a test"},
            "previewRule": {"schedule": "daily"},
            "setConnection": {"enabled": True},
            "sendDay": {"platform": "benevity", "day": "2026-01-05"},
            "addIncidentNote": {"text": "a test"},
            "holdPlatform": {"companyId": company, "reason": "a test"},
            "resumePlatform": {"companyId": company},
            "updateCompany": {"name": "Another name"},
            "eraseCompany": {"slug": holdings.slug, "exportSha256": "0" * 64},
            "eraseParticipant": {"reference": "nobody"},
            "createCompany": {"slug": "third", "name": "Third"},
            "addNoticeChannel": {
                "name": "Slack",
                "medium": "slack",
                "url": "https://hooks.example.org/x",
            },
            "setServiceLevels": {"values": {"successRateTarget": 0.97}},
            "makeApiToken": {"name": "Export", "roles": ["ADMIN_CONSOLE"]},
            "changeNoticeChannel": {"name": "Ours"},
            "addMaintenanceWindow": {
                "companyId": company,
                "endsAt": "2030-01-01T00:00:00Z",
                "reason": "a move",
            },
        }
        return bodies.get(self.id)


def operations() -> list[Operation]:
    """Every operation that needs a token, from the document that the API serves."""
    found = []
    for path, methods in described()["paths"].items():
        for method, operation in methods.items():
            if operation["security"]:
                names = tuple(
                    one["name"]
                    for one in operation.get("parameters", ())
                    if one.get("in") == "query"
                )
                found.append(
                    Operation(
                        operation["operationId"],
                        method.upper(),
                        path,
                        tuple(operation["x-required-roles"]),
                        names,
                    )
                )
    return found


def described() -> dict[str, Any]:
    """The document, which needs neither a database nor a server."""
    app = FastAPI(title="Impact-In Pipelines")
    app.router.routes[:] = [route for router in ROUTERS for route in router.routes]
    return document(app)


OPERATIONS = operations()
_ABOUT_NOBODY = frozenset(
    {
        "listCompanies",
        "createCompany",
        "getOverview",
        "listCompanyHealth",
        "listHolidayCalendars",
        "previewRule",
        "listSessions",
        "listSignInLinks",
    }
)
"""Operations that can't name another company's things."""


@pytest.fixture(scope="module")
def api(postgres_url: URL, template: str, shared_sandbox: Sandbox) -> Iterator[Served]:
    """One API for all of the matrix; nothing in it is used up by an answer that must be refused."""
    with (
        copied_database(postgres_url, template) as url,
        world_on(url, shared_sandbox, gated=False, **SETTINGS) as world,
        served(world) as one,
    ):
        yield one


def _status(api: Served, operation: Operation, token: str | None, of: Holdings) -> int:
    if operation.id == "streamEvents":
        answer = api.call(operation.method, operation.address(of), token=token, stream=True)
        answer.close()
        return answer.status_code
    if operation.id == "uploadEvents":
        csv = {"Content-Type": "text/csv"}
        return api.call(
            "POST", operation.address(of), token=token, data=EVENTS_HEADER.encode(), headers=csv
        ).status_code
    body = operation.body(of)
    return api.call(operation.method, operation.address(of), token=token, json=body).status_code


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda one: one.id)
def test_no_token_no_answer(api: Served, operation: Operation) -> None:
    """Whatever is asked, without a token the answer is 401."""
    assert _status(api, operation, None, api.own) == 401


@pytest.mark.parametrize(
    ("operation", "role"),
    [(one, role) for one in OPERATIONS for role in _ROLES if set(one.roles) - set(_ROLES[role])],
    ids=lambda value: value if isinstance(value, str) else value.id,
)
def test_a_missing_role_is_403_before_anything_else(
    api: Served, operation: Operation, role: str
) -> None:
    """Whoever lacks a role isn't told what exists, and nothing is done."""
    for holdings in (api.own, api.other):
        assert _status(api, operation, api.token(_ROLES[role]), holdings) == 403


@pytest.mark.parametrize(
    "operation", [one for one in OPERATIONS if one.id not in _ABOUT_NOBODY], ids=lambda one: one.id
)
def test_another_companys_things_are_not_found(api: Served, operation: Operation) -> None:
    """Not 403: that it exists is nobody else's business. The same answer as for what isn't there."""
    assert _status(api, operation, api.token(MANAGER), api.other) == 404


@pytest.mark.parametrize(
    "operation",
    [
        one
        for one in OPERATIONS
        if one.id.startswith(("list", "getScheduleStats")) and "{" not in one.path
    ],
    ids=lambda one: one.id,
)
def test_lists_hold_only_the_tokens_companies(api: Served, operation: Operation) -> None:
    """Without a company in the question the answer is about the token's companies alone."""
    answer = api.call("GET", operation.path)
    assert answer.status_code == 200
    assert str(api.other.company) not in answer.text
    assert api.other.slug not in answer.text


def test_the_right_role_and_company_are_let_in(api: Served) -> None:
    """Where the roles suffice and the company is one's own, it is done: no door is shut by mistake."""
    answers = {}
    for one in sorted(OPERATIONS, key=lambda one: one.id in _LAST):
        token = api.token(one.roles, ["*"] if one.id in _OPERATORS else None)
        answers[one.id] = _status(api, one, token, api.own)
    # Let in, and refused for what they say: no such export was taken; the upload is imported already.
    assert (answers.pop("eraseCompany"), answers.pop("discardUpload")) == (409, 409)
    # The same session as `revokeSession`'s, which came first.
    assert answers.pop("revokeCompanySession") == 404
    assert {id_: status for id_, status in answers.items() if status not in (200, 201, 202)} == {}


def test_a_token_for_all_companies_sees_all(api: Served) -> None:
    """`companies: ["*"]`."""
    answer = api.call("GET", "/companies", token=api.token(VIEWER, ["*"]))
    slugs = {one["slug"] for one in answer.json()["data"]}
    assert {api.own.slug, api.other.slug} <= slugs


@pytest.mark.parametrize(
    "operation", [one for one in OPERATIONS if one.id in _OPERATORS], ids=lambda one: one.id
)
def test_a_companys_life_is_the_operators(api: Served, operation: Operation) -> None:
    """Whoever manages a company neither adds one nor ends its own."""
    assert _status(api, operation, api.token(MANAGER), api.own) == 403


def test_a_route_without_a_mark_cannot_be_made() -> None:
    """A new route isn't open by accident: it says who may call it, or the program doesn't start."""
    router = api_router("Test")
    with pytest.raises(TypeError, match="PUBLIC, VIEW and MANAGE"):
        router.get("/open")(lambda: None)
    assert required_roles([MANAGE]) > required_roles([VIEW])


def test_every_served_route_is_in_the_document() -> None:
    """Nothing below the prefix is served besides what the document describes."""
    for router in ROUTERS:
        assert all(isinstance(route, ApiRoute) for route in router.routes)
