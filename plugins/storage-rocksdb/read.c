/* read.c: gives durable entries back, from the database. */
#include "store.h"

#include <storage-parts/reading.h>

#include <inttypes.h>

/* One call. */
struct db_reading {
  struct reading base;          /* the first member */
  rocksdb_iterator_t *iterator; /* on the entries as they were when it was made */
  rkv_index last;               /* the last of them */
};

static struct store *store_of_reading(const struct db_reading *r) {
  return (struct store *)r->base.log;
}

/* Gives the entry that the iterator stands at. */
static enum rkv_status give_stored(struct db_reading *r, const rocksdb_iterator_t *i,
                                   struct rkv_error *error) {
  size_t key_len = 0, len = 0;
  const uint8_t *key = (const uint8_t *)rocksdb_iter_key(i, &key_len);
  const uint8_t *value = (const uint8_t *)rocksdb_iter_value(i, &len);
  if (key_len != IDS_KEY || get_key(key) != r->base.at || len < DB_ENTRY_HEAD)
    return rkv_fail(
        error, RKV_CORRUPT, "%s: expected entry %" PRIu64 ", found %" PRIu64 " of %zu bytes",
        store_of_reading(r)->db.dir, r->base.at, key_len == IDS_KEY ? get_key(key) : 0, len);
  return reading_give_copy(&r->base, rkv_get_le(value, 8), (uint32_t)rkv_get_le(value + 8, 4),
                           value + DB_ENTRY_HEAD, len - DB_ENTRY_HEAD, error);
}

/* Gives entries as the iterator sees them. */
static enum rkv_status give_seen(struct db_reading *r, struct rkv_error *error) {
  rocksdb_iterator_t *i = r->iterator;
  enum rkv_status status = RKV_OK;
  uint8_t key[IDS_KEY];
  char *text = NULL;
  put_key(key, r->base.at);
  rocksdb_iter_seek(i, (const char *)key, sizeof key);
  while (status == RKV_OK && r->base.at <= r->last && r->base.at <= r->base.to &&
         rocksdb_iter_valid(i)) {
    status = give_stored(r, i, error);
    if (status == RKV_OK && r->base.at <= r->last) rocksdb_iter_next(i);
  }
  rocksdb_iter_get_error(i, &text);
  if (text) return db_result(&store_of_reading(r)->db, text, error);
  if (status == RKV_OK && r->base.at <= r->last && r->base.at <= r->base.to)
    return rkv_fail(error, RKV_CORRUPT, "%s: expected entry %" PRIu64 ", found the end",
                    store_of_reading(r)->db.dir, r->base.at);
  return status;
}

/* Made under the lock, the iterator sees at least what is durable now, and no later truncation. */
static bool make_iterator(struct reading *reading, rkv_index last) {
  struct db_reading *r = (struct db_reading *)reading;
  const struct db *db = &store_of_reading(r)->db;
  r->last = last;
  r->iterator = rocksdb_create_iterator_cf(db->rocks, db->reading, db->families[DB_LOG]);
  return true;
}

static enum rkv_status give_found(struct reading *reading, struct rkv_error *error) {
  struct db_reading *r = (struct db_reading *)reading;
  enum rkv_status status = give_seen(r, error);
  rocksdb_iter_destroy(r->iterator);
  return status;
}

enum rkv_status read_entries(void *storage, rkv_index from, rkv_index to, uint64_t bytes_max,
                             struct rkv_entry *entries, size_t capacity, size_t *count,
                             struct rkv_error *error) {
  static const struct reading_ops ops = {.find = make_iterator, .give = give_found};
  struct db_reading r = {.base = {.log = storage, .ops = &ops}};
  return reading_run(&r.base, from, to, bytes_max, entries, capacity, count, error);
}
