"""The long proof of never twice, never lost (`make chaos`; not part of `make test`).

Three homes on one PostgreSQL, their clocks hours apart, a third of all requests going wrong in ways that
leave doubt, new deliveries and twins of old ones all the while; and a seeded hand that strikes: `chaos.trial`
has the kinds. Then calm, and the account: what was planned, what the log says, what the platforms accepted.

`CHAOS_SECONDS` is how long, `CHAOS_SEED` which hand, `CHAOS_TRIALS` how many trials with this and the
next seeds, `CHAOS_KINDS` which kinds (`kill,stall`: only these; `-restore`: all but this). A line for each
trial is printed, and a row added to build/chaos.md.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from chaos.running import Site, judge, line, made, note, run
from chaos.trial import KINDS
from dagster import DagsterInstance
from sqlalchemy import URL

from .conftest import ROOT

SECONDS = float(os.environ.get("CHAOS_SECONDS", "120"))
SEED = os.environ.get("CHAOS_SEED", "1")
TRIALS = int(os.environ.get("CHAOS_TRIALS", "1"))


def seeds() -> list[str]:
    """`CHAOS_SEED` and, for more than one trial, the numbers after it."""
    return [SEED] if TRIALS == 1 else [str(int(SEED) + n) for n in range(TRIALS)]


def chosen_kinds(text: str) -> frozenset[str]:
    """The kinds that `CHAOS_KINDS` names; raises `ValueError` for one that is unknown."""
    names = [name for name in text.split(",") if name]
    unknown = {name.removeprefix("-") for name in names} - set(KINDS)
    if unknown:
        raise ValueError(f"no kinds of chaos: {sorted(unknown)}; there are {', '.join(KINDS)}")
    only = frozenset(name for name in names if not name.startswith("-"))
    without = {name.removeprefix("-") for name in names if name.startswith("-")}
    return frozenset(only or KINDS) - without


@pytest.fixture
def site(postgres_url: URL, template: str, tmp_path: Path, dagster_home: Path) -> Iterator[Site]:
    """The server, and Dagster's instance for what `recover` ends and leaves."""
    named = ("DAGSTER_HOME", "DAGSTER_POSTGRES_URL")
    with DagsterInstance.get() as instance:
        assert str(dagster_home) == os.environ["DAGSTER_HOME"]
        there = tuple((name, os.environ[name]) for name in named)
        yield Site(postgres_url, template, tmp_path / "chaos", instance, there)


@pytest.mark.parametrize("seed", seeds())
def test_nothing_is_lost_and_nothing_arrives_twice(
    seed: str, site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    """What the log calls delivered has arrived exactly once, what it calls skipped has arrived, what arrived
    is known to the log, and every delivery that was planned has come to its end."""
    kinds = chosen_kinds(os.environ.get("CHAOS_KINDS", ""))
    with made(site, seed=seed, kinds=kinds) as trial:
        result = run(trial, SECONDS)
        note(trial, result, SECONDS, ROOT / "build" / "chaos.md")
        with capsys.disabled():
            print("", line(trial, result), *result.again, sep="\n")
        judge(result, trial)
