"""E-mails through a real SMTP server and Slack's webhooks: what they say, at once or together."""

from datetime import timedelta
from email.message import EmailMessage

import pytest

from impact_in_pipelines.delivery.notifying.model import Digest, Medium, NoticeEvent
from impact_in_pipelines.errors.alerts import (
    NoticeDigestOfWebhooks,
    NoticeEmailMalformed,
    NoticeKindsMissing,
    NoticeLanguageUnknown,
    NoticeNameMissing,
)
from impact_in_pipelines.errors.schedules import TimezoneUnknown
from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.services.notices import channels as service

from .conftest import NoticeWorld

BENEVITY = Platform.BENEVITY
HOUR = timedelta(hours=1)


def fails(made: NoticeWorld, company: object, error: str = "503: busy") -> None:
    """A delivery fails for good."""
    (delivery,) = made.world.deliveries(BENEVITY, company)  # type: ignore[arg-type]
    made.ended(delivery, "failed", attempt_count=4, last_error=error, error_kind="server_error")


def part(letter: EmailMessage, kind: str) -> str:
    """The text of one part of an e-mail."""
    found = letter.get_body((kind,))
    assert found is not None
    return str(found.get_content())


def test_an_email_says_what_happened_in_the_readers_language_and_zone(made: NoticeWorld) -> None:
    """In text and in HTML, to everybody named, with nothing of an error's markup."""
    (company,) = made.world.companies()
    made.channel(
        company,
        Medium.EMAIL,
        to=["kari@example.org", "ola@example.org"],
        language="nb",
        timezone="Europe/Oslo",
    )
    fails(made, company, error="503: <b>busy</b>\nSubject: hello")
    assert made.tick().accepted == 1

    ((to, letter),) = made.mailbox.letters
    assert to == ["kari@example.org", "ola@example.org"]
    assert letter["From"] == "Impact-In <notices@impact.example>"
    assert letter["Subject"] == "Benevity: leveransen for 9. mars mislyktes · Company 1"
    assert letter["Content-Language"] == "nb"
    assert "CET" in part(letter, "plain")
    assert f"/nb/cockpit/{company}/deliveries/" in part(letter, "plain")
    assert "&lt;b&gt;busy&lt;/b&gt;" in part(letter, "html")


def test_what_happens_between_two_ticks_comes_in_one_email(made: NoticeWorld) -> None:
    """Three failures are one e-mail with three notices, not three e-mails."""
    (company,) = made.world.companies()
    made.channel(company, Medium.EMAIL)
    for _ in range(3):
        fails(made, company)
    assert made.tick().accepted == 3
    ((_, letter),) = made.mailbox.letters
    assert letter["Subject"] == "3 notices · Company 1"
    assert part(letter, "plain").count("Benevity: the delivery for") == 3


def test_a_digest_comes_at_eight_by_the_readers_clock(made: NoticeWorld) -> None:
    """What happens in the night waits for the morning; a day with nothing to say sends nothing."""
    (company,) = made.world.companies()
    made.channel(company, Medium.EMAIL, digest=Digest.DAILY, timezone="Europe/Kyiv")
    fails(made, company)
    made.tick()
    assert made.mailbox.letters == []
    made.world.clock.now = made.world.clock.now.replace(hour=5, minute=59)  # 07:59 in Kyiv
    fails(made, company)
    made.tick()
    assert made.mailbox.letters == []
    made.tick(timedelta(minutes=1))
    assert [letter["Subject"] for _, letter in made.mailbox.letters] == ["2 notices · Company 1"]
    made.tick(25 * HOUR)  # a day without news
    fails(made, company)
    made.tick()
    assert len(made.mailbox.letters) == 1
    made.tick(24 * HOUR)
    assert len(made.mailbox.letters) == 2


def test_a_busy_mail_server_is_asked_again_with_the_same_message(made: NoticeWorld) -> None:
    """By the plan; what happened meanwhile comes along with it."""
    (company,) = made.world.companies()
    channel = made.channel(company, Medium.EMAIL).channel
    made.mailbox.busy = True
    fails(made, company)
    made.tick()
    found = service.channel(made.world.runtime, made.company(company), channel.id)
    assert (found.failures, found.last_error) == (1, "the mail server answered 451")
    made.mailbox.busy = False
    made.tick(timedelta(minutes=7))
    assert len(made.mailbox.letters) == 1


def test_an_address_that_is_refused_alone_keeps_nobody_else_from_theirs(
    made: NoticeWorld,
) -> None:
    """A repetition would reach the others twice; when all are refused, the channel has failed."""
    (company,) = made.world.companies()
    made.channel(company, Medium.EMAIL, to=["kari@example.org", "gone@example.org"])
    made.mailbox.refuses = {"gone@example.org"}
    fails(made, company)
    made.tick()
    made.tick(HOUR)
    assert [to for to, _ in made.mailbox.letters] == [["kari@example.org"]]
    made.mailbox.refuses |= {"kari@example.org"}
    fails(made, company)
    assert made.tick().refused == 1


def test_slack_gets_blocks_with_a_link(made: NoticeWorld) -> None:
    """Escaped as Slack asks, so that an error's text mentions nobody."""
    (company,) = made.world.companies()
    made.channel(company, Medium.SLACK, language="es")
    fails(made, company, error="<!channel> busy")
    made.tick()
    (posted,) = made.receiver.posted
    (block,) = posted.json["blocks"]
    assert "Benevity: el envío de" in block["text"]["text"]
    assert "<!channel>" not in block["text"]["text"]
    assert f"/es/cockpit/{company}/deliveries/" in block["text"]["text"]


@pytest.mark.parametrize(
    ("fields", "refusal"),
    [
        ({"to": []}, NoticeEmailMalformed),
        ({"to": ["kari"]}, NoticeEmailMalformed),
        ({"to": ["kari@example.org\r\nBcc: all@example.org"]}, NoticeEmailMalformed),
        ({"to": [f"{n}@example.org" for n in range(11)]}, NoticeEmailMalformed),
        ({"name": "  "}, NoticeNameMissing),
        ({"kinds": [NoticeEvent.TEST]}, NoticeKindsMissing),
        ({"language": "xx"}, NoticeLanguageUnknown),
        ({"timezone": "Mars/Olympus"}, TimezoneUnknown),
        (
            {"medium": Medium.WEBHOOK, "url": "https://example.org", "digest": Digest.DAILY},
            NoticeDigestOfWebhooks,
        ),
    ],
)
def test_a_channel_that_could_not_work_is_refused(
    made: NoticeWorld, fields: dict[str, object], refusal: type[Exception]
) -> None:
    """Each by its own refusal."""
    (company,) = made.world.companies()
    values = {"name": "ours", "medium": Medium.EMAIL, "to": ["kari@example.org"], **fields}
    with pytest.raises(refusal):
        service.add_channel(
            made.world.runtime,
            made.company(company),
            service.NewChannel(**values),  # type: ignore[arg-type]
            actor="kari",
            by_operator=False,
        )
