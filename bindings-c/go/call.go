package vaultcore

/*
#cgo pkg-config: vaultcore
#include <vaultcore.h>
*/
import "C"

import (
	"context"
	"runtime"
	"unsafe"
)

// inputs are pinned for one call, since C keeps their addresses in structs.
type inputs struct{ pinner runtime.Pinner }

func (in *inputs) bytes(data []byte) C.vc_bytes {
	if len(data) == 0 {
		return C.vc_bytes{}
	}
	first := unsafe.SliceData(data)
	in.pinner.Pin(first)
	return C.vc_bytes{data: (*C.uint8_t)(unsafe.Pointer(first)), len: C.size_t(len(data))}
}

func (in *inputs) text(text string) C.vc_bytes {
	if len(text) == 0 {
		return C.vc_bytes{}
	}
	first := unsafe.StringData(text)
	in.pinner.Pin(first)
	return C.vc_bytes{data: (*C.uint8_t)(unsafe.Pointer(first)), len: C.size_t(len(text))}
}

// call makes one call of the library, during which owner is not collected, and so not closed.
func call(
	ctx context.Context,
	owner any,
	body func(in *inputs, failed **C.vc_error) C.vc_status,
) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	var in inputs
	defer in.pinner.Unpin()
	var failed *C.vc_error
	status := body(&in, &failed)
	runtime.KeepAlive(owner)
	if status == C.VC_OK {
		return nil
	}
	defer C.vc_error_free(&failed)
	return newError(status, failed)
}

// Version returns the version of the library, such as "0.1.0".
func Version() string {
	return C.GoString(C.vc_version())
}
