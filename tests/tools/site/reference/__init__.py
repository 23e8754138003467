"""The reference, made from the code whenever the site is built: nothing of it is committed, so nothing drifts."""

import re
from collections.abc import Mapping

from tools.site.reference import (
    api,
    cli,
    clients,
    codes,
    connectors,
    dagster,
    metrics,
    settings,
    tables,
)
from tools.site.staging import Linked

_NAMES = {
    "reference/cli.md": re.compile(r"^## (impact-in [\w -]+)$", re.MULTILINE),
    "reference/settings.md": re.compile(r'^\| <a id="\w+"></a>`([A-Z_]+)`', re.MULTILINE),
    "reference/tables.md": re.compile(r"^## (\w+)$", re.MULTILINE),
    "reference/metrics.md": re.compile(r'^\| <a id="\w+"></a>`(\w+)`', re.MULTILINE),
    "reference/refusals.md": re.compile(r'^\| <a id="[\w.]+"></a>`([\w.]+)`', re.MULTILINE),
}
"""What a page of the reference defines: other pages that name it lead there."""


def reference() -> dict[str, str]:
    """Every generated page by its path."""
    made = {
        "cli": cli.page(),
        "api": api.page(),
        "clients": clients.page(),
        "connectors": connectors.page(),
        "settings": settings.page(),
        "tables": tables.page(),
        "metrics": metrics.page(),
        "dagster": dagster.page(),
        "error-kinds": codes.error_kinds(),
        "refusals": codes.refusals(),
    }
    return {f"reference/{name}.md": text for name, text in made.items()}


def linked(generated: Mapping[str, str]) -> Linked:
    """Where in `generated` a name is explained. A command may stand with its arguments."""
    places: dict[str, str] = {}
    for path, names in _NAMES.items():
        for name in names.findall(generated[path]):
            places.setdefault(name, f"{path}#{name.lower().replace(' ', '-')}")

    def place(code: str) -> str | None:
        if not code.startswith("impact-in "):
            return places.get(code)
        words = code.split()
        for length in (3, 2):
            if found := places.get(" ".join(words[:length])):
                return found
        return None

    return place
