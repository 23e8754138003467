"""What the event stream carries."""

from typing import Any
from uuid import UUID

from impact_in_pipelines.api.deliveries.schemas import Status
from impact_in_pipelines.api.http.schemas import Model, Moment, PlatformName


class DeliveryEvent(Model):
    """The data of a `delivery` event: a delivery that is new, or whose status has changed."""

    id: UUID
    company_id: UUID
    platform: PlatformName
    status: Status
    attempt_count: int
    updated_at: Moment


STREAM: dict[str, Any] = {
    "description": "A stream of server-sent events that ends with the token. `delivery`: its data is a "
    "DeliveryEvent, its id can be given back as Last-Event-ID. `reset`: changes were missed; read the list "
    "again. Comments are heartbeats.",
    "content": {
        "text/event-stream": {
            "schema": {
                "type": "string",
                "contentMediaType": "application/json",  # of each event's data
                "contentSchema": {"$ref": "#/components/schemas/DeliveryEvent"},
            },
            "examples": {"delivery": {"value": 'event: delivery\nid: 48213\ndata: {"id":"…"}\n\n'}},
        }
    },
}

SCHEMAS: dict[str, Any] = {
    "DeliveryEvent": DeliveryEvent.model_json_schema(
        ref_template="#/components/schemas/{model}", mode="serialization"
    )
}
"""What the document refers to besides what FastAPI finds."""
