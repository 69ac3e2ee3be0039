/* read.c: the log as it is read: rows, and what waits to become rows. */
#include "store.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static struct rkv_buf payload_of(const struct store *s, const struct rkv_buf *bytes,
                                 enum rkv_status *status, struct rkv_error *error) {
  struct rkv_buf out = rkv_buf_none();
  uint8_t *at;
  if (bytes->len == 0) return out;
  at = s->host->buf_alloc(s->host->ctx, bytes->len, &out);
  if (at) memcpy(at, bytes->data, bytes->len);
  if (!at) *status = rkv_fail(error, RKV_NO_MEMORY, "storage-sqlite: no memory for an entry");
  return out;
}

struct reading {
  struct rkv_entry *entries;
  size_t capacity, count;
  uint64_t bytes, bytes_max;
};

/* True if one more entry of this size is given. */
static bool fits(struct reading *r, size_t len) {
  if (r->count == r->capacity) return false;
  r->bytes += len;
  return r->count == 0 || r->bytes <= r->bytes_max;
}

/* Rows, under db_lock. False: no more fits, or it failed. */
static bool read_rows(struct store *s, rkv_index from, rkv_index to, struct reading *r,
                      enum rkv_status *status, struct rkv_error *error) {
  sqlite3_stmt *at = s->db.statements[STATEMENT_READ];
  int code = SQLITE_DONE;
  bool more = true;
  (void)sqlite3_bind_int64(at, 1, (int64_t)from);
  (void)sqlite3_bind_int64(at, 2, (int64_t)to);
  while (more && *status == RKV_OK && (code = db_step(&s->db, STATEMENT_READ)) == SQLITE_ROW) {
    struct rkv_buf bytes = {NULL, (size_t)sqlite3_column_bytes(at, 3), NULL};
    struct rkv_entry *entry = &r->entries[r->count];
    if (!(more = fits(r, bytes.len))) break;
    bytes.data = sqlite3_column_blob(at, 3);
    *entry = (struct rkv_entry){
        {(uint64_t)sqlite3_column_int64(at, 1), (uint64_t)sqlite3_column_int64(at, 0)},
        (uint32_t)sqlite3_column_int64(at, 2),
        0,
        payload_of(s, &bytes, status, error)};
    if (*status == RKV_OK && entry->id.index != from++)
      *status = rkv_fail(error, RKV_CORRUPT, "%s/" DB_NAME ": entry %" PRIu64 " is missing",
                         s->place.dir, from - 1);
    r->count++;
  }
  if (code != SQLITE_ROW && code != SQLITE_DONE) *status = db_failed(&s->db, "read", error);
  db_reset(&s->db, STATEMENT_READ);
  return more && *status == RKV_OK;
}

/* The log at this moment is shared from memory, so that the rows below it can be read without
 * `lock`: an append must not wait for a read. */
static struct rkv_entry *share_tail(struct store *s, rkv_index from, rkv_index to, size_t capacity,
                                    size_t *count) {
  rkv_index first = from > s->tail_first ? from : s->tail_first;
  size_t most = first <= to ? (size_t)(to - first + 1) : 0;
  struct rkv_entry *shared;
  if (most > capacity) most = capacity;
  shared = calloc(most + 1, sizeof *shared);
  *count = shared ? most : 0;
  for (size_t i = 0; i < *count; i++) {
    shared[i] = s->tail[s->tail_head + (size_t)(first - s->tail_first) + i].entry;
    (void)rkv_buf_share(shared[i].payload);
  }
  return shared;
}

static void add_shared(struct reading *r, struct rkv_entry *shared, size_t count, bool more) {
  for (size_t i = 0; i < count; i++) {
    more = more && fits(r, shared[i].payload.len);
    if (more) r->entries[r->count++] = shared[i];
    if (!more) rkv_buf_drop(&shared[i].payload);
  }
}

enum rkv_status log_read(struct store *s, rkv_index from, rkv_index to, uint64_t bytes_max,
                         struct rkv_entry *entries, size_t capacity, size_t *count,
                         struct rkv_error *error) {
  struct reading r = {entries, capacity, 0, 0, bytes_max};
  struct rkv_entry *shared = NULL;
  enum rkv_status status = RKV_OK;
  rkv_index rows_to = 0;
  size_t shared_count = 0;
  (void)pthread_mutex_lock(&s->db_lock);
  (void)pthread_mutex_lock(&s->lock);
  if (to > s->last) to = s->last;
  if (from <= s->purged)
    status =
        rkv_fail(error, RKV_NOT_FOUND, "entry %" PRIu64 " was purged, the first one is %" PRIu64,
                 from, s->purged + 1);
  if (status == RKV_OK && from <= to) {
    rows_to = to < s->tail_first ? to : s->tail_first - 1;
    shared = share_tail(s, from, to, capacity, &shared_count);
    if (!shared) status = rkv_fail(error, RKV_NO_MEMORY, "storage-sqlite: no memory to read");
  }
  (void)pthread_mutex_unlock(&s->lock);
  bool more = status == RKV_OK;
  if (more && from <= rows_to) more = read_rows(s, from, rows_to, &r, &status, error);
  (void)pthread_mutex_unlock(&s->db_lock);
  add_shared(&r, shared, shared_count, more);
  free(shared);
  if (status != RKV_OK)
    while (r.count > 0) rkv_buf_drop(&r.entries[--r.count].payload);
  *count = r.count;
  return status;
}
