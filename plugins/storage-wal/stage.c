/* stage.c: a buffer and a list of pieces for pwritev. */
#include "stage.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { PIECES_OF_RECORD = 3 };

bool stage_init(struct stage *s, const struct folder *folder) {
  *s = (struct stage){.folder = folder, .fd = -1};
  s->bytes = malloc(STAGE_BYTES);
  s->pieces = calloc(STAGE_PIECES, sizeof *s->pieces);
  if (s->bytes && s->pieces) return true;
  stage_free(s);
  return false;
}

void stage_free(struct stage *s) {
  free(s->bytes);
  free(s->pieces);
  s->bytes = NULL;
  s->pieces = NULL;
}

/* Bytes that follow the last piece in memory make it longer. */
static void add_piece(struct stage *s, const void *bytes, size_t len) {
  struct iovec *last = s->piece_count ? &s->pieces[s->piece_count - 1] : NULL;
  if (last && (const uint8_t *)last->iov_base + last->iov_len == (const uint8_t *)bytes)
    last->iov_len += len;
  else
    s->pieces[s->piece_count++] = (struct iovec){(void *)(uintptr_t)bytes, len};
}

static void copy(struct stage *s, const void *bytes, size_t len) {
  memcpy(s->bytes + s->len, bytes, len);
  add_piece(s, s->bytes + s->len, len);
  s->len += len;
}

enum rkv_status stage_record(struct stage *s, struct record *record, uint32_t seed,
                             struct rkv_buf payload, struct rkv_error *error) {
  static const uint8_t zeros[RECORD_ALIGN];
  uint8_t header[RECORD_HEADER];
  size_t padding = (size_t)(record_size(payload.len) - RECORD_HEADER - payload.len);
  bool copied = payload.len <= STAGE_COPIED_MAX;
  size_t needed = RECORD_HEADER + RECORD_ALIGN + (copied ? payload.len : 0);
  if (needed > STAGE_BYTES - s->len || s->piece_count + PIECES_OF_RECORD > STAGE_PIECES) {
    enum rkv_status status = stage_flush(s, error);
    if (status != RKV_OK) return status;
  }
  record_encode(record, seed, s->offset, header);
  copy(s, header, sizeof header);
  if (payload.len > 0 && copied) copy(s, payload.data, payload.len);
  if (payload.len > 0 && !copied) add_piece(s, payload.data, payload.len);
  if (padding > 0) copy(s, zeros, padding);
  s->flushed += record_size(payload.len);
  s->offset += record_size(payload.len);
  return RKV_OK;
}

/* Leaves out the first `len` bytes, which are written. */
static void advance(struct stage *s, size_t *from, size_t len) {
  while (len > 0) {
    struct iovec *piece = &s->pieces[*from];
    if (len < piece->iov_len) {
      piece->iov_base = (uint8_t *)piece->iov_base + len;
      piece->iov_len -= len;
      return;
    }
    len -= piece->iov_len;
    ++*from;
  }
}

enum rkv_status stage_flush(struct stage *s, struct rkv_error *error) {
  const struct files *files = s->folder->files;
  uint64_t at = s->offset - s->flushed;
  for (size_t from = 0; from < s->piece_count;) {
    ssize_t wrote =
        files->write(files->ctx, s->fd, s->pieces + from, (int)(s->piece_count - from), (off_t)at);
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) return folder_fail(s->folder, s->name.text, "write", error);
    at += (uint64_t)wrote;
    advance(s, &from, (size_t)wrote);
  }
  s->piece_count = s->len = 0;
  s->flushed = 0;
  return RKV_OK;
}
