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
        default, meaning = told[name]
        rows.append([anchored(name), default or "–", cell(about.description), meaning])
    return document(
        "Settings",
        _SAID,
        table(["variable", "default", "must be", "meaning"], sorted(rows)),
        wide=True,
    )


def _meanings() -> dict[str, tuple[str, str]]:
    """Default and meaning by variable. A row may explain several, whose defaults stand in the same order."""
    part = (DOCS / "operations.md").read_text().partition("## Settings")[2].partition("\n## ")[0]
    told: dict[str, tuple[str, str]] = {}
    for line in part.splitlines():
        cells = [one.strip() for one in re.split(r"(?<!\\)\|", line)]
        names = re.findall(r"`([A-Z<][A-Z0-9_<>]+)`", cells[1]) if len(cells) > 3 else []
        defaults = cells[2].split(", ") if names else []
        for at, name in enumerate(names):
            default = defaults[at] if len(defaults) == len(names) else cells[2]
            told.setdefault(name, (_from_here(default), _from_here(cells[3])))
    return told


def _from_here(text: str) -> str:
    """Links of operations.md, as they are from a page of the reference."""
    text = re.sub(r"\]\(#", "](../operations.md#", text)
    return re.sub(r"\]\((?!\.\./|[a-z]+:)", "](../", text)
