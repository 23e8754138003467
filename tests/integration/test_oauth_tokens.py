"""Tokens in PostgreSQL: shared, encrypted, the longest-lived kept."""

from datetime import UTC, datetime, timedelta

import pytest
from cryptography.fernet import Fernet
from sqlalchemy import Engine, create_engine, select, text

from impact_in_pipelines.db.accounts.oauth_tokens import OAuthTokenStore
from impact_in_pipelines.db.accounts.vault import Vault
from impact_in_pipelines.db.schema import provider_tokens
from impact_in_pipelines.errors import DatabaseUnavailable

KEY, OTHER = "a" * 64, "b" * 64
NOW = datetime(2026, 3, 2, 6, 0, tzinfo=UTC)
SOON, LATER = NOW + timedelta(minutes=5), NOW + timedelta(hours=1)


@pytest.fixture
def vault() -> Vault:
    return Vault([Fernet.generate_key().decode()])


@pytest.fixture
def store(engine: Engine, vault: Vault) -> OAuthTokenStore:
    return OAuthTokenStore(engine, vault)


def test_a_token_is_there_until_it_expires(store: OAuthTokenStore) -> None:
    """Good strictly before its end, for its own key only."""
    store.put(KEY, "token-1", SOON)
    assert store.get(KEY, NOW) == "token-1"
    assert store.get(KEY, SOON - timedelta(milliseconds=1)) == "token-1"
    assert store.get(KEY, SOON) is None
    assert store.get(OTHER, NOW) is None


def test_another_process_finds_it(store: OAuthTokenStore, engine: Engine, vault: Vault) -> None:
    """The store is shared by all that have the vault's key."""
    store.put(KEY, "token-1", SOON)
    elsewhere = create_engine(engine.url)
    assert OAuthTokenStore(elsewhere, vault).get(KEY, NOW) == "token-1"
    elsewhere.dispose()


def test_nothing_in_the_table_shows_the_token(store: OAuthTokenStore, engine: Engine) -> None:
    """Encrypted at rest; the hash beside it is one-way."""
    store.put(KEY, "token-1", SOON)
    with engine.connect() as connection:
        row = connection.execute(select(provider_tokens)).one()
    assert b"token-1" not in bytes(row.token)
    assert "token-1" not in f"{row.key}{row.token_hash}"


def test_the_longest_lived_token_is_kept(store: OAuthTokenStore) -> None:
    """Two workers may refresh at once; the one that writes last must not shorten what both have."""
    store.put(KEY, "long", LATER)
    store.put(KEY, "short", SOON)
    assert store.get(KEY, NOW) == "long"
    store.put(KEY, "longer", LATER + timedelta(seconds=1))
    assert store.get(KEY, NOW) == "longer"


def test_an_expired_token_gives_way(store: OAuthTokenStore) -> None:
    """Expired means shorter-lived than anything new."""
    store.put(KEY, "old", NOW - timedelta(hours=1))
    store.put(KEY, "new", SOON)
    assert store.get(KEY, NOW) == "new"


def test_only_the_refused_token_is_forgotten(store: OAuthTokenStore) -> None:
    """A newer one that another worker has put there stays."""
    store.put(KEY, "old", SOON)
    store.put(KEY, "new", LATER)
    store.forget(KEY, "old")
    assert store.get(KEY, NOW) == "new"
    store.forget(KEY, "new")
    assert store.get(KEY, NOW) is None
    store.forget(KEY, "new")


def test_a_token_of_a_lost_key_counts_as_none_and_makes_room(
    store: OAuthTokenStore, engine: Engine
) -> None:
    """After a change of IMPACT_IN_SECRET_KEY deliveries go on with a new token."""
    store.put(KEY, "token-1", LATER)
    other = OAuthTokenStore(engine, Vault([Fernet.generate_key().decode()]))
    assert other.get(KEY, NOW) is None
    other.put(KEY, "token-2", SOON)
    assert other.get(KEY, NOW) == "token-2"


def test_a_database_that_is_away_is_one_clear_error(engine: Engine, vault: Vault) -> None:
    """`DatabaseUnavailable`, which the token source takes for a cache that is cold."""
    with engine.connect() as connection:
        connection.execute(text("DROP TABLE provider_tokens"))
        connection.commit()
    store = OAuthTokenStore(engine, vault)
    with pytest.raises(DatabaseUnavailable):
        store.get(KEY, NOW)
    nowhere = create_engine("postgresql+psycopg2://u@/n?host=/nonexistent")
    with pytest.raises(DatabaseUnavailable):
        OAuthTokenStore(nowhere, vault).put(KEY, "t", SOON)
    nowhere.dispose()
