"""What the author of a connector has in hand: the public names of `connectors.plugin` and `connectors.testing`."""

import ast
import inspect
import re
import textwrap
from collections.abc import Callable, Iterator
from enum import Enum
from itertools import pairwise
from types import ModuleType
from typing import Any

from impact_in_pipelines.connectors import plugin, testing
from tools.site.reference.text import cell, code, document, table

_SAID = (
    "Everything that a connector imports is in `impact_in_pipelines.connectors.plugin`, and the checks that it must "
    "pass are in `impact_in_pipelines.connectors.testing`. How they fit together: "
    "[add a platform](../how-to/add-a-platform.md)."
)
_FIRST = ("PlatformPlugin", "PlatformFacts", "Shipment", "ImpactFigures", "Promise")
"""What an author meets first; the rest follows by name."""


def page() -> str:
    names = [*_FIRST, *sorted(set(plugin.__all__) - set(_FIRST))]
    found = {name: getattr(plugin, name) for name in names}
    classes = [_class(name, one) for name, one in found.items() if inspect.isclass(one)]
    functions = [_function(name, one) for name, one in found.items() if inspect.isfunction(one)]
    modules = [_module(name, one) for name, one in found.items() if inspect.ismodule(one)]
    values = [
        [code(name), code(re.sub(r"<function (\w+) at \w+>", r"\1", repr(one)))]
        for name, one in found.items()
        if not (inspect.isclass(one) or inspect.isfunction(one) or inspect.ismodule(one))
    ]
    checks = [[code(one.__name__), cell(_doc(one))] for one in testing.CHECKS]
    return document(
        "Connectors",
        _SAID,
        "## Classes",
        *classes,
        "## Functions",
        *functions,
        *modules,
        "## Values",
        table(["name", "value"], sorted(values)),
        "## Checks",
        "`python -m impact_in_pipelines.connectors.testing NAME` runs them all; in pytest they are `CHECKS`, each a "
        "function of what `subject_of` returns.",
        table(["check", "what it asks"], checks),
        _function("subject_of", testing.subject_of),
        _class("TriedConnector", testing.TriedConnector),
    )


def _class(name: str, one: Any) -> str:
    parts = [f"### {name}"]
    if issubclass(one, Enum):
        parts += [_prose(one), ", ".join(code(member.value) for member in one)]
        return "\n\n".join(parts)
    fields = getattr(one, "__dataclass_fields__", None)
    if fields:
        parts.append(_block(f"{name}{_signature(one)}"))
    parts.append(_prose(one))
    told = _attributes(one)
    rows = [[code(attribute), cell(meaning)] for attribute, meaning in told.items()]
    rows += [
        [code(f"{method}{_signature(member, short=True)}"), cell(_doc(member))]
        for method, member in vars(one).items()
        if not method.startswith("_")
        and (inspect.isfunction(member) or isinstance(member, property))
    ]
    if rows:
        parts.append(table(["member", "meaning"], rows))
    return "\n\n".join(parts)


def _function(name: str, one: Callable[..., Any]) -> str:
    return "\n\n".join([f"### {name}", _block(f"{name}{_signature(one)}"), _prose(one)])


def _module(name: str, one: ModuleType) -> str:
    rows = [
        [code(f"{name}.{inner}{_signature(member, short=True)}"), cell(_doc(member))]
        for inner, member in vars(one).items()
        if inspect.isfunction(member)
        and member.__module__ == one.__name__
        and not inner.startswith("_")
    ]
    return "\n\n".join([f"### {name}", _prose(one), table(["function", "meaning"], rows)])


def _attributes(one: type) -> dict[str, str]:
    """The strings below annotations of a class, by the name that each explains."""
    (body,) = ast.parse(textwrap.dedent(inspect.getsource(one))).body
    assert isinstance(body, ast.ClassDef)
    return dict(_told(body.body))


def _told(body: list[ast.stmt]) -> Iterator[tuple[str, str]]:
    for named, said in pairwise(body):
        if (
            isinstance(named, ast.AnnAssign)
            and isinstance(named.target, ast.Name)
            and isinstance(said, ast.Expr)
            and isinstance(said.value, ast.Constant)
        ):
            yield named.target.id, str(said.value.value)


def _signature(one: Any, *, short: bool = False) -> str:
    """What it takes; a short one has names only."""
    if isinstance(one, property):
        return ""
    found = inspect.signature(one)
    if short:
        return "(" + ", ".join(name for name in found.parameters if name != "self") + ")"
    lines = [str(parameter) for parameter in found.parameters.values()]
    end = "" if inspect.isclass(one) else f" -> {inspect.formatannotation(found.return_annotation)}"
    whole = ", ".join(lines)
    return (
        f"({whole}){end}" if len(whole) < 80 else "(\n    " + ",\n    ".join(lines) + f",\n){end}"
    )


def _block(text: str) -> str:
    # Names without their modules, and what a default is without what it holds.
    short = re.sub(r"\b(?:[a-z_]+\.)+(?=\w)", "", text)
    short = re.sub(r"= (\w+)\(\w+=.*\),$", r"= \1(),", short, flags=re.MULTILINE)
    return f"```python\n{short}\n```"


def _doc(one: Any) -> str:
    return inspect.getdoc(one) or ""


def _prose(one: Any) -> str:
    return "\n\n".join(cell(part) for part in _doc(one).split("\n\n"))
