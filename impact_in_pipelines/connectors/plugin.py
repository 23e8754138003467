"""What a connector is: a plug-in in one file (docs/how-to/add-a-platform.md).

Everything that its author needs is here; `impact_in_pipelines.connectors.testing` checks it. Importing this
module costs little: no HTTP client, no settings.
"""

from abc import ABC, abstractmethod
from datetime import datetime
from typing import Any, ClassVar, cast

from impact_in_pipelines.connectors.http.answer import Answer
from impact_in_pipelines.connectors.plugins import mapping
from impact_in_pipelines.connectors.plugins.answers import (
    Judgement,
    Promise,
    again,
    delivered,
    refused,
)
from impact_in_pipelines.connectors.plugins.signatures import STANDARD, CallBackSignature
from impact_in_pipelines.delivery.model import Connection, Shipment
from impact_in_pipelines.delivery.payload import Payload
from impact_in_pipelines.delivery.states import ErrorKind
from impact_in_pipelines.impact.figures import ActivityFigures, ImpactFigures, OutcomeFigures
from impact_in_pipelines.platforms import (
    API_VERSION,
    Credential,
    Platform,
    PlatformFacts,
    SecondReport,
    plugin_of,
)
from impact_in_pipelines.platforms.facts import API_KEY, CLIENT_ID, CLIENT_SECRET

__all__ = [
    "API_KEY",
    "API_VERSION",
    "CLIENT_ID",
    "CLIENT_SECRET",
    "STANDARD",
    "ActivityFigures",
    "Answer",
    "CallBackSignature",
    "Connection",
    "Credential",
    "ErrorKind",
    "ImpactFigures",
    "Judgement",
    "OutcomeFigures",
    "Payload",
    "Platform",
    "PlatformFacts",
    "PlatformPlugin",
    "Promise",
    "SecondReport",
    "Shipment",
    "again",
    "delivered",
    "mapping",
    "platform_plugin",
    "refused",
]


class PlatformPlugin(ABC):
    """One platform: its facts, how it writes figures down, how a request looks, and what answers mean.

    It holds no state: one object serves all threads and accounts of a process. Sending, retries, limits,
    tokens, breakers, redaction and the log are the core's.
    """

    api_version: ClassVar[int]
    """1, as long as this program's `API_VERSION` is; written as a number, so that it says what it was written
    for."""
    facts: ClassVar[PlatformFacts]
    """What the core must know of the platform, such as its title, limits and forms of credentials."""
    call_backs: ClassVar[CallBackSignature] = STANDARD
    """How the platform signs its call-backs; by default as Standard Webhooks do."""

    @abstractmethod
    def payload(
        self,
        figures: ImpactFigures,
        connection: Connection,
        built_at: datetime,
        correction: int = 0,
    ) -> Payload:
        """A company's figures of a period in the platform's form: JSON values only. The same arguments must
        give the same content, and `built_at` (aware) may appear only in a `timestamp`. `correction`: which
        correction of the report it is (0: the report itself). Raises `ValueError` for figures that the
        platform can't take.
        """

    def reported(self, figures: ImpactFigures) -> dict[str, Any]:
        """What `payload` says of `figures`, under our own names. If this changes, the day is reported again
        as a correction. By default everything."""
        return {
            "volunteer_hours": mapping.hours(figures.volunteer_hours),
            "participants": figures.participants,
            "volunteers": figures.volunteers,
            "sessions": figures.sessions,
            "activities": {
                one.activity: [mapping.hours(one.hours), one.volunteers]
                for one in figures.activities
            },
            "outcomes": mapping.reported_outcomes(figures),
        }

    @abstractmethod
    def path(self, shipment: Shipment) -> str:
        """The endpoint below the base URL, with its leading slash; empty: the base URL itself."""

    def headers(self, shipment: Shipment) -> dict[str, str]:
        """The contract's own headers, such as an API key or a signature of `shipment.body`.

        Content-Type, Idempotency-Key, X-Request-ID and an OAuth token are there already.
        """
        del shipment
        return {}

    @abstractmethod
    def promise(self, shipment: Shipment) -> Promise:
        """What the contract promises about the answer."""

    def classify(self, answer: Answer, shipment: Shipment) -> Judgement | None:
        """What an answer means, if the usual rules (connectors/classify.py) would misjudge it; None: the
        usual rules judge it."""
        del answer, shipment
        return None


def platform_plugin(platform: Platform) -> PlatformPlugin:
    """The plug-in of `platform`. Raises `PluginMissing`."""
    # Not by class: an object with the same parts is one as well.
    return cast(PlatformPlugin, plugin_of(platform))
