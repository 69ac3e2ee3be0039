/* tell.c: logs elections, appends that were not taken, and peers that answer or fall silent. */
#include <node/tell.h>

#include <node/kernel/state.h>
#include <node/peers.h>
#include <node/stream.h>

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>

#define TELL_LOG "raft"

void tell_role(struct node *n) {
  struct telling *t = &n->tell;
  struct raft_view view;
  raft_view(n->raft, &view);
  if (t->logged && view.role == t->view.role && view.leader == t->view.leader &&
      view.vote.term == t->view.vote.term)
    return; /* raft may announce one role more than once */
  t->logged = true;
  t->view = view;
  if (view.role != RAFT_LEADER && view.leader != 0)
    rkv_log(n->plugins.host, RKV_LOG_INFO, TELL_LOG,
            "became %s term=%" PRIu64 " leader=%" PRIu64 " last=%" PRIu64,
            raft_role_name(view.role), view.vote.term, view.leader, view.last.index);
  else
    rkv_log(n->plugins.host, RKV_LOG_INFO, TELL_LOG, "became %s term=%" PRIu64 " last=%" PRIu64,
            raft_role_name(view.role), view.vote.term, view.last.index);
}

/* ---- DEBUG ---- */

static bool has_room(struct node *n) {
  struct telling *t = &n->tell;
  if (n->now_ns >= t->until_ns) {
    if (t->dropped > 0)
      rkv_log(n->plugins.host, RKV_LOG_DEBUG, TELL_LOG,
              "lines like these were left out count=%" PRIu64, t->dropped);
    t->until_ns = n->now_ns + NODE_TELL_NS;
    t->lines = t->dropped = 0;
  }
  if (t->lines++ < NODE_TELL_LINES) return true;
  t->dropped++;
  assert(t->lines - t->dropped == NODE_TELL_LINES); /* (E1) */
  return false;
}

__attribute__((format(printf, 2, 3))) static void debug(struct node *n, const char *format, ...) {
  char text[RKV_LOG_TEXT_MAX];
  va_list args;
  if (!rkv_log_wants(n->plugins.host, RKV_LOG_DEBUG) || !has_room(n)) return;
  va_start(args, format);
  (void)vsnprintf(text, sizeof text, format, args);
  va_end(args);
  n->plugins.host->log(n->plugins.host->ctx, RKV_LOG_DEBUG, TELL_LOG, text);
}

/* ---- votes ---- */

static const char *vote_word(bool pre) {
  return pre ? "pre-vote" : "vote";
}

void tell_vote_wanted(struct node *n, const struct raft_output *out) {
  debug(n, "campaign: asks for a %s peer=%" PRIu64 " term=%" PRIu64 " last=%" PRIu64 ".%" PRIu64,
        vote_word(out->type == RAFT_OUT_SEND_PRE_VOTE), out->peer, out->vote.term, out->id.term,
        out->id.index);
}

/* Says why the voter did not grant the vote, as far as the answer's vote and log id tell
 * (raft_may_grant). */
static void say_why(const struct rkv_vote_call *c, char *out, size_t size) {
  const struct rkv_vote mine = c->voter_vote;
  const struct rkv_log_id log = c->voter_last;
  if (rkv_log_id_compare(c->last, log) < 0)
    (void)snprintf(out, size,
                   "the candidate's log ends at %" PRIu64 ".%" PRIu64 ", the voter's at %" PRIu64
                   ".%" PRIu64,
                   c->last.term, c->last.index, log.term, log.index);
  else if (!rkv_vote_accepts(mine, c->vote))
    (void)snprintf(out, size, "the voter's vote is with node %" PRIu64 " in term %" PRIu64,
                   mine.node_id, mine.term);
  else
    (void)snprintf(out, size, "the voter hears a leader, node %" PRIu64 " of term %" PRIu64,
                   mine.node_id, mine.term);
}

void tell_vote_answer(struct node *n, const struct rkv_vote_call *call, bool pre) {
  char why[192];
  if (!rkv_log_wants(n->plugins.host, RKV_LOG_DEBUG)) return;
  say_why(call, why, sizeof why);
  debug(n, "%s %s candidate=%" PRIu64 " term=%" PRIu64 "%s%s", vote_word(pre),
        call->granted ? "granted" : "refused", call->vote.node_id, call->vote.term,
        call->granted ? "" : ": ", call->granted ? "" : why);
}

void tell_vote_got(struct node *n, rkv_node_id peer, bool pre, const struct rkv_vote_call *call) {
  char why[192];
  if (!rkv_log_wants(n->plugins.host, RKV_LOG_DEBUG)) return;
  say_why(call, why, sizeof why);
  debug(n, "%s %s by peer=%" PRIu64 " term=%" PRIu64 "%s%s", vote_word(pre),
        call->granted ? "granted" : "refused", peer, call->vote.term, call->granted ? "" : ": ",
        call->granted ? "" : why);
}

/* ---- appends ---- */

static const char *result_word(uint32_t result) {
  return result == RKV_APPEND_REJECTED
             ? "rejected: the follower's vote is greater, or of another leader"
             : "rejected: the follower's log has no such entry before them";
}

void tell_append_answer(struct node *n, const struct rkv_append_call *call) {
  if (call->result == RKV_APPEND_SUCCESS) return;
  debug(n,
        "append %s leader=%" PRIu64 " term=%" PRIu64 " before=%" PRIu64 ".%" PRIu64 " vote=%" PRIu64
        "/%" PRIu64,
        result_word(call->result), call->vote.node_id, call->vote.term, call->prev.term,
        call->prev.index, call->voter_vote.term, call->voter_vote.node_id);
}

void tell_append_refused(struct node *n, const struct rkv_append_call *call, const char *why) {
  debug(n, "append refused leader=%" PRIu64 " term=%" PRIu64 ": %s", call->vote.node_id,
        call->vote.term, why);
}

void tell_append_got(struct node *n, rkv_node_id peer, const struct rkv_append_call *call) {
  if (call->result == RKV_APPEND_SUCCESS) return;
  debug(n, "append %s peer=%" PRIu64 " before=%" PRIu64 ".%" PRIu64 " vote=%" PRIu64 "/%" PRIu64,
        result_word(call->result), peer, call->prev.term, call->prev.index, call->voter_vote.term,
        call->voter_vote.node_id);
}

/* ---- connections ---- */

void tell_peer(struct node *n, rkv_node_id id, enum rkv_status status) {
  struct node_peer *peer = peer_find(n, id);
  const bool away = status == RKV_UNAVAILABLE || status == RKV_TIMEOUT;
  if (!peer || status == RKV_CANCELLED || peer->answers == !away) return;
  peer->answers = !away;
  debug(n, "peer %s id=%" PRIu64 " addr=%s%s%s", away ? "is lost" : "is connected", id, peer->addr,
        away ? " status=" : "", away ? rkv_status_name(status) : "");
}
