"""Cases that schemathesis makes from the OpenAPI document, and what each answer is held against."""

import hashlib
import hmac
import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from zlib import crc32

import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    ignored_auth,
    missing_required_header,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from .api_harness import Served
from .test_api_access import IDS, described

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    negative_data_rejection,
    missing_required_header,
    unsupported_method,
    ignored_auth,
]
SCHEMA = schemathesis.openapi.from_dict(described())
SCHEMA.config.generation.update(max_examples=1, deterministic=True)
OPERATIONS = [found.ok() for found in SCHEMA.get_all_operations()]  # type: ignore[union-attr]
_STREAM, _ADDS_COMPANIES, _SIGNED = "streamEvents", "createCompany", "receiveCallBack"
_FRAMING = ("content-length", "transfer-encoding", "connection", "upgrade", "expect", "host")
"""Headers that are the connection's: no request with a made-up one reaches an application."""
_CRONS = ("daily", "hourly", "monthly", "30 8 * * 1-5", "*/7 3 * 2 *", "0 0 31 * *")
_ZONES = ("UTC", "Europe/Oslo", "Asia/Kathmandu", "America/New_York")
_JUST_EXPIRED = timedelta(seconds=-2)
"""Within the leeway that clocks are allowed: a stream ends with its token, so this one does at once."""


@dataclass
class Tally:
    """The cases that were answered, by operation (`GET /path`) and status."""

    statuses: dict[str, Counter[int]] = field(default_factory=dict)

    def count(self, operation: str, status: int) -> None:
        """One more."""
        self.statuses.setdefault(operation, Counter())[status] += 1

    @property
    def total(self) -> int:
        """All cases."""
        return sum(counts.total() for counts in self.statuses.values())

    def table(self) -> str:
        """A line for each operation: its cases, and how many had which status."""
        lines = [f"{'cases':>7}  operation · statuses"]
        for operation, counts in self.statuses.items():
            shown = "  ".join(f"{status}: {n}" for status, n in sorted(counts.items()))
            lines.append(f"{counts.total():>7}  {operation} · {shown}")
        lines.append(f"{self.total:>7}  in all, of {len(self.statuses)} operations")
        return "\n".join(lines)


def modes(operation: Any) -> list[GenerationMode]:
    """The kinds of cases there are: where nothing can be given, nothing can be given wrong."""
    raw = operation.definition.raw
    given_something = raw.get("parameters") or raw.get("requestBody")
    return list(GenerationMode) if given_something else [GenerationMode.POSITIVE]


def answer_random_cases(
    operation: Any,
    mode: GenerationMode,
    count: int,
    answer: Callable[[Case[Any]], object],
    start: int,
) -> None:
    """Have up to `count` different cases answered; the same ones for the same `start`."""

    @seed(start)
    @settings(
        max_examples=count,
        deadline=None,
        database=None,
        derandomize=False,
        # A case that fails is told as it is: a smaller one may fail by what the first has changed.
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(operation.as_strategy(generation_mode=mode))
    def answered(case: Case[Any]) -> None:
        answer(case)

    answered()


def check(case: Case[Any], api: Served) -> int:
    """The status of the answer to `case`. Raises schemathesis' failures for one that isn't as described."""
    for name in [one for one in case.headers or {} if one.lower() in _FRAMING]:
        del case.headers[name]
    _name_what_is_there(case, api)
    answer = case.call_and_validate(
        base_url=api.url,
        headers={"Authorization": f"Bearer {_token(case, api)}"},
        checks=CHECKS,
        # An empty list has no form in a query: what was to be wrong isn't sent.
        excluded_checks=[negative_data_rejection] if [] in (case.query or {}).values() else None,
        timeout=30,
    )
    return int(answer.status_code)


def _token(case: Case[Any], api: Served) -> str:
    name = case.operation.definition.raw["operationId"]
    if name == _STREAM:
        return api.token(lasting=_JUST_EXPIRED)
    everything = name == _ADDS_COMPANIES or _one_of_three(case.query, case.body)
    return api.token(companies=["*"] if everything else None)


def _name_what_is_there(case: Case[Any], api: Served) -> None:
    """Ids that exist in place of made-up ones, in two of three well-formed cases: behind a 404 nothing is
    tried. Call-backs are signed."""
    mode = case.meta.generation.mode if case.meta else None
    if mode is not GenerationMode.POSITIVE or _one_of_three(case.path_parameters, case.headers):
        return
    for name in case.path_parameters or {}:
        if name in IDS:
            case.path_parameters[name] = str(getattr(api.own, IDS[name]))
    for place in (case.query, case.body):
        if isinstance(place, dict):
            _make_likely(place, api)
    if case.operation.definition.raw["operationId"] == _SIGNED and isinstance(case.body, dict):
        _sign(case, case.body, api)


def _make_likely(fields: dict[str, Any], api: Served) -> None:
    """Values that a document can't describe: no random text is a cron, and no random id a delivery's."""
    number = crc32(repr(fields).encode())
    made: dict[str, Any] = {
        "companyId": str(api.own.company),
        "scheduleId": str(api.own.schedule),
        "ids": [str(api.own.failed), str(api.own.arrived), str(api.other.failed)][: 1 + number % 3],
        "schedule": _CRONS[number % len(_CRONS)],
        "timezone": _ZONES[number % len(_ZONES)],
        "holidayCalendar": {"country": "NO", "policy": "next_business_day"},
        "window": {"start": "08:00:00", "end": "17:30:00", "days": [1, 2, 3]},
        "startsAt": api.world.clock().isoformat(),
        "endsAt": (api.world.clock() + timedelta(hours=1 + number % 100)).isoformat(),
    }
    for name in fields.keys() & made.keys():
        if fields[name] is not None:
            fields[name] = made[name]


def _sign(case: Case[Any], body: dict[str, Any], api: Served) -> None:
    """Make it a call-back of the account whose delivery has arrived."""
    case.path_parameters["platform"] = "benevity"
    body["transactionId"] = api.world.delivery(api.own.arrived)["transaction_id"]
    body["timestamp"] = api.world.clock().isoformat()
    key = f"the secret of {api.own.slug}".encode()
    digest = hmac.new(key, json.dumps(body).encode(), hashlib.sha256).hexdigest()
    case.headers["X-Benevity-Signature"] = f"sha256={digest}"


def _one_of_three(*values: object) -> bool:
    return crc32(repr(values).encode()) % 3 == 0
