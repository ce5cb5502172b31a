// Eight threads use one vault while another seals and unseals it, as often as the first argument
// says, and in the end closes it. The vault is in memory, or in the file that the second argument
// names. With --plant, two threads do what they must not, and the thread sanitizer must report it.

#include <pthread.h>
#include <stdatomic.h>

#include "support.h"

enum { THREADS = 8 };

struct shared {
  vc_vault vault;
  vc_kv kv; // one handle for all
  vc_transit transit;
  atomic_int answered, stopped;
  uint64_t version; // only for plant()
};

// What a call may answer while the vault is sealed, closed and written to by others.
static bool fair(vc_status status) {
  return status == VC_OK || status == VC_SEALED || status == VC_CLOSED || status == VC_CONFLICT ||
         status == VC_UNAVAILABLE;
}

static void visit(struct shared *shared, unsigned number, unsigned round) {
  char path[32];
  snprintf(path, sizeof path, "app/%u", round % 4 == 0 ? 0 : number);
  vc_error *error = NULL;
  vc_bytes written = vc_text("{\"a\": 1}");
  vc_status status = vc_kv_put(shared->kv, vc_text(path), written, NULL, NULL, &error);
  EXPECT(fair(status), "put: %s", vc_error_message(error));
  vc_error_free(&error);
  vc_buffer data;
  status = vc_kv_get(shared->kv, vc_text(path), 0, &data, NULL, NULL);
  EXPECT(fair(status) || status == VC_NOT_FOUND, "get: %s", vc_status_name(status));
  if (status == VC_OK) {
    EXPECT(strcmp((const char *)data.data, "{\"a\": 1}") == 0, "another secret");
    vc_buffer_free(&data);
    atomic_fetch_add(&shared->answered, 1);
  }
  vc_bytes none = {NULL, 0}, key = vc_text("card");
  status = vc_transit_encrypt(shared->transit, key, written, none, none, &data, NULL);
  EXPECT(fair(status), "encrypt: %s", vc_status_name(status));
  if (status == VC_OK) {
    vc_buffer plain;
    status = vc_transit_decrypt(shared->transit, key, vc_borrow(&data), none, none, &plain, NULL);
    EXPECT(fair(status), "decrypt: %s", vc_status_name(status));
    if (status == VC_OK) {
      EXPECT(strcmp((const char *)plain.data, "{\"a\": 1}") == 0, "another plaintext");
      vc_buffer_free(&plain);
    }
    vc_buffer_free(&data);
  }
  vc_session session; // handles come and go
  status = vc_vault_owner(shared->vault, &session, NULL);
  EXPECT(fair(status), "owner: %s", vc_status_name(status));
  if (status == VC_OK) {
    status = vc_session_close(session, NULL);
    EXPECT(fair(status), "close: %s", vc_status_name(status));
  }
}

struct worker {
  struct shared *shared;
  unsigned number;
};

static void *work(void *argument) {
  struct worker *worker = argument;
  for (unsigned round = 0; !atomic_load(&worker->shared->stopped); round++) {
    visit(worker->shared, worker->number, round);
  }
  return NULL;
}

static void *write_version(void *argument) {
  struct shared *shared = argument;
  for (int i = 0; i < 100; i++) {
    vc_kv_put(shared->kv, vc_text("app/plant"), vc_text("{}"), NULL, &shared->version, NULL);
  }
  return NULL;
}

// The library writes the versions of two threads to one place: both sides of the race are its own
// code, so that who reports it sees into the library.
static void plant(struct shared *shared) {
  pthread_t threads[2];
  for (int i = 0; i < 2; i++) {
    pthread_create(&threads[i], NULL, write_version, shared);
  }
  for (int i = 0; i < 2; i++) {
    pthread_join(threads[i], NULL);
  }
}

int main(int count, char **words) {
  int rounds = count > 1 ? atoi(words[1]) : 1;
  vc_init init;
  struct shared shared = {0};
  shared.vault = new_vault_at(count > 2 ? words[2] : "memory:", &init);
  vc_session owner;
  MUST(vc_vault_owner(shared.vault, &owner, NULL));
  MUST(vc_session_kv(owner, vc_text("secret"), &shared.kv, NULL));
  MUST(vc_session_transit(owner, vc_text("transit"), &shared.transit, NULL));
  if (count > 1 && strcmp(words[1], "--plant") == 0) {
    plant(&shared);
    return 0;
  }
  vc_buffer share;
  MUST(vc_init_share(init, 0, &share, NULL));

  pthread_t threads[THREADS];
  struct worker workers[THREADS];
  for (unsigned i = 0; i < THREADS; i++) {
    workers[i] = (struct worker){&shared, i};
    pthread_create(&threads[i], NULL, work, &workers[i]);
  }
  for (int round = 1; round <= rounds; round++) {
    while (atomic_load(&shared.answered) < round * THREADS) { // so that some calls succeed
      vc_seal_status status;
      MUST(vc_vault_status(shared.vault, &status, NULL));
    }
    MUST(vc_vault_seal(shared.vault, NULL));
    MUST(vc_vault_unseal(shared.vault, vc_borrow(&share), NULL, NULL));
  }
  MUST(vc_vault_close(shared.vault, NULL)); // under their feet
  EXPECT(vc_vault_close(shared.vault, NULL) == VC_CLOSED, "closed twice");
  atomic_store(&shared.stopped, 1);
  for (unsigned i = 0; i < THREADS; i++) {
    pthread_join(threads[i], NULL);
  }
  vc_buffer_free(&share);
  MUST(vc_init_close(init, NULL));
  printf("threads: %d reads answered, %d failed\n", atomic_load(&shared.answered), failures);
  return failures == 0 ? 0 : 1;
}
