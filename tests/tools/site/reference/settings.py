"""Every setting: what it must be and its default from the code, what it means from docs/operations.md, whose table
a test holds complete."""

import re

from impact_in_pipelines.settings import Settings
from tools.site.reference.text import anchored, cell, document, table
from tools.site.staging import DOCS

_SAID = (
    "Settings are read from the environment once, at the start, and whole. A value that doesn't hold stops the program "
    "with one line that names the variable, what it must be and what it was."
)


def page() -> str:
    told = _meanings()
    rows = []
    for field, about in Settings.model_fields.items():
        name = about.alias or field.upper()
        default, meaning = told.get(name, ("", ""))
        if meaning:
            meaning = f"{meaning[0].upper()}{meaning[1:]}.<br>*Value*: {cell(about.description)}."
        rows.append([anchored(name), default, meaning])
    return document(
        "Settings",
        _SAID,
        '<div class="stacked settings" markdown>',
        table(["variable", "default", "meaning"], sorted(rows)),
        "</div>",
        wide=True,
    )


def _meanings() -> dict[str, tuple[str, str]]:
    """Default and meaning by variable: each has a row of its own, whose first cell is its name alone."""
    part = (DOCS / "operations.md").read_text().partition("## Settings")[2].partition("\n## ")[0]
    told: dict[str, tuple[str, str]] = {}
    for line in part.splitlines():
        if found := re.match(r"\| `([A-Z<][A-Z0-9_<>]+)` \| (.*) \| (.*) \|$", line):
            name, default, meaning = found.groups()
            told[name] = (_from_here(default), _from_here(meaning))
    return told


def _from_here(text: str) -> str:
    """Links of operations.md, as they are from a page of the reference."""
    text = re.sub(r"\]\(#", "](../operations.md#", text)
    return re.sub(r"\]\((?!\.\./|[a-z]+:)", "](../", text)
