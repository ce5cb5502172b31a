// The kinds of transit key that the library has beyond ring's are made, used and imported wrapped.

#include "support.h"

enum { ROOM = 16384 };

// Answers a request that must succeed, and copies the text of one field of the reply.
static void ask(vc_session session, const char *path, const char *body, const char *field,
                char out[ROOM]) {
  vc_api_request request = {0};
  request.size = sizeof request;
  request.method = vc_text(body == NULL ? "GET" : "POST");
  request.path = vc_text(path);
  request.body = vc_text(body);
  uint16_t http_status = 0;
  vc_buffer reply;
  MUST(vc_request(session, &request, &http_status, &reply, NULL));
  const char *text = (const char *)reply.data;
  char quoted[64];
  int length = snprintf(quoted, sizeof quoted, "\"%s\":", field);
  const char *start = strstr(text, quoted);
  if (http_status >= 300 || start == NULL) {
    fprintf(stderr, "%s: %u: no %s in %s\n", path, http_status, field, text);
    exit(2);
  }
  start += length;
  start += *start == '"';
  size_t size = strcspn(start, "\",}");
  snprintf(out, ROOM, "%.*s", (int)size, start);
  vc_buffer_free(&reply);
}

static void make(vc_session session, const char *kind) {
  char path[64], body[64];
  snprintf(path, sizeof path, "transit/keys/%s", kind);
  snprintf(body, sizeof body, "{\"type\": \"%s\", \"exportable\": true}", kind);
  request(session, "POST", path, body);
}

static void signs(vc_session session, const char *kind) {
  static char path[64], body[2 * ROOM], signature[ROOM], valid[ROOM];
  snprintf(path, sizeof path, "transit/sign/%s", kind);
  ask(session, path, "{\"input\": \"YWJj\"}", "signature", signature);
  snprintf(path, sizeof path, "transit/verify/%s", kind);
  for (int changed = 0; changed < 2; changed++) {
    snprintf(body, sizeof body, "{\"input\": \"%s\", \"signature\": \"%s\"}",
             changed ? "YWJk" : "YWJj", signature);
    ask(session, path, body, "valid", valid);
    EXPECT(strcmp(valid, changed ? "false" : "true") == 0, "%s: %s", kind, valid);
  }
}

static void encrypts(vc_transit transit, const char *kind) {
  vc_bytes key = vc_text(kind), plain = vc_text("4111"), none = {NULL, 0};
  vc_buffer text, out;
  MUST(vc_transit_encrypt(transit, key, plain, none, none, &text, NULL));
  MUST(vc_transit_decrypt(transit, key, vc_borrow(&text), none, none, &out, NULL));
  EXPECT(strcmp((const char *)out.data, "4111") == 0, "%s: another plaintext", kind);
  vc_buffer_free(&text);
  vc_buffer_free(&out);
}

// A key goes from one mount to another, wrapped under the other's key.
static void imports(vc_session session, vc_transit transit) {
  static char public_key[ROOM], wrapped[ROOM], body[2 * ROOM];
  request(session, "POST", "sys/mounts/other", "{\"type\": \"transit\"}");
  ask(session, "other/wrapping_key", NULL, "public_key", public_key);
  snprintf(body, sizeof body, "{\"type\": \"rsa-4096\", \"public_key\": \"%s\"}", public_key);
  request(session, "POST", "transit/keys/there/import", body);
  ask(session, "transit/byok-export/there/xchacha20-poly1305", NULL, "1", wrapped);
  snprintf(body, sizeof body, "{\"type\": \"xchacha20-poly1305\", \"ciphertext\": \"%s\"}", wrapped);
  request(session, "POST", "other/keys/moved/import", body);
  vc_bytes plain = vc_text("4111"), none = {NULL, 0};
  vc_transit other;
  vc_buffer text, out;
  MUST(vc_session_transit(session, vc_text("other"), &other, NULL));
  MUST(vc_transit_encrypt(transit, vc_text("xchacha20-poly1305"), plain, none, none, &text, NULL));
  MUST(vc_transit_decrypt(other, vc_text("moved"), vc_borrow(&text), none, none, &out, NULL));
  EXPECT(strcmp((const char *)out.data, "4111") == 0, "another plaintext after the import");
  vc_buffer_free(&text);
  vc_buffer_free(&out);
}

int main(void) {
  vc_init init;
  vc_session session;
  vc_transit transit;
  vc_vault vault = new_vault(&init);
  MUST(vc_vault_owner(vault, &session, NULL));
  MUST(vc_session_transit(session, vc_text("transit"), &transit, NULL));
  const char *kinds[] = {"rsa-2048", "ecdsa-p521", "ml-dsa-65", "xchacha20-poly1305"};
  for (int i = 0; i < 4; i++) {
    make(session, kinds[i]);
  }
  for (int i = 0; i < 3; i++) {
    signs(session, kinds[i]);
  }
  encrypts(transit, "rsa-2048");
  encrypts(transit, "xchacha20-poly1305");
  imports(session, transit);
  MUST(vc_init_close(init, NULL));
  MUST(vc_vault_close(vault, NULL));
  printf("keys: 4 kinds, %d failed\n", failures);
  return failures == 0 ? 0 : 1;
}
