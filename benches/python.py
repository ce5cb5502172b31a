"""What a call from Python costs, beside `cryptography`: run with a release wheel installed."""

import base64
import os
import statistics
import time

from cryptography.fernet import Fernet
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

import vaultcore

ROUNDS, CALLS, PLAIN = 15, 5_000, os.urandom(1024)


def opened():
    vault = vaultcore.open("memory:")
    vault.init(key=b"k" * 32)
    vault.unseal_key(b"k" * 32)
    return vault


def peer():
    aead = AESGCM(os.urandom(32))

    def encrypt():
        nonce = os.urandom(12)
        return "vault:v1:" + base64.b64encode(nonce + aead.encrypt(nonce, PLAIN, None)).decode()

    return encrypt


def measure(cases):
    """Run the cases in turn; return the median of nanoseconds a call of each."""
    took = {name: [] for name in cases}
    for _ in range(ROUNDS):
        for name, case in cases.items():
            start = time.perf_counter_ns()
            for _ in range(CALLS):
                case()
            took[name].append((time.perf_counter_ns() - start) / CALLS)
    return {name: statistics.median(times) for name, times in took.items()}


def main():
    with opened() as vault:
        session = vault.owner()
        session.sys.mount("transit", "transit")
        session.sys.mount("secret", "kv-v2")
        transit, kv = session.transit("transit"), session.kv("secret")
        transit.create("k")
        kv.put("a", {"password": "s3cr3t"})
        fernet = Fernet(Fernet.generate_key())
        found = measure(
            {
                "an empty function": lambda: None,
                "repr of a facade": lambda: repr(kv),
                "transit.encrypt 1 KiB": lambda: transit.encrypt("k", PLAIN),
                "cryptography AESGCM + base64 1 KiB": peer(),
                "Fernet 1 KiB": lambda: fernet.encrypt(PLAIN),
                "kv.get": lambda: kv.get("a"),
            }
        )
    for name, nanoseconds in found.items():
        print(f"{name:36} {nanoseconds:9.0f} ns")
    ratio = found["cryptography AESGCM + base64 1 KiB"] / found["transit.encrypt 1 KiB"]
    print(f"encrypt is {ratio:.2f} times as fast as cryptography + base64; the goal is 3.5")


main()
