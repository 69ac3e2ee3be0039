/* log.c: what is saved on its way down, and entries on their way up. */
#include "store.h"

#include <assert.h>
#include <stdlib.h>

/* ---- the log's terms ---- */

enum rkv_status log_note(struct crypt *s, struct rkv_log_id id, struct rkv_error *error) {
  const bool is_new = s->term_count == 0 || s->terms[s->term_count - 1].term != id.term;
  if (is_new && s->term_count == s->term_capacity) {
    const size_t capacity = 2 * s->term_capacity + 16;
    struct rkv_log_id *terms = realloc(s->terms, capacity * sizeof *terms);
    if (!terms) return rkv_fail(error, RKV_NO_MEMORY, "no memory");
    s->terms = terms;
    s->term_capacity = capacity;
  }
  if (is_new) s->terms[s->term_count++] = id;
  s->last = id;
  return RKV_OK;
}

/* The id of an entry that is held, or of the purged one. */
static struct rkv_log_id id_at(const struct crypt *s, rkv_index index) {
  size_t i = s->term_count;
  while (i > 0 && s->terms[i - 1].index > index) i--;
  if (i == 0 || index <= s->purged.index) return s->purged;
  return (struct rkv_log_id){s->terms[i - 1].term, index};
}

void crypt_truncate(void *storage, rkv_index after) {
  struct crypt *s = storage;
  if (s->failed.status != RKV_OK) return;
  if (after < s->last.index) s->last = id_at(s, after);
  while (s->term_count > 0 && s->terms[s->term_count - 1].index > after) s->term_count--;
  s->ops->truncate(s->it, after);
}

void crypt_purge(void *storage, struct rkv_log_id up_to) {
  struct crypt *s = storage;
  size_t gone = 0;
  if (s->failed.status != RKV_OK) return;
  if (up_to.index > s->purged.index) s->purged = up_to;
  if (s->purged.index >= s->last.index) s->last = s->purged;
  while (gone < s->term_count && s->terms[gone].index <= s->purged.index) gone++;
  if (gone > 0) { /* what is held behind it may be of the same term */
    memmove(s->terms, s->terms + gone - 1, (s->term_count - gone + 1) * sizeof *s->terms);
    s->term_count -= gone - 1;
  }
  s->ops->purge(s->it, up_to);
}

/* ---- down ---- */

static void tell_late(struct rkv_completion *own, enum rkv_status status,
                      const struct rkv_error *error) {
  const struct late *late = (struct late *)own;
  (void)status, (void)error;
  late->theirs->done(late->theirs, (enum rkv_status)late->s->failed.status, &late->s->failed);
}

/* True: it ends with the failure, in its turn: it goes down as the vote that is there. */
static bool has_failed(struct crypt *s, struct rkv_completion *completion) {
  if (s->failed.status == RKV_OK) return false;
  if (s->late_count < LATE_MAX) {
    s->late[s->late_count] = (struct late){{tell_late}, s, completion};
    s->ops->save_vote(s->it, s->vote, &s->late[s->late_count++].own);
  } else {
    completion->done(completion, (enum rkv_status)s->failed.status, &s->failed);
  }
  return true;
}

void crypt_save_vote(void *storage, struct rkv_vote vote, struct rkv_completion *completion) {
  struct crypt *s = storage;
  if (has_failed(s, completion)) return;
  s->vote = vote;
  s->ops->save_vote(s->it, vote, completion);
}

void crypt_save_identity(void *storage, struct rkv_identity id, struct rkv_completion *done) {
  struct crypt *s = storage;
  if (!has_failed(s, done)) s->ops->save_identity(s->it, id, done);
}

static enum rkv_status lock_entry(struct crypt *s, const struct rkv_entry *entry,
                                  struct rkv_entry *out, struct rkv_error *error) {
  enum rkv_status status = RKV_OK;
  *out = *entry;
  out->payload = rkv_buf_none();
  if (s->next == KEY_MESSAGES) status = keys_draw(&s->keys, &s->own, &s->ctx, error);
  if (status != RKV_OK) return status;
  if (s->next == KEY_MESSAGES) s->next = 0;
  assert(s->next < KEY_MESSAGES); /* (C1) */
  struct record record = {
      .key = s->own, .number = s->next++, .before = s->last.term, .vote = s->vote};
  record_put_entry(&record, s->host->node_id, entry);
  status = record_lock(s->host, s->ctx, &record, entry->payload, &out->payload, error);
  return status == RKV_OK ? log_note(s, entry->id, error) : status;
}

/* Notes the first failure, and the host learns of it. RKV_OK is none. */
static void fail(struct crypt *s, enum rkv_status status, const char *why) {
  if (status == RKV_OK || s->failed.status != RKV_OK) return;
  (void)rkv_fail(&s->failed, status, "entry %" PRIu64 " not written: %s", s->last.index + 1, why);
  s->host->fatal(s->host->ctx, status, s->failed.text);
}

void crypt_append(void *storage, const struct rkv_entry *entries, size_t count,
                  struct rkv_completion *completion) {
  struct crypt *s = storage;
  struct rkv_entry *locked = calloc(count + 1, sizeof *locked);
  struct rkv_error why;
  if (!locked) fail(s, RKV_NO_MEMORY, "no memory");
  for (size_t i = 0; i < count && s->failed.status == RKV_OK; i++)
    fail(s, lock_entry(s, &entries[i], &locked[i], &why), why.text);
  if (!has_failed(s, completion)) s->ops->append(s->it, locked, count, completion);
  for (size_t i = 0; locked && i < count; i++) rkv_buf_drop(&locked[i].payload);
  free(locked);
}

/* ---- up ---- */

/* What entries side by side and the vote tell: an older one was put in a newer one's place. */
static enum rkv_status check_order(struct crypt *s, const struct record *record, rkv_term term,
                                   struct look *look, struct rkv_error *error) {
  const struct look was = *look;
  look->chained = true;
  look->before = term;
  if (record->key.generation < s->oldest) s->oldest = record->key.generation;
  if (was.chained && record->before != was.before)
    return rkv_fail(error, RKV_CORRUPT,
                    "was written behind an entry of term %" PRIu64
                    ", and stands behind one of term %" PRIu64 ": an older one was put back",
                    record->before, was.before);
  if (!look->vote || rkv_vote_accepts(record->vote, *look->vote)) return RKV_OK;
  return rkv_fail(error, RKV_CORRUPT,
                  "was written under the vote of term %" PRIu64 " for node %" PRIu64
                  ", and what is there is a vote of term %" PRIu64 " for node %" PRIu64
                  ": it was put back or changed",
                  record->vote.term, record->vote.node_id, look->vote->term, look->vote->node_id);
}

static enum rkv_status open_record(struct crypt *s, const struct rkv_entry *entry,
                                   struct look *look, struct rkv_buf *payload,
                                   struct rkv_error *error) {
  struct record record = {0};
  enum rkv_status status = RKV_OK;
  record_put_entry(&record, s->host->node_id, entry);
  if (!record_read(&record, entry->payload)) return rkv_fail(error, RKV_CORRUPT, RECORD_NONE);
  if (!look->ctx || memcmp(&look->key, &record.key, sizeof look->key) != 0)
    status = keys_find(&s->keys, &record.key, &look->ctx, error);
  look->key = record.key;
  if (status == RKV_OK)
    status = record_open(s->host, look->ctx, &record, entry->payload, payload, error);
  return status == RKV_OK ? check_order(s, &record, entry->id.term, look, error) : status;
}

/* Puts the payload in the place of its record. */
static enum rkv_status open_entry(struct crypt *s, struct rkv_entry *entry, struct look *look,
                                  struct rkv_error *error) {
  struct rkv_buf payload = rkv_buf_none();
  struct rkv_error why;
  enum rkv_status status = open_record(s, entry, look, &payload, &why);
  rkv_buf_drop(&entry->payload);
  entry->payload = payload;
  if (status == RKV_OK) return RKV_OK;
  return rkv_fail(error, status, "entry {term %" PRIu64 ", index %" PRIu64 "}: %s", entry->id.term,
                  entry->id.index, why.text);
}

enum rkv_status log_look(struct crypt *s, rkv_index from, rkv_index to, uint64_t bytes_max,
                         struct rkv_entry *entries, size_t capacity, size_t *count,
                         struct look *look, struct rkv_error *error) {
  const uint64_t heads = (uint64_t)capacity * RECORD_MORE; /* the array is in memory */
  const uint64_t more = bytes_max > UINT64_MAX - heads ? UINT64_MAX : bytes_max + heads;
  uint64_t bytes = 0;
  enum rkv_status status;
  size_t held = 0, opened = 0;
  status = s->ops->read(s->it, from, to, more, entries, capacity, &held, error);
  for (; status == RKV_OK && opened < held; opened++) {
    bytes += record_text(entries[opened].payload.len);
    if (bytes > bytes_max && opened > 0) break;
    status = open_entry(s, &entries[opened], look, error);
  }
  if (status != RKV_OK) opened = 0;
  for (size_t i = opened; i < held; i++) rkv_buf_drop(&entries[i].payload);
  *count = opened;
  return status;
}

enum rkv_status crypt_read(void *storage, rkv_index from, rkv_index to, uint64_t bytes_max,
                           struct rkv_entry *entries, size_t capacity, size_t *count,
                           struct rkv_error *error) {
  struct look look = {0};
  enum rkv_status status =
      log_look(storage, from, to, bytes_max, entries, capacity, count, &look, error);
  EVP_CIPHER_CTX_free(look.ctx);
  return status;
}
