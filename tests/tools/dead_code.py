"""Names that nobody uses (vulture), without those that a framework calls by their decorator or their name.

`make.dead_code` prints them and leaves with 1 if there are any.
"""

import ast
import sys
from importlib.metadata import entry_points
from pathlib import Path

from vulture import Vulture

from impact_in_pipelines.cli.app import COMMANDS
from impact_in_pipelines.platforms import GROUP

ROOT = Path(__file__).parents[2]
FOLDERS = ("impact_in_pipelines", "tests", "benchmarks")
CALLED_BY_DECORATOR = [
    "@*.get*",
    "@*.post*",
    "@*.put*",
    "@*.patch*",
    "@*.delete*",
    "@listens_for*",
    "@event.listens_for*",
    "@pytest.fixture*",
    "@field_validator*",
    "@model_validator*",
    "@field_serializer*",
    "@*_asset_check*",
    "@app.*",
    "@*.command*",
    "@*.callback*",
]
"""Routes, fixtures, validators and commands: their framework calls them."""
CALLED_BY_NAME = [
    *("writable", "readinto"),  # io asks a file
    "makefile",  # http.client asks a socket
    "on_message_*",
    "on_header*",
    "on_body",  # httptools
    "do_GET",
    "do_POST",
    "log_message",  # http.server
    "downgrade",
    "upgrade",  # alembic
    "pytest_*",
    "to_string",  # starlette's path converters
    "handle_*",  # html.parser
    "visit_*",  # ast
    "_missing_",  # enum
    "__call__",
    *("__iter__", "__len__", "__bool__", "__contains__", "__getattr__"),  # of a metaclass
    *{entry.attr for entry in entry_points(group=GROUP)},  # our connectors
    "SharingCoordinator",  # dagster.yaml
    "setup_for_execution",  # dagster's resources
    "from_config_value",  # dagster's configurable classes
    "_new_conn",  # urllib3's connections
    *{command.attribute for command in COMMANDS.values()},  # cli/app.py imports what is called
]


def _used_by_templates() -> set[str]:
    """Words of the templates and stylesheets: their attributes are properties of ours."""
    words: set[str] = set()
    for path in (ROOT / "impact_in_pipelines").rglob("*.html"):
        words.update(
            path.read_text("utf-8").replace(".", " ").replace("(", " ").replace("|", " ").split()
        )
    return words


def _fields() -> set[tuple[str, int]]:
    """Where classes declare annotated fields: values on the wire or in a row, read by their name there."""
    found: set[tuple[str, int]] = set()
    for folder in FOLDERS:
        for path in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if isinstance(node, ast.ClassDef):
                    found.update(
                        (str(path), part.lineno)
                        for part in node.body
                        if isinstance(part, ast.AnnAssign)
                    )
    return found


def main() -> None:
    """Print what is unused; exit code 1 if anything is."""
    finder = Vulture(ignore_names=CALLED_BY_NAME, ignore_decorators=CALLED_BY_DECORATOR)
    finder.scavenge([str(ROOT / folder) for folder in FOLDERS])
    templates, fields = _used_by_templates(), _fields()
    unused = [
        item
        for item in finder.get_unused_code(min_confidence=60)
        if item.name not in templates
        and (str(item.filename), item.first_lineno) not in fields
        # Constants and attributes are read by name from templates, frameworks and enumerations.
        and item.typ not in ("attribute", "variable")
    ]
    for item in unused:
        where = Path(item.filename).relative_to(ROOT)
        sys.stdout.write(f"{where}:{item.first_lineno}: nobody uses the {item.typ} {item.name!r}\n")
    sys.exit(1 if unused else 0)


if __name__ == "__main__":
    main()
