"""Where the embedded server keeps what is not data: locks, the password, the folder of its socket."""

import fcntl
import os
import re
import secrets
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from impact_in_pipelines.db.embedded.account import ServerAccount

_SOCKET = ".s.PGSQL.5432"
_LONGEST_SOCKET = 103
"""Bytes of a Unix socket's path: 107 on Linux, 103 on macOS."""
_PLAIN = re.compile(r"[A-Za-z0-9/._-]+")


class Places:
    """The folder `<data>.server` beside the data, readable for its owner only."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.folder = data.with_name(f"{data.name}.server")
        self.password_file = self.folder / "password"
        self._socket_note = self.folder / "socket"

    def prepare(self) -> None:
        """Make the folder. Raises `OSError`, also for one that somebody else made."""
        self.data.parent.mkdir(parents=True, exist_ok=True)
        try:
            self.folder.mkdir(mode=0o700)
        except FileExistsError:
            pass
        else:
            _follow_owner(self.folder, self.data.parent)
        if not _is_private(self.folder, os.geteuid()):
            raise PermissionError(
                1, f"{self.folder} must be a folder of yours that nobody else may enter"
            )

    def open_lock(self, name: str) -> int:
        """A descriptor of the lock file `name`; children that execute another program don't inherit it."""
        path = self.folder / name
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        _follow_owner(path, self.folder)
        return descriptor

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Only one process at a time makes, starts or stops the server."""
        descriptor = self.open_lock("lock")
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def server_lives(self) -> bool:
        """Whether the server or one of its children holds the lock that it inherited at its start."""
        descriptor = self.open_lock("running")
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        else:
            return False
        finally:
            os.close(descriptor)

    def password(self) -> str | None:
        """The superuser's password; None where there is none yet, or it isn't in a private file."""
        try:
            facts = self.password_file.lstat()
            text = self.password_file.read_text("ascii").strip()
        except FileNotFoundError:
            return None
        if not stat.S_ISREG(facts.st_mode) or facts.st_mode & 0o077 or not text:
            return None
        return text

    def new_password(self) -> str:
        """A password that nobody has had, kept."""
        password = secrets.token_urlsafe(32)
        self._write(self.password_file, password)
        return password

    def socket_folder(self, account: ServerAccount) -> Path:
        """The private folder of the server's socket: the data folder itself where a client can name it, else
        a short one of a random name, the same at the next start if it is still ours."""
        plain = _PLAIN.fullmatch(str(self.data)) is not None
        if plain and len(os.fsencode(self.data / _SOCKET)) <= _LONGEST_SOCKET:
            return self.data
        noted = self._noted_socket_folder()
        if noted is not None and _is_private(
            noted, account.uid if account.uid >= 0 else os.geteuid()
        ):
            return noted
        folder = Path(tempfile.mkdtemp(prefix="impact-in-", dir=_short_folder(account)))
        account.give(folder)
        self._write(self._socket_note, str(folder))
        return folder

    def forget_socket_folder(self) -> None:
        """Remove the short folder of a server that has stopped."""
        noted = self._noted_socket_folder()
        if noted is not None and noted.name.startswith("impact-in-") and not noted.is_symlink():
            shutil.rmtree(noted, ignore_errors=True)
        self._socket_note.unlink(missing_ok=True)

    def _noted_socket_folder(self) -> Path | None:
        try:
            return Path(self._socket_note.read_text("utf-8"))
        except OSError:
            return None

    def _write(self, path: Path, text: str) -> None:
        fresh = path.with_name(f"{path.name}.{os.getpid()}")
        fresh.unlink(missing_ok=True)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
        with os.fdopen(os.open(fresh, flags, 0o600), "w", encoding="utf-8") as stream:
            stream.write(text)
        _follow_owner(fresh, self.folder)
        fresh.replace(path)


def _follow_owner(path: Path, model: Path) -> None:
    """Root works in the folder of another user: what it makes there must be that user's."""
    if os.geteuid() == 0:
        facts = model.stat()
        os.chown(path, facts.st_uid, facts.st_gid, follow_symlinks=False)


def _is_private(folder: Path, uid: int) -> bool:
    """Whether it is a real folder of the user `uid` (root may use anybody's) that nobody else may enter."""
    try:
        facts = folder.lstat()
    except OSError:
        return False
    ours = facts.st_uid == uid or uid == 0
    return stat.S_ISDIR(facts.st_mode) and ours and not facts.st_mode & 0o077


def _short_folder(account: ServerAccount) -> Path:
    """A folder for short socket paths: the session's own, else a temporary one that only lets owners remove
    what is theirs. Raises `OSError`."""
    # Root's session folder can't be entered by the server's account.
    own = [os.environ.get("XDG_RUNTIME_DIR", "")] if account.uid < 0 else []
    for name in (*own, tempfile.gettempdir(), "/tmp", "/var/tmp"):  # noqa: S108
        path = Path(name or "-")
        room = len(os.fsencode(path / "impact-in-12345678" / _SOCKET)) <= _LONGEST_SOCKET
        if not (
            room and path.is_absolute() and _PLAIN.fullmatch(name) and os.access(path, os.W_OK)
        ):
            continue
        facts = path.stat()
        open_to_all = facts.st_mode & 0o022 and not facts.st_mode & stat.S_ISVTX
        reachable = account.uid < 0 or facts.st_mode & stat.S_IXOTH
        if not open_to_all and reachable and facts.st_uid in (0, os.geteuid()):
            return path
    raise OSError("there is no temporary folder with a short path for the server's socket")
