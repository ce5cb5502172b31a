"""Credentials of databases: made, renewed while they are used, taken away after."""

import gc
import os
import pickle
import threading

import pytest

import vaultcore
from test_process import in_child, kind_of

KEY = b"k" * 32
PLUGIN = "fake-database-plugin"


@pytest.fixture
def fake():
    return vaultcore.FakeDatabase()


@pytest.fixture
def opened(fake):
    with vaultcore.open("memory:", fake_database=fake) as vault:
        vault.init(key=KEY)
        vault.unseal_key(KEY)
        yield vault


@pytest.fixture
def database(opened):
    session = opened.owner()
    session.sys.mount("database", "database")
    database = session.database("database")
    database.configure("app", PLUGIN, "fake://", username="admin", password="pw",
                       allowed_roles=["*"])
    database.write_role("readonly", "app", default_ttl=60, max_ttl=3600)
    return database


def test_a_user_lives_as_long_as_the_with(database, fake):
    with database.credentials("readonly") as creds:
        assert fake.lets_in(creds.username, creds.password)
        assert creds.renewable and not creds.is_last
        assert 0 < creds.remaining <= 60 and creds.expires.endswith("Z")
        assert creds.lease_id.startswith("database/creds/readonly/")
    assert fake.users == 0
    for name in ("password", "expires", "remaining", "is_last"):
        with pytest.raises(vaultcore.ClosedError):
            getattr(creds, name)
    assert creds.username and creds.lease_id  # they are no secrets


def test_a_user_who_cannot_be_taken_away_now_is_not_forgotten(opened, database, fake):
    creds = database.credentials("readonly")
    opened.seal()
    with pytest.raises(vaultcore.SealedError):
        creds.revoke()
    opened.unseal_key(KEY)
    assert fake.lets_in(creds.username, creds.password)
    creds.revoke()
    assert fake.users == 0
    with pytest.raises(vaultcore.ClosedError):
        creds.revoke()


def test_a_with_takes_away_whom_its_body_could_not(opened, database, fake):
    with database.credentials("readonly") as creds:
        opened.seal()
        with pytest.raises(vaultcore.SealedError):
            creds.revoke()
        opened.unseal_key(KEY)
    assert fake.users == 0
    with database.credentials("readonly") as creds:
        creds.revoke()  # by itself, which is no error at the end
    assert fake.users == 0


def test_an_exception_takes_the_user_away(database, fake):
    with pytest.raises(KeyError), database.credentials("readonly"):
        assert fake.users == 1
        raise KeyError("mine")
    assert fake.users == 0


def test_without_with_a_user_lives_on(opened, database, fake):
    creds = database.credentials("readonly")
    assert creds.renew(increment=600) == 600
    lease = creds.lease_id
    del creds
    gc.collect()
    assert fake.users == 1
    opened.owner().leases.revoke(lease)
    assert fake.users == 0


def test_what_was_revoked_inside_is_no_error_at_the_end(database, fake):
    with database.credentials("readonly") as creds:
        creds.revoke()
        with pytest.raises(vaultcore.ClosedError):
            creds.revoke()
        with pytest.raises(vaultcore.ClosedError):
            creds.renew()
    assert fake.users == 0


def test_entered_twice_and_used_by_threads(database, fake):
    with database.credentials("readonly") as creds, creds:
        seen = set()
        threads = [threading.Thread(target=lambda: seen.add(creds.password)) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(seen) == 1
    assert fake.users == 0


def test_a_failed_end_is_told_and_left_to_the_reaper(opened, database, fake):
    with pytest.raises(vaultcore.UnavailableError):
        with database.credentials("readonly"):
            fake.set_down(True)
    assert fake.users == 1
    leases = opened.owner().leases
    [name] = leases.list("database/creds/readonly")
    assert leases.lookup(f"database/creds/readonly/{name}")["state"] == "revoking"


def test_a_vault_that_is_sealed_meanwhile(opened, database, fake):
    with pytest.raises(vaultcore.SealedError):
        with database.credentials("readonly"):
            opened.seal()
    opened.unseal_key(KEY)
    assert fake.users == 1  # until its lease runs out


def test_nothing_shows_the_password(database):
    creds = database.credentials("readonly")
    assert creds.password not in repr(creds) and creds.username not in repr(creds)
    with pytest.raises(TypeError):
        pickle.dumps(creds)
    creds.revoke()


def test_a_forked_child_is_told(database, fake):
    held = [database.credentials("readonly").__enter__()]

    def let_go():
        held.clear()  # the thread that renews is not there, and is not waited for
        gc.collect()
        return "gone"

    assert in_child(lambda: kind_of(held[0].revoke)) == "Forked"
    assert in_child(let_go) == "gone"
    assert fake.lets_in(held[0].username, held[0].password)
    held[0].__exit__(None, None, None)
    assert fake.users == 0


def test_children_that_end_while_a_lease_is_renewed(database):
    with database.credentials("readonly"):
        for _ in range(20):
            child = os.fork()
            if child == 0:
                os._exit(0)
            assert os.waitpid(child, 0)[1] == 0


def test_connections(database):
    told = database.connection("app")
    assert told["driver"] == PLUGIN and told["username"] == "admin"
    assert told["allowed_roles"] == ["*"] and "pw" not in repr(told)
    database.configure("other", PLUGIN, "fake://", username="a", password=b"b", pool=(3, 1, 60),
                       options={"tls_server_name": "x"}, password_policy="", verify=False)
    assert database.connection("other")["pool"] == (3, 1, 60)
    assert database.connections() == ["app", "other"]
    database.reset("other")
    database.delete_connection("other")
    assert database.connections() == ["app"]
    with pytest.raises(vaultcore.NotFoundError):
        database.connection("other")
    with pytest.raises(vaultcore.InvalidArgumentError):
        database.configure("no", "no-such-plugin", "fake://")


def test_the_root_password_changes(database, fake):
    fake.add_user("admin", "pw")
    database.rotate_root("app")
    assert not fake.lets_in("admin", "pw")
    database.credentials("readonly").revoke()


def test_roles(database):
    database.write_role("writer", "app", creation=["C"], renewal=["N"], rollback=["B"],
                        revocation=["R"])
    assert database.roles() == ["readonly", "writer"]
    database.delete_role("writer")
    with pytest.raises(vaultcore.InvalidArgumentError):
        database.credentials("writer")


def test_static_roles(database, fake):
    fake.add_user("reporting", "old")
    database.write_static_role("report", "app", "reporting", rotation_period=3600)
    first = database.static_credentials("report")
    assert first.username == "reporting" and fake.lets_in("reporting", first.password)
    assert 0 < first.ttl <= 3600 == first.rotation_period and first.rotated.endswith("Z")
    database.rotate_static_role("report")
    second = database.static_credentials("report")
    assert second.password != first.password and fake.lets_in("reporting", second.password)
    assert second.password not in repr(second)
    with pytest.raises(TypeError):
        pickle.dumps(second)
    assert database.static_roles() == ["report"]
    database.delete_static_role("report")
    assert database.static_roles() == []


def test_static_roles_by_the_calendar(database, fake):
    fake.add_user("reporting", "old")
    database.write_static_role("report", "app", "reporting", rotation_schedule="0 2 * * SAT", rotation_window=3600)
    found = database.static_credentials("report")
    assert (found.rotation_period, found.rotation_schedule) == (None, "0 2 * * SAT")
    assert 0 < found.ttl <= 7 * 86_400
    with pytest.raises(vaultcore.InvalidArgumentError):
        database.write_static_role("bad", "app", "reporting", rotation_schedule="0 25 * * *")


def test_two_users_take_turns(database, fake):
    fake.add_user("web_a", "a")
    fake.add_user("web_b", "b")
    database.write_static_role("web", "app", "web_a", second="web_b", grace=5, rotation_period=60)
    assert database.static_credentials("web").username in ("web_a", "web_b")


@pytest.mark.parametrize("name", ["connection", "credentials", "static_credentials", "reset"])
@pytest.mark.parametrize("wrong", ["", "a/b", "\x00", "x" * 5000, "no such"])
def test_names_that_there_are_not(database, name, wrong):
    with pytest.raises((vaultcore.InvalidArgumentError, vaultcore.NotFoundError,
                        vaultcore.TooLargeError)):
        getattr(database, name)(wrong)


def test_a_role_that_may_not(opened, database):
    session = opened.owner()
    session.sys.put_policy("p", 'path "database/creds/other" { capabilities = ["read"] }')
    token = session.tokens.create(policies=["p"])
    with pytest.raises(vaultcore.PermissionDeniedError):
        opened.login(token).database("database").credentials("readonly")


def test_leases(opened, database, fake):
    leases = opened.owner().leases
    users = [database.credentials("readonly") for _ in range(3)]
    assert leases.count() == 3 and leases.list("database/creds/") == ["readonly/"]
    told = leases.lookup(users[0].lease_id)
    assert told["state"] == "active" and told["renewable"] and told["renewed"] is None
    assert told["id"] == users[0].lease_id and 0 < told["ttl"] <= 60 and told["failure"] == ""
    assert leases.renew(users[0].lease_id, increment=120) == 120
    assert leases.renew(users[0].lease_id) > 0
    leases.revoke(users[0].lease_id)
    leases.revoke(users[0].lease_id)
    assert fake.users == 2
    leases.revoke_prefix("database/creds/readonly")
    assert (fake.users, leases.count(), leases.irrevocable()) == (0, 0, [])
    with pytest.raises(vaultcore.InvalidArgumentError):
        leases.lookup(users[1].lease_id)


def test_leases_are_forgotten_by_force(opened, database, fake):
    database.credentials("readonly")
    fake.set_down(True)
    opened.owner().leases.dangerous_revoke_force("database/creds/readonly")
    assert opened.owner().leases.count() == 0
    fake.set_down(False)
    assert fake.users == 1


def test_a_thread_of_the_vault_ends_what_ran_out(fake):
    with vaultcore.open("memory:", background=True, fake_database=fake) as vault:
        vault.init(key=KEY)
        vault.unseal_key(KEY)
        session = vault.owner()
        session.sys.mount("database", "database")
        database = session.database("database")
        database.configure("app", PLUGIN, "fake://", allowed_roles=["*"])
        database.write_role("short", "app", default_ttl=1)
        database.credentials("short")
        waited = threading.Event()
        for _ in range(300):
            if fake.users == 0:
                break
            waited.wait(0.1)
        assert fake.users == 0


def test_a_file_is_reopened_with_its_database(fake, tmp_path):
    with vaultcore.open(tmp_path / "v", fake_database=fake) as vault:
        vault.init(key=KEY)
        vault.unseal_key(KEY)
        vault.owner().sys.mount("database", "database")
        database = vault.owner().database("database")
        database.configure("app", PLUGIN, "fake://", allowed_roles=["*"])
        database.write_role("r", "app")
    del database  # it has the file open as long as it is there
    with vault.reopen() as again:
        again.unseal_key(KEY)
        with again.owner().database("database").credentials("r"):
            assert fake.users == 1
    assert fake.users == 0
