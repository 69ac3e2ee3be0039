/* envelope.h: struct rkv_envelope as request metadata, one pair per RPC:
 *
 *     rkv-envelope: <cluster id, 32 hex digits, or -> <node asked for> <its incarnation, hex, or ->
 *
 * A request without it comes from another kind of node; one that breaks the form is refused. */
#ifndef TRANSPORT_ENVELOPE_H
#define TRANSPORT_ENVELOPE_H

#include <grpc/grpc.h>
#include <rkv/rkv.h>

#define ENVELOPE_KEY "rkv-envelope"
#define ENVELOPE_TEXT_MAX                                                                          \
  96 /* bytes of the value, NUL included: 32 + 20 + 16 digits and blanks                           \
      */

/* The pair, whose value is a slice of its own: drop it with grpc_slice_unref. */
grpc_metadata envelope_pair(const struct rkv_peer_info *info);

/* Looks for the pair: *found tells whether it was there, then *out is filled. Errors: RKV_INVALID.
 */
enum rkv_status envelope_find(const grpc_metadata_array *metadata, struct rkv_envelope *out,
                              bool *found, struct rkv_error *error);

#endif
