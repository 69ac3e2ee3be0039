/* codec_membership.c: Membership on the wire <-> rkv_membership and its bytes. */
#include "wire/codec_parts.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>

#define FIELD_MAX 96 /* bytes of a field's name in a text */

/* ---- in ---- */

/* Copies an address that can be dialled and printed. */
static enum rkv_status addr_in(ProtobufCBinaryData in, const char *field, char out[RKV_ADDR_MAX],
                               struct rkv_error *error) {
  if (in.len == 0)
    return rkv_fail(error, RKV_INVALID, "%s.rpc_addr: empty (give HOST:PORT)", field);
  if (in.len >= RKV_ADDR_MAX)
    return rkv_fail(error, RKV_INVALID, "%s.rpc_addr: %zu bytes (at most %d)", field, in.len,
                    RKV_ADDR_MAX - 1);
  for (size_t i = 0; i < in.len; i++)
    if (in.data[i] <= ' ' || in.data[i] > '~')
      return rkv_fail(error, RKV_INVALID,
                      "%s.rpc_addr: byte 0x%02x at %zu is not part of a HOST:PORT", field,
                      in.data[i], i);
  memset(out, 0, RKV_ADDR_MAX);
  memcpy(out, in.data, in.len);
  return RKV_OK;
}

enum rkv_status codec_node_in(const Openraftpb__Node *in, const char *field, struct rkv_member *out,
                              struct rkv_error *error) {
  if (in->node_id == 0) return rkv_fail(error, RKV_INVALID, "%s.node_id: " CODEC_ID_ZERO, field);
  memset(out, 0, sizeof *out);
  out->id = in->node_id;
  out->incarnation = in->incarnation;
  out->returning = in->returning ? 1 : 0;
  return addr_in(in->rpc_addr, field, out->addr, error);
}

static enum rkv_status config_in(const Openraftpb__NodeIdSet *in, const char *field, size_t at,
                                 struct rkv_config_set *out, struct rkv_error *error) {
  if (in->n_node_ids == 0)
    return rkv_fail(error, RKV_INVALID, "%s.configs[%zu]: empty (a config needs a voter)", field,
                    at);
  for (size_t i = 0; i < in->n_node_ids; i++) {
    if (in->node_ids[i]->key == 0)
      return rkv_fail(error, RKV_INVALID, "%s.configs[%zu].node_ids: id " CODEC_ID_ZERO, field, at);
    if (rkv_config_add(out, in->node_ids[i]->key))
      return rkv_fail(error, RKV_INVALID, "%s.configs[%zu]: over %d voters", field, at,
                      RKV_NODES_MAX);
  }
  return RKV_OK;
}

static enum rkv_status member_in(const Openraftpb__Membership__NodesEntry *in, const char *field,
                                 struct rkv_membership *out, struct rkv_error *error) {
  char name[FIELD_MAX];
  struct rkv_member member;
  enum rkv_status status;
  if (in->key == 0) return rkv_fail(error, RKV_INVALID, "%s.nodes: id " CODEC_ID_ZERO, field);
  (void)snprintf(name, sizeof name, "%s.nodes[%" PRIu64 "]", field, in->key);
  if (!in->value) return rkv_fail(error, RKV_INVALID, "%s: no node given", name);
  if ((status = codec_node_in(in->value, name, &member, error))) return status;
  if (member.id != in->key)
    return rkv_fail(error, RKV_INVALID, "%s.node_id: %" PRIu64 " is not its key", name, member.id);
  if (rkv_membership_add_node(out, member.id, member.addr, strlen(member.addr)))
    return rkv_fail(error, RKV_INVALID, "%s.nodes: over %d nodes", field, RKV_NODES_MAX);
  rkv_membership_set(out, &member);
  return RKV_OK;
}

static enum rkv_status fill(const Openraftpb__Membership *in, const char *field,
                            struct rkv_membership *out, struct rkv_error *error) {
  enum rkv_status status;
  if (in->n_configs == 0 || in->n_configs > RKV_CONFIGS_MAX)
    return rkv_fail(error, RKV_INVALID, "%s.configs: %zu configs (1 or %d are possible)", field,
                    in->n_configs, RKV_CONFIGS_MAX);
  for (size_t i = 0; i < in->n_configs; i++)
    if ((status = config_in(in->configs[i], field, i, &out->configs[i], error))) return status;
  out->config_count = (uint32_t)in->n_configs;
  for (size_t i = 0; i < in->n_nodes; i++)
    if ((status = member_in(in->nodes[i], field, out, error))) return status;
  return rkv_membership_check(out, error);
}

static void owner_free(struct rkv_buf_owner *self) {
  free(self);
}

static enum rkv_status to_buf(const struct rkv_membership *m, struct rkv_buf *out,
                              struct rkv_error *error) {
  size_t size = rkv_membership_encoded_size(m);
  struct rkv_buf_owner *owner = malloc(sizeof *owner + size);
  if (!owner) return rkv_fail(error, RKV_NO_MEMORY, "membership: no memory for %zu bytes", size);
  owner->refs = 1;
  owner->reserved = 0;
  owner->free = owner_free;
  rkv_membership_encode(m, (uint8_t *)(owner + 1));
  *out = (struct rkv_buf){(uint8_t *)(owner + 1), size, owner};
  return RKV_OK;
}

enum rkv_status codec_membership_in(const Openraftpb__Membership *in, const char *field,
                                    struct rkv_buf *out, struct rkv_error *error) {
  struct rkv_membership *m = calloc(1, sizeof *m); /* 17 KiB: not for the stack */
  enum rkv_status status;
  *out = rkv_buf_none();
  if (!m) return rkv_fail(error, RKV_NO_MEMORY, "%s: no memory", field);
  status = fill(in, field, m, error);
  if (status == RKV_OK) status = to_buf(m, out, error);
  free(m);
  return status;
}

/* ---- out ---- */

/* One allocation per kind of part; NULL: no memory. */
static Openraftpb__NodeIdSet *config_out(struct arena *arena, const struct rkv_config_set *config) {
  Openraftpb__NodeIdSet *out = arena_alloc(arena, sizeof *out);
  Openraftpb__NodeIdSet__NodeIdsEntry *entries =
      arena_alloc(arena, config->count * sizeof *entries);
  Google__Protobuf__Empty *none = arena_alloc(arena, sizeof *none);
  if (!out || !entries || !none) return NULL;
  openraftpb__node_id_set__init(out);
  google__protobuf__empty__init(none);
  out->n_node_ids = config->count;
  if (!(out->node_ids = arena_alloc(arena, config->count * sizeof *out->node_ids))) return NULL;
  for (uint32_t i = 0; i < config->count; i++) {
    openraftpb__node_id_set__node_ids_entry__init(&entries[i]);
    entries[i].key = config->ids[i];
    entries[i].value = none;
    out->node_ids[i] = &entries[i];
  }
  return out;
}

static bool nodes_out(struct arena *arena, const struct rkv_membership *m,
                      Openraftpb__Membership *out) {
  Openraftpb__Membership__NodesEntry *entries = arena_alloc(arena, m->node_count * sizeof *entries);
  Openraftpb__Node *nodes = arena_alloc(arena, m->node_count * sizeof *nodes);
  out->nodes = arena_alloc(arena, m->node_count * sizeof *out->nodes);
  if (!entries || !nodes || !out->nodes) return false;
  out->n_nodes = m->node_count;
  for (uint32_t i = 0; i < m->node_count; i++) {
    openraftpb__node__init(&nodes[i]);
    nodes[i].node_id = m->nodes[i].id;
    nodes[i].incarnation = m->nodes[i].incarnation;
    nodes[i].returning = m->nodes[i].returning != 0;
    nodes[i].rpc_addr.len = strlen(m->nodes[i].addr);
    nodes[i].rpc_addr.data = (uint8_t *)(uintptr_t)m->nodes[i].addr; /* packed only */
    openraftpb__membership__nodes_entry__init(&entries[i]);
    entries[i].key = m->nodes[i].id;
    entries[i].value = &nodes[i];
    out->nodes[i] = &entries[i];
  }
  return true;
}

enum rkv_status codec_membership_out(struct arena *arena, struct rkv_buf encoded,
                                     Openraftpb__Membership **out, struct rkv_error *error) {
  struct rkv_membership *m;
  Openraftpb__Membership *message;
  enum rkv_status status;
  *out = NULL;
  if (encoded.len == 0) return RKV_OK;
  if (!(m = arena_alloc(arena, sizeof *m)) || !(message = arena_alloc(arena, sizeof *message)))
    goto full;
  if ((status = rkv_membership_decode(encoded.data, encoded.len, m, error)))
    return rkv_fail(error, RKV_CORRUPT, "membership: what is stored is damaged");
  openraftpb__membership__init(message);
  message->n_configs = m->config_count;
  if (!(message->configs = arena_alloc(arena, m->config_count * sizeof *message->configs)))
    goto full;
  for (uint32_t i = 0; i < m->config_count; i++)
    if (!(message->configs[i] = config_out(arena, &m->configs[i]))) goto full;
  if (!nodes_out(arena, m, message)) goto full;
  assert(message->n_configs > 0 && message->n_nodes > 0); /* (C2) */
  *out = message;
  return RKV_OK;
full:
  return rkv_fail(error, RKV_NO_MEMORY, "membership: no memory");
}
