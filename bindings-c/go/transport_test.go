package vaultcore

import (
	"io"
	"net/http"
	"strings"
	"testing"
)

func ask(
	t *testing.T, transport http.RoundTripper, method, url, body string, headers ...string,
) (int, string) {
	t.Helper()
	request := must(http.NewRequest(method, url, strings.NewReader(body)))(t)
	for index := 0; index+1 < len(headers); index += 2 {
		request.Header.Set(headers[index], headers[index+1])
	}
	client := http.Client{Transport: transport}
	response := must(client.Do(request))(t)
	defer response.Body.Close()
	return response.StatusCode, string(must(io.ReadAll(response.Body))(t))
}

func TestRequestsAreAnsweredWithoutASocket(t *testing.T) {
	vault, init := unsealed(t)
	secrets(t, vault)
	session := must(vault.Owner(background))(t)
	owner, tokens := Transport(session), vault.Transport()
	token := string(init.RootToken.Expose())
	const address = "http://vault.invalid/v1/secret/"

	status, body := ask(t, owner, "POST", address+"data/a%2Fb%20c", `{"data": {"key": "value"}}`)
	if status != 200 {
		t.Fatalf("%d %s", status, body)
	}
	for _, list := range []string{"LIST ", "GET ?list=true"} {
		method, query, _ := strings.Cut(list, " ")
		status, body = ask(t, owner, method, address+"metadata/a"+query, "")
		if status != 200 || !strings.Contains(body, `["b c"]`) {
			t.Errorf("%s: %d %s", list, status, body)
		}
	}
	status, _ = ask(t, tokens, "GET", address+"data/a/b%20c", "")
	if status != 403 {
		t.Errorf("without a token: %d", status)
	}
	status, body = ask(t, tokens, "GET", address+"data/a/b%20c?version=1", "", "X-Vault-Token", token)
	if status != 200 || !strings.Contains(body, `"value"`) {
		t.Errorf("with a token: %d %s", status, body)
	}
	status, _ = ask(t, owner, "GET", address+"data/a/b%20c", "", "X-Vault-Token", "hvs.none")
	if status != 403 {
		t.Errorf("the owner's session answered for a wrong token: %d", status)
	}
	status, body = ask(t, owner, "GET", address+"data/a/b%20c", "", "X-Vault-Wrap-TTL", "60s")
	if status != 200 || strings.Contains(body, `"value"`) || !strings.Contains(body, "wrap_info") {
		t.Errorf("wrapped: %d %s", status, body)
	}
	status, _ = ask(t, owner, "GET", address+"data/a/b%20c", "", "X-Vault-Namespace", "nowhere")
	if status != 404 {
		t.Errorf("in a namespace that there is not: %d", status)
	}
}

func TestAQuestionMarkInANameIsNoQuery(t *testing.T) {
	vault, _ := unsealed(t)
	secrets(t, vault)
	owner := Transport(must(vault.Owner(background))(t))
	const address = "http://vault.invalid/v1/secret/data/a"
	status, _ := ask(t, owner, "POST", address+"%3Fb", `{"data": {}}`)
	if status != 404 {
		t.Errorf("%d", status)
	}
	if status, _ = ask(t, owner, "GET", address, ""); status != 404 {
		t.Errorf("another secret was written: %d", status)
	}
	if status, _ = ask(t, owner, "GET", "http://vault.invalid/ui/", ""); status != 404 {
		t.Errorf("outside of /v1/: %d", status)
	}
}
