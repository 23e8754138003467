"""What the embedded PostgreSQL survives, and whom it lets in."""

import os
import pwd
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from contextlib import closing
from pathlib import Path

import psycopg2
import pytest
from sqlalchemy import URL, text

from impact_in_pipelines.db.embedded.account import ServerAccount
from impact_in_pipelines.db.embedded.binaries import installed
from impact_in_pipelines.db.embedded.cluster import embedded_url, leave_server, stop_server
from impact_in_pipelines.db.embedded.making import let_use
from impact_in_pipelines.db.embedded.processes import find_postmaster, started
from impact_in_pipelines.db.embedded.server import system_identifier
from impact_in_pipelines.db.engine import make_engine
from impact_in_pipelines.errors.database import EarlierVersionRuns, FolderUnusable

from .embedded_users import copy_cluster, runs, until, user

ROOT = os.geteuid() == 0


def answer(url: URL) -> object:
    """What the server at `url` answers."""
    engine = make_engine(url, pool_size=1)
    try:
        with engine.connect() as connection:
            return connection.scalar(text("SELECT 42"))
    finally:
        engine.dispose()


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


def test_an_unrelated_process_with_the_servers_number_survives(cluster: Path) -> None:
    """The incident: a crash left `postmaster.pid`, another program got the number, and a command that only
    reads took it for the server and killed it at its end."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as unrelated:
        lines = [unrelated.pid, cluster, 1_700_000_000, 5432, cluster, "", "  1 1", "ready   "]
        (cluster / "postmaster.pid").write_text("\n".join(map(str, lines)) + "\n", "utf-8")
        (cluster / ".s.PGSQL.5432.lock").write_text(f"{unrelated.pid}\n", "utf-8")
        before = started(unrelated.pid)

        assert answer(embedded_url(cluster)) == 42
        leave_server(cluster)

        assert started(unrelated.pid) == before is not None
    assert not runs(cluster)


@pytest.mark.parametrize(
    "folder",
    [
        "My Projects' here",
        'a "quoted" $HOME `id` \\ folder',
        "Økonomi, Київ, año",
        "per%20cent & host=/elsewhere?x#y",
        "x" * 200,
        "-D /elsewhere",
    ],
)
def test_it_starts_whatever_its_folder_is_called(made_cluster: Path, folder: str) -> None:
    """Spaces, quotes, what a shell or a URL would read otherwise, and paths longer than a socket's may be."""
    home = Path(tempfile.mkdtemp(prefix="ii-"))
    cluster = home / folder / "postgres"
    try:
        copy_cluster(made_cluster, cluster)
        url = embedded_url(cluster)
        socket_folder = Path(str(url.query["host"]))

        assert answer(url) == 42
        assert len(os.fsencode(socket_folder / ".s.PGSQL.5432")) <= 107
        assert mode(socket_folder) == 0o700
        assert socket_folder.stat().st_uid == cluster.stat().st_uid
        assert mode(socket_folder / ".s.PGSQL.5432") == 0o700
    finally:
        stop_server(cluster)
        shutil.rmtree(home)
    assert not socket_folder.exists()


def test_a_new_cluster_is_made_in_such_a_folder_too() -> None:
    """initdb reads its words as well as the server does."""
    with tempfile.TemporaryDirectory(prefix="ii-") as home:
        cluster = Path(home) / "My 'Projects" / ("y" * 120) / "pg"
        assert answer(embedded_url(cluster)) == 42
        stop_server(cluster)


def test_a_socket_folder_that_somebody_else_could_enter_is_not_used_again(
    made_cluster: Path,
) -> None:
    """It is noted for the next start; if its permissions have changed meanwhile, another one is made."""
    home = Path(tempfile.mkdtemp(prefix="ii-"))
    cluster = home / ("z" * 120) / "postgres"
    opened = Path(tempfile.mkdtemp(prefix="impact-in-"))
    opened.chmod(0o755)
    try:
        copy_cluster(made_cluster, cluster)
        cluster.with_name("postgres.server").joinpath("socket").write_text(str(opened), "utf-8")
        url = embedded_url(cluster)
        assert url.query["host"] != str(opened)
        assert answer(url) == 42
    finally:
        stop_server(cluster)
        shutil.rmtree(home)
        opened.rmdir()


def test_what_opens_the_server_is_its_owners_alone(cluster: Path) -> None:
    """Password, locks and data; and the password is in no command line, log or text of the URL."""
    url = embedded_url(cluster)
    beside = cluster.with_name("pg.server")
    password = (beside / "password").read_text("ascii")

    assert mode(beside) == 0o700
    assert {mode(path) for path in beside.iterdir()} == {0o600}
    assert mode(cluster) == 0o700
    assert url.password == password
    assert password not in f"{url} {url!r}"
    assert password not in (cluster / "log").read_text("utf-8")
    for command in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            assert password.encode() not in command.read_bytes()
        except OSError:
            continue  # it has ended meanwhile


def test_nobody_is_let_in_without_the_password(cluster: Path) -> None:
    """Not even one who reaches the socket; before, whoever reached it was superuser."""
    url = embedded_url(cluster)
    for password in (None, "", "postgres"):
        with pytest.raises(psycopg2.OperationalError, match="password"):
            psycopg2.connect(
                host=url.query["host"], user="postgres", password=password, dbname="postgres"
            )


def test_a_random_password_is_hashed_once_for_each_connection(cluster: Path) -> None:
    """Thousands of rounds protect what people choose; here they were half of an idle daemon's work."""
    url = embedded_url(cluster)
    assert len(url.password or "") >= 43  # 256 random bits
    with closing(
        psycopg2.connect(
            host=url.query["host"], user="postgres", password=url.password, dbname="postgres"
        )
    ) as connection:
        cursor = connection.cursor()
        cursor.execute("SELECT rolpassword FROM pg_authid WHERE rolname = 'postgres'")
        ((kept,),) = cursor.fetchall()
    assert kept.startswith("SCRAM-SHA-256$1:")


@pytest.mark.skipif(not ROOT, reason="only root can act as another user")
@pytest.mark.parametrize("depth", [1, 120])
def test_another_user_does_not_reach_the_socket(made_cluster: Path, depth: int) -> None:
    """In a short folder nor a long one: before, a long path moved the socket to where anyone may go."""
    home = Path(tempfile.mkdtemp(prefix="ii-"))
    home.chmod(0o755)
    cluster = home / ("d" * depth) / "pg"
    try:
        copy_cluster(made_cluster, cluster)
        url = embedded_url(cluster)
        tried = subprocess.run(
            [
                "/usr/bin/env",
                "python3",
                "-c",
                "import socket, sys; socket.socket(socket.AF_UNIX).connect(sys.argv[1])",
                f"{url.query['host']}/.s.PGSQL.5432",
            ],
            user="nobody",
            group="nogroup",
            extra_groups=[],
            cwd="/",
            env={"PATH": "/usr/bin:/bin"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert "PermissionError" in tried.stderr
    finally:
        stop_server(cluster)
        shutil.rmtree(home)


@pytest.mark.skipif(not ROOT, reason="only root can act as another user")
def test_programs_that_root_installed_for_itself_are_run_by_the_servers_account() -> None:
    """Under umask 077 the wheel's folders are shut, and so are the libraries beside it that initdb needs:
    the first start on such a machine failed and blamed the database's folder."""
    home = Path(tempfile.mkdtemp(prefix="ii-"))
    programs = home / "wheel" / "pginstall" / "bin"
    library = home / "wheel.libs" / "libpq"
    entry = pwd.getpwnam("nobody")
    account = ServerAccount(entry.pw_uid, entry.pw_gid)
    try:
        programs.mkdir(parents=True)
        library.parent.mkdir()
        library.write_text("true\n", "utf-8")
        for name, needed in (("postgres", "true"), ("initdb", f". {library}")):
            (programs / name).write_text(f"#!/bin/sh\n{needed}\n", "utf-8")
        for path in (home, *home.rglob("*")):
            path.chmod(0o700)

        let_use(programs, account)

        ran = subprocess.run([programs / "initdb"], check=False, cwd="/", **account.as_user())  # type: ignore[call-overload]
        assert ran.returncode == 0
        assert mode(home) == 0o701
    finally:
        shutil.rmtree(home)


def test_a_folder_that_others_may_enter_is_refused(cluster: Path) -> None:
    """Somebody could have put a password there that he knows."""
    beside = cluster.with_name("pg.server")
    beside.chmod(0o777)
    with pytest.raises(FolderUnusable):
        embedded_url(cluster)
    beside.chmod(0o700)


def test_a_killed_server_with_all_its_files_left_is_recovered(cluster: Path) -> None:
    """Power cut: pid file, socket and locks are there, and nobody behind them."""
    url = embedded_url(cluster)
    engine = make_engine(url)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE kept AS SELECT 7 AS x"))
    engine.dispose()
    server = find_postmaster(cluster.resolve())
    assert server is not None
    os.kill(server.pid, signal.SIGKILL)
    until(lambda: not runs(cluster))
    leave_server(cluster)
    assert (cluster / "postmaster.pid").exists()

    engine = make_engine(embedded_url(cluster))
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT x FROM kept")) == 7
    engine.dispose()


def test_a_cluster_that_was_half_made_is_made_anew() -> None:
    """A process killed while initdb works leaves nothing that looks like a database."""
    with tempfile.TemporaryDirectory(prefix="ii-") as folder:
        cluster = Path(folder) / "pg"
        half = Path(folder) / "pg.new-0123abcd"
        half.mkdir()
        (half / "PG_VERSION").write_text("18\n", "ascii")

        assert answer(embedded_url(cluster)) == 42

        assert not half.exists()
        stop_server(cluster)


def test_a_lost_password_is_replaced_when_nobody_uses_the_server(cluster: Path) -> None:
    """The data is its owner's still."""
    cluster.with_name("pg.server").joinpath("password").unlink()
    assert answer(embedded_url(cluster)) == 42


def as_earlier_version(cluster: Path, handles: str) -> None:
    """Turn `cluster` into what the version before left: whoever comes is let in, and a list of processes."""
    (cluster / "pg_hba.conf").write_text("local all all trust\n", "utf-8")
    (cluster / ".handle_pids.json").write_text(handles, "utf-8")
    shutil.rmtree(cluster.with_name("pg.server"))


def start_as_earlier_version(cluster: Path) -> None:
    """Start the server as the version before did: by pg_ctl, with its socket in the data folder."""
    owner = cluster.stat()
    cluster.parent.chmod(0o711)
    subprocess.run(
        [
            installed()[18] / "pg_ctl",
            *("-w", "-D", cluster, "-l", cluster / "log"),
            *("-o", f'-h "" -k {cluster}', "start"),
        ],
        check=True,
        cwd="/",
        stdout=subprocess.DEVNULL,
        **({"user": owner.st_uid, "group": owner.st_gid, "extra_groups": []} if ROOT else {}),
    )  # type: ignore[call-overload]


@pytest.mark.parametrize("running", [False, True], ids=["stopped", "left running"])
def test_a_cluster_of_the_earlier_version_gets_a_password(cluster: Path, running: bool) -> None:
    """In place, with its data; also one that a killed process left running."""
    as_earlier_version(cluster, "[99999999]")
    if running:
        start_as_earlier_version(cluster)
    before = system_identifier(cluster)

    url = embedded_url(cluster)

    assert answer(url) == 42
    assert system_identifier(cluster) == before
    with pytest.raises(psycopg2.OperationalError, match="password"):
        psycopg2.connect(host=url.query["host"], user="postgres", dbname="postgres")
    assert not (cluster / ".handle_pids.json").exists()


def test_a_server_that_the_earlier_version_still_uses_is_left_alone(cluster: Path) -> None:
    """Its processes would lose their connections for good; a person ends them first."""
    as_earlier_version(cluster, f"[{os.getpid()}]")
    start_as_earlier_version(cluster)

    with pytest.raises(EarlierVersionRuns) as refused:
        embedded_url(cluster)

    assert refused.value.processes == [os.getpid()]
    assert runs(cluster)
    (cluster / ".handle_pids.json").unlink()


def test_a_user_that_joins_while_the_server_stops_gets_a_new_one(cluster: Path) -> None:
    """Coming and going at random, nobody finds half a server."""
    for _ in range(3):
        with user(cluster) as first:
            first.send_signal(signal.SIGKILL)
            first.wait()
        with user(cluster):
            assert runs(cluster)
