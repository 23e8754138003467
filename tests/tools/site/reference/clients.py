"""The functions of the generated clients, from the OpenAPI document that they are generated from."""

import json
import re
from keyword import iskeyword
from typing import Any

from tools.site.reference.text import cell, code, document, table
from tools.site.staging import ROOT

_SAID = (
    "The package `impact-in-client` exists for Python and for TypeScript. Both are generated from the OpenAPI document of the "
    "[API](api.md). How to install them, how to sign in, and examples: [the clients](../project/clients.md).",
    "**Python**: each operation is a module with the functions `sync`, `sync_detailed`, `asyncio` and `asyncio_detailed`. "
    "Parameters of the path come first; all others, `client` too, are passed by name.",
    "**TypeScript**: each operation is a call with the method and the path, such as "
    '`client.GET("/v1/impact-in/deliveries", { params: { query: { … } } })`. The compiler knows what each call takes.',
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
        *_SAID,
        *(
            f"## {subject}\n\n`from impact_in_client.api.{_snake(subject)} import …`\n\n"
            + '<div class="stacked clients" markdown>\n\n'
            + table(["Python", "takes", "TypeScript", "what it does"], rows)
            + "\n\n</div>"
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
    """As the generator writes Python's names: words of the language get a sign more."""
    parted = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name.replace(" ", "_").replace("-", "_"))
    return parted.lower() + "_" * iskeyword(parted.lower())
