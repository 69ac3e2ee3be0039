/* sm_lives.c: the law of any order: a machine goes through random operations, and is compared with
 * a machine that only applied the same log. */
#include <stdio.h>
#include <stdlib.h>

#include "sm.h"

void sm_law_lives(struct contract *c);

enum { ENTRIES = 1000, KEYS = 40, VIEWS_MAX = 4, SAVED_MAX = 4, RESTORES_MAX = 3 };

/* A view or a restore that was begun and has not ended. */
struct open_view {
  void *view;
  struct rkv_snapshot_meta meta;
};

struct open_restore {
  void *restore;
  const struct state *state;
  size_t at; /* bytes written */
};

struct life {
  struct contract *c;
  struct machine m;
  struct log log;
  uint64_t seed;
  struct open_view views[VIEWS_MAX];
  struct open_restore restores[RESTORES_MAX];
  struct state saved[SAVED_MAX]; /* snapshots that may be restored */
  const struct state *points;    /* the state after each entry, by a plain machine */
};

/* The machine must be what the plain one was at the same entry. */
static void check(struct life *l, const char *what) {
  machine_is(&l->m, &l->points[l->m.at], what);
}

static void act_view(struct life *l, struct open_view *v) {
  struct machine *m = &l->m;
  if (!v->view) {
    CONTRACT_REQUIRE(l->c, m->ops->snapshot_begin(m->it, &v->view, &v->meta, &m->error) == RKV_OK,
                     "snapshot_begin: %s", m->error.text);
  } else if (contract_random(&l->seed) % 3 == 0) { /* the view ends unread */
    m->ops->snapshot_end(v->view);
    rkv_buf_drop(&v->meta.membership);
    v->view = NULL;
  } else {
    struct state *saved = &l->saved[contract_random(&l->seed) % SAVED_MAX], is;
    bool used = false;
    state_read(m, v->view, &v->meta, 0, &is);
    v->view = NULL;
    state_require(l->c, &is, &l->points[is.meta.last.index], "a view");
    for (size_t i = 0; i < RESTORES_MAX; i++) used = used || l->restores[i].state == saved;
    if (!used) {
      state_free(saved);
      *saved = is;
    } else {
      state_free(&is);
    }
  }
}

static void restore_end(struct life *l, struct open_restore *r) {
  struct machine *m = &l->m;
  bool whole = r->at == r->state->len;
  if (contract_random(&l->seed) % 4 == 0) {
    m->ops->restore_abort(r->restore);
  } else {
    enum rkv_status status = machine_restore_end(m, r->restore);
    CONTRACT_REQUIRE(l->c, status == (whole ? RKV_OK : RKV_CORRUPT),
                     "a restore ended with %s after %zu of %zu bytes", rkv_status_name(status),
                     r->at, r->state->len);
    if (!whole) contract_text_ok(l->c, status, &m->error, "a refused restore");
    if (whole) m->at = (size_t)r->state->meta.last.index;
  }
  *r = (struct open_restore){.at = 0};
  check(l, "the machine after a restore's end");
}

static void act_restore(struct life *l, struct open_restore *r) {
  struct machine *m = &l->m;
  size_t n;
  if (!r->restore) {
    const struct state *state = &l->saved[contract_random(&l->seed) % SAVED_MAX];
    struct rkv_snapshot_meta meta = state->meta;
    if (state->len == 0) return;
    meta.size = state->len;
    CONTRACT_REQUIRE(l->c, m->ops->restore_begin(m->it, &meta, &r->restore, &m->error) == RKV_OK,
                     "restore_begin: %s", m->error.text);
    *r = (struct open_restore){r->restore, state, 0};
    return;
  }
  n = contract_between(&l->seed, 1, 2 * r->state->len / 3 + 1);
  if (n > r->state->len - r->at) n = r->state->len - r->at;
  if (n > 0) {
    struct rkv_buf part = contract_bytes(l->c, r->state->bytes + r->at, n);
    CONTRACT_REQUIRE(l->c, m->ops->restore_write(r->restore, part, &m->error) == RKV_OK,
                     "restore_write: %s", m->error.text);
    rkv_buf_drop(&part);
    r->at += n;
  }
  if (r->at == r->state->len || contract_random(&l->seed) % 6 == 0) restore_end(l, r);
}

static void act(struct life *l) {
  uint64_t chance = contract_random(&l->seed) % 16;
  if (chance < 8) {
    size_t to = l->m.at + contract_between(&l->seed, 1, 30);
    machine_apply(&l->m, &l->log, to < ENTRIES ? to : ENTRIES, 10, NULL);
  } else if (chance < 12) {
    act_view(l, &l->views[contract_random(&l->seed) % VIEWS_MAX]);
  } else if (chance < 15) {
    act_restore(l, &l->restores[contract_random(&l->seed) % RESTORES_MAX]);
  } else {
    check(l, "the machine");
  }
}

static void life_close(struct life *l) {
  for (size_t i = 0; i < RESTORES_MAX; i++)
    if (l->restores[i].restore) l->m.ops->restore_abort(l->restores[i].restore);
  for (size_t i = 0; i < VIEWS_MAX; i++) {
    if (!l->views[i].view) continue;
    l->m.ops->snapshot_end(l->views[i].view);
    rkv_buf_drop(&l->views[i].meta.membership);
  }
  for (size_t i = 0; i < SAVED_MAX; i++) state_free(&l->saved[i]);
  log_free(&l->log);
  machine_close(&l->m);
}

void sm_law_lives(struct contract *c) {
  uint64_t acts = contract_amount(c, 3000, 3000, 200000);
  struct state *points = calloc(ENTRIES + 1, sizeof *points);
  struct life *l = calloc(1, sizeof *l);
  struct machine plain;
  struct commands k;
  CONTRACT_REQUIRE(c, l && points, "the suite has no memory");
  l->c = c;
  l->seed = c->seed;
  l->points = points;
  machine_open(&plain, c, "plain");
  machine_open(&l->m, c, "m");
  commands_find(&k, &plain);
  log_make(&l->log, &k, ENTRIES, KEYS, c->seed);
  for (size_t i = 0; i <= ENTRIES; i++) {
    machine_apply(&plain, &l->log, i, 1, NULL);
    state_take(&plain, SM_CHUNK, &points[i]);
  }
  for (uint64_t i = 0; i < acts; i++) act(l);
  check(l, "the machine at its end");
  contract_note(c, "%" PRIu64 " acts", acts);
  life_close(l);
  free(l);
  for (size_t i = 0; i <= ENTRIES; i++) state_free(&points[i]);
  free(points);
  commands_free(&k);
  machine_close(&plain);
}
