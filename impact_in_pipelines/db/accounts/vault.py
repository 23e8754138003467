"""Encrypts what must not be readable in the database: credentials and tokens (cryptography's
MultiFernet)."""

import json
import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from impact_in_pipelines.errors import InvalidSetting
from impact_in_pipelines.errors.accounts import NoKeyFits
from impact_in_pipelines.logs.context import know_secrets
from impact_in_pipelines.settings import HOW_TO_MAKE_A_KEY, KEY_NEEDED, Settings

KEY_FILE = "secret.key"


class Vault:
    """Encrypts with the first of `keys`, decrypts with any of them. Its repr shows no key."""

    def __init__(self, keys: Sequence[str]) -> None:
        """Raises `ValueError` for no key or one that isn't a Fernet key; it doesn't show it."""
        if not keys:
            raise ValueError("a vault needs at least one key")
        try:
            self._fernet = MultiFernet([Fernet(key) for key in keys])
            self._first = Fernet(keys[0])
        except ValueError:
            # The original error would carry the key along in its traceback's locals.
            raise ValueError("not a Fernet key (32 bytes as url-safe Base64)") from None
        self._count = len(keys)

    def __repr__(self) -> str:
        return f"Vault({self._count} keys)"

    @classmethod
    def from_settings(cls, settings: Settings, *, embedded: bool) -> "Vault":
        """The vault of `IMPACT_IN_SECRET_KEY`; where it is absent and the database is the embedded
        one, of the key in `IMPACT_IN_HOME/secret.key`, which is made on first use with mode 0600.

        Raises `InvalidSetting` for a malformed key, and for none with a database of one's own: a
        key that only this machine has would lock the others out.
        """
        if settings.secret_key is not None:
            text = settings.secret_key.get_secret_value()
            return cls._checked(text, "IMPACT_IN_SECRET_KEY")
        if not embedded:
            raise InvalidSetting(KEY_NEEDED)
        path = settings.home / KEY_FILE
        key = _kept_key(path)
        know_secrets(key.strip())
        return cls._checked(key, str(path))

    @classmethod
    def _checked(cls, text: str, where: str) -> "Vault":
        keys = [key.strip() for key in text.split(",") if key.strip()]
        try:
            return cls(keys)
        except ValueError:
            raise InvalidSetting(
                f"{where} must hold Fernet keys, comma-separated, the newest first; it holds "
                f"something else (not shown); {HOW_TO_MAKE_A_KEY}"
            ) from None

    def encrypt_json(self, value: Mapping[str, Any]) -> bytes:
        """`value` as encrypted JSON."""
        return self.encrypt_text(json.dumps(dict(value), separators=(",", ":")))

    def decrypt_json(self, encrypted: bytes | memoryview) -> dict[str, Any]:
        """What `encrypt_json` was given. Raises `NoKeyFits`."""
        try:
            found = json.loads(self.decrypt_text(encrypted))
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise NoKeyFits
        return found

    def encrypt_text(self, text: str) -> bytes:
        """`text`, encrypted with the first key."""
        return self._fernet.encrypt(text.encode())

    def decrypt_text(self, encrypted: bytes | memoryview) -> str:
        """What `encrypt_text` was given. Raises `NoKeyFits`."""
        try:
            return self._fernet.decrypt(bytes(encrypted)).decode()
        except InvalidToken:
            raise NoKeyFits from None

    def rotate(self, encrypted: bytes | memoryview) -> bytes | None:
        """The same content encrypted with the first key, or None where it is already. Raises `NoKeyFits`."""
        try:
            self._first.decrypt(bytes(encrypted))
        except InvalidToken:
            pass
        else:
            return None
        try:
            return self._fernet.rotate(bytes(encrypted))
        except InvalidToken:
            raise NoKeyFits from None


def _kept_key(path: Path) -> str:
    """The key in `path`; made if it isn't there. Processes that make one at once agree on one."""
    try:
        if not path.exists():
            _make_key(path)
        return path.read_text(encoding="ascii")
    except UnicodeDecodeError:
        return ""
    except OSError as error:
        raise InvalidSetting(
            f"IMPACT_IN_HOME must be {Settings.model_fields['home'].description}; "
            f"{path} can't be used: {error.strerror}"
        ) from None


def _make_key(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    # mkstemp's files have mode 0600; a link, unlike a rename, fails where somebody was faster.
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(Fernet.generate_key() + b"\n")
            file.flush()
            os.fsync(file.fileno())
        os.link(name, path)
    except FileExistsError:
        pass
    finally:
        Path(name).unlink()
