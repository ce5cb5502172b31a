package vaultcore

/*
#include <vaultcore.h>
*/
import "C"

import (
	"context"
	"runtime"
)

// A Transit has the keys of a transit mount, which encrypt and never leave the vault.
type Transit struct {
	vault   *Vault // which would close it if it were collected
	handle  C.vc_transit
	cleanup runtime.Cleanup
}

// Transit returns the keys of the transit engine that is mounted at mount. Whether there is such a
// mount is checked with each call.
func (session *Session) Transit(ctx context.Context, mount string) (*Transit, error) {
	transit := &Transit{vault: session.vault}
	err := call(ctx, session, func(in *inputs, failed **C.vc_error) C.vc_status {
		return C.vc_session_transit(session.handle, in.text(mount), &transit.handle, failed)
	})
	if err != nil {
		return nil, err
	}
	transit.cleanup = runtime.AddCleanup(transit, func(handle C.vc_transit) {
		C.vc_transit_close(handle, nil)
	}, transit.handle)
	return transit, nil
}

// Close closes it.
func (transit *Transit) Close() error {
	transit.cleanup.Stop()
	return call(context.Background(), transit,
		func(_ *inputs, failed **C.vc_error) C.vc_status {
			return C.vc_transit_close(transit.handle, failed)
		})
}

// Bound is what a ciphertext is bound to, and decrypted with again. The zero value is nothing.
type Bound struct {
	// Context chooses the key of a derived key, and is empty for any other.
	Context []byte
	// AssociatedData is known where the ciphertext is kept, such as the number of its row.
	AssociatedData []byte
}

// Encrypt encrypts under the newest version of the key, which is made if there is none, unless the
// mount forbids that. It returns text: "vault:v1:..".
func (transit *Transit) Encrypt(
	ctx context.Context, key string, plaintext []byte, bound Bound,
) (string, error) {
	return transit.ciphertext(ctx,
		func(in *inputs, out *C.vc_buffer, failed **C.vc_error) C.vc_status {
			key, data := in.text(key), in.bytes(plaintext)
			context, associated := in.bytes(bound.Context), in.bytes(bound.AssociatedData)
			return C.vc_transit_encrypt(
				transit.handle, key, data, context, associated, out, failed)
		})
}

// Decrypt decrypts text of Encrypt, with what it was bound to. Whatever is wrong with them is
// [ErrInvalidArgument]; a key that there is not is [ErrNotFound].
func (transit *Transit) Decrypt(
	ctx context.Context, key, ciphertext string, bound Bound,
) (*Secret, error) {
	return take(ctx, transit,
		func(in *inputs, out *C.vc_buffer, failed **C.vc_error) C.vc_status {
			key, text := in.text(key), in.text(ciphertext)
			context, associated := in.bytes(bound.Context), in.bytes(bound.AssociatedData)
			return C.vc_transit_decrypt(
				transit.handle, key, text, context, associated, out, failed)
		})
}

// Rewrap encrypts anew what a ciphertext holds, under the newest version of the key, without
// showing it. What it is bound to stays.
func (transit *Transit) Rewrap(
	ctx context.Context, key, ciphertext string, bound Bound,
) (string, error) {
	return transit.ciphertext(ctx,
		func(in *inputs, out *C.vc_buffer, failed **C.vc_error) C.vc_status {
			key, text := in.text(key), in.text(ciphertext)
			context, associated := in.bytes(bound.Context), in.bytes(bound.AssociatedData)
			return C.vc_transit_rewrap(
				transit.handle, key, text, context, associated, out, failed)
		})
}

// ciphertext makes a call that returns text which is no secret.
func (transit *Transit) ciphertext(
	ctx context.Context,
	body func(in *inputs, out *C.vc_buffer, failed **C.vc_error) C.vc_status,
) (string, error) {
	text, err := take(ctx, transit, body)
	if err != nil {
		return "", err
	}
	return string(text.Expose()), nil
}
