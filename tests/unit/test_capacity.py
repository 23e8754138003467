"""The calculator of docs/capacity.md: what it reads, and that its walls stand where its figures say."""

import json
import math
import re
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.capacity import IDLE_PARTS, RESULTS, Figures, Plan, needed, read_results

ROOT = Path(__file__).parents[2]
FIGURES = Figures(
    cpu_ms=2.0, postgres_cpu_ms=1.0, a_second=100.0, memory_mb=400, bytes_a_delivery=5_000
)


def wall(plan: Plan, what: str) -> int:
    """Where the wall of that name stands."""
    (found,) = [one for one in needed(plan, FIGURES).walls if what in one.what]
    return found.companies


def test_what_is_needed_follows_from_what_is_due_at_once() -> None:
    """30,000 at midnight within 300 s: 60 core-seconds of drains are a fifth of a core, and one process that
    does 100 a second just makes it; a tenth of them at once needs a tenth."""
    midnight = needed(Plan(companies=10_000), FIGURES)
    spread = needed(Plan(companies=10_000, at_once=0.1), FIGURES)

    assert midnight.due_at_once == 30_000
    assert midnight.drain_cores == pytest.approx(0.2)
    assert midnight.postgres_cores == pytest.approx(0.1)
    assert midnight.drain_processes == 1
    assert needed(Plan(companies=10_001), FIGURES).drain_processes == 2
    assert spread.due_at_once == 3_000
    assert spread.drain_cores == pytest.approx(0.02)
    assert spread.deliveries_a_day == midnight.deliveries_a_day


def test_walls_stand_where_what_is_needed_meets_what_there_is() -> None:
    """At each wall exactly its resource is used up; the next one comes first."""
    plan = Plan(companies=100, postgres_cores=1.0, shared={"workday": 30})

    assert wall(plan, "cells") * plan.partition_days == FIGURES.cells
    assert wall(plan, "workday") == math.floor(30 * 5 * 0.95)
    at = needed(Plan(companies=wall(plan, "PostgreSQL"), postgres_cores=1.0), FIGURES)
    assert at.postgres_cores == pytest.approx(1.0)
    process = Plan(companies=wall(plan, "process"))
    assert needed(process, FIGURES).due_at_once == 3 * 100 * 300
    walls = needed(plan, FIGURES).walls
    assert [one.companies for one in walls] == sorted(one.companies for one in walls)


def test_a_million_deliveries_cost_their_processor_and_their_disk() -> None:
    """3 ms each are 0.83 core-hours, 5 GB are kept for a month."""
    plan = Plan(companies=100, keep_days=30)

    found = needed(plan, FIGURES)

    assert found.per_million == pytest.approx(0.83333 * 0.04 + 5 * 0.12 * 30 / 30.4, rel=1e-3)


def results(**figures: float) -> str:
    """`results.json` with these figures of the spike, as `make bench` writes them."""
    measured = {name: {"value": value, "unit": "ms"} for name, value in figures.items()}
    return json.dumps({"spike": {"commit": "abc", "ratios": {}, "figures": measured}})


def test_results_are_read_whatever_part_of_them_is_there(tmp_path: Path) -> None:
    """No file, no JSON, another shape, one figure of four: the rest is NOTES.md's."""
    path = tmp_path / "results.json"
    assert read_results(path) == (Figures(), ())
    for text in (
        "not JSON",
        "[]",
        "3",
        '{"spike": "fast"}',
        '{"spike": {"figures": {"CPU a delivery, ours": 3}}}',
        results(**{"CPU a delivery, ours": 0.0}),
    ):
        path.write_text(text)
        assert read_results(path) == (Figures(), ())

    path.write_text(results(**{"CPU a delivery, ours": 1.5, "most memory of a process": 300}))
    figures, measured = read_results(path)

    assert (figures.cpu_ms, figures.memory_mb) == (1.5, 300)
    assert figures.postgres_cpu_ms == Figures().postgres_cpu_ms
    assert measured == ("cpu_ms", "memory_mb")


def test_what_is_recorded_is_what_is_read() -> None:
    """The calculator's names are those by which benchmarks record: the repository's file has the spike's."""
    _, measured = read_results()

    assert {"cpu_ms", "postgres_cpu_ms", "memory_mb"} <= set(measured)


def test_what_stands_idle_counts_only_if_every_part_was_measured(tmp_path: Path) -> None:
    """A sum without PostgreSQL would look like a saving."""
    path = tmp_path / "results.json"
    figures = {f"{part}, cores": {"value": 0.02} for part in IDLE_PARTS}
    figures |= {f"{part}, memory_mb": {"value": 200} for part in IDLE_PARTS}
    path.write_text(json.dumps({"footprint": {"figures": figures}}))
    whole, _ = read_results(path)
    del figures["postgres, cores"]
    path.write_text(json.dumps({"footprint": {"figures": figures}}))
    partly, _ = read_results(path)

    assert whole.idle_cores == pytest.approx(0.1)
    assert whole.idle_memory_mb == 1_000
    assert partly.idle_cores == Figures().idle_cores


def test_the_command_answers_for_people_and_for_programs(tmp_path: Path) -> None:
    """As docs/capacity.md says."""
    command = [sys.executable, "-m", "benchmarks", "capacity", "--companies", "2000"]
    command += ["--shared", "workday=30", "--results", str(tmp_path / "none.json")]

    told = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT).stdout
    document = json.loads(
        subprocess.run(
            [*command, "--json"], capture_output=True, text=True, check=True, cwd=ROOT
        ).stdout.partition("\n")[2]
    )

    assert "2,000 companies, figures from NOTES.md" in told
    assert "PASSED: workday's 30 requests a minute" in told
    assert document["deliveries_a_day"] == 6_000


def numbers(text: str) -> list[float]:
    """Every number in `text`, in order."""
    return [float(found.replace(",", "")) for found in re.findall(r"\d[\d,]*(?:\.\d+)?", text)]


def documented() -> str:
    return (ROOT / "docs" / "capacity.md").read_text("utf-8")


ABOUT = 0.15
"""Two runs of a benchmark may differ by so much; what differs by more is written anew."""


@pytest.fixture
def recorded(tmp_path: Path) -> Path:
    """The measurements that the page was written from: those that were committed with it, since `make bench`
    on any other machine replaces the file. Of a page that is being rewritten: the file as it is now."""

    def git(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["git", *words], capture_output=True, text=True, check=False, cwd=ROOT
        )

    try:
        committed = git("show", "HEAD:./benchmarks/results.json")
    except FileNotFoundError:
        pytest.skip("no git, which has the measurements that the page was written from")
    if committed.returncode != 0:
        pytest.skip("no history, which has the measurements that the page was written from")
    if git("diff", "--quiet", "HEAD", "--", "docs/capacity.md").returncode != 0:
        return RESULTS
    path = tmp_path / "results.json"
    path.write_text(committed.stdout, "utf-8")
    return path


def test_the_page_shows_what_the_calculator_answers(recorded: Path) -> None:
    """Word by word; numbers may be those of a run a little before."""
    (shown,) = re.findall(
        r"<!-- told by the calculator: .*? -->\n```text\n(.*?)\n```", documented(), re.DOTALL
    )
    command = [sys.executable, "-m", "benchmarks", "capacity", "--companies", "2000"]
    command += ["--results", str(recorded)]
    answer = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT).stdout
    told = answer.partition("\n")[2].rstrip()

    assert re.sub(r"[\d,.]+", "#", shown) == re.sub(r"[\d,.]+", "#", told)
    assert numbers(shown) == pytest.approx(numbers(told), rel=ABOUT)


def test_the_page_has_the_figures_that_were_measured(recorded: Path) -> None:
    """Those of the spike and of one drain, in the table and in what a million costs."""
    figures, _ = read_results(recorded)
    both, each_second = figures.cpu_ms + figures.postgres_cpu_ms, 300 / 3
    rows = {
        "| one core for drains |": [figures.cpu_ms, 1000 * each_second / figures.cpu_ms],
        "| one core for PostgreSQL |": [
            figures.postgres_cpu_ms,
            1000 * each_second / figures.postgres_cpu_ms,
        ],
        "| one core for both |": [both, 1000 * each_second / both],
        "| two cores that do all of it": [figures.a_second],
        "| a process for each platform": [figures.a_second, 3 * figures.a_second * each_second],
        "| memory of a drain's process |": [figures.memory_mb],
        "| one drain's process |": [figures.a_second],
        "| PostgreSQL | 1": [1000 / figures.postgres_cpu_ms],
        "A million deliveries take": [1000 * both, both / 3.6],
    }
    for row, wanted in rows.items():
        (line,) = [one for one in documented().splitlines() if one.startswith(row)]
        found = numbers(line)[: len(wanted)]
        assert found == pytest.approx(wanted, rel=ABOUT), line
