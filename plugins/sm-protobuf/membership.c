/* membership.c: log ids and memberships to and from protobuf. */
#include "membership.h"
#include "wire.h"

#include <assert.h>

/* Field numbers of raft.proto. */
enum { LOG_ID_TERM = 1, LOG_ID_INDEX = 2 };
enum { MEMBERSHIP_CONFIGS = 1, MEMBERSHIP_NODES = 2 };
enum { SET_IDS = 1 };
enum { MAP_KEY = 1, MAP_VALUE = 2 };
enum { NODE_ID = 1, NODE_ADDR = 2, NODE_INCARNATION = 1001, NODE_RETURNING = 1002 };

#define SET_ENTRY_MAX 16u                   /* bytes of one id of a NodeIdSet: 4 heads, a varint */
#define NODE_ENTRY_MAX (RKV_ADDR_MAX + 64u) /* bytes of one entry of Membership.nodes */

size_t log_id_to_wire(struct rkv_log_id id, uint32_t number, uint8_t *out) {
  uint8_t body[LOG_ID_WIRE_MAX];
  size_t len;
  if (id.index == 0) return 0;
  len = wire_put_u64(body, LOG_ID_TERM, id.term);
  len += wire_put_u64(body + len, LOG_ID_INDEX, id.index - 1);
  return wire_put_bytes(out, number, body, len);
}

enum rkv_status log_id_from_wire(const uint8_t *data, size_t len, struct rkv_log_id *id,
                                 struct rkv_error *error) {
  struct wire_reader reader = {data, data + len};
  struct wire_field field;
  int more;
  if (id->index == 0) id->term = 0, id->index = 1;
  while ((more = wire_next(&reader, &field)) > 0) {
    if (field.number != LOG_ID_TERM && field.number != LOG_ID_INDEX) continue;
    if (field.type != WIRE_VARINT || (field.number == LOG_ID_INDEX && field.value == UINT64_MAX))
      return rkv_fail(error, RKV_CORRUPT, "LogId.%s: not a possible number",
                      field.number == LOG_ID_TERM ? "term" : "index");
    if (field.number == LOG_ID_TERM)
      id->term = field.value;
    else
      id->index = field.value + 1;
  }
  return more < 0 ? rkv_fail(error, RKV_CORRUPT, "LogId: malformed protobuf") : RKV_OK;
}

static size_t put_config(const struct rkv_config_set *config, uint8_t *out) {
  uint8_t set[RKV_NODES_MAX * SET_ENTRY_MAX];
  size_t len = 0;
  for (uint32_t i = 0; i < config->count; i++) {
    uint8_t entry[SET_ENTRY_MAX];
    size_t entry_len = wire_put_u64(entry, MAP_KEY, config->ids[i]);
    entry_len += wire_put_bytes(entry + entry_len, MAP_VALUE, NULL, 0);
    len += wire_put_bytes(set + len, SET_IDS, entry, entry_len);
  }
  return wire_put_bytes(out, MEMBERSHIP_CONFIGS, set, len);
}

static size_t put_node(const struct rkv_member *node, uint8_t *out) {
  uint8_t body[NODE_ENTRY_MAX], entry[NODE_ENTRY_MAX];
  size_t len, entry_len, addr_len = strlen(node->addr);
  len = wire_put_u64(body, NODE_ID, node->id);
  if (addr_len > 0) len += wire_put_bytes(body + len, NODE_ADDR, node->addr, addr_len);
  len += wire_put_u64(body + len, NODE_INCARNATION, node->incarnation);
  len += wire_put_u64(body + len, NODE_RETURNING, node->returning);
  entry_len = wire_put_u64(entry, MAP_KEY, node->id);
  entry_len += wire_put_bytes(entry + entry_len, MAP_VALUE, body, len);
  return wire_put_bytes(out, MEMBERSHIP_NODES, entry, entry_len);
}

size_t membership_to_wire(const struct rkv_membership *m, uint32_t number, uint8_t *out) {
  uint8_t body[MEMBERSHIP_WIRE_MAX];
  size_t len = 0;
  for (uint32_t i = 0; i < m->config_count; i++) len += put_config(&m->configs[i], body + len);
  for (uint32_t i = 0; i < m->node_count; i++) len += put_node(&m->nodes[i], body + len);
  assert(len + WIRE_HEAD_MAX <= sizeof body);
  return wire_put_bytes(out, number, body, len);
}

static enum rkv_status malformed(struct rkv_error *error) {
  return rkv_fail(error, RKV_CORRUPT, "Membership: malformed protobuf");
}

/* Reads a map's entry {key = 1: u64, value = 2: message}. */
static bool get_map_entry(const struct wire_field *entry, uint64_t *key,
                          struct wire_reader *value) {
  struct wire_reader reader = {entry->data, entry->data + entry->len};
  struct wire_field field;
  int more;
  *key = 0;
  *value = (struct wire_reader){entry->data, entry->data};
  while ((more = wire_next(&reader, &field)) > 0) {
    if (field.number == MAP_KEY) {
      if (field.type != WIRE_VARINT) return false;
      *key = field.value;
    } else if (field.number == MAP_VALUE) {
      if (field.type != WIRE_BYTES) return false;
      *value = (struct wire_reader){field.data, field.data + field.len};
    }
  }
  return more == 0;
}

static enum rkv_status get_config(const struct wire_field *message, struct rkv_membership *m,
                                  struct rkv_error *error) {
  struct wire_reader reader = {message->data, message->data + message->len}, empty;
  struct wire_field field;
  struct rkv_config_set *config;
  uint64_t id;
  int more;
  if (m->config_count == RKV_CONFIGS_MAX)
    return rkv_fail(error, RKV_CORRUPT, "Membership.configs: over %d", RKV_CONFIGS_MAX);
  config = &m->configs[m->config_count++];
  while ((more = wire_next(&reader, &field)) > 0) {
    if (field.number != SET_IDS) continue;
    if (field.type != WIRE_BYTES || !get_map_entry(&field, &id, &empty)) return malformed(error);
    if (rkv_config_add(config, id) != RKV_OK)
      return rkv_fail(error, RKV_CORRUPT, "Membership.configs: over %d voters", RKV_NODES_MAX);
  }
  return more < 0 ? malformed(error) : RKV_OK;
}

static enum rkv_status get_node(const struct wire_field *entry, struct rkv_membership *m,
                                struct rkv_error *error) {
  struct wire_reader reader;
  struct wire_field field, addr = {0};
  struct rkv_member member = {0};
  int more;
  if (!get_map_entry(entry, &member.id, &reader)) return malformed(error);
  while ((more = wire_next(&reader, &field)) > 0) {
    if (field.number == NODE_INCARNATION && field.type == WIRE_VARINT)
      member.incarnation = field.value;
    if (field.number == NODE_RETURNING && field.type == WIRE_VARINT)
      member.returning = field.value != 0;
    if (field.number != NODE_ADDR) continue; /* the node's id repeats the map's key */
    if (field.type != WIRE_BYTES || memchr(field.data, 0, field.len)) return malformed(error);
    addr = field;
  }
  if (more < 0) return malformed(error);
  if (rkv_membership_add_node(m, member.id, addr.len > 0 ? (const char *)addr.data : "",
                              addr.len) != RKV_OK)
    return rkv_fail(error, RKV_CORRUPT,
                    "Membership.nodes: over %d nodes, or an address over %d bytes", RKV_NODES_MAX,
                    RKV_ADDR_MAX - 1);
  memcpy(member.addr, addr.data ? (const char *)addr.data : "", addr.len);
  rkv_membership_set(m, &member);
  return RKV_OK;
}

enum rkv_status membership_from_wire(const uint8_t *data, size_t len, struct rkv_membership *m,
                                     struct rkv_error *error) {
  struct wire_reader reader = {data, data + len};
  struct wire_field field;
  enum rkv_status status = RKV_OK;
  int more;
  while ((more = wire_next(&reader, &field)) > 0) {
    if (field.number != MEMBERSHIP_CONFIGS && field.number != MEMBERSHIP_NODES) continue;
    if (field.type != WIRE_BYTES) return malformed(error);
    status = field.number == MEMBERSHIP_CONFIGS ? get_config(&field, m, error)
                                                : get_node(&field, m, error);
    if (status != RKV_OK) return status;
  }
  return more < 0 ? malformed(error) : RKV_OK;
}
