"""The connector and the mapping of a platform, as its plug-in has them."""

import hashlib
from datetime import datetime
from typing import Protocol

from impact_in_pipelines.connectors.base import PlatformConnector
from impact_in_pipelines.connectors.http.transport import Transport
from impact_in_pipelines.connectors.identity.oauth import TokenSource
from impact_in_pipelines.connectors.plugin import platform_plugin
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
    ) -> Payload: ...


def connector_for(platform: Platform, transport: Transport, tokens: OAuthTokens) -> Connector:
    """The connector of `platform`; make one a process and share it between its threads. Raises
    `PluginMissing`."""
    source = TokenSource(transport, tokens)
    return PlatformConnector(platform, platform_plugin(platform), transport, source)


def mapping_for(platform: Platform) -> Mapping:
    """How `platform` writes down a company's figures; `built_at` is aware. Raises `PluginMissing`."""
    return platform_plugin(platform).payload


def reported(platform: Platform, figures: ImpactFigures) -> Reported:
    """What a payload of `platform` says of `figures`. Raises `ValueError` for what JSON can't carry exactly,
    and `PluginMissing`."""
    said = platform_plugin(platform).reported(figures)
    return Reported(said, hashlib.sha256(canonical_bytes(said)).hexdigest())
