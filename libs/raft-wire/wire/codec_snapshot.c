/* codec_snapshot.c: the messages of a snapshot stream: meta, chunks, the answer. */
#include "wire/codec_parts.h"
#include "wire/bytes.h"
#include "wire/pb.h"

enum { META = 1, CHUNK = 2 };

/* ---- request in ---- */

static enum rkv_status id_in(ProtobufCBinaryData in, char out[RKV_SNAPSHOT_ID_MAX],
                             struct rkv_error *error) {
  memset(out, 0, RKV_SNAPSHOT_ID_MAX);
  if (in.len >= RKV_SNAPSHOT_ID_MAX)
    return rkv_fail(error, RKV_INVALID, "meta.snapshot_id: %zu bytes (at most %d)", in.len,
                    RKV_SNAPSHOT_ID_MAX - 1);
  for (size_t i = 0; i < in.len; i++)
    if (in.data[i] < ' ' || in.data[i] > '~')
      return rkv_fail(error, RKV_INVALID, "meta.snapshot_id: byte 0x%02x at %zu is not printable",
                      in.data[i], i);
  if (in.len) memcpy(out, in.data, in.len);
  return RKV_OK;
}

static enum rkv_status meta_in(const Openraftpb__SnapshotRequestMeta *in,
                               struct codec_snapshot *out, struct rkv_error *error) {
  const Openraftpb__Membership *m = in->last_membership;
  struct rkv_snapshot_meta *meta = &out->meta;
  enum rkv_status status;
  if ((status = codec_sender_in(in->vote, "meta.vote", &out->vote, error)) ||
      (status = codec_log_id_in(in->last_log_id, "meta.last_log_id", &meta->last, error)) ||
      (status = codec_log_id_in(in->last_membership_log_id, "meta.last_membership_log_id",
                                &meta->membership_id, error)) ||
      (status = id_in(in->snapshot_id, meta->id, error)))
    return status;
  if (!out->vote.committed)
    return rkv_fail(error, RKV_INVALID, "meta.vote.committed: only a leader sends snapshots");
  if (meta->membership_id.index > meta->last.index)
    return rkv_fail(error, RKV_INVALID, "meta.last_membership_log_id: after last_log_id");
  /* A Rust node that never saw a membership sends the default one: nothing inside. */
  if (!m || (m->n_configs == 0 && m->n_nodes == 0)) return RKV_OK;
  return codec_membership_in(m, "meta.last_membership", &meta->membership, error);
}

static enum rkv_status meta_decode(const uint8_t *data, size_t len, struct codec_snapshot *out,
                                   struct rkv_error *error) {
  struct arena arena;
  Openraftpb__SnapshotRequestMeta *in;
  enum rkv_status status;
  arena_open(&arena, len);
  status = arena_unpack(&arena, &openraftpb__snapshot_request_meta__descriptor, data, len, "meta",
                        &in, error);
  if (status == RKV_OK) status = meta_in(in, out, error);
  arena_close(&arena);
  return status;
}

enum rkv_status codec_snapshot_request_decode(struct rkv_buf message, struct codec_snapshot *out,
                                              struct rkv_error *error) {
  struct pb_reader reader = {message.data, message.data + message.len};
  struct pb_field field, payload = {0};
  enum pb_step step;
  memset(out, 0, sizeof *out);
  /* A oneof: the last one given counts. */
  while ((step = pb_next(&reader, &field)) == PB_FIELD)
    if (field.number == META || field.number == CHUNK) {
      if (field.type != PB_BYTES)
        return rkv_fail(error, RKV_INVALID, "%s: not a length-delimited field",
                        field.number == META ? "meta" : "chunk");
      payload = field;
    }
  if (step == PB_BAD)
    return rkv_fail(error, RKV_INVALID, "snapshot request: damaged at byte %zu of %zu",
                    (size_t)(reader.at - message.data), message.len);
  if (payload.number == 0) return rkv_fail(error, RKV_INVALID, "payload: neither meta nor chunk");
  if (payload.number == CHUNK) {
    out->chunk = (struct rkv_buf){payload.data, payload.len, message.owner};
    return RKV_OK;
  }
  out->is_meta = true;
  return meta_decode(payload.data, payload.len, out, error);
}

/* ---- request out ---- */

enum rkv_status codec_snapshot_meta_encode(struct rkv_vote vote,
                                           const struct rkv_snapshot_meta *meta, grpc_slice *out,
                                           struct rkv_error *error) {
  Openraftpb__SnapshotRequest request = OPENRAFTPB__SNAPSHOT_REQUEST__INIT;
  Openraftpb__SnapshotRequestMeta body = OPENRAFTPB__SNAPSHOT_REQUEST_META__INIT;
  struct codec_vote_space vote_space;
  Openraftpb__LogId last, membership_id;
  struct arena arena;
  enum rkv_status status;
  *out = grpc_empty_slice();
  arena_open(&arena, meta->membership.len);
  status = codec_membership_out(&arena, meta->membership, &body.last_membership, error);
  body.vote = codec_vote_out(vote, &vote_space);
  body.last_log_id = codec_log_id_out(meta->last, &last);
  body.last_membership_log_id = codec_log_id_out(meta->membership_id, &membership_id);
  body.snapshot_id.len = strlen(meta->id);
  body.snapshot_id.data = (uint8_t *)(uintptr_t)meta->id; /* packed only */
  request.payload_case = OPENRAFTPB__SNAPSHOT_REQUEST__PAYLOAD_META;
  request.meta = &body;
  if (status == RKV_OK) *out = codec_pack(&request.base);
  arena_close(&arena);
  return status;
}

enum rkv_status codec_snapshot_chunk_encode(struct rkv_buf chunk, grpc_byte_buffer **out,
                                            struct rkv_error *error) {
  grpc_slice slices[2];
  slices[0] = grpc_slice_malloc(pb_bytes_size(chunk.len) - chunk.len);
  (void)pb_put_head(GRPC_SLICE_START_PTR(slices[0]), CHUNK, chunk.len);
  *out = NULL;
  if (bytes_to_slice(chunk, &slices[1]) != RKV_OK) {
    grpc_slice_unref(slices[0]);
    return rkv_fail(error, RKV_NO_MEMORY, "snapshot chunk: no memory");
  }
  *out = grpc_raw_byte_buffer_create(slices, 2);
  grpc_slice_unref(slices[0]);
  grpc_slice_unref(slices[1]);
  return RKV_OK;
}

size_t codec_snapshot_chunk_max(size_t limit) {
  size_t size = limit;
  while (size && pb_bytes_size(size) > limit) size--;
  return size;
}

/* ---- answer ---- */

enum rkv_status codec_snapshot_answer_decode(struct rkv_buf message, struct rkv_vote *vote,
                                             struct rkv_error *error) {
  struct arena arena;
  Openraftpb__SnapshotResponse *in;
  enum rkv_status status;
  arena_open(&arena, message.len);
  status = arena_unpack(&arena, &openraftpb__snapshot_response__descriptor, message.data,
                        message.len, "snapshot answer", &in, error);
  if (status == RKV_OK) status = codec_vote_in(in->vote, "vote", vote, error);
  arena_close(&arena);
  return status;
}

grpc_slice codec_snapshot_answer_encode(struct rkv_vote vote) {
  Openraftpb__SnapshotResponse out = OPENRAFTPB__SNAPSHOT_RESPONSE__INIT;
  struct codec_vote_space space;
  out.vote = codec_vote_out(vote, &space);
  return codec_pack(&out.base);
}
