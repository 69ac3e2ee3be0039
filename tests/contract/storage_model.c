/* storage_model.c: the model: what a storage must hold after each step. */
#include "storage.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "texture.h"

enum { FIRST_CAPACITY = 1024 };

/* ---- bytes ---- */

struct model_entry entry_shape(struct rkv_log_id id, uint64_t len_max) {
  uint64_t chance = texture_seed(id.term, id.index);
  struct model_entry shape = {id.term, 0, RKV_ENTRY_COMMAND};
  if (len_max & ENTRY_EXACT) {
    shape.len = (uint32_t)len_max;
    return shape;
  }
  if (chance % 16 == 0) shape.kind = RKV_ENTRY_BLANK;
  if (chance % 16 == 1) shape.kind = RKV_ENTRY_MEMBERSHIP;
  if (shape.kind != RKV_ENTRY_BLANK)
    shape.len = (uint32_t)(len_max > 64 && chance % 4 ? len_max : chance / 16 % (len_max + 1));
  return shape;
}

void entry_fill(struct rkv_log_id id, uint8_t *bytes, size_t len) {
  const uint64_t seed = texture_seed(id.term, id.index);
  texture_fill(texture_of(seed), seed, 0, bytes, len);
}

bool entry_is(const struct rkv_entry *entry, struct rkv_log_id id,
              const struct model_entry *shape) {
  const uint64_t seed = texture_seed(id.term, id.index);
  return rkv_log_id_equal(entry->id, id) && entry->kind == shape->kind &&
         entry->payload.len == shape->len &&
         texture_is(texture_of(seed), seed, 0, entry->payload.data, entry->payload.len);
}

static uint64_t snapshot_seed(uint64_t number) {
  return texture_seed(number, UINT64_C(0x736e6170));
}

bool snapshot_is_random(uint64_t number) {
  return texture_of(snapshot_seed(number)) == TEXTURE_RANDOM;
}

void snapshot_fill(uint64_t number, uint64_t offset, uint8_t *bytes, size_t len) {
  const uint64_t seed = snapshot_seed(number);
  texture_fill(texture_of(seed), seed, offset, bytes, len);
}

/* ---- the model ---- */

static void *memory(struct contract *c, void *made) {
  CONTRACT_REQUIRE(c, made, "the suite has no memory");
  return made;
}

struct model *model_new(struct contract *c) {
  struct model *m = memory(c, calloc(1, sizeof *m));
  m->term = 1;
  return m;
}

void model_free(struct model *m) {
  if (m) free(m->entries);
  free(m);
}

struct model *model_copy(struct contract *c, const struct model *m) {
  struct model *copy = memory(c, malloc(sizeof *copy));
  uint64_t count = model_count(m);
  *copy = *m;
  copy->head = 0;
  copy->capacity = count + FIRST_CAPACITY;
  copy->entries = memory(c, calloc(copy->capacity, sizeof *copy->entries));
  if (count > 0) memcpy(copy->entries, m->entries + m->head, count * sizeof *copy->entries);
  return copy;
}

uint64_t model_count(const struct model *m) {
  return m->last.index - m->purged.index;
}

const struct model_entry *model_at(const struct model *m, rkv_index index) {
  return &m->entries[m->head + (index - m->purged.index - 1)];
}

static void push(struct contract *c, struct model *m, struct model_entry entry) {
  uint64_t count = model_count(m);
  if (m->head + count == m->capacity) {
    size_t capacity = 2 * count + FIRST_CAPACITY;
    struct model_entry *entries = memory(c, calloc(capacity, sizeof *entries));
    if (count > 0) memcpy(entries, m->entries + m->head, count * sizeof *entries);
    free(m->entries);
    m->entries = entries;
    m->head = 0;
    m->capacity = capacity;
  }
  m->entries[m->head + count] = entry;
  if (m->term < entry.term) m->term = entry.term;
  m->last = (struct rkv_log_id){entry.term, m->last.index + 1};
}

void model_found(struct contract *c, struct model *m, const struct rkv_entry *entry) {
  push(c, m, (struct model_entry){entry->id.term, (uint32_t)entry->payload.len, entry->kind});
}

static void truncate_to(struct model *m, rkv_index after) {
  if (after >= m->last.index) return;
  m->last = m->purged;
  if (after > m->purged.index) m->last = (struct rkv_log_id){model_at(m, after)->term, after};
  m->term++; /* no log id is used twice */
}

static void purge_to(struct model *m, struct rkv_log_id up_to) {
  if (up_to.index <= m->purged.index) return;
  if (up_to.index >= m->last.index) {
    m->last = m->purged = up_to;
    m->head = 0;
    if (m->term < up_to.term) m->term = up_to.term;
    return;
  }
  m->head += up_to.index - m->purged.index;
  m->purged = up_to;
}

void model_step(struct contract *c, struct model *m, const struct step *step) {
  switch (step->kind) {
  case STEP_VOTE: m->vote = step->vote; break;
  case STEP_IDENTITY: m->identity = step->identity; break;
  case STEP_APPEND:
    for (uint64_t i = 0; i < step->count; i++)
      push(c, m, entry_shape((struct rkv_log_id){step->id.term, step->id.index + i}, step->len));
    break;
  case STEP_TRUNCATE: truncate_to(m, step->id.index); break;
  case STEP_PURGE: purge_to(m, step->id); break;
  case STEP_SNAPSHOT:
    m->snapshot = step->id.index;
    m->snapshot_size = step->len;
    break;
  default: break;
  }
}

bool step_asks(const struct step *step) {
  return step->kind == STEP_VOTE || step->kind == STEP_IDENTITY || step->kind == STEP_APPEND;
}

bool identity_equal(const struct rkv_identity *a, const struct rkv_identity *b) {
  return rkv_cluster_id_equal(a->cluster, b->cluster) && a->incarnation == b->incarnation &&
         a->settled == b->settled;
}

bool model_equal(const struct model *a, const struct model *b) {
  if (!identity_equal(&a->identity, &b->identity) || a->vote.term != b->vote.term ||
      a->vote.node_id != b->vote.node_id || a->vote.committed != b->vote.committed ||
      !rkv_log_id_equal(a->purged, b->purged) || !rkv_log_id_equal(a->last, b->last) ||
      a->snapshot != b->snapshot || a->snapshot_size != b->snapshot_size)
    return false;
  for (rkv_index i = a->purged.index + 1; i <= a->last.index; i++) {
    const struct model_entry *x = model_at(a, i), *y = model_at(b, i);
    if (x->term != y->term || x->len != y->len || x->kind != y->kind) return false;
  }
  return true;
}

/* ---- steps ---- */

struct step step_vote(rkv_term term, rkv_node_id node, bool committed) {
  return (struct step){.kind = STEP_VOTE, .vote = {term, node, committed}};
}

struct step step_identity(uint64_t number, bool settled) {
  return (struct step){.kind = STEP_IDENTITY,
                       .identity = {.cluster = {number * 3, ~number},
                                    .incarnation = number * 7,
                                    .settled = settled}};
}

struct step step_append(const struct model *m, uint64_t count, uint64_t len) {
  return (struct step){
      .kind = STEP_APPEND, .id = {m->term, m->last.index + 1}, .count = count, .len = len};
}

struct step step_truncate(rkv_index after) {
  return (struct step){.kind = STEP_TRUNCATE, .id = {0, after}};
}

struct step step_purge(const struct model *m, rkv_index up_to) {
  struct rkv_log_id id = {m->term, up_to};
  if (up_to > m->purged.index && up_to <= m->last.index) id.term = model_at(m, up_to)->term;
  if (up_to <= m->purged.index && m->purged.index > 0) id.term = m->purged.term;
  return (struct step){.kind = STEP_PURGE, .id = id};
}

struct step step_snapshot(const struct model *m, uint64_t size) {
  return (struct step){.kind = STEP_SNAPSHOT, .id = m->last, .len = size};
}

/* ---- wishes ---- */

struct wish wish_next(uint64_t *seed) {
  struct wish wish;
  for (size_t i = 0; i < sizeof wish.chance / sizeof wish.chance[0]; i++)
    wish.chance[i] = contract_random(seed);
  return wish;
}

static uint64_t within(uint64_t chance, uint64_t low, uint64_t high) {
  return low + chance % (high - low + 1);
}

static struct step wish_append(const struct model *m, const struct wish *w) {
  struct model later = *m; /* now and then a new leader's term */
  uint64_t count = w->chance[1] % 8 ? within(w->chance[2], 1, 8) : within(w->chance[2], 1, 120);
  uint64_t len = w->chance[3] % 32 ? within(w->chance[3] / 32, 0, 300) : 40000;
  if (w->chance[1] / 8 % 8 == 0) later.term = m->last.term + 1;
  if (later.term < m->term) later.term = m->term;
  return step_append(&later, count > 20 && len > 300 ? 3 : count, len);
}

static struct step wish_purge(const struct model *m, const struct wish *w) {
  if (w->chance[1] % 12 == 0) return step_purge(m, m->last.index + within(w->chance[2], 0, 40));
  if (w->chance[1] % 12 == 1) return step_purge(m, within(w->chance[2], 0, m->purged.index));
  return step_purge(m, within(w->chance[2], m->purged.index, m->last.index));
}

static struct step wish_read(const struct model *m, const struct wish *w) {
  struct step step = {.kind = STEP_READ};
  step.id.index = within(w->chance[1], m->purged.index ? m->purged.index : 1, m->last.index + 2);
  step.to = step.id.index + w->chance[2] % 64;
  step.count = 1 + w->chance[2] / 64 % 64;
  step.len = w->chance[3] % 4 ? w->chance[3] / 4 % 4096 : UINT64_MAX;
  return step;
}

static struct step wish_vote(const struct model *m, const struct wish *w) {
  if (w->chance[1] % 3 == 0 && !m->vote.committed)
    return step_vote(m->vote.term, m->vote.node_id, true);
  return step_vote(m->vote.term + 1 + w->chance[1] % 2, within(w->chance[2], 1, 5), false);
}

struct step wish_step(const struct model *m, const struct wish *w, bool quiet) {
  rkv_index near = m->last.index > m->purged.index + 20 ? m->last.index - 20 : m->purged.index;
  struct step step;
  switch (w->chance[0] % 21) {
  case 20: return step_identity(w->chance[1] % 1000 + 1, w->chance[2] % 2);
  case 0:
  case 1: return wish_vote(m, w);
  case 2: return step_truncate(within(w->chance[1], near, m->last.index));
  case 3: return step_truncate(within(w->chance[1], m->purged.index, m->last.index + 1));
  case 4:
  case 5: return wish_purge(m, w);
  case 6:
    if (m->last.index > m->snapshot)
      return step_snapshot(m, w->chance[1] % 8 ? w->chance[2] % 5000 : w->chance[2] % 600000);
    return wish_append(m, w);
  case 7:
    if (quiet) return wish_append(m, w);
    step = step_snapshot(m, w->chance[2] % 5000);
    step.kind = w->chance[1] % 2 ? STEP_ABORT : STEP_REOPEN;
    return step;
  case 8:
  case 9:
  case 10:
  case 11:
  case 12:
    if (!quiet) return wish_read(m, w);
    return wish_append(m, w);
  default: return wish_append(m, w);
  }
}

/* ---- for people ---- */

void step_print(const struct step *s, char *out, size_t size) {
  switch (s->kind) {
  case STEP_VOTE:
    (void)snprintf(out, size, "save_vote(s, {term %" PRIu64 ", node %" PRIu64 ", %s}, done)",
                   s->vote.term, s->vote.node_id,
                   s->vote.committed ? "committed" : "not committed");
    return;
  case STEP_IDENTITY:
    (void)snprintf(out, size, "save_identity(s, {incarnation %" PRIu64 ", %s}, done)",
                   s->identity.incarnation, s->identity.settled ? "settled" : "not settled");
    return;
  case STEP_APPEND:
    (void)snprintf(out, size,
                   "append(s, {term %" PRIu64 ", index %" PRIu64 "..%" PRIu64
                   ", payloads up to %" PRIu64 " bytes}, %" PRIu64 ", done)",
                   s->id.term, s->id.index, s->id.index + s->count - 1, s->len & ~ENTRY_EXACT,
                   s->count);
    return;
  case STEP_TRUNCATE: (void)snprintf(out, size, "truncate(s, %" PRIu64 ")", s->id.index); return;
  case STEP_PURGE:
    (void)snprintf(out, size, "purge(s, {term %" PRIu64 ", index %" PRIu64 "})", s->id.term,
                   s->id.index);
    return;
  case STEP_SNAPSHOT:
  case STEP_ABORT:
    (void)snprintf(out, size,
                   "snapshot_begin(s, {last %" PRIu64 "}); snapshot_write(... %" PRIu64
                   " bytes); snapshot_%s()",
                   s->id.index, s->len, s->kind == STEP_ABORT ? "abort" : "commit");
    return;
  case STEP_READ:
    (void)snprintf(out, size,
                   "read(s, from %" PRIu64 ", to %" PRIu64 ", bytes_max %" PRIu64
                   ", entries, capacity %" PRIu64 ", &count)",
                   s->id.index, s->to, s->len, s->count);
    return;
  default: (void)snprintf(out, size, "close(s); open(&s)"); return;
  }
}
