package vaultcore

/*
#include <vaultcore.h>
*/
import "C"

import (
	"context"
	"encoding/json"
	"fmt"
	"runtime"
	"time"
)

// A Database has the credentials of a database mount. Connections and roles are written by
// [Session.Request].
type Database struct {
	vault   *Vault // which would close it if it were collected
	handle  C.vc_database
	cleanup runtime.Cleanup
}

// Database returns the credentials of the database engine that is mounted at mount. Whether there
// is such a mount is checked with each call.
func (session *Session) Database(ctx context.Context, mount string) (*Database, error) {
	database := &Database{vault: session.vault}
	err := call(ctx, session, func(in *inputs, failed **C.vc_error) C.vc_status {
		return C.vc_session_database(session.handle, in.text(mount), &database.handle, failed)
	})
	if err != nil {
		return nil, err
	}
	database.cleanup = runtime.AddCleanup(database, func(handle C.vc_database) {
		C.vc_database_close(handle, nil)
	}, database.handle)
	return database, nil
}

// Close closes it.
func (database *Database) Close() error {
	database.cleanup.Stop()
	return call(context.Background(), database,
		func(_ *inputs, failed **C.vc_error) C.vc_status {
			return C.vc_database_close(database.handle, failed)
		})
}

// Credentials are a user of a database that was made for whoever asked.
type Credentials struct {
	// Username is the name of the user, and Password the password, which Close wipes.
	Username string
	Password *Secret
	// LeaseID names the lease that the user lives by.
	LeaseID string

	vault   *Vault // which would close it if it were collected
	handle  C.vc_credentials
	cleanup runtime.Cleanup
}

// Credentials makes a user of a role, who is taken away when the lease ends: renewed by nobody
// unless by [Credentials.KeepAlive].
func (database *Database) Credentials(ctx context.Context, role string) (*Credentials, error) {
	made := &Credentials{vault: database.vault}
	err := call(ctx, database, func(in *inputs, failed **C.vc_error) C.vc_status {
		return C.vc_database_credentials(database.handle, in.text(role), &made.handle, failed)
	})
	if err != nil {
		return nil, err
	}
	made.cleanup = runtime.AddCleanup(made, func(handle C.vc_credentials) {
		C.vc_credentials_close(handle, nil)
	}, made.handle)
	if err := made.read(); err != nil {
		return nil, err
	}
	return made, nil
}

// read takes no context: the user is there, and whoever asked is told so.
func (made *Credentials) read() error {
	ctx := context.Background()
	name, err := take(ctx, made,
		func(_ *inputs, out *C.vc_buffer, failed **C.vc_error) C.vc_status {
			return C.vc_credentials_username(made.handle, out, failed)
		})
	if err != nil {
		return err
	}
	id, err := take(ctx, made,
		func(_ *inputs, out *C.vc_buffer, failed **C.vc_error) C.vc_status {
			return C.vc_credentials_lease_id(made.handle, out, failed)
		})
	if err != nil {
		return err
	}
	made.Username, made.LeaseID = string(name.Expose()), string(id.Expose())
	made.Password, err = take(ctx, made,
		func(_ *inputs, out *C.vc_buffer, failed **C.vc_error) C.vc_status {
			return C.vc_credentials_password(made.handle, out, failed)
		})
	return err
}

// KeepAlive renews the lease in a thread of the library's from now on, until Close, or until no
// renewal prolongs it any more.
func (made *Credentials) KeepAlive(ctx context.Context) error {
	return call(ctx, made, func(_ *inputs, failed **C.vc_error) C.vc_status {
		return C.vc_credentials_keep_alive(made.handle, failed)
	})
}

// Renew lets the user live for increment from now, 0 for as long as it was made for, and returns
// how long it does. A part of a second counts as a whole one.
func (made *Credentials) Renew(
	ctx context.Context, increment time.Duration,
) (time.Duration, error) {
	var lives C.uint64_t
	wanted, err := seconds(increment)
	if err != nil {
		return 0, err
	}
	err = call(ctx, made, func(_ *inputs, failed **C.vc_error) C.vc_status {
		return C.vc_credentials_renew(made.handle, wanted, &lives, failed)
	})
	return time.Duration(lives) * time.Second, err
}

// A LeaseStatus says how long credentials live.
type LeaseStatus struct {
	// Remaining is how long they live from now, unless the lease is renewed.
	Remaining time.Duration
	// Renewable tells whether it can be renewed at all, Last whether no renewal prolongs it any more.
	Renewable, Last bool
}

// Lease tells how long the user lives.
func (made *Credentials) Lease(ctx context.Context) (LeaseStatus, error) {
	var status C.vc_lease_status
	err := call(ctx, made, func(_ *inputs, failed **C.vc_error) C.vc_status {
		return C.vc_credentials_lease(made.handle, &status, failed)
	})
	return LeaseStatus{
		Remaining: time.Duration(status.remaining_ms) * time.Millisecond,
		Renewable: bool(status.renewable),
		Last:      bool(status.last),
	}, err
}

// Revoke takes the user away now. Calls that follow answer [ErrClosed].
func (made *Credentials) Revoke(ctx context.Context) error {
	return call(ctx, made, func(_ *inputs, failed **C.vc_error) C.vc_status {
		return C.vc_credentials_revoke(made.handle, failed)
	})
}

// Close wipes the password and renews the lease no more. A user that was not revoked lives until
// the lease runs out.
func (made *Credentials) Close() error {
	made.cleanup.Stop()
	made.Password.Close()
	return call(context.Background(), made,
		func(_ *inputs, failed **C.vc_error) C.vc_status {
			return C.vc_credentials_close(made.handle, failed)
		})
}

// StaticCredentials returns name and password of a static role.
func (database *Database) StaticCredentials(
	ctx context.Context, role string,
) (string, *Secret, error) {
	var name C.vc_buffer
	password, err := take(ctx, database,
		func(in *inputs, out *C.vc_buffer, failed **C.vc_error) C.vc_status {
			role := in.text(role)
			return C.vc_database_static_credentials(database.handle, role, &name, out, failed)
		})
	if err != nil {
		return "", nil, err
	}
	return string(takeBuffer(&name).Expose()), password, nil
}

// A Leases has the leases of a session's namespace.
type Leases struct{ session *Session }

// Leases returns the leases of the namespace: what was made for somebody and lives for a time.
func (session *Session) Leases() Leases {
	return Leases{session}
}

// A LeaseInfo is what is known of a lease.
type LeaseInfo struct {
	ID          string     `json:"id"`
	Issued      time.Time  `json:"issue_time"`
	Expires     time.Time  `json:"expire_time"`
	LastRenewal *time.Time `json:"last_renewal"`
	Renewable   bool       `json:"renewable"`
	// TTL is how many seconds it lives from now.
	TTL uint64 `json:"ttl"`
	// State is "pending", "active", "revoking" or "irrevocable".
	State string `json:"state"`
	// Failure tells what went wrong when it was to be ended.
	Failure string `json:"failure"`
}

// Lookup returns what is known of a lease.
func (leases Leases) Lookup(ctx context.Context, id string) (*LeaseInfo, error) {
	info := new(LeaseInfo)
	err := leases.decode(ctx, info,
		func(in *inputs, out *C.vc_buffer, failed **C.vc_error) C.vc_status {
			return C.vc_lease_lookup(leases.session.handle, in.text(id), out, failed)
		})
	if err != nil {
		return nil, err
	}
	return info, nil
}

// List returns the names in a folder of leases, such as "database/creds/readonly", sorted;
// subfolders end in a slash.
func (leases Leases) List(ctx context.Context, prefix string) ([]string, error) {
	var names []string
	err := leases.decode(ctx, &names,
		func(in *inputs, out *C.vc_buffer, failed **C.vc_error) C.vc_status {
			return C.vc_lease_list(leases.session.handle, in.text(prefix), out, failed)
		})
	return names, err
}

// decode makes a call that returns JSON.
func (leases Leases) decode(
	ctx context.Context,
	into any,
	body func(in *inputs, out *C.vc_buffer, failed **C.vc_error) C.vc_status,
) error {
	found, err := take(ctx, leases.session, body)
	if err != nil {
		return err
	}
	defer found.Close()
	return json.Unmarshal(found.Expose(), into)
}

// Renew lets a lease live for increment from now, 0 for as long as it was made for, and returns how
// long it does. Both are whole seconds.
func (leases Leases) Renew(
	ctx context.Context, id string, increment time.Duration,
) (time.Duration, error) {
	var lives C.uint64_t
	wanted, err := seconds(increment)
	if err != nil {
		return 0, err
	}
	err = call(ctx, leases.session, func(in *inputs, failed **C.vc_error) C.vc_status {
		handle := leases.session.handle
		return C.vc_lease_renew(handle, in.text(id), wanted, &lives, failed)
	})
	return time.Duration(lives) * time.Second, err
}

// Revoke ends a lease, and what it leases. One that is over is no error.
func (leases Leases) Revoke(ctx context.Context, id string) error {
	return call(ctx, leases.session, func(in *inputs, failed **C.vc_error) C.vc_status {
		return C.vc_lease_revoke(leases.session.handle, in.text(id), failed)
	})
}

// RevokePrefix ends all leases below a prefix: of a role, or of a mount.
func (leases Leases) RevokePrefix(ctx context.Context, prefix string) error {
	return call(ctx, leases.session, func(in *inputs, failed **C.vc_error) C.vc_status {
		return C.vc_lease_revoke_prefix(leases.session.handle, in.text(prefix), failed)
	})
}

// seconds rounds up, so that a short span is not taken for none, which asks for the usual one.
func seconds(span time.Duration) (C.uint64_t, error) {
	if span < 0 {
		return 0, fmt.Errorf("vaultcore: the increment is negative: %w", ErrInvalidArgument)
	}
	whole := span / time.Second
	if span%time.Second > 0 {
		whole++
	}
	return C.uint64_t(whole), nil
}
