"""A drain in a process that dies, as by a segmentation fault, over one organisation's deliveries:
`python poisoned_process.py PLATFORM INSTANT ORGANISATION sending|building`. Settings come from the
environment."""

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from factories import let_all_pass

from impact_in_pipelines.connectors.payloads import MappedPayloads
from impact_in_pipelines.connectors.registry import connector_for
from impact_in_pipelines.db.deliveries.queueing.queue import PgDeliveryLog
from impact_in_pipelines.delivery.draining.drain import Drain
from impact_in_pipelines.delivery.model import (
    Claimed,
    Connection,
    Content,
    Refusal,
    SendResult,
    Shipment,
)
from impact_in_pipelines.delivery.ports import Connector, PayloadSource
from impact_in_pipelines.delivery.retry import RetryPlan
from impact_in_pipelines.platforms import FACTS, Platform
from impact_in_pipelines.runtime import Runtime
from impact_in_pipelines.settings import read_settings

DIED = 9


class Deadly:
    """The platform's connector, but for one organisation: there it sends, and dies before it can tell."""

    def __init__(self, real: Connector, organization: str) -> None:
        self.platform = real.platform
        self.batch_limit = real.batch_limit
        self._real = real
        self._organization = organization

    def send(self, shipment: Shipment, *, again: Callable[[], bool] = lambda: True) -> SendResult:
        """One attempt."""
        result = self._real.send(shipment, again=again)
        if shipment.connection.organization_id == self._organization:
            os._exit(DIED)
        return result


class DeadlyToBuild:
    """The payloads, but for one organisation: there the process dies before anything is frozen."""

    def __init__(self, real: PayloadSource, organization: str) -> None:
        self._real = real
        self._organization = organization

    def build(
        self, claimed: Sequence[tuple[Claimed, Connection]], now: datetime
    ) -> Mapping[UUID, Content | Refusal]:
        """A payload for every delivery."""
        if any(connection.organization_id == self._organization for _, connection in claimed):
            os._exit(DIED)
        return self._real.build(claimed, now)


def main(platform_name: str, instant: str, organization: str, when: str) -> None:
    """Drain the platform to its end, or to this process's."""
    now, platform = datetime.fromisoformat(instant), Platform(platform_name)
    runtime = Runtime(read_settings(), clock=lambda: now)
    connector = connector_for(platform, runtime.transport, runtime.oauth_tokens)
    payloads: PayloadSource = MappedPayloads(runtime.impact, let_all_pass)
    if when == "building":
        payloads = DeadlyToBuild(payloads, organization)
    else:
        connector = Deadly(connector, organization)
    Drain(
        log=PgDeliveryLog(
            runtime.database.engine,
            runtime.connections,
            batch_limit=FACTS[platform].batch_limit,
        ),
        connector=connector,
        payloads=payloads,
        budgets=runtime.budgets,
        plan=RetryPlan.from_settings(runtime.settings, platform),
        clock=lambda: now,
    ).run()
    runtime.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
