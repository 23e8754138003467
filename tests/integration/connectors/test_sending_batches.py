"""Batches: accepted whole, split for one record's sake, repeated whole otherwise."""

from dataclasses import replace

import pytest

from impact_in_pipelines.connectors.http.transport import Transport
from impact_in_pipelines.connectors.registry import connector_for, mapping_for
from impact_in_pipelines.delivery.model import Connection, Shipment
from impact_in_pipelines.delivery.states import ErrorKind
from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.sandbox.server import Sandbox

from .accounts import (
    DELIVERED,
    NOW,
    PERMANENT,
    RETRYABLE,
    SPLIT,
    Tokens,
    account,
    figures,
    shipment,
    verdict,
)


def batch_of(connection: Connection, size: int) -> Shipment:
    """A batch of so many organisations' records."""
    payloads = (
        mapping_for(Platform.GOODERA)(
            figures(), replace(connection, organization_id=f"org-{number}"), NOW
        )
        for number in range(size)
    )
    return shipment(connection, *payloads, is_batch=True)


def test_a_batch_is_accepted_whole_under_its_id(sandbox: Sandbox, transport: Transport) -> None:
    """A hundred records, one request, one key."""
    sent = batch_of(account(sandbox, Platform.GOODERA), 100)
    connector = connector_for(Platform.GOODERA, transport, Tokens())
    assert connector.batch_limit == 100
    assert connector.send(sent).outcome is DELIVERED
    stats = sandbox.client.stats()[Platform.GOODERA]
    assert (stats["acceptedRequests"], stats["accepted"]) == (1, 100)


@pytest.mark.parametrize("fault", ["unknown_project", "bad_request", "success_false", "too_long"])
def test_a_batch_refused_for_one_records_sake_is_to_be_split(
    sandbox: Sandbox, transport: Transport, fault: str
) -> None:
    """Refused whole: nothing was taken, so its records may be sent singly."""
    if fault == "unknown_project":
        sandbox.client.configure(unknown_organizations={Platform.GOODERA: ["org-1"]})
    elif fault != "too_long":
        sandbox.client.add_fault(Platform.GOODERA, fault)
    sent = batch_of(account(sandbox, Platform.GOODERA), 101 if fault == "too_long" else 3)
    result = connector_for(Platform.GOODERA, transport, Tokens()).send(sent)
    assert verdict(result) == (SPLIT, ErrorKind.BATCH_REFUSED)
    assert sandbox.client.stats()[Platform.GOODERA]["accepted"] == 0


@pytest.mark.parametrize("kind", ["unauthorized", "server_error", "timeout_before"])
def test_a_batch_that_meets_other_trouble_stays_whole(
    sandbox: Sandbox, transport: Transport, kind: str
) -> None:
    """Until it is resolved it is repeated whole under the same key."""
    sandbox.client.add_fault(Platform.GOODERA, kind)
    sent = batch_of(account(sandbox, Platform.GOODERA), 3)
    result = connector_for(Platform.GOODERA, transport, Tokens()).send(sent)
    assert result.outcome is (PERMANENT if kind == "unauthorized" else RETRYABLE)
