/* bytes.h: rkv_buf <-> gRPC slices and byte buffers.
 *
 * What the node may keep (commands, entries) is copied ONCE off the received slices: those belong
 * to the server's resource quota and pin a whole read chunk, so a log held in memory would starve
 * the server. What dies with the call (queries, votes) is only viewed. Outbound bytes are shared,
 * not copied, unless they are tiny. */
#ifndef TRANSPORT_BYTES_H
#define TRANSPORT_BYTES_H

#include <grpc/byte_buffer.h>
#include <grpc/slice.h>
#include <rkv/rkv.h>

#define BYTES_COPY_MAX 512 /* bytes: below it a copy is cheaper than a shared reference */

/* Contiguous bytes of a received message; valid until bytes_view_end. */
struct bytes_view {
  const uint8_t *data;
  size_t len;
  grpc_slice slice; /* holds what `data` points to */
};

/* Views the message (not NULL): no copy if it came in one piece. Errors: RKV_UNIMPLEMENTED if it
 * is compressed. Any thread. */
enum rkv_status bytes_view(grpc_byte_buffer *message, struct bytes_view *view,
                           struct rkv_error *error);
void bytes_view_end(struct bytes_view *view);

/* Copies the message into one buffer, whose reference is given to the caller. Errors:
 * RKV_UNIMPLEMENTED if it is compressed, RKV_NO_MEMORY. Any thread. */
enum rkv_status bytes_copy(const struct rkv_host *host, grpc_byte_buffer *message,
                           struct rkv_buf *out, struct rkv_error *error);

/* A slice over the same bytes, holding its own reference to buf; drop with grpc_slice_unref. */
grpc_slice bytes_slice(struct rkv_buf buf);

/* A message of one slice; the slice is given. */
grpc_byte_buffer *bytes_message(grpc_slice slice);

#endif
