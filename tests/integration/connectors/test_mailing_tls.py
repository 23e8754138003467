"""E-mails over TLS and STARTTLS, against a real server with a certificate of its own."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Literal
from uuid import uuid4

import pytest
from receivers import certificate, mail_server

from impact_in_pipelines.connectors.notices.mailing import Letter, send_mail
from impact_in_pipelines.delivery.notifying.model import Address
from impact_in_pipelines.settings import read_settings

LETTER = Letter(uuid4(), "A delivery failed", "Text", "<p>Text</p>", "en")
NOW = datetime(2026, 3, 10, tzinfo=UTC)
UNTRUSTED = "the mail server's certificate isn't trusted; nothing was sent"
Security = Literal["tls", "starttls"]


def sent(port: int, security: str, ca_file: Path | None) -> str | None:
    """The error of handing over one e-mail, None if it was taken."""
    values = {
        "SMTP_HOST": "127.0.0.1",
        "SMTP_PORT": str(port),
        "SMTP_SECURITY": security,
        "SMTP_FROM": "notices@impact.example",
        **({"SMTP_CA_FILE": str(ca_file)} if ca_file else {}),
    }
    return send_mail(read_settings(values), Address(to=["kari@example.org"]), LETTER, NOW).error


@pytest.mark.parametrize("security", ["tls", "starttls"])
def test_it_goes_encrypted_to_a_server_that_somebody_vouches_for(
    security: Security, tmp_path: Path
) -> None:
    """SMTP_CA_FILE names who does; without it, the machine's authorities don't, and nothing is sent."""
    context, file = certificate(tmp_path, "127.0.0.1")
    with mail_server(**{security: context}) as box:
        assert sent(box.port, security, file) is None
        assert sent(box.port, security, None) == UNTRUSTED
        assert [to for to, _ in box.letters] == [["kari@example.org"]]


@pytest.mark.parametrize("security", ["tls", "starttls"])
def test_a_server_of_another_name_gets_nothing(security: Security, tmp_path: Path) -> None:
    """Whoever stands in between could have any certificate of that authority."""
    context, file = certificate(tmp_path, "mail.elsewhere.example")
    with mail_server(**{security: context}) as box:
        assert sent(box.port, security, file) == UNTRUSTED
        assert box.letters == []


def test_a_server_without_starttls_gets_nothing(tmp_path: Path) -> None:
    """In the clear nothing is sent instead."""
    _, file = certificate(tmp_path, "127.0.0.1")
    with mail_server() as box:
        said = "the mail server offers no encryption; nothing was sent"
        assert sent(box.port, "starttls", file) == said
        assert box.letters == []
