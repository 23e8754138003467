"""What has failed, sent again; how that goes, and what an unknown delivery looks like."""

import sys
from http import HTTPStatus
from typing import Any
from uuid import UUID, uuid4

from impact_in_client import AuthenticatedClient
from impact_in_client.api.deliveries import get_delivery, list_deliveries
from impact_in_client.api.replays import get_replay, replay_delivery
from impact_in_client.api.sla import get_sla_status
from impact_in_client.models import (
    DeliveryPage,
    DeliveryWhole,
    Problem,
    ReplayAccepted,
    ReplayProgress,
    SlaStatus,
)


def run(client: AuthenticatedClient, company: UUID) -> dict[str, Any]:
    """Send the company's first failed delivery again."""
    failed = list_deliveries.sync(client=client, company_id=company, status=["failed"])
    assert isinstance(failed, DeliveryPage), failed
    if not failed.data:
        raise SystemExit("nothing has failed")
    one = failed.data[0].id

    # Under a key, an answer that got lost is given again, and nothing is queued twice.
    replayed = replay_delivery.sync_detailed(one, client=client, idempotency_key=str(uuid4()))
    assert replayed.status_code is HTTPStatus.ACCEPTED, replayed
    assert isinstance(replayed.parsed, ReplayAccepted)
    assert isinstance(replayed.parsed.replay_id, UUID)
    progress = get_replay.sync(replayed.parsed.replay_id, client=client)
    assert isinstance(progress, ReplayProgress), progress
    delivery = get_delivery.sync(one, client=client)
    assert isinstance(delivery, DeliveryWhole), delivery

    status = get_sla_status.sync(client=client, company_id=company)
    assert isinstance(status, SlaStatus), status
    missing = get_delivery.sync(uuid4(), client=client)
    assert isinstance(missing, Problem), missing
    return {
        "failed": str(one),
        "total": progress.total,
        "status": delivery.status,
        "missing": missing.status,
    }


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(f"usage: {sys.argv[0]} URL TOKEN COMPANY_ID")
    url, token, company_id = sys.argv[1:]
    print(run(AuthenticatedClient(base_url=url, token=token), UUID(company_id)))
