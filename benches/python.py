"""Makes calls for `cargo xtask bench`: reads "name count" lines, and answers "done" to each."""

import base64
import os
import sys

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

import vaultcore

PLAIN = b"p" * 1024


def peer():
    aead = AESGCM(os.urandom(32))

    def encrypt():
        nonce = os.urandom(12)
        return "vault:v1:" + base64.b64encode(nonce + aead.encrypt(nonce, PLAIN, None)).decode()

    return encrypt


def main():
    with vaultcore.open("memory:") as vault:
        vault.init(key=b"k" * 32)
        vault.unseal_key(b"k" * 32)
        session = vault.owner()
        session.sys.mount("transit", "transit")
        session.sys.mount("secret", "kv-v2")
        transit, kv = session.transit("transit"), session.kv("secret")
        transit.create("k")
        kv.put("app", {"password": "s3cr3t"})
        cases = {
            "nothing": lambda: None,
            "facade": lambda: session.kv("secret"),
            "encrypt": lambda: transit.encrypt("k", PLAIN),
            "cryptography": peer(),
            "get": lambda: kv.get("app"),
        }
        for line in sys.stdin:
            name, count = line.split()
            case = cases[name]
            for _ in range(int(count)):
                case()
            print("done", flush=True)


main()
