/* storage_ids.c: laws 69 to 71: ids of any size and in any order. */
#include "storage.h"
#include "storage_laws.h"

STORAGE_LAWS_IDS(STORAGE_LAW_PROTOTYPE)

static struct model *begin(struct storage *s, struct contract *c) {
  struct model *m = model_new(c);
  storage_init(s, c);
  storage_since(s, 5);
  storage_open(s);
  return m;
}

static void end(struct storage *s, struct model *m) {
  storage_close(s);
  model_free(m);
}

/* ---- large ones ---- */

static void read_ranges(struct storage *s, const struct model *m) {
  for (rkv_index from = m->purged.index + 1; from <= m->last.index; from++)
    for (rkv_index to = from; to <= m->last.index + 1; to++) {
      size_t count;
      (void)storage_read(s, m, from, to, UINT64_MAX, 100, &count);
    }
}

/* The snapshot's whole id, and the identity's numbers, which the model does not keep apart. */
static void require_ids(struct storage *s, struct rkv_log_id snapshot) {
  const struct rkv_storage_state *is = &s->state;
  if (!storage_durable(s->c)) return;
  CONTRACT_REQUIRE(s->c, rkv_log_id_equal(is->snapshot.last, snapshot),
                   "load gave the snapshot of {term %" PRIu64 ", index %" PRIu64
                   "} instead of {%" PRIu64 ", %" PRIu64 "}",
                   is->snapshot.last.term, is->snapshot.last.index, snapshot.term, snapshot.index);
}

/* Every operation at both sides of `edge`. */
static void cross(struct storage *s, struct model *m, uint64_t edge) {
  struct rkv_log_id snapshot;
  m->term = edge - 2;
  storage_do(s, m, step_purge(m, edge - 6)); /* beyond the last entry, as a snapshot does */
  for (int i = 0; i < 6; i++, m->term++) storage_append(s, m, 2, 300);
  read_ranges(s, m);
  storage_do(s, m, step_vote(edge + 3, edge + 1, true));
  storage_do(s, m, step_identity(edge, true));
  storage_keeps(s, m);
  storage_do(s, m, step_truncate(edge + 2));
  storage_append(s, m, 3, 300);
  storage_keeps(s, m);
  storage_do(s, m, step_snapshot(m, 5000));
  snapshot = m->last;
  storage_do(s, m, step_purge(m, edge - 2));
  storage_keeps(s, m);
  require_ids(s, snapshot);
  storage_do(s, m, step_purge(m, edge + 1));
  storage_do(s, m, step_truncate(edge + 1));
  storage_append(s, m, 1, 300);
  read_ranges(s, m);
  storage_keeps(s, m);
}

void storage_law_large_ids(struct contract *c) {
  static const unsigned bits[] = {31, 32, 40, 53};
  struct storage s;
  struct model *m = begin(&s, c);
  for (size_t i = 0; i < sizeof bits / sizeof bits[0]; i++) cross(&s, m, UINT64_C(1) << bits[i]);
  end(&s, m);
}

/* ---- falling ones ---- */

static void append_of(struct storage *s, struct model *m, rkv_term term) {
  struct step step = step_append(m, 2, 200);
  step.id.term = term;
  storage_do(s, m, step);
}

void storage_law_falling_terms(struct contract *c) {
  static const rkv_term terms[] = {9, 4, 4, 7, 0, 2, 8, 3};
  enum { TERMS = sizeof terms / sizeof terms[0] };
  struct storage s;
  struct model *m = begin(&s, c);
  for (size_t i = 0; i < TERMS; i++) append_of(&s, m, terms[i]);
  storage_keeps(&s, m);
  for (size_t i = TERMS; i > 4; i--) { /* each of them is the last one once */
    storage_do(&s, m, step_truncate(2 * i - 3));
    storage_keeps(&s, m);
  }
  append_of(&s, m, 1);
  for (rkv_index to = 1; to <= m->last.index; to += 3) {
    storage_do(&s, m, step_purge(m, to));
    storage_keeps(&s, m);
  }
  end(&s, m);
}

/* ---- purges that contradict the log ---- */

static void require_loaded(struct storage *s, const struct model *m) {
  char text[RKV_ERROR_TEXT_MAX];
  storage_keeps(s, m);
  if (!storage_durable(s->c)) CONTRACT_REQUIRE(s->c, storage_loads(s, m, text), "%s", text);
}

static void purge_as(struct storage *s, struct model *m, rkv_term term, rkv_index up_to) {
  storage_do(s, m, (struct step){.kind = STEP_PURGE, .id = {term, up_to}});
  require_loaded(s, m);
}

void storage_law_purged_as_given(struct contract *c) {
  struct storage s;
  struct model *m = begin(&s, c);
  for (m->term = 3; m->term < 7; m->term++) storage_append(&s, m, 5, 200);
  purge_as(&s, m, 9, 3); /* the entry is of term 3 */
  purge_as(&s, m, 2, 3); /* it is purged already */
  purge_as(&s, m, 1, 8);
  purge_as(&s, m, 0, 9);
  storage_do(&s, m, step_truncate(9)); /* what is purged is the last id then */
  require_loaded(&s, m);
  m->term = 12;
  storage_append(&s, m, 6, 200);
  purge_as(&s, m, 11, m->last.index); /* the last entry */
  storage_append(&s, m, 2, 200);
  purge_as(&s, m, 1, m->last.index + 5); /* beyond it, with a smaller term */
  m->term = 13;
  storage_append(&s, m, 2, 200);
  require_loaded(&s, m);
  end(&s, m);
}
