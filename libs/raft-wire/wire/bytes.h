/* bytes.h: the same bytes as rkv_buf and as gRPC slices and byte buffers, without copying.
 *
 * All functions: any thread, never block. */
#ifndef WIRE_BYTES_H
#define WIRE_BYTES_H

#include <grpc/byte_buffer.h>
#include <grpc/slice.h>
#include <rkv/buf.h>
#include <rkv/status.h>

/* Takes over one reference to `slice` (also on an error) as a buffer given to the caller. Errors:
 * RKV_NO_MEMORY. */
enum rkv_status bytes_from_slice(grpc_slice slice, struct rkv_buf *out);

/* One received message in one piece, given to the caller; copies only if the core delivered it in
 * several. `in` stays the caller's (NULL: an empty message). Errors: RKV_NO_MEMORY; RKV_INVALID if
 * it cannot be decompressed. */
enum rkv_status bytes_from_message(grpc_byte_buffer *in, struct rkv_buf *out);

/* A slice that shares `buf`. Errors: RKV_NO_MEMORY. */
enum rkv_status bytes_to_slice(struct rkv_buf buf, grpc_slice *out);

#endif
