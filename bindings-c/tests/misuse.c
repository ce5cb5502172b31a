// Every export x every misuse: what it answers, that it writes no output, and that nothing breaks.
//
// The argument is symbols.txt: an export that this program does not know fails it. With `--plant`
// it frees a buffer twice, which the sanitizer that watches must report.

#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#include "exports.h"

static int cases = 0;

// Calls an export with and without a place for the error.
static void expect(const struct export *export, const struct in *in, vc_status expected,
                   const char *misuse) {
  vc_error *error = NULL;
  vc_status status = export->call(in, &error);
  EXPECT(status == expected, "%s, %s: %s instead of %s: %s", export->name, misuse,
         vc_status_name(status), vc_status_name(expected), vc_error_message(error));
  EXPECT(vc_error_status(error) == status, "%s, %s: another status in the error", export->name,
         misuse);
  vc_error_free(&error);
  vc_error_free(&error); // twice
  if (!((export->flags & CLOSES) && status == VC_OK)) {
    vc_status again = export->call(in, NULL);
    EXPECT(again == expected, "%s, %s, without error: %s", export->name, misuse,
           vc_status_name(again));
  }
  cases++;
}

// A database in memory with a role, a user of it, and a static role of that user.
static void add_database(struct in *in) {
  request(in->session, "POST", "sys/mounts/database", "{\"type\": \"database\"}");
  request(in->session, "POST", "database/config/db",
          "{\"plugin_name\": \"fake-database-plugin\", \"connection_url\": \"fake://\","
          " \"username\": \"admin\", \"password\": \"pw\", \"allowed_roles\": [\"*\"]}");
  request(in->session, "POST", "database/roles/role",
          "{\"db_name\": \"db\", \"creation_statements\": [\"C\"], \"default_ttl\": 60}");
  MUST(vc_session_database(in->session, vc_text("database"), &in->database, NULL));
  MUST(vc_database_credentials(in->database, vc_text("role"), &in->credentials, NULL));
  vc_buffer name;
  MUST(vc_credentials_username(in->credentials, &name, NULL));
  char role[200];
  snprintf(role, sizeof role,
           "{\"db_name\": \"db\", \"username\": \"%s\", \"rotation_period\": 3600}",
           (const char *)name.data);
  vc_buffer_free(&name);
  request(in->session, "POST", "database/static-roles/static", role);
}

static struct in fresh(void) {
  struct in in = {0};
  in.vault = new_vault(&in.init);
  MUST(vc_vault_owner(in.vault, &in.session, NULL));
  MUST(vc_session_kv(in.session, vc_text("secret"), &in.kv, NULL));
  MUST(vc_session_transit(in.session, vc_text("transit"), &in.transit, NULL));
  add_database(&in);
  return in;
}

static void end(struct in *in) {
  MUST(vc_init_close(in->init, NULL));
  MUST(vc_vault_close(in->vault, NULL));
}

static struct in all(uint64_t id) {
  struct in in = {{id}, {id}, {id}, {id}, {id}, {id}, {id}, NULL, false};
  return in;
}

// Handles that are none, or of another kind.
static void handles(void) {
  struct in good = fresh();
  struct in never = all(0), random = all(0xdeadbeefcafef00dULL), ones = all(~0ULL);
  struct in wrong = {{good.kv.id}, {good.vault.id}, {good.init.id}, {good.transit.id},
                     {good.session.id}, {good.credentials.id}, {good.database.id}, NULL, false};
  for (int i = 0; i < COUNT; i++) {
    if (EXPORTS[i].takes != NOTHING) {
      expect(&EXPORTS[i], &never, VC_INVALID_ARGUMENT, "never set");
      expect(&EXPORTS[i], &random, VC_INVALID_ARGUMENT, "random");
      expect(&EXPORTS[i], &ones, VC_INVALID_ARGUMENT, "all ones");
      expect(&EXPORTS[i], &wrong, VC_INVALID_ARGUMENT, "wrong kind");
    }
  }
  end(&good);
}

// Inputs that cannot be, and outputs that are not there.
static void arguments(void) {
  struct in good = fresh();
  vc_bytes null = {NULL, 5}, huge = {(const uint8_t *)"x", SIZE_MAX};
  vc_bytes large = {(const uint8_t *)"x", VC_MAX_INPUT + 1};
  vc_bytes no_text = vc_text("a\xff\xfe");
  struct { vc_bytes bytes; vc_status status; const char *misuse; int flags; } bad[] = {
      {null, VC_INVALID_ARGUMENT, "NULL with a length", TEXT | BYTES},
      {huge, VC_TOO_LARGE, "huge length", TEXT | BYTES},
      {large, VC_TOO_LARGE, "length above the limit", TEXT | BYTES},
      {no_text, VC_INVALID_ARGUMENT, "bad UTF-8", TEXT},
  };
  for (int i = 0; i < COUNT; i++) {
    for (size_t j = 0; j < sizeof bad / sizeof *bad; j++) {
      struct in in = good;
      in.bad = &bad[j].bytes;
      if (EXPORTS[i].flags & bad[j].flags) {
        expect(&EXPORTS[i], &in, bad[j].status, bad[j].misuse);
      }
    }
    struct in in = good;
    in.null_out = true;
    if (EXPORTS[i].flags & OUT) {
      expect(&EXPORTS[i], &in, VC_INVALID_ARGUMENT, "no output");
    }
  }
  end(&good);
}

// Arrays that cannot be, and requests of another size.
static void arrays(void) {
  struct in in = fresh();
  vc_init made;
  EXPECT(vc_vault_init(in.vault, NULL, 1, &made, NULL) == VC_INVALID_ARGUMENT, "no slots");
  EXPECT(vc_vault_init(in.vault, NULL, SIZE_MAX, &made, NULL) == VC_TOO_LARGE, "many slots");
  vc_new_slot slot = {.kind = 99};
  EXPECT(vc_vault_init(in.vault, &slot, 1, &made, NULL) == VC_INVALID_ARGUMENT, "kind of slot");
  vc_bytes app = vc_text("app");
  EXPECT(vc_kv_destroy(in.kv, app, NULL, 2, NULL) == VC_INVALID_ARGUMENT, "no versions");
  EXPECT(vc_kv_destroy(in.kv, app, NUMBERS, SIZE_MAX, NULL) == VC_TOO_LARGE, "many versions");
  uint16_t http;
  vc_buffer reply;
  EXPECT(vc_request(in.session, NULL, &http, &reply, NULL) == VC_INVALID_ARGUMENT, "no request");
  vc_field field;
  for (size_t size = 0; size < sizeof(vc_api_request); size++) {
    vc_api_request other = api_request(&in, &field);
    other.size = size;
    EXPECT(vc_request(in.session, &other, &http, &reply, NULL) == VC_INVALID_ARGUMENT, "size");
  }
  vc_api_request wrong = api_request(&in, &field);
  wrong.query_count = SIZE_MAX;
  EXPECT(vc_handle(in.vault, &wrong, &http, &reply, NULL) == VC_TOO_LARGE, "many fields");
  wrong.query_count = 1;
  wrong.query = NULL;
  EXPECT(vc_handle(in.vault, &wrong, &http, &reply, NULL) == VC_INVALID_ARGUMENT, "no query");
  wrong = api_request(&in, &field);
  wrong.method = vc_text("TRACE");
  EXPECT(vc_handle(in.vault, &wrong, &http, &reply, NULL) == VC_INVALID_ARGUMENT, "method");
  wrong = api_request(&in, &field);
  wrong.remote_address = vc_text("nowhere");
  EXPECT(vc_handle(in.vault, &wrong, &http, &reply, NULL) == VC_INVALID_ARGUMENT, "address");
  end(&in);
}

// Each input of a transit call alone is wrong, and what was bound to a ciphertext is needed again.
static void transit(void) {
  struct in in = fresh();
  vc_bytes key = vc_text("card"), plain = vc_text("4111"), row = vc_text("row 42");
  vc_bytes null = {NULL, 5}, huge = {(const uint8_t *)"x", SIZE_MAX};
  vc_buffer made, out = {NULL, UNTOUCHED, 0};
  MUST(vc_transit_encrypt(in.transit, key, plain, NONE, row, &made, NULL));
  vc_bytes text = vc_borrow(&made);
  for (int place = 0; place < 4; place++) {
    for (int bad = 0; bad < 2; bad++) {
      vc_bytes words[4] = {key, text, NONE, row};
      words[place] = bad ? huge : null;
      vc_status wanted = bad ? VC_TOO_LARGE : VC_INVALID_ARGUMENT;
      vc_transit t = in.transit;
      vc_status told[3] = {
          vc_transit_encrypt(t, words[0], words[1], words[2], words[3], &out, NULL),
          vc_transit_decrypt(t, words[0], words[1], words[2], words[3], &out, NULL),
          vc_transit_rewrap(t, words[0], words[1], words[2], words[3], &out, NULL),
      };
      for (int call = 0; call < 3; call++) {
        EXPECT(told[call] == wanted, "transit call %d, input %d: %s", call, place,
               vc_status_name(told[call]));
        cases++;
      }
    }
  }
  vc_transit_decrypt(in.transit, key, text, NONE, NONE, &out, NULL);
  vc_transit_rewrap(in.transit, key, text, NONE, plain, &out, NULL);
  vc_transit_decrypt(in.transit, key, plain, NONE, row, &out, NULL);
  vc_transit_decrypt(in.transit, vc_text("no such key"), text, NONE, row, &out, NULL);
  EXPECT(out.data == NULL && out.len == UNTOUCHED, "a transit call wrote and failed");
  MUST(vc_transit_decrypt(in.transit, key, text, NONE, row, &out, NULL));
  EXPECT(out.len == 4 && memcmp(out.data, "4111", 4) == 0, "another plaintext");
  vc_buffer_free(&out);
  vc_buffer_free(&made);
  end(&in);
}

// What is leased dies when it is revoked, and is then told to be gone.
static void leased(void) {
  struct in in = fresh();
  MUST(vc_credentials_keep_alive(in.credentials, NULL));
  uint64_t seconds = 0;
  MUST(vc_credentials_renew(in.credentials, 120, &seconds, NULL));
  EXPECT(seconds == 120, "renewed for %llu", (unsigned long long)seconds);
  vc_lease_status told;
  MUST(vc_credentials_lease(in.credentials, &told, NULL));
  EXPECT(told.renewable && !told.last && told.remaining_ms <= 120000, "status of the lease");
  vc_buffer id, info;
  MUST(vc_credentials_lease_id(in.credentials, &id, NULL));
  MUST(vc_lease_lookup(in.session, vc_borrow(&id), &info, NULL));
  EXPECT(strstr((const char *)info.data, "\"state\":\"active\"") != NULL, "%s",
         (const char *)info.data);
  vc_buffer_free(&info);
  MUST(vc_credentials_revoke(in.credentials, NULL));
  EXPECT(vc_lease_lookup(in.session, vc_borrow(&id), &info, NULL) == VC_INVALID_ARGUMENT, "gone");
  vc_buffer_free(&id);
  vc_status answers[] = {
      vc_credentials_revoke(in.credentials, NULL),
      vc_credentials_keep_alive(in.credentials, NULL),
      vc_credentials_renew(in.credentials, 0, NULL, NULL),
      vc_credentials_password(in.credentials, &id, NULL),
      vc_credentials_lease(in.credentials, &told, NULL),
  };
  for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
    EXPECT(answers[i] == VC_CLOSED, "revoked, call %zu: %s", i, vc_status_name(answers[i]));
  }
  MUST(vc_credentials_close(in.credentials, NULL));
  cases++;
  end(&in);
}

// Calls with handles that were closed: alone, and with their vault.
static void closed(void) {
  struct in in = fresh(), other = fresh();
  MUST(vc_kv_close(in.kv, NULL));
  MUST(vc_transit_close(in.transit, NULL));
  MUST(vc_credentials_close(in.credentials, NULL));
  MUST(vc_database_close(in.database, NULL));
  MUST(vc_session_close(in.session, NULL));
  end(&in);
  end(&other); // closes its session and kv too
  for (int i = 0; i < COUNT; i++) {
    if (EXPORTS[i].takes != NOTHING) {
      expect(&EXPORTS[i], &in, VC_CLOSED, "closed");
      expect(&EXPORTS[i], &other, VC_CLOSED, "closed with its vault");
    }
  }
}

static void sealed(void) {
  struct in in = fresh();
  MUST(vc_vault_seal(in.vault, NULL));
  for (int i = 0; i < COUNT; i++) {
    expect(&EXPORTS[i], &in, EXPORTS[i].sealed, "sealed");
  }
}

struct visit { const struct export *export; struct in in; vc_status status; };

static void *visitor(void *argument) {
  struct visit *visit = argument;
  vc_error *error = NULL;
  visit->status = visit->export->call(&visit->in, &error);
  vc_error_free(&error);
  return NULL;
}

// What one thread made, another uses and closes.
static void other_thread(void) {
  struct in in = fresh(), twin = fresh();
  for (int i = 0; i < COUNT; i++) {
    struct visit visit = {&EXPORTS[i], in, 0};
    vc_error *error = NULL;
    vc_status here = EXPORTS[i].call(&twin, &error);
    vc_error_free(&error);
    pthread_t thread;
    pthread_create(&thread, NULL, visitor, &visit);
    pthread_join(thread, NULL);
    EXPECT(visit.status == here, "%s: %s in another thread, %s here", EXPORTS[i].name,
           vc_status_name(visit.status), vc_status_name(here));
    cases++;
  }
}

// A child is told so by every export, and may open a vault of its own.
static void forked(void) {
  struct in in = fresh();
  int told = cases;
  fflush(NULL);
  pid_t child = fork();
  if (child == 0) {
    for (int i = 0; i < COUNT; i++) {
      if (EXPORTS[i].takes != NOTHING) {
        expect(&EXPORTS[i], &in, VC_FORKED, "after a fork");
      }
    }
    struct in own = fresh();
    for (int i = 0; i < COUNT; i++) { // the parent's handles are none of its own
      if (EXPORTS[i].takes != NOTHING) {
        expect(&EXPORTS[i], &in, VC_FORKED, "after a fork, with a vault of its own");
      }
    }
    EXPECT(get(&own, NULL) == VC_OK, "a child's own vault");
    end(&own);
    _exit(failures == 0 ? 0 : 1);
  }
  int status = 1;
  waitpid(child, &status, 0);
  EXPECT(WIFEXITED(status) && WEXITSTATUS(status) == 0, "the child failed: %d", status);
  EXPECT(get(&in, NULL) == VC_OK, "the parent goes on");
  cases = told + 2 * (COUNT - 1);
  end(&in);
}

// Functions that return no status take NULL, and tell what they do not know.
static void values(void) {
  EXPECT(strcmp(vc_status_name(VC_CONFLICT), "Conflict") == 0, "name");
  EXPECT(strcmp(vc_status_name(4711), "Unknown") == 0, "no name");
  EXPECT(vc_abi_version() == VC_ABI_VERSION && vc_version()[0] != '\0', "version");
  vc_buffer_free(NULL);
  vc_error_free(NULL);
  EXPECT(vc_error_status(NULL) == VC_OK && vc_error_message(NULL)[0] == '\0', "no error");
  uint64_t expected = UNTOUCHED, found = UNTOUCHED;
  EXPECT(!vc_error_versions(NULL, &expected, &found) && found == UNTOUCHED, "no versions");
  struct in in = fresh();
  vc_error *error = NULL;
  uint64_t cas = 7;
  vc_kv_put(in.kv, vc_text("app"), vc_text("{}"), &cas, NULL, &error);
  EXPECT(vc_error_versions(error, NULL, NULL), "versions of a conflict, not wanted");
  EXPECT(vc_error_versions(error, &expected, &found) && expected == 7 && found == 1, "versions");
  vc_error_free(&error);
  end(&in);
}

// Every export is in a table above.
static void complete(const char *path) {
  FILE *file = fopen(path, "r");
  EXPECT(file != NULL, "cannot read %s", path);
  char name[128];
  while (file != NULL && fscanf(file, "%127s", name) == 1) {
    bool known = false;
    for (int i = 0; i < COUNT; i++) {
      known |= strcmp(name, EXPORTS[i].name) == 0;
    }
    for (size_t i = 0; i < sizeof OTHERS / sizeof *OTHERS; i++) {
      known |= strcmp(name, OTHERS[i]) == 0;
    }
    EXPECT(known, "no test knows %s", name);
  }
  if (file != NULL) {
    fclose(file);
  }
}

// What the sanitizer must report, or it sees nothing.
static void planted(void) {
  struct in in = fresh();
  vc_buffer buffer;
  MUST(vc_kv_get(in.kv, vc_text("app"), 0, &buffer, NULL, NULL));
  vc_buffer copy = buffer;
  vc_buffer_free(&buffer);
  vc_buffer_free(&copy);
  end(&in);
}

int main(int count, char **words) {
  if (count != 2) {
    return 2;
  }
  if (strcmp(words[1], "--plant") == 0) {
    planted();
    return 0;
  }
  complete(words[1]);
  values();
  handles();
  arguments();
  arrays();
  transit();
  leased();
  closed();
  sealed();
  other_thread();
  forked();
  printf("misuse: %d cases, %d failed\n", cases, failures);
  return failures == 0 ? 0 : 1;
}
