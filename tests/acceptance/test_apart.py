"""`impact-in deliver` with much due: a process for each platform, and what Ctrl-C and a crash leave."""

import json
import os
import re
import signal
import time
from pathlib import Path

import pytest
from dagster import DagsterRunStatus

from impact_in_pipelines.cli.deliveries.apart import APART_FROM

from .test_stopping import delivering, held, once_received
from .world import World, day

PLATFORMS = ("benevity", "goodera", "workday")
COMPANIES = [f"c{n:03}" for n in range(APART_FROM // 3 + 1)]


def all_due(world: World) -> None:
    """Every company on every platform, as much as processes of their own need."""
    for slug in COMPANIES:
        company = world.company(slug, days=1)
        for platform in PLATFORMS:
            world.schedule(company, platform)


def children(parent: int) -> dict[int, str]:
    """Processes that descend from `parent`, with their command lines."""
    found: dict[int, str] = {}
    parents = {parent}
    for _ in range(3):
        for stat in Path("/proc").glob("[0-9]*/stat"):
            try:
                fields = stat.read_text().rpartition(")")[2].split()
                if int(fields[1]) in parents:
                    line = stat.with_name("cmdline").read_bytes().replace(b"\0", b" ").decode()
                    found[int(stat.parent.name)] = line
            except OSError:
                continue  # it has ended meanwhile
        parents |= found.keys()
    return found


def senders(world: World) -> dict[str, int]:
    """The process that executes each platform's run, as its tags say."""
    return {
        run.job_name.removeprefix("drain_"): int(run.tags["impact_in/process"].split("/")[1])
        for run in world.instance.get_runs()
    }


def test_each_platform_has_a_process_and_nothing_is_on_a_command_line(world: World) -> None:
    """One JSON document as ever, each delivery once, three processes, no secret to be read in `ps`."""
    all_due(world)
    with delivering("--json") as process:
        once_received(world, "benevity", process)
        lines = " ".join(children(process.pid).values())
        out, err = process.communicate(timeout=300)

    assert process.returncode == 0, out + err
    said = json.loads(out)
    assert [p["platform"] for p in said["platforms"]] == list(PLATFORMS)
    assert said["remaining"] == []
    assert said["stopped"] is None
    runs = {run.run_id: run for run in world.instance.get_runs()}
    for found in said["platforms"]:
        assert (found["success"], found["error"]) == (len(COMPANIES), None)
        assert runs[found["dagsterRunId"]].status is DagsterRunStatus.SUCCESS
    assert len(set(senders(world).values()) - {process.pid}) == 3
    assert lines
    assert os.environ["DATABASE_URL"] not in lines
    assert "postgresql" not in lines
    for platform in PLATFORMS:
        assert world.sandbox.stats()[platform]["received"] == len(COMPANIES)


def test_ctrl_c_ends_all_of_them_at_once_and_nothing_stays_held(world: World) -> None:
    """One signal to the terminal's group: each records what is under way and gives the rest back."""
    all_due(world)
    world.sandbox.configure(latency_ms=2_000)
    with delivering() as process:
        for platform in PLATFORMS:
            once_received(world, platform, process)
        os.killpg(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=120)

    assert process.returncode == 130, out + err
    assert "Traceback" not in out + err
    assert err.count("Stopping:") == 1
    (line,) = re.findall(r"^Stopped: .*$", err, re.MULTILINE)
    delivered, due = map(int, re.findall(r"(\d+) delivered, (\d+) remains? due", line)[0])
    received = sum(world.sandbox.stats()[platform]["received"] for platform in PLATFORMS)
    assert delivered == received
    assert delivered + due == 3 * len(COMPANIES)
    assert held(world) == []
    assert {run.status for run in world.instance.get_runs()} == {DagsterRunStatus.CANCELED}


@pytest.mark.slow
def test_a_second_ctrl_c_leaves_no_process_behind(world: World) -> None:
    """None goes on to record what is under way."""
    all_due(world)
    world.sandbox.configure(latency_ms=20_000)
    with delivering() as process:
        for platform in PLATFORMS:
            once_received(world, platform, process)
        others = children(process.pid)
        os.killpg(process.pid, signal.SIGINT)
        assert process.stderr is not None
        said = ""
        while "Ctrl-C again" not in said:
            said += process.stderr.readline()
        os.killpg(process.pid, signal.SIGINT)
        process.communicate(timeout=30)

    assert process.returncode == 130
    gone_soon(others)
    assert "an open attempt" in held(world)


@pytest.mark.slow
def test_a_parent_that_is_killed_stops_the_others_in_an_orderly_way(world: World) -> None:
    """Nobody would hear of what they do, or could stop them."""
    all_due(world)
    world.sandbox.configure(latency_ms=2_000)
    with delivering() as process:
        for platform in PLATFORMS:
            once_received(world, platform, process)
        others = children(process.pid)
        process.kill()
        process.wait()
        gone_soon(others)

    assert held(world) == []


@pytest.mark.slow
def test_what_a_killed_process_held_is_due_again_and_arrives_once(world: World) -> None:
    """One line says so, its run is a failed one, the other platforms are not concerned; the next call sends
    the rest without waiting for a lease to end, and what had arrived again under the same key."""
    all_due(world)
    world.sandbox.configure(latency_ms=2_000)
    with delivering("--json") as process:
        for platform in PLATFORMS:
            once_received(world, platform, process)
        os.kill(senders(world)["goodera"], signal.SIGKILL)
        world.sandbox.configure(latency_ms=0)
        out, err = process.communicate(timeout=300)

    assert process.returncode == 1, out + err
    platforms = {p["platform"]: p for p in json.loads(out)["platforms"]}
    assert platforms["goodera"]["error"] == (
        "its process was ended by SIGKILL; what it had not sent is due again"
    )
    assert platforms["benevity"]["success"] == platforms["workday"]["success"] == len(COMPANIES)
    run = world.instance.get_run_by_id(platforms["goodera"]["dagsterRunId"])
    assert run is not None
    assert run.status is DagsterRunStatus.FAILURE

    with delivering("--json") as again:
        out, err = again.communicate(timeout=300)
    assert again.returncode == 0, out + err
    assert world.arrived("goodera") == [(slug, day(1)) for slug in COMPANIES]
    assert world.sandbox.accepted("goodera")["doubled"] == []


def gone_soon(processes: dict[int, str]) -> None:
    """Wait until none of them runs."""
    deadline = time.monotonic() + 60
    while any(Path(f"/proc/{pid}/cmdline").exists() and running(pid) for pid in processes):
        assert time.monotonic() < deadline, processes
        time.sleep(0.1)


def running(pid: int) -> bool:
    """Whether it is more than an entry that nobody has fetched."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
