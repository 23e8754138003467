"""What the document promises is what is answered, for whatever is asked (schemathesis, seeded).

`IMPACT_IN_API_EXAMPLES` sets the cases of each operation; CONTRIBUTING names the long run.
"""

import os
from collections.abc import Iterator

import pytest
import schemathesis
from factories import copied_database, world_on
from hypothesis import HealthCheck, settings
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

EXAMPLES = int(os.environ.get("IMPACT_IN_API_EXAMPLES", "6"))
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


@pytest.fixture(scope="module")
def api(postgres_url: URL, template: str, shared_sandbox: Sandbox) -> Iterator[Served]:
    """One API for all cases."""
    with (
        copied_database(postgres_url, template) as url,
        world_on(url, shared_sandbox, gated=False, **SETTINGS) as world,
        served(world) as one,
    ):
        yield one


# Without the stream, which has no end.
schema = schemathesis.openapi.from_dict(described()).exclude(operation_id="streamEvents")


@schema.parametrize()
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
def test_every_answer_is_as_the_document_says(case: Case, api: Served) -> None:
    """No 5xx, no status or body outside the document, nothing wrong accepted."""
    _name_what_is_there(case, api)
    case.call_and_validate(
        base_url=api.url,
        headers={"Authorization": f"Bearer {api.token()}"},
        checks=CHECKS,
        timeout=30,
    )


def _name_what_is_there(case: Case, api: Served) -> None:
    """Ids that exist in place of made-up ones, in two of three well-formed cases: behind a 404 nothing is
    tried."""
    mode = case.meta.generation.mode if case.meta else None
    if mode is not GenerationMode.POSITIVE or int(case.id, 36) % 3 == 0:
        return
    for name in case.path_parameters or {}:
        if name in IDS:
            case.path_parameters[name] = str(getattr(api.own, IDS[name]))
    for place in (case.query, case.body):
        if isinstance(place, dict) and "companyId" in place:
            place["companyId"] = str(api.own.company)
