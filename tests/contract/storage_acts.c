/* storage_acts.c: opens a storage, hands steps in, looks what it holds. */
#include "storage.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define SNAPSHOT_CHUNK 3000u /* bytes: no power of two, so that chunks and blocks differ */

/* ---- open and close ---- */

void storage_init(struct storage *s, struct contract *c) {
  memset(s, 0, sizeof *s);
  s->c = c;
  s->ops = c->plugin->ops;
  s->node_id = 1;
  CONTRACT_REQUIRE(c, snprintf(s->dir, sizeof s->dir, "%s/data", c->dir) < (int)sizeof s->dir,
                   "the suite's directory has too long a path");
}

bool storage_durable(const struct contract *c) {
  return c->plugin->capabilities & RKV_CAP_DURABLE;
}

enum rkv_status storage_try(struct storage *s) {
  enum rkv_status status;
  contract_host_init(&s->host, s->c, s->node_id);
  s->config = contract_config(s->c, s->dir, s->values);
  memset(&s->error, 0, sizeof s->error);
  s->it = NULL;
  status = s->ops->open(&s->host.host, &s->config, &s->it, &s->error);
  if (status == RKV_OK) {
    CONTRACT_REQUIRE(s->c, s->it, "open returned OK and no instance");
    status = s->ops->load(s->it, &s->state, &s->error);
    CONTRACT_REQUIRE(s->c, status == RKV_OK, "load: %s", s->error.text);
    rkv_buf_drop(&s->state.snapshot.membership);
    return RKV_OK;
  }
  s->it = NULL;
  contract_text_ok(s->c, &s->error, "open");
  return status;
}

void storage_open(struct storage *s) {
  enum rkv_status status = storage_try(s);
  CONTRACT_REQUIRE(s->c, status == RKV_OK, "open: %s: %s", rkv_status_name(status), s->error.text);
}

void storage_close(struct storage *s) {
  if (!s->it) return;
  s->ops->close(s->it);
  s->it = NULL;
  if (!s->trouble) contract_host_calm(&s->host);
}

void storage_reopen(struct storage *s) {
  storage_close(s);
  storage_open(s);
}

/* ---- steps ---- */

static void issue_append(struct storage *s, const struct step *step,
                         struct rkv_completion *completion) {
  struct rkv_entry *entries = calloc(step->count, sizeof *entries);
  CONTRACT_REQUIRE(s->c, entries, "the suite has no memory for %" PRIu64 " entries", step->count);
  for (uint64_t i = 0; i < step->count; i++) {
    struct rkv_log_id id = {step->id.term, step->id.index + i};
    struct model_entry shape = entry_shape(id, step->len);
    entries[i].id = id;
    entries[i].kind = shape.kind;
    if (shape.len == 0) continue;
    entries[i].payload = contract_bytes(s->c, NULL, shape.len);
    entry_fill(id, (uint8_t *)(uintptr_t)entries[i].payload.data, shape.len);
  }
  s->ops->append(s->it, entries, step->count, completion);
  for (uint64_t i = 0; i < step->count; i++) rkv_buf_drop(&entries[i].payload);
  memset(entries, 0x5a, step->count * sizeof *entries); /* it was borrowed */
  free(entries);
}

void *storage_snapshot_write(struct storage *s, const struct step *step, size_t chunk) {
  char word[32];
  struct rkv_snapshot_meta meta = {.last = step->id, .membership_id = {step->id.term, 1}};
  struct rkv_error error;
  enum rkv_status status;
  void *writer = NULL;
  (void)snprintf(meta.id, sizeof meta.id, "snapshot-%" PRIu64, step->id.index);
  (void)snprintf(word, sizeof word, "members-%" PRIu64, step->id.index);
  meta.membership = contract_bytes(s->c, word, strlen(word));
  status = s->ops->snapshot_begin(s->it, &meta, &writer, &error);
  CONTRACT_REQUIRE(s->c, status == RKV_OK, "snapshot_begin: %s", error.text);
  rkv_buf_drop(&meta.membership);
  memset(&meta, 0x5a, sizeof meta); /* it was borrowed */
  for (uint64_t at = 0; at < step->len;) {
    size_t len = step->len - at < chunk ? (size_t)(step->len - at) : chunk;
    struct rkv_buf bytes = contract_bytes(s->c, NULL, len);
    snapshot_fill(step->id.index, at, (uint8_t *)(uintptr_t)bytes.data, len);
    status = s->ops->snapshot_write(writer, bytes, &error);
    CONTRACT_REQUIRE(s->c, status == RKV_OK, "snapshot_write: %s", error.text);
    rkv_buf_drop(&bytes);
    at += len;
  }
  return writer;
}

static void issue_snapshot(struct storage *s, const struct step *step) {
  void *writer = storage_snapshot_write(s, step, SNAPSHOT_CHUNK);
  struct rkv_error error;
  if (step->kind == STEP_ABORT) {
    s->ops->snapshot_abort(writer);
    return;
  }
  CONTRACT_REQUIRE(s->c, s->ops->snapshot_commit(writer, &error) == RKV_OK, "snapshot_commit: %s",
                   error.text);
}

void storage_issue(struct storage *s, const struct step *step, struct rkv_completion *completion) {
  switch (step->kind) {
  case STEP_VOTE: s->ops->save_vote(s->it, step->vote, completion); break;
  case STEP_APPEND: issue_append(s, step, completion); break;
  case STEP_TRUNCATE: s->ops->truncate(s->it, step->id.index); break;
  case STEP_PURGE: s->ops->purge(s->it, step->id); break;
  case STEP_SNAPSHOT:
  case STEP_ABORT: issue_snapshot(s, step); break;
  case STEP_REOPEN:
    if (storage_durable(s->c)) storage_reopen(s);
    break;
  default: break;
  }
}

/* ---- reading ---- */

static bool wrong(char text[RKV_ERROR_TEXT_MAX], const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static bool wrong(char text[RKV_ERROR_TEXT_MAX], const char *format, ...) {
  va_list args;
  va_start(args, format);
  (void)vsnprintf(text, RKV_ERROR_TEXT_MAX, format, args);
  va_end(args);
  return false;
}

/* How many entries a read of the model gives. */
static size_t expected_count(const struct model *m, rkv_index from, rkv_index to,
                             uint64_t bytes_max, size_t capacity) {
  uint64_t bytes = 0;
  size_t count = 0;
  for (rkv_index i = from; i <= to && i <= m->last.index && count < capacity; i++) {
    bytes += model_at(m, i)->len;
    if (count > 0 && bytes > bytes_max) break;
    count++;
  }
  return count;
}

/* Entries read from `from` on are the model's; they are dropped. */
static bool check_entries(const struct model *m, rkv_index from, struct rkv_entry *entries,
                          size_t count, char text[RKV_ERROR_TEXT_MAX]) {
  bool good = true;
  for (size_t i = 0; i < count; i++) {
    rkv_index index = from + i;
    const struct model_entry *shape = model_at(m, index);
    if (good && !entry_is(&entries[i], (struct rkv_log_id){shape->term, index}, shape))
      good = wrong(text,
                   "read gave {term %" PRIu64 ", index %" PRIu64 ", kind %u, %zu bytes}%s where "
                   "{term %" PRIu64 ", index %" PRIu64 ", kind %u, %u bytes} was appended",
                   entries[i].id.term, entries[i].id.index, entries[i].kind, entries[i].payload.len,
                   entries[i].payload.len == shape->len ? " of" : "", shape->term, index,
                   shape->kind, shape->len);
    rkv_buf_drop(&entries[i].payload);
  }
  return good;
}

static bool read_step(struct storage *s, const struct model *m, const struct step *step,
                      size_t *count, enum rkv_status *status, char text[RKV_ERROR_TEXT_MAX]) {
  struct rkv_entry *entries = calloc(step->count + 1, sizeof *entries);
  bool good = true;
  struct rkv_error error;
  CONTRACT_REQUIRE(s->c, entries, "the suite has no memory");
  memset(&error, 0, sizeof error);
  *count = 0;
  *status =
      s->ops->read(s->it, step->id.index, step->to, step->len, entries, step->count, count, &error);
  if (step->id.index <= m->purged.index) {
    if (*status != RKV_NOT_FOUND)
      good = wrong(text, "read from %" PRIu64 " gave %s: entries up to %" PRIu64 " were purged",
                   step->id.index, rkv_status_name(*status), m->purged.index);
    contract_text_ok(s->c, &error, "read");
  } else if (*status != RKV_OK) {
    good = wrong(text, "read from %" PRIu64 " gave %s: %s", step->id.index,
                 rkv_status_name(*status), error.text);
  } else {
    size_t expected = expected_count(m, step->id.index, step->to, step->len, step->count);
    if (*count != expected)
      good =
          wrong(text,
                "read from %" PRIu64 " to %" PRIu64 " (at most %" PRIu64 " bytes, %" PRIu64
                " entries) gave %zu entries instead of %zu; the last one held is %" PRIu64,
                step->id.index, step->to, step->len, step->count, *count, expected, m->last.index);
    else
      good = check_entries(m, step->id.index, entries, *count, text);
  }
  free(entries);
  return good;
}

enum rkv_status storage_read(struct storage *s, const struct model *m, rkv_index from, rkv_index to,
                             uint64_t bytes_max, size_t capacity, size_t *count) {
  struct step step = {
      .kind = STEP_READ, .id = {0, from}, .count = capacity, .len = bytes_max, .to = to};
  char text[RKV_ERROR_TEXT_MAX];
  enum rkv_status status;
  CONTRACT_REQUIRE(s->c, read_step(s, m, &step, count, &status, text), "%s", text);
  return status;
}

/* ---- steps with a check ---- */

bool storage_step(struct storage *s, struct model *m, const struct step *step,
                  char text[RKV_ERROR_TEXT_MAX]) {
  struct contract_told told;
  enum rkv_status status;
  size_t count;
  if (step->kind == STEP_READ) return read_step(s, m, step, &count, &status, text);
  contract_told_init(&told, s->c, step->kind == STEP_VOTE ? "save_vote" : "append");
  storage_issue(s, step, &told.completion);
  if (step->kind == STEP_VOTE || step->kind == STEP_APPEND) contract_told_ok(&told);
  model_step(s->c, m, step);
  if (step->kind == STEP_REOPEN) return storage_same(s, m, text);
  if (step->kind == STEP_ABORT || step->kind == STEP_SNAPSHOT)
    return storage_snapshot_is(s, m->snapshot, m->snapshot_size, text);
  return true;
}

void storage_do(struct storage *s, struct model *m, struct step step) {
  char text[RKV_ERROR_TEXT_MAX], call[256];
  step_print(&step, call, sizeof call);
  CONTRACT_REQUIRE(s->c, storage_step(s, m, &step, text), "%s: %s", call, text);
}

void storage_append(struct storage *s, struct model *m, uint64_t count, uint64_t len) {
  storage_do(s, m, step_append(m, count, len));
}

/* ---- what it holds ---- */

static bool look_batch(struct storage *s, struct model *m, struct rkv_entry *entries, size_t count,
                       char text[RKV_ERROR_TEXT_MAX]) {
  bool good = true;
  for (size_t i = 0; i < count; i++) {
    struct model_entry shape = {entries[i].id.term, (uint32_t)entries[i].payload.len,
                                entries[i].kind};
    struct rkv_log_id id = {entries[i].id.term, m->last.index + 1};
    if (good && !entry_is(&entries[i], id, &shape))
      good = wrong(text, "entry %" PRIu64 " is not what was appended", id.index);
    if (good) model_found(s->c, m, &entries[i]);
    rkv_buf_drop(&entries[i].payload);
  }
  return good;
}

bool storage_look(struct storage *s, struct model *m, char text[RKV_ERROR_TEXT_MAX]) {
  struct rkv_entry entries[STORAGE_BATCH];
  struct rkv_error error;
  size_t count = 1;
  m->vote = s->state.vote;
  m->purged = m->last = s->state.purged;
  m->head = 0;
  m->snapshot = s->state.snapshot.last.index;
  m->snapshot_size = s->state.snapshot.size;
  while (count > 0 && m->last.index < s->state.last.index) {
    rkv_index from = m->last.index + 1;
    enum rkv_status status = s->ops->read(s->it, from, s->state.last.index, UINT64_C(8) << 20,
                                          entries, STORAGE_BATCH, &count, &error);
    if (status != RKV_OK)
      return wrong(text, "read from %" PRIu64 " gave %s: %s", from, rkv_status_name(status),
                   error.text);
    if (!look_batch(s, m, entries, count, text)) return false;
  }
  if (!rkv_log_id_equal(m->last, s->state.last))
    return wrong(text,
                 "load said last = {term %" PRIu64 ", index %" PRIu64 "}, reading ends at {term "
                 "%" PRIu64 ", index %" PRIu64 "}",
                 s->state.last.term, s->state.last.index, m->last.term, m->last.index);
  return storage_snapshot_is(s, m->snapshot, m->snapshot_size, text);
}

/* What load says after an open. */
static bool check_state(const struct storage *s, const struct model *m,
                        char text[RKV_ERROR_TEXT_MAX]) {
  const struct rkv_storage_state *is = &s->state;
  if (!rkv_log_id_equal(is->last, m->last) || !rkv_log_id_equal(is->purged, m->purged))
    return wrong(text,
                 "load gave purged {term %" PRIu64 ", index %" PRIu64 "}, last {term %" PRIu64
                 ", index %" PRIu64 "} instead of {%" PRIu64 ", %" PRIu64 "}, {%" PRIu64
                 ", %" PRIu64 "}",
                 is->purged.term, is->purged.index, is->last.term, is->last.index, m->purged.term,
                 m->purged.index, m->last.term, m->last.index);
  if (is->vote.term != m->vote.term || is->vote.node_id != m->vote.node_id ||
      is->vote.committed != m->vote.committed)
    return wrong(text,
                 "load gave the vote {%" PRIu64 ", %" PRIu64 ", %d} instead of {%" PRIu64
                 ", %" PRIu64 ", %d}",
                 is->vote.term, is->vote.node_id, is->vote.committed, m->vote.term, m->vote.node_id,
                 m->vote.committed);
  if (is->snapshot.last.index != m->snapshot || is->snapshot.size != m->snapshot_size)
    return wrong(text,
                 "load gave the snapshot of %" PRIu64 " (%" PRIu64 " bytes) instead of %" PRIu64
                 " (%" PRIu64 ")",
                 is->snapshot.last.index, is->snapshot.size, m->snapshot, m->snapshot_size);
  return true;
}

static bool same_entries(struct storage *s, const struct model *m, char text[RKV_ERROR_TEXT_MAX]) {
  struct step step = {.kind = STEP_READ, .len = UINT64_C(8) << 20, .count = STORAGE_BATCH};
  enum rkv_status status;
  size_t count = 1;
  step.id.index = m->purged.index + 1;
  step.to = m->last.index + 1000; /* clipped */
  for (; count > 0; step.id.index += count)
    if (!read_step(s, m, &step, &count, &status, text)) return false;
  if (m->purged.index == 0) return true;
  step.id.index = m->purged.index;
  return read_step(s, m, &step, &count, &status, text);
}

bool storage_same(struct storage *s, const struct model *m, char text[RKV_ERROR_TEXT_MAX]) {
  if (storage_durable(s->c) && !check_state(s, m, text)) return false;
  return same_entries(s, m, text) && storage_snapshot_is(s, m->snapshot, m->snapshot_size, text);
}

void storage_holds(struct storage *s, const struct model *m) {
  char text[RKV_ERROR_TEXT_MAX];
  CONTRACT_REQUIRE(s->c, same_entries(s, m, text), "%s", text);
  CONTRACT_REQUIRE(s->c, storage_snapshot_is(s, m->snapshot, m->snapshot_size, text), "%s", text);
}

void storage_keeps(struct storage *s, const struct model *m) {
  char text[RKV_ERROR_TEXT_MAX];
  storage_holds(s, m);
  if (!storage_durable(s->c)) return;
  storage_reopen(s);
  CONTRACT_REQUIRE(s->c, storage_same(s, m, text), "after close and open: %s", text);
}

/* ---- snapshots ---- */

bool storage_snapshot_reads(struct storage *s, void *reader, uint64_t number, uint64_t size,
                            size_t max, char text[RKV_ERROR_TEXT_MAX]) {
  uint8_t *expected = malloc(max);
  bool good = true, end = false;
  CONTRACT_REQUIRE(s->c, expected, "the suite has no memory");
  for (uint64_t at = 0; good && !end;) {
    struct rkv_buf chunk = rkv_buf_none();
    struct rkv_error error;
    enum rkv_status status = s->ops->snapshot_read(reader, at, max, &chunk, &error);
    if (status != RKV_OK) {
      good = wrong(text, "snapshot_read at %" PRIu64 " gave %s: %s", at, rkv_status_name(status),
                   error.text);
      break;
    }
    end = chunk.len == 0;
    snapshot_fill(number, at, expected, chunk.len <= max ? chunk.len : 0);
    if (chunk.len > max || at + chunk.len > size || (end && at != size) ||
        (!end && memcmp(expected, chunk.data, chunk.len) != 0))
      good = wrong(text, "snapshot_read at %" PRIu64 " of %" PRIu64 ", at most %zu: %zu bytes%s",
                   at, size, max, chunk.len, end ? ": it ends early" : ", wrong ones");
    at += chunk.len;
    rkv_buf_drop(&chunk);
  }
  free(expected);
  return good;
}

static bool check_meta(const struct rkv_snapshot_meta *meta, uint64_t number, uint64_t size,
                       char text[RKV_ERROR_TEXT_MAX]) {
  char id[RKV_SNAPSHOT_ID_MAX], word[32];
  (void)snprintf(id, sizeof id, "snapshot-%" PRIu64, number);
  (void)snprintf(word, sizeof word, "members-%" PRIu64, number);
  if (meta->last.index != number || meta->size != size || strcmp(meta->id, id) != 0 ||
      meta->membership_id.index != 1 || meta->membership_id.term != meta->last.term ||
      !rkv_buf_equal(meta->membership, rkv_buf_static(word, strlen(word))))
    return wrong(text,
                 "snapshot_open gave {last %" PRIu64 ", size %" PRIu64 ", id %.63s, %zu bytes of "
                 "membership} instead of {%" PRIu64 ", %" PRIu64 ", %s, %zu}",
                 meta->last.index, meta->size, meta->id, meta->membership.len, number, size, id,
                 strlen(word));
  return true;
}

bool storage_snapshot_is(struct storage *s, uint64_t number, uint64_t size,
                         char text[RKV_ERROR_TEXT_MAX]) {
  struct rkv_snapshot_meta meta;
  struct rkv_error error;
  void *reader = NULL;
  enum rkv_status status = s->ops->snapshot_open(s->it, &reader, &meta, &error);
  bool good;
  if (number == 0 && status == RKV_NOT_FOUND) return true;
  if (status != RKV_OK || number == 0)
    return wrong(text, "snapshot_open gave %s where %s%" PRIu64 " was expected",
                 rkv_status_name(status), number ? "snapshot " : "no snapshot ", number);
  good = check_meta(&meta, number, size, text) &&
         storage_snapshot_reads(s, reader, number, size, 70001, text);
  rkv_buf_drop(&meta.membership);
  s->ops->snapshot_close(reader);
  return good;
}
