"""Vaults to test with."""

import pytest

import vaultcore


def unsealed(location):
    vault = vaultcore.open(location)
    init = vault.init(key=b"k" * 32)
    vault.unseal_key(b"k" * 32)
    return vault, init


@pytest.fixture
def vault():
    vault, _ = unsealed("memory:")
    with vault:
        yield vault


@pytest.fixture
def session(vault):
    return vault.owner()


@pytest.fixture
def kv(session):
    session.sys.mount("secret", "kv-v2")
    return session.kv("secret")


@pytest.fixture
def transit(session):
    session.sys.mount("transit", "transit")
    return session.transit("transit")


@pytest.fixture(scope="session")
def shared():
    """One vault for the cases that only read, or that write each to a place of its own."""
    vault, _ = unsealed("memory:")
    session = vault.owner()
    session.sys.mount("secret", "kv-v2")
    session.sys.mount("one", "kv-v1")
    session.sys.mount("transit", "transit")
    session.transit("transit").create("orders")
    yield session
    vault.close()
