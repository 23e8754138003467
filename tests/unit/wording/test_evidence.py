"""What the log keeps in English, told in the reader's language."""

import smtplib
import ssl

import pytest

from impact_in_pipelines.connectors.notices import mailing, posting
from impact_in_pipelines.delivery.refusing import (
    meant_elsewhere,
    no_connection,
    unreadable_connection,
)
from impact_in_pipelines.delivery.states import ErrorKind
from impact_in_pipelines.impact.reasons import sentences
from impact_in_pipelines.impact.reasons.parts import parts_of
from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.wording.evidence.clauses import (
    ALERTS,
    DELIVERIES,
    NOTICES,
    known_again,
)
from impact_in_pipelines.wording.evidence.failures import CLAUSES, KINDS, failure_in, trouble_in
from impact_in_pipelines.wording.evidence.rejections import SENTENCES, rejection_in
from impact_in_pipelines.wording.language.languages import language


def norwegian(text: str) -> str:
    """In Norwegian."""
    found = language("nb")
    assert found is not None
    return found.text(text)


def test_the_translators_have_every_sentence_of_the_rules_and_every_kind() -> None:
    """None is left in English."""
    assert SENTENCES == sentences.ALL
    assert set(KINDS) == set(ErrorKind)


VALUES = {
    "column": "activity",
    "value": "a; b 'c'",
    "most": "100",
    "earliest": "1970",
    "one": "1.250",
    "other": "1250",
    "lowest": "0",
    "highest": "1",
    "category": "language",
    "count": "7",
    "right": "9",
    "lines": "3, 4",
}


@pytest.mark.parametrize("sentence", sentences.ALL)
def test_a_kept_sentence_is_found_again_between_others(sentence: str) -> None:
    """With its parameters, whatever the file had in its cells."""
    kept = sentences.BETWEEN.join(
        [sentences.NOBODY, sentence % VALUES, sentences.told(sentences.MISSING, column="company")]
    )
    assert [part.sentence for part in parts_of(kept)] == [
        sentences.NOBODY,
        sentence,
        sentences.MISSING,
    ]
    found = parts_of(kept)[1]
    assert {name: VALUES[name] for name in found.parameters} == found.parameters
    assert found.text == sentence % VALUES


def test_a_rejection_is_told_in_the_readers_language() -> None:
    """Each rule that the row breaks; what is none of ours stays as it is."""
    kept = (
        "event_id is missing; occurred_at '2026-03-09T10:00' has no offset; end it with Z or such as "
        "+01:00"
    )
    assert rejection_in(norwegian, kept) == (
        "event_id mangler; occurred_at «2026-03-09T10:00» mangler tidssone; avslutt med Z eller for "
        "eksempel +01:00"
    )
    assert rejection_in(norwegian, "something of before") == "something of before"


@pytest.mark.parametrize(
    ("kind", "kept", "told"),
    [
        (
            "authentication",
            "Benevity answered HTTP 401 AUTH_INVALID (check the account's credentials): key expired",
            "Plattformen avviser kontoens påloggingsopplysninger. Benevity svarte HTTP 401 AUTH_INVALID: "
            "«key expired».",
        ),
        (
            "server_error",
            "Goodera answered HTTP 503",
            "Plattformen har en egen feil. Goodera svarte HTTP 503.",
        ),
        (
            "network",
            "Workday: the connection was refused; nothing was sent",
            "Plattformen kunne ikke nås. Workday: forbindelsen ble avvist; ingenting ble sendt.",
        ),
        (
            "rate_limited",
            "Benevity answered HTTP 429 RATE_LIMIT: slow down; the platform asked to wait until "
            "2026-03-10 10:00 UTC",
            "Plattformen tar ikke imot flere forespørsler akkurat nå. Benevity svarte HTTP 429 RATE_LIMIT: "
            "«slow down». Plattformen ba om å vente til 2026-03-10 10:00 UTC.",
        ),
        (
            "data_quality",
            "3 of 40 rows have no hours",
            "Dataene består ikke kontrollene, så ingenting ble sendt. Loggen sier: "
            "«3 of 40 rows have no hours».",
        ),
        (
            "configuration",
            no_connection("fjordvik", Platform.GOODERA).message,
            "Tilkoblingens innstillinger kan ikke brukes. fjordvik har ingen brukbar tilkobling til Goodera.",
        ),
        (None, "of before", "Loggen sier: «of before»."),
        ("network", None, None),
    ],
)
def test_a_failure_is_told_by_its_kind_with_the_platforms_own_words(
    kind: str | None, kept: str | None, told: str | None
) -> None:
    """These as they came; in English the line is what the log has."""
    assert failure_in(norwegian, kind, kept, english=False) == told
    assert failure_in(str, kind, kept, english=True) == kept


FILLED = {
    "company": "fjordvik",
    "platform": "Goodera",
    "channel": "Slack",
    "status": "503",
    "what": "OSError",
    "count": "4",
    "wanted": "api_key",
    "missing": "api_key",
    "unknown": "key",
    "name": "api_key",
    "fields": "transactionId",
    "first": "2026-03-01",
    "last": "2026-03-01",
}


@pytest.mark.parametrize("sentence", [*DELIVERIES, *NOTICES, *ALERTS])
def test_a_sentence_of_ours_is_known_again_with_its_parameters(sentence: str) -> None:
    """They used to be English on pages in every language."""
    found = known_again(norwegian, sentence % FILLED, (*DELIVERIES, *NOTICES, *ALERTS))
    assert found == norwegian(sentence) % FILLED != sentence % FILLED


@pytest.mark.parametrize(
    "kept",
    [
        *(
            refusal("fjordvik", Platform.WORKDAY).message
            for refusal in (no_connection, unreadable_connection, meant_elsewhere)
        ),
        *(
            mailing._trouble(error)
            for error in (
                smtplib.SMTPAuthenticationError(535, b""),
                smtplib.SMTPRecipientsRefused({}),
                smtplib.SMTPNotSupportedError(),
                smtplib.SMTPDataError(554, b"no"),
                TimeoutError(),
                ssl.SSLCertVerificationError(),
                ssl.SSLError(),
                ConnectionRefusedError(),
            )
        ),
        posting._trouble(ConnectionRefusedError()),
        "answered HTTP 410",
        "Slack answered HTTP 404 no_service",
        "PagerDuty answered HTTP 202 without accepting the event",
        "Slack can't be reached (SSLError)",
    ],
)
def test_what_our_own_rooms_say_is_known_again(kept: str) -> None:
    """A sentence that is worded otherwise one day must be so for the translators as well."""
    everything = (*DELIVERIES, *NOTICES, *CLAUSES, *ALERTS)
    assert known_again(norwegian, kept, everything) not in (None, kept)


def test_what_is_none_of_ours_stays_as_it_is() -> None:
    """A receiver's own words, a text of before."""
    assert trouble_in(norwegian, "550 mailbox full") == "550 mailbox full"
