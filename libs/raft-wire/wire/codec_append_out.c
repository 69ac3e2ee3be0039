/* codec_append_out.c: AppendEntriesRequest as sent: small parts in one piece, large payloads
 * shared. */
#include "wire/codec_parts.h"
#include "wire/bytes.h"
#include "wire/pb.h"

#include <inttypes.h>
#include <stdlib.h>

enum { ENTRIES = 3, TERM = 1, INDEX = 2, APP_DATA = 12, MEMBERSHIP = 13 };

/* vote and prev stand before the entries, all else behind them: ascending field numbers, as the
 * usual encoders do. */
struct frame {
  Openraftpb__AppendEntriesRequest front, back;
  struct codec_vote_space vote;
  Openraftpb__LogId prev, commit;
};

static void frame_make(const struct codec_append_head *head, struct frame *frame) {
  openraftpb__append_entries_request__init(&frame->front);
  openraftpb__append_entries_request__init(&frame->back);
  frame->front.vote = codec_vote_out(head->vote, &frame->vote);
  frame->front.prev_log_id = codec_log_id_out(head->prev, &frame->prev);
  frame->back.leader_commit = codec_log_id_out(head->commit, &frame->commit);
  frame->back.digest_at = head->digest_index; /* 1 + the index on the wire */
  frame->back.digest = head->digest_index ? head->digest : 0;
}

size_t codec_append_head_size(const struct codec_append_head *head) {
  struct frame frame;
  frame_make(head, &frame);
  return protobuf_c_message_get_packed_size(&frame.front.base) +
         protobuf_c_message_get_packed_size(&frame.back.base);
}

/* ---- one entry ---- */

/* Sizes of an entry's parts on the wire. */
struct shape {
  size_t payload, body; /* bytes; body: all behind the entry's own tag and length */
};

static enum rkv_status membership_pack(const struct rkv_entry *entry, uint8_t *at, size_t *size,
                                       struct rkv_error *error) {
  struct arena arena;
  Openraftpb__Membership *message;
  enum rkv_status status;
  arena_open(&arena, entry->payload.len);
  status = codec_membership_out(&arena, entry->payload, &message, error);
  if (status == RKV_OK && !message)
    status = rkv_fail(error, RKV_CORRUPT, "entry %" PRIu64 ": a membership without content",
                      entry->id.index);
  if (status == RKV_OK)
    *size = at ? protobuf_c_message_pack(&message->base, at)
               : protobuf_c_message_get_packed_size(&message->base);
  arena_close(&arena);
  return status;
}

static enum rkv_status shape_of(const struct rkv_entry *entry, struct shape *out,
                                struct rkv_error *error) {
  enum rkv_status status;
  out->payload = entry->payload.len;
  out->body = pb_uint_size(entry->id.term) + pb_uint_size(codec_index_out(entry->id.index));
  if (entry->kind == RKV_ENTRY_MEMBERSHIP &&
      (status = membership_pack(entry, NULL, &out->payload, error)))
    return status;
  if (entry->kind != RKV_ENTRY_BLANK) out->body += pb_bytes_size(out->payload);
  return RKV_OK;
}

enum rkv_status codec_entry_size(const struct rkv_entry *entry, size_t *size,
                                 struct rkv_error *error) {
  struct shape shape;
  enum rkv_status status = shape_of(entry, &shape, error);
  *size = status ? 0 : pb_bytes_size(shape.body);
  return status;
}

static bool is_shared(const struct rkv_entry *entry) {
  return entry->kind == RKV_ENTRY_COMMAND && entry->payload.len > CODEC_COPY_MAX;
}

/* ---- the message ---- */

/* `small` takes all that is copied; pieces refer to parts of it and to shared payloads. */
struct writer {
  grpc_slice small;
  uint8_t *start, *at; /* in small: first byte not yet in a piece, next byte to write */
  grpc_slice *pieces;
  size_t count;
};

static void cut(struct writer *w) {
  uint8_t *base = GRPC_SLICE_START_PTR(w->small);
  if (w->at == w->start) return;
  w->pieces[w->count++] =
      grpc_slice_sub(w->small, (size_t)(w->start - base), (size_t)(w->at - base));
  w->start = w->at;
}

static enum rkv_status put_entry(struct writer *w, const struct rkv_entry *entry,
                                 struct rkv_error *error) {
  struct shape shape;
  enum rkv_status status = shape_of(entry, &shape, error);
  if (status != RKV_OK) return status;
  w->at = pb_put_head(w->at, ENTRIES, shape.body);
  w->at = pb_put_uint(w->at, TERM, entry->id.term);
  w->at = pb_put_uint(w->at, INDEX, codec_index_out(entry->id.index));
  if (entry->kind == RKV_ENTRY_BLANK) return RKV_OK;
  if (entry->kind == RKV_ENTRY_MEMBERSHIP) {
    w->at = pb_put_head(w->at, MEMBERSHIP, shape.payload);
    status = membership_pack(entry, w->at, &shape.payload, error);
    w->at += shape.payload;
    return status;
  }
  w->at = pb_put_head(w->at, APP_DATA, shape.payload);
  if (!is_shared(entry)) {
    if (shape.payload) memcpy(w->at, entry->payload.data, shape.payload);
    w->at += shape.payload;
    return RKV_OK;
  }
  cut(w);
  status = bytes_to_slice(entry->payload, &w->pieces[w->count]);
  if (status != RKV_OK) return rkv_fail(error, status, "append request: no memory");
  w->count++;
  return RKV_OK;
}

/* Bytes that are copied, and how many payloads are not. */
static enum rkv_status measure(const struct rkv_entry *entries, size_t count, size_t *small,
                               size_t *shared, struct rkv_error *error) {
  size_t size;
  enum rkv_status status;
  for (size_t i = 0; i < count; i++) {
    if ((status = codec_entry_size(&entries[i], &size, error))) return status;
    *small += size;
    if (!is_shared(&entries[i])) continue;
    *small -= entries[i].payload.len;
    ++*shared;
  }
  return RKV_OK;
}

enum rkv_status codec_append_request_encode(const struct codec_append_head *head,
                                            const struct rkv_entry *entries, size_t count,
                                            grpc_byte_buffer **out, struct rkv_error *error) {
  struct frame frame;
  struct writer w = {0};
  size_t small = codec_append_head_size(head), shared = 0;
  enum rkv_status status;
  *out = NULL;
  if ((status = measure(entries, count, &small, &shared, error))) return status;
  if (!(w.pieces = malloc((2 * shared + 1) * sizeof *w.pieces)))
    return rkv_fail(error, RKV_NO_MEMORY, "append request: no memory");
  w.small = grpc_slice_malloc(small);
  w.start = w.at = GRPC_SLICE_START_PTR(w.small);
  frame_make(head, &frame);
  w.at += protobuf_c_message_pack(&frame.front.base, w.at);
  for (size_t i = 0; i < count && status == RKV_OK; i++) status = put_entry(&w, &entries[i], error);
  if (status == RKV_OK) {
    w.at += protobuf_c_message_pack(&frame.back.base, w.at);
    cut(&w);
    *out = grpc_raw_byte_buffer_create(w.pieces, w.count);
  }
  for (size_t i = 0; i < w.count; i++) grpc_slice_unref(w.pieces[i]);
  grpc_slice_unref(w.small);
  free(w.pieces);
  return status;
}
