"""The vault: encryption at rest, rotation, and where its key comes from."""

import multiprocessing
import stat
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from hypothesis import given
from hypothesis import strategies as st

from impact_in_pipelines.cli.next_steps import told
from impact_in_pipelines.db.accounts.vault import KEY_FILE, Vault
from impact_in_pipelines.errors import InvalidSetting
from impact_in_pipelines.errors.accounts import NoKeyFits
from impact_in_pipelines.settings import Settings, read_settings

OLD, NEW = Fernet.generate_key().decode(), Fernet.generate_key().decode()


@given(value=st.dictionaries(st.text(), st.text() | st.integers() | st.none()))
def test_what_goes_in_comes_out(value: dict[str, object]) -> None:
    """Any JSON object, never in the clear and never twice the same."""
    vault = Vault([NEW])
    assert vault.decrypt_json(vault.encrypt_json(value)) == value
    assert vault.encrypt_json(value) != vault.encrypt_json(value)


def test_a_stored_value_shows_nothing() -> None:
    """That is what it is for; a memoryview is what the driver gives."""
    vault = Vault([NEW])
    encrypted = vault.encrypt_json({"api_key": "key-4711"})
    assert b"key-4711" not in encrypted
    assert vault.decrypt_json(memoryview(encrypted)) == {"api_key": "key-4711"}


def test_the_newest_key_encrypts_and_all_decrypt() -> None:
    """So a key is replaced: put the new one first, rotate, drop the old one."""
    encrypted = Vault([OLD]).encrypt_text("x")
    both = Vault([NEW, OLD])
    assert both.decrypt_text(encrypted) == "x"
    assert Vault([NEW]).decrypt_text(both.encrypt_text("y")) == "y"
    rotated = both.rotate(encrypted)
    assert rotated is not None
    assert Vault([NEW]).decrypt_text(rotated) == "x"
    assert both.rotate(rotated) is None


def test_what_no_key_opens_is_one_clear_line() -> None:
    """A refusal that shows neither key nor content; the door says what to do."""
    encrypted = Vault([OLD]).encrypt_text("x")
    for attempt in (Vault([NEW]).decrypt_text, Vault([NEW]).decrypt_json, Vault([NEW]).rotate):
        with pytest.raises(NoKeyFits) as caught:
            attempt(encrypted)
        assert "IMPACT_IN_SECRET_KEY" in told(caught.value)
        assert "\n" not in told(caught.value)


def test_what_is_no_object_is_refused() -> None:
    """Credentials are a JSON object."""
    vault = Vault([NEW])
    for text in ("[]", "not json"):
        with pytest.raises(NoKeyFits):
            vault.decrypt_json(vault.encrypt_text(text))


def test_its_repr_shows_no_key() -> None:
    """Reprs land in logs."""
    assert repr(Vault([NEW, OLD])) == "Vault(2 keys)"


def test_the_environments_keys_are_used() -> None:
    """Several, comma-separated, the newest first; nothing is written."""
    settings = read_settings({"IMPACT_IN_SECRET_KEY": f"{NEW}, {OLD}"})
    vault = Vault.from_settings(settings, embedded=False)
    assert Vault([NEW]).decrypt_text(vault.encrypt_text("x")) == "x"
    assert vault.decrypt_text(Vault([OLD]).encrypt_text("y")) == "y"


def test_a_database_of_ones_own_needs_a_key_of_ones_own() -> None:
    """A key made here would lock every other machine out."""
    with pytest.raises(InvalidSetting, match="generate_key"):
        Vault.from_settings(Settings(), embedded=False)


def test_the_embedded_database_gets_a_key_that_is_kept(tmp_path: Path) -> None:
    """Made on first use, for its owner only, the same one ever after; no leftovers beside it."""
    home = tmp_path / "new" / "home"
    settings = read_settings({"IMPACT_IN_HOME": str(home)})
    encrypted = Vault.from_settings(settings, embedded=True).encrypt_text("x")
    assert Vault.from_settings(settings, embedded=True).decrypt_text(encrypted) == "x"
    assert [path.name for path in home.iterdir()] == [KEY_FILE]
    assert stat.S_IMODE((home / KEY_FILE).stat().st_mode) == 0o600


def _encrypt(home: str) -> bytes:
    return Vault.from_settings(read_settings({"IMPACT_IN_HOME": home}), embedded=True).encrypt_text(
        "x"
    )


def test_processes_that_make_a_key_at_once_agree_on_one(tmp_path: Path) -> None:
    """What one encrypts, all can read."""
    with multiprocessing.get_context("spawn").Pool(3) as pool:
        encrypted = pool.map(_encrypt, [str(tmp_path)] * 6, chunksize=1)
    settings = read_settings({"IMPACT_IN_HOME": str(tmp_path)})
    vault = Vault.from_settings(settings, embedded=True)
    assert {vault.decrypt_text(found) for found in encrypted} == {"x"}


def test_a_damaged_key_file_is_named(tmp_path: Path) -> None:
    """It is never replaced: the credentials under it would be lost."""
    (tmp_path / KEY_FILE).write_bytes(b"\xff\xfe")
    settings = read_settings({"IMPACT_IN_HOME": str(tmp_path)})
    with pytest.raises(InvalidSetting, match=r"secret\.key"):
        Vault.from_settings(settings, embedded=True)
    assert (tmp_path / KEY_FILE).read_bytes() == b"\xff\xfe"


def test_a_home_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    """A file where the folder should be."""
    (tmp_path / "home").write_text("")
    settings = read_settings({"IMPACT_IN_HOME": str(tmp_path / "home")})
    with pytest.raises(InvalidSetting, match="IMPACT_IN_HOME"):
        Vault.from_settings(settings, embedded=True)
