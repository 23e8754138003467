"""The long run: at least 10,000 cases over every operation (`make fuzz`; not part of `make test`).

`FUZZ_CASES` sets how many at least, `FUZZ_SEED` which ones: the same seed, the same cases. Each operation
has a database of its own, so that one alone can be repeated: `make fuzz FUZZ_ONLY=listDeliveries`.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from math import ceil
from typing import Any
from zlib import crc32

import pytest
from factories import copied_database, world_on
from schemathesis import Case, GenerationMode
from sqlalchemy import URL

from impact_in_pipelines.sandbox.server import Sandbox

from .api_cases import OPERATIONS, SCHEMA, Tally, answer_random_cases, check, modes
from .api_harness import SETTINGS, Served, served

CASES = int(os.environ.get("FUZZ_CASES", "10000"))
SEED = int(os.environ.get("FUZZ_SEED", "1"))
_EACH = ceil(CASES / sum(len(modes(one)) for one in OPERATIONS if len(modes(one)) > 1))
"""Cases of one operation and kind; where nothing can be given there is only one."""


@pytest.fixture(scope="module")
def tally() -> Tally:
    """What all tests of this module have counted."""
    return Tally()


@contextmanager
def fresh_api(server: URL, template: str, sandbox: Sandbox) -> Iterator[Served]:
    """An API with a database of its own."""
    with (
        copied_database(server, template) as url,
        world_on(url, sandbox, gated=False, **SETTINGS) as world,
        served(world) as one,
    ):
        yield one


@pytest.fixture(scope="module")
def shared_api(postgres_url: URL, template: str, shared_sandbox: Sandbox) -> Iterator[Served]:
    """One API for all boundaries: hypothesis wants a fixture to outlive its cases."""
    with fresh_api(postgres_url, template, shared_sandbox) as one:
        yield one


@pytest.fixture
def api(postgres_url: URL, template: str, shared_sandbox: Sandbox) -> Iterator[Served]:
    """An API of the test's own."""
    with fresh_api(postgres_url, template, shared_sandbox) as one:
        yield one


@SCHEMA.parametrize()
def test_boundaries(case: Case[Any], shared_api: Served, tally: Tally) -> None:
    """Each field at and beyond its limits, one at a time."""
    _check(case, shared_api, tally)


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda one: one.definition.raw["operationId"])
def test_random_cases(operation: Any, api: Served, tally: Tally) -> None:
    """Well-formed ones and others."""
    for mode in modes(operation):
        start = crc32(f"{SEED} {operation.label} {mode.value}".encode())
        answer_random_cases(
            operation, mode, _EACH, lambda case: _check(case, api, tally), start=start
        )


def test_every_operation_was_asked_and_often_enough(
    tally: Tally, capsys: pytest.CaptureFixture[str]
) -> None:
    """What wasn't run has proven nothing."""
    with capsys.disabled():
        print(f"\n{tally.table()}\nseed {SEED}")
    assert {one.label for one in OPERATIONS} == tally.statuses.keys()
    assert tally.total >= CASES


def _check(case: Case[Any], api: Served, tally: Tally) -> None:
    mode = case.meta.generation.mode if case.meta else None
    if mode is GenerationMode.POSITIVE:
        _restore(api)
    tally.count(case.operation.label, check(case, api))


def _restore(api: Served) -> None:
    """Undo what the case before did to what the addresses name: a second replay would only be refused."""
    own = api.own
    api.world.execute(
        "UPDATE impact_deliveries SET status = 'failed', next_attempt_at = NULL, failed_at = :now "
        "WHERE id = :id AND status <> 'failed'",
        id=own.failed,
        now=api.world.clock(),
    )
    api.world.execute(
        "UPDATE impact_deliveries SET status = 'success', failed_at = NULL WHERE id = :id "
        "AND status <> 'success'",
        id=own.arrived,
    )
    api.world.execute(
        "UPDATE scheduled_deliveries SET deleted_at = NULL, active = true, paused_reason = NULL, "
        "next_run = coalesce(next_run, :now) WHERE id = :id AND (deleted_at IS NOT NULL OR NOT active)",
        id=own.schedule,
        now=api.world.clock(),
    )
    api.world.execute(
        "UPDATE incidents SET acknowledged_at = NULL, acknowledged_by = NULL WHERE id = :id "
        "AND acknowledged_at IS NOT NULL",
        id=own.incident,
    )
    api.world.execute(
        "UPDATE maintenance_windows SET ends_at = :end, ended_by = NULL WHERE id = :id "
        "AND ended_by IS NOT NULL",
        id=own.window,
        end=api.world.clock() + timedelta(hours=1),
    )
