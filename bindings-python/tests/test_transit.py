"""Named keys."""

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
    assert len(drawn) == count and drawn != bytes(count)


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.binary(max_size=5000), st.binary(max_size=100))
def test_any_bytes(shared, plain, associated):
    transit = shared.transit("transit")
    text = transit.encrypt("orders", plain, associated_data=associated)
    assert transit.decrypt("orders", text, associated_data=associated) == plain
