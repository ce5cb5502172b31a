package vaultcore

/*
#include <vaultcore.h>
*/
import "C"

import (
	"errors"
	"fmt"
	"sync"
	"unsafe"
)

// A Secret holds bytes that Close wipes and that do not print. What is copied out of it is the
// caller's to wipe, and nothing wipes a string.
type Secret struct {
	mutex sync.Mutex
	data  []byte
}

// Expose returns the bytes themselves, which Close wipes; nil once it did.
func (secret *Secret) Expose() []byte {
	secret.mutex.Lock()
	defer secret.mutex.Unlock()
	return secret.data
}

// Close wipes the secret. Closing again does nothing.
func (secret *Secret) Close() error {
	secret.mutex.Lock()
	defer secret.mutex.Unlock()
	clear(secret.data)
	secret.data = nil
	return nil
}

// Format prints "[redacted]", whatever the verb.
func (secret *Secret) Format(state fmt.State, _ rune) {
	fmt.Fprint(state, "[redacted]")
}

// MarshalJSON refuses, so that no secret gets into a log by accident.
func (secret *Secret) MarshalJSON() ([]byte, error) {
	return nil, errors.New("vaultcore: a Secret is not marshaled; say Expose if you mean it")
}

// takeBuffer moves the bytes of a buffer into a Secret, and wipes the buffer.
func takeBuffer(buffer *C.vc_buffer) *Secret {
	data := make([]byte, int(buffer.len))
	copy(data, unsafe.Slice((*byte)(unsafe.Pointer(buffer.data)), int(buffer.len)))
	C.vc_buffer_free(buffer)
	return &Secret{data: data}
}
