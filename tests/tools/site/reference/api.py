"""Every operation of the API, from its own OpenAPI document."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from fastapi import FastAPI

from impact_in_pipelines.api.app import ROUTERS
from impact_in_pipelines.api.openapi.document import document as openapi
from tools.site.reference import text
from tools.site.reference.text import cell, code, table

_SAID = (
    "Every operation, by subject. A running API shows the same, to be tried out, at `/docs`, and the document itself "
    "at `/v1/impact-in/openapi.json`. How to sign in, pages, errors and limits: [the API](../api.md). Refusals have "
    "[codes](refusals.md)."
)
_SCHEMAS = "#/components/schemas/"
_METHODS = ("get", "put", "post", "patch", "delete")


def page() -> str:
    app = FastAPI(title="Impact-In Pipelines")
    for router in ROUTERS:
        app.router.routes.extend(router.routes)
    found = openapi(app)
    by_tag: dict[str, list[str]] = defaultdict(list)
    for path, methods in found["paths"].items():
        for method in (one for one in _METHODS if one in methods):
            by_tag[methods[method]["tags"][0]].append(_operation(found, path, method))
    subjects = [
        "\n\n".join([f"## {tag['name']}", cell(tag["description"]), *by_tag[tag["name"]]])
        for tag in found["tags"]
        if tag["name"] in by_tag
    ]
    return text.document("REST API", _SAID, *subjects, "## Bodies", *_bodies(found))


def _operation(found: Mapping[str, Any], path: str, method: str) -> str:
    one = found["paths"][path][method]
    roles = one.get("x-required-roles", [])
    lines = [f"### {one['summary']}", f"```text\n{method.upper()} {path}\n```"]
    if one.get("description"):
        lines.append(cell(one["description"]))
    needs = " and ".join(code(role) for role in roles) if one.get("security") else ""
    if needs:
        lines.append(f"Needs {needs}.")
    parameters = [_resolved(found, parameter) for parameter in one.get("parameters", [])]
    body = _named(one.get("requestBody", {}))
    rows = [
        [code(p["name"]), p["in"], code(_type(p.get("schema", {}))), cell(p.get("description", ""))]
        for p in parameters
    ]
    if body:
        rows.append(["the body", "body", body, _body_meaning(found, one["requestBody"])])
    if rows:
        lines.append(table(["name", "in", "form", "meaning"], rows))
    lines.append("Answers: " + ", ".join(_answers(one["responses"])) + ".")
    return "\n\n".join(lines)


def _body_meaning(found: Mapping[str, Any], body: Mapping[str, Any]) -> str:
    """What the schema of a request's body says of itself, or the body where it has none."""
    schema = next(iter(body["content"].values())).get("schema", {})
    said = body.get("description") or _resolved(found, schema).get("description")
    return cell(said or "the content itself")


def _answers(responses: Mapping[str, Any]) -> Iterator[str]:
    for status, answer in sorted(responses.items()):
        body = _named(answer)
        yield code(status) + (f" {body}" if body else "")


def _resolved(found: Mapping[str, Any], one: Any) -> Any:
    for name in one.get("$ref", "").split("/")[1:]:
        found = found[name]
    return found if "$ref" in one else one


def _named(holder: Mapping[str, Any]) -> str:
    """A link to the schema of a body, or the media type where it has no name."""
    for media, content in holder.get("content", {}).items():
        schema = content.get("schema", {})
        name = (schema.get("items") or schema).get("$ref", "").removeprefix(_SCHEMAS)
        return f"[{name}](#{name.lower()})" if name else code(media)
    return ""


def _bodies(found: Mapping[str, Any]) -> Iterator[str]:
    for name, schema in sorted(found["components"]["schemas"].items()):
        lines = [f"### {name}", cell(schema.get("description", ""))]
        if "enum" in schema:
            lines.append(", ".join(code(one) for one in schema["enum"]))
        needed = schema.get("required", ())
        rows = [
            [code(field), code(_type(one)), "yes" if field in needed else "no", _meaning(one)]
            for field, one in schema.get("properties", {}).items()
        ]
        if rows:
            lines.append(table(["member", "form", "always", "meaning"], rows))
        yield "\n\n".join(line for line in lines if line)


def _meaning(schema: Mapping[str, Any]) -> str:
    return cell(schema.get("description", ""))


def _type(schema: Mapping[str, Any]) -> str:
    """The form of a value in a few words."""
    if "$ref" in schema:
        return str(schema["$ref"]).removeprefix(_SCHEMAS)
    if "enum" in schema:
        return " or ".join(str(one) for one in schema["enum"])
    if "const" in schema:
        return str(schema["const"])
    several = schema.get("anyOf") or schema.get("oneOf")
    if several:
        return " or ".join(dict.fromkeys(_type(one) for one in several))
    if schema.get("type") == "array":
        return f"list of {_type(schema.get('items', {}))}"
    kind = schema.get("type", "string" if "format" in schema else "any")
    kind = " or ".join(kind) if isinstance(kind, list) else str(kind)
    return f"{kind} ({schema['format']})" if "format" in schema else kind
