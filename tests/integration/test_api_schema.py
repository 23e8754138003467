"""What the document promises is what is answered, for whatever is asked (schemathesis, seeded).

A few cases of each operation; `make fuzz` (`api_fuzz.py`) runs at least 10,000.
"""

from collections.abc import Iterator
from typing import Any

import pytest
from factories import copied_database, world_on
from schemathesis import Case, GenerationMode
from sqlalchemy import URL

from impact_in_pipelines.sandbox.server import Sandbox

from .api_cases import OPERATIONS, SCHEMA, answer_random_cases, check, modes
from .api_harness import SETTINGS, Served, served

EXAMPLES = 2


@pytest.fixture(scope="module")
def api(postgres_url: URL, template: str, shared_sandbox: Sandbox) -> Iterator[Served]:
    """One API for all cases."""
    with (
        copied_database(postgres_url, template) as url,
        world_on(url, shared_sandbox, gated=False, **SETTINGS) as world,
        served(world) as one,
    ):
        yield one


@SCHEMA.parametrize()
def test_every_boundary_is_answered_as_the_document_says(case: Case[Any], api: Served) -> None:
    """Each field at and beyond its limits, one at a time: no 5xx, nothing outside the document, nothing
    wrong accepted."""
    check(case, api)


@pytest.mark.parametrize(
    ("operation", "mode"),
    [
        pytest.param(one, mode, id=f"{one.label} {mode.value}")
        for one in OPERATIONS
        for mode in modes(one)
    ],
)
def test_any_case_is_answered_as_the_document_says(
    operation: Any, mode: GenerationMode, api: Served
) -> None:
    """The same for random requests, well-formed ones and others."""
    answer_random_cases(operation, mode, EXAMPLES, lambda case: check(case, api), start=0)
