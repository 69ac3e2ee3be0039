/* storage_acts.c: opens a storage, hands steps in, and looks at what it holds. */
#include "storage.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define SNAPSHOT_CHUNK 3000u /* bytes: no power of two, so that chunks and blocks do not coincide */

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

int storage_sync_option(const struct contract *c) {
  for (uint32_t i = 0; i < c->plugin->option_count; i++)
    if (strcmp(c->plugin->options[i].name, "sync") == 0 &&
        c->plugin->options[i].type == RKV_OPTION_BOOL)
      return (int)i;
  return -1;
}

enum rkv_status storage_try(struct storage *s) {
  enum rkv_status status;
  contract_host_init(&s->host, s->c, s->node_id);
  s->host.dir = s->dir;
  s->config = contract_config(s->c, s->dir, s->values);
  if (s->unsynced) s->values[storage_sync_option(s->c)].number = 0;
  s->it = NULL;
  status = s->ops->open(&s->host.host, &s->config, &s->it, contract_ask(&s->error));
  if (status == RKV_OK) {
    CONTRACT_REQUIRE(s->c, s->it, "open returned OK and no instance");
    status = s->ops->load(s->it, &s->state, &s->error);
    CONTRACT_REQUIRE(s->c, status == RKV_OK, "load: %s", s->error.text);
    rkv_buf_drop(&s->state.snapshot.membership);
    return RKV_OK;
  }
  s->it = NULL;
  contract_under_closed(&s->host, "a failed open");
  contract_text_ok(s->c, status, &s->error, "open");
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
  contract_under_closed(&s->host, "close");
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
  memset(entries, 0x5a, step->count * sizeof *entries); /* the array was borrowed */
  free(entries);
}

/* Writes bytes [at, at + len) of the step's snapshot. */
static enum rkv_status write_part(struct storage *s, const struct step *step, void *writer,
                                  uint64_t at, size_t len, struct rkv_error *error) {
  struct rkv_buf bytes = contract_bytes(s->c, NULL, len);
  enum rkv_status status;
  snapshot_fill(step->id.index, at, (uint8_t *)(uintptr_t)bytes.data, len);
  status = s->ops->snapshot_write(writer, bytes, contract_ask(error));
  rkv_buf_drop(&bytes);
  return status;
}

enum rkv_status storage_snapshot_try(struct storage *s, const struct step *step, size_t chunk,
                                     void **writer, struct rkv_error *error) {
  char word[32];
  struct rkv_snapshot_meta meta = {.last = step->id, .membership_id = {step->id.term, 1}};
  enum rkv_status status;
  (void)snprintf(meta.id, sizeof meta.id, "snapshot-%" PRIu64, step->id.index);
  (void)snprintf(word, sizeof word, "members-%" PRIu64, step->id.index);
  meta.membership = contract_bytes(s->c, word, strlen(word));
  status = s->ops->snapshot_begin(s->it, &meta, writer, contract_ask(error));
  rkv_buf_drop(&meta.membership);
  memset(&meta, 0x5a, sizeof meta); /* the description was borrowed */
  if (status != RKV_OK) return status;
  for (uint64_t at = 0; at < step->len && status == RKV_OK; at += chunk)
    status = write_part(s, step, *writer, at,
                        step->len - at < chunk ? (size_t)(step->len - at) : chunk, error);
  if (status != RKV_OK) s->ops->snapshot_abort(*writer);
  return status;
}

void *storage_snapshot_write(struct storage *s, const struct step *step, size_t chunk) {
  struct rkv_error error;
  void *writer = NULL;
  CONTRACT_REQUIRE(s->c, storage_snapshot_try(s, step, chunk, &writer, &error) == RKV_OK,
                   "snapshot_begin, or snapshot_write: %s", error.text);
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
  case STEP_IDENTITY: s->ops->save_identity(s->it, step->identity, completion); break;
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
      good = storage_wrong(
          text,
          "read gave {term %" PRIu64 ", index %" PRIu64 ", kind %u, %zu bytes}%s where "
          "{term %" PRIu64 ", index %" PRIu64 ", kind %u, %u bytes} was appended",
          entries[i].id.term, entries[i].id.index, entries[i].kind, entries[i].payload.len,
          entries[i].payload.len == shape->len ? " of" : "", shape->term, index, shape->kind,
          shape->len);
    rkv_buf_drop(&entries[i].payload);
  }
  return good;
}

bool storage_read_step(struct storage *s, const struct model *m, const struct step *step,
                       size_t *count, enum rkv_status *status, char text[RKV_ERROR_TEXT_MAX]) {
  struct rkv_entry *entries = calloc(step->count + 1, sizeof *entries);
  bool good = true;
  struct rkv_error error;
  CONTRACT_REQUIRE(s->c, entries, "the suite has no memory");
  *count = 0;
  *status = s->ops->read(s->it, step->id.index, step->to, step->len, entries, step->count, count,
                         contract_ask(&error));
  if (step->id.index <= m->purged.index) {
    if (*status != RKV_NOT_FOUND)
      good = storage_wrong(text,
                           "read from %" PRIu64 " gave %s: entries up to %" PRIu64 " were purged",
                           step->id.index, rkv_status_name(*status), m->purged.index);
    else
      contract_text_ok(s->c, *status, &error, "read");
  } else if (*status != RKV_OK) {
    good = storage_wrong(text, "read from %" PRIu64 " gave %s: %s", step->id.index,
                         rkv_status_name(*status), error.text);
  } else {
    size_t expected = expected_count(m, step->id.index, step->to, step->len, step->count);
    if (*count != expected)
      good = storage_wrong(
          text,
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
  CONTRACT_REQUIRE(s->c, storage_read_step(s, m, &step, count, &status, text), "%s", text);
  return status;
}

/* ---- steps with a check ---- */

bool storage_step(struct storage *s, struct model *m, const struct step *step,
                  char text[RKV_ERROR_TEXT_MAX]) {
  struct contract_told told;
  enum rkv_status status;
  size_t count;
  if (step->kind == STEP_READ) return storage_read_step(s, m, step, &count, &status, text);
  contract_told_init(&told, s->c, step->kind == STEP_APPEND ? "append" : "save_vote or _identity");
  storage_issue(s, step, &told.completion);
  if (step_asks(step)) contract_told_ok(&told);
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
