"""A fourth platform in one file: `POST` of the figures to any endpoint that takes Standard Webhooks.

The receiver verifies `webhook-id`, `webhook-timestamp` and `webhook-signature` with the account's secret
(standardwebhooks.com; there is a library for most languages), and answers with any 2xx.
"""

import base64
import binascii
import hashlib
import hmac
import json
import time
from datetime import datetime
from typing import Any

from impact_in_pipelines.connectors.plugin import (
    Answer,
    Connection,
    Credential,
    ErrorKind,
    ImpactFigures,
    Judgement,
    Payload,
    PlatformFacts,
    PlatformPlugin,
    Promise,
    SecondReport,
    Shipment,
    delivered,
    mapping,
    refused,
)

_PREFIX = "whsec_"


class Webhook(PlatformPlugin):
    """One signed message a report; a correction has the next version of the same period."""

    api_version = 1
    facts = PlatformFacts(
        "Webhook",
        rate_limit_per_minute=60,
        batch_limit=1,
        credentials=((Credential("signing_secret", "Signing secret"),),),
        second_report=SecondReport.REPLACES,
        retry_delays_ms=(60_000, 300_000, 1_800_000),
    )

    def payload(
        self,
        figures: ImpactFigures,
        connection: Connection,
        built_at: datetime,
        correction: int = 0,
    ) -> Payload:
        return {
            "type": "impact.reported",
            "timestamp": mapping.timestamp(built_at),
            "data": {
                "organizationId": connection.organization_id,
                "programId": mapping.program_id(connection),
                "reportingPeriod": mapping.start_end(figures),
                "version": mapping.version(correction),
                **self.reported(figures),
            },
        }

    def reported(self, figures: ImpactFigures) -> dict[str, Any]:
        return {
            "volunteerHours": mapping.hours(figures.volunteer_hours),
            "participants": figures.participants,
            "volunteers": figures.volunteers,
            "sessions": figures.sessions,
            "outcomes": {
                one.category: {
                    "average": mapping.score(one.average),
                    "participants": one.participants,
                }
                for one in figures.outcomes
            },
        }

    def path(self, shipment: Shipment) -> str:
        del shipment
        return ""  # the account's URL is the endpoint itself

    def headers(self, shipment: Shipment) -> dict[str, str]:
        # One id for all attempts, by which the receiver knows a repetition; the time is each one's own.
        identity, stamp = f"msg_{shipment.key.hex}", str(int(time.time()))
        content = f"{identity}.{stamp}.".encode() + shipment.body
        key = _key(shipment.connection.credentials["signing_secret"])
        signature = base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()
        return {
            "webhook-id": identity,
            "webhook-timestamp": stamp,
            "webhook-signature": f"v1,{signature}",
        }

    def promise(self, shipment: Shipment) -> Promise:
        return Promise(self.facts.title, str(shipment.key), id_fields=("id",))

    def classify(self, answer: Answer, shipment: Shipment) -> Judgement | None:
        del shipment
        if 200 <= answer.status < 300:
            return delivered(_id_in(answer.body))  # any 2xx is a receipt; most have no body
        if answer.status == 410:
            return refused(ErrorKind.CONFIGURATION, "the endpoint is gone")
        return None  # 401 is permanent, 429 and 5xx are tried again: the usual rules


def _key(secret: str) -> bytes:
    """The bytes that a secret stands for: `whsec_` and Base64, or, of an older receiver, itself."""
    if secret.startswith(_PREFIX):
        try:
            return base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
        except binascii.Error:
            pass
    return secret.encode()


def _id_in(body: bytes) -> str | None:
    """The receiver's own id of the message, if it answers `{"id": …}`."""
    try:
        found = json.loads(body)
    except ValueError:
        return None
    identity = found.get("id") if isinstance(found, dict) else None
    return identity if isinstance(identity, str) and identity else None
