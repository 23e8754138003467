"""Whether an archive is whole: every row against the record of its link, every link against the one before.

It needs the file and nothing of ours. What is found is named: a row that was changed, is missing, was added,
or stands in another place.
"""

import json
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import Any
from uuid import UUID
from zipfile import BadZipFile, ZipFile

from impact_in_pipelines.errors.retention import NotAnArchive
from impact_in_pipelines.evidence import archive
from impact_in_pipelines.evidence.chain_checks import checked_chain
from impact_in_pipelines.evidence.heads import Head
from impact_in_pipelines.evidence.reading import ArchiveReader, Chain, Fault, Finding, Verification
from impact_in_pipelines.evidence.row_checks import check_rows
from impact_in_pipelines.progress import Tell, silent

__all__ = ["Fault", "Finding", "Verification", "verify"]


def verify(
    path: Path, heads: Mapping[str, Head] | None = None, tell: Tell = silent
) -> Verification:
    """Verify the archive `path`; `heads`: what was published, by company id. `tell` is called with bytes of
    its files. Raises `NotAnArchive`."""
    with _opened(path) as zipped:
        manifest = _manifest(zipped, path)
        verdict = Verification(
            f"{manifest['company']['slug']} ({manifest['company']['id']})",
            manifest["from"],
            manifest["to"],
            manifest["chain"]["head"],
        )
        reader = ArchiveReader(zipped, manifest, verdict, tell)
        reader.check_names()
        chain = checked_chain(reader)
        check_rows(reader, chain)
        reader.check_sums()
        if heads is not None:
            _check_head(manifest, chain, heads, verdict)
        return verdict


@contextmanager
def _opened(path: Path) -> Iterator[ZipFile]:
    try:
        with ZipFile(path) as zipped:
            yield zipped
    except BadZipFile as error:
        raise NotAnArchive(path) from error


def _manifest(zipped: ZipFile, path: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(zipped.read(archive.MANIFEST))
        if found["format"] != archive.FORMAT:
            raise NotAnArchive(path)
        # What everything else relies on; a manifest without it can't be judged.
        UUID(found["company"]["id"])
        for name in ("from", "to"):
            date.fromisoformat(found[name])
        if found["kept_from"]:
            datetime.fromisoformat(found["kept_from"])
        first, last = found["chain"]["first"], found["chain"]["last"]
        if not 1 <= first <= last + 1 or not found["files"]:
            raise NotAnArchive(path)
    except (KeyError, ValueError, TypeError, BadZipFile, zlib.error) as error:
        raise NotAnArchive(path) from error
    return found


def _check_head(
    manifest: Mapping[str, Any], chain: Chain, heads: Mapping[str, Head], verdict: Verification
) -> None:
    stretch = manifest["chain"]
    head = heads.get(manifest["company"]["id"])
    if head is None:
        verdict.note(
            Fault.UNPINNED, archive.CHAIN, "the chain", "no published head names this company"
        )
        return
    known = {**chain.hashes, stretch["first"] - 1: stretch["before"]}
    what = f"link {head.links}"
    if head.links not in known:
        side = "before" if head.links < stretch["first"] else "after"
        verdict.note(
            Fault.UNPINNED, archive.CHAIN, what, f"the published head lies {side} this archive"
        )
    elif known[head.links] != head.hash:
        verdict.note(Fault.UNPINNED, archive.CHAIN, what, "the published head has another hash")
    else:
        verdict.pinned = head.links
