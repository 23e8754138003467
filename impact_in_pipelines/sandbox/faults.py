"""Fault switches: which requests go wrong, how, and how often.

Each fault draws from its own seeded generator, so a run over the same requests fails the same way
again.
"""

import random
from collections.abc import Iterable
from datetime import datetime, timedelta
from email.utils import format_datetime
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from impact_in_pipelines.sandbox.accounts.config import Service, Wire


class FaultKind(StrEnum):
    """What goes wrong. `…_after`: after processing, so accepted and counted, never answered."""

    SERVER_ERROR = "server_error"
    RATE_LIMITED = "rate_limited"
    UNAVAILABLE = "unavailable"
    IN_PROGRESS = "in_progress"
    TIMEOUT_BEFORE = "timeout_before"
    TIMEOUT_AFTER = "timeout_after"
    CONNECTION_RESET = "connection_reset"
    CONNECTION_RESET_AFTER = "connection_reset_after"
    MALFORMED_JSON = "malformed_json"
    SUCCESS_FALSE = "success_false"
    SLOW = "slow"
    EXPIRED_TOKEN = "expired_token"
    UNAUTHORIZED = "unauthorized"
    BAD_REQUEST = "bad_request"

    @property
    def hangs(self) -> bool:
        """Whether the client is left waiting."""
        return self in (FaultKind.TIMEOUT_BEFORE, FaultKind.TIMEOUT_AFTER)

    @property
    def aborts(self) -> bool:
        """Whether the connection ends without an answer."""
        return self.hangs or self in (
            FaultKind.CONNECTION_RESET,
            FaultKind.CONNECTION_RESET_AFTER,
        )


class Target(StrEnum):
    """Which requests of a service a fault is about."""

    DELIVERY = "delivery"
    TOKEN = "token"


SAYS_WHEN = (FaultKind.RATE_LIMITED, FaultKind.UNAVAILABLE, FaultKind.IN_PROGRESS)
"""Answers that may carry a Retry-After header."""
ALWAYS_PROCESSED = (FaultKind.TIMEOUT_AFTER, FaultKind.CONNECTION_RESET_AFTER, FaultKind.SLOW)
MAY_BE_PROCESSED = (*ALWAYS_PROCESSED, FaultKind.SERVER_ERROR, FaultKind.MALFORMED_JSON)


class FaultSpec(Wire):
    """One switch, as `POST /_sandbox/faults` takes it.

    `organization` limits it to one organisation (Workday: or tenant; Slack: webhook name;
    PagerDuty: routing key). `rate` is the share of the matching requests that fail, `count` how
    many at most. `status` is for `server_error`, `delay_ms` for time-outs and `slow`,
    `retry_after_seconds` (null: no header) for `rate_limited` (429), `unavailable` (503) and
    `in_progress` (409, the first request under the key is being processed). `after_processing` makes a
    `server_error` or `malformed_json` answer follow a request that was accepted.
    """

    platform: Service
    kind: FaultKind
    organization: str | None = None
    target: Target = Target.DELIVERY
    rate: Annotated[float, Field(ge=0, le=1)] = 1.0
    count: Annotated[int, Field(ge=1)] | None = None
    seed: int = 0
    status: Annotated[int, Field(ge=500, le=599)] = 503
    delay_ms: Annotated[int, Field(ge=0, le=3_600_000)] = 60_000
    retry_after_seconds: Annotated[int, Field(ge=0)] | None = 1
    retry_after_format: Literal["seconds", "date"] = "seconds"
    after_processing: bool = False

    @model_validator(mode="after")
    def _after_processing_makes_sense(self) -> "FaultSpec":
        if self.after_processing and self.kind not in MAY_BE_PROCESSED:
            raise ValueError(f"afterProcessing doesn't go with {self.kind}")
        return self


class Fault:
    """A switch that is on, with its generator and how often it fired."""

    def __init__(self, fault_id: int, spec: FaultSpec) -> None:
        self.id = fault_id
        self.spec = spec
        self.kind = spec.kind
        self.status = spec.status
        self.delay_ms = spec.delay_ms
        self.fired = 0
        self._random = random.Random(spec.seed)

    @property
    def processes(self) -> bool:
        """Whether the request is processed before it goes wrong."""
        return self.spec.after_processing or self.kind in ALWAYS_PROCESSED

    def strikes(self, service: Service, target: Target, subjects: Iterable[str]) -> bool:
        """Decide whether this request goes wrong, and count it if it does."""
        spec = self.spec
        if service is not spec.platform or target is not spec.target:
            return False
        if spec.organization is not None and spec.organization not in subjects:
            return False
        if spec.count is not None and self.fired >= spec.count:
            return False
        if spec.rate < 1 and self._random.random() >= spec.rate:
            return False
        self.fired += 1
        return True

    def retry_after(self, now: datetime) -> str | None:
        """Return the Retry-After header: seconds or an HTTP date (RFC 9110); None for no header."""
        seconds = self.spec.retry_after_seconds
        if seconds is None or self.kind not in SAYS_WHEN:
            return None
        if self.spec.retry_after_format == "date":
            return format_datetime(now + timedelta(seconds=seconds), usegmt=True)
        return str(seconds)

    def describe(self) -> dict[str, Any]:
        """Return the switch as the control interface shows it."""
        return {
            "id": self.id,
            **self.spec.model_dump(mode="json", by_alias=True),
            "fired": self.fired,
        }


class FaultBook:
    """All switches that are on, oldest first; the first that strikes decides."""

    def __init__(self) -> None:
        self._faults: dict[int, Fault] = {}
        self._next_id = 1

    def add(self, spec: FaultSpec) -> Fault:
        """Switch a fault on and return it with its id."""
        fault = Fault(self._next_id, spec)
        self._faults[fault.id] = fault
        self._next_id += 1
        return fault

    def remove(self, fault_id: int) -> bool:
        """Switch one fault off; False if there is none with this id."""
        return self._faults.pop(fault_id, None) is not None

    def clear(self) -> None:
        """Switch every fault off."""
        self._faults.clear()

    def list(self) -> list[Fault]:
        """Return the faults, oldest first."""
        return list(self._faults.values())

    def pick(self, service: Service, target: Target, subjects: Iterable[str]) -> Fault | None:
        """Return the fault this request meets, or None."""
        for fault in self._faults.values():
            if fault.strikes(service, target, subjects):
                return fault
        return None
