/* scan.c: walks a segment through a window. */
#include "scan.h"

#include <storage-parts/crc32c.h>

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { WINDOW = 1024 * 1024 }; /* bytes; a multiple of RECORD_ALIGN, as is RECORD_HEADER */

/* Up to `want` <= WINDOW bytes at `offset`; fewer at the file's end. Valid until the next call. */
static enum rkv_status scan_look(struct scan *s, uint64_t offset, size_t want,
                                 const uint8_t **bytes, size_t *got, struct rkv_error *error) {
  enum rkv_status status = RKV_OK;
  uint64_t there = offset < s->limit ? s->limit - offset : 0;
  if (want > there) want = (size_t)there;
  if (offset < s->window_from || offset + want > s->window_from + s->window_len) {
    s->window_from = offset;
    status =
        folder_read(s->folder, s->fd, s->name.text, s->window,
                    there < WINDOW ? (size_t)there : (size_t)WINDOW, offset, &s->window_len, error);
    if (s->window_len < want) want = s->window_len;
  }
  *bytes = s->window + (offset - s->window_from);
  *got = want;
  return status;
}

enum rkv_status scan_begin(struct scan *s, const struct folder *folder, int fd,
                           struct numbered_name name, struct rkv_error *error) {
  const uint8_t *bytes;
  size_t got;
  enum rkv_status status;
  memset(s, 0, sizeof *s);
  s->folder = folder;
  s->fd = fd;
  s->name = name;
  s->window = malloc(WINDOW);
  if (!s->window) return rkv_fail(error, RKV_NO_MEMORY, "no memory to read %s", name.text);
  status = folder_file_size(folder, fd, name.text, &s->limit, error);
  if (status == RKV_OK) status = scan_look(s, 0, HEAD_SIZE, &bytes, &got, error);
  if (status == RKV_OK && got < HEAD_SIZE)
    status = rkv_fail(error, RKV_CORRUPT, "%s: expected a header of %d bytes, found %zu", name.text,
                      HEAD_SIZE, got);
  if (status == RKV_OK) status = head_decode(name.text, bytes, &s->head, error);
  if (status != RKV_OK) {
    scan_end(s);
    return status;
  }
  if (s->limit > s->head.size) s->limit = s->head.size;
  s->seed = head_seed(&s->head);
  s->prev = s->head.crc;
  s->offset = HEAD_SIZE;
  return RKV_OK;
}

void scan_end(struct scan *s) {
  free(s->window);
  s->window = NULL;
}

__attribute__((format(printf, 2, 3))) static bool ends(struct scan *s, const char *format, ...) {
  va_list args;
  va_start(args, format);
  (void)vsnprintf(s->why, sizeof s->why, format, args);
  va_end(args);
  return false;
}

static bool all_zero(const uint8_t *bytes, size_t len) {
  for (size_t i = 0; i < len; i++)
    if (bytes[i]) return false;
  return true;
}

/* True if these bytes are the header of the record that follows. */
static bool header_fits(struct scan *s, const uint8_t *bytes, size_t got) {
  uint32_t crc;
  s->torn = false;
  if (got < RECORD_HEADER)
    return ends(s, "expected a record header of %d bytes, found %zu bytes", RECORD_HEADER, got);
  record_decode(bytes, &s->record);
  crc = record_header_crc(bytes, s->seed, s->offset);
  if (s->record.header_crc != crc) {
    bool blank = all_zero(bytes, RECORD_HEADER);
    s->torn = !blank && !s->head.recycled;
    return ends(s, "expected header checksum %08" PRIx32 ", found %08" PRIx32 "%s", crc,
                s->record.header_crc, blank ? " (all zeros)" : "");
  }
  s->torn = true;
  if (s->record.prev != s->prev)
    return ends(s, "expected a record after the one with checksum %08" PRIx32 ", found %08" PRIx32,
                s->prev, s->record.prev);
  if (!record_plausible(&s->record, s->offset, s->head.size))
    return ends(s, "expected a record, found type %u with %" PRIu32 " bytes", s->record.type,
                s->record.length);
  return true;
}

/* Checks payload and padding of s->record. */
static enum rkv_status payload_fits(struct scan *s, bool *fits, struct rkv_error *error) {
  uint64_t at = s->offset + RECORD_HEADER, length = s->record.length;
  uint64_t padding = record_size(length) - RECORD_HEADER - length;
  uint32_t crc = s->seed;
  const uint8_t *bytes;
  enum rkv_status status;
  size_t got;
  *fits = false;
  for (uint64_t left = length; left > 0; left -= got, at += got) {
    status = scan_look(s, at, left < WINDOW ? (size_t)left : (size_t)WINDOW, &bytes, &got, error);
    if (status != RKV_OK) return status;
    if (got == 0) {
      *fits =
          ends(s, "expected %" PRIu64 " bytes of payload, found %" PRIu64, length, length - left);
      return RKV_OK;
    }
    crc = crc32c(crc, bytes, got);
  }
  status = scan_look(s, at, (size_t)padding, &bytes, &got, error);
  if (status != RKV_OK) return status;
  if (crc != s->record.payload_crc)
    *fits = ends(s, "expected payload checksum %08" PRIx32 ", found bytes of %08" PRIx32,
                 s->record.payload_crc, crc);
  else if (got < padding || !all_zero(bytes, got))
    *fits = ends(s, "expected %" PRIu64 " zeros behind the payload, found others", padding);
  else
    *fits = true;
  return RKV_OK;
}

enum rkv_status scan_next(struct scan *s, bool *found, struct rkv_error *error) {
  const uint8_t *bytes;
  size_t got;
  enum rkv_status status = scan_look(s, s->offset, RECORD_HEADER, &bytes, &got, error);
  *found = false;
  if (status != RKV_OK || !header_fits(s, bytes, got)) return status;
  status = payload_fits(s, found, error);
  if (status != RKV_OK || !*found) return status;
  s->torn = false;
  s->at = s->offset;
  s->offset += record_size(s->record.length);
  s->prev = s->record.header_crc;
  return RKV_OK;
}

/* Looks at the places where a record could begin in bytes[0..len), which stand at `from`. */
static void search(const struct scan *s, uint64_t from, const uint8_t *bytes, size_t len,
                   struct scan_rest *rest) {
  for (size_t at = 0; at + RECORD_HEADER <= len && !rest->proof; at += RECORD_ALIGN) {
    struct record record;
    if (!record_begins(bytes + at)) continue;
    record_decode(bytes + at, &record);
    if (!record_plausible(&record, from + at, s->head.size)) continue;
    if (record.header_crc != record_header_crc(bytes + at, s->seed, from + at)) continue;
    rest->cut_batch_rest = true;
    rest->proof = record.batch > s->offset;
    rest->proof_at = from + at;
  }
}

enum rkv_status scan_behind(struct scan *s, struct scan_rest *rest, struct rkv_error *error) {
  enum { STEP = WINDOW - RECORD_HEADER }; /* a header across two windows is seen in the second */
  *rest = (struct scan_rest){0};
  for (uint64_t at = s->offset; at < s->limit && !rest->proof; at += STEP) {
    const uint8_t *bytes;
    size_t got, want = s->limit - at < WINDOW ? (size_t)(s->limit - at) : (size_t)WINDOW;
    enum rkv_status status = scan_look(s, at, want, &bytes, &got, error);
    if (status != RKV_OK) return status;
    search(s, at, bytes, got, rest);
  }
  return RKV_OK;
}
