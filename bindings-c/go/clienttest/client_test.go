// Package clienttest runs OpenBao's own client for Go on a vault in this process, without a socket.
// It is a module of its own, so that the package vaultcore needs nothing but the standard library.
package clienttest

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"testing"

	"github.com/openbao/openbao/api/v2"
	"vaultcore"
)

var background = context.Background()

// client returns OpenBao's client on a new vault, with the root token.
func client(t *testing.T) *api.Client {
	t.Helper()
	vault, err := vaultcore.Open(background, "memory:")
	check(t, err)
	t.Cleanup(func() { vault.Close() })
	init, err := vault.Init(background, vaultcore.Shamir(1, 1))
	check(t, err)
	defer init.Close()
	_, err = vault.Unseal(background, init.Shares[0].Expose())
	check(t, err)
	config := api.DefaultConfig()
	check(t, config.Error)
	config.Address = "http://vault.invalid"
	config.MaxRetries = 0
	config.HttpClient = &http.Client{Transport: vault.Transport()}
	client, err := api.NewClient(config)
	check(t, err)
	client.SetToken(string(init.RootToken.Expose()))
	return client
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func status(t *testing.T, err error, code int) {
	t.Helper()
	var response *api.ResponseError
	if !errors.As(err, &response) || response.StatusCode != code {
		t.Errorf("%v instead of %d", err, code)
	}
}

func mountKV(t *testing.T, client *api.Client) *api.KVv2 {
	t.Helper()
	check(t, client.Sys().Mount("secret", &api.MountInput{
		Type: "kv", Options: map[string]string{"version": "2"},
	}))
	return client.KVv2("secret")
}

func TestHealthAndSealStatus(t *testing.T) {
	client := client(t)
	health, err := client.Sys().Health()
	check(t, err)
	if !health.Initialized || health.Sealed {
		t.Errorf("health: %+v", health)
	}
	seal, err := client.Sys().SealStatus()
	check(t, err)
	if seal.Sealed || seal.T != 1 {
		t.Errorf("seal status: %+v", seal)
	}
}

func TestKeyValueSecrets(t *testing.T) {
	client := client(t)
	kv := mountKV(t, client)
	data := map[string]any{"password": "s3cr3t"}
	put, err := kv.Put(background, "app/db", data, api.WithCheckAndSet(0))
	check(t, err)
	if put.VersionMetadata.Version != 1 {
		t.Errorf("version %d", put.VersionMetadata.Version)
	}
	_, err = kv.Put(background, "app/db", map[string]any{}, api.WithCheckAndSet(0))
	status(t, err, 400)
	_, err = kv.Patch(background, "app/db", map[string]any{"user": "app"})
	check(t, err)
	got, err := kv.Get(background, "app/db")
	check(t, err)
	both := got.Data["password"] == "s3cr3t" && got.Data["user"] == "app"
	if !both || got.VersionMetadata.Version != 2 {
		t.Errorf("got %+v", got)
	}
	old, err := kv.GetVersion(background, "app/db", 1)
	check(t, err)
	if old.Data["user"] != nil {
		t.Errorf("version 1: %v", old.Data)
	}
	list, err := client.Logical().List("secret/metadata/app")
	check(t, err)
	if keys := list.Data["keys"].([]any); !slices.Equal(keys, []any{"db"}) {
		t.Errorf("keys: %v", keys)
	}
	check(t, kv.Delete(background, "app/db"))
	got, err = kv.Get(background, "app/db")
	if err == nil && got.Data != nil {
		t.Errorf("deleted: %v", got.Data)
	}
	check(t, kv.Undelete(background, "app/db", []int{2}))
	check(t, kv.Destroy(background, "app/db", []int{1}))
	metadata, err := kv.GetMetadata(background, "app/db")
	check(t, err)
	if !metadata.Versions["1"].Destroyed || metadata.CurrentVersion != 2 {
		t.Errorf("metadata: %+v", metadata)
	}
	check(t, kv.DeleteMetadata(background, "app/db"))
	_, err = kv.Get(background, "app/db")
	if !errors.Is(err, api.ErrSecretNotFound) {
		t.Errorf("gone: %v", err)
	}
}

func TestTokensAndPolicies(t *testing.T) {
	client := client(t)
	kv := mountKV(t, client)
	_, err := kv.Put(background, "app/db", map[string]any{"a": "b"})
	check(t, err)
	const policy = `path "secret/data/app/*" { capabilities = ["read"] }`
	check(t, client.Sys().PutPolicy("app", policy))
	text, err := client.Sys().GetPolicy("app")
	check(t, err)
	if text != policy {
		t.Errorf("policy: %q", text)
	}
	created, err := client.Auth().Token().Create(&api.TokenCreateRequest{
		Policies: []string{"app"}, TTL: "1h", DisplayName: "app",
	})
	check(t, err)
	found, err := client.Auth().Token().Lookup(created.Auth.ClientToken)
	check(t, err)
	policies, err := found.TokenPolicies()
	check(t, err)
	if !slices.Equal(policies, []string{"app", "default"}) {
		t.Errorf("policies: %v", policies)
	}
	app, err := client.Clone()
	check(t, err)
	app.SetToken(created.Auth.ClientToken)
	_, err = app.KVv2("secret").Get(background, "app/db")
	check(t, err)
	_, err = app.KVv2("secret").Put(background, "app/db", map[string]any{})
	status(t, err, 403)
	capabilities, err := app.Sys().CapabilitiesSelf("secret/data/app/db")
	check(t, err)
	if !slices.Equal(capabilities, []string{"read"}) {
		t.Errorf("capabilities: %v", capabilities)
	}
	_, err = app.Auth().Token().RenewSelf(60)
	check(t, err)
	check(t, client.Auth().Token().RevokeTree(created.Auth.ClientToken))
	_, err = app.Auth().Token().LookupSelf()
	status(t, err, 403)
}

func TestMounts(t *testing.T) {
	client := client(t)
	mountKV(t, client)
	mounts, err := client.Sys().ListMounts()
	check(t, err)
	mount := mounts["secret/"]
	if mount == nil || mount.Type != "kv" || mount.Options["version"] != "2" {
		t.Errorf("mounts: %+v", mount)
	}
	check(t, client.Sys().TuneMount("secret", api.MountConfigInput{MaxLeaseTTL: "2h"}))
	tuned, err := client.Sys().MountConfig("secret")
	check(t, err)
	if tuned.MaxLeaseTTL != 7200 {
		t.Errorf("tuned: %+v", tuned)
	}
	check(t, client.Sys().Unmount("secret"))
	mounts, err = client.Sys().ListMounts()
	check(t, err)
	if mounts["secret/"] != nil {
		t.Error("still mounted")
	}
}

func TestWrapping(t *testing.T) {
	client := client(t)
	kv := mountKV(t, client)
	_, err := kv.Put(background, "app", map[string]any{"key": "value"})
	check(t, err)
	wrapper, err := client.Clone()
	check(t, err)
	wrapper.SetToken(client.Token())
	wrapper.SetWrappingLookupFunc(func(string, string) string { return "5m" })
	wrapped, err := wrapper.Logical().Read("secret/data/app")
	check(t, err)
	if wrapped.WrapInfo == nil || wrapped.WrapInfo.TTL != 300 {
		t.Fatalf("wrapped: %+v", wrapped)
	}
	secret, err := client.Logical().Unwrap(wrapped.WrapInfo.Token)
	check(t, err)
	data, _ := secret.Data["data"].(map[string]any)
	if data["key"] != "value" {
		t.Errorf("unwrapped: %v", secret.Data)
	}
	_, err = client.Logical().Unwrap(wrapped.WrapInfo.Token)
	status(t, err, 400)
}

func TestNamespaces(t *testing.T) {
	client := client(t)
	_, err := client.Logical().Write("sys/namespaces/team", nil)
	check(t, err)
	team := client.WithNamespace("team")
	kv := mountKV(t, team)
	_, err = kv.Put(background, "app", map[string]any{"a": "b"})
	check(t, err)
	_, err = client.KVv2("secret").Get(background, "app")
	if err == nil {
		t.Error("a secret was found in another namespace")
	}
}
