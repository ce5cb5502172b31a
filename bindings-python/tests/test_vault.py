"""Open, init, unseal, seal, and who may."""

import copy
import pickle

import pytest

import vaultcore


def test_the_example_of_the_readme(tmp_path):
    with vaultcore.open(tmp_path / "app.vault") as vault:
        init = vault.init(shares=5, threshold=3)
        vault.unseal(*init.shares[:3])
        session = vault.login(init.root_token)
        session.sys.mount("secret", "kv-v2")
        session.sys.mount("transit", "transit")
        kv = session.kv("secret")
        kv.put("app/db", {"user": "app", "password": "s3cr3t"}, cas=0)
        secret = kv.get("app/db")
        assert secret.data == {"user": "app", "password": "s3cr3t"}
        assert (secret.version, secret.metadata) == (1, {})
        assert secret.created_time.endswith("Z")
        with pytest.raises(vaultcore.ConflictError) as raised:
            kv.put("app/db", {}, cas=0)
        assert (raised.value.expected, raised.value.found) == (0, 1)
        transit = session.transit("transit")
        assert transit.decrypt("orders", transit.encrypt("orders", b"4111")) == b"4111"
        reply = session.request("POST", "secret/data/app/db", {"data": {"a": 1}})
        assert (reply.status, reply.body["data"]["version"]) == (200, 2)


@pytest.mark.parametrize("shares,threshold", [(1, 1), (2, 2), (3, 2), (5, 3), (7, 4)])
def test_so_many_shares_open_it_and_no_fewer(shares, threshold):
    with vaultcore.open("memory:") as vault:
        init = vault.init(shares=shares, threshold=threshold)
        assert len(init.shares) == shares
        for given, share in enumerate(init.shares[:threshold], 1):
            assert vault.status()["sealed"]
            status = vault.unseal(share if given % 2 else share.expose())
            assert status["sealed"] == (given < threshold)
        assert vault.status()["threshold"] == threshold


@pytest.mark.parametrize("shares,threshold", [(0, 1), (1, 2), (3, 1), (2, 0), (0, 0)])
def test_shares_that_cannot_be(shares, threshold):
    with vaultcore.open("memory:") as vault:
        with pytest.raises(vaultcore.InvalidArgumentError):
            vault.init(shares=shares, threshold=threshold)
        assert not vault.status()["initialized"]


@pytest.mark.parametrize("number", [-1, 256, 1 << 70, "five", 1.5, None])
def test_misuse_is_a_type_or_value_error(number):
    with vaultcore.open("memory:") as vault:
        with pytest.raises((TypeError, ValueError, OverflowError)):
            vault.init(shares=number, threshold=1)


@pytest.mark.parametrize("share", ["", "vcs1", "x" * 1000, "vcs1-1-aaaa-bbbb-cccc", b"\xff\xfe", 5])
def test_what_is_no_share(share):
    with vaultcore.open("memory:") as vault:
        vault.init(shares=2, threshold=2)
        with pytest.raises((vaultcore.VaultError, TypeError, ValueError)):
            vault.unseal(share)


def test_passphrase(tmp_path):
    with vaultcore.open(tmp_path / "v") as vault:
        vault.init(passphrase="correct horse")
        with pytest.raises(vaultcore.UnsealFailedError):
            vault.unseal_passphrase("wrong horse")
        assert not vault.unseal_passphrase(b"correct horse")["sealed"]


def test_seal_reopen_and_what_stays(tmp_path):
    vault = vaultcore.open(str(tmp_path / "v"))
    vault.init(key=bytearray(b"k" * 32))
    vault.unseal_key(memoryview(b"k" * 32))
    session = vault.owner()
    session.sys.mount("secret", "kv-v2")
    session.kv("secret").put("a", {"b": 1})
    vault.seal()
    with pytest.raises(vaultcore.SealedError):
        session.kv("secret").get("a")
    vault.close()
    with pytest.raises(vaultcore.ClosedError):
        vault.status()
    del session
    with vault.reopen() as again:
        assert again.status()["sealed"]
        again.unseal_key(b"k" * 32)
        assert again.owner().kv("secret").get("a").data == {"b": 1}


def test_a_vault_in_memory_is_not_opened_again(vault):
    with pytest.raises(vaultcore.UnsupportedError):
        vault.reopen()


@pytest.mark.parametrize("url", ["postgres://x", "s3://bucket", "http://h"])
def test_unknown_storage(url):
    with pytest.raises(vaultcore.UnsupportedError):
        vaultcore.open(url)


def test_a_not_initialized_vault_says_so():
    with vaultcore.open("memory:") as vault:
        with pytest.raises(vaultcore.NotInitializedError):
            vault.unseal_key(b"k" * 32)


@pytest.mark.parametrize("length", [0, 1, 16, 31, 33, 64])
def test_keys_have_32_bytes(length):
    with vaultcore.open("memory:") as vault:
        with pytest.raises(vaultcore.InvalidArgumentError):
            vault.init(key=b"k" * length)


def test_tokens_by_policies(vault, session, kv):
    kv.put("app/db", {"a": 1})
    session.sys.put_policy("app", 'path "secret/data/app/*" { capabilities = ["read"] }')
    token = session.tokens.create(policies=["app"], ttl=60, num_uses=3, metadata={"who": "me"})
    assert session.sys.capabilities(token, "secret/data/app/db") == ["read"]
    found = session.tokens.lookup(token)
    assert (found["num_uses"], found["metadata"]) == (3, {"who": "me"})
    assert sorted(found["policies"]) == ["app", "default"]
    app = vault.login(token)
    assert app.kv("secret").get("app/db").data == {"a": 1}
    with pytest.raises(vaultcore.PermissionDeniedError):
        app.kv("secret").put("app/db", {})
    session.tokens.revoke(token)
    with pytest.raises(vaultcore.PermissionDeniedError):
        app.kv("secret").get("app/db")


@pytest.mark.parametrize("token", ["", "s.none", "hvs." + "x" * 90, b"bytes", "\u00e4"])
def test_what_is_no_token(vault, token):
    with pytest.raises(vaultcore.PermissionDeniedError):
        vault.login(token).tokens.lookup()


def test_userpass_and_approle(vault, session):
    session.sys.enable_auth("userpass", "userpass")
    session.sys.enable_auth("approle", "approle")
    assert session.request("POST", "auth/userpass/users/bob", {"password": "pw"}).status == 204
    assert vault.login(vault.login_userpass("bob", "pw")).tokens.lookup()["ttl"] > 0
    with pytest.raises(vaultcore.InvalidArgumentError):
        vault.login_userpass("bob", "no")
    assert session.request("POST", "auth/approle/role/web", {}).status == 204
    role = session.request("GET", "auth/approle/role/web/role-id").body["data"]["role_id"]
    made = session.request("POST", "auth/approle/role/web/secret-id", {})
    token = vault.login_approle(role, made.body["data"]["secret_id"])
    assert vault.login(token).tokens.lookup()["path"] == "auth/approle/login"


def test_namespaces(session):
    session.sys.create_namespace("team")
    team = session.namespace("team")
    team.sys.mount("secret", "kv-v2")
    team.kv("secret").put("a", {"b": 1})
    reply = session.request("GET", "secret/data/a", namespace="team")
    assert reply.body["data"]["data"] == {"b": 1}
    with pytest.raises(vaultcore.VaultError):
        session.kv("secret").get("a")


def test_audit_and_mounts(session, tmp_path):
    log = tmp_path / "audit.log"
    session.sys.enable_audit("file", "file", {"file_path": str(log)})
    session.sys.mount("kv", "kv-v1")
    assert session.sys.mounts()["kv/"] == "kv-v1"
    session.sys.remount("kv", "kv1")
    session.sys.unmount("kv1")
    assert "kv1/" not in session.sys.mounts()
    assert log.read_text().count("\n") >= 6


def test_a_secret_hides_and_is_wiped(vault):
    token = vault.owner().tokens.create(policies=["default"])
    with token as secret:
        text = secret.expose()
        assert text not in repr(secret) and text not in str(secret)
        for spread in (pickle.dumps, copy.copy, copy.deepcopy):
            with pytest.raises(TypeError):
                spread(secret)
    with pytest.raises(ValueError):
        token.expose()
    with pytest.raises(ValueError):
        vault.login(token)


@pytest.mark.parametrize("name", ["vault", "session", "kv", "transit"])
def test_nothing_is_pickled(request, name):
    with pytest.raises(TypeError):
        pickle.dumps(request.getfixturevalue(name))


def test_rewrap_all_reports_and_stops(session, kv):
    for number in range(30):
        kv.put(f"s{number}", {"n": number})
    session.sys.rotate()

    def stop(done):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        session.sys.rewrap_all(progress=stop)
    heard = []
    session.sys.rewrap_all(progress=heard.append)
    assert heard and heard == sorted(heard)
    assert kv.get("s7").data == {"n": 7}
    session.sys.rotate_root()
