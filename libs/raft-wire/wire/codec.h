/* codec.h: the messages of the wire (protos/, packages openraftpb and rkv.v1) <-> the structs of
 * the ABI.
 *
 * (C1) Log indexes: the wire counts from 0 and leaves "none" out, the ABI counts from 1 and calls
 *      none 0. Translated in codec_id.c and nowhere else. An EMPTY LogId on the wire is an id.
 * (C2) What is encoded is what the Rust peer can take: a vote always has its leader_id, a
 *      membership passes rkv_membership_check.
 *
 * All that comes from outside is checked; a refusal is RKV_INVALID (or RKV_TOO_LARGE over a named
 * limit) with the field's name in the text. Unknown fields are skipped, maps with duplicate keys:
 * the last one wins. A command's bytes are never copied on receipt: payloads are slices of the
 * message received.
 *
 * Every function: any thread, never blocks, keeps no state. `message` is one whole message in one
 * piece (bytes.h), borrowed. A grpc_slice or byte buffer handed out is given to the caller. */
#ifndef WIRE_CODEC_H
#define WIRE_CODEC_H

#include <grpc/byte_buffer.h>
#include <grpc/slice.h>
#include <rkv/rkv.h>

#define CODEC_ENTRIES_MAX 65536u /* entries of one append that are accepted */
#define CODEC_COMMANDS_MAX 4096u /* commands of one message of a write stream */
#define CODEC_COPY_MAX 512u      /* bytes; larger payloads are sent as slices of their own */

/* ---- server: requests in ---- */

/* Fills the request fields (vote, last, transfer) of *call. */
enum rkv_status codec_vote_request_decode(struct rkv_buf message, struct rkv_vote_call *call,
                                          struct rkv_error *error);

/* Fills the request fields of *call. The entries are one allocation, freed by
 * codec_append_request_free; command payloads are borrowed from `message`, whose reference must be
 * held until then. Nothing is left to free on an error. Errors: also RKV_NO_MEMORY. */
enum rkv_status codec_append_request_decode(struct rkv_buf message, struct rkv_append_call *call,
                                            struct rkv_error *error);
void codec_append_request_free(struct rkv_append_call *call);

/* Fill the request fields of *call. */
enum rkv_status codec_timeout_now_decode(struct rkv_buf message, struct rkv_timeout_now_call *call,
                                         struct rkv_error *error);
enum rkv_status codec_read_index_decode(struct rkv_buf message, struct rkv_read_index_call *call,
                                        struct rkv_error *error);
enum rkv_status codec_transfer_decode(struct rkv_buf message, struct rkv_transfer_call *call,
                                      struct rkv_error *error);

/* One message of a snapshot stream. */
struct codec_snapshot {
  bool is_meta;
  struct rkv_vote vote;          /* meta */
  struct rkv_snapshot_meta meta; /* meta; size stays 0; meta.membership is given to the caller */
  struct rkv_buf chunk;          /* else: a slice borrowed from the message */
};
enum rkv_status codec_snapshot_request_decode(struct rkv_buf message, struct codec_snapshot *out,
                                              struct rkv_error *error);

/* One uniform config of all nodes given. */
enum rkv_status codec_init_decode(struct rkv_buf message, struct rkv_membership *out,
                                  struct rkv_error *error);
/* Fills call->learner. */
enum rkv_status codec_add_learner_decode(struct rkv_buf message, struct rkv_membership_call *call,
                                         struct rkv_error *error);
/* Fills call->voters and call->retain. */
enum rkv_status codec_set_address_decode(struct rkv_buf message, struct rkv_membership_call *call,
                                         struct rkv_error *error);
enum rkv_status codec_remove_decode(struct rkv_buf message, struct rkv_membership_call *call,
                                    struct rkv_error *error);
enum rkv_status codec_members_answer_encode(struct rkv_log_id id, struct rkv_buf membership,
                                            grpc_slice *out, struct rkv_error *error);
/* Fills the request fields of *call, whose texts are in *space: one allocation, freed with free()
 * once the call has ended; NULL on an error. Errors: also RKV_NO_MEMORY. */
enum rkv_status codec_swap_decode(struct rkv_buf message, struct rkv_swap_call *call, void **space,
                                  struct rkv_error *error);
enum rkv_status codec_change_membership_decode(struct rkv_buf message,
                                               struct rkv_membership_call *call,
                                               struct rkv_error *error);

/* A WriteRequest: how many commands it has; then each, borrowed from `message`, by
 * codec_write_next, which is called at most that often. */
struct codec_commands {
  struct rkv_buf message;
  size_t at;
};
enum rkv_status codec_write_open(struct rkv_buf message, struct codec_commands *commands,
                                 size_t *count, struct rkv_error *error);
struct rkv_buf codec_write_next(struct codec_commands *commands);

/* Fills method and request; the latter is borrowed from `message`. *space: an allocation that the
 * caller frees. */
enum rkv_status codec_admin_decode(struct rkv_buf message, struct rkv_admin_call *call,
                                   void **space, struct rkv_error *error);

/* ---- server: answers out ---- */

/* How one command of a WriteRequest ended. */
struct codec_write_result {
  uint32_t code;         /* a gRPC status code, 0: applied */
  char *text;            /* why not; may be NULL */
  struct rkv_buf answer; /* the state machine's */
};
grpc_slice codec_write_answer_encode(const struct codec_write_result *results, size_t count);

grpc_slice codec_vote_answer_encode(const struct rkv_vote_call *call);

/* The unary answer: success leaves last_log_id out, partial success names it. Errors: RKV_FULL for
 * a success of nothing at all (matched = none although there were entries): the wire has no word
 * for it. */
enum rkv_status codec_append_answer_encode(const struct rkv_append_call *call, grpc_slice *out,
                                           struct rkv_error *error);

/* The answer on a stream: success always names `matched` (left out: none), conflict names prev. */
grpc_slice codec_append_stream_answer_encode(const struct rkv_append_call *call);

grpc_slice codec_hello_answer_encode(const struct rkv_hello_call *call);
grpc_slice codec_read_index_answer_encode(const struct rkv_read_index_call *call);
grpc_slice codec_snapshot_now_answer_encode(const struct rkv_snapshot_now_call *call);

grpc_slice codec_snapshot_answer_encode(struct rkv_vote vote);

grpc_slice codec_admin_answer_encode(const struct rkv_admin_call *call);

/* Errors: RKV_NO_MEMORY. */
enum rkv_status codec_swap_answer_encode(const struct rkv_swap_call *call, grpc_slice *out,
                                         struct rkv_error *error);

/* Answer of AddLearner and ChangeMembership; data is present and empty. Errors: RKV_CORRUPT if
 * `membership` (rkv_membership_encode) is damaged. */
enum rkv_status codec_membership_answer_encode(struct rkv_log_id id, struct rkv_buf membership,
                                               grpc_slice *out, struct rkv_error *error);
/* other_metrics begins with the pairs that every node has, ids as on the wire (C1), and goes on
 * with call->text. An empty membership is left out. Errors: RKV_CORRUPT likewise, RKV_NO_MEMORY. */
enum rkv_status codec_metrics_answer_encode(const struct rkv_metrics_call *call, grpc_slice *out,
                                            struct rkv_error *error);

/* ---- client: requests out ---- */

grpc_slice codec_vote_request_encode(const struct rkv_vote_call *call);
grpc_slice codec_timeout_now_encode(const struct rkv_timeout_now_call *call);
grpc_slice codec_read_index_encode(const struct rkv_read_index_call *call);

grpc_slice codec_init_encode(const struct rkv_membership *membership);
grpc_slice codec_add_learner_encode(const struct rkv_membership_call *call);
grpc_slice codec_change_membership_encode(const struct rkv_membership_call *call);
grpc_slice codec_set_address_encode(const struct rkv_membership_call *call);
grpc_slice codec_remove_encode(const struct rkv_membership_call *call);
grpc_slice codec_transfer_encode(const struct rkv_transfer_call *call);
grpc_slice codec_admin_encode(const struct rkv_admin_call *call);

/* What an AppendEntriesRequest has beside its entries. */
struct codec_append_head {
  struct rkv_vote vote;
  struct rkv_log_id prev, commit;
  rkv_index digest_index; /* 0: no digest is named */
  uint64_t digest;
};
/* Exact bytes on the wire, without and with the entries. */
size_t codec_append_head_size(const struct codec_append_head *head);
/* *size = the entry's bytes in the request, its tag and length included. Errors: RKV_CORRUPT for a
 * damaged membership. */
enum rkv_status codec_entry_size(const struct rkv_entry *entry, size_t *size,
                                 struct rkv_error *error);
/* Payloads over CODEC_COPY_MAX are shared, not copied. Errors: RKV_CORRUPT for a damaged
 * membership, RKV_NO_MEMORY. */
enum rkv_status codec_append_request_encode(const struct codec_append_head *head,
                                            const struct rkv_entry *entries, size_t count,
                                            grpc_byte_buffer **out, struct rkv_error *error);

/* The first message of a snapshot stream. Errors: RKV_CORRUPT for a damaged membership. */
enum rkv_status codec_snapshot_meta_encode(struct rkv_vote vote,
                                           const struct rkv_snapshot_meta *meta, grpc_slice *out,
                                           struct rkv_error *error);
/* The chunk's bytes are shared, not copied. Errors: RKV_NO_MEMORY. */
enum rkv_status codec_snapshot_chunk_encode(struct rkv_buf chunk, grpc_byte_buffer **out,
                                            struct rkv_error *error);
/* Bytes that a chunk may have so that its message is at most `limit` bytes; 0 if none fits. */
size_t codec_snapshot_chunk_max(size_t limit);

/* ---- client: answers in ---- */

/* Fills the answer fields of *call. */
enum rkv_status codec_vote_answer_decode(struct rkv_buf message, struct rkv_vote_call *call,
                                         struct rkv_error *error);
/* Fills result, matched and voter_vote of *call as the answer to an append with the call's prev and
 * entries. */
enum rkv_status codec_append_answer_decode(struct rkv_buf message, struct rkv_append_call *call,
                                           struct rkv_error *error);
/* Likewise the answer on a stream. Errors: also if it is not about this request. */
enum rkv_status codec_append_stream_answer_decode(struct rkv_buf message,
                                                  struct rkv_append_call *call,
                                                  struct rkv_error *error);
/* Fills call->index. */
enum rkv_status codec_hello_answer_decode(struct rkv_buf message, struct rkv_hello_call *call,
                                          struct rkv_error *error);
enum rkv_status codec_read_index_answer_decode(struct rkv_buf message,
                                               struct rkv_read_index_call *call,
                                               struct rkv_error *error);
enum rkv_status codec_snapshot_answer_decode(struct rkv_buf message, struct rkv_vote *vote,
                                             struct rkv_error *error);

/* Answers to a client. Fill the answer fields; a membership is given to the caller, other bytes are
 * borrowed from `message`. */
enum rkv_status codec_membership_answer_decode(struct rkv_buf message,
                                               struct rkv_membership_call *call,
                                               struct rkv_error *error);
enum rkv_status codec_members_answer_decode(struct rkv_buf message,
                                            struct rkv_membership_call *call,
                                            struct rkv_error *error);
enum rkv_status codec_snapshot_now_answer_decode(struct rkv_buf message,
                                                 struct rkv_snapshot_now_call *call,
                                                 struct rkv_error *error);
enum rkv_status codec_metrics_answer_decode(struct rkv_buf message, struct rkv_metrics_call *call,
                                            struct rkv_error *error);
enum rkv_status codec_admin_answer_decode(struct rkv_buf message, struct rkv_admin_call *call,
                                          struct rkv_error *error);

#endif
