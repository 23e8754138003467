"""E-mails by SMTP (RFC 5321): one message in text and HTML, its id derived from what it says."""

import smtplib
import ssl
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from email.headerregistry import Address as MailAddress
from email.message import EmailMessage
from email.utils import format_datetime
from uuid import UUID

from impact_in_pipelines.delivery.notifying.model import Address, TryResult
from impact_in_pipelines.settings import Settings

SENDER_NAME = "Impact-In"
_NO_SERVER = "no server for e-mails is set up in this installation"


@dataclass(frozen=True, slots=True)
class Letter:
    """What an e-mail says. `id` is the same at every try, so that mailboxes show one of two equal ones."""

    id: UUID
    subject: str
    text: str
    html: str
    language: str


def can_mail(settings: Settings) -> bool:
    """Whether this installation sends e-mails."""
    return settings.smtp_host is not None and settings.smtp_from is not None


def send_mail(settings: Settings, address: Address, letter: Letter, now: datetime) -> TryResult:
    """Hand one e-mail to the server. What it takes for some of the addresses only counts as accepted: a
    repetition would reach those a second time."""
    if not can_mail(settings):
        return TryResult(0.0, _NO_SERVER)
    started = time.perf_counter()
    try:
        refused = _handed_over(settings, address.to, _message(settings, address.to, letter, now))
    except (OSError, smtplib.SMTPException, ValueError) as error:
        return TryResult(_since(started), _trouble(error))
    if len(refused) == len(address.to):
        return TryResult(_since(started), "the mail server takes none of the addresses")
    return TryResult(_since(started))


def _handed_over(
    settings: Settings, to: Sequence[str], message: EmailMessage
) -> dict[str, tuple[int, bytes]]:
    """The addresses that the server didn't take."""
    assert settings.smtp_host is not None
    timeout_s = settings.notice_timeout_ms / 1000
    trust = ssl.create_default_context(cafile=settings.smtp_ca_file)
    client: smtplib.SMTP
    if settings.smtp_security == "tls":
        client = smtplib.SMTP_SSL(
            settings.smtp_host, settings.smtp_port, timeout=timeout_s, context=trust
        )
    else:
        client = smtplib.SMTP(settings.smtp_host, settings.smtp_port, timeout=timeout_s)
    with client:
        if settings.smtp_security == "starttls":
            # A server that doesn't offer it ends the try here: nothing is sent in the clear instead.
            client.starttls(context=trust)
        if settings.smtp_username and settings.smtp_password:
            client.login(settings.smtp_username, settings.smtp_password.get_secret_value())
        return client.send_message(message, settings.smtp_from, list(to))


def _message(settings: Settings, to: Sequence[str], letter: Letter, now: datetime) -> EmailMessage:
    assert settings.smtp_from is not None
    message = EmailMessage()
    message["Subject"] = " ".join(letter.subject.split())
    message["From"] = MailAddress(SENDER_NAME, addr_spec=settings.smtp_from)
    message["To"] = [MailAddress(addr_spec=one) for one in to]
    message["Date"] = format_datetime(now)
    message["Message-ID"] = f"<{letter.id}@{settings.smtp_from.partition('@')[2]}>"
    # Answering machines leave it alone (RFC 3834).
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(letter.text)
    message.add_alternative(letter.html, subtype="html")
    # After the parts: made a multipart, it hands its own Content- headers on to the first of them.
    message["Content-Language"] = letter.language
    return message


def _trouble(error: Exception) -> str:
    match error:
        case smtplib.SMTPAuthenticationError():
            return "the mail server refuses the installation's account"
        case smtplib.SMTPRecipientsRefused():
            return "the mail server takes none of the addresses"
        case smtplib.SMTPNotSupportedError():
            return "the mail server offers no encryption; nothing was sent"
        case smtplib.SMTPResponseException():
            return f"the mail server answered {error.smtp_code}"
        case TimeoutError():
            return "the mail server didn't answer in time"
        case ssl.SSLCertVerificationError():
            return "the mail server's certificate isn't trusted; nothing was sent"
        case ssl.SSLError():
            return "no TLS connection to the mail server"
        case _:
            return f"the mail server can't be reached ({type(error).__name__})"


def _since(started: float) -> float:
    return (time.perf_counter() - started) * 1000
