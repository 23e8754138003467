"""Debian's PostgreSQL and PgBouncer as an installation has them: a server that asks for TLS and a password,
a role that owns its databases and nothing else, and a pooler in transaction mode in front."""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg2
from ports import free_port
from sqlalchemy import URL

_NEWEST = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
BINARIES = _NEWEST[-1] if _NEWEST else None
PGBOUNCER = shutil.which("pgbouncer", path="/usr/sbin:/usr/bin")
MISSING = (
    None
    if BINARIES and PGBOUNCER and shutil.which("openssl")
    else "Debian's postgresql, pgbouncer and openssl are not here"
)
OWNER, PASSWORD = "impact_owner", "a password of the test's"
ADMIN = "postgres"
ARCHIVING = ("archive_mode = on", "archive_command = 'cp %p ../archive/%f'")
"""For `managed_postgres`: the log is kept, so that the server can be put back to any moment."""

_NOBODY = "postgres"
"""The account that servers run as where the tests are root: PostgreSQL refuses to be root's."""


@dataclass(frozen=True)
class Managed:
    """A server as a provider gives it: `url` is the owner's (TLS, no superuser), `admin` the provider's."""

    folder: Path
    port: int
    url: URL
    admin: URL

    def query(self, sql: str) -> list[tuple[object, ...]]:
        """What the provider's superuser finds, in our database."""
        where = self.admin.set(drivername="postgresql", database="impact_in")
        connection = psycopg2.connect(where.render_as_string(hide_password=False))
        try:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(sql)
                return cursor.fetchall() if cursor.description else []
        finally:
            connection.close()

    def back_up(self) -> None:
        """A base backup, to be recovered from with what is archived of the log (docs/operations.md)."""
        _as_nobody(
            *(_binary("pg_basebackup"), "-h", str(self.folder), "-p", str(self.port), "-U", ADMIN),
            *("-D", str(self.folder / "base"), "-X", "none", "--checkpoint=fast", "--no-sync"),
        )

    def recover_to(self, point: str) -> None:
        """Put the whole server back to a named restore point, as docs/operations.md says."""
        self.query("SELECT pg_switch_wal()")
        self.stop("fast")  # in an orderly way: the last of the log is archived
        data = self.folder / "data"
        data.rename(self.folder / "lost")
        (self.folder / "base").rename(data)
        with (data / "postgresql.auto.conf").open("a") as file:
            file.write(
                f"restore_command = 'cp {self.folder}/archive/%f %p'\n"
                f"recovery_target_name = '{point}'\n"
                "recovery_target_action = 'promote'\n"
            )
        (data / "recovery.signal").touch()
        _own(data / "recovery.signal")
        self.start()

    def stop(self, mode: str = "immediate") -> None:
        """Stop it: `immediate` at once, as a crash would, `fast` in an orderly way."""
        _as_nobody(_binary("pg_ctl"), "-D", str(self.folder / "data"), "-m", mode, "stop")

    def start(self) -> None:
        """Start it, and wait until it answers."""
        data = self.folder / "data"
        log = str(self.folder / "log")
        _as_nobody(_binary("pg_ctl"), "-D", str(data), "-l", log, "-w", "-t", "60", "start")


@contextmanager
def managed_postgres(*settings: str) -> Iterator[Managed]:
    """A server of the test's own; `settings` are more lines of its configuration."""
    folder = Path(tempfile.mkdtemp(prefix="pg-"))
    port = free_port()
    try:
        _own(folder)
        _certificate(folder)
        (folder / "archive").mkdir()
        _own(folder / "archive")
        _as_nobody(
            *(_binary("initdb"), "-D", str(folder / "data"), "-U", ADMIN, "--auth=trust"),
            *("--no-sync", "--encoding=UTF8", "--locale=C"),
        )
        _configure(folder, port, settings)
        owner = URL.create(
            "postgresql+psycopg2",
            username=OWNER,
            password=PASSWORD,
            host="localhost",
            port=port,
            database="impact_in",
            query={"sslmode": "verify-full", "sslrootcert": str(folder / "server.crt")},
        )
        admin = URL.create(
            "postgresql+psycopg2",
            username=ADMIN,
            port=port,
            database="postgres",
            query={"host": str(folder)},
        )
        server = Managed(folder, port, owner, admin)
        server.start()
        try:
            _make_databases(server)
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def pgbouncer(server: Managed) -> Iterator[URL]:
    """PgBouncer 1.18 with Debian's defaults in transaction mode; the URL of our database through it."""
    assert PGBOUNCER is not None
    port = free_port()
    ini = server.folder / "pgbouncer.ini"
    users = server.folder / "users.txt"
    users.write_text(f'"{OWNER}" "{PASSWORD}"\n')
    ini.write_text(
        f"""[databases]
impact_in = host=localhost port={server.port} dbname=impact_in
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = plain
auth_file = {users}
admin_users = {OWNER}
pool_mode = transaction
default_pool_size = 4
server_tls_sslmode = verify-full
server_tls_ca_file = {server.folder / "server.crt"}
logfile = {server.folder / "pgbouncer.log"}
pidfile = {server.folder / "pgbouncer.pid"}
"""
    )
    _own(ini, users)
    process = subprocess.Popen(
        [*_nobody(), PGBOUNCER, "-q", str(ini)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=server.folder,
    )
    try:
        _until_open(port, process)
        yield server.url.set(host="127.0.0.1", port=port, query={})
    finally:
        process.terminate()
        process.wait(timeout=30)


def reconnect(pooled_url: URL) -> None:
    """Have PgBouncer open its connections to the server anew, and forget what they were like."""
    url = pooled_url.set(drivername="postgresql", database="pgbouncer")
    connection = psycopg2.connect(url.render_as_string(hide_password=False))
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute("RECONNECT")
    connection.close()


def _configure(folder: Path, port: int, settings: tuple[str, ...]) -> None:
    data = folder / "data"
    lines = (
        "listen_addresses = 'localhost'",
        f"port = {port}",
        f"unix_socket_directories = '{folder}'",
        "ssl = on",
        f"ssl_cert_file = '{folder / 'server.crt'}'",
        f"ssl_key_file = '{folder / 'server.key'}'",
        "fsync = off",
        # Nobody's sessions are in UTC by themselves.
        "timezone = 'America/New_York'",
        *settings,
    )
    with (data / "postgresql.conf").open("a") as file:
        file.write("\n".join(lines) + "\n")
    (data / "pg_hba.conf").write_text(
        "local all postgres trust\nhostssl all all all scram-sha-256\n"
        "local replication postgres trust\n"
    )


def _make_databases(server: Managed) -> None:
    url = server.admin.set(drivername="postgresql").render_as_string(hide_password=False)
    connection = psycopg2.connect(url)
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute(
            f"CREATE ROLE {OWNER} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD %s",
            (PASSWORD,),
        )
        for name in ("impact_in", "dagster"):
            cursor.execute(f"CREATE DATABASE {name} OWNER {OWNER}")
    connection.close()


def _certificate(folder: Path) -> None:
    _as_nobody(
        *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
        *(
            "-nodes",
            "-days",
            "2",
            "-subj",
            "/CN=localhost",
            "-addext",
            "subjectAltName=DNS:localhost",
        ),
        *("-keyout", str(folder / "server.key"), "-out", str(folder / "server.crt")),
    )
    (folder / "server.crt").chmod(0o644)
    folder.chmod(0o755)  # the certificate is read by clients


def _binary(name: str) -> str:
    assert BINARIES is not None
    return str(BINARIES / name)


def _nobody() -> list[str]:
    return ["runuser", "-u", _NOBODY, "--"] if os.geteuid() == 0 else []


def _as_nobody(*command: str) -> None:
    done = subprocess.run(
        [*_nobody(), *command], capture_output=True, text=True, timeout=120, cwd="/"
    )
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"


def _own(*paths: Path) -> None:
    if os.geteuid() == 0:
        for path in paths:
            shutil.chown(path, _NOBODY)


def _until_open(port: int, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + 30
    while True:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        assert process.poll() is None, "PgBouncer ended"
        assert time.monotonic() < deadline, "PgBouncer doesn't listen"
        time.sleep(0.05)
