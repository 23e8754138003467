"""Published heads pin the past; and the page that says how to verify by hand."""

import hashlib
import json
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, ClassVar
from zipfile import ZipFile

import pytest
from pydantic import SecretStr
from typer import Exit

from impact_in_pipelines.cli.evidence.commands import verify as command
from impact_in_pipelines.errors.retention import HeadsRefused
from impact_in_pipelines.evidence import archive
from impact_in_pipelines.evidence.verifying import verify
from impact_in_pipelines.services.evidence.publishing import publish
from impact_in_pipelines.wording import sentence

from .archives import Exported, changed

DOCS = Path(__file__).parents[3] / "docs" / "evidence.md"


def test_heads_are_published_each_day_and_a_log_that_was_put_back_is_noticed(
    exported: Exported, tmp_path: Path
) -> None:
    """Each file names the one before it; what was published stays true, or the next publication says so."""
    world = exported.world
    runtime = world.runtime
    runtime.settings = runtime.settings.model_copy(update={"evidence_heads_folder": tmp_path / "h"})
    first = publish(runtime)
    assert first.strays == ()
    assert first.file
    world.clock.advance(timedelta(days=1))
    second = publish(runtime)
    assert second.strays == ()
    assert second.file
    named = json.loads(second.file.read_text())["previous"]
    assert named["file"] == first.file.name
    assert named["sha256"] == hashlib.sha256(first.file.read_bytes()).hexdigest()
    # An evening is lost: the last link is not there any more, and another one takes its number.
    company = exported.company.id
    world.execute("DELETE FROM evidence_links WHERE company_id = :c AND link = 9", c=company)
    world.execute(
        "UPDATE evidence_heads SET links = 8, hash = (SELECT hash FROM evidence_links "
        "WHERE company_id = :c AND link = 8) WHERE company_id = :c",
        c=company,
    )
    world.clock.advance(timedelta(days=1))
    assert publish(runtime).strays == (str(company),)


class Receiver(BaseHTTPRequestHandler):
    """Takes what is posted, or refuses it."""

    taken: ClassVar[list[Any]] = []
    answer = 200

    def do_POST(self) -> None:
        length = int(self.headers["Content-Length"])
        self.taken.append(json.loads(self.rfile.read(length)))
        self.send_response(self.answer)
        self.end_headers()

    def log_message(self, *_: object) -> None: ...


def test_heads_are_posted_and_a_receiver_that_refuses_is_an_error_without_its_address(
    exported: Exported, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The address may hold a secret."""
    runtime = exported.world.runtime
    with ThreadingHTTPServer(("127.0.0.1", 0), Receiver) as server:
        Thread(target=server.serve_forever, args=[0.02], daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/secret"
        runtime.settings = runtime.settings.model_copy(
            update={
                "evidence_heads_folder": tmp_path / "h",
                "evidence_heads_webhook_url": SecretStr(url),
            }
        )
        done = publish(runtime)
        assert done.posted
        assert done.file
        assert Receiver.taken == [json.loads(done.file.read_text())]
        monkeypatch.setattr(Receiver, "answer", 503)
        with pytest.raises(HeadsRefused) as caught:
            publish(runtime)
        server.shutdown()
    assert sentence(caught.value).endswith("HTTP 503")
    with pytest.raises(HeadsRefused) as caught:
        publish(runtime)
    assert "secret" not in sentence(caught.value)


def test_an_archive_is_written_in_pieces() -> None:
    """What is in memory doesn't grow with the span: each piece is small, whatever is written."""
    writer = archive.ArchiveWriter(datetime(2026, 3, 10, tzinfo=UTC))
    # Nothing that could be packed well.
    rows = (hashlib.sha512(str(n).encode()).hexdigest() for n in range(20_000))
    pieces = [len(piece) for piece in writer.add("rows", rows)]
    assert len(pieces) > 10
    assert max(pieces) < 1 << 18


def test_the_page_says_how_to_verify_by_hand(exported: Exported) -> None:
    """The reader's own twenty lines and `sha256sum`, as docs/evidence.md has them, find what we find."""
    blocks = re.findall(r"```(\w+)\n(.*?)```", DOCS.read_text(), re.DOTALL)
    (program,) = [code for language, code in blocks if language == "python"]
    (shell,) = [code for language, code in blocks if language == "sh" and "sha256sum" in code]
    assert len([line for line in program.splitlines() if line.strip()]) <= 20
    script = exported.path.with_name("check.py")
    script.write_text(program)

    def run(path: Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-I", str(script), str(path)],
            capture_output=True, text=True, check=False,
        )  # fmt: skip

    good = run(exported.path)
    assert (good.returncode, good.stderr) == (0, "")
    assert verify(exported.path).head in good.stdout
    files = exported.files
    changed(archive.PAYLOADS, "organizationId", "another")(files)
    exported.findings(files)
    bad = run(exported.path.with_name("tampered.zip"))
    assert bad.returncode == 1
    folder = exported.path.parent / "by-hand"
    with ZipFile(exported.path) as zipped:
        zipped.extractall(folder)
    done = subprocess.run(
        ["bash", "-ec", shell.split("cd ", 1)[1].split("\n", 1)[1]],
        cwd=folder, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "chain.txt: OK" in done.stdout


def test_the_command_names_what_it_finds_and_ends_with_1(
    exported: Exported, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without a database: the archive alone."""
    command(exported.path, head=None, as_json=False)
    assert "It holds. Nothing published was compared." in capsys.readouterr().out
    files = exported.files
    row = json.loads(changed(archive.PAYLOADS, "organizationId", "another")(files))
    exported.findings(files)
    with pytest.raises(Exit) as left:
        command(exported.path.with_name("tampered.zip"), head=None, as_json=False)
    assert left.value.exit_code == 1
    said = capsys.readouterr().out
    assert f"changed: delivery {row['delivery']} in payloads.jsonl (payload)" in said
    assert "It doesn't hold: 1 changed." in said
