"""`python -m impact_in_pipelines.cli.dev.when_open PORT COMMAND…`: start COMMAND once PORT answers.

The daemon and the webserver must not start before the code server, or their first ticks fail.
"""

import os
import socket
import sys
import time

_PATIENCE_S = 120.0


def wait_for(port: int) -> bool:
    """Whether 127.0.0.1:`port` accepts a connection within two minutes."""
    deadline = time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.2)
        else:
            return True
    return False


if __name__ == "__main__":
    if not wait_for(int(sys.argv[1])):
        sys.exit(f"nothing listens on 127.0.0.1:{sys.argv[1]} after {_PATIENCE_S:.0f} s")
    os.execvp(sys.argv[2], sys.argv[2:])  # noqa: S606 - the command is `impact-in dev`'s own
