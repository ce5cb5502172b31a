package vaultcore

/*
#include <vaultcore.h>
*/
import "C"

// A Kind says why a call failed. It is an error itself, for errors.Is.
type Kind uint32

const (
	// ErrConflict: the record was changed by someone else; read again and retry.
	ErrConflict Kind = C.VC_CONFLICT
	// ErrCorrupt: stored bytes failed to authenticate or to parse.
	ErrCorrupt Kind = C.VC_CORRUPT
	// ErrAlreadyInitialized: the storage already holds a vault.
	ErrAlreadyInitialized Kind = C.VC_ALREADY_INITIALIZED
	// ErrAuditFailed: no audit device took the record, so nothing was answered.
	ErrAuditFailed Kind = C.VC_AUDIT_FAILED
	// ErrClockSuspect: the clock jumped in a way that nothing confirms.
	ErrClockSuspect Kind = C.VC_CLOCK_SUSPECT
	// ErrClosed: the handle was closed.
	ErrClosed Kind = C.VC_CLOSED
	// ErrExpired: the lease, token or version has run out.
	ErrExpired Kind = C.VC_EXPIRED
	// ErrForked: the handle is of the process that this one was forked from.
	ErrForked Kind = C.VC_FORKED
	// ErrFull: the storage has no room left.
	ErrFull Kind = C.VC_FULL
	// ErrIndeterminate: the change may or may not have happened; read before trying again.
	ErrIndeterminate Kind = C.VC_INDETERMINATE
	// ErrInvalidArgument: an argument is not what the call takes; nothing was changed.
	ErrInvalidArgument Kind = C.VC_INVALID_ARGUMENT
	// ErrLimitExceeded: a limit that was set on the object is reached.
	ErrLimitExceeded Kind = C.VC_LIMIT_EXCEEDED
	// ErrNotFound: there is no such object.
	ErrNotFound Kind = C.VC_NOT_FOUND
	// ErrNotInitialized: the storage holds no vault yet.
	ErrNotInitialized Kind = C.VC_NOT_INITIALIZED
	// ErrPanicked: a bug in vaultcore, caught at the boundary.
	ErrPanicked Kind = C.VC_PANICKED
	// ErrPermissionDenied: the caller may not do this.
	ErrPermissionDenied Kind = C.VC_PERMISSION_DENIED
	// ErrSealed: the vault is sealed.
	ErrSealed Kind = C.VC_SEALED
	// ErrStorage: the storage failed.
	ErrStorage Kind = C.VC_STORAGE
	// ErrTimeout: the time allowed for the call ran out.
	ErrTimeout Kind = C.VC_TIMEOUT
	// ErrTooLarge: the input is larger than the limit, which the message names.
	ErrTooLarge Kind = C.VC_TOO_LARGE
	// ErrUnavailable: nothing happened; the same call may succeed later.
	ErrUnavailable Kind = C.VC_UNAVAILABLE
	// ErrUnsealFailed: the share, passphrase or key does not open this vault.
	ErrUnsealFailed Kind = C.VC_UNSEAL_FAILED
	// ErrUnsupported: this build, format or backend does not have what was asked for.
	ErrUnsupported Kind = C.VC_UNSUPPORTED
)

// Error returns the name of the kind, such as "Conflict".
func (kind Kind) Error() string {
	return C.GoString(C.vc_status_name(C.vc_status(kind)))
}

// An Error is what a call of the library failed with. It holds no secret.
type Error struct {
	Kind    Kind
	Message string
	// Expected and Found are the versions of a check-and-set that failed, 0 meaning none.
	Expected, Found uint64
}

// Error returns the message.
func (err *Error) Error() string {
	return err.Message
}

// Is tells whether target is the kind of the error.
func (err *Error) Is(target error) bool {
	kind, ok := target.(Kind)
	return ok && kind == err.Kind
}

func newError(status C.vc_status, failed *C.vc_error) *Error {
	err := &Error{Kind: Kind(status), Message: C.GoString(C.vc_error_message(failed))}
	var expected, found C.uint64_t
	if C.vc_error_versions(failed, &expected, &found) {
		err.Expected, err.Found = uint64(expected), uint64(found)
	}
	return err
}
