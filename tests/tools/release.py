"""Checks whether a version can be released, dates its changelog entry and tags it (`make release`)."""

import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).parents[2]
VERSION = re.compile(r"\d+\.\d+\.\d+")


def refuse(why: str) -> None:
    """Print why nothing was released and leave with 2."""
    sys.stderr.write(f"not released: {why}\n")
    sys.exit(2)


def git(*arguments: str) -> str:
    """What git prints. Raises `CalledProcessError`."""
    command = ["git", *arguments]
    return subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout


def dated(changelog: str, version: str, before: str | None, today: str) -> str:
    """The changelog with *Unreleased* as `version` of `today` (YYYY-MM-DD), and its compare links.

    The links are relative to the page that a forge shows the file on, so they hold wherever it is hosted.
    """
    entry = f"## [Unreleased]\n\n## [{version}] - {today}"
    text = changelog.replace("## [Unreleased]", entry, 1)
    since = f"../../compare/v{before}...v{version}" if before else f"../../releases/tag/v{version}"
    links = f"[Unreleased]: ../../compare/v{version}...HEAD\n[{version}]: {since}\n"
    return re.sub(r"^\[Unreleased\]: .*\n", links, text, count=1, flags=re.MULTILINE)


def main() -> None:
    """Refuse, or run the checks, commit the dated changelog and tag it `vX.Y.Z`."""
    version = sys.argv[1] if len(sys.argv) > 1 else ""
    if not VERSION.fullmatch(version):
        refuse(f"VERSION must be three numbers such as 1.2.3; it was {version!r}")
    source = (ROOT / "impact_in_pipelines/__init__.py").read_text("utf-8")
    if f'__version__ = "{version}"' not in source:
        refuse(f"impact_in_pipelines/__init__.py has another version than {version}")
    if git("status", "--porcelain").strip():
        refuse("there are changes that are not committed")
    tags = git("tag", "--list", "v*", "--sort=-v:refname").split()
    if f"v{version}" in tags:
        refuse(f"v{version} exists already")
    path = ROOT / "CHANGELOG.md"
    text = path.read_text("utf-8")
    if not re.search(r"^## \[Unreleased\]\n+###", text, re.MULTILINE):
        refuse("CHANGELOG.md has nothing under [Unreleased]")
    subprocess.run([ROOT / ".ci/run"], check=True)
    before = tags[0].removeprefix("v") if tags else None
    path.write_text(dated(text, version, before, f"{datetime.now(UTC):%Y-%m-%d}"), "utf-8")
    git("commit", "-am", f"Release {version}")
    git("tag", "-a", f"v{version}", "-m", f"Impact-In Pipelines {version}")
    sys.stdout.write(f"Tagged v{version}. Publish with: git push --follow-tags\n")


if __name__ == "__main__":
    main()
