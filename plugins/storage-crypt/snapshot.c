/* snapshot.c: a snapshot's bytes in frames, and its description, which has a record in the place of
 * the membership. Each snapshot draws a key of its own; frame n is message n of it.
 *
 * (C2) Every frame but the last has FRAME bytes of text. That a frame is the last one is bound into
 *      its tag: a snapshot that was cut short does not open. */
#include "store.h"

#include <assert.h>
#include <openssl/crypto.h>
#include <stdlib.h>

enum { FRAME = 64 * 1024, LOCKED = FRAME + CIPHER_TAG /* bytes of a frame */ };

/* One snapshot that is written or read. */
struct handle {
  struct crypt *s;
  void *below;                   /* the same of the storage under this one */
  EVP_CIPHER_CTX *ctx;           /* with the snapshot's key */
  struct rkv_snapshot_meta meta; /* without the membership */
  uint64_t frame;                /* that `text` is of (C1) */
  size_t used;                   /* bytes of `text` */
  uint8_t text[FRAME], locked[LOCKED];
};

static enum rkv_status refuse_snapshot(const struct rkv_snapshot_meta *meta, enum rkv_status status,
                                       struct rkv_error *error, const char *why) {
  return rkv_fail(error, status, "storage-crypt: the snapshot up to index %" PRIu64 ": %s",
                  meta->last.index, why);
}

static struct handle *handle_new(struct crypt *s, struct rkv_error *error) {
  struct handle *h = calloc(1, sizeof *h);
  if (h)
    h->s = s;
  else
    (void)rkv_fail(error, RKV_NO_MEMORY, "storage-crypt: no memory for a snapshot");
  return h;
}

static void handle_free(struct handle *h) {
  EVP_CIPHER_CTX_free(h->ctx);
  OPENSSL_cleanse(h->text, sizeof h->text);
  free(h);
}

/* ---- sizes ---- */

static uint64_t locked_size(uint64_t size) {
  return size + (size == 0 ? 1 : (size - 1) / FRAME + 1) * CIPHER_TAG;
}

/* False: no frames have so many bytes. */
static bool open_size(uint64_t locked, uint64_t *size) {
  const uint64_t tags = (locked == 0 ? 1 : (locked - 1) / LOCKED + 1) * CIPHER_TAG;
  *size = locked < tags ? 0 : locked - tags;
  return locked_size(*size) == locked;
}

/* ---- the description ---- */

static enum rkv_status open_description(struct crypt *s, struct rkv_snapshot_meta *meta,
                                        EVP_CIPHER_CTX **ctx, struct rkv_buf *membership,
                                        struct rkv_error *error) {
  struct record record = {0};
  enum rkv_status status;
  record_put_snapshot(&record, s->host->node_id, meta);
  if (!record_read(&record, meta->membership) || !open_size(meta->size, &meta->size))
    return rkv_fail(error, RKV_CORRUPT, RECORD_NONE);
  status = keys_find(&s->keys, &record.key, ctx, error);
  if (record.key.generation < s->oldest) s->oldest = record.key.generation;
  if (status != RKV_OK) return status;
  return record_open(s->host, *ctx, &record, meta->membership, membership, error);
}

enum rkv_status snapshot_describe(struct crypt *s, struct rkv_snapshot_meta *meta,
                                  EVP_CIPHER_CTX **ctx, struct rkv_error *error) {
  struct rkv_buf membership = rkv_buf_none();
  struct rkv_error why;
  enum rkv_status status = open_description(s, meta, ctx, &membership, &why);
  rkv_buf_drop(&meta->membership);
  meta->membership = membership;
  return status == RKV_OK ? RKV_OK : refuse_snapshot(meta, status, error, why.text);
}

/* ---- writing ---- */

static enum rkv_status put_frame(struct handle *h, bool last, struct rkv_error *error) {
  const uint8_t bound = last;
  const struct message m = {RECORD_FRAME, h->frame++, &bound, 1, h->used};
  struct rkv_buf frame;
  uint8_t *room = h->s->host->buf_alloc(h->s->host->ctx, h->used + CIPHER_TAG, &frame);
  enum rkv_status status = RKV_OK;
  assert(last || h->used == FRAME); /* (C2) */
  if (!room)
    status = refuse_snapshot(&h->meta, RKV_NO_MEMORY, error, "no memory");
  else if (!cipher_lock(h->ctx, &m, h->text, room))
    status = refuse_snapshot(&h->meta, RKV_BROKEN, error, "libcrypto encrypts nothing");
  if (status == RKV_OK) status = h->s->ops->snapshot_write(h->below, frame, error);
  rkv_buf_drop(&frame);
  h->used = 0;
  return status;
}

/* Locks the membership by the key that the frames will have, and begins below. */
static enum rkv_status begin_below(struct handle *h, const struct rkv_snapshot_meta *meta,
                                   struct rkv_error *error) {
  struct record record = {.number = 0};
  struct rkv_snapshot_meta below = *meta;
  struct rkv_error why;
  enum rkv_status status = keys_draw(&h->s->keys, &record.key, &h->ctx, &why);
  if (status != RKV_OK) return refuse_snapshot(meta, status, error, why.text);
  record_put_snapshot(&record, h->s->host->node_id, meta);
  below.size = meta->size == 0 ? 0 : locked_size(meta->size);
  below.membership = rkv_buf_none();
  status = record_lock(h->s->host, h->ctx, &record, meta->membership, &below.membership, &why);
  if (status == RKV_OK)
    status = h->s->ops->snapshot_begin(h->s->it, &below, &h->below, error);
  else
    (void)refuse_snapshot(meta, status, error, why.text);
  rkv_buf_drop(&below.membership);
  return status;
}

enum rkv_status crypt_snapshot_begin(void *storage, const struct rkv_snapshot_meta *meta,
                                     void **writer, struct rkv_error *error) {
  struct handle *h = handle_new(storage, error);
  enum rkv_status status;
  if (!h) return RKV_NO_MEMORY;
  h->meta.last = meta->last;
  status = begin_below(h, meta, error);
  if (status == RKV_OK)
    *writer = h;
  else
    handle_free(h);
  return status;
}

enum rkv_status crypt_snapshot_write(void *writer, struct rkv_buf chunk, struct rkv_error *error) {
  struct handle *h = writer;
  enum rkv_status status = RKV_OK;
  while (status == RKV_OK && chunk.len > 0) {
    const size_t room = FRAME - h->used, len = chunk.len < room ? chunk.len : room;
    memcpy(h->text + h->used, chunk.data, len);
    h->used += len;
    chunk = rkv_buf_slice(chunk, len, chunk.len);
    if (chunk.len > 0) status = put_frame(h, false, error);
  }
  return status;
}

void crypt_snapshot_abort(void *writer) {
  struct handle *h = writer;
  h->s->ops->snapshot_abort(h->below);
  handle_free(h);
}

enum rkv_status crypt_snapshot_commit(void *writer, struct rkv_error *error) {
  struct handle *h = writer;
  enum rkv_status status = put_frame(h, true, error);
  if (status != RKV_OK) {
    crypt_snapshot_abort(h);
    return status;
  }
  status = h->s->ops->snapshot_commit(h->below, error);
  handle_free(h);
  return status;
}

/* ---- reading ---- */

void crypt_snapshot_close(void *reader) {
  struct handle *h = reader;
  if (h->below) h->s->ops->snapshot_close(h->below);
  handle_free(h);
}

enum rkv_status crypt_snapshot_open(void *storage, void **reader, struct rkv_snapshot_meta *meta,
                                    struct rkv_error *error) {
  struct crypt *s = storage;
  struct handle *h = handle_new(s, error);
  enum rkv_status status;
  if (!h) return RKV_NO_MEMORY;
  status = s->ops->snapshot_open(s->it, &h->below, meta, error);
  if (status != RKV_OK) h->below = NULL;
  if (status == RKV_OK) status = snapshot_describe(s, meta, &h->ctx, error);
  h->meta.last = meta->last;
  h->meta.size = meta->size;
  if (status == RKV_OK)
    *reader = h;
  else
    crypt_snapshot_close(h);
  return status;
}

/* Reads a whole frame from below, where a read may give less. */
static enum rkv_status gather(struct handle *h, uint64_t frame, size_t len,
                              struct rkv_error *error) {
  for (size_t have = 0; have < len;) {
    struct rkv_buf chunk;
    enum rkv_status status =
        h->s->ops->snapshot_read(h->below, frame * LOCKED + have, len - have, &chunk, error);
    if (status != RKV_OK) return status;
    if (chunk.len == 0) return refuse_snapshot(&h->meta, RKV_CORRUPT, error, "it ends too early");
    chunk = rkv_buf_slice(chunk, 0, len - have);
    memcpy(h->locked + have, chunk.data, chunk.len);
    have += chunk.len;
    rkv_buf_drop(&chunk);
  }
  return RKV_OK;
}

static enum rkv_status get_frame(struct handle *h, uint64_t frame, struct rkv_error *error) {
  const uint64_t left = h->meta.size - frame * FRAME;
  const uint8_t last = left <= FRAME;
  const size_t len = last ? (size_t)left : FRAME;
  const struct message m = {RECORD_FRAME, frame, &last, 1, len};
  enum rkv_status status = gather(h, frame, len + CIPHER_TAG, error);
  h->used = 0;
  if (status == RKV_OK && !cipher_open(h->ctx, &m, h->locked, h->text))
    status = refuse_snapshot(&h->meta, RKV_CORRUPT, error,
                             "a part of it does not open: it was changed, moved or cut off");
  h->frame = frame;
  if (status == RKV_OK) h->used = len;
  return status;
}

enum rkv_status crypt_snapshot_read(void *reader, uint64_t offset, size_t max,
                                    struct rkv_buf *chunk, struct rkv_error *error) {
  struct handle *h = reader;
  const size_t at = offset % FRAME;
  enum rkv_status status = RKV_OK;
  uint8_t *room;
  *chunk = rkv_buf_none();
  if (offset >= h->meta.size || max == 0) return RKV_OK;
  if (h->used == 0 || h->frame != offset / FRAME) status = get_frame(h, offset / FRAME, error);
  if (status != RKV_OK) return status;
  if (max > h->used - at) max = h->used - at;
  room = h->s->host->buf_alloc(h->s->host->ctx, max, chunk);
  if (!room) return refuse_snapshot(&h->meta, RKV_NO_MEMORY, error, "no memory");
  memcpy(room, h->text + at, max);
  return RKV_OK;
}
