/* bytes.c: rkv_buf <-> gRPC slices; each holds a reference of the other's kind. */
#include "wire/bytes.h"

#include <grpc/byte_buffer_reader.h>
#include <stdatomic.h>
#include <stdlib.h>

/* Bytes of a slice inlined in its struct are inside the owner: `slice` must not move. */
struct slice_owner {
  struct rkv_buf_owner base;
  grpc_slice slice;
};

static void slice_owner_free(struct rkv_buf_owner *self) {
  struct slice_owner *owner = (struct slice_owner *)self;
  grpc_slice_unref(owner->slice);
  free(owner);
}

enum rkv_status bytes_from_slice(grpc_slice slice, struct rkv_buf *out) {
  struct slice_owner *owner = malloc(sizeof *owner);
  *out = rkv_buf_none();
  if (!owner) {
    grpc_slice_unref(slice);
    return RKV_NO_MEMORY;
  }
  owner->base.refs = 1;
  owner->base.reserved = 0;
  owner->base.free = slice_owner_free;
  owner->slice = slice;
  out->data = GRPC_SLICE_START_PTR(owner->slice);
  out->len = GRPC_SLICE_LENGTH(owner->slice);
  out->owner = &owner->base;
  return RKV_OK;
}

enum rkv_status bytes_from_message(grpc_byte_buffer *in, struct rkv_buf *out) {
  grpc_byte_buffer_reader reader;
  grpc_slice *only = NULL, whole;
  *out = rkv_buf_none();
  if (!in) return RKV_OK;
  if (!grpc_byte_buffer_reader_init(&reader, in)) return RKV_INVALID;
  if (!grpc_byte_buffer_reader_peek(&reader, &only)) {
    grpc_byte_buffer_reader_destroy(&reader);
    return RKV_OK;
  }
  if (GRPC_SLICE_LENGTH(*only) == grpc_byte_buffer_length(reader.buffer_out)) {
    whole = grpc_slice_ref(*only);
  } else {
    grpc_byte_buffer_reader_destroy(&reader);
    if (!grpc_byte_buffer_reader_init(&reader, in)) return RKV_INVALID;
    whole = grpc_byte_buffer_reader_readall(&reader);
  }
  grpc_byte_buffer_reader_destroy(&reader);
  return bytes_from_slice(whole, out);
}

/* What a slice of the core's holds of ours. `handed`: the core drops it on a thread of its own and
 * orders that after our writes by atomics that a sanitizer does not see; this one it sees. */
struct shared {
  struct rkv_buf buf;
  atomic_bool handed;
};

static void drop_shared(void *arg) {
  struct shared *shared = arg;
  (void)atomic_load_explicit(&shared->handed, memory_order_acquire);
  rkv_buf_drop(&shared->buf);
  free(shared);
}

enum rkv_status bytes_to_slice(struct rkv_buf buf, grpc_slice *out) {
  struct shared *shared;
  *out = grpc_empty_slice();
  if (buf.len == 0) return RKV_OK;
  if (!(shared = malloc(sizeof *shared))) return RKV_NO_MEMORY;
  shared->buf = rkv_buf_share(buf);
  atomic_store_explicit(&shared->handed, true, memory_order_release);
  /* The core takes a mutable pointer but never writes through it. */
  *out = grpc_slice_new_with_user_data((void *)(uintptr_t)buf.data, buf.len, drop_shared, shared);
  return RKV_OK;
}
