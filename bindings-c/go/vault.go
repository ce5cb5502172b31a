package vaultcore

/*
#include <vaultcore.h>
*/
import "C"

import (
	"context"
	"runtime"
)

// A Vault is sealed until enough people, or a key, have opened it.
type Vault struct {
	handle  C.vc_vault
	cleanup runtime.Cleanup
}

// Open opens a vault, sealed: "memory:", which lives as long as the Vault, or the path of a file,
// which is created if there is none.
func Open(ctx context.Context, location string) (*Vault, error) {
	vault := new(Vault)
	err := call(ctx, nil, func(in *inputs, failed **C.vc_error) C.vc_status {
		return C.vc_vault_open(in.text(location), &vault.handle, failed)
	})
	if err != nil {
		return nil, err
	}
	vault.cleanup = runtime.AddCleanup(vault, func(handle C.vc_vault) {
		C.vc_vault_close(handle, nil)
	}, vault.handle)
	return vault, nil
}

// Close seals the vault for good and closes all that came from it.
func (vault *Vault) Close() error {
	vault.cleanup.Stop()
	return call(context.Background(), vault, func(_ *inputs, failed **C.vc_error) C.vc_status {
		return C.vc_vault_close(vault.handle, failed)
	})
}

// A Slot is a way to open a vault: [Shamir], [Passphrase] or [Key].
type Slot struct {
	kind              C.uint32_t
	shares, threshold uint8
	secret            []byte
}

// Shamir makes shares for people, of which any threshold open the vault.
func Shamir(shares, threshold uint8) Slot {
	return Slot{kind: C.VC_SLOT_SHAMIR, shares: shares, threshold: threshold}
}

// Passphrase opens the vault by a passphrase, stretched by Argon2id.
func Passphrase(passphrase []byte) Slot {
	return Slot{kind: C.VC_SLOT_PASSPHRASE, secret: passphrase}
}

// Key opens the vault by 32 bytes.
func Key(key []byte) Slot {
	return Slot{kind: C.VC_SLOT_KEY, secret: key}
}

// An Init holds what a new vault hands out, which exists nowhere else.
type Init struct {
	Shares    []*Secret
	RootToken *Secret
}

// Close wipes the shares and the token.
func (init *Init) Close() error {
	for _, share := range init.Shares {
		share.Close()
	}
	return init.RootToken.Close()
}

// Init makes a new vault in the storage. It stays sealed.
func (vault *Vault) Init(ctx context.Context, slots ...Slot) (*Init, error) {
	var handle C.vc_init
	err := call(ctx, vault, func(in *inputs, failed **C.vc_error) C.vc_status {
		made := make([]C.vc_new_slot, len(slots)+1) // one more, so that there is a first
		for index, slot := range slots {
			made[index] = C.vc_new_slot{
				kind:      slot.kind,
				shares:    C.uint8_t(slot.shares),
				threshold: C.uint8_t(slot.threshold),
				secret:    in.bytes(slot.secret),
			}
		}
		return C.vc_vault_init(vault.handle, &made[0], C.size_t(len(slots)), &handle, failed)
	})
	if err != nil {
		return nil, err
	}
	defer C.vc_init_close(handle, nil)
	return readInit(handle)
}

// readInit takes no context: what was made is lost if it is not read.
func readInit(handle C.vc_init) (*Init, error) {
	var count C.size_t
	err := call(context.Background(), nil, func(_ *inputs, failed **C.vc_error) C.vc_status {
		return C.vc_init_share_count(handle, &count, failed)
	})
	if err != nil {
		return nil, err
	}
	init := new(Init)
	for index := C.size_t(0); index < count; index++ {
		share, err := take(context.Background(), nil,
			func(_ *inputs, out *C.vc_buffer, failed **C.vc_error) C.vc_status {
				return C.vc_init_share(handle, index, out, failed)
			})
		if err != nil {
			return nil, err
		}
		init.Shares = append(init.Shares, share)
	}
	init.RootToken, err = take(context.Background(), nil,
		func(_ *inputs, out *C.vc_buffer, failed **C.vc_error) C.vc_status {
			return C.vc_init_root_token(handle, out, failed)
		})
	return init, err
}

// take makes a call that returns a buffer.
func take(
	ctx context.Context,
	owner any,
	body func(in *inputs, out *C.vc_buffer, failed **C.vc_error) C.vc_status,
) (*Secret, error) {
	var buffer C.vc_buffer
	err := call(ctx, owner, func(in *inputs, failed **C.vc_error) C.vc_status {
		return body(in, &buffer, failed)
	})
	if err != nil {
		return nil, err
	}
	return takeBuffer(&buffer), nil
}

// A SealStatus says whether a vault exists and is sealed, and how far an unseal has come.
type SealStatus struct {
	Initialized, Sealed bool
	// Threshold shares of Shares open the vault, and Progress were given so far.
	Threshold, Shares, Progress uint8
}

func (vault *Vault) sealStatus(
	ctx context.Context,
	body func(in *inputs, out *C.vc_seal_status, failed **C.vc_error) C.vc_status,
) (SealStatus, error) {
	var status C.vc_seal_status
	err := call(ctx, vault, func(in *inputs, failed **C.vc_error) C.vc_status {
		return body(in, &status, failed)
	})
	return SealStatus{
		Initialized: bool(status.initialized),
		Sealed:      bool(status.sealed),
		Threshold:   uint8(status.threshold),
		Shares:      uint8(status.shares),
		Progress:    uint8(status.progress),
	}, err
}

// Status tells whether the vault exists and is sealed.
func (vault *Vault) Status(ctx context.Context) (SealStatus, error) {
	return vault.sealStatus(ctx,
		func(_ *inputs, out *C.vc_seal_status, failed **C.vc_error) C.vc_status {
			return C.vc_vault_status(vault.handle, out, failed)
		})
}

// Unseal gives one share as text. With the last one that is needed, the vault is unsealed.
func (vault *Vault) Unseal(ctx context.Context, share []byte) (SealStatus, error) {
	return vault.sealStatus(ctx,
		func(in *inputs, out *C.vc_seal_status, failed **C.vc_error) C.vc_status {
			return C.vc_vault_unseal(vault.handle, in.bytes(share), out, failed)
		})
}

// UnsealPassphrase unseals with a passphrase.
func (vault *Vault) UnsealPassphrase(ctx context.Context, passphrase []byte) (SealStatus, error) {
	return vault.sealStatus(ctx,
		func(in *inputs, out *C.vc_seal_status, failed **C.vc_error) C.vc_status {
			return C.vc_vault_unseal_passphrase(vault.handle, in.bytes(passphrase), out, failed)
		})
}

// UnsealKey unseals with the 32 bytes of a key slot.
func (vault *Vault) UnsealKey(ctx context.Context, key []byte) (SealStatus, error) {
	return vault.sealStatus(ctx,
		func(in *inputs, out *C.vc_seal_status, failed **C.vc_error) C.vc_status {
			return C.vc_vault_unseal_key(vault.handle, in.bytes(key), out, failed)
		})
}

// Seal drops every key, and returns once no call can still be using one.
func (vault *Vault) Seal(ctx context.Context) error {
	return call(ctx, vault, func(_ *inputs, failed **C.vc_error) C.vc_status {
		return C.vc_vault_seal(vault.handle, failed)
	})
}

// Tick does the background work that is due, and returns how many pieces.
func (vault *Vault) Tick(ctx context.Context) (uint64, error) {
	var done C.uint64_t
	err := call(ctx, vault, func(_ *inputs, failed **C.vc_error) C.vc_status {
		return C.vc_vault_tick(vault.handle, &done, failed)
	})
	return uint64(done), err
}

// Owner returns the session of the program that unsealed: full rights, no token.
func (vault *Vault) Owner(ctx context.Context) (*Session, error) {
	return vault.session(ctx, vault,
		func(_ *inputs, out *C.vc_session, failed **C.vc_error) C.vc_status {
			return C.vc_vault_owner(vault.handle, out, failed)
		})
}

// Login returns the session of whoever holds the token.
func (vault *Vault) Login(ctx context.Context, token []byte) (*Session, error) {
	return vault.session(ctx, vault,
		func(in *inputs, out *C.vc_session, failed **C.vc_error) C.vc_status {
			return C.vc_vault_login(vault.handle, in.bytes(token), out, failed)
		})
}
