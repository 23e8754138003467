"""What a connection to the database is opened with."""

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import URL, text
from sqlalchemy.exc import OperationalError

from impact_in_pipelines.cli.next_steps import told
from impact_in_pipelines.db.engine import (
    Database,
    make_engine,
    make_reader,
    translated_errors,
)
from impact_in_pipelines.errors.database import ServerUnreachable
from impact_in_pipelines.settings import Settings, read_settings

SHORT = read_settings({"DATABASE_STATEMENT_TIMEOUT_MS": "1000"})


def test_a_statement_that_takes_too_long_is_ended_by_the_server(database: Database) -> None:
    """A worker that waits for ever outlives its lease; both engines set it."""
    writer = make_engine(database.url, settings=SHORT)
    reader = make_reader(database.url, pool_size=1, settings=SHORT)
    for engine in (writer, reader):
        with engine.connect() as connection, pytest.raises(OperationalError, match="timeout"):
            connection.execute(text("SELECT pg_sleep(60)"))
        engine.dispose()


def test_each_session_has_the_settings_and_utc(database: Database) -> None:
    """Seen by the server itself."""
    engine = make_engine(database.url)
    with engine.connect() as connection:
        assert connection.scalar(text("SHOW statement_timeout")) == "1min"
        assert connection.scalar(text("SHOW timezone")) == "UTC"
    engine.dispose()
    with database.reads.connect() as connection:
        assert connection.scalar(text("SHOW default_transaction_read_only")) == "on"


@contextmanager
def over_tcp(url: URL) -> Iterator[URL]:
    """The server of `url`, which listens on a Unix socket only, behind a port of 127.0.0.1."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        ends: list[socket.socket] = []

        def serve() -> None:
            client, _ = listening.accept()
            server = socket.socket(socket.AF_UNIX)
            server.connect(f"{url.query['host']}/.s.PGSQL.5432")
            ends.extend((client, server))
            copying = threading.Thread(target=copy, args=(server, client))
            copying.start()
            copy(client, server)
            copying.join()

        def copy(source: socket.socket, target: socket.socket) -> None:
            while data := source.recv(65_536):
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)

        serving = threading.Thread(target=serve)
        serving.start()
        port = listening.getsockname()[1]
        yield url.set(host="127.0.0.1", port=port, query={"sslmode": "disable"})
        serving.join()
        for end in ends:
            end.close()


@pytest.mark.skipif(not hasattr(socket, "TCP_USER_TIMEOUT"), reason="Linux shows it")
def test_a_connection_over_the_network_is_given_up_when_it_is_silent(database: Database) -> None:
    """The kernel's own view of the socket: without these a lost server is noticed after two hours."""
    settings = read_settings(
        {
            "DATABASE_TCP_USER_TIMEOUT_MS": "12000",
            "DATABASE_TCP_KEEPALIVE_IDLE_SECONDS": "7",
            "DATABASE_TCP_KEEPALIVE_INTERVAL_SECONDS": "3",
        }
    )
    with over_tcp(database.url) as url:
        engine = make_engine(url, pool_size=1, settings=settings)
        with engine.connect() as connection:
            driver: Any = connection.connection.driver_connection
            with socket.socket(fileno=os.dup(driver.fileno())) as seen:
                tcp = socket.IPPROTO_TCP
                assert seen.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
                assert seen.getsockopt(tcp, socket.TCP_USER_TIMEOUT) == 12_000
                assert seen.getsockopt(tcp, socket.TCP_KEEPIDLE) == 7
                assert seen.getsockopt(tcp, socket.TCP_KEEPINTVL) == 3
                assert seen.getsockopt(tcp, socket.TCP_KEEPCNT) == 3
        engine.dispose()


def test_a_server_that_hangs_up_is_told_in_one_line(database: Database) -> None:
    """With the next step of a person at a terminal."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        url = database.url.set(host="127.0.0.1", port=listening.getsockname()[1], query={})
    engine = make_engine(url)
    with pytest.raises(ServerUnreachable) as refused, translated_errors(url):
        engine.connect()
    engine.dispose()
    line = told(refused.value)
    assert line.startswith("PostgreSQL at 127.0.0.1 doesn't answer (")
    assert line.endswith("; start it or correct DATABASE_URL")
    assert "\n" not in line


def test_a_lost_server_is_noticed_within_the_lease() -> None:
    """The defaults: what was sent is recorded before another worker may take the delivery."""
    settings = Settings()
    silent = settings.tcp_keepalive_idle_seconds + 3 * settings.tcp_keepalive_interval_seconds
    assert silent < settings.lease_seconds
    assert settings.tcp_user_timeout_ms / 1000 < settings.lease_seconds
    assert settings.statement_timeout_ms / 1000 < settings.lease_seconds
