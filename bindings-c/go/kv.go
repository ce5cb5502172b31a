package vaultcore

/*
#include <vaultcore.h>
*/
import "C"

import (
	"context"
	"encoding/json"
	"runtime"
	"unsafe"
)

// A KV has the versioned key-value secrets of a mount.
type KV struct {
	vault   *Vault // which would close it if it were collected
	handle  C.vc_kv
	cleanup runtime.Cleanup
}

// KV returns the versioned key-value secrets that are mounted at mount. Whether there is such a
// mount is checked with each call.
func (session *Session) KV(ctx context.Context, mount string) (*KV, error) {
	kv := &KV{vault: session.vault}
	err := call(ctx, session, func(in *inputs, failed **C.vc_error) C.vc_status {
		return C.vc_session_kv(session.handle, in.text(mount), &kv.handle, failed)
	})
	if err != nil {
		return nil, err
	}
	kv.cleanup = runtime.AddCleanup(kv, func(handle C.vc_kv) {
		C.vc_kv_close(handle, nil)
	}, kv.handle)
	return kv, nil
}

// Close closes it.
func (kv *KV) Close() error {
	kv.cleanup.Stop()
	return call(context.Background(), kv, func(_ *inputs, failed **C.vc_error) C.vc_status {
		return C.vc_kv_close(kv.handle, failed)
	})
}

// A CAS is what a write expects to find: [Any], [Absent] or [At].
type CAS struct {
	set     bool
	version uint64
}

var (
	// Any expects nothing.
	Any = CAS{}
	// Absent expects that no version was ever written.
	Absent = At(0)
)

// At expects that version is the newest.
func At(version uint64) CAS {
	return CAS{set: true, version: version}
}

// Put writes a new version of a secret, a JSON object, and returns its number.
func (kv *KV) Put(ctx context.Context, path string, data []byte, cas CAS) (uint64, error) {
	expected, added := C.uint64_t(cas.version), C.uint64_t(0)
	err := call(ctx, kv, func(in *inputs, failed **C.vc_error) C.vc_status {
		pointer := &expected
		if !cas.set {
			pointer = nil
		}
		return C.vc_kv_put(kv.handle, in.text(path), in.bytes(data), pointer, &added, failed)
	})
	return uint64(added), err
}

// Get reads the newest version of a secret: its JSON as it was written, and its number.
func (kv *KV) Get(ctx context.Context, path string) (*Secret, uint64, error) {
	return kv.GetVersion(ctx, path, 0)
}

// GetVersion reads one version of a secret; 0 is the newest.
func (kv *KV) GetVersion(
	ctx context.Context, path string, version uint64,
) (*Secret, uint64, error) {
	var found C.uint64_t
	data, err := take(ctx, kv,
		func(in *inputs, out *C.vc_buffer, failed **C.vc_error) C.vc_status {
			path := in.text(path)
			return C.vc_kv_get(kv.handle, path, C.uint64_t(version), out, &found, failed)
		})
	return data, uint64(found), err
}

// Delete marks the newest version as deleted.
func (kv *KV) Delete(ctx context.Context, path string) error {
	return call(ctx, kv, func(in *inputs, failed **C.vc_error) C.vc_status {
		return C.vc_kv_delete(kv.handle, in.text(path), failed)
	})
}

// DeleteVersions marks versions as deleted; unknown numbers are passed over.
func (kv *KV) DeleteVersions(ctx context.Context, path string, versions ...uint64) error {
	return call(ctx, kv, func(in *inputs, failed **C.vc_error) C.vc_status {
		first, count := numbers(versions)
		return C.vc_kv_delete_versions(kv.handle, in.text(path), first, count, failed)
	})
}

// Undelete brings deleted versions back.
func (kv *KV) Undelete(ctx context.Context, path string, versions ...uint64) error {
	return call(ctx, kv, func(in *inputs, failed **C.vc_error) C.vc_status {
		first, count := numbers(versions)
		return C.vc_kv_undelete(kv.handle, in.text(path), first, count, failed)
	})
}

// Destroy removes the data of versions for good.
func (kv *KV) Destroy(ctx context.Context, path string, versions ...uint64) error {
	return call(ctx, kv, func(in *inputs, failed **C.vc_error) C.vc_status {
		first, count := numbers(versions)
		return C.vc_kv_destroy(kv.handle, in.text(path), first, count, failed)
	})
}

func numbers(versions []uint64) (*C.uint64_t, C.size_t) {
	return (*C.uint64_t)(unsafe.Pointer(unsafe.SliceData(versions))), C.size_t(len(versions))
}

// List returns the names in a folder, sorted; subfolders end in a slash. The root is "".
func (kv *KV) List(ctx context.Context, folder string) ([]string, error) {
	found, err := take(ctx, kv,
		func(in *inputs, out *C.vc_buffer, failed **C.vc_error) C.vc_status {
			return C.vc_kv_list(kv.handle, in.text(folder), out, failed)
		})
	if err != nil {
		return nil, err
	}
	defer found.Close()
	var names []string
	return names, json.Unmarshal(found.Expose(), &names)
}

// Metadata returns what is known of a secret but its data: JSON with the fields of Vault's
// metadata.
func (kv *KV) Metadata(ctx context.Context, path string) (*Secret, error) {
	return take(ctx, kv,
		func(in *inputs, out *C.vc_buffer, failed **C.vc_error) C.vc_status {
			return C.vc_kv_metadata(kv.handle, in.text(path), out, failed)
		})
}

// DeleteMetadata deletes a secret with all of its versions.
func (kv *KV) DeleteMetadata(ctx context.Context, path string) error {
	return call(ctx, kv, func(in *inputs, failed **C.vc_error) C.vc_status {
		return C.vc_kv_delete_metadata(kv.handle, in.text(path), failed)
	})
}
