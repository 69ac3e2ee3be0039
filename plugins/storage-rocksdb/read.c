/* read.c: gives entries back: from the queue while they are not durable, else from the database.
 *
 * The log may change while a reader waits for the device. A truncation meanwhile ends the read
 * early, so that entries of before and after it are never given together. */
#include "store.h"

#include <inttypes.h>

/* One call. */
struct reading {
  struct store *s;
  rkv_index at, to; /* what is still to be given */
  uint64_t bytes, bytes_max;
  struct rkv_entry *entries;
  size_t count, capacity;
  uint64_t cuts; /* store.cuts when the first entry was given */
};

/* True if an entry of `len` bytes may still be given; false ends the read. */
static bool fits(struct reading *r, uint64_t len) {
  bool ok =
      r->count < r->capacity && r->at <= r->to && (r->count == 0 || r->bytes + len <= r->bytes_max);
  if (!ok) r->to = 0;
  return ok;
}

/* Takes a reference over. */
static void give(struct reading *r, const struct rkv_entry *entry) {
  r->bytes += entry->payload.len;
  r->entries[r->count++] = *entry;
  r->at++;
}

/* Gives what is found in the queue; true if it was there. Under the lock. */
static bool give_queued(struct reading *r) {
  for (const struct op *op = r->s->first; op; op = op->next) {
    rkv_index first;
    if (op->type != OP_APPEND || op->live == 0) continue;
    first = op->entries[0].id.index;
    if (r->at < first || r->at - first >= op->live) continue;
    for (size_t i = (size_t)(r->at - first); i < op->live; i++) {
      if (!fits(r, op->entries[i].payload.len)) break;
      (void)rkv_buf_share(op->entries[i].payload);
      give(r, &op->entries[i]);
    }
    return true;
  }
  return false;
}

/* Gives the entry that the iterator stands at. */
static enum rkv_status give_stored(struct reading *r, const rocksdb_iterator_t *i,
                                   struct rkv_error *error) {
  const struct rkv_host *host = r->s->host;
  size_t key_len = 0, len = 0;
  const uint8_t *key = (const uint8_t *)rocksdb_iter_key(i, &key_len);
  const uint8_t *value = (const uint8_t *)rocksdb_iter_value(i, &len);
  struct rkv_entry entry = {.payload = rkv_buf_none()};
  uint8_t *room;
  if (key_len != DB_KEY || db_key_number(key) != r->at || len < DB_ENTRY_HEAD)
    return rkv_fail(error, RKV_CORRUPT,
                    "%s: expected entry %" PRIu64 ", found %" PRIu64 " of %zu bytes", r->s->db.dir,
                    r->at, key_len == DB_KEY ? db_key_number(key) : 0, len);
  entry.id = (struct rkv_log_id){rkv_get_le(value, 8), r->at};
  entry.kind = (uint32_t)rkv_get_le(value + 8, 4);
  len -= DB_ENTRY_HEAD;
  if (!fits(r, len)) return RKV_OK;
  if (len > 0) {
    room = host->buf_alloc(host->ctx, len, &entry.payload);
    if (!room)
      return rkv_fail(error, RKV_NO_MEMORY, "storage-rocksdb: no memory for %zu bytes", len);
    memcpy(room, value + DB_ENTRY_HEAD, len);
  }
  give(r, &entry);
  return RKV_OK;
}

/* Gives entries up to `last` as the iterator sees them. */
static enum rkv_status give_from(struct reading *r, rocksdb_iterator_t *i, rkv_index last,
                                 struct rkv_error *error) {
  enum rkv_status status = RKV_OK;
  uint8_t key[DB_KEY];
  char *text = NULL;
  db_key(key, r->at);
  rocksdb_iter_seek(i, (const char *)key, sizeof key);
  while (status == RKV_OK && r->at <= last && r->at <= r->to && rocksdb_iter_valid(i)) {
    status = give_stored(r, i, error);
    if (status == RKV_OK && r->at <= last) rocksdb_iter_next(i);
  }
  rocksdb_iter_get_error(i, &text);
  if (text) return db_result(&r->s->db, text, error);
  if (status == RKV_OK && r->at <= last && r->at <= r->to)
    return rkv_fail(error, RKV_CORRUPT, "%s: expected entry %" PRIu64 ", found the end",
                    r->s->db.dir, r->at);
  return status;
}

/* Under the lock: is there more to give, and can it be? */
static enum rkv_status clip(struct reading *r, struct rkv_error *error) {
  const struct store *s = r->s;
  if (r->count == 0) r->cuts = s->cuts;
  if (r->count > 0 && (s->cuts != r->cuts || r->at <= s->image.purged.index)) r->to = 0;
  if (r->count == 0 && r->at <= s->image.purged.index)
    return rkv_fail(error, RKV_NOT_FOUND,
                    "storage-rocksdb: entry %" PRIu64 " is purged (first: %" PRIu64 ")", r->at,
                    s->image.purged.index + 1);
  if (r->to > s->image.last.index) r->to = s->image.last.index;
  return RKV_OK;
}

/* Neither durable nor waiting: it was never written (L3). What was found before is given. */
static enum rkv_status not_there(struct reading *r, struct rkv_error *error) {
  const struct rkv_error *failed = &r->s->failed;
  r->to = 0;
  if (r->count > 0) return RKV_OK;
  return rkv_fail(error, failed->status ? (enum rkv_status)failed->status : RKV_BROKEN,
                  "storage-rocksdb: entry %" PRIu64 " was not written: %s", r->at, failed->text);
}

/* Gives some entries: of one operation, or of the database. */
static enum rkv_status step(struct reading *r, struct rkv_error *error) {
  struct store *s = r->s;
  rocksdb_iterator_t *i = NULL;
  rkv_index last;
  bool more;
  enum rkv_status status;
  (void)pthread_mutex_lock(&s->lock);
  status = clip(r, error);
  more = status == RKV_OK && r->at <= r->to;
  last = s->durable_last;
  /* Made under the lock, it sees at least what is durable now, and no later truncation. */
  if (more && r->at <= last)
    i = rocksdb_create_iterator_cf(s->db.rocks, s->db.reading, s->db.families[DB_LOG]);
  else if (more && !give_queued(r))
    status = not_there(r, error);
  (void)pthread_mutex_unlock(&s->lock);
  if (!i) return status;
  status = give_from(r, i, last, error);
  rocksdb_iter_destroy(i);
  return status;
}

enum rkv_status read_entries(void *storage, rkv_index from, rkv_index to, uint64_t bytes_max,
                             struct rkv_entry *entries, size_t capacity, size_t *count,
                             struct rkv_error *error) {
  struct reading r = {.s = storage,
                      .at = from,
                      .to = to,
                      .bytes_max = bytes_max,
                      .entries = entries,
                      .capacity = capacity};
  enum rkv_status status;
  do {
    status = step(&r, error);
  } while (status == RKV_OK && r.count < capacity && r.at <= r.to);
  for (size_t i = 0; i < r.count && status != RKV_OK; i++) rkv_buf_drop(&entries[i].payload);
  *count = status == RKV_OK ? r.count : 0;
  return status;
}
