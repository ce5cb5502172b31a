"""Named keys."""

import hashlib
import io

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import vaultcore

KINDS = ["aes256-gcm96", "aes128-gcm96", "chacha20-poly1305"]
SIZES = [0, 1, 15, 16, 17, 31, 64, 255, 256, 1000, 1024, 4096, 65536, 1_000_000]
SIGNERS = ["ed25519", "ecdsa-p256"]
WRAPPERS = [bytes, bytearray, memoryview]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("kind", KINDS)
def test_bytes_in_and_out(shared, kind, size):
    transit = shared.transit("transit")
    transit.create(f"k-{kind}", kind)
    plain = bytes(range(256)) * (size // 256) + bytes(range(size % 256))
    text = transit.encrypt(f"k-{kind}", plain)
    assert text.startswith("vault:v1:") and transit.decrypt(f"k-{kind}", text) == plain


@pytest.mark.parametrize("wrapper", WRAPPERS)
@pytest.mark.parametrize("place", ["plaintext", "context", "associated_data"])
def test_every_buffer_is_taken(shared, wrapper, place):
    transit = shared.transit("transit")
    key = "derived" if place == "context" else "orders"
    if place == "context":
        transit.create(key, derived=True)
    with_ = {} if place == "plaintext" else {place: wrapper(b"with")}
    text = transit.encrypt(key, wrapper(b"plain"), **with_)
    assert transit.decrypt(key, text, **with_) == b"plain"
    if with_:
        with pytest.raises(vaultcore.InvalidArgumentError):
            transit.decrypt(key, text, **{place: b"other"})


@pytest.mark.parametrize("plain", ["text", 5, None, [1], 1.5, object()])
def test_what_is_no_bytes(shared, plain):
    with pytest.raises(TypeError):
        shared.transit("transit").encrypt("orders", plain)


@pytest.mark.parametrize("at", range(0, 60, 3))
def test_a_changed_ciphertext_is_refused(shared, at):
    transit = shared.transit("transit")
    text = transit.encrypt("orders", b"sixteen byte txt")
    changed = text[:at] + ("A" if text[at] != "A" else "B") + text[at + 1 :]
    with pytest.raises(vaultcore.InvalidArgumentError):
        transit.decrypt("orders", changed)


WRONG = ["", "vault", "vault:v1:", "vault:v9:AAAA", "vault:v1:!!", "\u00e4"]


@pytest.mark.parametrize("text", WRONG)
def test_what_is_no_ciphertext(shared, text):
    with pytest.raises(vaultcore.InvalidArgumentError):
        shared.transit("transit").decrypt("orders", text)


@pytest.mark.parametrize("kind", SIGNERS)
@pytest.mark.parametrize("data", [b"", b"a", b"x" * 10_000])
def test_signatures(shared, kind, data):
    transit = shared.transit("transit")
    transit.create(f"s-{kind}", kind)
    signature = transit.sign(f"s-{kind}", data)
    assert transit.verify(f"s-{kind}", data, signature)
    assert not transit.verify(f"s-{kind}", data + b"!", signature)
    assert not transit.verify(f"s-{kind}", data, "vault:v1:AAAA")


@pytest.mark.parametrize("hash", ["sha2-256", "sha2-384", "sha2-512"])
def test_macs(shared, hash):
    transit = shared.transit("transit")
    mac = transit.hmac("orders", b"data", hash=hash)
    assert transit.verify_hmac("orders", b"data", mac, hash=hash)
    assert not transit.verify_hmac("orders", b"other", mac, hash=hash)


def test_rotate_rewrap_and_progress(transit):
    transit.create("k")
    old = [transit.encrypt("k", b"%d" % number) for number in range(250)]
    assert transit.rotate("k") == transit.latest_version("k") == 2
    heard = []
    new = transit.rewrap_all("k", old, progress=heard.append)
    assert heard == [100, 200, 250]
    assert all(text.startswith("vault:v2:") for text in new)
    assert [transit.decrypt("k", text) for text in new] == [b"%d" % n for n in range(250)]
    assert transit.rewrap("k", old[0]).startswith("vault:v2:")

    def stop(done):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        transit.rewrap_all("k", old, progress=stop)


def test_import_and_batches(transit):
    transit.import_key("mine", b"m" * 32)
    made = transit.encrypt_batch("mine", [b"a", bytearray(b"b")])
    assert [transit.decrypt("mine", text) for text in made] == [b"a", b"b"]
    assert transit.list() == ["mine"]
    with pytest.raises(vaultcore.InvalidArgumentError):
        transit.import_key("short", b"m" * 31)


@pytest.mark.parametrize("count", [1, 16, 32, 1000])
def test_random(shared, count):
    drawn = shared.transit("transit").random(count)
    assert len(drawn) == count and (count < 16 or drawn != bytes(count))

@pytest.mark.parametrize("bits", [128, 256, 512])
def test_data_keys(shared, bits):
    transit = shared.transit("transit")
    plain, wrapped = transit.data_key("orders", bits, associated_data=b"row")
    assert len(plain) * 8 == bits
    assert transit.decrypt("orders", wrapped, associated_data=b"row") == plain
    hidden = transit.wrapped_data_key("orders", bits)
    assert len(transit.decrypt("orders", hidden)) * 8 == bits


def test_how_to_sign(transit):
    transit.create("rsa", "rsa-2048")
    transit.create("ec", "ecdsa-p256")
    for key, how in [
        ("rsa", {"padding": "pkcs1v15"}),
        ("rsa", {"hash": "sha2-384", "salt_length": "hash"}),
        ("ec", {"hash": "sha2-512"}),
        ("ec", {"marshaling": "jws"}),
    ]:
        signature = transit.sign(key, b"data", **how)
        assert transit.verify(key, b"data", signature, **how)
        assert not transit.verify(key, b"other", signature, **how)
    for wrong in ({"padding": "none"}, {"marshaling": "DER"}, {"salt_length": "7"}, {"hash": "x"}):
        with pytest.raises(vaultcore.InvalidArgumentError):
            transit.sign("rsa", b"data", **wrong)


@pytest.mark.parametrize("hash", ["sha2-256", "sha2-384", "sha2-512"])
def test_hashes_are_signed(shared, hash):
    transit = shared.transit("transit")
    transit.create("pair", "ecdsa-p256")
    digest = transit.hash(b"data", hash=hash)
    assert digest == hashlib.new(hash.replace("sha2-", "sha"), b"data").digest()
    signature = transit.sign("pair", digest, hash=hash, prehashed=True)
    assert transit.verify("pair", b"data", signature, hash=hash)
    assert transit.verify("pair", digest, signature, hash=hash, prehashed=True)
    assert not transit.verify("pair", digest, signature, hash=hash)


def test_versions_and_contexts(transit):
    transit.create("k", "ed25519", derived=True)
    transit.rotate("k")
    old = transit.sign("k", b"data", context=b"a", version=1)
    assert old.startswith("vault:v1:")
    assert transit.verify("k", b"data", old, context=b"a")
    assert not transit.verify("k", b"data", old, context=b"b")
    assert transit.hmac("k", b"data", version=1).startswith("vault:v1:")
    one, two = (transit.read("k", context=context)["versions"] for context in (b"a", b"b"))
    assert one[1]["public_key"] != two[1]["public_key"]


def test_batches_with_what_belongs_to_them(transit):
    transit.create("k", derived=True)
    contexts, rows = [b"a", b"b"], [b"1", b"2"]
    made = transit.encrypt_batch("k", [b"x", b"y"], contexts=contexts, associated_data=rows)
    back = transit.decrypt_batch("k", made, contexts=contexts, associated_data=rows)
    assert back == [b"x", b"y"]
    transit.rotate("k")
    new = transit.rewrap_batch("k", made, contexts=contexts, associated_data=rows)
    assert all(text.startswith("vault:v2:") for text in new)
    back = transit.decrypt_batch("k", new, contexts=contexts, associated_data=rows[::-1])
    assert all(isinstance(one, vaultcore.InvalidArgumentError) for one in back)
    for wrong in ([b"a"], [b"a"] * 3):
        with pytest.raises(ValueError):
            transit.encrypt_batch("k", [b"x", b"y"], contexts=wrong)
    transit.create("s", "ed25519")
    signed = transit.sign_batch("s", [b"x", b"y"])
    assert [transit.verify("s", one, text) for one, text in zip([b"x", b"y"], signed)] == [True] * 2


def test_rules_of_a_key(transit):
    transit.create("k")
    transit.rotate("k")
    transit.configure("k", min_decryption_version=2, min_encryption_version=2, auto_rotate=3600)
    told = transit.read("k")
    assert (told["kind"], told["min_decryption_version"]) == ("aes256-gcm96", 2)
    assert told["auto_rotate"] == 3600 and list(told["versions"]) == [2]
    transit.trim("k", 2)
    assert transit.read("k")["min_available_version"] == 2
    transit.soft_delete("k")
    with pytest.raises(vaultcore.VaultError):
        transit.encrypt("k", b"x")
    transit.soft_restore("k")
    with pytest.raises(vaultcore.InvalidArgumentError):
        transit.delete("k")
    transit.configure("k", deletion_allowed=True)
    transit.delete("k")
    transit.upsert(False)
    with pytest.raises(vaultcore.VaultError):
        transit.encrypt("k", b"x")


@pytest.mark.parametrize("size", [0, 1, 65_536, 200_000])
def test_streams(shared, size):
    transit = shared.transit("transit")
    sealed, plain = io.BytesIO(), io.BytesIO()
    data = bytes(size)
    with_ = {"associated_data": b"monday"}
    assert transit.encrypt_stream("orders", io.BytesIO(data), sealed, **with_) == size
    stream = sealed.getvalue()
    assert transit.decrypt_stream("orders", io.BytesIO(stream), plain, **with_) == size
    assert plain.getvalue() == data
    flipped = stream[:20] + bytes([stream[20] ^ 1]) + stream[21:]
    for changed in (stream[:-1], stream + b"x", b"", flipped):
        with pytest.raises(vaultcore.InvalidArgumentError):
            transit.decrypt_stream("orders", io.BytesIO(changed), io.BytesIO(), **with_)


def test_what_a_file_raises(shared, tmp_path):
    transit = shared.transit("transit")

    class Broken:
        def read(self, size):
            raise KeyError("read")

        def write(self, data):
            raise OSError("write")

    with pytest.raises(KeyError):
        transit.encrypt_stream("orders", Broken(), io.BytesIO())
    with pytest.raises(OSError, match="write"):
        transit.encrypt_stream("orders", io.BytesIO(b"x"), Broken())
    with pytest.raises(TypeError):
        transit.encrypt_stream("orders", io.StringIO("x"), io.BytesIO())
    with pytest.raises(AttributeError):
        transit.encrypt_stream("orders", None, io.BytesIO())
    (tmp_path / "plain").write_bytes(b"x" * 100_000)
    with open(tmp_path / "plain", "rb", 0) as raw, open(tmp_path / "sealed", "wb") as out:
        assert transit.encrypt_stream("orders", raw, out) == 100_000


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.binary(max_size=5000), st.binary(max_size=100))
def test_any_bytes(shared, plain, associated):
    transit = shared.transit("transit")
    text = transit.encrypt("orders", plain, associated_data=associated)
    assert transit.decrypt("orders", text, associated_data=associated) == plain
