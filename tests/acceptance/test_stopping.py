"""`impact-in deliver` and a signal: nothing half done, nothing held, nothing sent twice; real processes."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from dagster import DagsterRunStatus

from .test_deliver import call, told
from .test_ticks import add_run
from .world import World, day

COMMAND = (sys.executable, "-m", "impact_in_pipelines.cli.main")
COMPANIES = [f"c{n:02}" for n in range(75)]
"""More than are sent at once, even to a platform that takes its time."""


@contextmanager
def delivering(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    """`impact-in deliver` in a group of its own, as a shell would start it; killed if it still runs."""
    process = subprocess.Popen(
        [*COMMAND, "deliver", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def once_received(world: World, platform: str, process: subprocess.Popen[str]) -> None:
    """Wait until the platform has a request."""
    deadline = time.monotonic() + 90
    while not world.sandbox.stats()[platform]["received"]:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline, "nothing is sent"
        time.sleep(0.02)


def once_said(process: subprocess.Popen[str], words: str) -> str:
    """Wait until it has said these words on standard error; returns all that it has said there."""
    assert process.stderr is not None
    said = ""
    while words not in said:
        line = process.stderr.readline()
        assert line, f"it ended without them: {said}"
        said += line
    return said


def held(world: World) -> list[str]:
    """What a drain that ended in an orderly way must not leave behind."""
    rows = world.execute(
        """SELECT c.slug || ' ' || d.status AS what FROM impact_deliveries d
           JOIN companies c ON c.id = d.company_id
           WHERE d.status = 'in_progress' OR d.claimed_by IS NOT NULL OR d.lease_until IS NOT NULL
              OR d.selected_by IS NOT NULL AND d.status = 'pending'
           UNION ALL SELECT 'an open attempt' FROM delivery_attempts WHERE outcome = 'started'"""
    )
    return [row["what"] for row in rows]


@pytest.mark.parametrize(
    ("asked", "code", "dates"),
    [
        pytest.param(signal.SIGINT, 130, [], id="ctrl-c"),
        pytest.param(signal.SIGTERM, 143, [], id="sigterm", marks=pytest.mark.slow),
        pytest.param(
            *(signal.SIGINT, 130, ["--from", day(1).isoformat(), "--to", day(1).isoformat()]),
            id="ctrl-c, with dates",
            marks=pytest.mark.slow,
        ),
    ],
)
def test_one_signal_ends_the_drain_once_what_is_under_way_is_recorded(
    world: World, asked: signal.Signals, code: int, dates: list[str]
) -> None:
    """It came to the terminal's whole group; what was not sent goes out at once with the next call.

    Nothing is answered before the command has said that it stops: it can't have sent everything by then,
    however late the machine brings it the signal.
    """
    if dates:
        for slug in COMPANIES:
            world.company(slug)
    else:
        world.due(*COMPANIES)
    world.sandbox.configure(latency_ms=60_000)

    with delivering("--platform", "benevity", *dates) as process:
        once_received(world, "benevity", process)
        os.killpg(process.pid, asked)
        err = once_said(process, "Stopping")
        world.sandbox.configure(latency_ms=0)
        out, rest = process.communicate(timeout=60)
    err += rest

    assert process.returncode == code, out + err
    assert "Traceback" not in out + err
    (line,) = re.findall(r"^Stopped: .*$", err, re.MULTILINE)
    delivered, due = map(int, re.findall(r"(\d+) delivered, (\d+) remains? due", line)[0])
    assert delivered == world.sandbox.stats()["benevity"]["received"]
    assert 0 < delivered < len(COMPANIES)
    assert due == len(COMPANIES) - delivered
    assert held(world) == []
    (run,) = world.instance.get_runs()
    assert run.status is DagsterRunStatus.CANCELED

    again, platforms = told("--platform", "benevity")
    assert again == 0
    assert platforms["benevity"]["success"] == due
    assert world.arrived("benevity") == [(slug, day(1)) for slug in COMPANIES]


@pytest.mark.slow
def test_ctrl_c_before_anything_is_sent_leaves_everything_due(world: World) -> None:
    """As soon as the platform is named: Dagster's start, planning and judging come first."""
    world.due(*COMPANIES[:3])

    with delivering("--platform", "benevity") as process:
        once_said(process, "Benevity: sending")
        os.killpg(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=60)

    assert process.returncode == 130, out + err
    assert "Traceback" not in out + err
    assert held(world) == []
    again, platforms = told("--platform", "benevity")
    sent_before = world.sandbox.stats()["benevity"]["received"] - platforms["benevity"]["success"]
    assert (again, sent_before + platforms["benevity"]["success"]) == (0, 3)
    assert world.arrived("benevity") == [(slug, day(1)) for slug in COMPANIES[:3]]


def test_whoever_waits_for_a_limit_says_so_and_hears_ctrl_c(world: World) -> None:
    """One request a minute: the second day waits for it, in the command, which says for how long."""
    company = world.company("north")
    world.execute(
        "INSERT INTO platform_connections (company_id, platform, rate_limit_per_minute)"
        " VALUES (:company, 'benevity', 2)",
        company=company,
    )
    dates = ["--from", day(6).isoformat(), "--to", day(1).isoformat()]

    with delivering("--platform", "benevity", *dates) as process:
        said = once_said(process, "for the limits of their accounts")
        os.killpg(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=60)

    assert re.search(r"Benevity: [45] requests wait for .* the first for \d+ s more", said), said
    assert process.returncode == 130, out + err
    assert held(world) == []
    statuses = [row["status"] for row in world.deliveries("benevity")]
    assert statuses.count("success") == world.sandbox.stats()["benevity"]["received"]
    assert set(statuses) == {"success", "pending"}


@pytest.mark.slow
def test_it_needs_no_slot_of_a_full_queue(world: World) -> None:
    """A command executes its run itself: what the daemon has queued and running doesn't concern it."""
    world.due("north")
    for status in (DagsterRunStatus.STARTED, DagsterRunStatus.QUEUED):
        for share in ("drain:benevity", "drain:benevity", "backfill", "backfill"):
            add_run(world, "benevity", status, **{"impact_in/share": share})

    code, platforms = told("--platform", "benevity")

    assert (code, platforms["benevity"]["success"]) == (0, 1)


def test_a_second_signal_ends_at_once_and_the_log_tells_what_is_held(world: World) -> None:
    """Without waiting for the answers; their rows are told, and until when, not called "nothing due"."""
    world.due("north", "south")
    world.sandbox.configure(latency_ms=60_000)

    with delivering("--platform", "benevity") as process:
        once_received(world, "benevity", process)
        os.killpg(process.pid, signal.SIGINT)
        assert process.stderr is not None
        said = ""
        while "Ctrl-C again" not in said:
            said += process.stderr.readline()
        os.killpg(process.pid, signal.SIGINT)
        _, err = process.communicate(timeout=30)

    assert process.returncode == 130
    assert "in at most 180 s" in err
    world.sandbox.configure(latency_ms=0)
    result = call("--platform", "benevity")
    text = " ".join(result.stdout.split())
    until = max(row["lease_until"] for row in world.deliveries("benevity"))
    assert result.exit_code == 0
    assert "nothing was due" not in text
    assert "Benevity: 2 deliveries remain, held by a worker until" in text
    assert f"{until:%Y-%m-%d %H:%M:%S} UTC" in text


def test_the_days_of_a_killed_run_come_up_when_their_lease_ends(world: World) -> None:
    """Not two minutes later because a run had selected them: a lease that has ended is anybody's."""
    world.company("north")
    world.sandbox.configure(latency_ms=60_000)
    dates = ["--from", day(1).isoformat(), "--to", day(1).isoformat()]
    with delivering("--platform", "benevity", *dates) as process:
        once_received(world, "benevity", process)
        process.kill()
        process.wait()
    world.sandbox.configure(latency_ms=0)
    ended = timedelta(seconds=world.runtime.settings.lease_seconds)
    world.execute(
        "UPDATE impact_deliveries SET lease_until = lease_until - CAST(:by AS interval),"
        " next_attempt_at = next_attempt_at - CAST(:by AS interval)",
        by=ended,
    )

    assert told("--platform", "benevity")[1]["benevity"]["success"] == 1
    assert world.arrived("benevity") == [("north", day(1))]
