"""Which ports `impact-in dev` takes."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml

from impact_in_pipelines.cli.dev import ports as dev_ports
from impact_in_pipelines.cli.dev.command import processes
from impact_in_pipelines.cli.dev.ports import Ports, PortTaken, choose_ports


@contextmanager
def taken_port() -> Iterator[int]:
    """A port on which somebody else listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield int(server.getsockname()[1])


def test_a_port_that_is_taken_makes_room_and_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The next free one; no two processes get the same."""
    with taken_port() as ui:
        monkeypatch.setattr(dev_ports, "UI_PORT", ui)
        chosen = choose_ports(ui=None, api=None, sandbox=None)
    assert chosen.ui > ui
    assert len({chosen.ui, chosen.api, chosen.sandbox, chosen.code}) == 4
    assert f"Port {ui} is taken: the Dagster UI is on {chosen.ui}." in capsys.readouterr().out


def test_a_port_that_was_named_has_to_be_free() -> None:
    """Whoever names one relies on it."""
    with taken_port() as port, pytest.raises(PortTaken, match=f"port {port} for the API is taken"):
        choose_ports(ui=None, api=port, sandbox=None)


def test_one_port_is_not_named_twice() -> None:
    """It would be found out when the second process starts."""
    with taken_port() as port:
        pass
    with pytest.raises(PortTaken, match=str(port)):
        choose_ports(ui=port, api=port, sandbox=None)


def test_every_process_is_told_the_ports(tmp_path: Path) -> None:
    """In its command, in the settings, and in the file that says where the code server is."""
    ports = Ports(ui=4000, api=4007, sandbox=4999, code=4998)
    workspace = ports.workspace(tmp_path)
    commands = processes(ports, workspace, own_world=False)

    assert yaml.safe_load(workspace.read_text())["load_from"][0]["grpc_server"]["port"] == 4998
    assert ports.environment["DAGSTER_UI_URL"] == "http://127.0.0.1:4000"
    assert ports.environment["COCKPIT_URL"] == "http://127.0.0.1:4007"
    assert ports.environment["GOODERA_API_URL"].startswith("http://127.0.0.1:4999")
    for name, port in {"code": 4998, "sandbox": 4999, "api": 4007, "ui": 4000}.items():
        assert str(port) in commands[name]
    assert str(workspace) in commands["daemon"]


def test_the_usual_ports_need_no_file_of_their_own(tmp_path: Path) -> None:
    """The project's own says where the code server is."""
    assert Ports().workspace(tmp_path).parent != tmp_path
