"""What every connector must keep, as checks that its author runs:

    python -m impact_in_pipelines.connectors.testing webhook

or in pytest, `@pytest.mark.parametrize("check", CHECKS)` and `check(subject_of("webhook"))`. A check raises
`AssertionError` with one line that says what is wrong.
"""

import json
import re
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import product
from pathlib import Path
from uuid import UUID

from impact_in_pipelines.connectors.base import PlatformConnector
from impact_in_pipelines.connectors.classify import classify_answer
from impact_in_pipelines.connectors.credentials import redactor_for, validate_credentials
from impact_in_pipelines.connectors.http.answer import Answer
from impact_in_pipelines.connectors.http.transport import Transport
from impact_in_pipelines.connectors.identity.oauth import TokenSource
from impact_in_pipelines.connectors.plugin import PlatformPlugin, platform_plugin
from impact_in_pipelines.delivery.model import Connection, SendResult, Shipment
from impact_in_pipelines.delivery.payload import canonical_bytes, payload_hash
from impact_in_pipelines.delivery.states import AttemptOutcome, ErrorKind
from impact_in_pipelines.impact.figures import ActivityFigures, ImpactFigures, OutcomeFigures
from impact_in_pipelines.platforms import Platform, PluginMissing
from impact_in_pipelines.settings import read_settings

_COMPANY = UUID("00000000-0000-4000-8000-000000000001")
_KEY = UUID("00000000-0000-4000-8000-0000000000aa")
_REQUEST = UUID("00000000-0000-4000-8000-0000000000bb")
_NOW = datetime(2026, 3, 2, 6, 0, tzinfo=UTC)
_FIGURES = ImpactFigures(
    company_id=_COMPANY,
    period_start=date(2026, 2, 23),
    period_end=date(2026, 3, 1),
    timezone="Europe/Oslo",
    participants=41,
    volunteers=12,
    volunteer_hours=96.25,
    sessions=7,
    events=180,
    activities=(
        ActivityFigures("mentoring", 30.5, 12, 8, 20),
        ActivityFigures("session", 65.75, 30, 9, 7),
    ),
    outcomes=(
        OutcomeFigures("integration", 0.6789, 20, 0.1, 0.9),
        OutcomeFigures("well_being", 3.3333, 9, 1.0, 5.0),
    ),
)
_NOTHING_HAPPENED = ImpactFigures(_COMPANY, date(2026, 3, 1), date(2026, 3, 1), "UTC")
_BODIES: tuple[tuple[bytes, str | None], ...] = (
    (b"", None),
    (b"\xff\xfe\x00", "application/json"),
    (b"<html>Bad gateway</html>", "text/html"),
    (b"[]", "application/json"),
    (b"null", "application/json"),
    (b'{"success": true}', "application/json"),
    (b'{"success": true, "id": "t-1", "transactionId": "t-1"}', "application/json"),
    (b'{"success": false, "errorCode": "AUTH_INVALID", "error": "no"}', "application/json"),
    (b'{"id": 7, "transactionId": null, "errorCode": 1, "error": []}', "application/json"),
)


@dataclass(frozen=True)
class TriedConnector:
    """A connector with an account to try it with."""

    platform: Platform
    plugin: PlatformPlugin
    connection: Connection

    def shipment(self, figures: ImpactFigures = _FIGURES) -> Shipment:
        """One report as it is sent."""
        payload = self.plugin.payload(figures, self.connection, _NOW)
        return Shipment(self.connection, _KEY, _REQUEST, (payload,))

    def batch(self) -> Shipment:
        """Two reports in one request, where the platform takes batches; else one report."""
        if self.plugin.facts.batch_limit == 1:
            return self.shipment()
        reports = (_FIGURES, _NOTHING_HAPPENED)
        payloads = (self.plugin.payload(one, self.connection, _NOW) for one in reports)
        return Shipment(self.connection, _KEY, _REQUEST, tuple(payloads), is_batch=True)

    def judged(self, answer: Answer, shipment: Shipment | None = None) -> SendResult:
        """What the log would keep of an answer to `shipment` (None: to one report)."""
        shipment = shipment or self.shipment()
        return classify_answer(
            answer,
            self.plugin.promise(shipment),
            redactor_for(self.connection),
            _NOW,
            may_have_arrived=False,
            on_token=False,
            verdict=self.plugin.classify(answer, shipment),
        )

    def secrets(self) -> list[str]:
        """The values of the credentials that are secret."""
        known = self.plugin.facts.credentials_by_name
        return [v for name, v in self.connection.credentials.items() if known[name].secret]


def subject_of(name: str, credentials: Mapping[str, str] | None = None) -> TriedConnector:
    """The installed connector of this name, with an account that has `credentials` (None: made-up ones of the
    first set). Raises `AssertionError` if it isn't registered or can't be used."""
    try:
        platform = Platform(name)
        plugin = platform_plugin(platform)
    except (ValueError, PluginMissing) as error:
        raise AssertionError(str(error)) from None
    if credentials is None:
        first = plugin.facts.credentials[0]
        credentials = {one.name: f"made-up-{one.name}-4711" for one in first}
    validate_credentials(platform, credentials)
    connection = Connection(_COMPANY, platform, "org-1", "http://127.0.0.1:9", credentials)
    return TriedConnector(platform, plugin, connection)


def payload_is_deterministic(subject: TriedConnector) -> None:
    """The same figures give the same bytes, and at another time the same content: one key never carries two
    bodies, and what arrived once is known again."""
    build = subject.plugin.payload
    first, second = (build(_FIGURES, subject.connection, _NOW) for _ in range(2))
    assert canonical_bytes(first) == canonical_bytes(second), "payload gives other bytes each time"
    later = build(_FIGURES, subject.connection, _NOW + timedelta(hours=1))
    assert payload_hash(first) == payload_hash(later), (
        "payload says built_at elsewhere than in a field called timestamp"
    )


def payload_can_say_anything(subject: TriedConnector) -> None:
    """A day without anything is reported like any other, and a correction too."""
    for figures in (_NOTHING_HAPPENED, _FIGURES):
        for correction in (0, 1, 12):
            canonical_bytes(subject.plugin.payload(figures, subject.connection, _NOW, correction))


def what_changes_is_reported(subject: TriedConnector) -> None:
    """`reported` changes with what the payload says: else a late event is never corrected."""
    plugin, account = subject.plugin, subject.connection
    before = plugin.payload(_FIGURES, account, _NOW), canonical_bytes(plugin.reported(_FIGURES))
    for change in (
        {"participants": 42},
        {"volunteer_hours": 97.0},
        {"volunteers": 13},
        {"outcomes": ()},
    ):
        figures = replace(_FIGURES, **change)
        said = plugin.payload(figures, account, _NOW) != before[0]
        assert not said or canonical_bytes(plugin.reported(figures)) != before[1], (
            f"the payload says {next(iter(change))} and reported doesn't"
        )


def every_attempt_carries_the_key(subject: TriedConnector) -> None:
    """Over real HTTP: the frozen bytes, Idempotency-Key and X-Request-ID arrive, and a 500 is
    tried again later."""
    with _receiver() as (url, received):
        shipment = replace(subject.shipment(), connection=replace(subject.connection, base_url=url))
        transport = Transport(read_settings({}), sleep=lambda _: None)
        connector = PlatformConnector(
            subject.platform, subject.plugin, transport, TokenSource(transport, _Tokens())
        )
        result = connector.send(shipment)
    sent = [one for one in received if not one.path.endswith("/oauth2/token")]
    assert sent, f"nothing was sent: {result.error}"
    for one in sent:
        assert one.headers.get("idempotency-key") == str(_KEY), "the idempotency key isn't sent"
        assert one.headers.get("x-request-id") == str(_REQUEST), "the request id isn't sent"
        assert one.body == shipment.body, "what is sent isn't the frozen payload"
        for secret in subject.secrets():
            assert secret not in one.path, "a credential is in the URL"
    assert result.outcome is AttemptOutcome.RETRYABLE, f"a 500 ends as {result.outcome}"


def answers_are_all_judged(subject: TriedConnector) -> None:
    """Every status with every kind of body is delivered, retryable or permanent, with a reason, and plainly:
    5xx and 429 pass, 401 and 403 don't arrive. So for a batch."""
    # One of each: what they hold is the same for every answer.
    shipments = subject.shipment(), subject.batch()
    for status, (body, kind) in product(range(200, 600), _BODIES):
        for shipment in shipments:
            result = subject.judged(Answer(status, body, kind), shipment)
            what = f"HTTP {status} with {body!r} is {result.outcome}"
            if result.outcome is AttemptOutcome.DELIVERED:
                assert 200 <= status < 300 or status == 409, what
                assert result.transaction_id, f"{what} without a transaction id"
            else:
                assert result.error, f"{what} without a reason"
                assert result.error_kind, f"{what} without a kind of error"
            if status >= 500 or status == 429:
                assert result.outcome is AttemptOutcome.RETRYABLE, what


def one_record_fails_no_batch(subject: TriedConnector) -> None:
    """A batch that is refused is sent record by record: `promise` says that it is one, and an account whose
    credentials are refused, or a key that was used before, is no record's fault."""
    batch = subject.batch()
    if not batch.is_batch:
        return
    for status, (body, kind) in product((400, 404, 413, 418), _BODIES):
        result = subject.judged(Answer(status, body, kind), batch)
        assert (
            result.outcome is not AttemptOutcome.PERMANENT
            or result.error_kind is ErrorKind.AUTHENTICATION
        ), f"HTTP {status} with {body!r} fails a whole batch for good"


def secrets_are_masked(subject: TriedConnector) -> None:
    """A platform that echoes what it was sent puts no secret into the log."""
    for secret in subject.secrets():
        for status in (200, 400, 401, 500):
            body = json.dumps({"success": False, "error": f"bad {secret}", "sent": [secret]})
            result = subject.judged(Answer(status, body.encode(), "application/json"))
            kept = f"{result.error} {json.dumps(result.response)} {result.transaction_id}"
            assert secret not in kept, f"HTTP {status} leaves a secret in the log"


def forms_can_ask_for_credentials(subject: TriedConnector) -> None:
    """Each credential has a label, and at least one in each set is secret."""
    for together in subject.plugin.facts.credentials:
        assert any(one.secret for one in together), "a set of credentials without a secret"
        for one in together:
            assert one.label.strip(), f"credential {one.name} has no label"
    assert re.fullmatch(r"[ -~]{1,40}", subject.plugin.facts.title), "the title is no short name"


CHECKS: Sequence[Callable[[TriedConnector], None]] = (
    forms_can_ask_for_credentials,
    payload_is_deterministic,
    payload_can_say_anything,
    what_changes_is_reported,
    answers_are_all_judged,
    one_record_fails_no_batch,
    secrets_are_masked,
    every_attempt_carries_the_key,
)
"""All of them."""


def main(arguments: Sequence[str]) -> int:
    """`NAME [CREDENTIALS.json]`: a line for each check; 0 if all hold."""
    if not 1 <= len(arguments) <= 2:
        print("usage: python -m impact_in_pipelines.connectors.testing NAME [CREDENTIALS.json]")
        return 2
    given = json.loads(Path(arguments[1]).read_text("utf-8")) if len(arguments) == 2 else None
    failed = 0
    try:
        subject = subject_of(arguments[0], given)
    except AssertionError as error:
        print(f"failed  {error}")
        return 1
    for check in CHECKS:
        try:
            check(subject)
            print(f"ok      {check.__name__.replace('_', ' ')}")
        except Exception as error:
            failed += 1
            kind = "" if isinstance(error, AssertionError) else f"{type(error).__name__}: "
            print(f"failed  {check.__name__.replace('_', ' ')}: {kind}{error}")
    return 1 if failed else 0


@dataclass(frozen=True)
class _Request:
    path: str
    headers: Mapping[str, str]
    body: bytes


class _Tokens:
    """A token store that keeps nothing."""

    def get(self, key: str, now: datetime) -> str | None:
        del key, now
        return None

    def put(self, key: str, token: str, expires_at: datetime) -> None:
        pass

    def forget(self, key: str, token: str) -> None:
        pass


@contextmanager
def _receiver() -> Iterator[tuple[str, list[_Request]]]:
    """A server on this machine that notes requests and answers 500; tokens it gives."""
    received: list[_Request] = []

    class _Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            received.append(_Request(self.path, headers, body))
            is_token = self.path.endswith("/oauth2/token")
            answer = json.dumps(
                {"access_token": "made-up-token", "token_type": "Bearer", "expires_in": 3600}
                if is_token
                else {"success": False}
            ).encode()
            self.send_response(200 if is_token else 500)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=[0.02], daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}", received
        finally:
            server.shutdown()
            thread.join()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
