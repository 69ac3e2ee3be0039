/* sm_commands_laws.c: laws of validate and query: any bytes may come. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "sm.h"
#include "sm_shapes.h"

void sm_law_validate_is_right(struct contract *c);
void sm_law_senseless_commands(struct contract *c);
void sm_law_large_commands(struct contract *c);
void sm_law_questions_change_nothing(struct contract *c);
void sm_law_validate_anywhere(struct contract *c);

enum { KEYS = 8, LARGE_MAX = 64 << 20, THREADS = 4 };

/* Two machines that are offered the same bytes. */
struct pair {
  struct machine a, b;
  struct commands k;
  struct rkv_entry next;
  uint64_t taken, refused;
};

static void pair_open(struct pair *p, struct contract *c) {
  memset(p, 0, sizeof *p);
  machine_open(&p->a, c, "a");
  machine_open(&p->b, c, "b");
  commands_find(&p->k, &p->a);
  p->next = (struct rkv_entry){.id = {1, 0}, .kind = RKV_ENTRY_COMMAND};
}

static void pair_close(struct pair *p) {
  struct state state;
  state_take(&p->a, SM_CHUNK, &state);
  machine_is(&p->b, &state, "a second machine with the same log");
  state_free(&state);
  commands_free(&p->k);
  machine_close(&p->a);
  machine_close(&p->b);
}

static bool validated(struct machine *m, struct rkv_buf command) {
  enum rkv_status status;
  status = m->ops->validate(m->it, command, contract_ask(&m->error));
  if (status == RKV_OK) return true;
  CONTRACT_REQUIRE(m->c, status == RKV_INVALID || status == RKV_TOO_LARGE,
                   "validate refused a command with %s (only INVALID and TOO_LARGE are possible)",
                   rkv_status_name(status));
  contract_text_ok(m->c, status, &m->error, "validate");
  return false;
}

/* Applies the command as the next entry of both. */
static void pair_apply(struct pair *p, struct rkv_buf command, const char *what) {
  struct rkv_buf one = rkv_buf_none(), two = rkv_buf_none();
  p->next.id.index++;
  p->next.payload = command;
  CONTRACT_REQUIRE(p->a.c,
                   p->a.ops->apply(p->a.it, &p->next, 1, &one, &p->a.error) == RKV_OK &&
                       p->b.ops->apply(p->b.it, &p->next, 1, &two, &p->b.error) == RKV_OK,
                   "apply failed at a command of %zu bytes %s: %s%s", command.len, what,
                   p->a.error.text, p->b.error.text);
  CONTRACT_REQUIRE(p->a.c, rkv_buf_equal(one, two),
                   "two machines answered a command %s differently", what);
  rkv_buf_drop(&one);
  rkv_buf_drop(&two);
}

/* A command that makes sense or not. */
static struct rkv_buf some_bytes(struct pair *p, uint64_t *seed) {
  struct contract *c = p->a.c;
  uint64_t chance = contract_random(seed) % 8, damage = contract_between(seed, 1, 4);
  struct rkv_buf bytes;
  if (chance < 2)
    return shape_command(c, (enum sm_shape)(contract_random(seed) % SM_SHAPES),
                         contract_random(seed) % KEYS, contract_between(seed, 0, 40), seed);
  bytes = commands_make(&p->k, contract_random(seed) % KEYS, seed);
  for (uint64_t i = 0; i < damage && chance > 2; i++) {
    struct rkv_buf spoilt = bytes_mutate(c, bytes, seed);
    rkv_buf_drop(&bytes);
    bytes = spoilt;
  }
  return bytes;
}

static void offer(struct pair *p, uint64_t times, bool senseless) {
  uint64_t seed = p->a.c->seed;
  for (uint64_t i = 0; i < times; i++) {
    struct rkv_buf bytes = some_bytes(p, &seed);
    bool takes = validated(&p->a, bytes);
    CONTRACT_REQUIRE(p->a.c, takes == validated(&p->b, bytes),
                     "one machine's validate takes what another's refuses");
    if (takes != senseless)
      pair_apply(p, bytes, senseless ? "that validate refuses" : "that validate takes");
    *(takes ? &p->taken : &p->refused) += 1;
    rkv_buf_drop(&bytes);
  }
}

void sm_law_validate_is_right(struct contract *c) {
  struct pair *p = calloc(1, sizeof *p);
  CONTRACT_REQUIRE(c, p, "the suite has no memory");
  pair_open(p, c);
  offer(p, contract_amount(c, 20000, 20000, 1000000), false);
  contract_note(c, "%" PRIu64 " taken, %" PRIu64 " refused", p->taken, p->refused);
  pair_close(p);
  free(p);
}

void sm_law_senseless_commands(struct contract *c) {
  struct pair *p = calloc(1, sizeof *p);
  CONTRACT_REQUIRE(c, p, "the suite has no memory");
  pair_open(p, c);
  offer(p, contract_amount(c, 20000, 20000, 1000000), true);
  contract_note(c, "%" PRIu64 " applied", p->refused);
  pair_close(p);
  free(p);
}

/* ---- large ones ---- */

/* The longest value of this source, among powers of two less one or not, that validate takes. */
static size_t largest(struct pair *p, size_t source, size_t max) {
  size_t low = 0, high = max + 1; /* low is taken, high is not */
  while (high - low > 1) {
    size_t middle = high == max + 1 && low < max / 2 ? low * 2 + 1 : low + (high - low) / 2;
    struct rkv_buf command = commands_large(&p->k, source, 1, middle);
    if (validated(&p->a, command))
      low = middle;
    else
      high = middle;
    rkv_buf_drop(&command);
  }
  return low;
}

/* The largest of a source goes through everything; its bytes. */
static size_t try_large(struct pair *p, size_t source, size_t max) {
  struct rkv_buf command = commands_large(&p->k, source, 1, largest(p, source, max));
  size_t len = command.len;
  struct state state;
  pair_apply(p, command, "that validate takes");
  rkv_buf_drop(&command);
  state_take(&p->a, (size_t)1 << 20, &state);
  machine_restore_ok(&p->b, &state, SM_CHUNK);
  machine_is(&p->b, &state, "a machine restored from one with a large command");
  state_free(&state);
  return len;
}

void sm_law_large_commands(struct contract *c) {
  struct pair *p = calloc(1, sizeof *p);
  size_t longest = 0, max = contract_amount(c, 4 << 20, 4 << 20, LARGE_MAX);
  if (c->slow > 1) max = 256 << 10; /* a sanitized build is not for sizes */
  CONTRACT_REQUIRE(c, p, "the suite has no memory");
  pair_open(p, c);
  if (commands_growing(&p->k) == 0)
    contract_skip(c, "no command can be made longer (give one with {bytes 1..1MiB})");
  for (size_t i = 0; i < commands_growing(&p->k); i++) {
    size_t len = try_large(p, i, max);
    if (len > longest) longest = len;
  }
  contract_note(c, "commands of up to %zu bytes", longest);
  pair_close(p);
  free(p);
}

/* ---- questions ---- */

void sm_law_questions_change_nothing(struct contract *c) {
  uint64_t seed = c->seed, times = contract_amount(c, 20000, 20000, 500000), answered = 0;
  struct pair *p = calloc(1, sizeof *p);
  struct state state;
  struct log log;
  CONTRACT_REQUIRE(c, p, "the suite has no memory");
  pair_open(p, c);
  log_make(&log, &p->k, 200, KEYS, c->seed);
  machine_apply(&p->a, &log, 200, 10, NULL);
  state_take(&p->a, SM_CHUNK, &state);
  for (uint64_t i = 0; i < times; i++) {
    struct rkv_buf question = some_bytes(p, &seed), answer = rkv_buf_none();
    enum rkv_status status = p->a.ops->query(p->a.it, question, &answer, contract_ask(&p->a.error));
    CONTRACT_REQUIRE(c, status == RKV_OK || status == RKV_INVALID,
                     "query refused a request with %s (only INVALID is possible)",
                     rkv_status_name(status));
    if (status == RKV_OK)
      answered++;
    else
      contract_text_ok(c, status, &p->a.error, "query");
    rkv_buf_drop(&answer);
    rkv_buf_drop(&question);
  }
  machine_is(&p->a, &state, "a machine that was asked");
  contract_note(c, "%" PRIu64 " asked, %" PRIu64 " answered", times, answered);
  machine_restore_ok(&p->b, &state, SM_CHUNK);
  state_free(&state);
  log_free(&log);
  pair_close(p);
  free(p);
}

/* ---- threads ---- */

struct validator {
  struct machine *m;
  const struct log *log;
  atomic_bool *over;
  pthread_t thread;
};

static void *validate_all(void *arg) {
  struct validator *v = arg;
  struct rkv_error error;
  for (size_t i = 0; !atomic_load(v->over); i = (i + 1) % v->log->count) {
    const struct rkv_entry *entry = &v->log->entries[i];
    if (entry->kind != RKV_ENTRY_COMMAND) continue;
    CONTRACT_REQUIRE(v->m->c, v->m->ops->validate(v->m->it, entry->payload, &error) == RKV_OK,
                     "validate refuses beside apply what it took before: %s", error.text);
  }
  return NULL;
}

void sm_law_validate_anywhere(struct contract *c) {
  size_t count = contract_amount(c, 20000, 20000, 300000);
  struct validator threads[THREADS];
  atomic_bool over = false;
  struct commands k;
  struct machine m;
  struct log log;
  machine_open(&m, c, "a");
  commands_find(&k, &m);
  log_make(&log, &k, count, KEYS, c->seed);
  for (size_t i = 0; i < THREADS; i++) {
    threads[i] = (struct validator){.m = &m, .log = &log, .over = &over};
    CONTRACT_REQUIRE(c, pthread_create(&threads[i].thread, NULL, validate_all, &threads[i]) == 0,
                     "the suite gets no thread");
  }
  machine_apply(&m, &log, count, 50, NULL);
  atomic_store(&over, true);
  for (size_t i = 0; i < THREADS; i++) (void)pthread_join(threads[i].thread, NULL);
  contract_note(c, "%d threads beside %zu entries", THREADS, count);
  log_free(&log);
  commands_free(&k);
  machine_close(&m);
}
