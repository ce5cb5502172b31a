"""The way from MultiFernet."""

import pytest
from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from vaultcore.fernet import VaultFernet

DATA = [b"", b"a", b"vault:", bytes(range(256)), b"x" * 100_000]


@pytest.fixture
def keys():
    return [Fernet(Fernet.generate_key()) for _ in range(2)]


@pytest.fixture
def new(transit, keys):
    transit.create("app")
    return VaultFernet(transit, "app", old=keys)


@pytest.mark.parametrize("data", DATA, ids=range(len(DATA)))
@pytest.mark.parametrize("text", [False, True])
def test_there_and_back(new, data, text):
    token = new.encrypt(data)
    assert new.decrypt(token.decode() if text else token) == data


@pytest.mark.parametrize("data", DATA, ids=range(len(DATA)))
@pytest.mark.parametrize("which", [0, 1])
def test_old_tokens_are_read_and_moved(new, keys, data, which):
    old = keys[which].encrypt_at_time(data, 1_600_000_000)
    assert new.decrypt(old) == data
    moved = new.rotate(old)
    assert moved.startswith(b"vault:v1:") and new.decrypt(moved) == data
    assert new.extract_timestamp(moved) == new.extract_timestamp(old) == 1_600_000_000


LATE = [(0, True), (10, True), (11, False), (-60, True), (-61, False)]


@pytest.mark.parametrize("late,fine", LATE)
def test_the_same_times_as_multifernet(new, keys, late, fine):
    both = (new, MultiFernet(keys))
    for one in both:
        token = one.encrypt_at_time(b"a", 1000)
        if fine:
            assert one.decrypt_at_time(token, 10, 1000 + late) == b"a"
        else:
            with pytest.raises(InvalidToken):
                one.decrypt_at_time(token, 10, 1000 + late)


WRONG = [b"", b"vault:", b"vault:v1:AAAA", b"gAAAA", "vault:v1:\u00e4", b"\xff"]


@pytest.mark.parametrize("token", WRONG)
def test_what_is_no_token(new, transit, token):
    for one in (new, VaultFernet(transit, "app")):
        for call in (one.decrypt, one.rotate, one.extract_timestamp):
            with pytest.raises(InvalidToken):
                call(token)


def test_rotate_keeps_the_time(new, transit):
    token = new.encrypt_at_time(b"a", 1234)
    transit.rotate("app")
    moved = new.rotate(token)
    assert moved.startswith(b"vault:v2:")
    assert (new.decrypt(moved), new.extract_timestamp(moved)) == (b"a", 1234)


def test_a_ciphertext_of_another_kind_is_no_token(new, transit):
    with pytest.raises(InvalidToken):
        new.decrypt(transit.encrypt("app", b"short"))
