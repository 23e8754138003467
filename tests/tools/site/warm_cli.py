"""`impact-in` for shells that call it often: one process has imported it, and forks for each call.

`python -m tools.site.warm_cli FOLDER` is that process. The shell finds `impact-in` in the folder, a small script that hands its arguments, folder, environment and open
files to the process here and waits for the exit code. What runs is the real program in a process of its own.
"""

import array
import json
import os
import socket
import sys
from contextlib import suppress
from pathlib import Path

_SHIM = """#!{python} -ISE
import array, json, os, signal, socket, sys
asked = {{"words": sys.argv[1:], "folder": os.getcwd(), "environment": dict(os.environ)}}
end = socket.socket(socket.AF_UNIX)
end.connect({path!r})
end.sendmsg([b"?"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [0, 1, 2]))])
end.sendall(json.dumps(asked).encode())
end.shutdown(socket.SHUT_WR)
told = end.makefile()
process = int(told.readline())
for one in (signal.SIGTERM, signal.SIGINT):
    signal.signal(one, lambda number, _: os.kill(process, number))
sys.exit(int(told.readline() or 70))
"""


def install(folder: Path) -> socket.socket:
    """Put `impact-in` into `folder`. Returns the socket that answers."""
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(str(folder / "cli.sock"))
    listening.listen()
    script = folder / "impact-in"
    script.write_text(_SHIM.format(python=sys.executable, path=str(folder / "cli.sock")))
    script.chmod(0o755)
    return listening


def serve(listening: socket.socket) -> None:
    """Answer until the process is terminated."""
    _import()
    while True:
        asking, _ = listening.accept()
        if not os.fork():
            _answer(asking)
        asking.close()
        with suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass


def _import() -> None:
    """What commands import; nothing that reads settings or opens anything."""
    import dagster  # noqa: F401
    import pandas  # noqa: F401

    from impact_in_pipelines.cli.app import app

    app()


def _answer(asking: socket.socket) -> None:
    """Run one command in a child, so that it ends as any program does, and tell its exit code."""
    child = os.fork()
    if child:
        asking.sendall(f"{child}\n".encode())
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        with suppress(BrokenPipeError):
            asking.sendall(f"{code}\n".encode())
        os._exit(0)
    _, files, *_ = asking.recvmsg(1, socket.CMSG_SPACE(3 * array.array("i").itemsize))
    received = array.array("i", files[0][2])
    asked = json.loads(b"".join(iter(lambda: asking.recv(65536), b"")))
    asking.close()
    for ours, theirs in enumerate(received):
        os.dup2(theirs, ours)
        os.close(theirs)
    os.chdir(asked["folder"])
    os.environ.clear()
    os.environ.update(asked["environment"])
    sys.argv = ["impact-in", *asked["words"]]
    sys.stdin, sys.stdout, sys.stderr = open(0), open(1, "w"), open(2, "w")  # noqa: SIM115
    # Typer names the program after it, where a module was started.
    vars(sys.modules["__main__"])["__package__"] = None
    from impact_in_pipelines.cli.main import main

    main()


if __name__ == "__main__":
    serve(install(Path(sys.argv[1])))
