"""A dump of a database, and putting it back, by PostgreSQL's own programs."""

import subprocess
from pathlib import Path

from sqlalchemy import URL

from impact_in_pipelines.db.embedded.binaries import environment, installed


def dump(url: URL, to: Path) -> Path:
    """A dump of the database at `url`, as last night's backup would be."""
    _run("pg_dump", url, "--format=custom", f"--file={to}")
    return to


def restore(url: URL, dumped: Path) -> None:
    """Put the database at `url` back to what was dumped."""
    # Everything goes, also what the dump doesn't have.
    _run(
        "psql",
        url,
        "--quiet",
        "--command=SET client_min_messages = error",
        "--command=DROP SCHEMA public CASCADE; CREATE SCHEMA public",
    )
    _run("pg_restore", url, "--no-owner", "--exit-on-error", str(dumped))


def _run(program: str, url: URL, *arguments: str) -> None:
    versions = installed()
    plain = url.set(drivername="postgresql").render_as_string(hide_password=False)
    subprocess.run(
        [versions[max(versions)] / program, f"--dbname={plain}", *arguments],
        check=True,
        env=environment(),
        timeout=120,
    )
