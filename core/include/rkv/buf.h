/* rkv/buf.h: rkv_buf, a reference-counted immutable slice of bytes.
 *
 * A client's bytes are taken off the socket once; the same bytes are stored, sent to each peer and
 * applied. Slices of one allocation share its owner. Ownership is stated at every parameter of the
 * ABI:
 *
 *   borrowed (the default)  valid until the call returns; to keep it, take a reference
 *   given                   the callee must drop the reference
 *   shared                  both sides hold a reference of their own
 *
 * All functions: any thread, never block. The bytes are never written after the slice was first
 * handed on. */
#ifndef RKV_BUF_H
#define RKV_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Stands at the head of the allocation that holds the bytes. Code that makes buffers embeds one,
 * sets refs to 1 and sets `free`. */
struct rkv_buf_owner {
  uint32_t refs; /* touched by the functions below only (atomically) */
  uint32_t reserved;
  /* Called once, by the thread that drops the last reference. */
  void (*free)(struct rkv_buf_owner *self);
};

struct rkv_buf {
  const uint8_t *data;         /* may be NULL if len is 0 */
  size_t len;                  /* bytes */
  struct rkv_buf_owner *owner; /* NULL: static bytes that outlive everything */
};

#define RKV_BUF_NONE_INIT                                                                          \
  { NULL, 0, NULL }

/* The empty slice. */
static inline struct rkv_buf rkv_buf_none(void) {
  struct rkv_buf none = RKV_BUF_NONE_INIT;
  return none;
}

/* A slice over bytes that outlive every user, for example literals. */
static inline struct rkv_buf rkv_buf_static(const void *data, size_t len) {
  struct rkv_buf buf;
  buf.data = (const uint8_t *)data;
  buf.len = len;
  buf.owner = NULL;
  return buf;
}

/* One more reference to the same bytes; the result must be dropped by rkv_buf_drop. */
static inline struct rkv_buf rkv_buf_share(struct rkv_buf buf) {
  if (buf.owner) (void)__atomic_fetch_add(&buf.owner->refs, 1u, __ATOMIC_RELAXED);
  return buf;
}

/* Gives one reference back and empties *buf. Giving back the last one frees the bytes. */
static inline void rkv_buf_drop(struct rkv_buf *buf) {
  struct rkv_buf_owner *owner = buf->owner;
  *buf = rkv_buf_none();
  if (owner && __atomic_fetch_sub(&owner->refs, 1u, __ATOMIC_ACQ_REL) == 1u) owner->free(owner);
}

/* Bytes [offset, offset + len) of buf, borrowed from it: valid as long as a reference to buf is
 * held. The range is clipped to buf. */
static inline struct rkv_buf rkv_buf_slice(struct rkv_buf buf, size_t offset, size_t len) {
  if (offset > buf.len) offset = buf.len;
  if (len > buf.len - offset) len = buf.len - offset;
  if (buf.data) buf.data += offset;
  buf.len = len;
  return buf;
}

static inline bool rkv_buf_equal(struct rkv_buf a, struct rkv_buf b) {
  return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

#ifdef __cplusplus
}
#endif
#endif
