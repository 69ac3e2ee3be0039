/* sm_same.c: laws of apply: the same log gives the same state and the same answers; and the
 * ownership of buffers. */
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include "sm.h"

void sm_law_same_log_same_state(struct contract *c);
void sm_law_instances_are_apart(struct contract *c);
void sm_law_keeps_nothing_borrowed(struct contract *c);
void sm_law_answers_stay(struct contract *c);

enum { KEYS = 12, QUESTIONS_KEYS = 8 };

void sm_law_same_log_same_state(struct contract *c) {
  size_t count = contract_amount(c, 4000, 4000, 100000), asked;
  struct commands k;
  struct machine a, b;
  struct state state;
  struct log log;
  struct rkv_buf *one = answers_new(c, count), *two = answers_new(c, count);
  machine_open(&a, c, "a");
  machine_open(&b, c, "b");
  commands_find(&k, &a);
  log_make(&log, &k, count, KEYS * 100, c->seed);
  machine_apply(&a, &log, count, 1, one);
  machine_apply(&b, &log, count, 300, two);
  answers_require(c, two, one, 0, count, "a second machine");
  state_take(&a, SM_CHUNK, &state);
  machine_is(&b, &state, "a second machine with the same log");
  asked = questions_require(&k, &b, &a, QUESTIONS_KEYS, "a second machine");
  contract_note(c, "%zu entries, %zu questions", count, asked);
  state_free(&state);
  answers_free(one, count);
  answers_free(two, count);
  log_free(&log);
  commands_free(&k);
  machine_close(&a);
  machine_close(&b);
}

void sm_law_instances_are_apart(struct contract *c) {
  struct commands k;
  struct machine a, b, empty;
  struct state a_state, empty_state;
  struct log a_log, b_log;
  machine_open(&a, c, "a");
  machine_open(&b, c, "b");
  machine_open(&empty, c, "empty");
  commands_find(&k, &a);
  log_make(&a_log, &k, 500, KEYS, c->seed);
  log_make(&b_log, &k, 700, KEYS, c->seed + 1);
  state_take(&empty, SM_CHUNK, &empty_state);
  machine_apply(&a, &a_log, 500, 20, NULL);
  state_take(&a, SM_CHUNK, &a_state);
  machine_apply(&b, &b_log, 700, 20, NULL);
  machine_is(&a, &a_state, "a machine beside which another one applied");
  machine_is(&empty, &empty_state, "a new machine beside which others applied");
  machine_close(&b);
  machine_is(&a, &a_state, "a machine beside which another one closed");
  state_free(&a_state);
  state_free(&empty_state);
  log_free(&a_log);
  log_free(&b_log);
  commands_free(&k);
  machine_close(&a);
  machine_close(&empty);
}

/* ---- what is borrowed ---- */

/* Bytes that are spoilt when their last reference is dropped; freed at the end of the law. */
struct lent {
  struct rkv_buf_owner owner;
  struct lent *next;
  size_t len;
  _Alignas(max_align_t) uint8_t bytes[];
};

static void spoil(struct rkv_buf_owner *owner) {
  struct lent *lent = (struct lent *)owner;
  memset(lent->bytes, 0xdd, lent->len);
}

static struct rkv_buf lend(struct contract *c, struct lent **all, struct rkv_buf from) {
  struct lent *lent = malloc(sizeof *lent + from.len + 1);
  CONTRACT_REQUIRE(c, lent, "the suite has no memory");
  lent->owner = (struct rkv_buf_owner){1, 0, spoil};
  lent->len = from.len;
  lent->next = *all;
  *all = lent;
  if (from.len > 0) memcpy(lent->bytes, from.data, from.len);
  return (struct rkv_buf){lent->bytes, from.len, &lent->owner};
}

static void lent_free(struct lent *all) {
  while (all) {
    struct lent *next = all->next;
    free(all);
    all = next;
  }
}

/* Applies entries whose bytes are gone right after each call, and the array too. */
static void apply_lent(struct machine *m, const struct log *log, struct lent **all) {
  for (size_t at = 0; at < log->count;) {
    struct rkv_buf results[8], array;
    size_t n = log->count - at < 8 ? log->count - at : 8;
    struct rkv_entry lent[8];
    memset(results, 0, sizeof results);
    memcpy(lent, &log->entries[at], n * sizeof lent[0]);
    for (size_t i = 0; i < n; i++) lent[i].payload = lend(m->c, all, lent[i].payload);
    array = lend(m->c, all, rkv_buf_static(lent, n * sizeof lent[0]));
    CONTRACT_REQUIRE(m->c,
                     m->ops->apply(m->it, (const struct rkv_entry *)(const void *)array.data, n,
                                   results, &m->error) == RKV_OK,
                     "apply: %s", m->error.text);
    bufs_free(results, n);
    for (size_t i = 0; i < n; i++) rkv_buf_drop(&lent[i].payload);
    rkv_buf_drop(&array);
    at += n;
  }
}

/* Restores from chunks and a meta that are gone right after each call. */
static void restore_lent(struct machine *m, const struct state *state, struct lent **all) {
  struct rkv_snapshot_meta meta = state->meta;
  struct rkv_buf whole = rkv_buf_static(state->bytes, state->len);
  void *restore;
  meta.membership = lend(m->c, all, meta.membership);
  CONTRACT_REQUIRE(m->c, m->ops->restore_begin(m->it, &meta, &restore, &m->error) == RKV_OK,
                   "restore_begin: %s", m->error.text);
  rkv_buf_drop(&meta.membership);
  memset(&meta, 0xdd, sizeof meta);
  for (size_t at = 0; at < state->len; at += 100) {
    struct rkv_buf chunk = lend(m->c, all, rkv_buf_slice(whole, at, 100));
    CONTRACT_REQUIRE(m->c, m->ops->restore_write(restore, chunk, &m->error) == RKV_OK,
                     "restore_write: %s", m->error.text);
    rkv_buf_drop(&chunk);
  }
  CONTRACT_REQUIRE(m->c, machine_restore_end(m, restore) == RKV_OK, "restore_finish: %s",
                   m->error.text);
}

void sm_law_keeps_nothing_borrowed(struct contract *c) {
  size_t count = 600;
  struct commands k;
  struct machine a, b, d;
  struct state state;
  struct log log;
  struct lent *all = NULL;
  machine_open(&a, c, "a");
  machine_open(&b, c, "b");
  machine_open(&d, c, "d");
  commands_find(&k, &a);
  log_make(&log, &k, count, KEYS, c->seed);
  machine_apply(&a, &log, count, 8, NULL);
  state_take(&a, SM_CHUNK, &state);
  apply_lent(&b, &log, &all);
  machine_is(&b, &state, "a machine whose entries are gone after apply");
  restore_lent(&d, &state, &all);
  machine_is(&d, &state, "a machine whose chunks are gone after restore_write");
  state_free(&state);
  log_free(&log);
  commands_free(&k);
  machine_close(&a);
  machine_close(&b);
  machine_close(&d);
  lent_free(all);
}

/* ---- what is given ---- */

/* A copy of bytes beside a reference to them. */
struct kept {
  struct rkv_buf given;
  uint8_t *copy;
};

static void keep(struct contract *c, struct kept *kept, struct rkv_buf given) {
  kept->given = given;
  kept->copy = malloc(given.len + 1);
  CONTRACT_REQUIRE(c, kept->copy, "the suite has no memory");
  if (given.len > 0) memcpy(kept->copy, given.data, given.len);
}

static void kept_same(struct contract *c, const struct kept *kept, size_t count, const char *when) {
  for (size_t i = 0; i < count; i++)
    CONTRACT_REQUIRE(c,
                     kept[i].given.len == 0 ||
                         memcmp(kept[i].copy, kept[i].given.data, kept[i].given.len) == 0,
                     "bytes that it gave have changed %s (number %zu of %zu)", when, i + 1, count);
}

/* Answers, a membership and the chunks of a snapshot; how many. */
static size_t gather(struct machine *m, const struct log *log, size_t to, struct kept *kept) {
  struct rkv_snapshot_meta meta;
  struct rkv_buf *results = answers_new(m->c, log->count);
  size_t count = 0, from = m->at, chunks = 0;
  void *view;
  machine_apply(m, log, to, 10, results);
  for (size_t i = from; i < to; i++) keep(m->c, &kept[count++], results[i]);
  free(results);
  CONTRACT_REQUIRE(m->c, m->ops->snapshot_begin(m->it, &view, &meta, &m->error) == RKV_OK,
                   "snapshot_begin: %s", m->error.text);
  keep(m->c, &kept[count++], meta.membership);
  for (bool more = true; more && chunks < 100; chunks++) {
    struct rkv_buf chunk = rkv_buf_none();
    CONTRACT_REQUIRE(m->c, m->ops->snapshot_read(view, 100, &chunk, &m->error) == RKV_OK,
                     "snapshot_read: %s", m->error.text);
    more = chunk.len > 0;
    keep(m->c, &kept[count++], chunk);
  }
  m->ops->snapshot_end(view);
  return count;
}

void sm_law_answers_stay(struct contract *c) {
  enum { FIRST = 300, ALL = 1500 };
  struct kept *kept = calloc(FIRST + 200, sizeof *kept);
  struct commands k;
  struct machine m;
  struct log log;
  size_t count;
  CONTRACT_REQUIRE(c, kept, "the suite has no memory");
  machine_open(&m, c, "a");
  commands_find(&k, &m);
  log_make(&log, &k, ALL, KEYS, c->seed);
  count = gather(&m, &log, FIRST, kept);
  machine_apply(&m, &log, ALL, 10, NULL);
  kept_same(c, kept, count, "after more was applied");
  log_free(&log);
  commands_free(&k);
  m.ops->close(m.it);
  m.it = NULL;
  kept_same(c, kept, count, "after close");
  for (size_t i = 0; i < count; i++) {
    rkv_buf_drop(&kept[i].given);
    free(kept[i].copy);
  }
  free(kept);
  machine_close(&m);
}
