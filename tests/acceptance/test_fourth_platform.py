"""A platform that the core has never heard of: the example's package, installed and used at every door."""

import json
import os
import shutil
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet
from factories import copied_database
from sqlalchemy import URL
from standardwebhooks import Webhook

from .conftest import ROOT, make_dagster_home
from .fourth_process import SECRET, WEBHOOK
from .world import day


@dataclass(frozen=True)
class Message:
    """What the receiver has got, and verified."""

    path: str
    id: str
    key: str
    content: dict[str, Any]


@dataclass(frozen=True)
class Fourth:
    """What the process said, and what arrived at the receiver."""

    said: dict[str, Any]
    received: list[Message]

    def at(self, path: str) -> list[Message]:
        """The messages for one company's endpoint."""
        return [one for one in self.received if one.path == path]

    def log(self, slug: str) -> list[dict[str, Any]]:
        """A company's deliveries."""
        return [row for row in self.said["log"] if row["slug"] == slug]


@contextmanager
def receiving() -> Iterator[tuple[str, list[Message]]]:
    """A receiver as a customer would write it: it verifies with the library of Standard Webhooks. `/busy`
    answers 503 at first, `/shut` 401 always."""
    received: list[Message] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            content = Webhook(SECRET).verify(body, dict(self.headers.items()))
            received.append(
                Message(
                    self.path, self.headers["webhook-id"], self.headers["idempotency-key"], content
                )
            )
            before = [one for one in received if one.path == self.path]
            status = 401 if self.path.endswith("/shut") else 204
            if self.path.endswith("/busy") and len(before) == 1:
                status = 503
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=[0.02], daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/in", received
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder into which pip has installed the example."""
    folder = tmp_path_factory.mktemp("fourth")
    source = shutil.copytree(ROOT / "examples/webhook-connector", folder / "source")
    subprocess.run(
        [
            *(sys.executable, "-m", "pip", "install", "--quiet", "--no-deps"),
            *("--no-build-isolation", "--no-index", "--disable-pip-version-check"),
            *("--target", str(folder / "site"), str(source)),
        ],
        check=True,
        timeout=240,
    )
    return folder / "site"


@pytest.fixture(scope="module")
def fourth(
    postgres_url: URL,
    template: str,
    dagster_template: str,
    installed: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Fourth]:
    """The process that has it, run once: every test here looks at what came of it."""
    folder = tmp_path_factory.mktemp("world")
    with (
        copied_database(postgres_url, template) as url,
        copied_database(postgres_url, dagster_template) as dagster_url,
        receiving() as (address, received),
    ):
        environment = {
            "DATABASE_URL": url.render_as_string(hide_password=False),
            "DAGSTER_POSTGRES_URL": dagster_url.render_as_string(hide_password=False),
            "DAGSTER_HOME": str(make_dagster_home(folder)),
            "IMPACT_IN_HOME": str(folder / "impact-in"),
            "IMPACT_IN_SECRET_KEY": Fernet.generate_key().decode(),
            "IMPACT_IN_JWT_SECRET": "a secret for tests that is long enough",
            "IMPACT_IN_ALLOWED_HOSTS": "127.0.0.0/8",
            "DRAIN_LINGER_SECONDS": "0",
            "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests"), str(installed)]),
        }
        done = subprocess.run(
            [sys.executable, "-m", "acceptance.fourth_process", address],
            capture_output=True,
            text=True,
            timeout=240,
            cwd=folder,
            env={**os.environ, **environment},
        )
        assert done.returncode == 0, done.stderr[-8000:]
        yield Fourth(json.loads(done.stdout.splitlines()[-1]), received)


def test_it_is_one_more_beside_the_three(fourth: Fourth) -> None:
    """Ours come first, and none is disturbed."""
    assert fourth.said["platforms"] == ["benevity", "goodera", "workday", WEBHOOK]
    assert fourth.said["problems"] == []
    assert fourth.said["doctor"] == ["CONNECTORS_WORK"]
    assert len(fourth.said["contract"]) >= 7


def test_dagster_has_its_assets_its_drain_and_its_schedule(fourth: Fourth) -> None:
    """Named like those of the three."""
    assert {
        "webhook_export",
        "webhook_figures",
        "drain_webhook",
        "deliver_to_webhook",
    } <= set(fourth.said["definitions"])


def test_a_person_sets_it_up_in_the_cockpit(fourth: Fourth) -> None:
    """The form asks for its credential, unseen, and for its options; what was typed as a secret never comes
    back."""
    assert fourth.said["form"] == [["Signing secret", "password"]]
    assert fourth.said["options"] == ["programId", "programName"]
    assert fourth.said["saved"] == [200, True, False]


def test_the_api_and_the_terminal_know_it(fourth: Fourth) -> None:
    """The API takes it, lists it in its document, and names it where somebody asks for another."""
    assert fourth.said["made"] == [201, WEBHOOK]
    assert fourth.said["document"]
    status, told = fourth.said["refused"]
    assert status == 422
    assert "'webhook'" in told
    (shown,) = fourth.said["cli"]
    assert (shown["platform"], shown["lacks"]) == (WEBHOOK, [])
    assert shown["credentialNames"] == ["signing_secret"]
    assert shown["options"] == {"programName": "Deeds"}


def test_what_is_due_arrives_once_signed_under_its_key(fourth: Fourth) -> None:
    """The receiver has verified each message; a second drain sends nothing."""
    first, corrected = fourth.at("/in")
    delivery, correction = fourth.log("north")

    assert first.key == delivery["idempotency_key"]
    assert first.id == f"msg_{first.key.replace('-', '')}"
    assert first.content["type"] == "impact.reported"
    assert first.content["data"]["reportingPeriod"]["endDate"] == str(day(1))
    assert first.content["data"]["participants"] == 3
    assert delivery["status"] == "success"
    assert delivery["transaction_id"] == first.key
    assert fourth.said["again"]["platforms"][0]["success"] == 0
    assert ["north", str(day(1))] in fourth.said["cells"]
    assert correction["correction"] == 1
    assert corrected.content["data"]["version"] == "1.1"
    assert corrected.content["data"]["participants"] == 2


def test_a_503_is_tried_again_with_the_same_message(fourth: Fourth) -> None:
    """By the connector's own plan, unless the operator has another."""
    assert fourth.said["retries"] == [[60_000, 300_000, 1_800_000], [1_000]]
    (delivery,) = fourth.log("busy")

    assert (delivery["status"], delivery["attempt_count"]) == ("success", 2)
    assert Counter(one.id for one in fourth.at("/in/busy")).most_common(1)[0][1] == 2
    assert len({json.dumps(one.content) for one in fourth.at("/in/busy")}) == 1


def test_a_401_is_final(fourth: Fourth) -> None:
    """Nobody knocks again with a secret that is refused."""
    (delivery,) = fourth.log("shut")

    assert (delivery["status"], delivery["error_kind"]) == ("failed", "authentication")
    assert len(fourth.at("/in/shut")) == 1
    assert SECRET not in json.dumps(fourth.said["log"])


def test_its_limit_holds(fourth: Fourth) -> None:
    """One a minute, of which five minutes' worth may go at once."""
    assert 1 <= len(fourth.at("/in/slow")) <= 5
    waiting = [row for row in fourth.log("slow") if row["status"] == "pending"]
    assert len(waiting) == 12 - len(fourth.at("/in/slow"))
