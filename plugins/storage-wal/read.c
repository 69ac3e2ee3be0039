/* read.c: gives entries back: from the queue while they are not durable, else from the segments.
 *
 * The log may change while a reader waits for the device. A truncation meanwhile ends the read
 * early, so that entries of before and after it are never given together. */
#include "store.h"

#include <fcntl.h>
#include <inttypes.h>
#include <unistd.h>

/* One call. */
struct reading {
  struct store *s;
  rkv_index at, to; /* what is still to be given */
  uint64_t bytes, bytes_max;
  struct rkv_entry *entries;
  size_t count, capacity;
  uint64_t cuts;           /* store.cuts when the first entry was given */
  struct segment *segment; /* whose file is open; it cannot be recycled */
  int fd;                  /* -1: none */
};

enum { READ_WINDOW = 256 * 1024 }; /* bytes read of a run at first */

/* Where the entry `at` will be found. */
struct run {
  rkv_index first, last; /* entries of the run, at least as far as they are wanted */
  uint64_t offset, end;
};

/* Takes an entry over if it still fits; the reference stays the caller's. */
static bool give(struct reading *r, const struct rkv_entry *entry) {
  if (r->count == r->capacity || r->at > r->to) return false;
  if (r->count > 0 && r->bytes + entry->payload.len > r->bytes_max) return false;
  r->bytes += entry->payload.len;
  r->entries[r->count] = *entry;
  (void)rkv_buf_share(r->entries[r->count++].payload);
  r->at++;
  return true;
}

/* Gives what is found in the queue; true if it was there. Under the lock. */
static bool give_queued(struct reading *r) {
  for (const struct op *op = r->s->first; op; op = op->next) {
    rkv_index first;
    if (op->type != RECORD_ENTRY || op->live == 0) continue;
    first = op->entries[0].id.index;
    if (r->at < first || r->at - first >= op->live) continue;
    for (size_t i = (size_t)(r->at - first); i < op->live; i++)
      if (!give(r, &op->entries[i])) {
        r->to = 0;
        break;
      }
    return true;
  }
  return false;
}

/* Entries from here on are in the queue, or will be: what follows a run on the disk up to there may
 * be truncated already. Under the lock. */
static rkv_index first_queued(const struct store *s) {
  for (const struct op *op = s->first; op; op = op->next)
    if (op->live > 0) return op->entries[0].id.index;
  return UINT64_MAX;
}

/* Finds the run of r->at, as far as its entries are held, and its segment. Under the lock. */
static bool find_run(struct reading *r, struct run *run, struct segment **segment) {
  const struct index_slot *next, *slot = index_find(&r->s->image.index, r->at, &next);
  rkv_index queued = first_queued(r->s);
  if (!slot) return false;
  run->first = slot->first;
  run->last = next && next->first - 1 < r->to ? next->first - 1 : r->to;
  if (run->last >= queued) run->last = queued - 1;
  run->offset = slot->offset;
  run->end = next && next->segment == slot->segment ? next->offset : slot->segment->end;
  *segment = slot->segment;
  return true;
}

static void release(struct reading *r) {
  if (r->fd < 0) return;
  (void)close(r->fd);
  (void)pthread_mutex_lock(&r->s->lock);
  r->segment->readers--;
  (void)pthread_cond_signal(&r->s->chores);
  (void)pthread_mutex_unlock(&r->s->lock);
  r->fd = -1;
  r->segment = NULL;
}

static enum rkv_status damaged(const struct reading *r, uint64_t offset, const char *what,
                               uint32_t expected, uint32_t found, struct rkv_error *error) {
  return rkv_fail(error, RKV_CORRUPT,
                  "%s: offset %" PRIu64 ": expected %s %08" PRIx32 ", found %08" PRIx32,
                  dir_name(DIR_LOG, r->segment->sequence).text, offset, what, expected, found);
}

/* Checks the entry's payload and gives it; false in *more: no more are wanted. */
static enum rkv_status give_checked(struct reading *r, const struct record *record, uint64_t offset,
                                    struct rkv_buf payload, bool *more, struct rkv_error *error) {
  uint32_t crc = record_payload_crc(r->segment->seed, payload.data, payload.len);
  struct rkv_entry entry = {.id = {record->term, record->index},
                            .kind = record->kind,
                            .payload = payload.len > 0 ? payload : rkv_buf_none()};
  if (record->payload_crc != crc)
    return damaged(r, offset, "payload checksum", record->payload_crc, crc, error);
  *more = give(r, &entry);
  if (!*more) r->to = 0;
  return RKV_OK;
}

/* Gives the entries that stand in `bytes`, the beginning of the run. If the first one wanted is not
 * whole, *needed tells how many bytes it takes; else *needed is 0. */
static enum rkv_status give_run(struct reading *r, const struct run *run, struct rkv_buf bytes,
                                uint64_t *needed, struct rkv_error *error) {
  rkv_index expected = run->first;
  const size_t given = r->count;
  bool more = true;
  size_t at = 0;
  *needed = 0;
  while (more && expected <= run->last) {
    uint64_t offset = run->offset + at, end = at + RECORD_HEADER;
    struct record record;
    uint32_t crc;
    enum rkv_status status = RKV_OK;
    if (end <= bytes.len) {
      record_decode(bytes.data + at, &record);
      crc = record_header_crc(bytes.data + at, r->segment->seed, offset);
      if (record.header_crc != crc)
        return damaged(r, offset, "header checksum", crc, record.header_crc, error);
      end = at + record_size(record.length);
    }
    if (end > bytes.len) {
      if (r->count == given) *needed = end;
      return RKV_OK;
    }
    if (record.type == RECORD_ENTRY && record.index != expected)
      return rkv_fail(error, RKV_CORRUPT,
                      "%s: offset %" PRIu64 ": expected entry %" PRIu64 ", found %" PRIu64,
                      dir_name(DIR_LOG, r->segment->sequence).text, offset, expected, record.index);
    if (record.type == RECORD_ENTRY && expected++ >= r->at)
      status = give_checked(r, &record, offset,
                            rkv_buf_slice(bytes, at + RECORD_HEADER, record.length), &more, error);
    if (status != RKV_OK) return status;
    at = (size_t)end;
  }
  return RKV_OK;
}

/* Reads of the segment that is kept: at least one entry, as a rule the run. */
static enum rkv_status read_run(struct reading *r, const struct run *run, struct rkv_error *error) {
  const struct rkv_host *host = r->s->host;
  struct dir_name name = dir_name(DIR_LOG, r->segment->sequence);
  uint64_t needed = READ_WINDOW, whole = run->end - run->offset;
  for (;;) {
    size_t len = (size_t)(needed < whole ? needed : whole), got = 0;
    struct rkv_buf bytes;
    enum rkv_status status;
    uint8_t *room = host->buf_alloc(host->ctx, len, &bytes);
    if (!room) return rkv_fail(error, RKV_NO_MEMORY, "%s: no memory for %zu bytes", name.text, len);
    status = dir_read(r->fd, name, room, len, (off_t)run->offset, &got, error);
    if (status == RKV_OK) status = give_run(r, run, rkv_buf_slice(bytes, 0, got), &needed, error);
    rkv_buf_drop(&bytes);
    if (status != RKV_OK || needed == 0) return status;
    if (needed > whole || got < len)
      return rkv_fail(error, RKV_CORRUPT,
                      "%s: offset %" PRIu64 ": expected entry %" PRIu64 ", found the end",
                      name.text, run->offset + got, r->at);
  }
}

/* Opens the file of the segment, which the caller has counted as read. */
static enum rkv_status open_segment(struct reading *r, struct segment *segment,
                                    struct rkv_error *error) {
  enum rkv_status status =
      dir_open_file(&r->s->dir, dir_name(DIR_LOG, segment->sequence), O_RDONLY, &r->fd, error);
  r->segment = segment;
  if (status == RKV_OK) return RKV_OK;
  (void)pthread_mutex_lock(&r->s->lock);
  segment->readers--;
  (void)pthread_cond_signal(&r->s->chores);
  (void)pthread_mutex_unlock(&r->s->lock);
  return status;
}

/* Under the lock: is there more to give, and can it be? */
static enum rkv_status clip(struct reading *r, struct rkv_error *error) {
  const struct store *s = r->s;
  if (r->count == 0) r->cuts = s->cuts;
  if (r->count > 0 && (s->cuts != r->cuts || r->at <= s->image.purged.index)) r->to = 0;
  if (r->count == 0 && r->at <= s->image.purged.index)
    return rkv_fail(error, RKV_NOT_FOUND,
                    "storage-wal: entry %" PRIu64 " is purged (first: %" PRIu64 ")", r->at,
                    s->image.purged.index + 1);
  if (r->to > s->image.last.index) r->to = s->image.last.index;
  if (s->failed.status == RKV_OK || r->at > r->to || r->at <= s->durable_last) return RKV_OK;
  if (r->count > 0)
    r->to = 0;
  else
    return rkv_fail(error, (enum rkv_status)s->failed.status, "%s", s->failed.text);
  return RKV_OK;
}

/* Gives some entries: of one operation or of one run. */
static enum rkv_status step(struct reading *r, struct rkv_error *error) {
  struct segment *segment = NULL;
  struct run run;
  bool more, queued, found = false;
  enum rkv_status status;
  (void)pthread_mutex_lock(&r->s->lock);
  status = clip(r, error);
  more = status == RKV_OK && r->at <= r->to;
  queued = more && give_queued(r);
  if (more && !queued) found = find_run(r, &run, &segment);
  if (found && segment != r->segment) segment->readers++;
  (void)pthread_mutex_unlock(&r->s->lock);
  if (!more || queued) return status;
  if (!found)
    return rkv_fail(error, RKV_BROKEN, "storage-wal: entry %" PRIu64 " has no place", r->at);
  if (segment != r->segment) {
    release(r);
    status = open_segment(r, segment, error);
  }
  return status == RKV_OK ? read_run(r, &run, error) : status;
}

enum rkv_status read_entries(void *storage, rkv_index from, rkv_index to, uint64_t bytes_max,
                             struct rkv_entry *entries, size_t capacity, size_t *count,
                             struct rkv_error *error) {
  struct store *s = storage;
  struct reading r = {.s = s,
                      .at = from,
                      .to = to,
                      .bytes_max = bytes_max,
                      .entries = entries,
                      .capacity = capacity,
                      .fd = -1};
  enum rkv_status status;
  do {
    status = step(&r, error);
  } while (status == RKV_OK && r.count < capacity && r.at <= r.to);
  release(&r);
  for (size_t i = 0; i < r.count && status != RKV_OK; i++) rkv_buf_drop(&entries[i].payload);
  *count = status == RKV_OK ? r.count : 0;
  return status;
}
