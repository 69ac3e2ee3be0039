/* model.c: what a storage must hold after which steps, and whether one does. */
#include "wal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { READ_ENTRIES = 512 };

/* ---- steps ---- */

struct step step_vote(rkv_term term) {
  return (struct step){.kind = STEP_VOTE, .term = term, .index = term % 5 + 1};
}

struct step step_append(const struct model *m, rkv_term term, size_t count) {
  return (struct step){
      .kind = STEP_APPEND, .index = m->last.index + 1, .term = term, .count = count};
}

struct step step_truncate(rkv_index after) {
  return (struct step){.kind = STEP_TRUNCATE, .index = after};
}

struct step step_purge(rkv_index up_to, rkv_term term) {
  return (struct step){.kind = STEP_PURGE, .index = up_to, .term = term};
}

struct step step_snapshot(rkv_index last) {
  return (struct step){.kind = STEP_SNAPSHOT, .index = last};
}

uint64_t random_next(uint64_t *seed) {
  uint64_t x = *seed += UINT64_C(0x9e3779b97f4a7c15);
  x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
  x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
  return x ^ (x >> 31);
}

static uint64_t between(uint64_t *seed, uint64_t low, uint64_t high) {
  return low + random_next(seed) % (high - low + 1);
}

/* Now and then a purge whose term is not the entry's. */
static struct step random_purge(const struct model *m, uint64_t *seed) {
  rkv_index up_to = between(seed, m->purged.index, m->last.index);
  if (up_to == m->purged.index || up_to % 8 == 0) return step_purge(up_to, m->last.term + 1);
  return step_purge(up_to, m->terms[up_to]);
}

struct step model_random(const struct model *m, uint64_t *seed) {
  rkv_index purged = m->purged.index, last = m->last.index;
  rkv_index near = last > purged + 20 ? last - 20 : purged;
  switch (random_next(seed) % 16) {
  case 0:
  case 1: return step_vote(m->vote.term + random_next(seed) % 2);
  case 2:
  case 3: return step_truncate(between(seed, near, last));
  case 4:
  case 5: return random_purge(m, seed);
  case 6:
    if (random_next(seed) % 8 > 0) return step_snapshot(last);
    return step_purge(last + random_next(seed) % 50, m->last.term + 1);
  default:
    return step_append(m, m->last.term + random_next(seed) % 8 / 7,
                       between(seed, 1, random_next(seed) % 8 ? 10 : 120));
  }
}

/* ---- the model ---- */

struct model *model_new(void) {
  struct model *m = calloc(1, sizeof *m);
  assert_non_null(m);
  return m;
}

static void purge(struct model *m, const struct step *step) {
  if (step->index <= m->purged.index) return;
  m->purged = (struct rkv_log_id){step->term, step->index};
  if (step->index >= m->last.index) m->last = m->purged;
}

void model_step(struct model *m, const struct step *step) {
  switch (step->kind) {
  case STEP_VOTE: m->vote = (struct rkv_vote){step->term, step->index, step->term % 2 == 0}; break;
  case STEP_APPEND:
    for (size_t i = 0; i < step->count; i++) m->terms[step->index + i] = (uint32_t)step->term;
    m->last = (struct rkv_log_id){step->term, step->index + step->count - 1};
    break;
  case STEP_TRUNCATE:
    if (step->index >= m->last.index) break;
    m->last = m->purged;
    if (step->index > m->purged.index)
      m->last = (struct rkv_log_id){m->terms[step->index], step->index};
    break;
  case STEP_PURGE: purge(m, step); break;
  case STEP_SNAPSHOT: break;
  }
}

bool model_equal(const struct model *a, const struct model *b) {
  if (a->vote.term != b->vote.term || a->vote.node_id != b->vote.node_id ||
      a->vote.committed != b->vote.committed)
    return false;
  if (!rkv_log_id_equal(a->purged, b->purged) || !rkv_log_id_equal(a->last, b->last)) return false;
  for (rkv_index i = a->purged.index + 1; i <= a->last.index; i++)
    if (a->terms[i] != b->terms[i]) return false;
  return true;
}

/* ---- payloads: term and index say what they are ---- */

/* None, short, and below term TERM_SHORT also longer than what a writer copies, and now and then
 * longer than a small segment. */
static size_t payload_len(rkv_term term, rkv_index index) {
  uint64_t seed = term * 1000003 + index, dice = random_next(&seed);
  if (dice % 16 == 0) return 0;
  if (term >= TERM_SHORT) return dice / 16 % 300;
  if (dice % 64 == 1) return 5000 + dice / 64 % 5000;
  if (dice % 512 == 2) return 70000 + dice / 512 % 1000;
  return dice / 16 % 300;
}

static uint8_t payload_byte(rkv_term term, rkv_index index, size_t at) {
  return (uint8_t)(term * 31 + index * 7 + at * 13 + at / 256);
}

static struct rkv_buf payload_make(rkv_term term, rkv_index index) {
  size_t len = payload_len(term, index);
  uint8_t *bytes = malloc(len + 1);
  struct rkv_buf buf;
  if (!bytes) abort();
  for (size_t i = 0; i < len; i++) bytes[i] = payload_byte(term, index, i);
  buf = fake_host_copy(bytes, len);
  free(bytes);
  return buf;
}

static bool payload_is(const struct rkv_entry *e) {
  if (e->payload.len != payload_len(e->id.term, e->id.index)) return false;
  for (size_t i = 0; i < e->payload.len; i++)
    if (e->payload.data[i] != payload_byte(e->id.term, e->id.index, i)) return false;
  return e->kind == e->id.index % 3;
}

/* ---- acts ---- */

static void issue_append(struct wal *w, const struct step *step, struct told *told) {
  struct rkv_entry *entries = calloc(step->count, sizeof *entries);
  if (!entries) abort();
  for (size_t i = 0; i < step->count; i++) {
    rkv_index index = step->index + i;
    entries[i].id = (struct rkv_log_id){step->term, index};
    entries[i].kind = (uint32_t)(index % 3);
    entries[i].payload = payload_make(step->term, index);
  }
  w->ops->append(w->storage, entries, step->count, &told->completion);
  for (size_t i = 0; i < step->count; i++) rkv_buf_drop(&entries[i].payload);
  free(entries);
}

/* The snapshot at `last` is `last` bytes of a payload of term 0. */
static void issue_snapshot(struct wal *w, rkv_index last, struct told *told) {
  struct rkv_snapshot_meta meta = {.last = {1, last}, .id = "snapshot"};
  struct rkv_error error = {0};
  void *writer;
  enum rkv_status status = w->ops->snapshot_begin(w->storage, &meta, &writer, &error);
  for (rkv_index at = 0; at < last && status == RKV_OK; at += 1000) {
    uint8_t bytes[1000];
    size_t len = last - at < sizeof bytes ? (size_t)(last - at) : sizeof bytes;
    for (size_t i = 0; i < len; i++) bytes[i] = payload_byte(0, last, (size_t)at + i);
    status = w->ops->snapshot_write(writer, rkv_buf_static(bytes, len), &error);
    if (status != RKV_OK) w->ops->snapshot_abort(writer);
  }
  if (status == RKV_OK) status = w->ops->snapshot_commit(writer, &error);
  told->completion.done(&told->completion, status, status == RKV_OK ? NULL : &error);
}

void wal_issue(struct wal *w, const struct step *step, struct told *told) {
  switch (step->kind) {
  case STEP_VOTE:
    w->ops->save_vote(w->storage, (struct rkv_vote){step->term, step->index, step->term % 2 == 0},
                      &told->completion);
    break;
  case STEP_APPEND: issue_append(w, step, told); break;
  case STEP_TRUNCATE: w->ops->truncate(w->storage, step->index); break;
  case STEP_PURGE: w->ops->purge(w->storage, (struct rkv_log_id){step->term, step->index}); break;
  case STEP_SNAPSHOT: issue_snapshot(w, step->index, told); break;
  }
}

void wal_do(struct wal *w, struct model *m, struct step step) {
  struct told told;
  told_init(&told);
  wal_issue(w, &step, &told);
  if (step.kind != STEP_TRUNCATE && step.kind != STEP_PURGE && told_wait(&told) != RKV_OK)
    fail_msg("%s", told.text);
  model_step(m, &step);
}

static bool look_at_entries(struct wal *w, struct model *found, char *text) {
  struct rkv_entry entries[READ_ENTRIES];
  struct rkv_error error;
  for (rkv_index at = found->purged.index + 1; at <= found->last.index;) {
    size_t count = 0, wrong = 0;
    enum rkv_status status = w->ops->read(w->storage, at, found->last.index, 1 << 20, entries,
                                          READ_ENTRIES, &count, &error);
    for (size_t i = 0; i < count; i++) {
      if (entries[i].id.index != at + i || !payload_is(&entries[i])) wrong++;
      found->terms[at + i] = (uint32_t)entries[i].id.term;
      rkv_buf_drop(&entries[i].payload);
    }
    if (status != RKV_OK || count == 0 || wrong > 0) {
      (void)snprintf(text, RKV_ERROR_TEXT_MAX, "entry %" PRIu64 ": %.400s, %zu wrong", at,
                     status == RKV_OK ? "read" : error.text, wrong);
      return false;
    }
    at += count;
  }
  return true;
}

void wal_reads(struct wal *w, const struct model *m, rkv_index from, rkv_index to) {
  struct rkv_entry entries[READ_ENTRIES];
  struct rkv_error error;
  size_t count = 0, wrong = 0;
  if (to > m->last.index) to = m->last.index;
  if (from > to || from <= m->purged.index) return;
  if (w->ops->read(w->storage, from, to, UINT64_MAX, entries, READ_ENTRIES, &count, &error) !=
      RKV_OK)
    fail_msg("%s", error.text);
  for (size_t i = 0; i < count; i++) {
    struct rkv_log_id id = {m->terms[from + i], from + i};
    if (!rkv_log_id_equal(entries[i].id, id) || !payload_is(&entries[i])) wrong++;
    rkv_buf_drop(&entries[i].payload);
  }
  if (wrong > 0 || count != to - from + 1)
    fail_msg("%zu wrong of %zu entries from %" PRIu64 " to %" PRIu64, wrong, count, from, to);
}

static bool look_at_snapshot(struct wal *w, const struct rkv_snapshot_meta *meta, char *text) {
  struct rkv_snapshot_meta again;
  struct rkv_error error;
  void *reader;
  uint64_t at = 0;
  enum rkv_status status;
  if (meta->last.index == 0) return true;
  status = w->ops->snapshot_open(w->storage, &reader, &again, &error);
  while (status == RKV_OK) {
    struct rkv_buf chunk;
    size_t right = 0, len;
    status = w->ops->snapshot_read(reader, at, 700, &chunk, &error);
    if (status != RKV_OK || chunk.len == 0) break;
    for (size_t i = 0; i < chunk.len; i++)
      right += chunk.data[i] == payload_byte(0, meta->last.index, (size_t)at + i);
    at += len = chunk.len;
    rkv_buf_drop(&chunk);
    if (right != len) status = rkv_fail(&error, RKV_CORRUPT, "wrong bytes before %" PRIu64, at);
  }
  if (status == RKV_OK && (at != meta->last.index || again.last.index != at))
    status = rkv_fail(&error, RKV_CORRUPT, "%" PRIu64 " bytes", at);
  if (status == RKV_OK) w->ops->snapshot_close(reader);
  if (status != RKV_OK)
    (void)snprintf(text, RKV_ERROR_TEXT_MAX, "snapshot %" PRIu64 ": %.400s", meta->last.index,
                   error.text);
  return status == RKV_OK;
}

bool wal_look(struct wal *w, struct model *found, char text[RKV_ERROR_TEXT_MAX]) {
  struct rkv_storage_state held;
  if (w->ops->load(w->storage, &held, NULL) != RKV_OK) return false;
  rkv_buf_drop(&held.snapshot.membership);
  found->vote = held.vote;
  found->purged = held.purged;
  found->last = held.last;
  return look_at_entries(w, found, text) && look_at_snapshot(w, &held.snapshot, text);
}

void wal_holds(struct wal *w, const struct model *m) {
  struct model *found = model_new();
  char text[RKV_ERROR_TEXT_MAX];
  if (!wal_look(w, found, text)) fail_msg("%s", text);
  if (!model_equal(found, m))
    fail_msg("held: purged %" PRIu64 " last %" PRIu64 " vote %" PRIu64 ", expected %" PRIu64
             " %" PRIu64 " %" PRIu64,
             found->purged.index, found->last.index, found->vote.term, m->purged.index,
             m->last.index, m->vote.term);
  free(found);
}
