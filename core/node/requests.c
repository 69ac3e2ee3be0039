/* requests.c: what other nodes ask of this one: votes and appends. */
#include <node/requests.h>

#include <node/digest.h>
#include <node/identity.h>
#include <node/kernel/answer.h>
#include <node/kernel/fatal.h>
#include <node/kernel/gate.h>
#include <node/kernel/post.h>
#include <node/kernel/state.h>
#include <node/know.h>
#include <node/leap.h>
#include <node/odd.h>
#include <node/tell.h>

#include <assert.h>
#include <stdlib.h>

/* An append of so few entries, as while one client writes, allocates nothing. */
enum { FEW_ENTRIES = 4 };

/* A node that ends makes no promise to peers any more. */
bool request_refuse(struct node *n, struct rkv_call *call) {
  struct rkv_error error;
  if (node_ending(n))
    node_end_error(n, &error);
  else if (odd_check_sender(n, call, NULL, &error) == RKV_OK &&
           identity_check(n, call, &error) == RKV_OK)
    return false;
  gate_refuse(n, call, &error);
  return true;
}

static bool refuses_vote(struct node *n, struct rkv_vote_call *c) {
  return request_refuse(n, &c->call) || odd_refuses(n, &c->call, &c->vote) ||
         leap_refuses(n, &c->call, c->vote, c->last);
}

void request_on_vote(struct node *n, struct rkv_call *call) {
  struct rkv_vote_call *c = (struct rkv_vote_call *)call;
  if (refuses_vote(n, c)) return;
  raft_on_vote_request(n->raft, node_now(n), c->vote, c->last, c->transfer, call);
}

void request_on_pre_vote(struct node *n, struct rkv_call *call) {
  struct rkv_vote_call *c = (struct rkv_vote_call *)call;
  if (refuses_vote(n, c)) return;
  raft_on_pre_vote_request(n->raft, node_now(n), c->vote, c->last, call);
}

void request_answer_vote(struct node *n, const struct raft_output *out) {
  struct rkv_vote_call *c = out->cookie;
  c->granted = out->granted;
  c->voter_vote = out->vote;
  c->voter_last = out->id;
  tell_vote_answer(n, c, out->type == RAFT_OUT_ANSWER_PRE_VOTE);
  gate_leave(n, &c->call);
  (void)answer_ok(n, &c->call);
}

/* The membership entries of one append, decoded. */
static enum rkv_status decode_memberships(const struct rkv_append_call *c,
                                          struct raft_entry *entries,
                                          struct rkv_membership **decoded,
                                          struct rkv_error *error) {
  size_t count = 0, at = 0;
  for (size_t i = 0; i < c->entry_count; i++)
    if (c->entries[i].kind == RKV_ENTRY_MEMBERSHIP) count++;
  *decoded = NULL;
  if (count == 0) return RKV_OK;
  if (count > NODE_MEMBERSHIPS_MAX)
    return rkv_fail(error, RKV_TOO_LARGE, "%zu membership entries in one append (at most %d)",
                    count, NODE_MEMBERSHIPS_MAX);
  *decoded = malloc(count * sizeof **decoded);
  if (!*decoded) return rkv_fail(error, RKV_NO_MEMORY, "out of memory for a membership");
  for (size_t i = 0; i < c->entry_count; i++) {
    if (c->entries[i].kind != RKV_ENTRY_MEMBERSHIP) continue;
    const struct rkv_buf *payload = &c->entries[i].payload;
    enum rkv_status status =
        rkv_membership_decode(payload->data, payload->len, &(*decoded)[at], error);
    if (status != RKV_OK) return status;
    entries[i].membership = &(*decoded)[at++];
  }
  return RKV_OK;
}

/* If raft will accept this append, its sender is this node's leader: the node takes over its
 * cluster. An append that raft would refuse changes nothing. */
static enum rkv_status adopt_leader(struct node *n, struct rkv_append_call *c,
                                    const struct raft_entry *entries, struct rkv_error *error) {
  struct raft_view view;
  enum rkv_status status;
  raft_view(n->raft, &view);
  if (!identity_differs(n, &c->call) || !rkv_vote_accepts(view.vote, c->vote)) return RKV_OK;
  status = raft_check_append_request(n->raft, c->vote, c->prev, entries, c->entry_count, error);
  if (status != RKV_OK) return status;
  if (identity_leaves(n, &c->call))
    node_again(n, &c->call);
  else
    identity_adopt(n, &c->call);
  return RKV_OK;
}

static enum rkv_status hand_to_raft(struct node *n, struct rkv_append_call *c,
                                    struct rkv_error *error) {
  struct rkv_membership *decoded = NULL;
  struct raft_entry few[FEW_ENTRIES] = {{.membership = NULL}}, *entries = few;
  enum rkv_status status = RKV_OK;
  if (c->entry_count > FEW_ENTRIES) {
    entries = calloc(c->entry_count, sizeof *entries);
    if (!entries) return rkv_fail(error, RKV_NO_MEMORY, "out of memory for an append");
  }
  for (size_t i = 0; i < c->entry_count; i++) {
    entries[i].id = c->entries[i].id;
    entries[i].kind = (enum rkv_entry_kind)c->entries[i].kind;
    if (c->entries[i].kind > RKV_ENTRY_MEMBERSHIP)
      status =
          rkv_fail(error, RKV_INVALID, "entries[%zu].kind %u is unknown", i, c->entries[i].kind);
  }
  if (status == RKV_OK) status = decode_memberships(c, entries, &decoded, error);
  if (status == RKV_OK) status = adopt_leader(n, c, entries, error);
  if (status == RKV_OK && !n->again) {
    status = raft_on_append_request(n->raft, node_now(n), c->vote, c->prev, c->commit, entries,
                                    c->entry_count, &c->call, error);
  }
  if (status == RKV_OK && !n->again) n->received = c; /* until its outputs are carried out */
  free(decoded);
  if (entries != few) free(entries);
  return status;
}

/* raft has taken the request; the call may have ended. If raft's vote is the sender's now, this
 * node follows that leader. */
static void note_leader(struct node *n, struct rkv_vote vote, struct rkv_log_id commit,
                        struct digest_point named) {
  struct raft_view view;
  raft_view(n->raft, &view);
  if (rkv_vote_compare(view.vote, vote) != RKV_EQUAL) return;
  know_on_append(n, vote, commit);
  digest_on_named(n, vote, named);
}

void request_on_append(struct node *n, struct rkv_call *call) {
  struct rkv_append_call *c = (struct rkv_append_call *)call;
  const struct rkv_vote vote = c->vote;
  const struct rkv_log_id commit = c->commit;
  struct digest_point named = {0, 0};
  struct rkv_log_id last;
  struct rkv_error error;
  named.index = rkv_append_digest(c, &named.value);
  if (request_refuse(n, call) || odd_refuses(n, call, &vote)) return;
  /* raft checks the log ids before the last one: they ascend by one */
  last = c->entry_count > 0 ? c->entries[c->entry_count - 1].id : c->prev;
  if (leap_refuses(n, call, c->vote, last)) return;
  if (hand_to_raft(n, c, &error) == RKV_OK) {
    if (!n->again) note_leader(n, vote, commit, named);
    return;
  }
  n->count.bad_peer_calls++;
  tell_append_refused(n, c, error.text);
  gate_refuse(n, call, &error);
}

/* While the answer waited for the storage, another leader may have been accepted, and may have cut
 * off what this append brought. Then the answer must promise nothing. */
static void reject_if_outdated(struct node *n, struct rkv_append_call *c) {
  struct raft_view view;
  raft_view(n->raft, &view);
  if (rkv_vote_compare(view.vote, c->vote) == RKV_EQUAL) return;
  c->result = RKV_APPEND_REJECTED;
  c->voter_vote = view.vote;
  if (c->call.envelope) rkv_append_promise(c, 0);
}

void request_answer_append(struct node *n, const struct raft_output *out) {
  struct rkv_append_call *c = out->cookie;
  c->result = (uint32_t)out->result;
  c->matched = out->id;
  c->voter_vote = out->vote;
  if (c->call.envelope)
    rkv_append_promise(c, out->lease_ns); /* OpenRaft's nodes know no promises */
  if (c->call.envelope) rkv_append_differs(c, digest_differs_at(n, c->vote));
  if (c->result == RKV_APPEND_SUCCESS) reject_if_outdated(n, c);
  tell_append_answer(n, c);
  gate_leave(n, &c->call);
  (void)answer_ok(n, &c->call);
}
