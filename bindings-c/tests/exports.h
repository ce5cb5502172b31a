// Every export, and a call of it that can be made wrong.

#ifndef EXPORTS_H
#define EXPORTS_H

#include "support.h"

// What a call is made with. What is wrong is set, and the rest is as it should be.
struct in {
  vc_vault vault;
  vc_init init;
  vc_session session;
  vc_kv kv;
  vc_transit transit;
  vc_database database;
  vc_credentials credentials;
  vc_bytes *bad; // instead of each input
  bool null_out; // instead of each output
};

enum takes { NOTHING, VAULT, INIT, SESSION, KV, TRANSIT, DATABASE, CREDENTIALS };
enum { TEXT = 1, BYTES = 2, OUT = 4, CLOSES = 8 };

struct export {
  const char *name;
  enum takes takes;
  int flags;         // its inputs, and whether an output must be there
  vc_status sealed;  // what it answers if the vault is sealed
  vc_status (*call)(const struct in *in, vc_error **error);
};

// Outputs hold this before a call; a call that fails leaves it.
#define UNTOUCHED 0x5a5a5a5a5a5a5a5aULL

static vc_bytes input(const struct in *in, const char *good) {
  return in->bad != NULL ? *in->bad : vc_text(good);
}

// Checks an output that is a buffer, and frees it.
static vc_status took_buffer(vc_status status, vc_buffer *buffer, const char *name) {
  if (status == VC_OK) {
    EXPECT(buffer->data != NULL && buffer->data[buffer->len] == 0, "%s: no zero behind", name);
    vc_buffer_free(buffer);
    EXPECT(buffer->data == NULL && buffer->len == 0, "%s: not cleared", name);
    vc_buffer_free(buffer); // twice
  } else {
    EXPECT(buffer->len == UNTOUCHED, "%s: wrote a buffer and failed", name);
  }
  return status;
}

#define BUFFER(name, call)                      \
  vc_buffer buffer = {NULL, UNTOUCHED, 0};         \
  vc_buffer *out = in->null_out ? NULL : &buffer; \
  return took_buffer(call, &buffer, name)

static vc_status took_number(vc_status status, uint64_t number, const char *name) {
  bool wrote = number != UNTOUCHED;
  EXPECT(wrote == (status == VC_OK), "%s: %s", name, wrote ? "wrote and failed" : "wrote nothing");
  return status;
}

static vc_status open_(const struct in *in, vc_error **error) {
  vc_vault made = {UNTOUCHED};
  vc_status status =
      vc_vault_open(input(in, "memory:"), in->null_out ? NULL : &made, error);
  if (status == VC_OK) {
    MUST(vc_vault_close(made, NULL));
  }
  return took_number(status, made.id, "vc_vault_open");
}

static vc_status close_vault(const struct in *in, vc_error **error) {
  return vc_vault_close(in->vault, error);
}

static vc_status init(const struct in *in, vc_error **error) {
  vc_init made = {UNTOUCHED};
  vc_new_slot slot = {.kind = VC_SLOT_PASSPHRASE, .secret = input(in, "correct horse")};
  vc_status status = vc_vault_init(in->vault, &slot, 1, in->null_out ? NULL : &made, error);
  EXPECT(made.id == UNTOUCHED, "vc_vault_init: wrote and failed");
  return status;
}

static vc_status status_(const struct in *in, vc_error **error) {
  vc_seal_status status;
  return vc_vault_status(in->vault, in->null_out ? NULL : &status, error);
}

static vc_status unseal(const struct in *in, vc_error **error) {
  return vc_vault_unseal(in->vault, input(in, "vcs1-no-share"), NULL, error);
}

static vc_status unseal_passphrase(const struct in *in, vc_error **error) {
  return vc_vault_unseal_passphrase(in->vault, input(in, "wrong"), NULL, error);
}

static vc_status unseal_key(const struct in *in, vc_error **error) {
  vc_bytes key = input(in, "0123456789abcdef0123456789abcdef");
  return vc_vault_unseal_key(in->vault, key, NULL, error);
}

static vc_status seal(const struct in *in, vc_error **error) {
  return vc_vault_seal(in->vault, error);
}

static vc_status tick(const struct in *in, vc_error **error) {
  uint64_t done = UNTOUCHED;
  vc_status status = vc_vault_tick(in->vault, &done, error);
  return took_number(status, done, "vc_vault_tick");
}

static vc_status took_session(vc_status status, vc_session made, const char *name) {
  if (status == VC_OK) {
    MUST(vc_session_close(made, NULL));
    EXPECT(vc_session_close(made, NULL) == VC_CLOSED, "%s: closed twice", name);
  }
  return took_number(status, made.id, name);
}

static vc_status owner(const struct in *in, vc_error **error) {
  vc_session made = {UNTOUCHED};
  vc_status status = vc_vault_owner(in->vault, in->null_out ? NULL : &made, error);
  return took_session(status, made, "vc_vault_owner");
}

static vc_status login(const struct in *in, vc_error **error) {
  vc_session made = {UNTOUCHED};
  vc_session *out = in->null_out ? NULL : &made;
  vc_buffer token = {0};
  vc_init_root_token(in->init, &token, NULL);
  vc_bytes text = in->bad != NULL ? *in->bad : vc_borrow(&token);
  vc_status status = vc_vault_login(in->vault, text, out, error);
  vc_buffer_free(&token);
  return took_session(status, made, "vc_vault_login");
}

static vc_status namespace_(const struct in *in, vc_error **error) {
  vc_session made = {UNTOUCHED};
  vc_status status = vc_session_namespace(in->session, input(in, "team"),
                                          in->null_out ? NULL : &made, error);
  return took_session(status, made, "vc_session_namespace");
}

static vc_status session_kv(const struct in *in, vc_error **error) {
  vc_kv made = {UNTOUCHED};
  vc_status status =
      vc_session_kv(in->session, input(in, "secret"), in->null_out ? NULL : &made, error);
  if (status == VC_OK) {
    MUST(vc_kv_close(made, NULL));
  }
  return took_number(status, made.id, "vc_session_kv");
}

static vc_status session_transit(const struct in *in, vc_error **error) {
  vc_transit made = {UNTOUCHED};
  vc_status status = vc_session_transit(in->session, input(in, "transit"),
                                        in->null_out ? NULL : &made, error);
  if (status == VC_OK) {
    MUST(vc_transit_close(made, NULL));
  }
  return took_number(status, made.id, "vc_session_transit");
}

static vc_status close_session(const struct in *in, vc_error **error) {
  return vc_session_close(in->session, error);
}

static vc_status close_kv(const struct in *in, vc_error **error) {
  return vc_kv_close(in->kv, error);
}

static vc_status close_transit(const struct in *in, vc_error **error) {
  return vc_transit_close(in->transit, error);
}

static vc_status close_init(const struct in *in, vc_error **error) {
  return vc_init_close(in->init, error);
}

static vc_status share_count(const struct in *in, vc_error **error) {
  size_t count;
  return vc_init_share_count(in->init, in->null_out ? NULL : &count, error);
}

static vc_status share(const struct in *in, vc_error **error) {
  BUFFER("vc_init_share", vc_init_share(in->init, 0, out, error));
}

static vc_status root_token(const struct in *in, vc_error **error) {
  BUFFER("vc_init_root_token", vc_init_root_token(in->init, out, error));
}

static vc_api_request api_request(const struct in *in, vc_field *field) {
  vc_api_request request = {0};
  request.size = sizeof request;
  request.method = vc_text("GET");
  request.path = input(in, "secret/data/app");
  field->name = vc_text("version");
  field->value = input(in, "1");
  request.query = field;
  request.query_count = 1;
  request.token = input(in, "");
  request.body = input(in, "");
  request.namespace_path = input(in, "");
  request.wrap_ttl = input(in, "");
  return request;
}

static vc_status request_(const struct in *in, vc_error **error) {
  vc_field field;
  vc_api_request request = api_request(in, &field);
  uint16_t http = 0;
  BUFFER("vc_request", vc_request(in->session, &request, &http, out, error));
}

static vc_status handle(const struct in *in, vc_error **error) {
  vc_field field;
  vc_api_request request = api_request(in, &field);
  uint16_t http = 0;
  BUFFER("vc_handle", vc_handle(in->vault, &request, &http, out, error));
}

static vc_status put(const struct in *in, vc_error **error) {
  uint64_t version = UNTOUCHED;
  vc_bytes data = input(in, "{\"key\": \"value\"}");
  vc_status status = vc_kv_put(in->kv, input(in, "app"), data, NULL, &version, error);
  return took_number(status, version, "vc_kv_put");
}

static vc_status get(const struct in *in, vc_error **error) {
  BUFFER("vc_kv_get", vc_kv_get(in->kv, input(in, "app"), 0, out, NULL, error));
}

static vc_status delete_(const struct in *in, vc_error **error) {
  return vc_kv_delete(in->kv, input(in, "other"), error);
}

static const uint64_t NUMBERS[] = {7, 8};

static vc_status delete_versions(const struct in *in, vc_error **error) {
  return vc_kv_delete_versions(in->kv, input(in, "app"), NUMBERS, 2, error);
}

static vc_status undelete(const struct in *in, vc_error **error) {
  return vc_kv_undelete(in->kv, input(in, "app"), NUMBERS, 2, error);
}

static vc_status destroy(const struct in *in, vc_error **error) {
  return vc_kv_destroy(in->kv, input(in, "app"), NUMBERS, 2, error);
}

static vc_status list(const struct in *in, vc_error **error) {
  BUFFER("vc_kv_list", vc_kv_list(in->kv, input(in, ""), out, error));
}

static vc_status metadata(const struct in *in, vc_error **error) {
  BUFFER("vc_kv_metadata", vc_kv_metadata(in->kv, input(in, "app"), out, error));
}

static vc_status delete_metadata(const struct in *in, vc_error **error) {
  return vc_kv_delete_metadata(in->kv, input(in, "other"), error);
}

static const vc_bytes NONE = {NULL, 0};

static vc_status encrypt(const struct in *in, vc_error **error) {
  BUFFER("vc_transit_encrypt",
         vc_transit_encrypt(in->transit, input(in, "card"), input(in, "4111"), NONE,
                            input(in, "row 42"), out, error));
}

// What decrypts, made by the handle itself; if that cannot be, the call that is tried says why.
static vc_buffer made_ciphertext(const struct in *in) {
  vc_buffer made = {0};
  vc_transit_encrypt(in->transit, vc_text("card"), vc_text("4111"), NONE, NONE, &made, NULL);
  return made;
}

static vc_status decrypt(const struct in *in, vc_error **error) {
  vc_buffer made = made_ciphertext(in), buffer = {NULL, UNTOUCHED, 0};
  vc_bytes ciphertext = in->bad != NULL ? *in->bad : vc_borrow(&made);
  vc_status status = vc_transit_decrypt(in->transit, vc_text("card"), ciphertext, NONE, NONE,
                                        in->null_out ? NULL : &buffer, error);
  vc_buffer_free(&made);
  EXPECT(status != VC_OK || strcmp((const char *)buffer.data, "4111") == 0, "another plaintext");
  return took_buffer(status, &buffer, "vc_transit_decrypt");
}

static vc_status rewrap(const struct in *in, vc_error **error) {
  vc_buffer made = made_ciphertext(in), buffer = {NULL, UNTOUCHED, 0};
  vc_bytes ciphertext = in->bad != NULL ? *in->bad : vc_borrow(&made);
  vc_status status = vc_transit_rewrap(in->transit, vc_text("card"), ciphertext, NONE, NONE,
                                       in->null_out ? NULL : &buffer, error);
  vc_buffer_free(&made);
  return took_buffer(status, &buffer, "vc_transit_rewrap");
}

static vc_status session_database(const struct in *in, vc_error **error) {
  vc_database made = {UNTOUCHED};
  vc_status status = vc_session_database(in->session, input(in, "database"),
                                         in->null_out ? NULL : &made, error);
  if (status == VC_OK) {
    MUST(vc_database_close(made, NULL));
  }
  return took_number(status, made.id, "vc_session_database");
}

static vc_status credentials(const struct in *in, vc_error **error) {
  vc_credentials made = {UNTOUCHED};
  vc_status status = vc_database_credentials(in->database, input(in, "role"),
                                             in->null_out ? NULL : &made, error);
  if (status == VC_OK) {
    MUST(vc_credentials_keep_alive(made, NULL));
    MUST(vc_credentials_close(made, NULL)); // and its thread has ended
  }
  return took_number(status, made.id, "vc_database_credentials");
}

static vc_status static_credentials(const struct in *in, vc_error **error) {
  vc_buffer name = {NULL, UNTOUCHED, 0}, buffer = {NULL, UNTOUCHED, 0};
  vc_status status = vc_database_static_credentials(
      in->database, input(in, "static"), in->null_out ? NULL : &name, &buffer, error);
  took_buffer(status, &name, "vc_database_static_credentials");
  return took_buffer(status, &buffer, "vc_database_static_credentials");
}

static vc_status close_database(const struct in *in, vc_error **error) {
  return vc_database_close(in->database, error);
}

static vc_status username(const struct in *in, vc_error **error) {
  BUFFER("vc_credentials_username", vc_credentials_username(in->credentials, out, error));
}

static vc_status password(const struct in *in, vc_error **error) {
  BUFFER("vc_credentials_password", vc_credentials_password(in->credentials, out, error));
}

static vc_status lease_id(const struct in *in, vc_error **error) {
  BUFFER("vc_credentials_lease_id", vc_credentials_lease_id(in->credentials, out, error));
}

static vc_status lease_status(const struct in *in, vc_error **error) {
  vc_lease_status told = {UNTOUCHED, false, false};
  vc_lease_status *out = in->null_out ? NULL : &told;
  vc_status status = vc_credentials_lease(in->credentials, out, error);
  return took_number(status, told.remaining_ms, "vc_credentials_lease");
}

static vc_status keep_alive(const struct in *in, vc_error **error) {
  return vc_credentials_keep_alive(in->credentials, error);
}

static vc_status renew(const struct in *in, vc_error **error) {
  uint64_t seconds = UNTOUCHED;
  vc_status status = vc_credentials_renew(in->credentials, 60, &seconds, error);
  return took_number(status, seconds, "vc_credentials_renew");
}

static vc_status revoke_(const struct in *in, vc_error **error) {
  return vc_credentials_revoke(in->credentials, error);
}

static vc_status close_credentials(const struct in *in, vc_error **error) {
  return vc_credentials_close(in->credentials, error);
}

// The id of the lease that there is; if that cannot be told, one that there is not.
static vc_bytes lease_of(const struct in *in, vc_buffer *id) {
  *id = (vc_buffer){0};
  vc_credentials_lease_id(in->credentials, id, NULL);
  return in->bad != NULL ? *in->bad : id->data != NULL ? vc_borrow(id) : vc_text("database/no");
}

static vc_status lease_lookup(const struct in *in, vc_error **error) {
  vc_buffer id, buffer = {NULL, UNTOUCHED, 0};
  vc_status status = vc_lease_lookup(in->session, lease_of(in, &id),
                                     in->null_out ? NULL : &buffer, error);
  vc_buffer_free(&id);
  return took_buffer(status, &buffer, "vc_lease_lookup");
}

static vc_status lease_renew(const struct in *in, vc_error **error) {
  vc_buffer id;
  uint64_t seconds = UNTOUCHED;
  vc_status status = vc_lease_renew(in->session, lease_of(in, &id), 0, &seconds, error);
  vc_buffer_free(&id);
  return took_number(status, seconds, "vc_lease_renew");
}

static vc_status lease_list(const struct in *in, vc_error **error) {
  BUFFER("vc_lease_list", vc_lease_list(in->session, input(in, "database/creds"), out, error));
}

static vc_status lease_revoke(const struct in *in, vc_error **error) {
  return vc_lease_revoke(in->session, input(in, "database/creds/role/none"), error);
}

static vc_status lease_revoke_prefix(const struct in *in, vc_error **error) {
  return vc_lease_revoke_prefix(in->session, input(in, "database/creds/other"), error);
}

static const struct export EXPORTS[] = {
    {"vc_vault_open", NOTHING, TEXT | OUT, VC_OK, open_},
    {"vc_vault_init", VAULT, TEXT | OUT, VC_ALREADY_INITIALIZED, init},
    {"vc_vault_status", VAULT, OUT, VC_OK, status_},
    {"vc_vault_unseal", VAULT, TEXT, VC_INVALID_ARGUMENT, unseal},
    {"vc_vault_unseal_passphrase", VAULT, TEXT, VC_UNSEAL_FAILED, unseal_passphrase},
    {"vc_vault_unseal_key", VAULT, BYTES, VC_UNSEAL_FAILED, unseal_key},
    {"vc_vault_tick", VAULT, 0, VC_SEALED, tick},
    {"vc_vault_owner", VAULT, OUT, VC_SEALED, owner},
    {"vc_vault_login", VAULT, TEXT | OUT, VC_SEALED, login},
    {"vc_handle", VAULT, TEXT | OUT, VC_OK, handle},
    {"vc_init_share_count", INIT, OUT, VC_OK, share_count},
    {"vc_init_share", INIT, OUT, VC_OK, share},
    {"vc_init_root_token", INIT, OUT, VC_OK, root_token},
    {"vc_session_namespace", SESSION, TEXT | OUT, VC_OK, namespace_},
    {"vc_session_kv", SESSION, TEXT | OUT, VC_OK, session_kv},
    {"vc_session_transit", SESSION, TEXT | OUT, VC_OK, session_transit},
    {"vc_request", SESSION, TEXT | OUT, VC_OK, request_},
    {"vc_kv_put", KV, TEXT, VC_SEALED, put},
    {"vc_kv_get", KV, TEXT | OUT, VC_SEALED, get},
    {"vc_kv_delete", KV, TEXT, VC_SEALED, delete_},
    {"vc_kv_delete_versions", KV, TEXT, VC_SEALED, delete_versions},
    {"vc_kv_undelete", KV, TEXT, VC_SEALED, undelete},
    {"vc_kv_destroy", KV, TEXT, VC_SEALED, destroy},
    {"vc_kv_list", KV, TEXT | OUT, VC_SEALED, list},
    {"vc_kv_metadata", KV, TEXT | OUT, VC_SEALED, metadata},
    {"vc_kv_delete_metadata", KV, TEXT, VC_SEALED, delete_metadata},
    {"vc_transit_encrypt", TRANSIT, TEXT | OUT, VC_SEALED, encrypt},
    {"vc_transit_decrypt", TRANSIT, TEXT | OUT, VC_SEALED, decrypt},
    {"vc_transit_rewrap", TRANSIT, TEXT | OUT, VC_SEALED, rewrap},
    {"vc_session_database", SESSION, TEXT | OUT, VC_OK, session_database},
    {"vc_database_credentials", DATABASE, TEXT | OUT, VC_SEALED, credentials},
    {"vc_database_static_credentials", DATABASE, TEXT | OUT, VC_SEALED, static_credentials},
    {"vc_lease_lookup", SESSION, TEXT | OUT, VC_SEALED, lease_lookup},
    {"vc_lease_list", SESSION, TEXT | OUT, VC_SEALED, lease_list},
    {"vc_lease_renew", SESSION, TEXT, VC_SEALED, lease_renew},
    {"vc_lease_revoke", SESSION, TEXT, VC_SEALED, lease_revoke},
    {"vc_lease_revoke_prefix", SESSION, TEXT, VC_SEALED, lease_revoke_prefix},
    {"vc_credentials_username", CREDENTIALS, OUT, VC_OK, username},
    {"vc_credentials_password", CREDENTIALS, OUT, VC_OK, password},
    {"vc_credentials_lease_id", CREDENTIALS, OUT, VC_OK, lease_id},
    {"vc_credentials_lease", CREDENTIALS, OUT, VC_OK, lease_status},
    {"vc_credentials_keep_alive", CREDENTIALS, 0, VC_OK, keep_alive},
    {"vc_credentials_renew", CREDENTIALS, 0, VC_SEALED, renew},
    {"vc_credentials_revoke", CREDENTIALS, 0, VC_SEALED, revoke_},
    {"vc_vault_seal", VAULT, 0, VC_OK, seal},
    {"vc_kv_close", KV, CLOSES, VC_OK, close_kv},
    {"vc_transit_close", TRANSIT, CLOSES, VC_OK, close_transit},
    {"vc_credentials_close", CREDENTIALS, CLOSES, VC_OK, close_credentials},
    {"vc_database_close", DATABASE, CLOSES, VC_OK, close_database},
    {"vc_session_close", SESSION, CLOSES, VC_OK, close_session},
    {"vc_init_close", INIT, CLOSES, VC_OK, close_init},
    {"vc_vault_close", VAULT, CLOSES, VC_OK, close_vault},
};
enum { COUNT = sizeof EXPORTS / sizeof *EXPORTS };

// Those that take no handle and return no status; `values` is about them.
static const char *const OTHERS[] = {
    "vc_version",       "vc_abi_version",    "vc_status_name", "vc_buffer_free",
    "vc_error_message", "vc_error_versions", "vc_error_free",  "vc_error_status",
};

#endif
