"""Starts a drain through the Dagster web server's GraphQL API, with short time-outs."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import requests

from impact_in_pipelines.platforms import Platform

LOCATION, REPOSITORY = "impact_in", "__repository__"
_LONGEST_ANSWER = 1_000_000

_WAITING = """
query Waiting($job: String!) {
  runsOrError(filter: {pipelineName: $job, statuses: [QUEUED, NOT_STARTED, STARTING]}, limit: 1) {
    __typename ... on Runs { results { runId } }
  }
}
"""
_LAUNCH = """
mutation Launch($parameters: ExecutionParams!) {
  launchRun(executionParams: $parameters) {
    __typename ... on LaunchRunSuccess { run { runId } } ... on Error { message }
  }
}
"""


_LOCATION = """
query Location($name: String!) {
  workspaceLocationEntryOrError(name: $name) {
    __typename
    ... on WorkspaceLocationEntry {
      updatedTimestamp
      locationOrLoadError { __typename ... on PythonError { message } }
    }
  }
}
"""


@dataclass(frozen=True, slots=True)
class CodeLocation:
    """Since when (UTC) our code is loaded; None: it isn't. `error` is why not, in one line."""

    at: datetime | None
    error: str | None = None


class DagsterUnreachable(Exception):
    """Dagster's web server doesn't answer, or answers something else."""


class DagsterGraphql:
    """Calls `{url}/graphql`. Opens nothing until the first call; safe to share between threads."""

    def __init__(self, url: str, *, timeout_s: float) -> None:
        self._url = f"{url.rstrip('/')}/graphql"
        self._timeout = (min(1.0, timeout_s), timeout_s)

    def waiting_drain(self, platform: Platform) -> str | None:
        """The id of a drain that is waiting to start and will take what is due, or None.

        Raises `DagsterUnreachable`.
        """
        found = self._call(_WAITING, {"job": job_name(platform)})["runsOrError"]
        results = found.get("results") or []
        return str(results[0]["runId"]) if results else None

    def launch_drain(self, platform: Platform, reason: str) -> str:
        """Start a drain; returns the run's id. Raises `DagsterUnreachable`."""
        parameters = {
            "selector": {
                "repositoryLocationName": LOCATION,
                "repositoryName": REPOSITORY,
                "jobName": job_name(platform),
            },
            "runConfigData": {},
            "mode": "default",
            "executionMetadata": {"tags": [{"key": "reason", "value": reason}]},
        }
        launched = self._call(_LAUNCH, {"parameters": parameters})["launchRun"]
        if launched["__typename"] != "LaunchRunSuccess":
            message = str(launched.get("message", launched["__typename"]))
            raise DagsterUnreachable(f"Dagster started no drain: {message[:200]}")
        return str(launched["run"]["runId"])

    def version(self) -> str:
        """Dagster's version. Raises `DagsterUnreachable`."""
        return str(self._call("{ version }", {})["version"])

    def code_location(self) -> CodeLocation:
        """What the web server knows of our code server. Raises `DagsterUnreachable`."""
        entry = self._call(_LOCATION, {"name": LOCATION})["workspaceLocationEntryOrError"]
        if not entry or entry["__typename"] != "WorkspaceLocationEntry":
            return CodeLocation(None)
        loaded = entry["locationOrLoadError"] or {}
        if loaded.get("__typename") == "PythonError":
            return CodeLocation(None, str(loaded["message"]).strip().splitlines()[-1][:200])
        return CodeLocation(datetime.fromtimestamp(entry["updatedTimestamp"], UTC))

    def _call(self, query: str, variables: dict[str, Any]) -> dict[str, Any]:
        try:
            answer = requests.post(
                self._url,
                json={"query": query, "variables": variables},
                timeout=self._timeout,
                allow_redirects=False,
            )
            answer.raise_for_status()
            data = json.loads(answer.content[:_LONGEST_ANSWER])["data"]
            if not isinstance(data, dict):
                raise TypeError("no data")
        except (requests.RequestException, ValueError, KeyError, TypeError) as error:
            raise DagsterUnreachable(
                f"Dagster's web server doesn't answer as expected ({type(error).__name__})"
            ) from None
        return data


def job_name(platform: Platform) -> str:
    """The job that sends everything that is due to `platform`."""
    return f"drain_{platform.value}"
