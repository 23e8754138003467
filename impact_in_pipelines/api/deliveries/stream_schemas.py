"""What the event stream carries."""

from typing import Any
from uuid import UUID

from impact_in_pipelines.api.deliveries.schemas import Status
from impact_in_pipelines.api.http.schemas import Model, Moment, ShownPlatform


class DeliveryEvent(Model):
    """The data of a `delivery` event: a delivery that is new, or whose status has changed."""

    id: UUID
    company_id: UUID
    platform: ShownPlatform
    status: Status
    attempt_count: int
    updated_at: Moment


_EVENT: dict[str, Any] = {
    "type": "object",
    "description": "one event of the stream",
    "required": ["data"],
    "properties": {
        "event": {"type": "string", "description": "delivery or reset"},
        "id": {"type": "string", "description": "a position, for Last-Event-ID"},
        "data": {
            "type": "string",
            "description": "a DeliveryEvent as JSON; of a reset {}",
            "contentMediaType": "application/json",
            "contentSchema": {
                "anyOf": [
                    {"$ref": "#/components/schemas/DeliveryEvent"},
                    {"type": "object", "maxProperties": 0},
                ]
            },
        },
    },
}
"""What tools take the schema of an event stream for: one of its events (`itemSchema` in OpenAPI 3.2)."""

STREAM: dict[str, Any] = {
    "description": "A stream of server-sent events that ends with the token. `delivery`: its data is a "
    "DeliveryEvent, its id can be sent as Last-Event-ID. `reset`: changes were missed; read the list "
    "again. Comments are heartbeats.",
    "content": {
        "text/event-stream": {
            "schema": _EVENT,
            "examples": {
                "delivery": {
                    "summary": 'sent as three lines: event: delivery, id: 48213, data: {"id":"…"}',
                    "value": {"event": "delivery", "id": "48213", "data": '{"id":"…"}'},
                }
            },
        }
    },
}

SCHEMAS: dict[str, Any] = {
    "DeliveryEvent": DeliveryEvent.model_json_schema(
        ref_template="#/components/schemas/{model}", mode="serialization"
    )
}
"""What the document refers to besides what FastAPI finds."""
