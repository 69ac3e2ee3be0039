/* digest.c: points at which digests are taken, named, compared, and told (digest.h). */
#include <node/digest.h>

#include <node/kernel/fatal.h>
#include <node/kernel/outcome.h>
#include <node/kernel/state.h>
#include <node/peers.h>

#include <assert.h>
#include <inttypes.h>

/* With on_divergence = stop a follower stops after so many election timeouts: a leader that differs
 * from a majority goes first, and then the followers need not. */
#define PATIENCE 2

static bool same_vote(struct rkv_vote a, struct rkv_vote b) {
  return rkv_vote_compare(a, b) == RKV_EQUAL;
}

/* ---- taking ---- */

/* The digest of the state as it is at `applied`, asked once. False: the node is fatal. */
static bool take_digest(struct node *n, uint64_t *value) {
  struct digesting *d = &n->digest;
  struct rkv_error error;
  assert(d->here.index <= n->applied.index); /* (B1) */
  *value = d->here.value;
  if (d->here.index == n->applied.index && d->here.index > 0) return true;
  enum rkv_status status =
      outcome_of(n->plugins.sm->digest(n->plugins.sm_instance, value, outcome_clear(&error)),
                 "the state machine's digest", &error);
  if (status != RKV_OK) {
    node_fatal(n, status, error.text);
    return false;
  }
  d->here = (struct digest_point){n->applied.index, *value};
  return true;
}

/* The i-th agreed point from the newest, 0, on; index 0: there are not so many. */
static const struct digest_point *agreed(const struct digesting *d, size_t i) {
  return &d->agreed[(d->agreed_count + 2 * NODE_DIGEST_POINTS - 1 - i) % NODE_DIGEST_POINTS];
}

/* This node's digest of an index up to `applied`. False: it passed the index without taking it, or
 * too long ago, or is fatal. */
static bool digest_of(struct node *n, rkv_index index, uint64_t *value) {
  if (index == n->applied.index) return take_digest(n, value);
  for (size_t i = 0; i < NODE_DIGEST_POINTS; i++)
    if (agreed(&n->digest, i)->index == index) {
      *value = agreed(&n->digest, i)->value;
      return true;
    }
  return false;
}

/* A machine that swapped before its storage had the snapshot is not at `applied` (receive.c). */
static bool takes_part(const struct node *n) {
  return n->plugins.sm->digest && !n->receive.installing && !node_ending(n);
}

/* ---- a follower's verdict ---- */

static void note_astray(struct node *n, struct rkv_vote leader, rkv_index index, uint64_t ours,
                        uint64_t theirs) {
  struct digesting *d = &n->digest;
  const bool known = d->differs_at > 0 && same_vote(d->leader, leader);
  d->leader = leader;
  if (known && index < d->differs_at) d->differs_at = index; /* named before, and came later */
  if (known) return;
  if (d->differs_at == 0) {
    d->differs_at = index;
    d->differences++;
  }
  if (n->options.stop_on_divergence) d->stop_ns = n->now_ns + PATIENCE * n->options.election_max_ns;
  rkv_log(n->plugins.host, RKV_LOG_WARN, NODE_LOG,
          "the state differs from the leader's leader=%" PRIu64 " index=%" PRIu64
          " equal_until=%" PRIu64 " digest=%016" PRIx64 " leaders_digest=%016" PRIx64
          ": the state machine of one of the two went astray (has every node the same version of "
          "it? put this node's storage aside, and it learns the leader's state anew)",
          leader.node_id, d->differs_at, d->equal_at, ours, theirs);
}

static void compare_states(struct node *n, const struct named_point *named, uint64_t ours) {
  struct digesting *d = &n->digest;
  const struct rkv_vote leader = named->by;
  const struct digest_point theirs = named->theirs;
  d->compared++;
  if (ours != theirs.value) {
    note_astray(n, leader, theirs.index, ours, theirs.value);
    return;
  }
  if (d->differs_at > 0 && theirs.index >= d->differs_at) {
    rkv_log(n->plugins.host, RKV_LOG_INFO, NODE_LOG,
            "the state equals the leader's again leader=%" PRIu64 " index=%" PRIu64
            " differed_at=%" PRIu64,
            leader.node_id, theirs.index, d->differs_at);
    d->differs_at = d->stop_ns = 0;
  }
  if (theirs.index > d->equal_at) d->equal_at = theirs.index;
}

void digest_on_named(struct node *n, struct rkv_vote vote, struct digest_point theirs) {
  struct digesting *d = &n->digest;
  size_t at = d->named_count;
  if (theirs.index == 0 || !n->plugins.sm->digest) return;
  if (at == NODE_DIGEST_NAMED) { /* the farthest one gives way */
    at = 0;
    for (size_t i = 1; i < NODE_DIGEST_NAMED; i++)
      if (d->named[i].theirs.index > d->named[at].theirs.index) at = i;
    if (theirs.index >= d->named[at].theirs.index) return;
  } else {
    d->named_count++;
  }
  d->named[at] = (struct named_point){theirs, vote};
}

/* Compares the named points up to `applied`, each as far as this node took it. */
static void compare_named(struct node *n) {
  struct digesting *d = &n->digest;
  size_t left = 0;
  uint64_t ours;
  for (size_t i = 0; i < d->named_count; i++) {
    const struct named_point named = d->named[i];
    const rkv_index index = named.theirs.index;
    if (index > n->applied.index)
      d->named[left++] = named;
    else if (digest_of(n, index, &ours))
      compare_states(n, &named, ours);
  }
  d->named_count = left;
}

rkv_index digest_differs_at(const struct node *n, struct rkv_vote vote) {
  const struct digesting *d = &n->digest;
  return d->differs_at > 0 && same_vote(d->leader, vote) ? d->differs_at : 0;
}

/* ---- the applier ---- */

size_t digest_room(const struct node *n, size_t count) {
  const struct digesting *d = &n->digest;
  const rkv_index at = n->applied.index;
  rkv_index to = at - at % NODE_DIGEST_EVERY + NODE_DIGEST_EVERY;
  if (!n->plugins.sm->digest) return count;
  for (size_t i = 0; i < d->named_count; i++)
    if (d->named[i].theirs.index > at && d->named[i].theirs.index < to)
      to = d->named[i].theirs.index;
  return count < to - at ? count : (size_t)(to - at);
}

bool digest_applied(struct node *n) {
  struct digesting *d = &n->digest;
  uint64_t value;
  if (!n->plugins.sm->digest) return true;
  if (n->applied.index % NODE_DIGEST_EVERY == 0) {
    if (!take_digest(n, &value)) return false;
    d->agreed[d->agreed_count++ % NODE_DIGEST_POINTS] = d->here;
  }
  if (d->named_count > 0) compare_named(n);
  return !node_ending(n);
}

void digest_installed(struct node *n) {
  struct digesting *d = &n->digest;
  memset(d->agreed, 0, sizeof d->agreed);
  d->here.index = 0;
  (void)digest_applied(n);
}

/* ---- the leader ---- */

static void begin_leadership(struct peer_digest *p, struct rkv_vote vote) {
  if (!same_vote(p->leader, vote)) *p = (struct peer_digest){.leader = vote};
}

/* The agreed point that the peer is to be told next: one after the other, so that the first one
 * that differs is found. NULL: none. */
static const struct digest_point *next_agreed(const struct digesting *d,
                                              const struct peer_digest *p) {
  const struct digest_point *next = NULL;
  for (size_t i = 0; i < NODE_DIGEST_POINTS && agreed(d, i)->index > p->named; i++)
    next = agreed(d, i);
  return next;
}

void digest_name(struct node *n, struct node_peer *peer, struct rkv_append_call *call) {
  struct digesting *d = &n->digest;
  struct peer_digest *p = &peer->digest;
  call->digest_index = 0;
  call->differs_at = 0;
  if (!takes_part(n) || peer->said_incarnation == 0) return; /* it may be of another kind */
  begin_leadership(p, call->vote);
  const struct digest_point *next = next_agreed(d, p);
  if (next) {
    call->digest_index = p->named = next->index;
    call->digest = next->value;
  } else if (n->now_ns >= p->due_ns && n->applied.index > 0 && take_digest(n, &call->digest)) {
    call->digest_index = n->applied.index;
    p->due_ns = n->now_ns + n->options.heartbeat_ns;
  }
}

/* How many voters of the config say that they differ from this leader. */
static uint32_t count_differing(struct node *n, const struct rkv_config_set *config,
                                struct rkv_vote vote) {
  uint32_t differing = 0;
  for (uint32_t i = 0; i < config->count; i++) {
    const struct node_peer *peer = peer_find(n, config->ids[i]);
    if (peer && peer->digest.differs_at > 0 && same_vote(peer->digest.leader, vote)) differing++;
  }
  return differing;
}

/* A leader from which a majority differs is the one that went astray. */
static void judge_self(struct node *n, struct rkv_vote vote, rkv_index index) {
  const struct rkv_membership *m = &raft_effective(n->raft)->value;
  char text[RKV_ERROR_TEXT_MAX];
  for (uint32_t c = 0; c < m->config_count; c++) {
    if (count_differing(n, &m->configs[c], vote) <= m->configs[c].count / 2) continue;
    (void)snprintf(text, sizeof text,
                   "a majority of the voters has another state than this leader, since index "
                   "%" PRIu64 " at the latest: this node's state machine went astray (put this "
                   "node's storage aside, and it learns the state anew)",
                   index);
    n->digest.differences++;
    if (n->options.stop_on_divergence)
      node_fatal(n, RKV_BROKEN, text);
    else
      rkv_log(n->plugins.host, RKV_LOG_WARN, NODE_LOG, "%s", text);
    return;
  }
}

void digest_on_answer(struct node *n, rkv_node_id id, const struct raft_append_plan *plan,
                      const struct rkv_append_call *answer) {
  struct node_peer *peer = peer_find(n, id);
  if (!peer || answer->result == RKV_APPEND_REJECTED) return;
  struct peer_digest *p = &peer->digest;
  if (answer->differs_at == 0 && p->differs_at == 0) return;
  begin_leadership(p, plan->vote);
  if (answer->differs_at == p->differs_at) return;
  if (answer->differs_at == 0) {
    if (plan->at_ns <= p->said_ns) return; /* the answer may have been overtaken */
    rkv_log(n->plugins.host, RKV_LOG_INFO, NODE_LOG,
            "member's state equals this leader's again id=%" PRIu64 " differed_at=%" PRIu64, id,
            p->differs_at);
    p->differs_at = 0;
    return;
  }
  p->differs_at = answer->differs_at;
  p->said_ns = n->now_ns;
  rkv_log(n->plugins.host, RKV_LOG_WARN, NODE_LOG,
          "member's state differs from this leader's id=%" PRIu64 " index=%" PRIu64
          ": the state machine of one of the two went astray (its log says more)",
          id, p->differs_at);
  judge_self(n, plan->vote, p->differs_at);
}

/* ---- a batch ---- */

/* The time of a follower that differs is up. */
static void end_astray(struct node *n) {
  struct digesting *d = &n->digest;
  struct raft_view view;
  char text[RKV_ERROR_TEXT_MAX];
  d->stop_ns = 0;
  raft_view(n->raft, &view);
  if (!same_vote(view.vote, d->leader)) return; /* the next leader is compared with */
  (void)snprintf(text, sizeof text,
                 "the state differs from leader %" PRIu64 "'s, since index %" PRIu64
                 " at the latest, and was equal up to index %" PRIu64
                 " (on_divergence = stop): put this node's storage aside, and it learns the "
                 "state anew; has every node the same version of the state machine?",
                 d->leader.node_id, d->differs_at, d->equal_at);
  node_fatal(n, RKV_BROKEN, text);
}

void digest_run(struct node *n) {
  const struct digesting *d = &n->digest;
  if (d->named_count > 0 && takes_part(n)) compare_named(n);
  if (d->stop_ns > 0 && n->now_ns >= d->stop_ns) end_astray(n);
}
