/* holders.c: which voters hold their log, and what is said where too few do (holders.h). */
#include <node/holders.h>

#include <node/kernel/state.h>
#include <node/peers.h>

#include <inttypes.h>

enum holding_word { HOLDS, SILENT, LOST };

/* True if the node that answers as this member is not the incarnation that the member was. */
static bool is_another(uint64_t said, const struct rkv_member *member) {
  return said != 0 && member->incarnation != 0 && said != member->incarnation;
}

static bool is_silent(const struct node_peer *peer) {
  return !peer || !peer->handle || peer->silent;
}

static enum holding_word judge(struct node *n, const struct rkv_member *member) {
  const struct node_peer *peer = peer_find(n, member->id);
  const bool self = member->id == n->plugins.host->node_id;
  const uint64_t said = self ? n->identity.incarnation : peer ? peer->said_incarnation : 0;
  if (member->returning || is_another(said, member) || (peer && peer->holding.lost)) return LOST;
  return !self && is_silent(peer) ? SILENT : HOLDS;
}

/* A node that is no voter now is one on its way back if a leader has marked it so. */
static bool is_on_its_way(struct node *n, const struct rkv_membership *m,
                          const struct rkv_member *member) {
  if (member->id == n->plugins.host->node_id || is_silent(peer_find(n, member->id))) return false;
  return member->returning || (rkv_membership_is_voter(m, member->id) && judge(n, member) == LOST);
}

static void count_config(struct node *n, const struct rkv_membership *m,
                         const struct rkv_config_set *config, rkv_node_id without,
                         struct holders *out) {
  uint32_t holding = 0, silent = 0;
  for (uint32_t i = 0; i < config->count; i++) {
    if (config->ids[i] == without) continue;
    switch (judge(n, rkv_membership_find(m, config->ids[i]))) {
    case HOLDS: holding++; break;
    case SILENT:
      silent++;
      (void)rkv_config_add(&out->silent, config->ids[i]);
      break;
    case LOST: (void)rkv_config_add(&out->lost, config->ids[i]); break;
    }
  }
  if (holding <= config->count / 2) out->majority = false;
  if (holding + silent <= config->count / 2) out->possible = false;
}

void holders_look(struct node *n, rkv_node_id without, struct holders *out) {
  const struct rkv_membership *m = &raft_effective(n->raft)->value;
  memset(out, 0, sizeof *out);
  out->majority = out->possible = true;
  for (uint32_t c = 0; c < m->config_count; c++) count_config(n, m, &m->configs[c], without, out);
  for (uint32_t i = 0; i < m->node_count; i++)
    if (is_on_its_way(n, m, &m->nodes[i])) (void)rkv_config_add(&out->returning, m->nodes[i].id);
}

void holders_list(const struct rkv_config_set *ids, char text[HOLDERS_TEXT_MAX]) {
  int at = snprintf(text, HOLDERS_TEXT_MAX, "%s", ids->count == 1 ? "node" : "nodes");
  for (uint32_t i = 0; i < ids->count && at < HOLDERS_TEXT_MAX; i++)
    at += snprintf(text + at, HOLDERS_TEXT_MAX - (size_t)at, "%s %" PRIu64, i ? "," : "",
                   ids->ids[i]);
}

void holders_tell(struct node *n) {
  char lost[HOLDERS_TEXT_MAX], silent[HOLDERS_TEXT_MAX];
  struct holders h;
  holders_look(n, 0, &h);
  if (h.majority || h.lost.count == 0 || n->now_ns < n->holders_quiet_ns) return;
  n->holders_quiet_ns = n->now_ns + NODE_QUIET_NS;
  holders_list(&h.lost, lost);
  holders_list(&h.silent, silent);
  if (h.possible)
    rkv_log(
        n->plugins.host, RKV_LOG_WARN, NODE_LOG,
        "hears no leader: came back without storage, and has no vote: %s; waits for %s (or restore "
        "an old storage of the former)",
        lost, silent);
  else
    rkv_log(n->plugins.host, RKV_LOG_ERROR, NODE_LOG,
            "no leader can be elected, whoever comes back: too few voters hold the log; without "
            "storage: %s (restore their old storage; without it begin a new cluster)",
            lost);
}
