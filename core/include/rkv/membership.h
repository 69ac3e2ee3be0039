/* rkv/membership.h: who belongs to the cluster, as a value and as the bytes that logs and snapshots
 * carry.
 *
 * Joint consensus (Raft dissertation, section 4.3): a membership holds one config (uniform) or
 * several (joint); a decision needs a majority of EVERY config. A node in `nodes` but in no config
 * is a learner.
 *
 * (M1) configs and nodes are sorted by id, without duplicates.
 * (M2) no config is empty.
 * (M3) every voter is in nodes.
 * rkv_membership_check says whether they hold; every decode checks them, and encoding what breaks
 * them ends the process. */
#ifndef RKV_MEMBERSHIP_H
#define RKV_MEMBERSHIP_H

#include <rkv/buf.h>
#include <rkv/status.h>
#include <rkv/types.h>

#include <assert.h>
#include <inttypes.h>

#ifdef __cplusplus
extern "C" {
#endif

#define RKV_NODES_MAX 64  /* nodes of one cluster, learners included */
#define RKV_CONFIGS_MAX 2 /* configs of one membership: uniform or joint */

struct rkv_member {
  rkv_node_id id;
  char addr[RKV_ADDR_MAX]; /* HOST:PORT, NUL-terminated */
  uint64_t incarnation;    /* the member's (rkv_identity); 0: not known, any will do */
  uint32_t returning;      /* 1: a voter that lost its storage, and votes again once it caught up */
  uint32_t reserved;
};

struct rkv_config_set {
  uint32_t count;
  uint32_t reserved;
  rkv_node_id ids[RKV_NODES_MAX];
};

struct rkv_membership {
  uint32_t config_count;
  uint32_t node_count;
  struct rkv_config_set configs[RKV_CONFIGS_MAX];
  struct rkv_member nodes[RKV_NODES_MAX];
};

static inline bool rkv_config_has(const struct rkv_config_set *config, rkv_node_id id) {
  for (uint32_t i = 0; i < config->count; i++)
    if (config->ids[i] == id) return true;
  return false;
}

/* True if `id` votes in at least one config. */
static inline bool rkv_membership_is_voter(const struct rkv_membership *m, rkv_node_id id) {
  for (uint32_t c = 0; c < m->config_count; c++)
    if (rkv_config_has(&m->configs[c], id)) return true;
  return false;
}

/* The node's record, or NULL if `id` is a stranger. */
static inline const struct rkv_member *rkv_membership_find(const struct rkv_membership *m,
                                                           rkv_node_id id) {
  for (uint32_t i = 0; i < m->node_count; i++)
    if (m->nodes[i].id == id) return &m->nodes[i];
  return NULL;
}

/* Inserts `id` in order. Errors: RKV_TOO_LARGE if the config is full. Already there: nothing
 * changes. */
static inline enum rkv_status rkv_config_add(struct rkv_config_set *config, rkv_node_id id) {
  uint32_t at = 0;
  while (at < config->count && config->ids[at] < id) at++;
  if (at < config->count && config->ids[at] == id) return RKV_OK;
  if (config->count == RKV_NODES_MAX) return RKV_TOO_LARGE;
  memmove(&config->ids[at + 1], &config->ids[at], (config->count - at) * sizeof config->ids[0]);
  config->ids[at] = id;
  config->count++;
  return RKV_OK;
}

/* Inserts a node in order, or replaces the record of a node that is there: with this address, and
 * an incarnation that is not known. Errors: RKV_TOO_LARGE if there are RKV_NODES_MAX nodes already
 * or the address is RKV_ADDR_MAX bytes or longer. */
static inline enum rkv_status rkv_membership_add_node(struct rkv_membership *m, rkv_node_id id,
                                                      const char *addr, size_t addr_len) {
  uint32_t at = 0;
  if (addr_len >= RKV_ADDR_MAX) return RKV_TOO_LARGE;
  while (at < m->node_count && m->nodes[at].id < id) at++;
  if (at == m->node_count || m->nodes[at].id != id) {
    if (m->node_count == RKV_NODES_MAX) return RKV_TOO_LARGE;
    memmove(&m->nodes[at + 1], &m->nodes[at], (m->node_count - at) * sizeof m->nodes[0]);
    m->node_count++;
  }
  memset(&m->nodes[at], 0, sizeof m->nodes[at]);
  m->nodes[at].id = id;
  memcpy(m->nodes[at].addr, addr, addr_len);
  return RKV_OK;
}

/* Replaces the record of a node that is there. */
static inline void rkv_membership_set(struct rkv_membership *m, const struct rkv_member *member) {
  for (uint32_t i = 0; i < m->node_count; i++)
    if (m->nodes[i].id == member->id) m->nodes[i] = *member;
}

/* Checks (M1) to (M3). Errors: RKV_INVALID with the field and the id in error->text. */
static inline enum rkv_status rkv_membership_check(const struct rkv_membership *m,
                                                   struct rkv_error *error) {
  if (m->config_count == 0 || m->config_count > RKV_CONFIGS_MAX)
    return rkv_fail(error, RKV_INVALID, "membership.configs: %u configs (1 or %d are possible)",
                    m->config_count, RKV_CONFIGS_MAX);
  if (m->node_count > RKV_NODES_MAX)
    return rkv_fail(error, RKV_INVALID, "membership.nodes: %u nodes (at most %d)", m->node_count,
                    RKV_NODES_MAX);
  for (uint32_t i = 1; i < m->node_count; i++)
    if (m->nodes[i - 1].id >= m->nodes[i].id)
      return rkv_fail(error, RKV_INVALID, "membership.nodes: not sorted at node %" PRIu64,
                      m->nodes[i].id);
  for (uint32_t c = 0; c < m->config_count; c++) {
    const struct rkv_config_set *config = &m->configs[c];
    if (config->count == 0 || config->count > RKV_NODES_MAX)
      return rkv_fail(error, RKV_INVALID,
                      "membership.configs[%u]: %u voters (1 to %d are possible)", c, config->count,
                      RKV_NODES_MAX);
    for (uint32_t i = 0; i < config->count; i++) {
      if (i > 0 && config->ids[i - 1] >= config->ids[i])
        return rkv_fail(error, RKV_INVALID, "membership.configs[%u]: not sorted at voter %" PRIu64,
                        c, config->ids[i]);
      if (!rkv_membership_find(m, config->ids[i]))
        return rkv_fail(error, RKV_INVALID,
                        "membership.nodes: voter %" PRIu64 " has no node (give its address)",
                        config->ids[i]);
    }
  }
  return RKV_OK;
}

/* ---- bytes: little-endian u32 configs; per config u32 n, n x u64 id; u32 nodes; per node u64 id,
 * u64 incarnation, u32 returning, u32 len, addr ---- */

#define RKV_MEMBER_HEAD 24u /* encoded bytes of a node before its address */

static inline void rkv_put_le(uint8_t *at, uint64_t value, unsigned bytes) {
  for (unsigned i = 0; i < bytes; i++) at[i] = (uint8_t)(value >> (8 * i));
}

static inline uint64_t rkv_get_le(const uint8_t *at, unsigned bytes) {
  uint64_t value = 0;
  for (unsigned i = 0; i < bytes; i++) value |= (uint64_t)at[i] << (8 * i);
  return value;
}

/* How many bytes rkv_membership_encode will write. */
static inline size_t rkv_membership_encoded_size(const struct rkv_membership *m) {
  size_t size = 8;
  for (uint32_t i = 0; i < m->config_count; i++) size += 4 + 8 * (size_t)m->configs[i].count;
  for (uint32_t i = 0; i < m->node_count; i++) size += RKV_MEMBER_HEAD + strlen(m->nodes[i].addr);
  return size;
}

/* Writes the bytes of *m, which must pass rkv_membership_check, to `out`
 * (rkv_membership_encoded_size bytes). */
static inline void rkv_membership_encode(const struct rkv_membership *m, uint8_t *out) {
  assert(rkv_membership_check(m, NULL) == RKV_OK); /* (M1), (M2), (M3) */
  rkv_put_le(out, m->config_count, 4), out += 4;
  for (uint32_t c = 0; c < m->config_count; c++) {
    rkv_put_le(out, m->configs[c].count, 4), out += 4;
    for (uint32_t i = 0; i < m->configs[c].count; i++)
      rkv_put_le(out, m->configs[c].ids[i], 8), out += 8;
  }
  rkv_put_le(out, m->node_count, 4), out += 4;
  for (uint32_t i = 0; i < m->node_count; i++) {
    size_t len = strlen(m->nodes[i].addr);
    rkv_put_le(out, m->nodes[i].id, 8), rkv_put_le(out + 8, m->nodes[i].incarnation, 8);
    rkv_put_le(out + 16, m->nodes[i].returning, 4), rkv_put_le(out + 20, len, 4);
    out += RKV_MEMBER_HEAD;
    memcpy(out, m->nodes[i].addr, len), out += len;
  }
}

/* Reads what rkv_membership_encode wrote. Errors: RKV_CORRUPT if the bytes are cut, too long or too
 * many; RKV_INVALID if they break (M1) to (M3); *m is then undefined. */
static inline enum rkv_status rkv_membership_decode(const uint8_t *data, size_t len,
                                                    struct rkv_membership *m,
                                                    struct rkv_error *error) {
  const uint8_t *at = data, *end = data + len;
  memset(m, 0, sizeof *m);
  if (end - at < 4) goto cut;
  m->config_count = (uint32_t)rkv_get_le(at, 4), at += 4;
  if (m->config_count > RKV_CONFIGS_MAX) goto cut;
  for (uint32_t c = 0; c < m->config_count; c++) {
    if (end - at < 4) goto cut;
    m->configs[c].count = (uint32_t)rkv_get_le(at, 4), at += 4;
    if (m->configs[c].count > RKV_NODES_MAX || (size_t)(end - at) < 8 * (size_t)m->configs[c].count)
      goto cut;
    for (uint32_t i = 0; i < m->configs[c].count; i++)
      m->configs[c].ids[i] = rkv_get_le(at, 8), at += 8;
  }
  if (end - at < 4) goto cut;
  m->node_count = (uint32_t)rkv_get_le(at, 4), at += 4;
  if (m->node_count > RKV_NODES_MAX) goto cut;
  for (uint32_t i = 0; i < m->node_count; i++) {
    size_t addr_len;
    if ((size_t)(end - at) < RKV_MEMBER_HEAD) goto cut;
    m->nodes[i].id = rkv_get_le(at, 8);
    m->nodes[i].incarnation = rkv_get_le(at + 8, 8);
    m->nodes[i].returning = (uint32_t)rkv_get_le(at + 16, 4);
    addr_len = (size_t)rkv_get_le(at + 20, 4), at += RKV_MEMBER_HEAD;
    if (addr_len >= RKV_ADDR_MAX || (size_t)(end - at) < addr_len) goto cut;
    memcpy(m->nodes[i].addr, at, addr_len), at += addr_len;
  }
  if (at != end) goto cut;
  return rkv_membership_check(m, error);
cut:
  return rkv_fail(error, RKV_CORRUPT, "membership: damaged at byte %zu of %zu", (size_t)(at - data),
                  len);
}

#ifdef __cplusplus
}
#endif
#endif
