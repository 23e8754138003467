"""A long command shows how far it is where somebody looks on, and nowhere else."""

import os
import pty
import sys
import threading
from collections.abc import Callable

import pytest

from impact_in_pipelines.cli.progress import busy, counted, stepwise


def _in_a_terminal(monkeypatch: pytest.MonkeyPatch, work: Callable[[], None]) -> str:
    """What `work` writes to standard error, which is a terminal."""
    controller, terminal = pty.openpty()
    kept = os.dup(2)
    said = bytearray()

    def read() -> None:
        while True:
            try:
                said.extend(os.read(controller, 4096))
            except OSError:  # the other end is closed
                return

    reading = threading.Thread(target=read)
    reading.start()
    try:
        os.dup2(terminal, 2)
        with os.fdopen(os.dup(terminal), "w") as stream:
            monkeypatch.setattr(sys, "stderr", stream)
            monkeypatch.setenv("TERM", "xterm")
            work()
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(terminal)
        reading.join(30)
        os.close(controller)
    return said.decode()


def test_a_terminal_shows_how_many_are_done(monkeypatch: pytest.MonkeyPatch) -> None:
    """And is left as it was: the line is gone, the cursor is there."""
    asked = threading.Event()

    def left() -> int:
        if asked.is_set():
            raise ValueError("the database is away")  # ends the asking, not the work
        asked.set()
        return 60

    def work() -> None:
        with counted("Sending", 100, left):
            assert asked.wait(30)

    said = _in_a_terminal(monkeypatch, work)
    assert "Sending" in said
    assert "/100" in said
    assert said.rindex("\x1b[?25h") > said.rindex("\x1b[?25l")


def test_a_terminal_shows_the_steps_of_a_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """How many there are is known once the first is told."""

    def work() -> None:
        with stepwise("Writing tables") as tell:
            tell(3, 40)

    said = _in_a_terminal(monkeypatch, work)
    assert "Writing tables" in said
    assert "3/40" in said


def test_a_terminal_shows_that_it_is_busy(monkeypatch: pytest.MonkeyPatch) -> None:
    def work() -> None:
        with busy("Verifying"):
            pass

    assert "Verifying …" in _in_a_terminal(monkeypatch, work)


@pytest.mark.parametrize("quiet", [True, False])
def test_pipes_and_json_get_nothing(*, quiet: bool, capfd: pytest.CaptureFixture[str]) -> None:
    with busy("Verifying", quiet=quiet), counted("Sending", 10, lambda: 5, quiet=quiet):
        pass
    assert capfd.readouterr() == ("", "")
