"""`make demo`: the whole main job, and that its verdict can fail."""

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from impact_in_pipelines.cli.demo import TROUBLES, check
from impact_in_pipelines.db.delivery_views import DeliveryViews
from impact_in_pipelines.delivery.states import DeliveryStatus
from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.sandbox.server import Sandbox

from .world import World


@pytest.mark.timeout(400)
def test_the_demo_ends_well_and_touches_nothing_else() -> None:
    """Exit code 0, every trouble told, and a user's own DATABASE_URL is not even opened."""
    with tempfile.TemporaryDirectory(prefix="ii-") as folder:
        run = subprocess.run(
            [sys.executable, "-m", "impact_in_pipelines.cli.main", "demo"],
            cwd=folder,
            env={**os.environ, "DATABASE_URL": "postgresql://nobody@127.0.0.1:1/nothing"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert run.returncode == 0, run.stdout + run.stderr
        assert (Path(folder) / ".impact-in" / "demo").is_dir()
    text = re.sub(r"\s+", " ", run.stdout)
    for trouble in TROUBLES:
        if trouble.ends is DeliveryStatus.FAILED:
            assert trouble.slug in text
    assert "accepted exactly the 15 deliveries" in text


def test_the_verdict_sees_what_the_log_claims_and_nobody_accepted(
    world: World, sandbox: Sandbox
) -> None:
    """A success that the sandbox knows nothing of, and an arrival that the log knows nothing of."""
    world.due("north", "south")
    assert world.run("benevity").success
    rows = DeliveryViews(world.runtime.database.engine).listed(limit=10)
    plan = {f"{t.slug} to {t.platform}" for t in TROUBLES}

    def problems(log: list[object]) -> list[str]:
        found = check(log, sandbox)  # type: ignore[arg-type]
        return [text for text in found if not any(text.startswith(pair) for pair in plan)]

    assert problems(list(rows)) == []
    assert "accepted more than once" in problems(list(rows[:1]))[0]
    sandbox.client.reset()
    assert [text.split(": ")[0] for text in problems(list(rows))] == [Platform.BENEVITY.value] * 2
