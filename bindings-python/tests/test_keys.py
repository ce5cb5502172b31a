"""The kinds of key that ring does not have, and keys that come wrapped."""

import base64
import os

import pytest
from cryptography.hazmat.primitives import hashes, keywrap, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

import vaultcore

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


@pytest.mark.parametrize("hash", ["SHA1", "SHA256", "SHA512"])
def test_a_wrapped_key_is_imported(transit, hash):
    wrapping = transit.wrapping_key()
    transit.import_wrapped("app", wrap(wrapping, b"1" * 32, hash), hash=hash)
    transit.import_wrapped_version("app", wrap(wrapping, b"2" * 32, hash), hash=hash)
    transit.import_key("clear", b"1" * 32)
    transit.import_version("clear", b"2" * 32)
    assert transit.latest_version("app") == transit.latest_version("clear") == 2
    for version in (1, 2):
        text = transit.encrypt("app", b"plain", version=version)
        assert text.startswith(f"vault:v{version}:")
        assert transit.decrypt("clear", text) == b"plain"


def test_a_wrapped_key_of_another_kind(transit):
    pair = rsa.generate_private_key(65537, 2048)
    encoding, plain = serialization.Encoding.DER, serialization.NoEncryption()
    material = pair.private_bytes(encoding, serialization.PrivateFormat.PKCS8, plain)
    transit.import_wrapped("pair", wrap(transit.wrapping_key(), material), "rsa-2048")
    signature = transit.sign("pair", b"data", padding="pkcs1v15", hash="sha2-512")
    raw = base64.b64decode(signature.split(":")[2])
    pair.public_key().verify(raw, b"data", padding.PKCS1v15(), hashes.SHA512())


def test_wrapped_keys_that_are_none(transit):
    for wrapped in ("", "AAAA", wrap(transit.wrapping_key(), b"short")):
        with pytest.raises(vaultcore.InvalidArgumentError):
            transit.import_wrapped("app", wrapped)
    with pytest.raises(vaultcore.InvalidArgumentError):
        transit.import_wrapped("app", "AAAA", hash="MD5")
    assert transit.list() == []


def test_a_key_goes_to_another_mount_wrapped(session, transit):
    session.sys.mount("there", "transit")
    there = session.transit("there")
    transit.create("app", exportable=True)
    transit.rotate("app")
    transit.import_public("there", there.wrapping_key(), "rsa-4096")
    wrapped = transit.export_wrapped("there", "app")
    assert list(wrapped) == [1, 2]
    there.import_wrapped("app", wrapped[1])
    there.import_wrapped_version("app", wrapped[2])
    assert there.decrypt("app", transit.encrypt("app", b"plain")) == b"plain"


def test_export_backup_and_restore(transit):
    transit.create("app", exportable=True, allow_plaintext_backup=True)
    text = transit.encrypt("app", b"plain")
    (key,) = transit.export("app").values()
    assert isinstance(key, vaultcore.Secret) and "redacted" in repr(key)
    transit.import_key("copy", base64.b64decode(key.expose()))
    assert transit.decrypt("copy", text) == b"plain"
    with pytest.raises(ValueError):
        transit.export("app", "everything")
    transit.create("stays")
    with pytest.raises(vaultcore.InvalidArgumentError):
        transit.export("stays")
    with transit.backup("app") as backup:
        transit.restore("again", backup)
        with pytest.raises(vaultcore.InvalidArgumentError):
            transit.restore("again", backup)
        transit.restore("again", backup, replace=True)
    assert transit.decrypt("again", text) == b"plain"


def test_public_and_private_parts(transit):
    pair = ec.generate_private_key(ec.SECP256R1())
    encoding = serialization.Encoding.PEM
    public_key = pair.public_key().public_bytes(
        encoding, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    transit.import_public("pair", public_key.decode(), "ecdsa-p256")
    signature = base64.b64encode(pair.sign(b"data", ec.ECDSA(hashes.SHA256()))).decode()
    assert transit.verify("pair", b"data", f"vault:v1:{signature}")
    with pytest.raises(vaultcore.InvalidArgumentError):
        transit.sign("pair", b"data")
    private = pair.private_bytes(
        encoding, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    transit.import_private("pair", 1, private)
    assert transit.verify("pair", b"data", transit.sign("pair", b"data"))
