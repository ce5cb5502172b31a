"""Threads, forks, children, and the end of a process."""

import asyncio
import gc
import multiprocessing
import os
import resource
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

import vaultcore

KEY = b"k" * 32


def in_child(work):
    """Run `work` in a forked child and return what it wrote."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.write(writer, work().encode())
        except BaseException as error:
            os.write(writer, repr(type(error)).encode())
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        told = pipe.read()
    os.waitpid(child, 0)
    return told


def kind_of(call):
    try:
        call()
    except vaultcore.VaultError as error:
        return str(error.kind)
    return "none"


@pytest.mark.parametrize(
    "name", ["get", "put", "encrypt", "request", "status", "seal", "lookup", "mounts"]
)
def test_every_call_is_refused_in_a_forked_child(vault, session, kv, transit, name):
    kv.put("a", {})
    calls = {
        "get": lambda: kv.get("a"),
        "put": lambda: kv.put("a", {}),
        "encrypt": lambda: transit.encrypt("k", b""),
        "status": vault.status,
        "seal": vault.seal,
        "lookup": lambda: vault.login("t"),
        "mounts": session.sys.mounts,
    }
    if name == "request":
        told = in_child(lambda: str(session.request("GET", "sys/mounts").status))
        assert told == "503" or told.startswith("5")
    else:
        assert in_child(lambda: kind_of(calls[name])) == "Forked"
    assert kv.get("a").version == 1


def read(path):
    with vaultcore.open(path) as vault:
        vault.unseal_key(KEY)
        return vault.owner().kv("secret").get("a").data["n"]


@pytest.fixture
def file(tmp_path):
    path = str(tmp_path / "v")
    with vaultcore.open(path) as vault:
        vault.init(key=KEY)
        vault.unseal_key(KEY)
        vault.owner().sys.mount("secret", "kv-v2")
        vault.owner().kv("secret").put("a", {"n": 7})
    return path


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_multiprocessing(file, method):
    with multiprocessing.get_context(method).Pool(2) as pool:
        assert pool.map(read, [file] * 4) == [7] * 4


def test_fork_first_then_open(file):
    assert in_child(lambda: str(read(file))) == "7"


def test_reopen_after_a_fork_is_answered(file):
    """What was closed before the fork opens in the child."""
    vault = vaultcore.open(file)
    vault.close()

    def work():
        with vault.reopen() as again:
            again.unseal_key(KEY)
            return str(again.owner().kv("secret").get("a").data["n"])

    assert in_child(work) == "7"


def test_sixteen_threads(kv, transit):
    transit.create("k")
    kv.put("counter", {"n": 0})

    def work(number):
        for turn in range(20):
            plain = b"%d-%d" % (number, turn)
            assert transit.decrypt("k", transit.encrypt("k", plain)) == plain
            kv.put(f"t{number}", {"turn": turn})
            while True:
                now = kv.get("counter")
                try:
                    kv.put("counter", {"n": now.data["n"] + 1}, cas=now.version)
                    break
                except vaultcore.ConflictError:
                    continue

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(work, range(16)))
    assert kv.get("counter").data == {"n": 320}


def test_other_threads_run_while_a_passphrase_is_stretched():
    with vaultcore.open("memory:") as vault:
        vault.init(passphrase="p")
        ran, stop = [0], threading.Event()

        def count():
            while not stop.is_set():
                ran[0] += 1

        thread = threading.Thread(target=count)
        thread.start()
        before = ran[0]
        vault.unseal_passphrase("p")
        after = ran[0]
        stop.set()
        thread.join()
        assert after > before


def test_seal_among_threads(vault, kv):
    kv.put("a", {})
    told = set()

    def work():
        while "Sealed" not in told:
            told.add(kind_of(lambda: kv.get("a")))

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    vault.seal()
    for thread in threads:
        thread.join()
    assert told <= {"Sealed", "none"}


def test_asyncio(kv):
    async def work():
        puts = (asyncio.to_thread(kv.put, f"a{n}", {"n": n}) for n in range(50))
        assert await asyncio.gather(*puts) == [1] * 50
        found = await asyncio.gather(*(asyncio.to_thread(kv.get, f"a{n}") for n in range(50)))
        assert [secret.data["n"] for secret in found] == list(range(50))

    asyncio.run(work())


ENDINGS = {
    "left open": "",
    "cycle": "a = [vault, kv]; a.append(a); del vault, kv",
    "thread": (
        "import threading\n"
        "work = lambda: [kv.put('a', {}) for _ in range(200)]\n"
        "threading.Thread(target=work, daemon=True).start()"
    ),
    "at exit": "import atexit; atexit.register(lambda: kv.get('a'))",
    "exception": "raise SystemExit(0)",
}


@pytest.mark.parametrize("ending", ENDINGS)
def test_garbage_at_exit(ending):
    program = (
        "import vaultcore\n"
        "vault = vaultcore.open('memory:'); vault.init(key=b'k' * 32)\n"
        "vault.unseal_key(b'k' * 32); session = vault.owner()\n"
        "session.sys.mount('secret', 'kv-v2'); kv = session.kv('secret'); kv.put('a', {})\n"
    )
    ended = subprocess.run(
        [sys.executable, "-X", "dev", "-c", program + ENDINGS[ending]],
        capture_output=True,
        timeout=60,
    )
    assert (ended.returncode, ended.stderr) == (0, b"")


IN_CALLS = """
import sys, threading, vaultcore
sys.setswitchinterval(1e-6)
vault = vaultcore.open("memory:")
vault.init(key=b"k" * 32)
vault.unseal_key(b"k" * 32)
session = vault.owner()
session.sys.mount("secret", "kv-v2")
session.sys.mount("transit", "transit")
kv, transit = session.kv("secret"), session.transit("transit")
kv.put("a", {})
transit.create("orders")

def slow():
    for _ in range(30):
        pass

class Slow(dict):
    def items(self):
        slow()
        return super().items()

class File:
    def read(self, size):
        slow()
        return b"x" * min(size, 10)

    def write(self, data):
        slow()
        return len(data)

CALLS = {
    "put": lambda: kv.put("a", Slow(a=Slow())),
    "stream": lambda: transit.encrypt_stream("orders", File(), File()),
    "progress": lambda: session.sys.rewrap_all(progress=lambda done: slow()),
}
call, ready = CALLS[sys.argv[1]], threading.Barrier(5)

def work():
    ready.wait()
    while True:
        call()

for _ in range(4):
    threading.Thread(target=work, daemon=True).start()
ready.wait()
"""


# Before 3.14 CPython unwinds such threads when they want the interpreter back: where Rust stood below
# Python's code, 1 program in 10 was aborted, 2 in 3 of those with files.
@pytest.mark.parametrize("call", ["put", "stream", "progress"])
def test_threads_in_calls_at_exit(call):
    def end(_):
        line = [sys.executable, "-c", IN_CALLS, call]
        ended = subprocess.run(line, capture_output=True, timeout=60)
        return ended.returncode, ended.stderr

    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(end, range(24))) == {(0, b"")}


def rss():
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * resource.getpagesize()


CALLS = int(os.environ.get("VAULTCORE_PYTHON_CALLS", "20000"))


@pytest.mark.skipif(not os.path.exists("/proc/self/statm"), reason="Linux tells the RSS there")
@pytest.mark.parametrize("planted", [False, True])
def test_memory_stays_flat(session, kv, transit, planted):
    transit.create("k")
    kv.put("a", {"key": "value"})
    text, kept = transit.encrypt("k", b"p" * 64), []

    def turn(count):
        for _ in range(count):
            plain = transit.decrypt("k", text)
            assert kv.get("a").data == {"key": "value"}
            assert session.request("GET", "secret/data/a").status == 200
            try:
                transit.decrypt("k", "vault:v1:AAAA")
            except vaultcore.InvalidArgumentError as error:
                if planted:
                    # Much more than what other tests freed, which is taken first.
                    kept.append((plain * 500, error.args))
        gc.collect()

    turn(2000)
    before = rss()
    turn(2_000 if planted else CALLS // 4)
    grown = rss() - before
    assert (grown > 4 << 20) if planted else (grown < 4 << 20), grown
