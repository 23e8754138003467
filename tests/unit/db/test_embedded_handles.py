"""Whose handle on an embedded server still counts."""

import json
import os
import subprocess
import sys
from pathlib import Path

from impact_in_pipelines.db.embedded.handles import purge_handles, started, still_alive


class Listed:
    """The wheel's list, in memory."""

    def __init__(self, *ids: int) -> None:
        self.ids = list(ids)

    def _get(self) -> list[int]:
        return list(self.ids)

    def put(self, values: list[int]) -> None:
        self.ids = list(values)


def ended() -> int:
    with subprocess.Popen([sys.executable, "-c", ""]) as child:
        child.wait()
        return child.pid


def test_a_process_that_has_ended_loses_its_handle(tmp_path: Path) -> None:
    """And those that run keep theirs, with their start noted beside the list."""
    listed = Listed(ended(), os.getpid())

    assert purge_handles(tmp_path, listed) == [os.getpid()]

    assert listed.ids == [os.getpid()]
    noted = json.loads((tmp_path / ".handle_starts.json").read_text("utf-8"))
    assert noted == {str(os.getpid()): started(os.getpid())}


def test_an_id_that_another_program_has_now_is_not_the_one_that_was_noted() -> None:
    """Ids come round again: the start tells them apart."""
    me = os.getpid()

    assert still_alive([me], {me: "another start"}) == {}
    assert still_alive([me], {me: started(me) or ""}) == {me: started(me)}


def test_a_process_of_which_nothing_is_noted_keeps_its_handle() -> None:
    """An older version wrote no starts; taking the server from under it would be worse than keeping it."""
    assert still_alive([os.getpid()], {}) == {os.getpid(): started(os.getpid())}


def test_what_is_left_of_a_process_that_nobody_waited_for_does_not_count() -> None:
    """A zombie has an id, and will never give its handle back."""
    with subprocess.Popen([sys.executable, "-c", ""], stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        child.stdout.read()  # the end of its output comes with its own, or just before
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert started(child.pid) is None


def test_notes_that_are_unreadable_are_no_notes(tmp_path: Path) -> None:
    """Half a file must not take anybody's handle."""
    (tmp_path / ".handle_starts.json").write_text("{", "utf-8")
    listed = Listed(os.getpid())

    assert purge_handles(tmp_path, listed) == [os.getpid()]
