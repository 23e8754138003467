"""One name means one thing: no two classes of the product share theirs."""

import ast
from collections import defaultdict
from pathlib import Path

PACKAGE = Path(__file__).parents[2] / "impact_in_pipelines"


def test_no_two_classes_have_one_name() -> None:
    """Whoever searches for a class finds it, and an import needs no alias. The sandbox imports nothing of
    ours and may use the same words."""
    found: dict[str, list[str]] = defaultdict(list)
    for path in sorted(PACKAGE.rglob("*.py")):
        if "sandbox" in path.parts:
            continue
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.ClassDef):
                found[node.name].append(str(path.relative_to(PACKAGE)))
    assert {name: places for name, places in found.items() if len(places) > 1} == {}
