/* codec_parts.h: the parts that several messages share; for the codec_*.c files only. */
#ifndef WIRE_CODEC_PARTS_H
#define WIRE_CODEC_PARTS_H

#include "wire/arena.h"
#include "wire/codec.h"

#include <raft.pb-c.h>

/* ---- codec_id.c ---- */

/* (C1) Errors: RKV_INVALID for an index that the ABI cannot count. */
enum rkv_status codec_index_in(uint64_t wire, const char *field, rkv_index *out,
                               struct rkv_error *error);
static inline uint64_t codec_index_out(rkv_index index) {
  return index - 1;
}

/* NULL is "none". */
enum rkv_status codec_log_id_in(const Openraftpb__LogId *in, const char *field,
                                struct rkv_log_id *out, struct rkv_error *error);
/* Fills *space and returns it, or NULL for none. */
Openraftpb__LogId *codec_log_id_out(struct rkv_log_id id, Openraftpb__LogId *space);

/* Errors: RKV_INVALID if the vote or its leader_id is missing. */
enum rkv_status codec_vote_in(const Openraftpb__Vote *in, const char *field, struct rkv_vote *out,
                              struct rkv_error *error);

/* Likewise of a request, whose sender it names: a node. */
enum rkv_status codec_sender_in(const Openraftpb__Vote *in, const char *field, struct rkv_vote *out,
                                struct rkv_error *error);

/* What is said of a node id 0, behind the field's name. */
#define CODEC_ID_ZERO                                                                              \
  "missing or 0 (ids start at 1 here, also where OpenRaft has 0: give that node another id)"
struct codec_vote_space {
  Openraftpb__Vote vote;
  Openraftpb__LeaderId leader;
};
Openraftpb__Vote *codec_vote_out(struct rkv_vote vote, struct codec_vote_space *space);

/* The whole message as one slice. */
grpc_slice codec_pack(const ProtobufCMessage *message);

/* ---- codec_membership.c ---- */

/* A node id and its address: refused are id 0 and a bad address. */
enum rkv_status codec_node_in(const Openraftpb__Node *in, const char *field, struct rkv_member *out,
                              struct rkv_error *error);

/* Checked, as rkv_membership_encode in a buffer given to the caller. */
enum rkv_status codec_membership_in(const Openraftpb__Membership *in, const char *field,
                                    struct rkv_buf *out, struct rkv_error *error);
/* The message for an encoded membership (empty: *out = NULL), in the arena. Errors: RKV_CORRUPT,
 * RKV_NO_MEMORY. */
enum rkv_status codec_membership_out(struct arena *arena, struct rkv_buf encoded,
                                     Openraftpb__Membership **out, struct rkv_error *error);

#endif
