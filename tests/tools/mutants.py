"""Shows that the tests bite: changes the rules at random, one at a time, and runs the rules' own tests.

`make mutants` samples comparisons, boolean operators, arithmetic and constants (cosmic-ray's operators,
seeded) of the pure rooms, applies each to a copy of the project, runs the unit tests of the room that can
notice it until one fails, and lists the mutants that no test noticed. Exit code 1 below the share that must
be killed. `--room` takes one room alone, for the time in which its tests are written.
"""

import argparse
import ast
import random
import re
import shutil
import sys
import tempfile
import warnings
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import unified_diff
from functools import cache
from itertools import islice
from pathlib import Path

from cosmic_ray.ast import ast_nodes, get_ast_from_path
from cosmic_ray.mutating import mutate_code
from cosmic_ray.plugins import get_operator, operator_names

from tools.mutant_runs import Baseline, Trial, Trials, baseline

ROOT = Path(__file__).parents[2]
PACKAGE = "impact_in_pipelines"
ROOMS = {
    "delivery": "tests/unit/delivery",
    "scheduling": "tests/unit/scheduling",
    "sla": "tests/unit/sla",
    "impact": "tests/unit/impact",
    "connectors/classify.py": "tests/unit/connectors",
}
"""What is changed, and the tests that must notice: the room's own, without a database."""

FAMILIES = {
    "comparison": re.compile(r"core/ReplaceComparisonOperator_(?!Is)"),
    "boolean": re.compile(
        r"core/(ReplaceAndWithOr|ReplaceOrWithAnd|ReplaceTrueWithFalse|ReplaceFalseWithTrue|AddNot)"
    ),
    "arithmetic": re.compile(
        r"core/ReplaceBinaryOperator_(Add|Sub|Mul|Div|FloorDiv|Mod)_(Add|Sub|Mul|FloorDiv|Mod)$"
    ),
    "constant": re.compile(r"core/NumberReplacer"),
}
KILLED_AT_LEAST = 0.85

NO_RULE_DECORATORS = frozenset({"dataclass", "lru_cache"})
"""`slots`, `frozen` and a cache's size: guards against programming errors and thrift. No figure depends on
them, and what a frozen object forbids no code here tries."""
NO_RULE_KEYWORDS = frozenset({("zip", "strict"), ("Field", "examples"), ("Field", "description")})
"""`zip(strict=True)` speaks only if two lists that are built together differ; examples are documentation."""


@dataclass(frozen=True)
class Mutant:
    """One change: the operator's n-th place in a module."""

    module: str
    tests: str
    family: str
    operator: str
    occurrence: int
    line: int


def _called(node: ast.expr) -> str:
    """The last name of what is called: `dataclasses.dataclass(slots=True)` is a `dataclass`."""
    function = node.func if isinstance(node, ast.Call) else node
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def _no_rules(source: str) -> Iterator[ast.expr]:
    """What says nothing that a test could hold us to: annotations, and the options named above."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.arg | ast.AnnAssign) and node.annotation is not None:
            yield node.annotation
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.returns is not None:
            yield node.returns
        for decorator in getattr(node, "decorator_list", ()):
            if _called(decorator) in NO_RULE_DECORATORS:
                yield decorator
        if isinstance(node, ast.Call):
            for keyword in node.keywords:
                if (_called(node), keyword.arg) in NO_RULE_KEYWORDS:
                    yield keyword.value


@cache
def _spans(module: Path) -> list[tuple[tuple[int, int], tuple[int, int]]]:
    """Where these begin and end, as (line, column)."""
    return [
        ((node.lineno, node.col_offset), (node.end_lineno or 0, node.end_col_offset or 0))
        for node in _no_rules(module.read_text("utf-8"))
    ]


def is_rule(module: Path, place: tuple[int, int]) -> bool:
    """Whether the place (line, column) belongs to what the program does."""
    return not any(start <= place < end for start, end in _spans(module))


def modules(rooms: list[str]) -> Iterator[tuple[Path, str]]:
    """Every module of these rooms, with the folder of its tests."""
    for room in rooms:
        tests = ROOMS[room]
        path = ROOT / PACKAGE / room
        for module in [path] if path.suffix else sorted(path.rglob("*.py")):
            yield module, tests


def mutants(rooms: list[str]) -> list[Mutant]:
    """Every change that could be made, in a fixed order."""
    chosen = [
        (family, name)
        for name in sorted(operator_names())
        for family, fits in FAMILIES.items()
        if fits.match(name)
    ]
    found: list[Mutant] = []
    for module, tests in modules(rooms):
        nodes = list(ast_nodes(get_ast_from_path(module)))
        for family, name in chosen:
            for arguments in (get_operator(name).arguments() and [{}]) or [{}]:
                operator = get_operator(name)(**arguments)
                places = [start for node in nodes for start, _ in operator.mutation_positions(node)]
                relative = str(module.relative_to(ROOT))
                found += [
                    Mutant(relative, tests, family, name, number, place[0])
                    for number, place in enumerate(places)
                    if is_rule(module, place)
                ]
    return found


def sampled(everything: list[Mutant], count: int, seed: int) -> list[Mutant]:
    """`count` of them. Places are drawn first and an operator for each: a comparison has five mutants and a
    constant two, and a place should not count more often for that. Each family has the same share. A change
    that is no program (the `*` before keywords taken for a product) is drawn anew: it would be noticed by
    anything."""
    rng = random.Random(seed)
    chosen: list[Mutant] = []
    for family in FAMILIES:
        places: dict[tuple[str, int], list[Mutant]] = {}
        for one in everything:
            if one.family == family:
                places.setdefault((one.module, one.line), []).append(one)
        wanted = len(chosen) + count // len(FAMILIES)
        for place in rng.sample(sorted(places), len(places)):
            fitting = rng.sample(places[place], len(places[place]))
            chosen += islice((one for one in fitting if changed(one) is not None), 1)
            if len(chosen) == wanted:
                break
    return chosen


def changed(mutant: Mutant) -> str | None:
    """The changed module; None: the change is none, or no program (`is` with a number is an error under the
    tests' own warnings, wherever it stands)."""
    original = (ROOT / mutant.module).read_text("utf-8")
    found = mutate_code(original, get_operator(mutant.operator)(), mutant.occurrence)
    if found is None or found == original:
        return None
    try:
        with warnings.catch_warnings(action="error"):
            compile(found, mutant.module, "exec", dont_inherit=True)
    except (SyntaxError, SyntaxWarning):
        return None
    return str(found)


def trial(mutant: Mutant, tests: Baseline) -> Trial:
    """The changed module with the tests that can notice it."""
    original = (ROOT / mutant.module).read_text("utf-8")
    noticing = tests.noticing(mutant.module, original, mutant.line)
    seconds = tuple(tests.seconds[test] for test in noticing)
    return Trial(mutant.module, changed(mutant) or "", noticing, seconds)


def difference(mutant: Mutant, after: str) -> str:
    """What was changed, as a patch."""
    original = (ROOT / mutant.module).read_text("utf-8")
    lines = unified_diff(
        original.splitlines(),
        after.splitlines(),
        mutant.module,
        mutant.operator,
        n=0,
        lineterm="",
    )
    return "\n".join(lines)


def copied(folder: Path) -> Path:
    """A copy of the project in which modules may be changed."""
    folder.mkdir()
    shutil.copy2(ROOT / "pyproject.toml", folder)
    for part in (PACKAGE, "tests", "docs"):
        ignored = shutil.ignore_patterns("__pycache__", "node_modules", "images")
        shutil.copytree(ROOT / part, folder / part, ignore=ignored)
    return folder


def main() -> None:
    """Run the sample on copies side by side, print the survivors and the share that was killed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--room", action="append", choices=list(ROOMS))
    options = parser.parse_args()
    rooms = options.room or list(ROOMS)
    chosen = sampled(mutants(rooms), options.count, options.seed)
    killed: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder:
        copies = [copied(Path(folder) / str(number)) for number in range(options.processes)]
        known = {
            tests: baseline(copies, tests, PACKAGE) for tests in (ROOMS[room] for room in rooms)
        }
        tried = {trial(mutant, known[mutant.tests]): mutant for mutant in chosen}
        for one, noticed in Trials(copies).run(list(tried)):
            mutant = tried[one]
            if noticed:
                killed[mutant.family] += 1
            else:
                changes = difference(mutant, one.changed)
                sys.stdout.write(f"survived ({mutant.family}):\n{changes}\n\n")
                sys.stdout.flush()
    total = Counter(mutant.family for mutant in tried.values())
    for family in FAMILIES:
        sys.stdout.write(f"{family:<11} {killed[family]:>4} of {total[family]:>4} killed\n")
    share = killed.total() / max(1, total.total())
    sys.stdout.write(f"all         {killed.total():>4} of {total.total():>4} killed: {share:.1%}\n")
    sys.exit(0 if share >= KILLED_AT_LEAST else 1)


if __name__ == "__main__":
    main()
