package vaultcore

import (
	"strings"
	"sync"
	"testing"
	"time"
)

// databases returns a session with a database in memory, which the library has for tests, and its
// credentials by the role "role".
func databases(t testing.TB) (*Vault, *Session, *Database) {
	t.Helper()
	vault, _ := unsealed(t)
	session := must(vault.Owner(background))(t)
	post(t, session, "sys/mounts/database", `{"type": "database"}`)
	post(t, session, "database/config/db", `{"plugin_name": "fake-database-plugin",
		"connection_url": "fake://", "username": "admin", "password": "pw", "allowed_roles": "*"}`)
	post(t, session, "database/roles/role", `{"db_name": "db", "creation_statements": ["C"],
		"default_ttl": 60, "max_ttl": 7200}`)
	return vault, session, must(session.Database(background, "database"))(t)
}

func post(t testing.TB, session *Session, path, body string) {
	t.Helper()
	response := must(session.Request(background, &Request{
		Method: "POST", Path: path, Body: []byte(body),
	}))(t)
	if response.Status >= 300 {
		t.Fatalf("%s: %d %s", path, response.Status, response.Body.Expose())
	}
}

func TestIncrementsAreWholeSecondsRoundedUp(t *testing.T) {
	for increment, whole := range map[time.Duration]uint64{
		0:                       0,
		time.Nanosecond:         1,
		time.Second:             1,
		1500 * time.Millisecond: 2,
		time.Hour:               3600,
	} {
		found, err := seconds(increment)
		check(t, err)
		if uint64(found) != whole {
			t.Errorf("%v is %d seconds", increment, found)
		}
	}
	_, err := seconds(-time.Nanosecond)
	expect(t, err, ErrInvalidArgument)
}

func TestAUserIsMadeRenewedAndTakenAway(t *testing.T) {
	vault, session, database := databases(t)
	defer vault.Close()
	made := must(database.Credentials(background, "role"))(t)
	if made.Username == "" || len(made.Password.Expose()) < 8 {
		t.Errorf("%q has no name or no password", made.LeaseID)
	}
	if !strings.HasPrefix(made.LeaseID, "database/creds/role/") {
		t.Errorf("the lease is %q", made.LeaseID)
	}
	check(t, made.KeepAlive(background))
	if lives := must(made.Renew(background, 2*time.Minute))(t); lives != 2*time.Minute {
		t.Errorf("renewed for %v", lives)
	}
	status := must(made.Lease(background))(t)
	if !status.Renewable || status.Last || status.Remaining > 2*time.Minute {
		t.Errorf("status %+v", status)
	}
	_, err := made.Renew(background, -time.Second)
	expect(t, err, ErrInvalidArgument)
	_, err = session.Leases().Renew(background, made.LeaseID, -1)
	expect(t, err, ErrInvalidArgument)
	check(t, made.Revoke(background))
	expect(t, made.Revoke(background), ErrClosed)
	expect(t, made.KeepAlive(background), ErrClosed)
	_, err = session.Leases().Lookup(background, made.LeaseID)
	expect(t, err, ErrInvalidArgument)
	check(t, made.Close())
	expect(t, made.Close(), ErrClosed)
	if made.Password.Expose() != nil {
		t.Error("the password was not wiped")
	}
	_, err = database.Credentials(background, "no-such-role")
	expect(t, err, ErrInvalidArgument)
	check(t, database.Close())
	_, err = database.Credentials(background, "role")
	expect(t, err, ErrClosed)
}

func TestLeasesAreListedRenewedAndEnded(t *testing.T) {
	vault, session, database := databases(t)
	defer vault.Close()
	leases := session.Leases()
	first := must(database.Credentials(background, "role"))(t)
	second := must(database.Credentials(background, "role"))(t)
	if names := must(leases.List(background, "database/creds/role"))(t); len(names) != 2 {
		t.Errorf("listed %v", names)
	}
	if lives := must(leases.Renew(background, first.LeaseID, 0))(t); lives != time.Minute {
		t.Errorf("renewed for %v", lives)
	}
	info := must(leases.Lookup(background, first.LeaseID))(t)
	if info.State != "active" || info.LastRenewal == nil || !info.Expires.After(info.Issued) {
		t.Errorf("known of the lease: %+v", info)
	}
	check(t, leases.Revoke(background, first.LeaseID))
	check(t, leases.Revoke(background, first.LeaseID))
	check(t, leases.RevokePrefix(background, "database/creds/role"))
	_, err := leases.Lookup(background, second.LeaseID)
	expect(t, err, ErrInvalidArgument)
	check(t, vault.Seal(background))
	_, err = leases.List(background, "database/creds")
	expect(t, err, ErrSealed)
}

func TestAStaticRoleIsRead(t *testing.T) {
	vault, session, database := databases(t)
	defer vault.Close()
	made := must(database.Credentials(background, "role"))(t)
	post(t, session, "database/static-roles/static",
		`{"db_name": "db", "rotation_period": 3600, "username": "`+made.Username+`"}`)
	name, password, err := database.StaticCredentials(background, "static")
	check(t, err)
	if name != made.Username || len(password.Expose()) < 8 {
		t.Errorf("%q is not %q, or has no password", name, made.Username)
	}
	_, _, err = database.StaticCredentials(background, "none")
	expect(t, err, ErrNotFound)
}

func TestManyMakeUsersAtOnce(t *testing.T) {
	vault, session, database := databases(t)
	var group sync.WaitGroup
	for range 8 {
		group.Add(1)
		go func() {
			defer group.Done()
			for range 5 {
				made := must(database.Credentials(background, "role"))(t)
				check(t, made.KeepAlive(background))
				check(t, made.Revoke(background))
				check(t, made.Close())
			}
		}()
	}
	group.Wait()
	if names := must(session.Leases().List(background, "database/creds/role"))(t); len(names) != 0 {
		t.Errorf("%d leases are left", len(names))
	}
	check(t, vault.Close())
}
