/* keep.h: received bytes that outlive their call.
 *
 * What the node may keep (commands, entries, chunks) is copied once off the received slices: those
 * are charged to the server's resource quota and pin a whole read chunk for as long as a slice of
 * it lives, so that a log held in memory would end with a server that can receive no more (seen:
 * with a quota of 16 MiB after 50,000 commands of 270 bytes, GOAWAY to everyone from then on).
 * What dies with the call is not copied: bytes.h. */
#ifndef TRANSPORT_KEEP_H
#define TRANSPORT_KEEP_H

#include <grpc/byte_buffer.h>
#include <rkv/rkv.h>

/* True if the sender compressed the message: no decompression here (a bomb is not limited by its
 * size on the wire). */
bool keep_is_compressed(const grpc_byte_buffer *message);

/* Copies the message into one buffer, given to the caller. `message` stays the caller's and is not
 * compressed. Errors: RKV_NO_MEMORY. Any thread. */
enum rkv_status keep_message(const struct rkv_host *host, grpc_byte_buffer *message,
                             struct rkv_buf *out, struct rkv_error *error);

#endif
