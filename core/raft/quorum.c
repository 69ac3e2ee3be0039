/* quorum.c: majorities of every config of a membership (quorum.h). */
#include <raft/quorum.h>

#include <assert.h>

/* The majority-th greatest acknowledged index of one config. */
static rkv_index config_index(const struct rkv_config_set *config, raft_acked_fn *acked,
                              const void *ctx) {
  rkv_index sorted[RKV_NODES_MAX]; /* descending */
  uint32_t at;
  assert(config->count > 0 && config->count <= RKV_NODES_MAX);
  for (uint32_t i = 0; i < config->count; i++) {
    rkv_index index = acked(ctx, config->ids[i]);
    for (at = i; at > 0 && sorted[at - 1] < index; at--) sorted[at] = sorted[at - 1];
    sorted[at] = index;
  }
  return sorted[config->count / 2];
}

rkv_index raft_quorum_index(const struct rkv_membership *m, raft_acked_fn *acked, const void *ctx) {
  rkv_index least = 0;
  assert(m->config_count <= RKV_CONFIGS_MAX);
  for (uint32_t c = 0; c < m->config_count; c++) {
    rkv_index index = config_index(&m->configs[c], acked, ctx);
    if (c == 0 || index < least) least = index;
  }
  return least;
}

bool raft_quorum_has(const struct rkv_membership *m, const rkv_node_id *ids, size_t count) {
  assert(m->config_count <= RKV_CONFIGS_MAX);
  for (uint32_t c = 0; c < m->config_count; c++) {
    uint32_t votes = 0;
    for (size_t i = 0; i < count; i++)
      if (rkv_config_has(&m->configs[c], ids[i])) votes++;
    if (votes <= m->configs[c].count / 2) return false;
  }
  return m->config_count > 0;
}

bool raft_quorum_lone(const struct rkv_membership *m, rkv_node_id id) {
  for (uint32_t c = 0; c < m->config_count; c++)
    if (m->configs[c].count != 1 || m->configs[c].ids[0] != id) return false;
  return m->config_count > 0;
}
