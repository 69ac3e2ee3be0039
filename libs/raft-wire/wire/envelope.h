/* envelope.h: struct rkv_envelope as request metadata, two pairs per RPC:
 *
 *     rkv-envelope: <cluster id, 32 hex digits, or -> <node asked for> <its incarnation, hex, or ->
 *     rkv-sender: <the node that asks> <its incarnation, hex, or ->
 *
 * A request without the first comes from another kind of node, and its sender is not asked for.
 * Without the second it comes from a node of before ABI 1.1: these refuse a longer envelope, so it
 * is a pair of its own. A pair that breaks the form is refused; words behind it are of later
 * versions: passed over in rkv-sender, refused in rkv-envelope. */
#ifndef WIRE_ENVELOPE_H
#define WIRE_ENVELOPE_H

#include <grpc/grpc.h>
#include <rkv/rkv.h>

#define ENVELOPE_KEY "rkv-envelope"
#define ENVELOPE_SENDER_KEY "rkv-sender"
#define ENVELOPE_PAIRS 2
/* Bytes of a value, its NUL included: 32 + 20 + 16 digits and blanks. */
#define ENVELOPE_TEXT_MAX 96

/* The pairs of what node `self` sends there. Their values are slices of their own: drop each with
 * grpc_slice_unref. */
void envelope_pairs(const struct rkv_peer_info *info, rkv_node_id self,
                    grpc_metadata out[ENVELOPE_PAIRS]);

/* Looks for the pairs: *found tells whether the first was there, then *out is filled. Errors:
 * RKV_INVALID. */
enum rkv_status envelope_find(const grpc_metadata_array *metadata, struct rkv_envelope *out,
                              bool *found, struct rkv_error *error);

#endif
