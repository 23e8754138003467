"""Which ports the processes of `impact-in dev` listen on."""

import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from impact_in_pipelines.cli.demo.world import sandbox_environment
from impact_in_pipelines.cli.output import console
from impact_in_pipelines.connectors.dagster_graphql import LOCATION
from impact_in_pipelines.dagster_instance.environment import workspace_yaml
from impact_in_pipelines.errors import UsageError
from impact_in_pipelines.sandbox.accounts.config import DEFAULT_PORT

UI_PORT, API_PORT, SANDBOX_PORT, CODE_PORT = 3000, 3007, DEFAULT_PORT, 3998
_TRIED = 100

_WORKSPACE = """\
load_from:
  - grpc_server:
      host: 127.0.0.1
      port: {port}
      location_name: {location}
"""


class PortTaken(UsageError):
    """Another program listens where one of ours must."""


@dataclass(frozen=True, slots=True)
class Ports:
    """Of Dagster's UI, the API with the cockpit, the sandbox and the code server, all on 127.0.0.1."""

    ui: int = UI_PORT
    api: int = API_PORT
    sandbox: int = SANDBOX_PORT
    code: int = CODE_PORT

    @property
    def environment(self) -> Mapping[str, str]:
        """The settings by which the processes find each other; what the environment names already counts."""
        return {
            **sandbox_environment(f"http://127.0.0.1:{self.sandbox}"),
            "DAGSTER_UI_URL": f"http://127.0.0.1:{self.ui}",
            "COCKPIT_URL": f"http://127.0.0.1:{self.api}",
        }

    def workspace(self, home: Path) -> Path:
        """The file that tells the web server and the daemon where the code server is; for another port than
        the usual one it is written into `home`."""
        if self.code == CODE_PORT:
            return workspace_yaml()
        written = home.absolute() / "dev-workspace.yaml"
        written.write_text(_WORKSPACE.format(port=self.code, location=LOCATION))
        return written


def choose_ports(*, ui: int | None, api: int | None, sandbox: int | None) -> Ports:
    """The ports that were named, else the usual ones, else the next that are free, which is told.

    Raises `PortTaken` for one that was named.
    """
    taken: set[int] = set()

    def choose(name: str, named: int | None, usual: int) -> int:
        if named is not None:
            if named in taken or not _is_free(named):
                raise PortTaken(
                    f"port {named} for the {name} is taken; stop what listens there (ss -ltnp)"
                )
            found = named
        else:
            found = _free_from(name, usual, taken)
            if found != usual:
                console.print(f"Port {usual} is taken: the {name} is on {found}.")
        taken.add(found)
        return found

    # What was named comes first, so that nothing else takes it.
    wanted = {
        "Dagster UI": (ui, UI_PORT),
        "API": (api, API_PORT),
        "sandbox": (sandbox, SANDBOX_PORT),
        "code server": (None, CODE_PORT),
    }
    chosen = {
        name: choose(name, *ports)
        for name, ports in sorted(wanted.items(), key=lambda one: one[1][0] is None)
    }
    return Ports(chosen["Dagster UI"], chosen["API"], chosen["sandbox"], chosen["code server"])


def _free_from(name: str, usual: int, taken: set[int]) -> int:
    usual_ones = {UI_PORT, API_PORT, SANDBOX_PORT, CODE_PORT} - {usual}
    for port in range(usual, usual + _TRIED):
        if port not in taken | usual_ones and _is_free(port):
            return port
    raise PortTaken(f"no port from {usual} to {usual + _TRIED - 1} is free for the {name}")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
