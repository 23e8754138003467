"""Health on the wire."""

from typing import Literal

from pydantic import Field

from impact_in_pipelines.api.http.schemas import Model


class Health(Model):
    """The process answers."""

    status: Literal["ok"]


class ReadinessView(Model):
    """Whether it can serve. Without Dagster it can: what is replayed waits for the next tick."""

    status: Literal["ready", "degraded", "unready"]
    database: Literal["ok", "unreachable"]
    migrations: Literal["current", "missing", "unknown"]
    dagster: str = Field(description="its version, or unreachable", examples=["1.13.27"])
