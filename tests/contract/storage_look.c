/* storage_look.c: loads and reads what a storage holds, and compares it with the model. */
#include "storage.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

bool storage_wrong(char text[RKV_ERROR_TEXT_MAX], const char *format, ...) {
  va_list args;
  va_start(args, format);
  (void)vsnprintf(text, RKV_ERROR_TEXT_MAX, format, args);
  va_end(args);
  return false;
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
      good = storage_wrong(text, "entry %" PRIu64 " is not what was appended", id.index);
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
  m->identity = s->state.identity;
  m->purged = m->last = s->state.purged;
  m->head = 0;
  m->snapshot = s->state.snapshot.last.index;
  m->snapshot_size = s->state.snapshot.size;
  while (count > 0 && m->last.index < s->state.last.index) {
    rkv_index from = m->last.index + 1;
    enum rkv_status status = s->ops->read(s->it, from, s->state.last.index, UINT64_C(8) << 20,
                                          entries, STORAGE_BATCH, &count, &error);
    if (status != RKV_OK)
      return storage_wrong(text, "read from %" PRIu64 " gave %s: %s", from, rkv_status_name(status),
                           error.text);
    if (!look_batch(s, m, entries, count, text)) return false;
  }
  if (!rkv_log_id_equal(m->last, s->state.last))
    return storage_wrong(text,
                         "load said last = {term %" PRIu64 ", index %" PRIu64
                         "}, reading ends at {term "
                         "%" PRIu64 ", index %" PRIu64 "}",
                         s->state.last.term, s->state.last.index, m->last.term, m->last.index);
  return storage_snapshot_is(s, m->snapshot, m->snapshot_size, text);
}

/* What load says after an open. */
static bool check_state(const struct storage *s, const struct model *m,
                        char text[RKV_ERROR_TEXT_MAX]) {
  const struct rkv_storage_state *is = &s->state;
  if (!rkv_log_id_equal(is->last, m->last) || !rkv_log_id_equal(is->purged, m->purged))
    return storage_wrong(text,
                         "load gave purged {term %" PRIu64 ", index %" PRIu64
                         "}, last {term %" PRIu64 ", index %" PRIu64 "} instead of {%" PRIu64
                         ", %" PRIu64 "}, {%" PRIu64 ", %" PRIu64 "}",
                         is->purged.term, is->purged.index, is->last.term, is->last.index,
                         m->purged.term, m->purged.index, m->last.term, m->last.index);
  if (is->vote.term != m->vote.term || is->vote.node_id != m->vote.node_id ||
      is->vote.committed != m->vote.committed)
    return storage_wrong(text,
                         "load gave the vote {%" PRIu64 ", %" PRIu64 ", %d} instead of {%" PRIu64
                         ", %" PRIu64 ", %d}",
                         is->vote.term, is->vote.node_id, is->vote.committed, m->vote.term,
                         m->vote.node_id, m->vote.committed);
  if (!identity_equal(&is->identity, &m->identity))
    return storage_wrong(text,
                         "load gave the identity of incarnation %" PRIu64 ", settled %d, instead "
                         "of %" PRIu64 ", %d (or another cluster's)",
                         is->identity.incarnation, is->identity.settled, m->identity.incarnation,
                         m->identity.settled);
  if (is->snapshot.last.index != m->snapshot || is->snapshot.size != m->snapshot_size)
    return storage_wrong(text,
                         "load gave the snapshot of %" PRIu64 " (%" PRIu64
                         " bytes) instead of %" PRIu64 " (%" PRIu64 ")",
                         is->snapshot.last.index, is->snapshot.size, m->snapshot, m->snapshot_size);
  return true;
}

bool storage_loads(struct storage *s, const struct model *m, char text[RKV_ERROR_TEXT_MAX]) {
  char word[32] = "";
  struct rkv_buf members;
  bool same;
  enum rkv_status status = s->ops->load(s->it, &s->state, contract_ask(&s->error));
  CONTRACT_REQUIRE(s->c, status == RKV_OK, "load, once more: %s", s->error.text);
  if (m->snapshot > 0) (void)snprintf(word, sizeof word, "members-%" PRIu64, m->snapshot);
  members = rkv_buf_static(word, strlen(word));
  same = rkv_buf_equal(s->state.snapshot.membership, members);
  rkv_buf_drop(&s->state.snapshot.membership);
  if (!same) return storage_wrong(text, "load gave another membership than the snapshot's");
  return check_state(s, m, text);
}

void storage_since(const struct storage *s, unsigned minor) {
  if (s->c->plugin->abi_minor < minor)
    contract_skip(s->c, "it was built for ABI 1.%u, and the law came with 1.%u",
                  s->c->plugin->abi_minor, minor);
}

static bool same_entries(struct storage *s, const struct model *m, char text[RKV_ERROR_TEXT_MAX]) {
  struct step step = {.kind = STEP_READ, .len = UINT64_C(8) << 20, .count = STORAGE_BATCH};
  enum rkv_status status;
  size_t count = 1;
  step.id.index = m->purged.index + 1;
  step.to = m->last.index + 1000; /* clipped */
  for (; count > 0; step.id.index += count)
    if (!storage_read_step(s, m, &step, &count, &status, text)) return false;
  if (m->purged.index == 0) return true;
  step.id.index = m->purged.index;
  return storage_read_step(s, m, &step, &count, &status, text);
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
      good = storage_wrong(text, "snapshot_read at %" PRIu64 " gave %s: %s", at,
                           rkv_status_name(status), error.text);
      break;
    }
    end = chunk.len == 0;
    snapshot_fill(number, at, expected, chunk.len <= max ? chunk.len : 0);
    if (chunk.len > max || at + chunk.len > size || (end && at != size) ||
        (!end && memcmp(expected, chunk.data, chunk.len) != 0))
      good = storage_wrong(text,
                           "snapshot_read at %" PRIu64 " of %" PRIu64 ", at most %zu: %zu bytes%s",
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
    return storage_wrong(text,
                         "snapshot_open gave {last %" PRIu64 ", size %" PRIu64
                         ", id %.63s, %zu bytes of "
                         "membership} instead of {%" PRIu64 ", %" PRIu64 ", %s, %zu}",
                         meta->last.index, meta->size, meta->id, meta->membership.len, number, size,
                         id, strlen(word));
  return true;
}

bool storage_snapshot_is(struct storage *s, uint64_t number, uint64_t size,
                         char text[RKV_ERROR_TEXT_MAX]) {
  struct rkv_snapshot_meta meta;
  struct rkv_error error;
  void *reader = NULL;
  enum rkv_status status = s->ops->snapshot_open(s->it, &reader, &meta, contract_ask(&error));
  bool good;
  if (status != RKV_OK) contract_text_ok(s->c, status, &error, "snapshot_open");
  if (number == 0 && status == RKV_NOT_FOUND) return true;
  if (status != RKV_OK || number == 0)
    return storage_wrong(text, "snapshot_open gave %s where %s%" PRIu64 " was expected",
                         rkv_status_name(status), number ? "snapshot " : "no snapshot ", number);
  good = check_meta(&meta, number, size, text) &&
         storage_snapshot_reads(s, reader, number, size, 70001, text);
  rkv_buf_drop(&meta.membership);
  s->ops->snapshot_close(reader);
  return good;
}
