/* keep.c: copies a received message into a buffer of the host's. */
#include "keep.h"

#include <grpc/byte_buffer_reader.h>

bool keep_is_compressed(const grpc_byte_buffer *message) {
  return message->type != GRPC_BB_RAW || message->data.raw.compression != GRPC_COMPRESS_NONE;
}

enum rkv_status keep_message(const struct rkv_host *host, grpc_byte_buffer *message,
                             struct rkv_buf *out, struct rkv_error *error) {
  grpc_byte_buffer_reader reader;
  grpc_slice *slice;
  const size_t len = grpc_byte_buffer_length(message);
  uint8_t *at = host->buf_alloc(host->ctx, len, out);
  if (!at && len > 0)
    return rkv_fail(error, RKV_NO_MEMORY, "no memory for a message of %zu bytes", len);
  if (!grpc_byte_buffer_reader_init(&reader, message)) {
    rkv_buf_drop(out);
    return rkv_fail(error, RKV_INVALID, "a message of %zu bytes cannot be read", len);
  }
  while (grpc_byte_buffer_reader_peek(&reader, &slice)) {
    const size_t part = GRPC_SLICE_LENGTH(*slice);
    if (part > 0) memcpy(at, GRPC_SLICE_START_PTR(*slice), part);
    at += part;
  }
  grpc_byte_buffer_reader_destroy(&reader);
  return RKV_OK;
}
