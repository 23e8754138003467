"""What the routes work with: the runtime and what only the API has."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from impact_in_pipelines.api.auth import Authenticator
from impact_in_pipelines.api.dagster_link import DagsterLink
from impact_in_pipelines.api.ratelimit import RateLimiter
from impact_in_pipelines.db.delivery_pages import DeliveryPages
from impact_in_pipelines.db.idempotency import IdempotencyStore
from impact_in_pipelines.resources.runtime import Runtime


@dataclass(frozen=True)
class ApiContext:
    """The parts of one API process."""

    runtime: Runtime
    authenticator: Authenticator
    limiter: RateLimiter
    dagster: DagsterLink
    idempotency: IdempotencyStore
    deliveries: DeliveryPages

    @property
    def clock(self) -> Callable[[], datetime]:
        """Where the time (UTC) comes from."""
        return self.runtime.clock
