"""The commands of README, quick start, how-tos and guides, run in one world (`make docs-samples`).

Not a part of `make test`: what they use has its tests there.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from ports import free_port
from tools.site.samples import FOLLOWED, Shell, play

from impact_in_pipelines.sandbox.server import Sandbox, running_sandbox

DOCS = Path(__file__).parents[2] / "docs"


@dataclass(frozen=True)
class Reader:
    """Somebody who follows the pages: a folder, an environment, and the sandbox that they speak of."""

    folder: Path
    environment: Mapping[str, str]
    sandbox: Sandbox
    port: int

    def follow(self, page: str) -> list[str]:
        """What is wrong with the page; reasons for not running a block are printed."""
        text = (DOCS / page).read_text().replace("http://127.0.0.1:3999", self.sandbox.url)
        # A port of the test's own, and a server that ends with the page.
        text = text.replace("impact-in serve >", f"impact-in serve --port {self.port} >")
        text = text.replace("127.0.0.1:3007", f"127.0.0.1:{self.port}")
        shell = Shell(self.folder, self.environment)
        try:
            said = list(play(text, shell))
        finally:
            shell.close()
        print(*said, sep="\n")
        return [one for one in said if one.startswith("FAILED")]


@pytest.fixture(scope="module")
def reader() -> Iterator[Reader]:
    """An empty folder, `impact-in` on the path, nothing of ours in the environment."""
    folder = Path(tempfile.mkdtemp(prefix="ii-"))
    (folder / "bin").mkdir()
    warm = subprocess.Popen(
        [sys.executable, "-m", "tools.site.warm_cli", str(folder / "bin")],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    environment = {
        "PATH": f"{folder / 'bin'}:{Path(sys.executable).parent}:/usr/bin:/bin",
        "HOME": str(folder),
        "COLUMNS": "100",
        "TZ": "UTC",
        "LANG": "C.UTF-8",
        "PYTHONHASHSEED": "0",
        "DAGSTER_UI_URL": os.environ["DAGSTER_UI_URL"],
    }
    try:
        with running_sandbox() as sandbox:
            (folder / "work").mkdir()
            _put_what_pages_speak_of(folder)
            while not (folder / "bin/impact-in").exists():
                assert warm.poll() is None
                time.sleep(0.05)
            yield Reader(folder / "work", environment, sandbox, free_port())
    finally:
        warm.terminate()
        warm.wait(30)
        shutil.rmtree(folder, ignore_errors=True)


def _put_what_pages_speak_of(folder: Path) -> None:
    """Files that a reader has at hand, and `first-id`: the id of the first thing of a JSON list."""
    work, yesterday = folder / "work", (datetime.now(UTC) - timedelta(days=1)).date()
    (work / "key.json").write_text('{"api_key": "sandbox-benevity-key"}')
    (work / "address.txt").write_text("https://intranet.example.org/hooks/impact")
    (work / "events.csv").write_text(
        "event_id,company,occurred_at,activity,participant_ref,volunteer_ref,hours,outcome_category,outcome_score\n"
        f"s-1,solvind,{yesterday}T09:00:00+01:00,session,p-1,v-1,2,,\n"
    )
    first = folder / "bin/first-id"
    first.write_text("""#!/bin/sh\ngrep -om1 '"id": "[^"]*"' | cut -d'"' -f4\n""")
    first.chmod(0o755)


@pytest.mark.parametrize("page", FOLLOWED)
def test_the_commands_of_a_page_print_what_it_shows(reader: Reader, page: str) -> None:
    """A reader who types what stands there sees what stands there."""
    assert reader.follow(page) == []
