package vaultcore

import (
	"encoding/base64"
	"encoding/json"
	"testing"
)

// answer makes a request that must succeed, and returns the data of its reply.
func answer(t testing.TB, session *Session, method, path string, body any) map[string]any {
	t.Helper()
	request := &Request{Method: method, Path: path}
	if body != nil {
		request.Body = must(json.Marshal(body))(t)
	}
	response := must(session.Request(background, request))(t)
	if response.Status >= 300 {
		t.Fatalf("%s %s: %d %s", method, path, response.Status, response.Body.Expose())
	}
	var reply struct {
		Data map[string]any `json:"data"`
	}
	if text := response.Body.Expose(); len(text) > 0 {
		check(t, json.Unmarshal(text, &reply))
	}
	return reply.Data
}

type fields = map[string]any

// The library has the kinds of key that ring lacks.
func TestEveryKindOfKeyIsMadeAndUsed(t *testing.T) {
	vault, _ := unsealed(t)
	session, transit := keys(t, vault)
	input := base64.StdEncoding.EncodeToString([]byte("abc"))
	for _, kind := range []string{"rsa-2048", "ecdsa-p521", "ml-dsa-65"} {
		answer(t, session, "POST", "transit/keys/"+kind, fields{"type": kind})
		signed := answer(t, session, "POST", "transit/sign/"+kind, fields{"input": input})
		claim := fields{"input": input, "signature": signed["signature"]}
		if told := answer(t, session, "POST", "transit/verify/"+kind, claim); told["valid"] != true {
			t.Errorf("%s: %v", kind, told)
		}
	}
	answer(t, session, "POST", "transit/keys/x", fields{"type": "xchacha20-poly1305"})
	for _, key := range []string{"x", "rsa-2048"} {
		text := must(transit.Encrypt(background, key, []byte("4111"), Bound{}))(t)
		plain := must(transit.Decrypt(background, key, text, Bound{}))(t)
		if string(plain.Expose()) != "4111" {
			t.Errorf("%s: %q", key, plain.Expose())
		}
	}
	check(t, vault.Close())
}

// A key goes from one mount to another, and nobody between them sees it.
func TestAKeyIsImportedWrapped(t *testing.T) {
	vault, _ := unsealed(t)
	session, transit := keys(t, vault)
	request(t, session, "POST", "sys/mounts/other", `{"type": "transit"}`)
	public := answer(t, session, "GET", "other/wrapping_key", nil)["public_key"]
	there := fields{"type": "rsa-4096", "public_key": public}
	answer(t, session, "POST", "transit/keys/there/import", there)
	answer(t, session, "POST", "transit/keys/app", fields{"exportable": true})
	exported := answer(t, session, "GET", "transit/byok-export/there/app", nil)
	wrapped := exported["keys"].(fields)["1"]
	moved := fields{"type": "aes256-gcm96", "ciphertext": wrapped}
	answer(t, session, "POST", "other/keys/moved/import", moved)
	text := must(transit.Encrypt(background, "app", []byte("4111"), Bound{}))(t)
	other := must(session.Transit(background, "other"))(t)
	plain := must(other.Decrypt(background, "moved", text, Bound{}))(t)
	if string(plain.Expose()) != "4111" {
		t.Errorf("plaintext %q", plain.Expose())
	}
	check(t, vault.Close())
}
