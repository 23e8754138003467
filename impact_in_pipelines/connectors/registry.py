"""Which connector and which mapping a platform has."""

import hashlib
from collections.abc import Callable
from datetime import datetime
from typing import Any, Protocol

from impact_in_pipelines.connectors.base import PlatformConnector
from impact_in_pipelines.connectors.http.transport import Transport
from impact_in_pipelines.connectors.identity.oauth import TokenSource
from impact_in_pipelines.connectors.plugins import benevity, goodera, workday
from impact_in_pipelines.delivery.model import Connection, Reported
from impact_in_pipelines.delivery.payload import Payload, canonical_bytes
from impact_in_pipelines.delivery.ports import Connector, OAuthTokens
from impact_in_pipelines.impact.figures import ImpactFigures
from impact_in_pipelines.platforms import Platform


class Mapping(Protocol):
    """How a platform writes down a company's figures; `built_at` is aware, `correction` which correction of
    the report it is (0: the report itself)."""

    def __call__(
        self,
        figures: ImpactFigures,
        connection: Connection,
        built_at: datetime,
        correction: int = 0,
        /,
    ) -> Payload: ...


_CONNECTORS: dict[Platform, type[PlatformConnector]] = {
    Platform.BENEVITY: benevity.BenevityConnector,
    Platform.GOODERA: goodera.GooderaConnector,
    Platform.WORKDAY: workday.WorkdayConnector,
}
_MAPPINGS: dict[Platform, Mapping] = {
    Platform.BENEVITY: benevity.to_payload,
    Platform.GOODERA: goodera.to_payload,
    Platform.WORKDAY: workday.to_payload,
}

_REPORTED: dict[Platform, Callable[[ImpactFigures], dict[str, Any]]] = {
    Platform.BENEVITY: benevity.reported,
    Platform.GOODERA: goodera.reported,
    Platform.WORKDAY: workday.reported,
}


def connector_for(platform: Platform, transport: Transport, tokens: OAuthTokens) -> Connector:
    """The connector of `platform`; make one a process and share it between its threads."""
    return _CONNECTORS[platform](transport, TokenSource(transport, tokens))


def mapping_for(platform: Platform) -> Mapping:
    """How `platform` writes down a company's figures; `built_at` is aware."""
    return _MAPPINGS[platform]


def reported(platform: Platform, figures: ImpactFigures) -> Reported:
    """What a payload of `platform` says of `figures`. Raises `ValueError` for what JSON can't carry
    exactly."""
    said = _REPORTED[platform](figures)
    return Reported(said, hashlib.sha256(canonical_bytes(said)).hexdigest())
