/* peer_note.c: what is known of a peer from how its calls ended: whether it answers, what its limit
 * is. */
#include <raft-wire/wire/answer.h>
#include "peer_parts.h"

#include <grpc/support/alloc.h>

#include <inttypes.h>

enum rkv_status peer_status(struct peer *peer, grpc_status_code code) {
  bool closed;
  if (code == GRPC_STATUS_OK) return RKV_OK;
  pthread_mutex_lock(&peer->mutex);
  closed = peer->closed;
  pthread_mutex_unlock(&peer->mutex);
  if (closed) return RKV_CANCELLED;
  switch (code) {
  case GRPC_STATUS_INVALID_ARGUMENT: return RKV_INVALID;
  case GRPC_STATUS_DEADLINE_EXCEEDED: return RKV_TIMEOUT;
  case GRPC_STATUS_OUT_OF_RANGE: return RKV_TOO_LARGE;
  case GRPC_STATUS_RESOURCE_EXHAUSTED: return RKV_FULL;
  case GRPC_STATUS_FAILED_PRECONDITION: return RKV_PRECONDITION;
  case GRPC_STATUS_UNIMPLEMENTED: return RKV_UNIMPLEMENTED;
  default: return RKV_UNAVAILABLE;
  }
}

bool peer_is_referral(grpc_status_code code, const char *text) {
  static const char words[] = "has to forward request to";
  return code == GRPC_STATUS_UNAVAILABLE && strncmp(text, words, sizeof words - 1) == 0;
}

/* As the gRPC specification calls them; the names of the enum are these behind GRPC_STATUS_. */
#define CODE_LIST(X)                                                                               \
  X(OK)                                                                                            \
  X(CANCELLED)                                                                                     \
  X(UNKNOWN)                                                                                       \
  X(INVALID_ARGUMENT)                                                                              \
  X(DEADLINE_EXCEEDED)                                                                             \
  X(NOT_FOUND)                                                                                     \
  X(ALREADY_EXISTS)                                                                                \
  X(PERMISSION_DENIED)                                                                             \
  X(RESOURCE_EXHAUSTED)                                                                            \
  X(FAILED_PRECONDITION)                                                                           \
  X(ABORTED)                                                                                       \
  X(OUT_OF_RANGE)                                                                                  \
  X(UNIMPLEMENTED)                                                                                 \
  X(INTERNAL)                                                                                      \
  X(UNAVAILABLE)                                                                                   \
  X(DATA_LOSS)                                                                                     \
  X(UNAUTHENTICATED)

static const char *code_name(grpc_status_code code) {
  switch (code) {
#define CODE_CASE(name)                                                                            \
  case GRPC_STATUS_##name: return #name;
    CODE_LIST(CODE_CASE)
#undef CODE_CASE
  default: return "a status of no known code";
  }
}

void peer_text(grpc_status_code code, grpc_slice details, char out[PEER_TEXT_MAX]) {
  const uint8_t *from = GRPC_SLICE_START_PTR(details);
  size_t len = GRPC_SLICE_LENGTH(details);
  if (len == 0) {
    (void)snprintf(out, PEER_TEXT_MAX, "%s, without a text", code_name(code));
    return;
  }
  if (len > PEER_TEXT_MAX - 1) len = PEER_TEXT_MAX - 1;
  for (size_t i = 0; i < len; i++) out[i] = from[i] < ' ' || from[i] > '~' ? '?' : (char)from[i];
  out[len] = '\0';
}

bool peer_trouble(struct peer_trouble *trouble, uint64_t now_ns, uint64_t *count) {
  trouble->count++;
  if (trouble->logged_ns && !transport_has_passed(now_ns, trouble->logged_ns, PEER_REPEAT_NS))
    return false;
  *count = trouble->count;
  trouble->count = 0;
  trouble->logged_ns = now_ns;
  return true;
}

static void note_answer(struct peer *peer) {
  bool back;
  pthread_mutex_lock(&peer->mutex);
  back = peer->down;
  peer->down = false;
  pthread_mutex_unlock(&peer->mutex);
  if (back)
    rkv_log(peer->t->host, RKV_LOG_INFO, TRANSPORT_LOG,
            "peer answers again peer=%" PRIu64 " addr=%s", peer->id, peer->addr);
}

static void note_trouble(struct peer *peer, bool silence, grpc_status_code code, const char *text) {
  struct peer_trouble *trouble = silence ? &peer->silence : &peer->refusals;
  uint64_t now = transport_now(peer->t), count = 0;
  bool log;
  pthread_mutex_lock(&peer->mutex);
  if (silence && !peer->down) trouble->logged_ns = 0; /* a change */
  if (silence) peer->down = peer->moved = true;       /* its name may stand for another address */
  if (code == GRPC_STATUS_UNAVAILABLE) {              /* it may come back as another */
    limit_forget(&peer->limit);
    peer->fits = 0;
    peer->lane.unary_until_ns = 0;
  }
  log = !peer->closed && peer_trouble(trouble, now, &count);
  pthread_mutex_unlock(&peer->mutex);
  if (log)
    rkv_log(peer->t->host, RKV_LOG_WARN, TRANSPORT_LOG,
            "%s peer=%" PRIu64 " addr=%s times=%" PRIu64 " code=%d text=\"%s\"",
            silence ? "peer does not answer" : "peer calls fail", peer->id, peer->addr, count,
            (int)code, text);
}

void peer_note(struct peer *peer, grpc_status_code code, const char *text) {
  switch (code) {
  case GRPC_STATUS_OK: note_answer(peer); break;
  case GRPC_STATUS_CANCELLED: /* also: a server that shuts down */
  case GRPC_STATUS_DEADLINE_EXCEEDED:
  case GRPC_STATUS_UNAVAILABLE: note_trouble(peer, true, code, text); break;
  default:
    note_answer(peer);
    if (!limit_is_refusal(code, text)) note_trouble(peer, false, code, text);
    break;
  }
}

bool peer_is_refusal(const grpc_metadata_array *trailing) {
  for (size_t i = 0; i < trailing->count; i++)
    if (grpc_slice_str_cmp(trailing->metadata[i].key, ANSWER_REFUSED_KEY) == 0) return true;
  return false;
}

void peer_note_end(struct peer *peer, grpc_status_code code, const char *text,
                   const grpc_metadata_array *trailing) {
  if (code == GRPC_STATUS_OK || !peer_is_refusal(trailing)) {
    peer_note(peer, code, text);
    return;
  }
  note_answer(peer);
  note_trouble(peer, false, code, text);
}

void peer_note_place(struct peer *peer, grpc_call *call) {
  struct connections_owner place;
  bool known;
  char *text;
  pthread_mutex_lock(&peer->mutex);
  known = peer->is_placed && !peer->moved;
  pthread_mutex_unlock(&peer->mutex);
  if (known) return;
  text = grpc_call_get_peer(call);
  known = connections_owner_read(text, &place);
  gpr_free(text);
  if (!known) return;
  pthread_mutex_lock(&peer->mutex);
  peer->place = place;
  peer->is_placed = true;
  peer->moved = false;
  pthread_mutex_unlock(&peer->mutex);
}

bool peer_learn(struct peer *peer, grpc_status_code code, const char *text, size_t bytes) {
  uint64_t now = transport_now(peer->t);
  if (!limit_is_refusal(code, text)) return false;
  pthread_mutex_lock(&peer->mutex);
  limit_learn(&peer->limit, text, bytes, now);
  pthread_mutex_unlock(&peer->mutex);
  return true;
}

struct limit peer_limit(struct peer *peer) {
  uint64_t now = transport_now(peer->t);
  struct limit limit;
  pthread_mutex_lock(&peer->mutex);
  (void)limit_now(&peer->limit, now);
  limit = peer->limit;
  pthread_mutex_unlock(&peer->mutex);
  return limit;
}
