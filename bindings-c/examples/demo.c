// Makes a vault, unseals it, writes a secret, reads it, encrypts by a key that stays in the vault,
// and reaches an engine by its path.
//
//     cc demo.c $(pkg-config --cflags --libs vaultcore) -o demo && ./demo

#include <stdio.h>
#include <stdlib.h>
#include <vaultcore.h>

// Ends the program with the message of a call that failed.
static void check(vc_status status, vc_error **error) {
  if (status != VC_OK) {
    fprintf(stderr, "%s: %s\n", vc_status_name(status), vc_error_message(*error));
    vc_error_free(error);
    exit(1);
  }
}

// Makes a request in the shape of Vault's HTTP API, which must succeed.
static void post(vc_session session, const char *path, const char *body) {
  vc_error *error = NULL;
  vc_api_request request = {0};
  request.size = sizeof request;
  request.method = vc_text("POST");
  request.path = vc_text(path);
  request.body = vc_text(body);
  uint16_t http_status;
  vc_buffer reply;
  check(vc_request(session, &request, &http_status, &reply, &error), &error);
  if (http_status >= 400) {
    fprintf(stderr, "%u: %s\n", http_status, (const char *)reply.data);
    exit(1);
  }
  vc_buffer_free(&reply);
}

int main(void) {
  vc_error *error = NULL;

  vc_vault vault; // "app.vault" instead of "memory:" is a file
  check(vc_vault_open(vc_text("memory:"), &vault, &error), &error);

  vc_new_slot slot = {.kind = VC_SLOT_SHAMIR, .shares = 5, .threshold = 3};
  vc_init init;
  check(vc_vault_init(vault, &slot, 1, &init, &error), &error);

  for (size_t index = 0; index < 3; index++) { // in life, three people
    vc_buffer share;
    check(vc_init_share(init, index, &share, &error), &error);
    check(vc_vault_unseal(vault, vc_borrow(&share), NULL, &error), &error);
    vc_buffer_free(&share); // wiped
  }

  vc_buffer token;
  check(vc_init_root_token(init, &token, &error), &error);
  vc_session session; // or vc_vault_owner: this program, with full rights and no token
  check(vc_vault_login(vault, vc_borrow(&token), &session, &error), &error);
  vc_buffer_free(&token);
  check(vc_init_close(init, &error), &error);

  post(session, "sys/mounts/secret", "{\"type\": \"kv-v2\"}");
  vc_kv kv;
  check(vc_session_kv(session, vc_text("secret"), &kv, &error), &error);

  uint64_t none = 0, version;
  vc_bytes data = vc_text("{\"user\": \"app\", \"password\": \"s3cr3t\"}");
  check(vc_kv_put(kv, vc_text("app/db"), data, &none, &version, &error), &error);

  vc_buffer secret;
  check(vc_kv_get(kv, vc_text("app/db"), 0, &secret, &version, &error), &error);
  printf("version %llu: %s\n", (unsigned long long)version, (const char *)secret.data);
  vc_buffer_free(&secret);

  // Check-and-set: somebody wrote before us.
  if (vc_kv_put(kv, vc_text("app/db"), data, &none, NULL, &error) == VC_CONFLICT) {
    uint64_t expected, found;
    vc_error_versions(error, &expected, &found);
    printf("conflict: expected version %llu, found %llu\n", (unsigned long long)expected,
           (unsigned long long)found);
    vc_error_free(&error);
  }

  // Transit: encrypted for a table of the program's own, bound to the row that it is kept in.
  post(session, "sys/mounts/transit", "{\"type\": \"transit\"}");
  vc_transit transit;
  check(vc_session_transit(session, vc_text("transit"), &transit, &error), &error);
  vc_bytes key = vc_text("orders"), card = vc_text("4111-1111"), row = vc_text("row 42");
  vc_bytes no_context = {NULL, 0};
  vc_buffer ciphertext, renewed, plaintext;
  check(vc_transit_encrypt(transit, key, card, no_context, row, &ciphertext, &error), &error);
  post(session, "transit/keys/orders/rotate", "");
  check(vc_transit_rewrap(transit, key, vc_borrow(&ciphertext), no_context, row, &renewed, &error),
        &error);
  check(vc_transit_decrypt(transit, key, vc_borrow(&renewed), no_context, row, &plaintext, &error),
        &error);
  printf("%.9s.., then %.9s..: %s\n", (const char *)ciphertext.data, (const char *)renewed.data,
         (const char *)plaintext.data);
  vc_buffer_free(&ciphertext);
  vc_buffer_free(&renewed);
  vc_buffer_free(&plaintext); // wiped

  check(vc_vault_close(vault, &error), &error); // and what came from it
  return 0;
}
