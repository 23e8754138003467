"""A drain in a process that dies, as by a segmentation fault, when it sends to one organisation:
`python poisoned_process.py PLATFORM INSTANT ORGANISATION`. Settings come from the environment."""

import os
import sys
from datetime import datetime

from factories import let_all_pass

from impact_in_pipelines.connectors.payloads import MappedPayloads
from impact_in_pipelines.connectors.registry import connector_for
from impact_in_pipelines.db.deliveries.queue import PgDeliveryLog
from impact_in_pipelines.delivery.draining.drain import Drain
from impact_in_pipelines.delivery.model import SendResult, Shipment
from impact_in_pipelines.delivery.ports import Connector
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

    def send(self, shipment: Shipment) -> SendResult:
        """One attempt."""
        result = self._real.send(shipment)
        if shipment.connection.organization_id == self._organization:
            os._exit(DIED)
        return result


def main(platform_name: str, instant: str, organization: str) -> None:
    """Drain the platform to its end, or to this process's."""
    now, platform = datetime.fromisoformat(instant), Platform(platform_name)
    runtime = Runtime(read_settings(), clock=lambda: now)
    connector = connector_for(platform, runtime.transport, runtime.oauth_tokens)
    Drain(
        log=PgDeliveryLog(
            runtime.database.engine,
            runtime.connections,
            batch_limit=FACTS[platform].batch_limit,
        ),
        connector=Deadly(connector, organization),
        payloads=MappedPayloads(runtime.impact, let_all_pass),
        plan=RetryPlan.from_settings(runtime.settings),
        clock=lambda: now,
    ).run()
    runtime.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
