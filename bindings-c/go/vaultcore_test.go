package vaultcore

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"sync"
	"testing"
	"time"
)

var background = context.Background()

func must[T any](value T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func expect(t testing.TB, err error, kind Kind) {
	t.Helper()
	if !errors.Is(err, kind) {
		t.Errorf("%v instead of %v", err, kind)
	}
}

// unsealed returns a vault in memory with what its making gave.
func unsealed(t testing.TB) (*Vault, *Init) {
	t.Helper()
	vault := must(Open(background, "memory:"))(t)
	init := must(vault.Init(background, Shamir(5, 3)))(t)
	for _, share := range init.Shares[1:4] {
		must(vault.Unseal(background, share.Expose()))(t)
	}
	return vault, init
}

func secrets(t testing.TB, vault *Vault) *KV {
	t.Helper()
	session := must(vault.Owner(background))(t)
	response := must(session.Request(background, &Request{
		Method: "POST", Path: "sys/mounts/secret", Body: []byte(`{"type": "kv-v2"}`),
	}))(t)
	if response.Status != 204 {
		t.Fatalf("mount: %d %s", response.Status, response.Body.Expose())
	}
	return must(session.KV(background, "secret"))(t)
}

func TestASecretIsWrittenAndRead(t *testing.T) {
	vault, _ := unsealed(t)
	kv := secrets(t, vault)
	data := []byte(`{"password": "s3cr3t"}`)
	if version := must(kv.Put(background, "app/db", data, Absent))(t); version != 1 {
		t.Errorf("version %d", version)
	}
	secret, version, err := kv.Get(background, "app/db")
	check(t, err)
	if version != 1 || !bytes.Equal(secret.Expose(), data) {
		t.Errorf("version %d: %s", version, secret.Expose())
	}
	_, err = kv.Put(background, "app/db", data, At(7))
	expect(t, err, ErrConflict)
	var conflict *Error
	if !errors.As(err, &conflict) || conflict.Expected != 7 || conflict.Found != 1 {
		t.Errorf("conflict of %+v", conflict)
	}
	must(kv.Put(background, "app/db", []byte(`{"a": 2}`), At(1)))(t)
	old, _, err := kv.GetVersion(background, "app/db", 1)
	check(t, err)
	if !bytes.Equal(old.Expose(), data) {
		t.Errorf("old version: %s", old.Expose())
	}
	check(t, vault.Close())
}

func TestVersionsAreDeletedListedAndBroughtBack(t *testing.T) {
	vault, _ := unsealed(t)
	kv := secrets(t, vault)
	for range 3 {
		must(kv.Put(background, "app", []byte(`{}`), Any))(t)
	}
	check(t, kv.Delete(background, "app"))
	_, _, err := kv.Get(background, "app")
	expect(t, err, ErrNotFound)
	check(t, kv.Undelete(background, "app", 3))
	check(t, kv.DeleteVersions(background, "app", 2))
	check(t, kv.Destroy(background, "app", 1))
	expect(t, kv.Destroy(background, "app"), ErrInvalidArgument)
	var metadata struct {
		Versions map[string]struct{ Destroyed bool }
	}
	found := must(kv.Metadata(background, "app"))(t)
	check(t, json.Unmarshal(found.Expose(), &metadata))
	if len(metadata.Versions) != 3 || !metadata.Versions["1"].Destroyed {
		t.Errorf("metadata: %s", found.Expose())
	}
	if names := must(kv.List(background, ""))(t); len(names) != 1 || names[0] != "app" {
		t.Errorf("names: %q", names)
	}
	check(t, kv.DeleteMetadata(background, "app"))
	if names := must(kv.List(background, ""))(t); len(names) != 0 {
		t.Errorf("names: %q", names)
	}
	check(t, vault.Close())
}

func TestAVaultInAFileOutlivesItsHandle(t *testing.T) {
	file := filepath.Join(t.TempDir(), "app.vault")
	vault := must(Open(background, file))(t)
	key := bytes.Repeat([]byte{7}, 32)
	init := must(vault.Init(background, Key(key)))(t)
	_, err := vault.Init(background, Key(key))
	expect(t, err, ErrAlreadyInitialized)
	must(vault.UnsealKey(background, key))(t)
	kv := secrets(t, vault)
	must(kv.Put(background, "app", []byte(`{"a": 1}`), Any))(t)
	check(t, vault.Close())
	vault = must(Open(background, file))(t)
	_, err = vault.UnsealKey(background, make([]byte, 32))
	expect(t, err, ErrUnsealFailed)
	if status := must(vault.UnsealKey(background, key))(t); status.Sealed {
		t.Error("sealed")
	}
	session := must(vault.Login(background, init.RootToken.Expose()))(t)
	kv = must(session.KV(background, "secret"))(t)
	_, version, err := kv.Get(background, "app")
	check(t, err)
	if version != 1 {
		t.Errorf("version %d", version)
	}
	check(t, vault.Close())
}

func TestSealedAndClosedAreTold(t *testing.T) {
	vault, init := unsealed(t)
	kv := secrets(t, vault)
	check(t, vault.Seal(background))
	_, _, err := kv.Get(background, "app")
	expect(t, err, ErrSealed)
	_, err = vault.Login(background, init.RootToken.Expose())
	expect(t, err, ErrSealed)
	if status := must(vault.Status(background))(t); !status.Sealed || status.Threshold != 3 {
		t.Errorf("status: %+v", status)
	}
	check(t, vault.Close())
	expect(t, vault.Close(), ErrClosed)
	expect(t, kv.Close(), ErrClosed)
	_, err = vault.Status(background)
	expect(t, err, ErrClosed)
}

func TestAContextIsLookedAtBeforeTheCall(t *testing.T) {
	vault, _ := unsealed(t)
	kv := secrets(t, vault)
	cancelled, cancel := context.WithCancel(background)
	cancel()
	_, err := kv.Put(cancelled, "app", []byte(`{}`), Any)
	if !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	_, _, err = kv.Get(background, "app")
	expect(t, err, ErrNotFound) // nothing was written
}

func TestWhatCannotBeIsRefused(t *testing.T) {
	vault, _ := unsealed(t)
	kv := secrets(t, vault)
	_, err := kv.Put(background, "a\xffb", []byte(`{}`), Any)
	expect(t, err, ErrInvalidArgument)
	_, err = kv.Put(background, "app", nil, Any)
	expect(t, err, ErrInvalidArgument)
	_, err = kv.Put(background, "app", make([]byte, 17<<20), Any)
	expect(t, err, ErrTooLarge)
	_, err = Open(background, "postgres://localhost/app")
	expect(t, err, ErrUnsupported)
	_, err = vault.Login(background, []byte("hvs.none"))
	expect(t, err, ErrPermissionDenied)
	_, err = must(Open(background, "memory:"))(t).Init(background)
	expect(t, err, ErrInvalidArgument)
	never := new(Vault)
	_, err = never.Status(background)
	expect(t, err, ErrInvalidArgument)
}

func TestASecretIsWipedAndDoesNotPrint(t *testing.T) {
	_, init := unsealed(t)
	token := init.RootToken
	for _, verb := range []string{"%v", "%s", "%+v", "%#v", "%x"} {
		if text := fmt.Sprintf(verb, token); text != "[redacted]" {
			t.Errorf("%s prints %q", verb, text)
		}
	}
	if _, err := json.Marshal(token); err == nil {
		t.Error("a secret was marshaled")
	}
	view := token.Expose()
	check(t, init.Close())
	if token.Expose() != nil || !bytes.Equal(view, make([]byte, len(view))) {
		t.Error("not wiped")
	}
}

func TestKindsHaveTheirNames(t *testing.T) {
	seen := map[string]bool{}
	for kind := ErrConflict; kind <= ErrUnsupported; kind++ {
		seen[kind.Error()] = true
	}
	if len(seen) != 23 || seen["Unknown"] || ErrConflict.Error() != "Conflict" {
		t.Errorf("names: %v", seen)
	}
	if Version() == "" {
		t.Error("no version")
	}
}

// Many goroutines, a collector that never rests, and a vault that is closed under their feet.
func TestGoroutinesUnderACollectorThatNeverRests(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(1))
	vault, _ := unsealed(t)
	kv := secrets(t, vault)
	stop := make(chan struct{})
	var workers sync.WaitGroup
	for number := range 8 {
		workers.Add(1)
		go func() {
			defer workers.Done()
			path, want := fmt.Sprintf("app/%d", number), fmt.Sprintf(`{"number": %d}`, number)
			for round := 0; ; round++ {
				select {
				case <-stop:
					return
				default:
				}
				_, err := kv.Put(background, path, []byte(want), Any)
				if err != nil && !errors.Is(err, ErrClosed) {
					t.Errorf("put: %v", err)
				}
				secret, _, err := kv.Get(background, path)
				if err == nil && string(secret.Expose()) != want {
					t.Errorf("%s holds %s", path, secret.Expose())
				}
				if session, err := vault.Owner(background); err == nil && round%2 == 0 {
					session.Close() // the others are left to the collector
				}
				if round%8 == 0 {
					runtime.GC()
				}
			}
		}()
	}
	time.Sleep(2 * time.Second)
	check(t, vault.Close())
	close(stop)
	workers.Wait()
}

// What is forgotten is closed, and nothing before: a session keeps its vault.
func TestTheCollectorClosesWhatIsForgotten(t *testing.T) {
	file := filepath.Join(t.TempDir(), "app.vault")
	kv := func() *KV {
		vault := must(Open(background, file))(t)
		key := bytes.Repeat([]byte{7}, 32)
		must(vault.Init(background, Key(key)))(t)
		must(vault.UnsealKey(background, key))(t)
		return secrets(t, vault)
	}()
	for range 5 {
		runtime.GC()
		must(kv.Put(background, "app", []byte(`{}`), Any))(t)
	}
	_, err := Open(background, file)
	if err == nil {
		t.Error("a file was opened twice")
	}
	runtime.KeepAlive(kv)
	kv = nil
	for range 3000 { // cleanups run in a goroutine of their own
		runtime.GC()
		vault, err := Open(background, file)
		if err == nil {
			check(t, vault.Close())
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Error("a vault that nobody holds is still open")
}
