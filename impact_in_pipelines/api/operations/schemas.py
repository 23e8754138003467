"""Health on the wire."""

from typing import Literal

from pydantic import Field

from impact_in_pipelines.api.http.schemas import Model


class Health(Model):
    """The process answers."""

    status: Literal["ok"]


class FindingView(Model):
    """One finding, under the name that `impact-in doctor --json` gives it."""

    about: str = Field(description="the part that it is about", examples=["database"])
    state: Literal["ok", "warning", "failed"]
    finding: str = Field(description="its name", examples=["database_answers"])


class ReadinessView(Model):
    """Whether it can serve. `degraded` can: without Dagster, replays wait for the next tick."""

    status: Literal["ready", "degraded", "unready"]
    database: Literal["ok", "unreachable"]
    migrations: Literal["current", "missing", "unknown"]
    dagster: str = Field(description="its version, or unreachable", examples=["1.13.27"])
    findings: list[FindingView] = Field(description="what was examined, as `impact-in doctor` does")
