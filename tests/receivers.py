"""Those whom companies have notified: an HTTP server that keeps what it is sent, and an SMTP server."""

import json
import ssl
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from typing import Any, cast

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PrivateFormat
from cryptography.x509.oid import NameOID
from ports import free_port


@dataclass(frozen=True)
class Posted:
    """One request."""

    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """What it carries."""
        return json.loads(self.body)


@dataclass
class Receiver:
    """A server at `url`; `answers` are the next statuses, one each, then 204."""

    url: str
    posted: list[Posted] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    # Set: it answers nobody until it is cleared.
    hangs: threading.Event = field(default_factory=threading.Event)

    def at(self, path: str) -> list[Posted]:
        """What was sent to a path."""
        return [one for one in self.posted if one.path == path]


@contextmanager
def receiving() -> Iterator[Receiver]:
    """A receiver on a free port."""
    ended = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            found.posted.append(Posted(self.path, headers, body))
            if found.hangs.is_set() and self.path.startswith("/hangs"):
                ended.wait(30)
            status = found.answers.pop(0) if found.answers else 204
            self.send_response(status)
            for name, value in found.headers.items():
                self.send_header(name, value)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    found = Receiver(f"http://127.0.0.1:{server.server_address[1]}")
    thread = threading.Thread(target=server.serve_forever, args=[0.02], daemon=True)
    thread.start()
    try:
        yield found
    finally:
        ended.set()
        server.shutdown()
        server.server_close()


@dataclass
class Mailbox:
    """What the SMTP server has taken, with whom it was for; `refuses` are addresses it doesn't take."""

    port: int = 0
    letters: list[tuple[Sequence[str], EmailMessage]] = field(default_factory=list)
    refuses: set[str] = field(default_factory=set)
    busy: bool = False

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """As aiosmtpd asks."""
        del server, session, options
        if address in self.refuses:
            return "550 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        """As aiosmtpd asks."""
        del server, session
        if self.busy:
            return "451 try again later"
        content = cast(bytes, envelope.content)
        letter = message_from_bytes(content, policy=default)
        self.letters.append((list(envelope.rcpt_tos), letter))
        return "250 OK"


@contextmanager
def mail_server(
    *, tls: ssl.SSLContext | None = None, starttls: ssl.SSLContext | None = None
) -> Iterator[Mailbox]:
    """A real SMTP server on a free port: in the clear, all of it over TLS, or with STARTTLS demanded."""
    port = free_port()
    box = Mailbox(port)
    options: dict[str, Any] = (
        {"tls_context": starttls, "require_starttls": True} if starttls else {}
    )
    controller = Controller(
        box, hostname="127.0.0.1", port=port, ready_timeout=30, ssl_context=tls, **options
    )
    controller.start()
    try:
        yield box
    finally:
        controller.stop()


def certificate(folder: Path, *names: str) -> tuple[ssl.SSLContext, Path]:
    """What a server shows that calls itself by these names or addresses, and the file that vouches for it:
    self-made, so that no machine trusts it by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])])
    shown = [
        x509.IPAddress(ip_address(one)) if one[0].isdigit() else x509.DNSName(one) for one in names
    ]
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(shown), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    file, secret = folder / "ca.pem", folder / "key.pem"
    file.write_bytes(made.public_bytes(Encoding.PEM))
    secret.write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(file, secret)
    return context, file
