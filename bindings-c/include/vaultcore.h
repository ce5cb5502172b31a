// libvaultcore: a secrets vault that lives inside your process.
//
// Made from the sources of the package vaultcore-c by `cargo xtask abi`; do not edit it.
//
// Rules that hold for every function:
//
// * Handles (vc_vault, vc_session, ..) are numbers and passed by value. One that was never set, is
//   of another kind, was closed, or comes from before a fork is told and refused; closing twice
//   answers VC_CLOSED. Each is closed by the function named after it, in any order. What a call
//   works with lives until it returns, whoever closes the handle meanwhile.
// * Every function may be called from every thread, at the same time, with the same handle. No
//   thread is cancelled in a call, nothing jumps out of one, and no signal handler makes one.
// * A call returns VC_OK, or the number of an error. Outputs come behind inputs, and are written
//   only with VC_OK. An output that is NULL is refused before anything is done, unless the function
//   says that it may be NULL.
// * The last parameter takes the error, if it is not NULL. It is written only if the call fails,
//   and belongs to the caller: vc_error_free. There is no last error of a thread.
// * Inputs (vc_bytes) are borrowed for the call, which nobody may change meanwhile, and at most
//   VC_MAX_INPUT bytes. NULL goes with length 0 only. Text is UTF-8.
// * What comes back as vc_buffer may be secret. It belongs to the caller, and vc_buffer_free wipes
//   it, but for ciphertexts. A variable that is freed even if the call fails is set to zeros before;
//   two threads do not free by the same one.
// * No panic and no exception crosses the boundary: a bug of the library is VC_PANICKED.
// * After a fork the child's calls with handles of the parent answer VC_FORKED. Fork first, then
//   open.
// * Later versions may add functions, statuses and constants.
//
// A whole program stands in examples/demo.c.

#ifndef VAULTCORE_H
#define VAULTCORE_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

// The version of the ABI, which is also the number in the name of the shared library. It changes
// when a program that was compiled before no longer works.
#define VC_ABI_VERSION 0

// The longest input, in bytes. No call takes more; most take much less.
#define VC_MAX_INPUT 16777216

// The most versions that one call takes.
#define VC_MAX_VERSIONS 1000

// The most fields of a query.
#define VC_MAX_QUERY 256

// The most slots that vc_vault_init takes.
#define VC_MAX_SLOTS 32

// Shares of people: `shares` of them, any `threshold` open the vault.
#define VC_SLOT_SHAMIR 1

// The passphrase in `secret`, stretched by Argon2id.
#define VC_SLOT_PASSPHRASE 2

// The 32 bytes in `secret`.
#define VC_SLOT_KEY 3

// What went wrong. It holds no secret, and belongs to whoever received it: vc_error_free.
typedef struct vc_error vc_error;

// A buffer of the library's. vc_buffer_free wipes it, unless it is a ciphertext, which is no secret.
// Behind the last byte is a zero that `len` does not count, so that text can be used as a C string.
//
// Do not change the fields, and free it by one variable only.
typedef struct {
  // The first byte; NULL in a buffer that was freed.
  const uint8_t *data;
  // How many there are.
  size_t len;
  // How it is freed: opaque.
  size_t kind;
} vc_buffer;

// How a call ended: VC_OK, or the number of an error. Numbers are never changed or used again;
// later versions may add some.
typedef uint32_t vc_status;

// A caller with its rights: vc_vault_owner, vc_vault_login, vc_session_close.
typedef struct {
  // Opaque; 0 in a handle that was never set.
  uint64_t id;
} vc_session;

// Bytes or UTF-8 text of the caller's, borrowed for one call. `data` may be NULL if `len` is 0.
typedef struct {
  // The first byte.
  const uint8_t *data;
  // How many there are.
  size_t len;
} vc_bytes;

// The credentials of a database mount: vc_session_database, vc_database_close.
typedef struct {
  // Opaque; 0 in a handle that was never set.
  uint64_t id;
} vc_database;

// A user of a database: vc_database_credentials, vc_credentials_close.
typedef struct {
  // Opaque; 0 in a handle that was never set.
  uint64_t id;
} vc_credentials;

// How long credentials live.
typedef struct {
  // Milliseconds from now, unless the lease is renewed.
  uint64_t remaining_ms;
  // Whether it can be renewed at all.
  bool renewable;
  // Whether no renewal can prolong it any more, so that new ones are asked for in time.
  bool last;
} vc_lease_status;

// What vc_vault_init made: vc_init_close.
typedef struct {
  // Opaque; 0 in a handle that was never set.
  uint64_t id;
} vc_init;

// The versioned key-value secrets of a mount: vc_session_kv, vc_kv_close.
typedef struct {
  // Opaque; 0 in a handle that was never set.
  uint64_t id;
} vc_kv;

// A field of a query.
typedef struct {
  // Its name.
  vc_bytes name;
  // Its value.
  vc_bytes value;
} vc_field;

// A request in the shape of Vault's HTTP API. Set it to zeros, then set `size`, `method`, `path`
// and what else it needs. Nothing of it is percent-decoded.
typedef struct {
  // sizeof(vc_api_request), by which later versions of this struct are told apart.
  size_t size;
  // GET, HEAD, LIST, SCAN, POST, PUT, PATCH or DELETE.
  vc_bytes method;
  // Such as "secret/data/app", with or without "/v1/" in front and a query behind.
  vc_bytes path;
  // The fields of the query, if they are not in the path.
  const vc_field *query;
  // How many there are.
  size_t query_count;
  // A JSON object, or nothing.
  vc_bytes body;
  // The token, for vc_handle; vc_request acts as its session.
  vc_bytes token;
  // The namespace: its path from the root.
  vc_bytes namespace_path;
  // For how long to wrap the reply, such as "60s"; nothing not to.
  vc_bytes wrap_ttl;
  // The address of who asks, for tokens that are bound to networks.
  vc_bytes remote_address;
} vc_api_request;

// A vault: vc_vault_open, vc_vault_close.
typedef struct {
  // Opaque; 0 in a handle that was never set.
  uint64_t id;
} vc_vault;

// The keys of a transit mount: vc_session_transit, vc_transit_close.
typedef struct {
  // Opaque; 0 in a handle that was never set.
  uint64_t id;
} vc_transit;

// A key slot to make. What its kind does not name is left 0.
typedef struct {
  // VC_SLOT_SHAMIR, VC_SLOT_PASSPHRASE or VC_SLOT_KEY.
  uint32_t kind;
  // How many shares there are.
  uint8_t shares;
  // How many of them open the vault.
  uint8_t threshold;
  // The passphrase or the key.
  vc_bytes secret;
} vc_new_slot;

// Whether a vault exists and is sealed, and how far an unseal has come.
typedef struct {
  // Whether the storage holds a vault.
  bool initialized;
  // Whether it is sealed.
  bool sealed;
  // How many shares open it; 0 if it has no Shamir slot.
  uint8_t threshold;
  // How many shares there are; 0 if it has no Shamir slot.
  uint8_t shares;
  // How many shares were given so far.
  uint8_t progress;
} vc_seal_status;

// The call did what it is for.
#define VC_OK 0

// The record was changed by someone else; read again and retry.
#define VC_CONFLICT 1

// Stored bytes failed to authenticate or to parse.
#define VC_CORRUPT 2

// The storage already holds a vault.
#define VC_ALREADY_INITIALIZED 3

// No audit device took the record, so nothing was answered.
#define VC_AUDIT_FAILED 4

// The clock jumped in a way that nothing confirms.
#define VC_CLOCK_SUSPECT 5

// The handle was closed.
#define VC_CLOSED 6

// The lease, token or version has run out.
#define VC_EXPIRED 7

// The handle is of the process that this one was forked from.
#define VC_FORKED 8

// The storage has no room left.
#define VC_FULL 9

// The change may or may not have happened; read before trying again.
#define VC_INDETERMINATE 10

// An argument is not what the call takes; nothing was changed.
#define VC_INVALID_ARGUMENT 11

// A limit that was set on the object is reached.
#define VC_LIMIT_EXCEEDED 12

// There is no such object.
#define VC_NOT_FOUND 13

// The storage holds no vault yet.
#define VC_NOT_INITIALIZED 14

// A bug in vaultcore, caught at the boundary.
#define VC_PANICKED 15

// The caller may not do this.
#define VC_PERMISSION_DENIED 16

// The vault is sealed.
#define VC_SEALED 17

// The storage failed.
#define VC_STORAGE 18

// The time allowed for the call ran out.
#define VC_TIMEOUT 19

// The input is larger than the limit, which the message names.
#define VC_TOO_LARGE 20

// Nothing happened; the same call may succeed later.
#define VC_UNAVAILABLE 21

// The share, passphrase or key does not open this vault.
#define VC_UNSEAL_FAILED 22

// This build, format or backend does not have what was asked for.
#define VC_UNSUPPORTED 23

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

// Returns the version of the library, such as "0.1.0". It lives as long as the program.
const char *vc_version(void);

// Returns the VC_ABI_VERSION that the library was built with.
uint32_t vc_abi_version(void);

// Wipes and frees a buffer, and clears the variable that held it. NULL, and a buffer that was
// freed by this variable before, are left alone.
void vc_buffer_free(vc_buffer *buffer);

// Returns the credentials of databases of the engine that is mounted at `mount`. Whether there is
// such a mount is checked with each call. Connections and roles are written by vc_request.
vc_status vc_session_database(vc_session session,
                              vc_bytes mount,
                              vc_database *database_out,
                              vc_error **error_out);

// Makes a user of a role, who is taken away when the lease ends. The lease is recorded before the
// user is made, so that what a crash leaves is known and undone, but for the one moment that
// SECURITY.md names.
vc_status vc_database_credentials(vc_database database,
                                  vc_bytes role,
                                  vc_credentials *credentials_out,
                                  vc_error **error_out);

// Returns name and password of a static role.
vc_status vc_database_static_credentials(vc_database database,
                                         vc_bytes role,
                                         vc_buffer *username_out,
                                         vc_buffer *password_out,
                                         vc_error **error_out);

// Closes the handle.
vc_status vc_database_close(vc_database database, vc_error **error_out);

// Returns the name of the user.
vc_status vc_credentials_username(vc_credentials credentials,
                                  vc_buffer *username_out,
                                  vc_error **error_out);

// Returns the password.
vc_status vc_credentials_password(vc_credentials credentials,
                                  vc_buffer *password_out,
                                  vc_error **error_out);

// Returns the id of the lease.
vc_status vc_credentials_lease_id(vc_credentials credentials,
                                  vc_buffer *lease_out,
                                  vc_error **error_out);

// Tells how long the user lives.
vc_status vc_credentials_lease(vc_credentials credentials,
                               vc_lease_status *status_out,
                               vc_error **error_out);

// Renews the lease in a thread of the library's from now on, until the handle is closed or no
// renewal prolongs it any more.
vc_status vc_credentials_keep_alive(vc_credentials credentials, vc_error **error_out);

// Lets the user live for `increment` seconds from now, 0 for as long as it was made for.
// `seconds_out` tells how long it does, and may be NULL.
vc_status vc_credentials_renew(vc_credentials credentials,
                               uint64_t increment,
                               uint64_t *seconds_out,
                               vc_error **error_out);

// Takes the user away now. The handle stays, and answers VC_CLOSED from then on, but for the id of
// the lease.
vc_status vc_credentials_revoke(vc_credentials credentials, vc_error **error_out);

// Closes the handle. The user is renewed no more, and lives until the lease runs out.
vc_status vc_credentials_close(vc_credentials credentials, vc_error **error_out);

// Returns the name of a status, such as "Conflict"; "Unknown" for a number that is none. The text
// lives as long as the program.
const char *vc_status_name(vc_status status);

// Returns the status that came with the error; VC_OK for NULL.
vc_status vc_error_status(const vc_error *error);

// Returns the error's message in English; "" for NULL. The text lives as long as the error.
const char *vc_error_message(const vc_error *error);

// Tells the version that a check-and-set expected and the one that it found, 0 meaning none.
// Returns false, and writes nothing, for every error but such a conflict.
bool vc_error_versions(const vc_error *error, uint64_t *expected_out, uint64_t *found_out);

// Frees an error and sets the variable that held it to NULL. NULL, and a variable that is NULL,
// are left alone, so that freeing twice by one variable does nothing.
void vc_error_free(vc_error **error);

// Tells how many shares there are, over all slots.
vc_status vc_init_share_count(vc_init init, size_t *count_out, vc_error **error_out);

// Returns a share as text; the first one has index 0.
vc_status vc_init_share(vc_init init, size_t index, vc_buffer *share_out, vc_error **error_out);

// Returns the first token, which may do everything and lives until it is revoked.
vc_status vc_init_root_token(vc_init init, vc_buffer *token_out, vc_error **error_out);

// Wipes the shares and the token, and closes the handle.
vc_status vc_init_close(vc_init init, vc_error **error_out);

// Writes a new version of a secret. `data` is a JSON object, which is kept as it is. `cas` is
// NULL, or the version that must be the newest, 0 for none. `version_out` may be NULL.
vc_status vc_kv_put(vc_kv kv,
                    vc_bytes path,
                    vc_bytes data,
                    const uint64_t *cas,
                    uint64_t *version_out,
                    vc_error **error_out);

// Reads a version of a secret, 0 for the newest: its JSON as it was written, and its number.
// `version_out` may be NULL.
vc_status vc_kv_get(vc_kv kv,
                    vc_bytes path,
                    uint64_t version,
                    vc_buffer *data_out,
                    uint64_t *version_out,
                    vc_error **error_out);

// Marks the newest version as deleted. Nothing happens if it is, or if there is none.
vc_status vc_kv_delete(vc_kv kv, vc_bytes path, vc_error **error_out);

// Marks `count` versions as deleted; unknown numbers are passed over.
vc_status vc_kv_delete_versions(vc_kv kv,
                                vc_bytes path,
                                const uint64_t *versions,
                                size_t count,
                                vc_error **error_out);

// Brings `count` deleted versions back.
vc_status vc_kv_undelete(vc_kv kv,
                         vc_bytes path,
                         const uint64_t *versions,
                         size_t count,
                         vc_error **error_out);

// Removes the data of `count` versions for good; their metadata stays.
vc_status vc_kv_destroy(vc_kv kv,
                        vc_bytes path,
                        const uint64_t *versions,
                        size_t count,
                        vc_error **error_out);

// Lists the names in a folder, "" being the root, as a sorted JSON array of strings; subfolders
// end in a slash.
vc_status vc_kv_list(vc_kv kv, vc_bytes folder, vc_buffer *names_out, vc_error **error_out);

// Returns what is known of a secret but its data, as a JSON object with the fields of Vault's
// metadata.
vc_status vc_kv_metadata(vc_kv kv, vc_bytes path, vc_buffer *metadata_out, vc_error **error_out);

// Deletes a secret with all of its versions and its metadata.
vc_status vc_kv_delete_metadata(vc_kv kv, vc_bytes path, vc_error **error_out);

// Closes the handle.
vc_status vc_kv_close(vc_kv kv, vc_error **error_out);

// Returns what is known of a lease, as a JSON object.
vc_status vc_lease_lookup(vc_session session,
                          vc_bytes lease,
                          vc_buffer *info_out,
                          vc_error **error_out);

// Lists the names in a folder of leases, such as "database/creds/readonly", as a sorted JSON array
// of strings; subfolders end in a slash.
vc_status vc_lease_list(vc_session session,
                        vc_bytes prefix,
                        vc_buffer *names_out,
                        vc_error **error_out);

// Lets a lease live for `increment` seconds from now, 0 for as long as it was made for.
// `seconds_out` tells how long it does, and may be NULL.
vc_status vc_lease_renew(vc_session session,
                         vc_bytes lease,
                         uint64_t increment,
                         uint64_t *seconds_out,
                         vc_error **error_out);

// Ends a lease, and what it leases. One that is over is no error.
vc_status vc_lease_revoke(vc_session session, vc_bytes lease, vc_error **error_out);

// Ends all leases below a prefix: of a role, such as "database/creds/readonly", or of a mount.
vc_status vc_lease_revoke_prefix(vc_session session, vc_bytes prefix, vc_error **error_out);

// Answers a request as the session, the owner's included. `http_status_out` is a status of HTTP,
// and `body_out` a JSON object, or empty with status 204. An error of Vault's is a reply, and
// VC_OK.
vc_status vc_request(vc_session session,
                     const vc_api_request *request,
                     uint16_t *http_status_out,
                     vc_buffer *body_out,
                     vc_error **error_out);

// Answers a request as whoever holds its token, and never as the owner. Outputs are as in
// vc_request.
vc_status vc_handle(vc_vault vault,
                    const vc_api_request *request,
                    uint16_t *http_status_out,
                    vc_buffer *body_out,
                    vc_error **error_out);

// Returns the same session in another namespace: its path from the root, such as "team/app".
vc_status vc_session_namespace(vc_session session,
                               vc_bytes path,
                               vc_session *session_out,
                               vc_error **error_out);

// Returns the versioned key-value secrets that are mounted at `mount`. Whether there is such a
// mount is checked with each call.
vc_status vc_session_kv(vc_session session, vc_bytes mount, vc_kv *kv_out, vc_error **error_out);

// Closes the handle. What came from the session stays open.
vc_status vc_session_close(vc_session session, vc_error **error_out);

// Returns the keys of the transit engine that is mounted at `mount`. Whether there is such a mount
// is checked with each call.
//
// What encrypts and decrypts has functions of its own. All else is asked of vc_request by Vault's
// paths below the mount: keys/NAME makes a key, keys/NAME/rotate, /config, /trim, /import and
// /import_version work on it; wrapping_key, byok-export, export, backup and restore move keys;
// datakey/plaintext/NAME makes a data key; sign/NAME, verify/NAME and hmac/NAME take what Vault's
// do (hash_algorithm, prehashed, marshaling_algorithm, signature_algorithm, context, batch_input).
vc_status vc_session_transit(vc_session session,
                             vc_bytes mount,
                             vc_transit *transit_out,
                             vc_error **error_out);

// Encrypts under the newest version of `key`, which is made if there is none, unless the mount
// forbids that. `ciphertext_out` is text, "vault:v1:..".
//
// `context` chooses the key of a derived key, and is empty for any other. The ciphertext is bound
// to `associated_data`, which may be empty, and is decrypted with the same only.
vc_status vc_transit_encrypt(vc_transit transit,
                             vc_bytes key,
                             vc_bytes plaintext,
                             vc_bytes context,
                             vc_bytes associated_data,
                             vc_buffer *ciphertext_out,
                             vc_error **error_out);

// Decrypts text of vc_transit_encrypt, with the same context and associated data. Whatever is
// wrong with them is VC_INVALID_ARGUMENT; a key that there is not is VC_NOT_FOUND.
vc_status vc_transit_decrypt(vc_transit transit,
                             vc_bytes key,
                             vc_bytes ciphertext,
                             vc_bytes context,
                             vc_bytes associated_data,
                             vc_buffer *plaintext_out,
                             vc_error **error_out);

// Encrypts anew what a ciphertext holds, under the newest version of the key, without showing it.
// Context and associated data are those that it was encrypted with, and stay.
vc_status vc_transit_rewrap(vc_transit transit,
                            vc_bytes key,
                            vc_bytes ciphertext,
                            vc_bytes context,
                            vc_bytes associated_data,
                            vc_buffer *ciphertext_out,
                            vc_error **error_out);

// Closes the handle.
vc_status vc_transit_close(vc_transit transit, vc_error **error_out);

// Opens a vault, sealed: "memory:", which lives as long as the handle, or the path of a file,
// which is created if there is none.
vc_status vc_vault_open(vc_bytes location, vc_vault *vault_out, vc_error **error_out);

// Seals a vault for good and closes its handle, with those of its sessions and of what came from
// them. Returns once no call can still be using its keys.
vc_status vc_vault_close(vc_vault vault, vc_error **error_out);

// Makes a new vault in the storage, with `count` key slots. It stays sealed. `init_out` holds the
// shares and the root token, which exist nowhere else.
vc_status vc_vault_init(vc_vault vault,
                        const vc_new_slot *slots,
                        size_t count,
                        vc_init *init_out,
                        vc_error **error_out);

// Tells whether the vault exists and is sealed.
vc_status vc_vault_status(vc_vault vault, vc_seal_status *status_out, vc_error **error_out);

// Gives one share as text. With the last one that is needed, the vault is unsealed. `status_out`
// may be NULL.
vc_status vc_vault_unseal(vc_vault vault,
                          vc_bytes share,
                          vc_seal_status *status_out,
                          vc_error **error_out);

// Unseals with a passphrase. It takes as long as the slot's parameters ask for. `status_out` may
// be NULL.
vc_status vc_vault_unseal_passphrase(vc_vault vault,
                                     vc_bytes passphrase,
                                     vc_seal_status *status_out,
                                     vc_error **error_out);

// Unseals with the 32 bytes of a key slot. `status_out` may be NULL.
vc_status vc_vault_unseal_key(vc_vault vault,
                              vc_bytes key,
                              vc_seal_status *status_out,
                              vc_error **error_out);

// Seals the vault: drops every key, and returns once no call can still be using one.
vc_status vc_vault_seal(vc_vault vault, vc_error **error_out);

// Does the background work that is due, and tells how many pieces. `done_out` may be NULL.
vc_status vc_vault_tick(vc_vault vault, uint64_t *done_out, vc_error **error_out);

// Returns the session of the program that unsealed: full rights, no token.
vc_status vc_vault_owner(vc_vault vault, vc_session *session_out, vc_error **error_out);

// Returns the session of whoever holds `token`.
vc_status vc_vault_login(vc_vault vault,
                         vc_bytes token,
                         vc_session *session_out,
                         vc_error **error_out);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

// The text of a C string, without its zero; nothing for NULL.
static inline vc_bytes vc_text(const char *text) {
  vc_bytes bytes = {NULL, 0};
  if (text != NULL) {
    bytes.data = (const uint8_t *)text;
    while (text[bytes.len] != '\0') {
      bytes.len++;
    }
  }
  return bytes;
}

// The bytes of a buffer, as an input.
static inline vc_bytes vc_borrow(const vc_buffer *buffer) {
  vc_bytes bytes = {buffer->data, buffer->len};
  return bytes;
}

#endif  /* VAULTCORE_H */
