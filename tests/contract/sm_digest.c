/* sm_digest.c: laws of digest: the same state has the same one, differing states differ. */
#include <inttypes.h>
#include <stdio.h>

#include "sm.h"

void sm_law_same_state_same_digest(struct contract *c);
void sm_law_other_state_other_digest(struct contract *c);

enum { KEYS = 12, STEP = 50, PAIRS_APART = 20 };

static const struct machine_node other_node = {7, "127.0.0.1:7", 0};

static uint64_t digest_of(struct machine *m) {
  uint64_t value = 0;
  enum rkv_status status = m->ops->digest(m->it, &value, contract_ask(&m->error));
  CONTRACT_REQUIRE(m->c, status == RKV_OK, "digest: %s: %s", rkv_status_name(status),
                   m->error.text);
  return value;
}

static void skip_without(struct contract *c) {
  const struct rkv_state_machine_ops *ops = c->plugin->ops;
  if (!ops->digest) contract_skip(c, "it has no digest: a state that went astray is not noticed");
}

/* ---- the same state ---- */

static void digest_is(struct machine *m, uint64_t must, const char *what) {
  uint64_t is = digest_of(m);
  CONTRACT_REQUIRE(m->c, is == must,
                   "%s: after %zu entries the digest is %016" PRIx64 " and must be %016" PRIx64,
                   what, m->at, is, must);
}

/* A restore that is written, checked and given up leaves the digest as it was. */
static void try_restore(struct machine *m, const struct state *state) {
  uint64_t before = digest_of(m);
  void *restore = machine_restore_part(m, state, state->len, SM_CHUNK);
  CONTRACT_REQUIRE(m->c, restore, "restore_write: %s", m->error.text);
  if (m->ops->restore_check)
    CONTRACT_REQUIRE(m->c, m->ops->restore_check(restore, &m->error) == RKV_OK, "restore_check: %s",
                     m->error.text);
  digest_is(m, before, "while a restore waits");
  m->ops->restore_abort(restore);
  digest_is(m, before, "after a restore that was given up");
}

/* `m`, which may hold anything, restores what `from` holds: the digest is that of `from`, also
 * after more entries. */
static void follow_by_snapshot(struct machine *m, struct machine *from, const struct log *log) {
  struct state state;
  state_take(from, SM_CHUNK, &state);
  try_restore(m, &state);
  machine_restore_ok(m, &state, 0);
  digest_is(m, digest_of(from), "right after a restore");
  machine_apply(m, log, log->count, 7, NULL);
  state_free(&state);
}

static void open_again(struct machine *m) {
  const uint64_t must = digest_of(m);
  if (!(m->c->plugin->capabilities & RKV_CAP_DURABLE)) return;
  machine_close(m);
  contract_host_init(&m->host, m->c, 1);
  CONTRACT_REQUIRE(m->c, m->ops->open(&m->host.host, &m->config, &m->it, &m->error) == RKV_OK,
                   "open again: %s", m->error.text);
  digest_is(m, must, "a durable machine, opened again");
}

void sm_law_same_state_same_digest(struct contract *c) {
  size_t count = contract_amount(c, 2000, 2000, 20000);
  struct commands k;
  struct machine a, b, d, e;
  struct log log, other;
  void *view;
  struct rkv_snapshot_meta meta;
  skip_without(c);
  machine_open(&a, c, "a");
  machine_open_as(&b, c, "b", &other_node);
  machine_open(&d, c, "d");
  machine_open(&e, c, "e");
  commands_find(&k, &a);
  log_make(&log, &k, count, KEYS, c->seed);
  log_make(&other, &k, count / 4, KEYS * 4, c->seed + 1);
  digest_is(&b, digest_of(&a), "a second new machine");
  CONTRACT_REQUIRE(c, a.ops->snapshot_begin(a.it, &view, &meta, &a.error) == RKV_OK,
                   "snapshot_begin: %s", a.error.text);
  rkv_buf_drop(&meta.membership);
  for (size_t at = STEP; at <= count; at += STEP) {
    machine_apply(&a, &log, at, 1, NULL);
    machine_apply(&b, &log, at, STEP, NULL);
    digest_is(&b, digest_of(&a), "a second machine with the same log, on another node");
    if (at == count / 2) follow_by_snapshot(&d, &a, &log);
  }
  a.ops->snapshot_end(view);
  digest_is(&d, digest_of(&a), "a machine that restored half of the log");
  machine_apply(&e, &other, other.count, STEP, NULL);
  follow_by_snapshot(&e, &a, &log);
  open_again(&a);
  contract_note(c, "%zu entries", count);
  log_free(&log);
  log_free(&other);
  commands_free(&k);
  machine_close(&a);
  machine_close(&b);
  machine_close(&d);
  machine_close(&e);
}

/* ---- differing states ---- */

/* Two machines of one state get two entries of one id. True if their states differ then; so must
 * their digests, and else they must not. */
static bool part(struct machine *a, struct machine *b, const struct log *one,
                 const struct log *two) {
  struct state x, y;
  machine_apply(a, one, a->at + 1, 1, NULL);
  machine_apply(b, two, b->at + 1, 1, NULL);
  state_take(a, SM_CHUNK, &x);
  state_take(b, SM_CHUNK, &y);
  const bool differ = x.len != y.len || memcmp(x.bytes, y.bytes, x.len) != 0;
  const uint64_t of_x = digest_of(a), of_y = digest_of(b);
  CONTRACT_REQUIRE(a->c, !differ || of_x != of_y,
                   "two states that differ by entry %zu have one digest, %016" PRIx64, a->at, of_x);
  CONTRACT_REQUIRE(a->c, differ || of_x == of_y,
                   "two commands made the same of entry %zu, and the digests differ", a->at);
  machine_restore_ok(b, &x, SM_CHUNK);
  state_free(&x);
  state_free(&y);
  return differ;
}

void sm_law_other_state_other_digest(struct contract *c) {
  size_t count = contract_amount(c, 600, 600, 3000);
  struct commands k;
  struct machine a, b;
  struct log one, two;
  size_t apart = 0;
  skip_without(c);
  machine_open(&a, c, "a");
  machine_open(&b, c, "b");
  commands_find(&k, &a);
  log_make(&one, &k, count, KEYS, c->seed);
  log_make(&two, &k, count, KEYS, c->seed);
  for (size_t i = 0; i < count; i++) { /* other commands, and all else as it is */
    uint64_t seed = c->seed + 1000 + i;
    if (two.entries[i].kind != RKV_ENTRY_COMMAND) continue;
    rkv_buf_drop(&two.entries[i].payload);
    two.entries[i].payload = commands_make(&k, contract_random(&seed) % KEYS, &seed);
  }
  while (a.at < count) apart += part(&a, &b, &one, &two);
  CONTRACT_REQUIRE(c, apart >= PAIRS_APART,
                   "of %zu pairs of commands %zu made states that differ, at least %d must (give "
                   "others by --commands)",
                   count, apart, PAIRS_APART);
  contract_note(c, "%zu pairs of states", apart);
  log_free(&one);
  log_free(&two);
  commands_free(&k);
  machine_close(&a);
  machine_close(&b);
}
