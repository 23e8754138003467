"""Shows that the tests bite: changes the rules at random, one at a time, and runs the rules' own tests.

`make mutants` samples comparisons, boolean operators, arithmetic and constants (cosmic-ray's operators,
seeded) of the pure rooms, applies each to a copy of the project, runs the unit tests of the room until one
fails, and lists the mutants that no test noticed. Exit code 1 below the share that must be killed.
"""

import argparse
import random
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from difflib import unified_diff
from pathlib import Path
from queue import SimpleQueue

from cosmic_ray.ast import ast_nodes, get_ast_from_path
from cosmic_ray.mutating import mutate_code
from cosmic_ray.plugins import get_operator, operator_names

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
SECONDS = 120
"""A mutant that makes the tests run longer than this has been noticed: it never ends."""


@dataclass(frozen=True)
class Mutant:
    """One change: the operator's n-th place in a module."""

    module: str
    tests: str
    family: str
    operator: str
    occurrence: int
    line: int


def modules() -> Iterator[tuple[Path, str]]:
    """Every module that is changed, with the folder of its tests."""
    for room, tests in ROOMS.items():
        path = ROOT / PACKAGE / room
        for module in [path] if path.suffix else sorted(path.rglob("*.py")):
            yield module, tests


def mutants() -> list[Mutant]:
    """Every change that could be made, in a fixed order."""
    chosen = [
        (family, name)
        for name in sorted(operator_names())
        for family, fits in FAMILIES.items()
        if fits.match(name)
    ]
    found: list[Mutant] = []
    for module, tests in modules():
        nodes = list(ast_nodes(get_ast_from_path(module)))
        for family, name in chosen:
            for arguments in (get_operator(name).arguments() and [{}]) or [{}]:
                operator = get_operator(name)(**arguments)
                places = [start for node in nodes for start, _ in operator.mutation_positions(node)]
                relative = str(module.relative_to(ROOT))
                found += [
                    Mutant(relative, tests, family, name, number, place[0])
                    for number, place in enumerate(places)
                ]
    return found


def sampled(everything: list[Mutant], count: int, seed: int) -> list[Mutant]:
    """`count` of them. Places are drawn first and an operator for each: a comparison has five mutants and a
    constant two, and a place should not count more often for that. Each family has the same share."""
    rng = random.Random(seed)
    chosen: list[Mutant] = []
    for family in FAMILIES:
        places: dict[tuple[str, int], list[Mutant]] = {}
        for one in everything:
            if one.family == family:
                places.setdefault((one.module, one.line), []).append(one)
        drawn = rng.sample(sorted(places), min(count // len(FAMILIES), len(places)))
        chosen += [rng.choice(places[place]) for place in drawn]
    return chosen


def survives(mutant: Mutant, copy: Path) -> str | None:
    """The difference that no test noticed; None: the mutant was killed, or is no program at all."""
    path = copy / mutant.module
    original = path.read_text("utf-8")
    changed = mutate_code(original, get_operator(mutant.operator)(), mutant.occurrence)
    if changed is None or changed == original:
        return None
    path.write_text(changed, "utf-8")
    first = copy / mutant.tests / f"test_{path.stem}.py"
    own = [str(first.relative_to(copy))] if first.exists() else []
    try:
        command = [
            sys.executable,
            "-m",
            "pytest",
            "-x",
            "-q",
            "-p",
            "no:cacheprovider",
            "-p",
            "no:xdist",
            *own,
            mutant.tests,
        ]
        environment = {
            "PATH": "/usr/bin:/bin",
            "PYTHONPATH": str(copy),
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        ended = subprocess.run(
            command, cwd=copy, env=environment, capture_output=True, timeout=SECONDS
        )
    except subprocess.TimeoutExpired:
        return None
    finally:
        path.write_text(original, "utf-8")
    if ended.returncode == 1 or ended.returncode == 2:
        return None
    if ended.returncode != 0:
        raise RuntimeError(f"the tests did not run: {ended.stdout[-2000:]!r}")
    lines = unified_diff(
        original.splitlines(),
        changed.splitlines(),
        mutant.module,
        mutant.operator,
        n=0,
        lineterm="",
    )
    return "\n".join(lines)


def main() -> None:
    """Run the sample on two copies side by side, print the survivors and the share that was killed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args()
    chosen = sampled(mutants(), options.count, options.seed)
    killed: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder:
        copies: SimpleQueue[Path] = SimpleQueue()
        for number in range(options.processes):
            copy = Path(folder) / str(number)
            ignored = shutil.ignore_patterns(
                ".venv", ".git", ".impact-in", ".dagster", "__pycache__", "build", ".*_cache"
            )
            shutil.copytree(ROOT, copy, ignore=ignored)
            copies.put(copy)

        def judged(mutant: Mutant) -> str | None:
            copy = copies.get()
            try:
                return survives(mutant, copy)
            finally:
                copies.put(copy)

        with ThreadPoolExecutor(options.processes) as pool:
            for mutant, difference in zip(chosen, pool.map(judged, chosen), strict=True):
                if difference is None:
                    killed[mutant.family] += 1
                else:
                    sys.stdout.write(f"survived ({mutant.family}):\n{difference}\n\n")
                    sys.stdout.flush()
    total = Counter(mutant.family for mutant in chosen)
    for family in FAMILIES:
        sys.stdout.write(f"{family:<11} {killed[family]:>4} of {total[family]:>4} killed\n")
    share = killed.total() / max(1, total.total())
    sys.stdout.write(f"all         {killed.total():>4} of {total.total():>4} killed: {share:.1%}\n")
    sys.exit(0 if share >= KILLED_AT_LEAST else 1)


if __name__ == "__main__":
    main()
