/* sm_restore.c: laws of restores: all or nothing, beside a state that is in service. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "sm.h"

void sm_law_restore_replaces(struct contract *c);
void sm_law_half_restore_changes_nothing(struct contract *c);
void sm_law_damage_changes_nothing(struct contract *c);
void sm_law_restore_in_service(struct contract *c);
void sm_law_checked_restore_waits(struct contract *c);
void sm_law_membership_is_the_metas(struct contract *c);

enum { KEYS = 100, SMALL = 200, LARGE = 600 };

/* A machine in one state, and the snapshot of another. */
struct scene {
  struct machine m, other;
  struct commands k;
  struct log log, other_log;
  struct state own, foreign;
};

static struct scene *scene_open(struct contract *c) {
  struct scene *s = calloc(1, sizeof *s);
  CONTRACT_REQUIRE(c, s, "the suite has no memory");
  machine_open(&s->m, c, "m");
  machine_open(&s->other, c, "other");
  commands_find(&s->k, &s->m);
  log_make(&s->log, &s->k, LARGE, KEYS, c->seed);
  log_make(&s->other_log, &s->k, SMALL, KEYS / 2, c->seed + 7);
  machine_apply(&s->m, &s->log, LARGE / 2, 20, NULL);
  machine_apply(&s->other, &s->other_log, SMALL, 20, NULL);
  state_take(&s->m, SM_CHUNK, &s->own);
  state_take(&s->other, SM_CHUNK, &s->foreign);
  return s;
}

static void scene_close(struct scene *s) {
  state_free(&s->own);
  state_free(&s->foreign);
  log_free(&s->log);
  log_free(&s->other_log);
  commands_free(&s->k);
  machine_close(&s->m);
  machine_close(&s->other);
  free(s);
}

void sm_law_restore_replaces(struct contract *c) {
  struct scene *s = scene_open(c);
  struct state end;
  machine_restore_ok(&s->m, &s->foreign, 0);
  machine_is(&s->m, &s->foreign, "a machine restored over another state");
  machine_restore_ok(&s->m, &s->own, 0);
  machine_is(&s->m, &s->own, "a machine restored back");
  machine_apply(&s->m, &s->log, LARGE, 20, NULL);
  state_take(&s->m, SM_CHUNK, &end);
  machine_restore_ok(&s->m, &end, 0);
  machine_is(&s->m, &end, "a machine restored from itself");
  state_free(&end);
  scene_close(s);
}

/* Cuts of a snapshot that must not be taken for whole ones. */
static size_t cut_at(size_t turn, size_t len, uint64_t *seed) {
  if (turn < 8 && turn < len) return turn;
  if (turn < 16 && turn - 8 < len) return len - 1 - (turn - 8);
  return contract_between(seed, 0, len - 1);
}

void sm_law_half_restore_changes_nothing(struct contract *c) {
  size_t turns = contract_amount(c, 300, 300, 5000);
  uint64_t seed = c->seed;
  struct scene *s = scene_open(c);
  CONTRACT_REQUIRE(c, s->foreign.len > 0, "its snapshot has no bytes");
  for (size_t turn = 0; turn < turns; turn++) {
    size_t len = cut_at(turn, s->foreign.len, &seed);
    enum rkv_status status = RKV_CORRUPT;
    void *restore;
    /* a receiver may know the size, or not */
    s->foreign.meta.size = turn % 2 ? s->foreign.len : 0;
    restore = machine_restore_part(&s->m, &s->foreign, len, 0);
    if (restore) status = machine_restore_end(&s->m, restore);
    CONTRACT_REQUIRE(c, status == RKV_CORRUPT, "a restore ended with %s after %zu of %zu bytes",
                     rkv_status_name(status), len, s->foreign.len);
    if (restore) contract_text_ok(c, status, &s->m.error, "a refused restore");
    if (turn < 24 || turn % 50 == 0)
      machine_is(&s->m, &s->own, "a machine after a restore that was cut");
  }
  machine_is(&s->m, &s->own, "a machine after restores that were cut");
  contract_note(c, "%zu cuts of %zu bytes", turns, s->foreign.len);
  scene_close(s);
}

void sm_law_damage_changes_nothing(struct contract *c) {
  size_t turns = contract_amount(c, 2000, 2000, 100000), refused = 0;
  uint64_t seed = c->seed;
  struct scene *s = scene_open(c);
  for (size_t turn = 0; turn < turns; turn++) {
    struct rkv_buf bytes = bytes_mutate(c, rkv_buf_static(s->foreign.bytes, s->foreign.len), &seed);
    struct state spoilt = {malloc(bytes.len + 1), bytes.len, s->foreign.meta};
    enum rkv_status status;
    CONTRACT_REQUIRE(c, spoilt.bytes, "the suite has no memory");
    if (bytes.len > 0) memcpy(spoilt.bytes, bytes.data, bytes.len);
    status = machine_restore(&s->m, &spoilt, turn % 4 ? SM_CHUNK : 0);
    CONTRACT_REQUIRE(c, status == RKV_OK || status == RKV_CORRUPT || status == RKV_NO_MEMORY,
                     "a damaged snapshot is refused with %s", rkv_status_name(status));
    if (status == RKV_OK) {
      machine_restore_ok(&s->m, &s->own, SM_CHUNK); /* damage_is_refused tells */
    } else {
      contract_text_ok(c, status, &s->m.error, "a refused restore");
      refused++;
    }
    if (turn % 20 == 0 || status == RKV_OK)
      machine_is(&s->m, &s->own, "a machine after a damaged snapshot");
    free(spoilt.bytes);
    rkv_buf_drop(&bytes);
  }
  machine_is(&s->m, &s->own, "a machine after damaged snapshots");
  contract_note(c, "%zu damaged, %zu refused", turns, refused);
  scene_close(s);
}

/* ---- in service ---- */

struct writer {
  struct machine *m;
  const struct state *state;
  void *restore;
  pthread_t thread;
};

static void *write_restore(void *arg) {
  struct writer *w = arg;
  struct rkv_error error;
  for (size_t at = 0; at < w->state->len;) {
    size_t n = w->state->len - at < 50 ? w->state->len - at : 50;
    struct rkv_buf part = contract_bytes(w->m->c, w->state->bytes + at, n);
    CONTRACT_REQUIRE(w->m->c, w->m->ops->restore_write(w->restore, part, &error) == RKV_OK,
                     "restore_write: %s", error.text);
    rkv_buf_drop(&part);
    at += n;
  }
  return NULL;
}

/* A restore is written by another thread while entries are applied. */
static void *beside(struct scene *s, size_t from, size_t to) {
  struct writer w = {.m = &s->m, .state = &s->foreign};
  struct rkv_snapshot_meta meta = s->foreign.meta;
  CONTRACT_REQUIRE(s->m.c,
                   s->m.ops->restore_begin(s->m.it, &meta, &w.restore, &s->m.error) == RKV_OK,
                   "restore_begin: %s", s->m.error.text);
  CONTRACT_REQUIRE(s->m.c, pthread_create(&w.thread, NULL, write_restore, &w) == 0,
                   "the suite gets no thread");
  for (size_t at = from; at < to; at++) machine_apply(&s->m, &s->log, at + 1, 1, NULL);
  (void)pthread_join(w.thread, NULL);
  return w.restore;
}

void sm_law_restore_in_service(struct contract *c) {
  struct scene *s = scene_open(c);
  struct machine reference;
  struct state must;
  void *restore;
  machine_open(&reference, c, "reference");
  machine_apply(&reference, &s->log, LARGE - 100, 20, NULL);
  state_take(&reference, SM_CHUNK, &must);
  restore = beside(s, LARGE / 2, LARGE - 100);
  machine_is(&s->m, &must, "a machine with an unfinished restore");
  s->m.ops->restore_abort(restore);
  machine_is(&s->m, &must, "a machine after a restore was aborted");
  restore = beside(s, LARGE - 100, LARGE);
  CONTRACT_REQUIRE(c, machine_restore_end(&s->m, restore) == RKV_OK, "restore_finish: %s",
                   s->m.error.text);
  machine_is(&s->m, &s->foreign, "a machine after a restore beside which entries were applied");
  state_free(&must);
  machine_close(&reference);
  scene_close(s);
}

/* ---- checked, and not in force yet ---- */

static void *checked(struct scene *s) {
  void *restore = machine_restore_part(&s->m, &s->foreign, s->foreign.len, SM_CHUNK);
  CONTRACT_REQUIRE(s->m.c,
                   restore && s->m.ops->restore_check(restore, contract_ask(&s->m.error)) == RKV_OK,
                   "restore_check of a whole snapshot: %s", s->m.error.text);
  return restore;
}

/* A question that was answered is answered as before. */
static void answers_are(struct machine *m, const struct rkv_buf *questions,
                        const struct rkv_buf *answers, size_t count) {
  for (size_t i = 0; i < count; i++) {
    struct rkv_buf now = rkv_buf_none();
    CONTRACT_REQUIRE(m->c, m->ops->query(m->it, questions[i], &now, &m->error) == RKV_OK,
                     "a query after restore_check: %s", m->error.text);
    CONTRACT_REQUIRE(m->c, rkv_buf_equal(now, answers[i]),
                     "restore_check has changed the answer to query %zu", i);
    rkv_buf_drop(&now);
  }
}

/* `m` goes on in its old state, beside a restore that was checked. */
static void goes_on(struct scene *s, size_t to) {
  struct machine reference;
  struct state must;
  machine_open(&reference, s->m.c, "reference");
  machine_apply(&reference, &s->log, to, 20, NULL);
  state_take(&reference, SM_CHUNK, &must);
  machine_apply(&s->m, &s->log, to, 20, NULL);
  machine_is(&s->m, &must, "a machine that applied entries after restore_check");
  state_free(&s->own);
  s->own = must;
  machine_close(&reference);
}

void sm_law_checked_restore_waits(struct contract *c) {
  struct rkv_buf questions[SM_QUESTIONS_MAX], answers[SM_QUESTIONS_MAX];
  struct scene *s;
  size_t count;
  void *restore;
  if (!((const struct rkv_state_machine_ops *)c->plugin->ops)->restore_check)
    contract_skip(c, "it has no restore_check");
  s = scene_open(c);
  count = commands_questions(&s->k, &s->m, KEYS, questions);
  for (size_t i = 0; i < count; i++)
    CONTRACT_REQUIRE(c, s->m.ops->query(s->m.it, questions[i], &answers[i], &s->m.error) == RKV_OK,
                     "query: %s", s->m.error.text);
  restore = checked(s);
  machine_is(&s->m, &s->own, "a machine whose restore was checked");
  answers_are(&s->m, questions, answers, count);
  goes_on(s, LARGE - 100);
  s->m.ops->restore_abort(restore);
  machine_is(&s->m, &s->own, "a machine whose checked restore was aborted");
  restore = checked(s);
  machine_apply(&s->m, &s->log, LARGE, 20, NULL);
  CONTRACT_REQUIRE(c, s->m.ops->restore_finish(restore, contract_ask(&s->m.error)) == RKV_OK,
                   "restore_finish after restore_check: %s", s->m.error.text);
  machine_is(&s->m, &s->foreign, "a machine after restore_check and restore_finish");
  bufs_free(questions, count);
  bufs_free(answers, count);
  scene_close(s);
}

/* The node believes the meta, so a machine that keeps a membership in its bytes must compare. */
void sm_law_membership_is_the_metas(struct contract *c) {
  struct scene *s = scene_open(c);
  uint64_t seed = c->seed, turns = 20;
  size_t refused = 0;
  for (uint64_t turn = 0; turn < turns; turn++) {
    struct state other = s->foreign;
    enum rkv_status status;
    other.meta.membership = membership_make(c, &seed);
    status = machine_restore(&s->m, &other, SM_CHUNK);
    CONTRACT_REQUIRE(c, status == RKV_OK || status == RKV_CORRUPT,
                     "a snapshot whose meta has another membership is refused with %s",
                     rkv_status_name(status));
    if (status == RKV_CORRUPT) {
      contract_text_ok(c, status, &s->m.error, "a refused restore");
      machine_is(&s->m, &s->own, "a machine that refused another membership");
      refused++;
    } else {
      struct rkv_snapshot_meta is;
      CONTRACT_REQUIRE(c, s->m.ops->applied(s->m.it, &is, &s->m.error) == RKV_OK, "applied: %s",
                       s->m.error.text);
      meta_require(c, &is, &other.meta, "a restore took a meta with another membership; after it");
      rkv_buf_drop(&is.membership);
      machine_restore_ok(&s->m, &s->own, SM_CHUNK);
    }
    rkv_buf_drop(&other.meta.membership);
  }
  contract_note(c, "%zu of %" PRIu64 " refused", refused, turns);
  scene_close(s);
}
