/* codec_append_in.c: AppendEntriesRequest as received, read in place.
 *
 * Two passes over the same bytes: the first counts, so that all entries are one allocation. A part
 * given twice counts as its last occurrence. */
#include "wire/codec_parts.h"
#include "wire/pb.h"

#include <inttypes.h>
#include <stdlib.h>

/* AppendEntriesRequest */
enum { VOTE = 1, PREV = 2, ENTRIES = 3, COMMIT = 4, DIGEST_AT = 1001, DIGEST = 1002 };
enum { TERM = 1, INDEX = 2, APP_DATA = 12, MEMBERSHIP = 13 }; /* Entry */
#define FIELD_MAX 48 /* bytes of a field's name in a text */

/* The parts of one request, still as bytes (number 0: absent). */
struct parts {
  struct pb_field vote, prev, commit;
  size_t entries;
  uint64_t digest_at, digest;
};

/* True if the field is one of ours that other kinds of nodes do not send. */
static bool take_own(const struct pb_field *field, struct parts *out) {
  uint64_t *number = field->number == DIGEST_AT ? &out->digest_at
                     : field->number == DIGEST  ? &out->digest
                                                : NULL;
  if (number && field->type == PB_VARINT) *number = field->value;
  return number;
}

static enum rkv_status split_parts(struct rkv_buf message, struct parts *out,
                                   struct rkv_error *error) {
  struct pb_reader reader = {message.data, message.data + message.len};
  struct pb_field field;
  enum pb_step step;
  memset(out, 0, sizeof *out);
  while ((step = pb_next(&reader, &field)) == PB_FIELD) {
    if (field.number == 0 || take_own(&field, out) || field.number > COMMIT) continue;
    if (field.type != PB_BYTES)
      return rkv_fail(error, RKV_INVALID, "append request: field %u is not a message",
                      field.number);
    if (field.number == VOTE) out->vote = field;
    if (field.number == PREV) out->prev = field;
    if (field.number == COMMIT) out->commit = field;
    if (field.number == ENTRIES) out->entries++;
  }
  if (step == PB_BAD)
    return rkv_fail(error, RKV_INVALID, "append request: damaged at byte %zu of %zu",
                    (size_t)(reader.at - message.data), message.len);
  if (out->entries > CODEC_ENTRIES_MAX)
    return rkv_fail(error, RKV_TOO_LARGE, "entries: %zu (at most %u)", out->entries,
                    CODEC_ENTRIES_MAX);
  return RKV_OK;
}

static enum rkv_status vote_in(const struct pb_field *field, struct rkv_vote *out,
                               struct rkv_error *error) {
  struct arena arena;
  Openraftpb__Vote *in = NULL;
  enum rkv_status status = RKV_OK;
  arena_open(&arena, field->len);
  if (field->number)
    status = arena_unpack(&arena, &openraftpb__vote__descriptor, field->data, field->len, "vote",
                          &in, error);
  if (status == RKV_OK) status = codec_sender_in(in, "vote", out, error);
  arena_close(&arena);
  if (status == RKV_OK && !out->committed)
    status = rkv_fail(error, RKV_INVALID, "vote.committed: only a leader appends");
  return status;
}

static enum rkv_status id_in(const struct pb_field *field, const char *name, struct rkv_log_id *out,
                             struct rkv_error *error) {
  struct arena arena;
  Openraftpb__LogId *in = NULL;
  enum rkv_status status = RKV_OK;
  arena_open(&arena, field->len);
  if (field->number)
    status = arena_unpack(&arena, &openraftpb__log_id__descriptor, field->data, field->len, name,
                          &in, error);
  if (status == RKV_OK) status = codec_log_id_in(in, name, out, error);
  arena_close(&arena);
  return status;
}

/* ---- one entry ---- */

static enum rkv_status membership_in(const struct pb_field *field, size_t at,
                                     struct rkv_entry *entry, struct rkv_error *error) {
  char name[FIELD_MAX];
  struct arena arena;
  Openraftpb__Membership *in;
  enum rkv_status status;
  (void)snprintf(name, sizeof name, "entries[%zu].membership", at);
  arena_open(&arena, field->len);
  status = arena_unpack(&arena, &openraftpb__membership__descriptor, field->data, field->len, name,
                        &in, error);
  if (status == RKV_OK) status = codec_membership_in(in, name, &entry->payload, error);
  if (status == RKV_OK) entry->kind = RKV_ENTRY_MEMBERSHIP;
  arena_close(&arena);
  return status;
}

/* False: a known field of another type, or bytes that are not protobuf. */
static bool entry_fields(struct pb_reader reader, uint64_t *term, uint64_t *index,
                         struct pb_field *command, struct pb_field *membership) {
  struct pb_field field;
  enum pb_step step;
  while ((step = pb_next(&reader, &field)) == PB_FIELD) switch (field.number) {
    case TERM:
      if (field.type != PB_VARINT) return false;
      *term = field.value;
      break;
    case INDEX:
      if (field.type != PB_VARINT) return false;
      *index = field.value;
      break;
    case APP_DATA:
      if (field.type != PB_BYTES) return false;
      *command = field;
      break;
    case MEMBERSHIP:
      if (field.type != PB_BYTES) return false;
      *membership = field;
      break;
    default: break;
    }
  return step == PB_END;
}

static enum rkv_status entry_in(const struct pb_field *bytes, struct rkv_buf_owner *owner,
                                size_t at, struct rkv_entry *out, struct rkv_error *error) {
  struct pb_reader reader = {bytes->data, bytes->data + bytes->len};
  struct pb_field command = {0}, membership = {0};
  char name[FIELD_MAX];
  uint64_t index = 0;
  if (!entry_fields(reader, &out->id.term, &index, &command, &membership))
    return rkv_fail(error, RKV_INVALID, "entries[%zu]: not a valid Entry message", at);
  if (codec_index_in(index, "", &out->id.index, NULL) !=
      RKV_OK) { /* its name costs more than the entry */
    (void)snprintf(name, sizeof name, "entries[%zu]", at);
    return codec_index_in(index, name, &out->id.index, error);
  }
  if (command.number && membership.number)
    return rkv_fail(error, RKV_INVALID, "entries[%zu]: both app_data and membership", at);
  if (membership.number) return membership_in(&membership, at, out, error);
  if (command.number) {
    out->kind = RKV_ENTRY_COMMAND;
    out->payload = (struct rkv_buf){command.data, command.len, owner};
  }
  return RKV_OK;
}

static enum rkv_status follows(const struct rkv_append_call *call, struct rkv_log_id before,
                               struct rkv_log_id id, size_t at, struct rkv_error *error) {
  if (id.index != before.index + 1)
    return rkv_fail(error, RKV_INVALID,
                    "entries[%zu].index: %" PRIu64 " leaves a gap (%" PRIu64 " would follow)", at,
                    codec_index_out(id.index), codec_index_out(before.index + 1));
  if (id.term < before.term)
    return rkv_fail(error, RKV_INVALID,
                    "entries[%zu].term: %" PRIu64 " after an entry of term %" PRIu64, at, id.term,
                    before.term);
  if (id.term > call->vote.term)
    return rkv_fail(error, RKV_INVALID,
                    "entries[%zu].term: %" PRIu64 " is after the leader's term %" PRIu64, at,
                    id.term, call->vote.term);
  return RKV_OK;
}

/* ---- all entries ---- */

static enum rkv_status entries_in(struct rkv_buf message, struct rkv_append_call *call,
                                  struct rkv_entry *entries, struct rkv_error *error) {
  struct pb_reader reader = {message.data, message.data + message.len};
  struct rkv_log_id before = call->prev;
  struct pb_field field;
  enum rkv_status status;
  while (pb_next(&reader, &field) == PB_FIELD) {
    size_t at = call->entry_count;
    if (field.number != ENTRIES) continue;
    call->entry_count++;
    if ((status = entry_in(&field, message.owner, at, &entries[at], error)) ||
        (status = follows(call, before, entries[at].id, at, error)))
      return status;
    before = entries[at].id;
  }
  return RKV_OK;
}

enum rkv_status codec_append_request_decode(struct rkv_buf message, struct rkv_append_call *call,
                                            struct rkv_error *error) {
  struct rkv_entry *entries = NULL;
  struct parts parts;
  enum rkv_status status;
  call->entries = NULL;
  call->entry_count = 0;
  call->digest_index = 0;
  if ((status = split_parts(message, &parts, error)) ||
      (status = vote_in(&parts.vote, &call->vote, error)) ||
      (status = id_in(&parts.prev, "prev_log_id", &call->prev, error)) ||
      (status = id_in(&parts.commit, "leader_commit", &call->commit, error)))
    return status;
  call->digest_index = parts.digest_at;
  call->digest = parts.digest;
  if (parts.entries == 0) return status;
  if (!(entries = calloc(parts.entries, sizeof *entries)))
    return rkv_fail(error, RKV_NO_MEMORY, "entries: no memory for %zu", parts.entries);
  call->entries = entries;
  status = entries_in(message, call, entries, error);
  if (status != RKV_OK) codec_append_request_free(call);
  return status;
}

void codec_append_request_free(struct rkv_append_call *call) {
  for (size_t i = 0; i < call->entry_count; i++)
    if (call->entries[i].kind == RKV_ENTRY_MEMBERSHIP) {
      struct rkv_buf payload = call->entries[i].payload;
      rkv_buf_drop(&payload);
    }
  free((void *)(uintptr_t)call->entries); /* const for the node, ours to free */
  call->entries = NULL;
  call->entry_count = 0;
}
