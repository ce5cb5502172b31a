"""Real hvac, in process."""

import hvac
import hvac.exceptions
import pytest

import vaultcore.hvac


@pytest.fixture
def client(vault):
    session = vault.owner()
    return hvac.Client(token="", adapter=vaultcore.hvac.Adapter(session))


def holder(vault, token):
    return hvac.Client(token=token, adapter=vaultcore.hvac.Adapter(vault.owner()))


def test_kv2(client):
    client.sys.enable_secrets_engine("kv", path="secret", options={"version": "2"})
    kv = client.secrets.kv.v2
    made = kv.create_or_update_secret("a/b c", {"x": "\u00e4"}, cas=0)
    assert made["data"]["version"] == 1
    found = kv.read_secret_version("a/b c", raise_on_deleted_version=True)
    assert found["data"]["data"] == {"x": "\u00e4"}
    kv.patch("a/b c", {"y": 1})
    with pytest.raises(hvac.exceptions.InvalidRequest):
        kv.create_or_update_secret("a/b c", {}, cas=0)
    assert kv.list_secrets("a")["data"]["keys"] == ["b c"]
    kv.delete_secret_versions("a/b c", [1])
    kv.undelete_secret_versions("a/b c", [1])
    kv.destroy_secret_versions("a/b c", [1])
    assert kv.read_secret_metadata("a/b c")["data"]["versions"]["1"]["destroyed"]
    kv.update_metadata("a/b c", max_versions=3, custom_metadata={"o": "me"})
    kv.delete_metadata_and_all_versions("a/b c")
    with pytest.raises(hvac.exceptions.InvalidPath):
        kv.read_secret_version("a/b c", raise_on_deleted_version=True)


def test_kv1(client):
    client.sys.enable_secrets_engine("kv", path="one", options={"version": "1"})
    kv = client.secrets.kv.v1
    kv.create_or_update_secret("a", {"x": 1}, mount_point="one")
    assert kv.read_secret("a", mount_point="one")["data"] == {"x": 1}
    assert kv.list_secrets("", mount_point="one")["data"]["keys"] == ["a"]
    kv.delete_secret("a", mount_point="one")
    with pytest.raises(hvac.exceptions.InvalidPath):
        kv.read_secret("a", mount_point="one")


def test_transit(client):
    client.sys.enable_secrets_engine("transit")
    transit = client.secrets.transit
    transit.create_key("k")
    text = transit.encrypt_data("k", "aGVsbG8=")["data"]["ciphertext"]
    transit.rotate_key("k")
    new = transit.rewrap_data("k", text)["data"]["ciphertext"]
    assert new.startswith("vault:v2:")
    assert transit.decrypt_data("k", new)["data"]["plaintext"] == "aGVsbG8="
    assert transit.read_key("k")["data"]["latest_version"] == 2
    assert transit.list_keys()["data"]["keys"] == ["k"]
    transit.create_key("s", key_type="ed25519")
    signed = transit.sign_data("s", "aGVsbG8=")["data"]["signature"]
    assert transit.verify_signed_data("s", "aGVsbG8=", signature=signed)["data"]["valid"]
    assert transit.generate_hmac("k", "aGVsbG8=")["data"]["hmac"]
    assert transit.generate_random_bytes(16)["data"]["random_bytes"]
    assert transit.generate_data_key("k", "plaintext")["data"]["plaintext"]


def test_tokens(vault, client):
    client.sys.create_or_update_policy("p", 'path "secret/*" { capabilities = ["read"] }')
    made = client.auth.token.create(policies=["p"], ttl="1h")["auth"]
    mine = holder(vault, made["client_token"])
    assert mine.is_authenticated()
    assert mine.auth.token.lookup_self()["data"]["policies"] == ["default", "p"]
    mine.auth.token.renew_self()
    with pytest.raises(hvac.exceptions.Forbidden):
        mine.sys.list_policies()
    assert client.auth.token.lookup_accessor(made["accessor"])["data"]["id"] == ""
    client.auth.token.revoke(made["client_token"])
    assert not mine.is_authenticated()


def test_policies_and_mounts(client):
    client.sys.create_or_update_policy("p", 'path "a" { capabilities = ["read"] }')
    assert "p" in client.sys.list_policies()["data"]["policies"]
    assert 'path "a"' in client.sys.read_policy("p")["data"]["rules"]
    client.sys.delete_policy("p")
    client.sys.enable_secrets_engine("kv", path="x")
    assert client.sys.list_mounted_secrets_engines()["data"]["x/"]["type"] == "kv"
    client.sys.tune_mount_configuration("x", default_lease_ttl="1h")
    assert client.sys.read_mount_configuration("x")["data"]["default_lease_ttl"] == 3600
    client.sys.disable_secrets_engine("x")
    assert client.sys.read_health_status(method="GET")["sealed"] is False
    assert client.sys.is_initialized() and not client.sys.is_sealed()


def test_userpass(vault, client):
    client.sys.enable_auth_method("userpass")
    client.auth.userpass.create_or_update_user("bob", "pw")
    user = holder(vault, "")
    user.auth.userpass.login("bob", "pw")
    assert user.token and user.auth.token.lookup_self()["data"]["path"] == "auth/userpass/login/bob"
    with pytest.raises(hvac.exceptions.InvalidRequest):
        holder(vault, "").auth.userpass.login("bob", "no")
    assert client.auth.userpass.list_user()["data"]["keys"] == ["bob"]


def test_approle(vault, client):
    client.sys.enable_auth_method("approle")
    client.auth.approle.create_or_update_approle("web", token_policies=["default"])
    role = client.auth.approle.read_role_id("web")["data"]["role_id"]
    secret = client.auth.approle.generate_secret_id("web")["data"]["secret_id"]
    machine = holder(vault, "")
    machine.auth.approle.login(role, secret)
    assert machine.is_authenticated()
    assert client.auth.approle.list_roles()["data"]["keys"] == ["web"]


def test_wrapping(client):
    wrapped = client.sys.wrap({"a": 1})["wrap_info"]["token"]
    assert client.sys.unwrap(wrapped)["data"] == {"a": 1}
    with pytest.raises(hvac.exceptions.VaultError):
        client.sys.unwrap(wrapped)


def test_identity(client):
    identity = client.secrets.identity
    made = identity.create_or_update_entity("bob", metadata={"a": "b"})["data"]
    assert identity.read_entity(made["id"])["data"]["name"] == "bob"
    group = identity.create_or_update_group_by_name("g", member_entity_ids=[made["id"]])
    assert group["data"]["name"] == "g"
    assert identity.list_entities()["data"]["keys"] == [made["id"]]
    identity.delete_entity(made["id"])


def test_database():
    fake = vaultcore.FakeDatabase()
    with vaultcore.open("memory:", fake_database=fake) as vault:
        vault.init(key=b"k" * 32)
        vault.unseal_key(b"k" * 32)
        client = hvac.Client(token="", adapter=vaultcore.hvac.Adapter(vault.owner()))
        client.sys.enable_secrets_engine("database")
        database = client.secrets.database
        database.configure("app", "fake-database-plugin", allowed_roles=["*"],
                           connection_url="fake://", username="admin", password="pw")
        assert database.list_connections()["data"]["keys"] == ["app"]
        assert "password" not in database.read_connection("app")["data"]["connection_details"]
        database.create_role("r", "app", ["CREATE"], default_ttl="1h", max_ttl="2h")
        assert database.list_roles()["data"]["keys"] == ["r"]
        assert database.read_role("r")["data"]["default_ttl"] == 3600
        made = database.generate_credentials("r")
        assert fake.lets_in(made["data"]["username"], made["data"]["password"])
        assert client.sys.read_lease(made["lease_id"])["data"]["renewable"]
        assert client.sys.renew_lease(made["lease_id"], increment=60)["lease_duration"] == 60
        client.sys.revoke_lease(made["lease_id"])
        assert fake.users == 0
        fake.add_user("s", "old")
        database.create_static_role("s", "app", "s", [], rotation_period="1h")
        assert database.read_static_role("s")["data"]["username"] == "s"
        told = database.get_static_credentials("s")["data"]
        database.rotate_static_role_credentials("s")
        assert database.get_static_credentials("s")["data"]["password"] != told["password"]
        database.rotate_root_credentials("app")
        database.reset_connection("app")
        database.delete_static_role("s")
        database.delete_role("r")
        database.delete_connection("app")


def test_namespace(vault):
    session = vault.owner()
    session.sys.create_namespace("team")
    client = hvac.Client(token="", namespace="team", adapter=vaultcore.hvac.Adapter(session))
    client.sys.enable_secrets_engine("kv", path="in")
    assert "in/" in session.namespace("team").sys.mounts()
    assert "in/" not in session.sys.mounts()


def test_sealed(vault, client):
    vault.seal()
    with pytest.raises(hvac.exceptions.VaultDown):
        client.sys.list_policies()
