"""What benchmarks record, and the page that plots it over commits."""

import json
import subprocess
import xml.etree.ElementTree as ET
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from benchmarks import __main__ as command
from benchmarks import _page, _results

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)


def git(folder: Path, *arguments: str) -> str:
    """What git says there, in the name of somebody."""
    who = ["-c", "user.name=a", "-c", "user.email=a@example.com"]
    done = subprocess.run(
        ["git", "-C", str(folder), *who, *arguments], capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with one file, committed."""
    git(tmp_path, "init", "-q")
    (tmp_path / "code.py").write_text("1\n")
    commit_all(tmp_path)
    return tmp_path


def commit_all(repository: Path) -> str:
    git(repository, "add", "-A")
    git(repository, "commit", "-qm", "more")
    return git(repository, "rev-parse", "HEAD")


def recorded(repository: Path, benchmark: str, *, day: int = 1, **ratios: float) -> dict[str, Any]:
    """Record these ratios; the whole file then."""
    for name, value in ratios.items():
        _results.ratio(name, value)
    path = repository / "results.json"
    _results.write(benchmark, _results.taken(), path=path, now=NOW.replace(day=day))
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def test_a_measurement_takes_the_place_of_its_benchmarks_last(repository: Path) -> None:
    """With the commit that was measured; the other benchmarks' stay."""
    head = git(repository, "rev-parse", "HEAD")
    recorded(repository, "spike", bare=0.5)
    _results.figure("in all", 12.34567, "s")
    found = recorded(repository, "deliver", bare=1 / 3)
    assert list(found) == ["deliver", "spike"]
    assert found["deliver"] | {"cores": 2} == {
        "commit": head,
        "date": "2026-05-01T12:00:00+00:00",
        "cores": 2,
        "ratios": {"bare": 0.3333},
        "figures": {"in all": {"value": 12.35, "unit": "s"}},
    }
    assert recorded(repository, "deliver", bare=0.25)["deliver"]["ratios"] == {"bare": 0.25}


def test_changes_that_are_not_committed_are_marked(repository: Path) -> None:
    """The results themselves are none: one `make bench` records many benchmarks."""
    recorded(repository, "spike", bare=0.5)
    head = commit_all(repository)
    assert recorded(repository, "spike", bare=0.6)["spike"]["commit"] == head
    assert recorded(repository, "spike", bare=0.7)["spike"]["commit"] == head
    (repository / "code.py").write_text("2\n")
    assert recorded(repository, "spike", bare=0.8)["spike"]["commit"] == f"{head}+"


def test_a_benchmark_that_notes_nothing_writes_nothing(repository: Path) -> None:
    """It leaves its last measurement."""
    recorded(repository, "spike", bare=0.5)
    assert recorded(repository, "spike")["spike"]["ratios"] == {"bare": 0.5}


def test_what_is_no_number_is_not_recorded(repository: Path) -> None:
    """JSON has no NaN."""
    with pytest.raises(ValueError, match="not JSON compliant"):
        recorded(repository, "spike", bare=float("nan"))
    assert not (repository / "results.json").exists()


def test_the_series_are_read_from_the_files_history(repository: Path) -> None:
    """Each measurement once, the oldest first, however often it was committed; also what isn't yet."""
    first = git(repository, "rev-parse", "HEAD")
    recorded(repository, "spike", day=1, bare=0.5)
    second = commit_all(repository)
    recorded(repository, "deliver", day=2, bare=0.9)
    third = commit_all(repository)
    recorded(repository, "spike", day=3, bare=0.75)
    (repository / "results.json").rename(repository / "kept")
    commit_all(repository)
    (repository / "kept").rename(repository / "results.json")

    found = _page.series(repository / "results.json")

    assert {key: [(p.commit, p.value) for p in points] for key, points in found.items()} == {
        ("deliver", "bare"): [(second, 0.9)],
        ("spike", "bare"): [(first, 0.5), (third, 0.75)],
    }


def test_the_page_needs_nothing_from_elsewhere_and_escapes(repository: Path) -> None:
    """One file: no script, no address; what was recorded is text."""
    for day, value in enumerate((0.5, 2.0), start=1):
        recorded(repository, "spike", day=day, **{'<script>"&': value})
        commit_all(repository)
    page = repository / "build" / "page.html"

    _page.main(page, repository / "results.json")

    html = page.read_text()
    assert "<script" not in html
    assert not any(word in html for word in ("http", "src=", "href=", "url(", "@import"))
    (chart,) = (part.partition("</svg>")[0] + "</svg>" for part in html.split("<svg")[1:])
    svg = ET.fromstring("<svg" + chart)
    assert svg.get("aria-label") == 'spike: <script>"&, newest 2'
    line = svg.find("polyline")
    assert line is not None
    places = [tuple(map(float, each.split(","))) for each in line.get("points", "").split()]
    # To the right with time, up with the value, inside of the picture.
    assert places[0][0] < places[1][0] < 640
    assert 0 < places[1][1] < places[0][1] < 180


def test_nothing_recorded_is_a_page_too(tmp_path: Path) -> None:
    """Outside of a repository as well."""
    assert "make bench" in _page.rendered(_page.series(tmp_path / "results.json"))


def test_only_a_recording_run_writes(
    repository: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`python -m benchmarks NAME` measures and prints; `--record` keeps it."""
    written: list[tuple[str, Any]] = []
    monkeypatch.setattr(_results, "write", lambda *measured: written.append(measured))
    monkeypatch.setattr("benchmarks.limits.main", lambda: _results.ratio("used", 0.9))
    command.main(["limits"])
    assert written == []
    command.main(["--record", "limits"])
    assert written == [("limits", {"ratios": {"used": 0.9}, "figures": {}})]
    with pytest.raises(SystemExit, match=r"no benchmark nonsense; there are: .*spike"):
        command.main(["nonsense"])
    assert capsys.readouterr().out == "== limits\n" * 2


def test_results_of_another_size_stand_beside_the_usual_ones() -> None:
    """What a benchmark says of ten million rows is no newer measurement of a million."""
    _results.of_size("10,000 companies")
    assert _results.named("sla") == "sla, 10,000 companies"
    assert _results.named("sla") == "sla"
