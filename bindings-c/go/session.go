package vaultcore

/*
#include <vaultcore.h>
*/
import "C"

import (
	"context"
	"runtime"
	"unsafe"
)

// A Session is a caller with its rights: the program itself, or the holder of a token.
type Session struct {
	vault   *Vault // which would close the session if it were collected
	handle  C.vc_session
	cleanup runtime.Cleanup
}

// session makes a call that returns a session.
func (vault *Vault) session(
	ctx context.Context,
	owner any,
	body func(in *inputs, out *C.vc_session, failed **C.vc_error) C.vc_status,
) (*Session, error) {
	session := &Session{vault: vault}
	err := call(ctx, owner, func(in *inputs, failed **C.vc_error) C.vc_status {
		return body(in, &session.handle, failed)
	})
	if err != nil {
		return nil, err
	}
	session.cleanup = runtime.AddCleanup(session, func(handle C.vc_session) {
		C.vc_session_close(handle, nil)
	}, session.handle)
	return session, nil
}

// Close closes the session. What came from it stays open.
func (session *Session) Close() error {
	session.cleanup.Stop()
	return call(context.Background(), session, func(_ *inputs, failed **C.vc_error) C.vc_status {
		return C.vc_session_close(session.handle, failed)
	})
}

// Namespace returns the same session in another namespace: its path from the root.
func (session *Session) Namespace(ctx context.Context, path string) (*Session, error) {
	return session.vault.session(ctx, session,
		func(in *inputs, out *C.vc_session, failed **C.vc_error) C.vc_status {
			return C.vc_session_namespace(session.handle, in.text(path), out, failed)
		})
}

// A Field is a field of a query.
type Field struct{ Name, Value string }

// A Request is in the shape of Vault's HTTP API. Nothing of it is percent-decoded.
type Request struct {
	// Method is GET, HEAD, LIST, SCAN, POST, PUT, PATCH or DELETE.
	Method string
	// Path is such as "secret/data/app".
	Path  string
	Query []Field
	// Body is a JSON object, or nothing.
	Body []byte
	// Token is for [Vault.Handle]; a session acts as itself.
	Token []byte
	// Namespace is its path from the root.
	Namespace string
	// WrapTTL says for how long to wrap the reply, such as "60s".
	WrapTTL string
	// RemoteAddress is the IP address of who asks, for tokens that are bound to networks.
	RemoteAddress string
}

// A Response has a status of HTTP, and a JSON object, or nothing with status 204.
type Response struct {
	Status int
	Body   *Secret
}

// Request answers a request as the session. An error of Vault's is a response.
func (session *Session) Request(ctx context.Context, request *Request) (*Response, error) {
	return respond(ctx, session, request,
		func(
			given *C.vc_api_request, http *C.uint16_t, out *C.vc_buffer, failed **C.vc_error,
		) C.vc_status {
			return C.vc_request(session.handle, given, http, out, failed)
		})
}

// Handle answers a request as whoever holds its token, and never as the owner.
func (vault *Vault) Handle(ctx context.Context, request *Request) (*Response, error) {
	return respond(ctx, vault, request,
		func(
			given *C.vc_api_request, http *C.uint16_t, out *C.vc_buffer, failed **C.vc_error,
		) C.vc_status {
			return C.vc_handle(vault.handle, given, http, out, failed)
		})
}

func respond(
	ctx context.Context,
	owner any,
	request *Request,
	body func(
		given *C.vc_api_request, http *C.uint16_t, out *C.vc_buffer, failed **C.vc_error,
	) C.vc_status,
) (*Response, error) {
	var http C.uint16_t
	reply, err := take(ctx, owner,
		func(in *inputs, out *C.vc_buffer, failed **C.vc_error) C.vc_status {
			given := in.request(request)
			return body(&given, &http, out, failed)
		})
	if err != nil {
		return nil, err
	}
	return &Response{Status: int(http), Body: reply}, nil
}

func (in *inputs) request(request *Request) C.vc_api_request {
	given := C.vc_api_request{
		size:           C.size_t(unsafe.Sizeof(C.vc_api_request{})),
		method:         in.text(request.Method),
		path:           in.text(request.Path),
		body:           in.bytes(request.Body),
		token:          in.bytes(request.Token),
		namespace_path: in.text(request.Namespace),
		wrap_ttl:       in.text(request.WrapTTL),
		remote_address: in.text(request.RemoteAddress),
	}
	if len(request.Query) > 0 {
		fields := make([]C.vc_field, len(request.Query))
		for index, field := range request.Query {
			fields[index] = C.vc_field{name: in.text(field.Name), value: in.text(field.Value)}
		}
		in.pinner.Pin(&fields[0])
		given.query, given.query_count = &fields[0], C.size_t(len(fields))
	}
	return given
}
