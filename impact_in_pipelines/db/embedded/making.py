"""Making a cluster, and giving it (or one of an earlier version) a password."""

import json
import secrets
import shutil
import subprocess
from pathlib import Path

from impact_in_pipelines.db.embedded.account import ServerAccount
from impact_in_pipelines.db.embedded.binaries import environment, programs
from impact_in_pipelines.db.embedded.places import Places
from impact_in_pipelines.db.embedded.processes import started
from impact_in_pipelines.errors.database import ServerCannotStart

_MAX_CONNECTIONS = 300
_RULES = """\
# Written by Impact-In Pipelines: whoever connects needs the password.
local all all scram-sha-256
"""
_EARLIER_HANDLES, _EARLIER_STARTS = ".handle_pids.json", ".handle_starts.json"


def program(name: str, data: Path) -> Path:
    """PostgreSQL's program `name` for the cluster in `data`. Raises `ServerCannotStart`."""
    folder = programs(data)
    if folder is None:
        raise ServerCannotStart(data, "no PostgreSQL of its version is installed")
    return folder / name


def is_secured(places: Places) -> bool:
    """Whether the cluster asks for a password that we have."""
    try:
        rules = (places.data / "pg_hba.conf").read_text("utf-8", "replace")
    except FileNotFoundError:
        return False
    return rules == _RULES and places.password() is not None


def make_cluster(places: Places, account: ServerAccount) -> None:
    """Make the cluster where there is none. It gets its name when it is whole: a process that is killed
    half-way leaves nothing that looks like one. Raises `OSError` or `ServerCannotStart`."""
    data = places.data
    if (data / "PG_VERSION").exists():
        return
    if data.exists() and any(data.iterdir()):
        raise ServerCannotStart(data, "the folder holds something else than a database")
    for left in data.parent.glob(f"{data.name}.new-*"):
        shutil.rmtree(left, ignore_errors=True)
    initdb = program("initdb", data)
    fresh = data.with_name(f"{data.name}.new-{secrets.token_hex(4)}")
    fresh.mkdir(mode=0o700)
    account.give(fresh)
    account.let_in(fresh)
    let_use(initdb.parent, account)
    words: list[str | Path] = [
        *(initdb, "--username=postgres", "--auth=reject", "--encoding=UTF8"),
        # The same order of texts on every machine, whatever its language.
        *("--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
        *("--set", f"max_connections={_MAX_CONNECTIONS}", "-D", fresh),
    ]
    try:
        _run(words, data, account)
        if data.exists():
            data.rmdir()
        fresh.rename(data)
    except BaseException:
        shutil.rmtree(fresh, ignore_errors=True)
        raise


def secure(places: Places, account: ServerAccount) -> None:
    """Give the superuser a password and let nobody in without it; no server may run. Repeating it after a
    crash half-way is safe: `is_secured` says no until the last step."""
    data = places.data
    postgres = program("postgres", data)
    let_use(postgres.parent, account)
    account.let_in(data)
    password = places.password() or places.new_password()
    # A server of one connection, on this process's pipe: nobody else can be in. The statement goes through
    # the pipe as well, since a command line is everybody's to read.
    words: list[str | Path] = [
        postgres,
        "--single",
        "-D",
        data,
        "-c",
        "log_statement=none",
        *_quick_to_check(data),
        "postgres",
    ]
    _run(words, data, account, f"ALTER ROLE postgres PASSWORD '{password}'\n")
    fresh = data / "pg_hba.conf.new"
    fresh.write_text(_RULES, "utf-8")
    fresh.chmod(0o600)
    account.give(fresh)
    fresh.replace(data / "pg_hba.conf")
    for name in (_EARLIER_HANDLES, _EARLIER_STARTS):
        (data / name).unlink(missing_ok=True)


def _quick_to_check(data: Path) -> list[str]:
    """Settings by which a password costs a client 0.4 ms of processor at each connection, not 2.4: the rounds
    of hashing slow down guessing at what people choose, and this one is of 256 random bits. Dagster opens a
    connection for each statement. Since PostgreSQL 16."""
    major = int((data / "PG_VERSION").read_text("ascii"))
    return ["-c", "scram_iterations=1"] if major >= 16 else []


def earlier_users(data: Path) -> list[int]:
    """The living processes of an earlier version that use the server: it kept a list of their ids, and beside
    it when each was started."""
    try:
        listed = [int(pid) for pid in json.loads((data / _EARLIER_HANDLES).read_text("utf-8"))]
    except (OSError, ValueError, TypeError):
        return []
    try:
        noted = json.loads((data / _EARLIER_STARTS).read_text("utf-8"))
    except (OSError, ValueError):
        noted = {}
    found = {pid: started(pid) for pid in listed}
    return [pid for pid, at in found.items() if at and noted.get(str(pid), at) == at]


def let_use(folder: Path, account: ServerAccount) -> None:
    """Let the server's account run the programs in `folder`, which root may have installed for itself, under
    a umask that shuts everybody else out."""
    if account.uid < 0:
        return
    installed = folder.parent
    account.let_in(folder)
    # initdb needs the wheel's libraries, which lie beside its package; postgres does without.
    if all(_runs(folder / name, account) for name in ("postgres", "initdb")):
        return
    package = installed.parent
    for top in (installed, package.with_name(f"{package.name}.libs")):
        for path in (top, *top.rglob("*")) if top.exists() else ():
            mode = path.stat().st_mode
            path.chmod(mode | (mode & 0o400 and 0o044) | (mode & 0o100 and 0o011))


def _runs(program: Path, account: ServerAccount) -> bool:
    try:
        tried = subprocess.run(  # noqa: S603
            [program, "--version"],
            capture_output=True,
            check=False,
            cwd="/",
            env=environment(),
            **account.as_user(),  # type: ignore[call-overload]
        )
    except PermissionError:  # the folder itself is shut
        return False
    return bool(tried.returncode == 0)


def _run(
    words: list[str | Path], data: Path, account: ServerAccount, standard_input: str | None = None
) -> None:
    done = subprocess.run(  # noqa: S603
        words,
        input=standard_input if standard_input is not None else "",
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
        cwd="/",
        env=environment(),
        start_new_session=True,  # Ctrl-C in the terminal reaches us, and we clean up
        **account.as_user(),
    )  # type: ignore[call-overload]
    # A server of one connection goes on after an error; it says so.
    if done.returncode or (standard_input is not None and "ERROR:" in done.stderr):
        said = [line for line in done.stderr.splitlines() if line.strip()]
        causes = [line for line in said if "error:" in line or "FATAL:" in line]
        reason = (causes or said or [f"exit code {done.returncode}"])[0].strip()
        raise ServerCannotStart(data, reason.partition("rror:")[2].strip() or reason)
