"""One process's use of the embedded server: join it, start it if need be, and leave it."""

import fcntl
import os
import struct
import subprocess
import sys
import time
from pathlib import Path

import psycopg2
from sqlalchemy import URL

from impact_in_pipelines.db.embedded import making
from impact_in_pipelines.db.embedded.account import server_account
from impact_in_pipelines.db.embedded.binaries import environment
from impact_in_pipelines.db.embedded.memory import buffer_options
from impact_in_pipelines.db.embedded.places import Places
from impact_in_pipelines.db.embedded.processes import (
    Postmaster,
    find_postmaster,
    stop_postmaster,
)
from impact_in_pipelines.errors.database import (
    EarlierVersionRuns,
    FolderUnusable,
    ServerCannotStart,
    ServerElsewhere,
)

PORT = 5432
USER = "postgres"
_SUPERVISOR = Path(__file__).with_name("supervisor.py")
_PATIENCE_S = 300.0
"""How long a server may take to be ready: after a crash it reads its log again first."""
_STRANGER = "99999999"
"""A process id that no system gives."""


class Server:
    """A running server that this process uses until `leave`."""

    def __init__(self, data: Path) -> None:
        """Join the server on `data` (a resolved path), made and started if need be. Raises
        `DatabaseUnavailable`."""
        self.joined_by = os.getpid()
        self._data = data
        self._places = Places(data)
        self._users = -1
        try:
            self._places.prepare()
            self._users = self._places.open_lock("users")
            # Waits while the last user's server is being stopped.
            fcntl.flock(self._users, fcntl.LOCK_SH)
            with self._places.exclusive():
                self._account = server_account(data)
                self._socket_folder = self._ensure_running()
                self._password = self._places.password() or ""
        except OSError as error:
            self._close()
            raise FolderUnusable(data.parent, _reason(error)) from error
        except BaseException:
            self._close()
            raise

    def url(self, database: str) -> URL:
        """Where `database` of this server is, with the password."""
        return URL.create(
            "postgresql+psycopg2",
            username=USER,
            password=self._password,
            database=database,
            query={"host": str(self._socket_folder)},
        )

    def leave(self) -> None:
        """Stop using the server, and stop it if nobody else uses it. May be called twice."""
        if self._users < 0:
            return
        try:
            fcntl.flock(self._users, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            # Others use it, or the supervisor was quicker and is stopping it: then wait for that, so that
            # whoever waits for our end finds the server gone.
            fcntl.flock(self._users, fcntl.LOCK_SH)
        else:
            # Not under the `exclusive` lock: one that holds it may be waiting for this one.
            self._stop()
        self._close()

    def stop(self) -> None:
        """Stop the server, whoever uses it."""
        if self._places.folder.exists():
            with self._places.exclusive():
                self._stop()

    def _stop(self) -> None:
        server = find_postmaster(self._data)
        if server is None:
            return
        if not stop_postmaster(server):
            raise ServerCannotStart(self._data, f"process {server.pid} doesn't stop")
        self._places.forget_socket_folder()

    def _close(self) -> None:
        if self._users >= 0:
            os.close(self._users)
            self._users = -1

    def _ensure_running(self) -> Path:
        """Make, secure and start what is missing; returns the folder of the socket."""
        secured = making.is_secured(self._places)
        server = find_postmaster(self._data)
        if server is None and self._places.server_lives():
            server = self._await_own_server()
        if server is not None and secured and self._answers(server):
            return server.socket_folder
        if server is not None:
            self._take_over(server)
        making.make_cluster(self._places, self._account)
        if not making.is_secured(self._places):
            making.secure(self._places, self._account)
        return self._start()

    def _await_own_server(self) -> Postmaster | None:
        """The server that holds our lock: it may be stopping, or not have written its id yet."""
        deadline = time.monotonic() + 10.0
        while self._places.server_lives():
            if (server := find_postmaster(self._data)) is not None:
                return server
            if time.monotonic() > deadline:
                raise ServerElsewhere(self._data)
            time.sleep(0.02)
        return None

    def _answers(self, server: Postmaster) -> bool:
        """Whether the server lets us in with our password and says that it is the one of this folder."""
        deadline = time.monotonic() + _PATIENCE_S
        while not server.ready:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.02)
            found = find_postmaster(self._data)
            if found is None:
                return False
            server = found
        try:
            connection = psycopg2.connect(
                host=str(server.socket_folder),
                port=PORT,
                user=USER,
                password=self._places.password(),
                dbname="postgres",
                connect_timeout=10,
            )
        except psycopg2.OperationalError:
            return False
        try:
            with connection.cursor() as cursor:
                cursor.execute("SELECT system_identifier FROM pg_control_system()")
                row = cursor.fetchone()
        finally:
            connection.close()
        return row is not None and row[0] == system_identifier(self._data)

    def _take_over(self, server: Postmaster) -> None:
        """Stop a server that we can't use as it is: it asks for no password, or for another one."""
        living = making.earlier_users(self._data)
        if living:
            raise EarlierVersionRuns(self._data, living)
        if not self._alone():
            raise ServerCannotStart(
                self._data, "it runs, but doesn't take the password; others use it"
            )
        if not stop_postmaster(server):
            raise ServerCannotStart(self._data, f"process {server.pid} doesn't stop")

    def _alone(self) -> bool:
        try:
            fcntl.flock(self._users, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            fcntl.flock(self._users, fcntl.LOCK_SH)
            return False
        # Newcomers wait for this lock or, once they have it, for the exclusive one: none of them connects.
        fcntl.flock(self._users, fcntl.LOCK_SH)
        return True

    def _start(self) -> Path:
        """Start the server under a supervisor; returns the folder of its socket once it is ready."""
        program = making.program("postgres", self._data)
        socket_folder = self._places.socket_folder(self._account)
        _disown(self._data)
        for name in (f".s.PGSQL.{PORT}", f".s.PGSQL.{PORT}.lock"):
            (socket_folder / name).unlink(missing_ok=True)
        self._account.let_in(self._data)
        self._account.let_in(socket_folder)
        command = [str(program), "-D", str(self._data), *_options(self._data, socket_folder)]
        log = self._data / "log"
        written = log.stat().st_size if log.exists() else 0
        self._supervise(command, log)
        deadline = time.monotonic() + _PATIENCE_S
        while time.monotonic() < deadline:
            server = find_postmaster(self._data)
            if server is not None and server.ready:
                return server.socket_folder
            if server is None and not self._places.server_lives():
                raise ServerCannotStart(self._data, _last_words(log, written))
            time.sleep(0.01)
        raise ServerCannotStart(self._data, f"it isn't ready after {_PATIENCE_S:.0f} s; see {log}")

    def _supervise(self, command: list[str], log: Path) -> None:
        users = self._places.open_lock(
            "users"
        )  # of the supervisor's own: it waits until ours is gone
        own = self._places.open_lock("running")
        output = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        try:
            self._account.give(log)
            fcntl.flock(own, fcntl.LOCK_EX)
            words = [str(number) for number in (users, own, output)]
            words += [str(self._account.uid), str(self._account.gid)]
            subprocess.run(  # noqa: S603
                [sys.executable, "-I", "-S", str(_SUPERVISOR), *words, *command],
                check=True,
                env=environment(),
                pass_fds=(users, own, output),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        except subprocess.CalledProcessError as error:
            raise ServerCannotStart(self._data, "its supervisor doesn't start") from error
        finally:
            for descriptor in (users, own, output):
                os.close(descriptor)


def system_identifier(data: Path) -> int:
    """What tells this cluster from every other (pg_control begins with it, in the machine's byte order)."""
    with (data / "global" / "pg_control").open("rb") as stream:
        (number,) = struct.unpack("=Q", stream.read(8))
    return int(number)


def _options(data: Path, socket_folder: Path) -> list[str]:
    """No network at all; the socket is its owner's alone."""
    quoted = str(socket_folder).replace('"', '""')
    options = {
        "listen_addresses": "",
        "port": str(PORT),
        "unix_socket_directories": f'"{quoted}"',
        "unix_socket_permissions": "0700",
        **buffer_options(data),
    }
    return [word for name, value in options.items() for word in ("-c", f"{name}={value}")]


def _disown(data: Path) -> None:
    """Make a stale `postmaster.pid` name no living process; the caller knows that no server runs on `data`.

    PostgreSQL would refuse to start because of whatever process has that number today. The file is not
    removed: by its other lines PostgreSQL finds orphans that still hold the old server's shared memory.
    """
    path = data / "postmaster.pid"
    try:
        lines = path.read_text("utf-8", "surrogateescape").splitlines(keepends=True)
    except FileNotFoundError:
        return
    lines[:1] = [f"{_STRANGER}\n"]
    path.write_text("".join(lines), "utf-8", "surrogateescape")


def _last_words(log: Path, since: int) -> str:
    """The reason in what the server wrote to its log from byte `since` on, in one line."""
    try:
        with log.open("rb") as stream:
            stream.seek(since)
            lines = stream.read(100_000).decode("utf-8", "replace").splitlines()
    except OSError:
        lines = []
    fatal = [line.partition("FATAL:")[2].strip() for line in lines if "FATAL:" in line]
    reason = fatal[-1] if fatal else (lines[-1] if lines else "it ended at once")
    return f"{reason}; see {log}"


def _reason(error: OSError) -> str:
    return error.strerror or str(error)
