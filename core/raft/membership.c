/* membership.c: the last two memberships of the log, for the older one returns when the newer is
 * cut off (dissertation 4.1). */
#include <raft/membership.h>

#include <raft/election_timer.h>
#include <raft/peers.h>

#include <string.h>

struct raft_membership *raft_membership_slot(struct raft *r) {
  struct raft_membership *slot;
  do {
    r->slot_last = (r->slot_last + 1) % RAFT_MEMBERSHIP_SLOTS;
    slot = &r->slots[r->slot_last];
  } while (slot == r->effective || slot == r->previous);
  return slot;
}

void raft_membership_push(struct raft *r, struct raft_membership *slot) {
  assert(slot != r->effective && slot != r->previous);
  assert(slot->id.index > r->effective->id.index); /* (I6) */
  r->previous = r->effective;
  r->effective = slot;
}

/* As before init: nobody votes. */
static struct raft_membership *nobody(struct raft *r) {
  struct raft_membership *slot = raft_membership_slot(r);
  memset(slot, 0, sizeof *slot);
  return slot;
}

bool raft_membership_revert(struct raft *r, rkv_index after) {
  assert(after >= r->committed.index); /* (I5) */
  if (r->effective->id.index <= after) return false;
  r->effective = r->previous && r->previous->id.index <= after ? r->previous : nobody(r);
  r->previous = NULL;
  return true;
}

bool raft_membership_restore(struct raft *r, const struct raft_membership *m, rkv_index last) {
  bool later = r->effective->id.index > last;
  struct raft_membership *slot;
  assert(last >= r->committed.index);
  if (!later && rkv_log_id_equal(r->effective->id, m->id)) return false;
  if (later && r->previous && r->previous->id.index > last) return false; /* both are newer */
  slot = raft_membership_slot(r);
  *slot = *m;
  if (slot->id.index > last) slot->id.index = last; /* a peer's word: it cannot lie behind it */
  r->previous = later ? slot : NULL;
  if (!later) r->effective = slot;
  return !later;
}

void raft_membership_announce(struct raft *r, struct raft_now now) {
  struct raft_output *out = raft_push(r, RAFT_OUT_MEMBERSHIP);
  out->id = r->effective->id;
  out->membership = r->effective;
  if (r->role == RAFT_LEADER) {
    raft_sync_peers(r);
    r->quorum_since_ns = now.ns;
  }
  raft_settle_role(r, now);
}

void raft_append_membership(struct raft *r, struct raft_now now, struct raft_membership *slot) {
  struct raft_output *out;
  slot->id = (struct rkv_log_id){r->vote.term, r->log.last.index + 1};
  assert(rkv_membership_check(&slot->value, NULL) == RKV_OK);
  if (!raft_log_append(&r->log, slot->id, 1)) {
    r->failed = true;
    return;
  }
  raft_membership_push(r, slot);
  out = raft_push(r, RAFT_OUT_APPEND_OWN);
  out->id = slot->id;
  out->kind = RKV_ENTRY_MEMBERSHIP;
  out->membership = slot;
  raft_membership_announce(r, now);
}

void raft_drop_node(struct rkv_membership *m, uint32_t at) {
  assert(at < m->node_count);
  m->node_count--;
  memmove(&m->nodes[at], &m->nodes[at + 1], (m->node_count - at) * sizeof m->nodes[0]);
}
