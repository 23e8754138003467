"""Which process is which, over machines, containers and restarts."""

import subprocess
import sys
from dataclasses import replace
from typing import Any

import pytest

from impact_in_pipelines.processes import is_alive, named, this_process


def ended() -> int:
    """The id of a process that has ended."""
    with subprocess.Popen([sys.executable, "-c", ""]) as child:
        child.wait()
        return child.pid


def test_a_name_leads_back_to_its_process() -> None:
    """Run tags and the database keep names."""
    assert named(this_process().name) == this_process()


@pytest.mark.parametrize("name", ["", "web-1", "web-1:4242", "a/b/c/d/e", "a/1/c/d/e/f"])
def test_a_name_of_another_form_is_nobodys(name: str) -> None:
    """Earlier versions wrote `host:pid`: such a run is judged like one that says nothing."""
    assert named(name) is None


def test_the_living_are_told_from_the_dead_and_from_whoever_has_their_number_now() -> None:
    """Process ids come round again."""
    here = this_process()
    assert is_alive(here)
    assert not is_alive(replace(here, pid=ended()))
    assert not is_alive(replace(here, started="1"))
    assert is_alive(replace(here, started="-"))  # where the system doesn't tell


@pytest.mark.parametrize("differs", [{"host": "web-2~0"}, {"boot": "before"}, {"space": "1"}])
def test_nobody_is_asked_about_another_machines_processes(differs: dict[str, Any]) -> None:
    """Its number here would be somebody else's."""
    with pytest.raises(ValueError, match="/"):
        is_alive(replace(this_process(), **differs))
