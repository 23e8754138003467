"""The heads of all chains, published every day where we can't write them anew: what was before is pinned."""

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from impact_in_pipelines.db.evidence.heads import current_heads, strays
from impact_in_pipelines.errors.retention import HeadsUnwritable, NoHeads
from impact_in_pipelines.evidence.chain import text_hash
from impact_in_pipelines.evidence.heads import heads_document, read_heads
from impact_in_pipelines.runtime import Runtime
from impact_in_pipelines.services.evidence.exporting import complete_chains

__all__ = ["Published", "current", "publish"]


@dataclass(frozen=True, slots=True)
class Published:
    """One publication: of how many companies, into which file (None: none), whether it was posted; how many
    links were added before. `strays`: companies, by id, whose chain no longer leads through what the newest
    file in the folder says: the log was put back, or written anew."""

    companies: int
    file: Path | None
    posted: bool
    linked: int
    strays: tuple[str, ...]


def current(runtime: Runtime) -> dict[str, Any]:
    """The document as it would be published now."""
    return heads_document(current_heads(runtime.database.engine), runtime.clock())


def publish(runtime: Runtime) -> Published:
    """Complete the chains and publish their heads, to the folder and the receiver that the settings name.

    Raises `HeadsUnwritable`, `HeadsRefused`; a file that was written by then stays, and is written again by
    the next try of the same day.
    """
    linked = complete_chains(runtime)
    now, folder = runtime.clock(), _folder(runtime)
    stray: list[str] = []
    file = None
    previous = None
    if folder is not None:
        file = folder / f"heads-{now:%Y-%m-%d}.json"
        previous = _newest(folder, but=file)
        if previous is not None:
            stray = strays(runtime.database.engine, read_heads(previous).values())
    document = current(runtime)
    if previous is not None:
        # So the files are a chain as well: none can be left out later.
        document["previous"] = {
            "file": previous.name,
            "sha256": text_hash(previous.read_text("utf-8")),
        }
    if stray:
        document["strays"] = stray
    if file is not None:
        _write(file, document, now)
    url = runtime.settings.evidence_heads_webhook_url
    if url is not None:
        from impact_in_pipelines.connectors.heads import post_heads

        post_heads(url, document, timeout_s=runtime.settings.http_read_timeout_ms / 1000)
    return Published(len(document["heads"]), file, url is not None, linked, tuple(stray))


def _folder(runtime: Runtime) -> Path | None:
    """Of a server of one's own it has to be said: a process's home may end with it, as a pod's does."""
    settings = runtime.settings
    at_home = None if settings.database_url else settings.home / "evidence"
    return settings.evidence_heads_folder or at_home


def _newest(folder: Path, *, but: Path) -> Path | None:
    """The newest readable file of another day; one that can't be read is passed over."""
    for file in sorted(folder.glob("heads-*.json"), reverse=True):
        if file.name >= but.name:
            continue
        try:
            read_heads(file)
        except NoHeads:
            continue
        return file
    return None


def _write(file: Path, document: dict[str, Any], now: datetime) -> None:
    temporary = file.with_name(f".{file.name}.{now:%H%M%S%f}")
    try:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        temporary.write_text(json.dumps(document, indent=1) + "\n", "utf-8")
        temporary.replace(file)
    except OSError as error:
        raise HeadsUnwritable(file.parent, error.strerror or type(error).__name__) from error
