// What the test programs share.

#ifndef SUPPORT_H
#define SUPPORT_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <vaultcore.h>

static _Atomic int failures = 0; // threads count, too

#define EXPECT(condition, ...)                  \
  do {                                          \
    if (!(condition)) {                         \
      failures++;                               \
      fprintf(stderr, "%s:%d: ", __FILE__, __LINE__); \
      fprintf(stderr, __VA_ARGS__);             \
      fprintf(stderr, "\n");                    \
    }                                           \
  } while (0)

// Ends the program unless the call succeeded: without it the rest means nothing.
#define MUST(call)                                                        \
  do {                                                                    \
    vc_status status_ = (call);                                           \
    if (status_ != VC_OK) {                                               \
      fprintf(stderr, "%s:%d: %s: %s\n", __FILE__, __LINE__, #call, vc_status_name(status_)); \
      exit(2);                                                            \
    }                                                                     \
  } while (0)

// Answers a request that must succeed as the session.
static inline void request(vc_session session, const char *method, const char *path,
                           const char *body) {
  vc_api_request request = {0};
  request.size = sizeof request;
  request.method = vc_text(method);
  request.path = vc_text(path);
  request.body = vc_text(body);
  uint16_t http_status = 0;
  vc_buffer reply;
  MUST(vc_request(session, &request, &http_status, &reply, NULL));
  EXPECT(http_status < 300, "%s %s: %u: %s", method, path, http_status, (const char *)reply.data);
  vc_buffer_free(&reply);
}

// A new vault, unsealed, with two mounts and a secret in it; and its one share.
static inline vc_vault new_vault_at(const char *location, vc_init *init_out) {
  vc_vault vault;
  MUST(vc_vault_open(vc_text(location), &vault, NULL));
  vc_new_slot slot = {.kind = VC_SLOT_SHAMIR, .shares = 1, .threshold = 1};
  MUST(vc_vault_init(vault, &slot, 1, init_out, NULL));
  vc_buffer share;
  MUST(vc_init_share(*init_out, 0, &share, NULL));
  MUST(vc_vault_unseal(vault, vc_borrow(&share), NULL, NULL));
  vc_buffer_free(&share);
  vc_session owner;
  MUST(vc_vault_owner(vault, &owner, NULL));
  request(owner, "POST", "sys/mounts/secret", "{\"type\": \"kv-v2\"}");
  request(owner, "POST", "sys/mounts/transit", "{\"type\": \"transit\"}");
  request(owner, "POST", "secret/data/app", "{\"data\": {\"key\": \"value\"}}");
  MUST(vc_session_close(owner, NULL));
  return vault;
}

static inline vc_vault new_vault(vc_init *init_out) { return new_vault_at("memory:", init_out); }

#endif
