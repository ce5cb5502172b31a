package vaultcore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
)

func request(t testing.TB, session *Session, method, path, body string) {
	t.Helper()
	response := must(session.Request(background, &Request{
		Method: method, Path: path, Body: []byte(body),
	}))(t)
	if response.Status >= 300 {
		t.Fatalf("%s %s: %d %s", method, path, response.Status, response.Body.Expose())
	}
}

func keys(t testing.TB, vault *Vault) (*Session, *Transit) {
	t.Helper()
	session := must(vault.Owner(background))(t)
	request(t, session, "POST", "sys/mounts/transit", `{"type": "transit"}`)
	return session, must(session.Transit(background, "transit"))(t)
}

func TestWhatIsEncryptedIsDecryptedAndRewrapped(t *testing.T) {
	vault, _ := unsealed(t)
	session, transit := keys(t, vault)
	row := Bound{AssociatedData: []byte("row 42")}
	card := []byte("4111\x00\xff1111") // bytes, not text
	first := must(transit.Encrypt(background, "orders", card, row))(t)
	if !strings.HasPrefix(first, "vault:v1:") {
		t.Errorf("ciphertext %q", first)
	}
	request(t, session, "POST", "transit/keys/orders/rotate", "")
	second := must(transit.Rewrap(background, "orders", first, row))(t)
	if !strings.HasPrefix(second, "vault:v2:") {
		t.Errorf("rewrapped %q", second)
	}
	for _, text := range []string{first, second} {
		secret := must(transit.Decrypt(background, "orders", text, row))(t)
		if !bytes.Equal(secret.Expose(), card) {
			t.Errorf("plaintext %q", secret.Expose())
		}
		view := secret.Expose()
		check(t, secret.Close())
		if !bytes.Equal(view, make([]byte, len(card))) {
			t.Error("not wiped")
		}
	}
	empty := must(transit.Encrypt(background, "orders", nil, Bound{}))(t)
	secret := must(transit.Decrypt(background, "orders", empty, Bound{}))(t)
	if len(secret.Expose()) != 0 {
		t.Errorf("plaintext %q", secret.Expose())
	}
	check(t, vault.Close())
}

func TestACiphertextIsBound(t *testing.T) {
	vault, _ := unsealed(t)
	session, transit := keys(t, vault)
	request(t, session, "POST", "transit/keys/tenants", `{"derived": true}`)
	seven := Bound{Context: []byte("tenant 7"), AssociatedData: []byte("row 42")}
	text := must(transit.Encrypt(background, "tenants", []byte("x"), seven))(t)
	for _, wrong := range []Bound{
		{},
		{Context: seven.Context},
		{AssociatedData: seven.AssociatedData},
		{Context: []byte("tenant 8"), AssociatedData: seven.AssociatedData},
		{Context: seven.Context, AssociatedData: []byte("row 43")},
	} {
		_, err := transit.Decrypt(background, "tenants", text, wrong)
		expect(t, err, ErrInvalidArgument)
		_, err = transit.Rewrap(background, "tenants", text, wrong)
		expect(t, err, ErrInvalidArgument)
	}
	must(transit.Decrypt(background, "tenants", text, seven))(t)
	_, err := transit.Decrypt(background, "nobody", text, seven)
	expect(t, err, ErrNotFound)
	_, err = transit.Decrypt(background, "tenants", "a\xff", seven)
	expect(t, err, ErrInvalidArgument)
	_, err = transit.Encrypt(background, "tenants", make([]byte, 17<<20), seven)
	expect(t, err, ErrTooLarge)
	check(t, vault.Close())
}

func TestTransitIsSealedAndClosedWithItsVault(t *testing.T) {
	vault, _ := unsealed(t)
	session, transit := keys(t, vault)
	other := must(session.Transit(background, "transit"))(t)
	check(t, other.Close())
	expect(t, other.Close(), ErrClosed)
	cancelled, cancel := context.WithCancel(background)
	cancel()
	if _, err := transit.Encrypt(cancelled, "a", nil, Bound{}); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	_, err := session.Transit(cancelled, "transit")
	if !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	check(t, vault.Seal(background))
	_, err = transit.Encrypt(background, "orders", nil, Bound{})
	expect(t, err, ErrSealed)
	check(t, vault.Close())
	_, err = transit.Encrypt(background, "orders", nil, Bound{})
	expect(t, err, ErrClosed)
	expect(t, transit.Close(), ErrClosed)
}

// A key that many use at once, while a collector moves what it may.
func TestGoroutinesShareAKey(t *testing.T) {
	vault, _ := unsealed(t)
	_, transit := keys(t, vault)
	var workers sync.WaitGroup
	for number := range 8 {
		workers.Add(1)
		go func() {
			defer workers.Done()
			bound := Bound{AssociatedData: fmt.Appendf(nil, "row %d", number)}
			for round := range 50 {
				plain := fmt.Appendf(nil, "%d of %d", round, number)
				text, err := transit.Encrypt(background, "shared", plain, bound)
				if err != nil {
					t.Errorf("encrypt: %v", err)
					return
				}
				secret, err := transit.Decrypt(background, "shared", text, bound)
				if err != nil || !bytes.Equal(secret.Expose(), plain) {
					t.Errorf("decrypt: %v", err)
					return
				}
				if round%10 == 0 {
					runtime.GC()
				}
			}
		}()
	}
	workers.Wait()
	check(t, vault.Close())
}
