/* sm_log.c: logs as a cluster writes them, and how they are applied. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "sm.h"

enum { BATCH_MAX = 512 /* entries of one apply */ };

static void add_node(struct rkv_membership *m, rkv_node_id id, uint64_t *seed) {
  char addr[RKV_ADDR_MAX];
  int port = (int)contract_between(seed, 1, 65535);
  int len = contract_random(seed) % 8 == 0
                ? snprintf(addr, sizeof addr, "%0*d.example:%d", 200, port, port)
                : snprintf(addr, sizeof addr, "127.0.0.1:%d", port);
  (void)rkv_membership_add_node(m, id, addr, (size_t)len);
  for (uint32_t i = 0; i < m->node_count; i++) {
    if (m->nodes[i].id != id) continue;
    m->nodes[i].incarnation = contract_random(seed) % 4 ? contract_random(seed) : 0;
    m->nodes[i].returning = contract_random(seed) % 4 == 0;
  }
}

struct rkv_buf membership_make(struct contract *c, uint64_t *seed) {
  struct rkv_membership *m = calloc(1, sizeof *m);
  uint32_t nodes =
      contract_random(seed) % 16 ? (uint32_t)contract_between(seed, 1, 7) : (uint32_t)RKV_NODES_MAX;
  struct rkv_buf out;
  uint8_t *bytes;
  size_t size;
  CONTRACT_REQUIRE(c, m, "the suite has no memory");
  m->config_count = (uint32_t)contract_between(seed, 1, RKV_CONFIGS_MAX);
  for (uint32_t i = 0; i < nodes; i++) {
    rkv_node_id id = contract_random(seed) % 8 ? i + 1 : contract_random(seed);
    add_node(m, id, seed);
    for (uint32_t k = 0; k < m->config_count; k++)
      if (m->configs[k].count == 0 || contract_random(seed) % 3)
        (void)rkv_config_add(&m->configs[k], id);
  }
  size = rkv_membership_encoded_size(m);
  bytes = malloc(size);
  CONTRACT_REQUIRE(c, bytes, "the suite has no memory");
  rkv_membership_encode(m, bytes);
  out = contract_bytes(c, bytes, size);
  free(bytes);
  free(m);
  return out;
}

/* The first entry initialises the cluster, the second is the first leader's. */
static uint32_t kind_at(size_t at, uint64_t *seed) {
  uint64_t chance = contract_random(seed) % 64;
  if (at < 2) return at == 0 ? RKV_ENTRY_MEMBERSHIP : RKV_ENTRY_BLANK;
  if (chance > 1) return RKV_ENTRY_COMMAND;
  return chance == 0 ? RKV_ENTRY_MEMBERSHIP : RKV_ENTRY_BLANK;
}

void log_make(struct log *log, const struct commands *k, size_t count, uint64_t keys,
              uint64_t seed) {
  rkv_term term = 0;
  log->c = k->c;
  log->count = count;
  log->entries = calloc(count + 1, sizeof *log->entries);
  CONTRACT_REQUIRE(k->c, log->entries, "the suite has no memory for %zu entries", count);
  for (size_t i = 0; i < count; i++) {
    struct rkv_entry *e = &log->entries[i];
    e->kind = kind_at(i, &seed);
    if (e->kind == RKV_ENTRY_BLANK) term++;
    e->id = (struct rkv_log_id){term, i + 1};
    if (e->kind == RKV_ENTRY_MEMBERSHIP) e->payload = membership_make(k->c, &seed);
    if (e->kind == RKV_ENTRY_COMMAND)
      e->payload = commands_make(k, keys ? contract_random(&seed) % keys : i, &seed);
  }
}

void log_free(struct log *log) {
  for (size_t i = 0; i < log->count; i++) rkv_buf_drop(&log->entries[i].payload);
  free(log->entries);
}

void machine_apply(struct machine *m, const struct log *log, size_t to, size_t batch_max,
                   struct rkv_buf *results) {
  uint64_t seed = log->c->seed ^ batch_max ^ m->at;
  if (batch_max > BATCH_MAX) batch_max = BATCH_MAX;
  while (m->at < to) {
    struct rkv_buf own[BATCH_MAX];
    size_t n = contract_between(&seed, 1, batch_max);
    if (n > to - m->at) n = to - m->at;
    memset(own, 0, sizeof own);
    CONTRACT_REQUIRE(m->c,
                     m->ops->apply(m->it, &log->entries[m->at], n, results ? results + m->at : own,
                                   &m->error) == RKV_OK,
                     "apply of entries %zu to %zu: %s", m->at + 1, m->at + n, m->error.text);
    bufs_free(own, n);
    m->at += n;
  }
}
