"""What the document promises is what is answered, for whatever is asked (schemathesis, seeded).

`API_EXAMPLES` sets the random cases of each operation and kind; docs/api.md names the long run.
"""

import os
from collections.abc import Iterator
from typing import Any
from zlib import crc32

import pytest
import schemathesis
from factories import copied_database, world_on
from hypothesis import HealthCheck, given, settings
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
from sqlalchemy import URL

from impact_in_pipelines.sandbox.server import Sandbox

from .api_harness import SETTINGS, Served, served
from .test_api_access import IDS, described

EXAMPLES = int(os.environ.get("API_EXAMPLES", "2"))
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

# Without the stream, which has no end.
SCHEMA = schemathesis.openapi.from_dict(described()).exclude(operation_id="streamEvents")
SCHEMA.config.generation.update(max_examples=1, deterministic=True)
OPERATIONS = [found.ok() for found in SCHEMA.get_all_operations()]  # type: ignore[union-attr]


@pytest.fixture(scope="module")
def api(postgres_url: URL, template: str, shared_sandbox: Sandbox) -> Iterator[Served]:
    """One API for all cases; it says how many it has answered."""
    with (
        copied_database(postgres_url, template) as url,
        world_on(url, shared_sandbox, gated=False, **SETTINGS) as world,
        served(world) as one,
    ):
        yield one
        answered = one.call("GET", "/metrics").text
        count = sum(
            float(line.rpartition(" ")[2])
            for line in answered.splitlines()
            if line.startswith("impact_in_api_requests_total{")
        )
        print(f"{count:.0f} requests were answered")


@SCHEMA.parametrize()
def test_every_boundary_is_answered_as_the_document_says(case: Case[Any], api: Served) -> None:
    """Each field at and beyond its limits, one at a time: no 5xx, nothing outside the document, nothing
    wrong accepted."""
    _name_what_is_there(case, api)
    _checked(case, api)


@pytest.mark.parametrize(
    ("operation", "mode"),
    [
        pytest.param(one, mode, id=f"{one.label} {mode.value}")
        for one in OPERATIONS
        for mode in GenerationMode
        # Where nothing can be given, nothing can be given wrong.
        if mode is GenerationMode.POSITIVE or one.definition.raw.get("parameters")
    ],
)
def test_any_case_is_answered_as_the_document_says(
    operation: Any, mode: GenerationMode, api: Served
) -> None:
    """The same for random requests, well-formed ones and others."""

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    @given(operation.as_strategy(generation_mode=mode))
    def answered(case: Case[Any]) -> None:
        _name_what_is_there(case, api)
        _checked(case, api)

    answered()


def _checked(case: Case[Any], api: Served) -> None:
    case.call_and_validate(
        base_url=api.url,
        headers={"Authorization": f"Bearer {api.token()}"},
        checks=CHECKS,
        timeout=30,
    )


def _name_what_is_there(case: Case[Any], api: Served) -> None:
    """Ids that exist in place of made-up ones, in two of three well-formed cases: behind a 404 nothing is
    tried."""
    mode = case.meta.generation.mode if case.meta else None
    if mode is not GenerationMode.POSITIVE or crc32(str(case.path_parameters).encode()) % 3 == 0:
        return
    for name in case.path_parameters or {}:
        if name in IDS:
            case.path_parameters[name] = str(getattr(api.own, IDS[name]))
    for place in (case.query, case.body):
        if isinstance(place, dict) and "companyId" in place:
            place["companyId"] = str(api.own.company)
