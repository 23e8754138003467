"""The functions of the generated clients, from the OpenAPI document that they are generated from."""

import json
import re
from typing import Any

from tools.site.reference.text import cell, code, document, table
from tools.site.staging import ROOT

_SAID = (
    "`impact-in-client` is there for Python and TypeScript, both generated from the document of the [API](api.md). In Python each "
    "operation is a module with `sync`, `sync_detailed`, `asyncio` and `asyncio_detailed`; what stands in the path comes first, "
    "everything else by name, `client` among it. In TypeScript it is a call with the path, such as "
    '`client.GET("/v1/impact-in/deliveries", { params: { query: { … } } })`, and the compiler knows what each takes. '
    "Installing, signing in and examples: [the clients](../project/clients.md)."
)
_METHODS = ("get", "put", "post", "patch", "delete")


def page() -> str:
    found = json.loads((ROOT / "clients/openapi.json").read_text())
    subjects: dict[str, list[list[str]]] = {}
    for path, methods in found["paths"].items():
        for method in (one for one in _METHODS if one in methods):
            operation = methods[method]
            subjects.setdefault(operation["tags"][0], []).append(
                _row(found, operation, f'{method.upper()}("{path}")')
            )
    return document(
        "Clients",
        _SAID,
        *(
            f"## {subject}\n\n`from impact_in_client.api.{_snake(subject)} import …`\n\n"
            + table(["Python", "takes", "TypeScript", "what it does"], rows)
            for subject, rows in sorted(subjects.items())
        ),
        wide=True,
    )


def _row(found: dict[str, Any], operation: dict[str, Any], call: str) -> list[str]:
    parameters = [_resolved(found, one) for one in operation.get("parameters", [])]
    takes = [code(_snake(one["name"])) for one in parameters if one["in"] in ("path", "query")]
    if "requestBody" in operation:
        takes.append(code("body"))
    return [
        code(_snake(operation["operationId"])),
        ", ".join(takes) or "nothing",
        code(call),
        cell(operation["summary"]),
    ]


def _resolved(found: dict[str, Any], one: dict[str, Any]) -> dict[str, Any]:
    for name in one.get("$ref", "").split("/")[1:]:
        found = found[name]
    return found if "$ref" in one else one


def _snake(name: str) -> str:
    """As the generator writes Python's names."""
    parted = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name.replace(" ", "_").replace("-", "_"))
    return parted.lower()
