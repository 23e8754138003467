"""Bodies and headers that keep the contract, and a caller that sends them."""

import copy
import uuid
from typing import Any

import requests

from impact_in_pipelines.sandbox.accounts.config import (
    BENEVITY_KEY,
    GOODERA_KEY,
    OAUTH_CLIENT_ID,
    OAUTH_CLIENT_SECRET,
    WORKDAY_TENANT,
)
from impact_in_pipelines.sandbox.server import Sandbox

Body = dict[str, Any]
BAD_CODE = {
    "benevity": "INVALID_METRIC",
    "goodera": "DIMENSION_INVALID",
    "workday": "ACTIVITY_INVALID",
}
PLATFORMS = tuple(BAD_CODE)
TOKEN_FORM = {
    "grant_type": "client_credentials",
    "client_id": OAUTH_CLIENT_ID,
    "client_secret": OAUTH_CLIENT_SECRET,
    "scope": "volunteer_management",
}


def benevity_body(organization: str = "org-1", hours: float = 12.5) -> Body:
    """Return a Benevity report of one day."""
    return {
        "organizationId": organization,
        "programId": "prog-1",
        "programName": "Language mentoring",
        "reportingPeriod": {"startDate": "2026-03-01", "endDate": "2026-03-01"},
        "metrics": [
            {"metricType": "volunteer_hours", "metricValue": hours, "metricUnit": "hours"},
            {
                "metricType": "outcome_score",
                "metricValue": 0.71,
                "metricUnit": "score",
                "category": "integration",
                "description": "Average integration score",
            },
        ],
        "timestamp": "2026-03-02T00:00:05Z",
    }


def goodera_body(organization: str = "org-1", hours: float = 12.5) -> Body:
    """Return a Goodera record of one day."""
    return {
        "projectId": f"project-of-{organization}",
        "organizationId": organization,
        "reportingPeriod": {"from": "2026-03-01", "to": "2026-03-01"},
        "impactDimensions": [
            {
                "dimensionId": "volunteer_hours",
                "dimensionName": "Volunteer hours",
                "value": hours,
                "unit": "hours",
            },
            {
                "dimensionId": "integration_outcome",
                "dimensionName": "Integration",
                "value": 71,
                "unit": "percentage",
                "beneficiaries": 14,
            },
        ],
        "metadata": {"source": "impact-in", "timestamp": "2026-03-02T00:00:05Z", "version": "1.0"},
    }


def workday_body(organization: str = "org-1", hours: float = 12.5) -> Body:
    """Return a Workday report of one day."""
    return {
        "organizationId": organization,
        "reportingPeriod": {"startDate": "2026-03-01", "endDate": "2026-03-01"},
        "volunteerActivities": [
            {
                "activityId": "act-1",
                "activityName": "Mentoring",
                "activityType": "mentorship",
                "volunteerHours": hours,
                "participantCount": 14,
                "activityDate": "2026-03-01",
                "status": "completed",
            }
        ],
        "programEnrollments": [
            {
                "programId": "prog-1",
                "programName": "Language mentoring",
                "enrollmentCount": 14,
                "periodStart": "2026-03-01",
                "periodEnd": "2026-03-01",
            }
        ],
        "metadata": {"source": "impact-in", "version": "1.0", "timestamp": "2026-03-02T00:00:05Z"},
    }


BODIES = {"benevity": benevity_body, "goodera": goodera_body, "workday": workday_body}


class Caller:
    """Sends deliveries to one sandbox, right in everything a test doesn't change."""

    def __init__(self, sandbox: Sandbox, session: requests.Session) -> None:
        self.sandbox = sandbox
        self.control = sandbox.client
        self.session = session

    def url(self, platform: str) -> str:
        """Return the delivery endpoint."""
        paths = {
            "benevity": f"{self.sandbox.benevity_url}/impact",
            "goodera": f"{self.sandbox.goodera_url}/impact-data",
            "goodera batch": f"{self.sandbox.goodera_url}/impact-data/batch",
            "workday": f"{self.sandbox.workday_url}/volunteer-management/v1/activities",
        }
        return paths[platform]

    def headers(self, platform: str, key: str) -> dict[str, str]:
        """Return every header the contract asks for; a Workday token is fetched."""
        common = {"Idempotency-Key": key, "X-Request-ID": str(uuid.uuid4())}
        if platform == "benevity":
            return common | {"Authorization": f"Bearer {BENEVITY_KEY}", "X-API-Version": "1.0"}
        if platform == "workday":
            return common | {
                "Authorization": f"Bearer {self.token()}",
                "X-Workday-Tenant": WORKDAY_TENANT,
                "X-Transaction-ID": key,
            }
        return common | {"X-API-Key": GOODERA_KEY}

    def ask_token(self, platform: str = "workday", **fields: str) -> requests.Response:
        """Ask for an access token with the right form, changed by `fields`."""
        url = f"{self.sandbox.url}/{platform}/oauth2/token"
        return self.session.post(url, data=TOKEN_FORM | fields, timeout=30)

    def token(self, platform: str = "workday") -> str:
        """Return a new access token."""
        return str(self.ask_token(platform).json()["access_token"])

    def send(
        self,
        platform: str,
        body: Body | None = None,
        *,
        key: str | None = None,
        headers: dict[str, str | None] | None = None,
        timeout: float = 10,
    ) -> requests.Response:
        """Send a delivery; a header of None is left out."""
        key = key or str(uuid.uuid4())
        if body is None:
            body = BODIES[platform]()
        all_headers = {**self.headers(platform, key), **(headers or {})}
        sent = {name: value for name, value in all_headers.items() if value is not None}
        return self.session.post(self.url(platform), json=body, headers=sent, timeout=timeout)

    def stats(self, service: str) -> dict[str, Any]:
        """Return one service's totals."""
        return self.control.stats()[service]


def changed(body: Body, path: str, value: object) -> Body:
    """Return a deep copy with one place (`metrics.0.metricValue`) changed; ... removes it."""
    result: Body = copy.deepcopy(body)
    target: Any = result
    *parents, last = path.split(".")
    for part in parents:
        target = target[int(part) if part.isdigit() else part]
    where: Any = int(last) if last.isdigit() else last
    if value is ...:
        del target[where]
    else:
        target[where] = value
    return result
