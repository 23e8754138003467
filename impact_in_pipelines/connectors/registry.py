"""Which connector and which mapping a platform has."""

from collections.abc import Callable
from datetime import datetime

from impact_in_pipelines.connectors import benevity, goodera, workday
from impact_in_pipelines.connectors.base import PlatformConnector
from impact_in_pipelines.connectors.http.transport import Transport
from impact_in_pipelines.connectors.identity.oauth import TokenSource
from impact_in_pipelines.delivery.model import Connection
from impact_in_pipelines.delivery.payload import Payload
from impact_in_pipelines.delivery.ports import Connector, OAuthTokens
from impact_in_pipelines.impact.figures import ImpactFigures
from impact_in_pipelines.platforms import Platform

Mapping = Callable[[ImpactFigures, Connection, datetime], Payload]

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


def connector_for(platform: Platform, transport: Transport, tokens: OAuthTokens) -> Connector:
    """The connector of `platform`; make one a process and share it between its threads."""
    return _CONNECTORS[platform](transport, TokenSource(transport, tokens))


def mapping_for(platform: Platform) -> Mapping:
    """How `platform` writes down a company's figures; `built_at` is aware."""
    return _MAPPINGS[platform]
