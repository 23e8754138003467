"""`python -m impact_in_pipelines.sandbox [--port N]`: serve until interrupted."""

import argparse
import sys

from impact_in_pipelines.sandbox.accounts.config import DEFAULT_PORT
from impact_in_pipelines.sandbox.server import SandboxError, serve

LOG_LEVELS = ("critical", "error", "warning", "info", "debug")


def main() -> int:
    """Return the exit code: 0 after an orderly stop, 2 if the address can't be had."""
    parser = argparse.ArgumentParser(prog="python -m impact_in_pipelines.sandbox")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=DEFAULT_PORT, help="0 takes a free port")
    parser.add_argument("--log-level", choices=LOG_LEVELS, default="warning")
    parser.add_argument("--stop-on-eof", action="store_true", help="stop when standard input ends")
    options = parser.parse_args()
    try:
        serve(options.host, options.port, options.log_level, stop_on_eof=options.stop_on_eof)
    except SandboxError as error:
        print(f"sandbox: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
