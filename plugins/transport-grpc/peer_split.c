/* peer_split.c: the messages of one append: their plan, their bytes, their lines in the log. */
#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>

#include "peer_append.h"

struct rkv_log_id append_before(const struct append *a, size_t i) {
  return i == 0 ? a->call->prev : a->call->entries[i - 1].id;
}

/* Each part names the same digest: it is no news to who has it already. */
static struct codec_append_head head_of(const struct append *a, size_t i) {
  const struct rkv_append_call *call = a->call;
  return (struct codec_append_head){call->vote, append_before(a, i), call->commit,
                                    call->digest_index, call->digest};
}

/* ---- plan ---- */

/* Fills heads and sizes. Errors: RKV_NO_MEMORY, RKV_CORRUPT. */
static enum rkv_status measure(struct append *a, struct rkv_error *error) {
  const struct rkv_append_call *call = a->call;
  enum rkv_status status;
  if (a->heads) return RKV_OK;
  if (!(a->heads = calloc(call->entry_count, 2 * sizeof *a->heads)))
    return rkv_fail(error, RKV_NO_MEMORY, "append: no memory");
  a->sizes = a->heads + call->entry_count;
  for (size_t i = 0; i < call->entry_count; i++) {
    struct codec_append_head head = head_of(a, i);
    a->heads[i] = codec_append_head_size(&head);
    if ((status = codec_entry_size(&call->entries[i], &a->sizes[i], error))) return status;
  }
  return RKV_OK;
}

static struct split split_of(const struct append *a) {
  return (struct split){a->heads, a->sizes, a->call->entry_count, a->limit.bytes, a->limit.exact};
}

/* ---- log ---- */

static void note_split(struct append *a, const struct split *split) {
  struct peer *peer = a->rpc.peer;
  uint64_t now = transport_now(peer->t), count = 0;
  bool loud;
  if (peer->split_limit != split->limit) peer->split.logged_ns = 0; /* a change */
  peer->split_limit = split->limit;
  loud = peer_trouble(&peer->split, now, &count);
  if (a->parts == 0) atomic_fetch_add(&peer->t->peers->splits, 1);
  a->parts = a->part + (unsigned)split_parts(split, a->sent);
  a->loud = loud ? RKV_LOG_INFO : RKV_LOG_DEBUG;
  rkv_log(peer->t->host, a->loud, TRANSPORT_LOG,
          "split peer=%" PRIu64 " entries=%zu bytes=%zu limit=%zu parts=%zu times=%" PRIu64,
          peer->id, split->count - a->sent, split_bytes(split, a->sent), split->limit,
          split_parts(split, a->sent), count);
}

static void note_part(struct append *a, const struct message *m) {
  struct peer *peer = a->rpc.peer;
  a->part++;
  atomic_fetch_add(&peer->t->peers->split_parts, 1);
  rkv_log(peer->t->host, a->loud, TRANSPORT_LOG,
          "part peer=%" PRIu64 " part=%u/%u from=%" PRIu64 " to=%" PRIu64 " bytes=%zu", peer->id,
          a->part, a->parts, a->call->entries[a->sent].id.index,
          a->call->entries[a->sent + m->count - 1].id.index, m->bytes);
}

enum rkv_status append_unsendable(struct append *a, size_t i, size_t bytes, size_t limit,
                                  struct rkv_error *error) {
  struct peer *peer = a->rpc.peer;
  rkv_index index;
  if (a->call->entry_count == 0)
    return rkv_fail(error, RKV_TOO_LARGE,
                    "append without entries size=%zu over limit=%zu of peer=%" PRIu64, bytes, limit,
                    peer->id);
  index = a->call->entries[i].id.index;
  (void)rkv_fail(error, RKV_TOO_LARGE,
                 "entry index=%" PRIu64 " size=%zu over limit=%zu of peer=%" PRIu64
                 " (raise raft_message_max "
                 "there)",
                 index, bytes, limit, peer->id);
  if (peer->unsendable == index) return RKV_TOO_LARGE;
  peer->unsendable = index;
  atomic_fetch_add(&peer->t->peers->unsendable_entries, 1);
  rkv_log(peer->t->host, RKV_LOG_WARN, TRANSPORT_LOG, "unsendable %s", error->text);
  return RKV_TOO_LARGE;
}

/* ---- messages ---- */

/* How many entries go now: all that are left, or what fits. */
static enum rkv_status plan(struct append *a, size_t *count, struct rkv_error *error) {
  struct peer *peer = a->rpc.peer;
  size_t limit = limit_now(&peer->limit, transport_now(peer->t)), bytes;
  bool news = limit != a->limit.bytes || peer->limit.exact != a->limit.exact;
  struct split split;
  enum rkv_status status;
  *count = a->call->entry_count - a->sent;
  a->limit = peer->limit;
  if (limit == 0 || *count == 0) return RKV_OK;
  if ((status = measure(a, error))) return status;
  split = split_of(a);
  *count = split_take(&split, a->sent, &bytes);
  if (*count == 0) return append_unsendable(a, a->sent, bytes, limit, error);
  if (*count < a->call->entry_count - a->sent && (news || a->parts == 0)) note_split(a, &split);
  return RKV_OK;
}

/* By what (A6) asks for. */
static bool is_proven(const struct peer *peer, size_t bytes) {
  return bytes <= PEER_FITS_MIN || bytes <= peer->fits || peer->limit.exact;
}

enum rkv_status append_take(struct append *a, bool by_stream, struct message *out,
                            struct rkv_error *error) {
  struct transport *t = a->rpc.peer->t;
  const struct rkv_append_call *call = a->call;
  struct codec_append_head head = head_of(a, a->sent);
  enum rkv_status status = plan(a, &out->count, error);
  if (status != RKV_OK) return status;
  status = codec_append_request_encode(&head, call->entries ? call->entries + a->sent : NULL,
                                       out->count, &out->request, error);
  if (status != RKV_OK) return status;
  out->bytes = grpc_byte_buffer_length(out->request);
  if (by_stream && !is_proven(a->rpc.peer, out->bytes)) {
    grpc_byte_buffer_destroy(out->request);
    return RKV_FULL;
  }
  if (!call->call.deadline_ns)
    a->due_ns = transport_now(t) + t->options.append_timeout + out->bytes * PEER_NS_PER_BYTE;
  assert(a->sent + out->count <= call->entry_count);        /* (A1) */
  assert(!by_stream || is_proven(a->rpc.peer, out->bytes)); /* (A6) */
  if (a->parts) note_part(a, out);
  a->sent += out->count;
  a->flying++;
  atomic_fetch_add(&t->peers->sends, 1);
  return RKV_OK;
}

/* (A6) for one message with all that is left. */
static bool rest_is_proven(const struct append *a) {
  const struct rkv_append_call *call = a->call;
  struct codec_append_head head = head_of(a, a->sent);
  size_t bytes = codec_append_head_size(&head), size;
  struct rkv_error error;
  for (size_t i = a->sent; i < call->entry_count; i++) {
    if (codec_entry_size(&call->entries[i], &size, &error) != RKV_OK) return false;
    bytes += size;
  }
  return is_proven(a->rpc.peer, bytes);
}

bool append_can_go(struct append *a) {
  struct rkv_error error;
  struct split split;
  size_t bytes;
  if (a->call->entry_count == 0) return true;
  if (a->rpc.peer->limit.bytes == 0) return rest_is_proven(a);
  if (measure(a, &error) != RKV_OK) return false;
  split = split_of(a);
  split.limit = a->rpc.peer->limit.bytes;
  split.exact = a->rpc.peer->limit.exact;
  return split_take(&split, a->sent, &bytes) > 0 && is_proven(a->rpc.peer, bytes);
}
