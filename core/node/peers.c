/* peers.c: the connections to the other members. */
#include <node/peers.h>

#include <node/kernel/ahead.h>
#include <node/kernel/outcome.h>
#include <node/kernel/state.h>
#include <node/odd.h>

#include <assert.h>
#include <inttypes.h>

struct node_peer *peer_find(struct node *n, rkv_node_id id) {
  for (size_t i = 0; i < n->peers.count; i++)
    if (n->peers.list[i].id == id) return &n->peers.list[i];
  return NULL;
}

static void close_at(struct node *n, size_t i) {
  if (n->peers.list[i].handle) n->plugins.transport->peer_close(n->peers.list[i].handle);
  ahead_clear(&n->peers.list[i].ahead);
  n->peers.list[i] = n->peers.list[--n->peers.count];
}

static void open_peer(struct node *n, const struct rkv_member *member) {
  struct rkv_error error;
  struct rkv_peer_info info = {.id = member->id,
                               .addr = member->addr,
                               .incarnation = member->incarnation,
                               .cluster = n->identity.cluster,
                               .from_incarnation = n->identity.incarnation};
  assert(n->peers.count < RKV_NODES_MAX);
  struct node_peer *peer = &n->peers.list[n->peers.count++];
  *peer = (struct node_peer){
      .id = member->id, .incarnation = member->incarnation, .serial = ++n->peers.serial};
  memcpy(peer->addr, member->addr, sizeof peer->addr);
  if (outcome_of_gift(n->plugins.transport->peer_open(n->plugins.transport_instance, &info,
                                                      &peer->handle, outcome_clear(&error)),
                      &peer->handle, "the transport's peer_open", &error) == RKV_OK)
    return;
  peer->handle = NULL;
  rkv_log(n->plugins.host, RKV_LOG_ERROR, NODE_LOG, "peer cannot be reached id=%" PRIu64 ": %s",
          member->id, error.text);
}

static bool leads_to(const struct node_peer *peer, const struct rkv_member *member) {
  return member && strcmp(member->addr, peer->addr) == 0 &&
         member->incarnation == peer->incarnation;
}

void peer_update(struct node *n, const struct rkv_membership *membership) {
  if (!n->plugins.transport_instance) return; /* node_start will call this again */
  odd_look(n, membership);
  n->peers.leaving = false;
  for (size_t i = n->peers.count; i-- > 0;) {
    const struct rkv_member *member = rkv_membership_find(membership, n->peers.list[i].id);
    struct raft_peer_view view;
    if (!member && raft_peer(n->raft, n->peers.list[i].id, &view))
      n->peers.leaving = true; /* raft still tells this peer that it leaves */
    else if (!leads_to(&n->peers.list[i], member))
      close_at(n, i);
  }
  for (uint32_t i = 0; i < membership->node_count; i++) {
    const struct rkv_member *member = &membership->nodes[i];
    if (member->id != n->plugins.host->node_id && !peer_find(n, member->id)) open_peer(n, member);
  }
  n->tend_ns = 0;
}

void peer_let_go(struct node *n) {
  struct raft_peer_view view;
  if (!n->peers.leaving) return;
  const struct rkv_membership *m = &raft_effective(n->raft)->value;
  for (size_t i = 0; i < n->peers.count; i++)
    if (!rkv_membership_find(m, n->peers.list[i].id) &&
        !raft_peer(n->raft, n->peers.list[i].id, &view)) {
      peer_update(n, m);
      return;
    }
}

void peer_reopen(struct node *n) {
  if (!n->peers.outdated || !n->plugins.transport_instance) return;
  n->peers.outdated = false;
  peer_close_all(n);
  peer_update(n, &raft_effective(n->raft)->value);
}

void peer_redial(struct node *n, rkv_node_id id) {
  const struct rkv_member *member = rkv_membership_find(&raft_effective(n->raft)->value, id);
  struct node_peer *peer = peer_find(n, id);
  if (!member || !peer) return;
  const uint64_t said = peer->said_incarnation;
  const struct holding holding = peer->holding;
  const struct peer_digest digest = peer->digest;
  close_at(n, (size_t)(peer - n->peers.list));
  open_peer(n, member);
  peer = peer_find(n, id);
  peer->said_incarnation = said;
  peer->holding = holding;
  peer->digest = digest;
  peer->silent = true;
}

void peer_close_all(struct node *n) {
  while (n->peers.count > 0) close_at(n, n->peers.count - 1);
}
