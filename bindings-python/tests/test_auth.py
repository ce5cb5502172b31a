"""Administration of userpass, approle and identity."""

import pytest

import vaultcore

TOKEN = {
    "policies": ["app"],
    "bound_cidrs": ["10.0.0.0/8"],
    "ttl": 60,
    "max_ttl": 120,
    "explicit_max_ttl": 180,
    "num_uses": 3,
    "no_default_policy": True,
    "token_type": "service",
}


@pytest.fixture
def users(session):
    session.sys.enable_auth("userpass", "userpass")
    return session.userpass("userpass")


@pytest.fixture
def roles(session):
    session.sys.enable_auth("approle", "approle")
    return session.approle("approle")


@pytest.fixture
def identity(session):
    return session.identity


def test_users(vault, session, users):
    users.write("Bob", password="pw", policies=["app"])
    assert users.list() == ["bob"] and users.read("bob")["policies"] == ["app"]
    token = vault.login_userpass("bob", "pw")
    assert session.tokens.lookup(token)["policies"] == ["app", "default"]
    users.set_password("bob", b"other")
    with pytest.raises(vaultcore.InvalidArgumentError):
        vault.login_userpass("bob", "pw")
    users.set_policies("bob", ["a", "b"])
    assert users.read("bob")["policies"] == ["a", "b"]
    vault.login_userpass("bob", "other")
    users.delete("bob")
    users.delete("bob")
    with pytest.raises(vaultcore.NotFoundError):
        users.read("bob")


@pytest.mark.parametrize("name", TOKEN)
def test_options_of_tokens(users, roles, name):
    users.write("bob", password="pw", **{name: TOKEN[name]})
    assert users.read("bob")[name] == TOKEN[name]
    roles.write("web", **{name: TOKEN[name]})
    assert roles.read("web")["token"][name] == TOKEN[name]


def test_a_period(users):
    users.write("bob", password="pw", period=60)
    assert users.read("bob")["period"] == 60


@pytest.mark.parametrize("wrong", [{"polices": []}, {"ttl": "1h"}, {"policies": 1}, {"ttl": None}])
def test_options_that_there_are_not(users, wrong):
    with pytest.raises(TypeError):
        users.write("bob", password="pw", **wrong)
    with pytest.raises(OverflowError):
        users.write("bob", password="pw", ttl=-1)
    assert users.list() == []


@pytest.mark.parametrize("name", ["", "a b", "a/b", "\x00", "x" * 5000])
def test_names_that_cannot_be(users, roles, name):
    for call in (users.read, users.delete, roles.read, roles.role_id):
        with pytest.raises((vaultcore.InvalidArgumentError, vaultcore.TooLargeError)):
            call(name)


def test_machines(vault, session, roles):
    roles.write("web", role_id="web-servers", secret_id_num_uses=2, secret_id_ttl=600,
                policies=["app"])
    told = roles.read("web")
    assert told["bind_secret_id"] and told["secret_id_num_uses"] == 2
    assert told["secret_id_ttl"] == 600 and told["token"]["policies"] == ["app"]
    assert roles.list() == ["web"] and roles.role_id("web") == "web-servers"
    issued = roles.create_secret_id("web", num_uses=1, ttl=60, metadata={"host": "a"})
    assert (issued.num_uses, issued.ttl) == (1, 60)
    assert issued.secret_id.expose() not in repr(issued)
    assert roles.secret_ids("web") == [issued.accessor]
    found = roles.lookup_secret_id("web", issued.secret_id)
    assert found == roles.lookup_accessor("web", issued.accessor)
    assert found["metadata"] == {"host": "a"} and found["expires"].endswith("Z")
    token = vault.login_approle("web-servers", issued.secret_id)
    assert session.tokens.lookup(token)["policies"] == ["app", "default"]
    with pytest.raises(vaultcore.InvalidArgumentError):
        vault.login_approle("web-servers", issued.secret_id)
    assert roles.lookup_secret_id("web", issued.secret_id) is None


def test_secret_ids_are_destroyed(vault, roles):
    roles.write("web")
    chosen = "as good as a random one, or so they say"
    made = [roles.create_secret_id("web", chosen=chosen), roles.create_secret_id("web")]
    assert made[0].secret_id.expose() == chosen
    roles.destroy_secret_id("web", chosen)
    roles.destroy_accessor("web", made[1].accessor)
    assert roles.secret_ids("web") == []
    for one in made:
        with pytest.raises(vaultcore.InvalidArgumentError):
            vault.login_approle(roles.role_id("web"), one.secret_id)
    roles.delete("web")
    with pytest.raises(vaultcore.NotFoundError):
        roles.read("web")


def test_entities(vault, session, users, identity):
    users.write("ann", password="pw")
    ann = identity.create_entity(name="Ann", policies=["app"], metadata={"team": "blue"})
    accessor = session.sys.auth_accessors()["userpass/"]
    alias = identity.add_alias("ann", accessor, entity=ann, custom_metadata={"a": "b"})
    told = identity.entity(ann)
    assert told == identity.entity_named("ann") == identity.entity_with_alias("ann", accessor)
    assert (told["name"], told["policies"], told["metadata"]) == ("Ann", ["app"], {"team": "blue"})
    assert told["aliases"] == [identity.alias(alias)]
    assert told["aliases"][0]["mount_path"] == "auth/userpass/"
    token = vault.login_userpass("ann", "pw")
    assert session.tokens.lookup(token)["identity_policies"] == ["app"]
    identity.update_entity(ann, disabled=True)
    assert identity.entity(ann)["metadata"] == {"team": "blue"}  # what is not given stays
    identity.update_entity(ann, metadata={})
    assert identity.entity(ann)["metadata"] == {}
    assert identity.entity(ann)["disabled"]
    with pytest.raises(vaultcore.PermissionDeniedError):
        vault.login(token).tokens.lookup()
    identity.delete_alias(alias)
    assert identity.entity(ann)["aliases"] == [] and identity.entities() == ["Ann"]
    identity.delete_entity(ann)
    with pytest.raises(vaultcore.NotFoundError):
        identity.entity(ann)


def test_entities_are_merged(session, users, identity):
    accessor = session.sys.auth_accessors()["userpass/"]
    old, new = identity.create_entity(name="old"), identity.create_entity(name="new")
    alias = identity.add_alias("who", accessor, entity=old)
    identity.merge_entities([old], new)
    told = identity.entity(new)
    assert told["merged"] == [old] and told["aliases"][0]["id"] == alias
    assert told["aliases"][0]["merged_from"] == [old]


def test_groups(identity):
    ann = identity.create_entity(name="ann")
    staff = identity.create_group(name="staff", policies=["app"], members=[ann])
    everyone = identity.create_group(name="all", groups=[staff], metadata={"a": "b"})
    told = identity.group(staff)
    assert told == identity.group_named("STAFF") and told["kind"] == "internal"
    assert (told["members"], told["parents"], told["alias"]) == ([ann], [everyone], None)
    assert identity.entity(ann)["inherited_groups"] == [everyone]
    identity.update_group(staff, metadata={})
    assert identity.group(staff)["metadata"] == {}
    identity.update_group(staff, members=[], metadata={"x": "y"})
    changed = identity.group(staff)
    assert changed["members"] == [] and changed["modify_index"] > told["modify_index"]
    assert identity.groups() == ["all", "staff"]
    identity.delete_group(staff)
    with pytest.raises(vaultcore.NotFoundError):
        identity.group(staff)


def test_external_groups(session, users, identity):
    accessor = session.sys.auth_accessors()["userpass/"]
    group = identity.create_group(name="outside", kind="external")
    alias = identity.set_group_alias("staff@example.org", accessor, group=group)
    assert identity.group_alias(alias) == identity.group(group)["alias"]
    identity.delete_group_alias(alias)
    assert identity.group(group)["alias"] is None
    with pytest.raises(vaultcore.InvalidArgumentError):
        identity.create_group(kind="other")


@pytest.mark.parametrize("wrong", ["", "x", "A" * 32, "+" + "0" * 31, "0" * 33, "g" * 32, "\u0661" * 16])
def test_ids_that_cannot_be(identity, wrong):
    for call in (identity.entity, identity.group, identity.alias, identity.group_alias,
                 identity.delete_entity, identity.delete_group):
        with pytest.raises(vaultcore.InvalidArgumentError):
            call(wrong)
