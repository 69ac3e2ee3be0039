/* sm_snapshot.c: laws of snapshots: the same bytes, of one moment, independent of each other. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "sm.h"

void sm_law_any_chunk_size(struct contract *c);
void sm_law_snapshot_restores(struct contract *c);
void sm_law_snapshot_is_a_point(struct contract *c);
void sm_law_snapshots_beside(struct contract *c);
void sm_law_many_keys(struct contract *c);

enum { KEYS = 200, VIEWS = 4, BEGINS = 5, BEGIN_MS_MAX = 100 };

/* A machine and a log that is not applied yet. */
struct scene {
  struct machine m;
  struct commands k;
  struct log log;
};

static struct scene *scene_open(struct contract *c, size_t count, uint64_t keys) {
  struct scene *s = calloc(1, sizeof *s);
  CONTRACT_REQUIRE(c, s, "the suite has no memory");
  machine_open(&s->m, c, "scene");
  commands_find(&s->k, &s->m);
  log_make(&s->log, &s->k, count, keys, c->seed);
  return s;
}

static void scene_close(struct scene *s) {
  log_free(&s->log);
  commands_free(&s->k);
  machine_close(&s->m);
  free(s);
}

static void *begin(struct machine *m, struct rkv_snapshot_meta *meta) {
  void *view;
  CONTRACT_REQUIRE(m->c, m->ops->snapshot_begin(m->it, &view, meta, &m->error) == RKV_OK,
                   "snapshot_begin: %s", m->error.text);
  return view;
}

void sm_law_any_chunk_size(struct contract *c) {
  static const size_t sizes[] = {1, 2, 3, 7, 64, 1000, 4096, 65536, 1 << 20, 0};
  struct scene *s = scene_open(c, contract_amount(c, 1500, 1500, 30000), KEYS);
  struct state must, is;
  machine_apply(&s->m, &s->log, s->log.count, 50, NULL);
  state_take(&s->m, SM_CHUNK, &must);
  for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
    char what[64];
    (void)snprintf(what, sizeof what, "a snapshot in chunks of %zu bytes", sizes[i]);
    state_take(&s->m, sizes[i], &is);
    state_require(c, &is, &must, what);
    state_free(&is);
  }
  contract_note(c, "a snapshot of %zu bytes", must.len);
  state_free(&must);
  scene_close(s);
}

void sm_law_snapshot_restores(struct contract *c) {
  static const size_t sizes[] = {1, 5, 4096, 1 << 20, 0};
  size_t half = contract_amount(c, 1500, 1500, 30000);
  struct scene *s = scene_open(c, 2 * half, KEYS);
  struct state middle, end;
  machine_apply(&s->m, &s->log, half, 50, NULL);
  state_take(&s->m, SM_CHUNK, &middle);
  machine_apply(&s->m, &s->log, 2 * half, 50, NULL);
  state_take(&s->m, SM_CHUNK, &end);
  for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
    struct machine b;
    char name[16];
    (void)snprintf(name, sizeof name, "b%zu", i);
    machine_open(&b, c, name);
    machine_restore_ok(&b, &middle, sizes[i]);
    machine_is(&b, &middle, "the restored machine");
    machine_apply(&b, &s->log, 2 * half, 7, NULL);
    machine_is(&b, &end, "the restored machine after the rest of the log");
    machine_close(&b);
  }
  contract_note(c, "%zu entries, %zu bytes", 2 * half, end.len);
  state_free(&middle);
  state_free(&end);
  scene_close(s);
}

/* ---- of one moment ---- */

struct reading {
  struct machine *m;
  void *view;
  struct rkv_snapshot_meta meta;
  size_t chunk;
  struct state state;
  pthread_t thread;
};

static void *read_view(void *arg) {
  struct reading *r = arg;
  state_read(r->m, r->view, &r->meta, r->chunk, &r->state);
  return NULL;
}

/* Views are begun as entries are applied and read by threads meanwhile. */
void sm_law_snapshot_is_a_point(struct contract *c) {
  size_t step = contract_amount(c, 1000, 1000, 50000);
  struct scene *s = scene_open(c, step * (VIEWS + 1), KEYS);
  struct reading readings[VIEWS];
  struct machine b;
  machine_open(&b, c, "b");
  for (size_t i = 0; i < VIEWS; i++) {
    struct reading *r = &readings[i];
    machine_apply(&s->m, &s->log, step * (i + 1), 20, NULL);
    r->m = &s->m;
    r->chunk = i % 2 ? 100 : 5000;
    r->view = begin(&s->m, &r->meta);
    CONTRACT_REQUIRE(c, pthread_create(&r->thread, NULL, read_view, r) == 0,
                     "the suite gets no thread");
  }
  machine_apply(&s->m, &s->log, step * (VIEWS + 1), 20, NULL);
  for (size_t i = 0; i < VIEWS; i++) {
    (void)pthread_join(readings[i].thread, NULL);
    machine_apply(&b, &s->log, step * (i + 1), 20, NULL);
    machine_is(&b, &readings[i].state, "a machine, and a view read while entries were applied,");
    state_free(&readings[i].state);
  }
  contract_note(c, "%d views beside %zu entries", VIEWS, step * (VIEWS + 1));
  machine_close(&b);
  scene_close(s);
}

void sm_law_snapshots_beside(struct contract *c) {
  enum { STEP = 300 };
  struct scene *s = scene_open(c, STEP * (VIEWS + 1), KEYS);
  struct rkv_snapshot_meta metas[VIEWS], unread;
  struct state states[VIEWS], is, empty;
  void *views[VIEWS], *never, *begun;
  struct machine b;
  struct rkv_buf chunk;
  machine_open(&b, c, "b");
  state_take(&b, SM_CHUNK, &empty);
  for (size_t i = 0; i < VIEWS; i++) {
    machine_apply(&s->m, &s->log, STEP * (i + 1), 20, NULL);
    state_take(&s->m, SM_CHUNK, &states[i]);
    views[i] = begin(&s->m, &metas[i]);
  }
  never = begin(&s->m, &unread); /* ended unread */
  rkv_buf_drop(&unread.membership);
  begun = begin(&s->m, &unread); /* ended after its first chunk */
  rkv_buf_drop(&unread.membership);
  CONTRACT_REQUIRE(c, s->m.ops->snapshot_read(begun, 10, &chunk, &s->m.error) == RKV_OK,
                   "snapshot_read: %s", s->m.error.text);
  rkv_buf_drop(&chunk);
  machine_apply(&s->m, &s->log, STEP * (VIEWS + 1), 20, NULL);
  s->m.ops->snapshot_end(never);
  machine_restore_ok(&s->m, &empty, SM_CHUNK); /* a wrong machine frees what views need */
  for (size_t i = VIEWS; i-- > 0;) {
    state_read(&s->m, views[i], &metas[i], 64, &is);
    state_require(c, &is, &states[i], "one of several views");
    state_free(&is);
    state_free(&states[i]);
  }
  s->m.ops->snapshot_end(begun);
  state_free(&empty);
  machine_close(&b);
  scene_close(s);
}

/* ---- many ---- */

/* The shortest of some begins, in milliseconds: others may have the processor meanwhile. */
static uint64_t begin_ms(struct machine *m) {
  uint64_t best = UINT64_MAX;
  for (int i = 0; i < BEGINS; i++) {
    struct rkv_snapshot_meta meta;
    uint64_t from = contract_now_ms(), took;
    void *view = begin(m, &meta);
    took = contract_now_ms() - from;
    if (took < best) best = took;
    m->ops->snapshot_end(view);
    rkv_buf_drop(&meta.membership);
  }
  return best;
}

void sm_law_many_keys(struct contract *c) {
  size_t count = contract_amount(c, 100000, 100000, 1000000) / (c->slow > 1 ? 10 : 1);
  struct scene *s = scene_open(c, count, 0);
  struct state state;
  struct machine b;
  uint64_t took;
  machine_open(&b, c, "b");
  machine_apply(&s->m, &s->log, count, 500, NULL);
  took = begin_ms(&s->m);
  CONTRACT_REQUIRE(c, took <= BEGIN_MS_MAX * c->slow,
                   "snapshot_begin took %" PRIu64
                   " ms after %zu commands: it must not copy the state",
                   took, count);
  state_take(&s->m, SM_CHUNK, &state);
  machine_restore_ok(&b, &state, SM_CHUNK);
  machine_is(&b, &state, "the restored machine");
  contract_note(c, "%zu commands, a snapshot of %zu bytes begun in %" PRIu64 " ms", count,
                state.len, took);
  state_free(&state);
  machine_close(&b);
  scene_close(s);
}
