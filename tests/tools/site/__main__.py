"""`make docs`: stage, generate, build, check. `--serve PORT` shows it on 127.0.0.1 and follows changes."""

import argparse
import subprocess
import sys
import time
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

from tools.site.checking import faults
from tools.site.reference import linked, reference
from tools.site.reference.gaps import gaps
from tools.site.staging import DOCS, ROOT, stage

STAGED, BUILT = ROOT / "build/docs", ROOT / "build/site"


def build() -> list[str]:
    """Build the site. Returns what is wrong with it, a line each."""
    generated = reference()
    if unsaid := gaps(generated):
        return unsaid
    stage(STAGED, generated, linked(generated))
    ran = subprocess.run(
        [Path(sys.executable).with_name("zensical"), "build", "--strict", "--clean"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if ran.returncode:
        return [*(ran.stdout + ran.stderr).splitlines()]
    return faults(BUILT)


def serve(port: int) -> None:
    """Show the site until Ctrl-C; a page of docs/ that is saved is built anew."""
    handler = partial(SimpleHTTPRequestHandler, directory=str(BUILT))
    server = ThreadingHTTPServer(("127.0.0.1", port), handler)
    Thread(target=server.serve_forever, daemon=True).start()
    print(f"http://127.0.0.1:{server.server_port}/")
    seen = _newest()
    while True:
        time.sleep(1)
        if seen != (seen := _newest()):
            print("\n".join(build()) or "built anew", flush=True)


def _newest() -> float:
    return max(path.stat().st_mtime for path in DOCS.rglob("*"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--serve", type=int, metavar="PORT")
    asked = parser.parse_args()
    wrong = build()
    print("\n".join(wrong) if wrong else f"{BUILT.relative_to(ROOT)}/index.html")
    if asked.serve is not None:
        serve(asked.serve)
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
