"""The kinds of key that ring does not have, and keys that come wrapped."""

import base64
import os

import pytest
from cryptography.hazmat.primitives import hashes, keywrap, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

BEYOND_RING = ["rsa-2048", "ecdsa-p521", "ml-dsa-65"]
OAEP = {"SHA1": hashes.SHA1(), "SHA256": hashes.SHA256(), "SHA512": hashes.SHA512()}


def wrap(public_key, material, hash="SHA256"):
    """Wraps as HSMs do: CKM_RSA_AES_KEY_WRAP."""
    key = serialization.load_pem_public_key(public_key.encode())
    assert isinstance(key, rsa.RSAPublicKey)
    chosen, ephemeral = OAEP[hash], os.urandom(32)
    oaep = padding.OAEP(padding.MGF1(chosen), chosen, None)
    wrapped = keywrap.aes_key_wrap_with_padding(ephemeral, material)
    return base64.b64encode(key.encrypt(ephemeral, oaep) + wrapped).decode()


@pytest.mark.parametrize("kind", BEYOND_RING)
def test_keys_that_sign(shared, kind):
    transit = shared.transit("transit")
    transit.create(f"beyond-{kind}", kind)
    signature = transit.sign(f"beyond-{kind}", b"data")
    assert transit.verify(f"beyond-{kind}", b"data", signature)
    assert not transit.verify(f"beyond-{kind}", b"other", signature)


@pytest.mark.parametrize("kind", ["xchacha20-poly1305", "rsa-2048"])
def test_keys_that_encrypt(shared, kind):
    transit = shared.transit("transit")
    transit.create(f"beyond-{kind}", kind)
    text = transit.encrypt(f"beyond-{kind}", b"plain", associated_data=b"row")
    assert transit.decrypt(f"beyond-{kind}", text, associated_data=b"row") == b"plain"


def test_a_wrapped_key_by_request(session, transit):
    public_key = session.request("GET", "transit/wrapping_key").body["data"]["public_key"]
    body = {"type": "aes256-gcm96", "ciphertext": wrap(public_key, b"w" * 32)}
    assert session.request("POST", "transit/keys/wrapped/import", body).status < 300
    transit.import_key("clear", b"w" * 32)
    assert transit.decrypt("clear", transit.encrypt("wrapped", b"plain")) == b"plain"
