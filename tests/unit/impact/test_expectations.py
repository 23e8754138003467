"""What using Great Expectations must not do; `test_judges_agree` says what it finds."""

import socket
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from test_gate import EMPTY, GOOD, NOW

from impact_in_pipelines.impact.columns import records
from impact_in_pipelines.impact.expectations import evaluate, judge, to_frame


def test_the_frame_has_the_documented_types() -> None:
    """Also where every value of a column is absent."""
    types = to_frame(records([EMPTY], NOW)).dtypes
    assert all(types[name] == "int64" for name in ("row", "events", "missing_refs"))
    assert all(types[name] == "object" for name in ("company_id", "timezone"))
    assert all(
        types[name] == "float64" for name in ("lowest_hours", "share_of_usual", "language_maximum")
    )


def test_threads_get_each_their_own_verdict() -> None:
    """Great Expectations mixes up what two threads validate at once; we let one in at a time."""
    found: dict[int, set[int]] = {}

    def run(number: int) -> None:
        bad = [replace(GOOD, sessions=-1, ref=f"{number}-{n}") for n in range(number)]
        found[number] = set(judge([GOOD, *bad], NOW).failures)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {number: set(range(1, number + 1)) for number in range(6)}


def test_judging_writes_no_file_and_shows_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """No project folder, no progress bar."""
    monkeypatch.chdir(tmp_path)
    evaluate([GOOD], NOW)
    assert list(tmp_path.iterdir()) == []
    assert capfd.readouterr() == ("", "")


def test_judging_opens_no_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    """No telemetry and no look for a newer version."""
    opened: list[object] = []
    connect: Callable[..., None] = lambda _self, address: opened.append(address)  # noqa: E731
    monkeypatch.setattr(socket.socket, "connect", connect)
    evaluate([GOOD], NOW)
    assert opened == []
