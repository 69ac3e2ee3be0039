/* odd.c: what is odd about this node (odd.h). */
#include <node/odd.h>

#include <node/kernel/gate.h>
#include <node/kernel/state.h>

#include <rkv/address.h>

#include <inttypes.h>

/* ---- what the membership says of this node ---- */

/* A host that names no machine: a node that listens there listens on every address of its
 * machine. */
static bool is_unspecified(const char *addr) {
  static const char *const hosts[] = {"0.0.0.0:", "[::]:", "*:", ":"};
  for (size_t i = 0; i < sizeof hosts / sizeof hosts[0]; i++)
    if (strncmp(addr, hosts[i], strlen(hosts[i])) == 0) return true;
  return false;
}

static bool leads_elsewhere(const char *own, const char *member) {
  if (is_unspecified(own) || is_unspecified(member))
    return strcmp(rkv_addr_split(own).port, rkv_addr_split(member).port) != 0;
  return strcmp(own, member) != 0;
}

static void look_at_addr(struct node *n, const struct rkv_member *me) {
  const char *own = n->plugins.host->node_addr;
  const bool differs = me && leads_elsewhere(own, me->addr);
  if (differs && !n->odd.addr_differs)
    rkv_log(
        n->plugins.host, RKV_LOG_WARN, NODE_LOG,
        "this node serves at %s, but its cluster looks for it at %s (start it with that --addr, "
        "or have its address changed)",
        own, me->addr);
  n->odd.addr_differs = differs;
}

static void look_at_storage(struct node *n, const struct rkv_membership *m, bool member) {
  const bool durable = n->plugins.storage_capabilities & RKV_CAP_DURABLE;
  const bool forgets = member && m->node_count > 1 && !durable;
  if (forgets && !n->odd.not_durable)
    rkv_log(n->plugins.host, RKV_LOG_WARN, NODE_LOG,
            "the storage of this node keeps nothing over a restart, and it has %u peers: if a "
            "majority restarts, what the cluster holds is lost (durable: storage-wal)",
            m->node_count - 1);
  n->odd.not_durable = forgets;
}

void odd_look(struct node *n, const struct rkv_membership *m) {
  const struct rkv_member *me = rkv_membership_find(m, n->plugins.host->node_id);
  if (me && me->incarnation == n->identity.incarnation) n->odd.lost_storage = me->returning != 0;
  look_at_addr(n, me);
  look_at_storage(n, m, me != NULL);
}

/* ---- other nodes under this node's id ---- */

/* Counts a clash, and logs at most one line in NODE_QUIET_NS. */
static void tell_clash(struct node *n, const char *text) {
  n->odd.id_clashes++;
  if (n->now_ns < n->odd.quiet_ns) return;
  n->odd.quiet_ns = n->now_ns + NODE_QUIET_NS;
  rkv_log(n->plugins.host, RKV_LOG_WARN, NODE_LOG, "%s times=%" PRIu64, text, n->odd.id_clashes);
}

enum rkv_status odd_check_sender(struct node *n, const struct rkv_call *call,
                                 const struct rkv_vote *vote, struct rkv_error *error) {
  const rkv_node_id own = n->plugins.host->node_id;
  const struct rkv_sender sender = rkv_call_sender(call);
  struct rkv_error said;
  if (sender.id != own && !(vote && vote->node_id == own)) return RKV_OK;
  (void)rkv_fail(
      &said, RKV_FOREIGN,
      "a request came under the id of the node that got it, %" PRIu64 ", incarnation %" PRIx64 " "
      "(this one: %" PRIx64 "): two nodes run as one, perhaps a copied machine (stop one)",
      own, sender.incarnation, n->identity.incarnation);
  tell_clash(n, said.text);
  if (error) *error = said;
  return RKV_FOREIGN;
}

bool odd_refuses(struct node *n, struct rkv_call *call, const struct rkv_vote *vote) {
  struct rkv_error error;
  if (odd_check_sender(n, call, vote, &error) == RKV_OK) return false;
  gate_refuse(n, call, &error);
  return true;
}

void odd_note_answer(struct node *n, rkv_node_id id, const char *addr, rkv_node_id said) {
  char text[RKV_LOG_TEXT_MAX / 2];
  if (said == id) return;
  (void)snprintf(text, sizeof text,
                 "%s, where member %" PRIu64 " should be, answers as node %" PRIu64
                 "%s (correct the address, or "
                 "the id that the node there is started with)",
                 addr, id, said, said == n->plugins.host->node_id ? ", this node's own id" : "");
  tell_clash(n, text);
}
