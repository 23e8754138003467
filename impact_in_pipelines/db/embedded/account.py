"""Who runs the server. PostgreSQL refuses to run as root, so that root gives it an account of its own."""

import os
import pwd
import shutil
import stat
import subprocess
from dataclasses import dataclass
from pathlib import Path

_NAME = "pgserver"
"""The account that earlier versions made as well: their clusters belong to it."""


@dataclass(frozen=True, slots=True)
class ServerAccount:
    """A user and group id; -1 means the process's own."""

    uid: int = -1
    gid: int = -1

    def as_user(self) -> dict[str, object]:
        """Arguments of `subprocess.run` that make a program run as this account."""
        if self.uid < 0:
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": []}

    def give(self, path: Path) -> None:
        """Make `path` this account's."""
        if self.uid >= 0:
            os.chown(path, self.uid, self.gid)

    def let_in(self, path: Path) -> None:
        """Let this account reach `path`: root's folders above it get the right to pass through, no more
        (not the right to list them)."""
        if self.uid < 0:
            return
        for folder in path.parents:
            facts = folder.stat()
            if not _may_pass(facts, self):
                folder.chmod(stat.S_IMODE(facts.st_mode) | stat.S_IXOTH)


def _may_pass(facts: os.stat_result, account: ServerAccount) -> bool:
    if facts.st_uid == account.uid:
        return bool(facts.st_mode & stat.S_IXUSR)
    if facts.st_gid == account.gid:
        return bool(facts.st_mode & stat.S_IXGRP)
    return bool(facts.st_mode & stat.S_IXOTH)


def server_account(data: Path) -> ServerAccount:
    """Who runs the server on `data`: we ourselves; for root the owner of the data, for new data the owner of
    the folder around it, or an account that is made once on this machine. Raises `OSError`."""
    if os.geteuid() != 0:
        return ServerAccount()
    for path in (data, data.parent):
        owner = path.stat().st_uid if path.exists() else 0
        if owner != 0 and (known := _by_id(owner)) is not None:
            return ServerAccount(known.pw_uid, known.pw_gid)
    entry = _find() or _make()
    return ServerAccount(entry.pw_uid, entry.pw_gid)


def _by_id(uid: int) -> pwd.struct_passwd | None:
    # initdb needs a name for its user; in a container a folder's owner often has none.
    try:
        return pwd.getpwuid(uid)
    except KeyError:
        return None


def _find() -> pwd.struct_passwd | None:
    try:
        return pwd.getpwnam(_NAME)
    except KeyError:
        return None


def _make() -> pwd.struct_passwd:
    program = shutil.which("useradd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    if program is None:
        raise OSError(f"there is no useradd to make the account {_NAME}, and root can't run it")
    words = [program, "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", _NAME]
    done = subprocess.run(words, capture_output=True, text=True, check=False)  # noqa: S603
    entry = _find()  # another process may have been quicker
    if entry is None:
        raise OSError(f"the account {_NAME} can't be made: {done.stderr.strip()}")
    return entry
