/* read.c: gives durable entries back, from the segments. */
#include "read.h"

#include "record.h"

#include <storage-parts/reading.h>

#include <fcntl.h>
#include <inttypes.h>

/* Where a run of the index stands. */
struct run {
  rkv_index first, last; /* its entries, as far as they are wanted and durable */
  uint64_t offset, end;
  struct segment *segment;
};

/* One call. */
struct run_reading {
  struct reading base;     /* the first member */
  struct run run;          /* the one found last */
  struct segment *segment; /* whose file is open: it is not recycled */
  int fd;                  /* -1: none */
};

enum { READ_WINDOW = 256 * 1024 }; /* bytes read of a run at first */

static struct store *store_of_reading(const struct run_reading *r) {
  return (struct store *)r->base.log;
}

/* Finds the run of r->at; its segment counts this reader from now on. Under the lock. */
static bool find_run(struct reading *reading, rkv_index last) {
  struct run_reading *r = (struct run_reading *)reading;
  const struct index_slot *next,
      *slot = index_find(&store_of_reading(r)->index, reading->at, &next);
  struct run *run = &r->run;
  if (!slot) return false;
  run->first = slot->first;
  run->last = next && next->first - 1 < reading->to ? next->first - 1 : reading->to;
  if (run->last > last) run->last = last;
  run->offset = slot->offset;
  run->end = next && next->segment == slot->segment ? next->offset : slot->segment->end;
  run->segment = slot->segment;
  if (run->segment != r->segment) run->segment->readers++;
  return true;
}

static void release(struct run_reading *r) {
  if (!r->segment) return;
  folder_close_file(&r->base.log->folder, r->fd);
  log_lock(r->base.log);
  r->segment->readers--;
  log_signal(r->base.log, &store_of_reading(r)->chores);
  log_unlock(r->base.log);
  r->fd = -1;
  r->segment = NULL;
}

static enum rkv_status damaged(const struct run_reading *r, uint64_t offset, const char *what,
                               uint32_t expected, uint32_t found, struct rkv_error *error) {
  return rkv_fail(error, RKV_CORRUPT,
                  "%s: offset %" PRIu64 ": expected %s %08" PRIx32 ", found %08" PRIx32,
                  dir_name(DIR_LOG, r->segment->sequence).text, offset, what, expected, found);
}

/* Checks the entry's payload and gives it; false in *more: no more are wanted. */
static enum rkv_status give_checked(struct run_reading *r, const struct record *record,
                                    uint64_t offset, struct rkv_buf payload, bool *more,
                                    struct rkv_error *error) {
  uint32_t crc = record_payload_crc(r->segment->seed, payload.data, payload.len);
  struct rkv_entry entry = {.id = {record->term, record->index},
                            .kind = record->kind,
                            .payload = payload.len > 0 ? payload : rkv_buf_none()};
  if (record->payload_crc != crc)
    return damaged(r, offset, "payload checksum", record->payload_crc, crc, error);
  *more = reading_fits(&r->base, payload.len);
  if (!*more) return RKV_OK;
  (void)rkv_buf_share(entry.payload);
  reading_give(&r->base, &entry);
  return RKV_OK;
}

/* Gives the entries in `bytes`, the beginning of the run. If not even the first entry wanted is
 * whole there, *needed is the length that has it; else *needed is 0. */
static enum rkv_status give_run(struct run_reading *r, struct rkv_buf bytes, uint64_t *needed,
                                struct rkv_error *error) {
  const struct run *run = &r->run;
  rkv_index expected = run->first;
  const size_t given = r->base.count;
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
      if (r->base.count == given) *needed = end;
      return RKV_OK;
    }
    if (record.type == RECORD_ENTRY && record.index != expected)
      return rkv_fail(error, RKV_CORRUPT,
                      "%s: offset %" PRIu64 ": expected entry %" PRIu64 ", found %" PRIu64,
                      dir_name(DIR_LOG, r->segment->sequence).text, offset, expected, record.index);
    if (record.type == RECORD_ENTRY && expected++ >= r->base.at)
      status = give_checked(r, &record, offset,
                            rkv_buf_slice(bytes, at + RECORD_HEADER, record.length), &more, error);
    if (status != RKV_OK) return status;
    at = (size_t)end;
  }
  return RKV_OK;
}

/* Reads the run from the open segment: at least one entry of it, as a rule all. */
static enum rkv_status read_run(struct run_reading *r, struct rkv_error *error) {
  const struct run *run = &r->run;
  const struct rkv_host *host = r->base.log->host;
  struct numbered_name name = dir_name(DIR_LOG, r->segment->sequence);
  uint64_t needed = READ_WINDOW, whole = run->end - run->offset;
  for (;;) {
    size_t len = (size_t)(needed < whole ? needed : whole), got = 0;
    struct rkv_buf bytes;
    enum rkv_status status;
    uint8_t *room = host->buf_alloc(host->ctx, len, &bytes);
    if (!room) return rkv_fail(error, RKV_NO_MEMORY, "%s: no memory for %zu bytes", name.text, len);
    status =
        folder_read(&r->base.log->folder, r->fd, name.text, room, len, run->offset, &got, error);
    if (status == RKV_OK) status = give_run(r, rkv_buf_slice(bytes, 0, got), &needed, error);
    rkv_buf_drop(&bytes);
    if (status != RKV_OK || needed == 0) return status;
    if (needed > whole || got < len)
      return rkv_fail(error, RKV_CORRUPT,
                      "%s: offset %" PRIu64 ": expected entry %" PRIu64 ", found the end",
                      name.text, run->offset + got, r->base.at);
  }
}

/* Opens the file of a segment that counts this reader. */
static enum rkv_status open_segment(struct run_reading *r, struct segment *segment,
                                    struct rkv_error *error) {
  struct numbered_name name = dir_name(DIR_LOG, segment->sequence);
  enum rkv_status status =
      folder_open_file(&r->base.log->folder, name.text, O_RDONLY, &r->fd, error);
  r->segment = segment;
  if (status != RKV_OK) release(r);
  return status;
}

static enum rkv_status give_found(struct reading *reading, struct rkv_error *error) {
  struct run_reading *r = (struct run_reading *)reading;
  enum rkv_status status = RKV_OK;
  if (r->run.segment != r->segment) {
    release(r);
    status = open_segment(r, r->run.segment, error);
  }
  return status == RKV_OK ? read_run(r, error) : status;
}

enum rkv_status read_entries(void *storage, rkv_index from, rkv_index to, uint64_t bytes_max,
                             struct rkv_entry *entries, size_t capacity, size_t *count,
                             struct rkv_error *error) {
  static const struct reading_ops ops = {.find = find_run, .give = give_found};
  struct run_reading r = {.base = {.log = storage, .ops = &ops}, .fd = -1};
  enum rkv_status status =
      reading_run(&r.base, from, to, bytes_max, entries, capacity, count, error);
  release(&r);
  return status;
}
