"""`python -m benchmarks [--record] [NAME…]`: run the named benchmarks, or all of them.

With `--record` what they measured is written to `results.json` after each; `python -m benchmarks page` makes
a page of the ratios in it over commits. One name may be followed by its options:
`python -m benchmarks neighbours --help`.
"""

import importlib
import sys
from pathlib import Path

from benchmarks import _page, _results

NAMES = sorted(
    path.stem for path in Path(__file__).parent.glob("*.py") if not path.stem.startswith("_")
)
RECORD = "--record"


def main(arguments: list[str]) -> None:
    """Run `main()` of each chosen module of this folder; it finds its options in `sys.argv`."""
    if arguments == ["page"]:
        _page.main()
        return
    record = arguments[:1] == [RECORD]
    arguments = arguments[record:]
    # Benchmarks of whole processes start them as the acceptance tests do.
    sys.path.append(str(Path(__file__).parents[1] / "tests"))
    options = [word for word in arguments[1:] if word.startswith("-")]
    chosen = arguments[:1] if options else arguments
    unknown = sorted(set(chosen) - set(NAMES))
    if unknown:
        sys.exit(f"no benchmark {', '.join(unknown)}; there are: {', '.join([*NAMES, 'page'])}")
    for name in chosen or NAMES:
        print(f"== {name}", flush=True)
        sys.argv = [f"benchmarks {name}", *(arguments[1:] if options else [])]
        importlib.import_module(f"benchmarks.{name}").main()
        measured, called = _results.taken(), _results.named(name)
        if record:
            _results.write(called, measured)


if __name__ == "__main__":
    main(sys.argv[1:])
