package vaultcore

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// maxBody is more than any request may be, so that the library answers what is too large.
const maxBody = 8 << 20

// Transport returns an http.RoundTripper for clients of Vault's HTTP API: what they send is
// answered in this process, with no socket. The host of the address counts for nothing.
//
// A request with a token in X-Vault-Token is answered as whoever holds that; one without acts as
// the session, the owner's included. X-Vault-Namespace and X-Vault-Wrap-TTL are obeyed.
func Transport(session *Session) http.RoundTripper {
	return roundTripper{vault: session.vault, session: session}
}

// Transport returns an http.RoundTripper that answers by the tokens of requests alone; see the
// function [Transport].
func (vault *Vault) Transport() http.RoundTripper {
	return roundTripper{vault: vault}
}

type roundTripper struct {
	vault   *Vault
	session *Session
}

// RoundTrip answers a request.
func (trip roundTripper) RoundTrip(request *http.Request) (*http.Response, error) {
	body, err := readBody(request)
	if err != nil {
		return nil, err
	}
	defer clear(body)
	path, found := strings.CutPrefix(request.URL.Path, "/v1/")
	// A name may hold a question mark, behind which the library would look for a query.
	if !found || strings.Contains(path, "?") {
		text := []byte(`{"errors":["no handler for this path"]}`)
		return reply(request, &Response{Status: http.StatusNotFound, Body: &Secret{data: text}}), nil
	}
	given := Request{
		Method:    request.Method,
		Path:      path,
		Body:      body,
		Token:     []byte(request.Header.Get("X-Vault-Token")),
		Namespace: request.Header.Get("X-Vault-Namespace"),
		WrapTTL:   request.Header.Get("X-Vault-Wrap-TTL"),
	}
	defer clear(given.Token)
	for name, values := range request.URL.Query() {
		for _, value := range values {
			given.Query = append(given.Query, Field{Name: name, Value: value})
		}
	}
	response, err := trip.answer(request.Context(), &given)
	if err != nil {
		return nil, err
	}
	return reply(request, response), nil
}

func (trip roundTripper) answer(ctx context.Context, request *Request) (*Response, error) {
	if len(request.Token) > 0 || trip.session == nil {
		return trip.vault.Handle(ctx, request)
	}
	return trip.session.Request(ctx, request)
}

func readBody(request *http.Request) ([]byte, error) {
	if request.Body == nil {
		return nil, nil
	}
	defer request.Body.Close()
	body, err := io.ReadAll(io.LimitReader(request.Body, maxBody+1))
	if err == nil && len(body) > maxBody {
		err = &Error{Kind: ErrTooLarge, Message: fmt.Sprintf("a body has at most %d bytes", maxBody)}
	}
	return body, err
}

func reply(request *http.Request, response *Response) *http.Response {
	data := response.Body.Expose()
	return &http.Response{
		Status:        fmt.Sprintf("%d %s", response.Status, http.StatusText(response.Status)),
		StatusCode:    response.Status,
		Proto:         "HTTP/1.1",
		ProtoMajor:    1,
		ProtoMinor:    1,
		Header:        http.Header{"Content-Type": {"application/json"}},
		Body:          &wipedBody{Reader: bytes.NewReader(data), secret: response.Body},
		ContentLength: int64(len(data)),
		Request:       request,
	}
}

// wipedBody wipes what it read from when it is closed.
type wipedBody struct {
	*bytes.Reader
	secret *Secret
}

func (body *wipedBody) Close() error {
	body.Reader.Reset(nil)
	return body.secret.Close()
}
