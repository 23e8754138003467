"""Archives of evidence, as they are exported and as somebody tampers with them."""

import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from zipfile import ZipFile

from factories import YESTERDAY, World

from impact_in_pipelines.db.accounts.companies import Company
from impact_in_pipelines.evidence import archive
from impact_in_pipelines.evidence.chain import genesis, link_hash
from impact_in_pipelines.evidence.verifying import verify
from impact_in_pipelines.services.evidence.exporting import export

FIRST = YESTERDAY - timedelta(days=2)
Files = dict[str, list[str]]


@dataclass(frozen=True)
class Exported:
    """An archive, and the world that it is of."""

    world: World
    company: Company
    path: Path

    def findings(self, files: Files) -> list[str]:
        """What is found once the archive has these lines, and sums that fit them."""
        path = self.path.with_name("tampered.zip")
        write(path, files)
        return [
            f"{one.fault.value} {one.what} in {one.file}"
            + (f": {one.detail}" if one.detail else "")
            for one in verify(path).findings
        ]

    @property
    def files(self) -> Files:
        return read(self.path)


def read(path: Path) -> Files:
    with ZipFile(path) as zipped:
        return {name: zipped.read(name).decode().splitlines() for name in zipped.namelist()}


def write(path: Path, files: Files) -> None:
    """Whoever tampers writes the sums anew: they are the easy part."""
    manifest = json.loads("\n".join(files[archive.MANIFEST]))
    with ZipFile(path, "w") as zipped:
        for name, lines in files.items():
            content = "".join(f"{line}\n" for line in lines)
            if name in manifest["files"]:
                manifest["files"][name]["sha256"] = hashlib.sha256(content.encode()).hexdigest()
            if name != archive.MANIFEST:
                zipped.writestr(name, content)
        zipped.writestr(archive.MANIFEST, json.dumps(manifest))


def write_export(world: World, company: Company, path: Path) -> Path:
    with path.open("wb") as file:
        file.writelines(export(world.runtime, company, FIRST, YESTERDAY, actor="test"))
    return path


def recorded_earlier(world: World, company: Company, most: int, at: str) -> None:
    """The company's first `most` links were recorded at `at`, and its chain holds."""
    last = genesis(company.id)
    for row in world.rows(
        "SELECT link, record FROM evidence_links WHERE company_id = :c ORDER BY link", c=company.id
    ):
        record = row["record"]
        if row["link"] <= most:
            record = re.sub(r'(?<="recorded_at": ")[^"]+', at, record)
        last = link_hash(last, record)
        world.execute(
            "UPDATE evidence_links SET record = :record, hash = decode(:hash, 'hex'), "
            "recorded_at = CAST(CAST(:record AS jsonb) ->> 'recorded_at' AS timestamptz) "
            "WHERE company_id = :c AND link = :link",
            c=company.id, link=row["link"], record=record, hash=last,
        )  # fmt: skip
    world.execute(
        "UPDATE evidence_heads SET hash = decode(:hash, 'hex') WHERE company_id = :c",
        c=company.id,
        hash=last,
    )


def changed(name: str, member: str, value: Any) -> Callable[[Files], str]:
    """Changes a member of the second row of a file; returns the row as it was."""

    def change(files: Files) -> str:
        line = files[name][1]
        row = json.loads(line)
        inner = row["payload"] if member in row.get("payload", {}) else row
        inner[member] = value
        files[name][1] = json.dumps(row)
        return line

    return change
