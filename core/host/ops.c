/* ops.c: the operations that each kind of plugin must have (all of ABI 1.0), by name, and those
 * that it may have. */
#include "loader.h"

#include <string.h>

#define TRANSPORT_OPS(X)                                                                           \
  X(open)                                                                                          \
  X(start)                                                                                         \
  X(stop)                                                                                          \
  X(close)                                                                                         \
  X(peer_open)                                                                                     \
  X(peer_close)                                                                                    \
  X(send_vote)                                                                                     \
  X(send_append)                                                                                   \
  X(send_snapshot_begin)                                                                           \
  X(send_snapshot_write)                                                                           \
  X(send_snapshot_finish)                                                                          \
  X(send_snapshot_abort)                                                                           \
  X(send_pre_vote)                                                                                 \
  X(send_timeout_now)                                                                              \
  X(send_read_index)                                                                               \
  X(send_hello)

#define STORAGE_OPS(X)                                                                             \
  X(open)                                                                                          \
  X(close)                                                                                         \
  X(load)                                                                                          \
  X(save_vote)                                                                                     \
  X(save_identity)                                                                                 \
  X(append)                                                                                        \
  X(truncate)                                                                                      \
  X(purge)                                                                                         \
  X(read)                                                                                          \
  X(snapshot_begin)                                                                                \
  X(snapshot_write)                                                                                \
  X(snapshot_commit)                                                                               \
  X(snapshot_abort)                                                                                \
  X(snapshot_open)                                                                                 \
  X(snapshot_read)                                                                                 \
  X(snapshot_close)

#define STATE_MACHINE_OPS(X)                                                                       \
  X(open)                                                                                          \
  X(close)                                                                                         \
  X(validate)                                                                                      \
  X(apply)                                                                                         \
  X(query)                                                                                         \
  X(applied)                                                                                       \
  X(snapshot_begin)                                                                                \
  X(snapshot_read)                                                                                 \
  X(snapshot_end)                                                                                  \
  X(restore_begin)                                                                                 \
  X(restore_write)                                                                                 \
  X(restore_finish)                                                                                \
  X(restore_abort)

/* What came later may be NULL. */
enum { TRANSPORT_OPTIONAL = 0, STORAGE_OPTIONAL = 0, STATE_MACHINE_OPTIONAL = 1 };

struct operation {
  const char *name;
  size_t offset;
};

#define TRANSPORT_OP(op) {#op, offsetof(struct rkv_transport_ops, op)},
#define STORAGE_OP(op) {#op, offsetof(struct rkv_storage_ops, op)},
#define STATE_MACHINE_OP(op) {#op, offsetof(struct rkv_state_machine_ops, op)},
static const struct operation transport_ops[] = {TRANSPORT_OPS(TRANSPORT_OP){NULL, 0}};
static const struct operation storage_ops[] = {STORAGE_OPS(STORAGE_OP){NULL, 0}};
static const struct operation state_machine_ops[] = {STATE_MACHINE_OPS(STATE_MACHINE_OP){NULL, 0}};

/* An operation that is added to a table must be added to its list, or counted as optional. */
#define COVERS(list, optional, ops)                                                                \
  (sizeof(list) / sizeof(list)[0] - 1 + (optional) == sizeof(ops) / sizeof(void (*)(void)))
_Static_assert(COVERS(transport_ops, TRANSPORT_OPTIONAL, struct rkv_transport_ops),
               "every transport operation");
_Static_assert(COVERS(storage_ops, STORAGE_OPTIONAL, struct rkv_storage_ops),
               "every storage operation");
_Static_assert(COVERS(state_machine_ops, STATE_MACHINE_OPTIONAL, struct rkv_state_machine_ops),
               "every machine operation");

const char *host_kind_name(uint32_t kind) {
  switch (kind) {
#define KIND_NAME(name, number, text)                                                              \
  case RKV_KIND_##name: return text;
    RKV_PLUGIN_KIND_LIST(KIND_NAME)
#undef KIND_NAME
  default: return NULL;
  }
}

size_t host_ops_size(uint32_t kind) {
  switch (kind) {
  case RKV_KIND_TRANSPORT: return sizeof(struct rkv_transport_ops);
  case RKV_KIND_STORAGE: return sizeof(struct rkv_storage_ops);
  default: return sizeof(struct rkv_state_machine_ops);
  }
}

static const struct operation *operations_of(uint32_t kind) {
  switch (kind) {
  case RKV_KIND_TRANSPORT: return transport_ops;
  case RKV_KIND_STORAGE: return storage_ops;
  default: return state_machine_ops;
  }
}

const char *host_ops_missing(uint32_t kind, const void *ops) {
  for (const struct operation *op = operations_of(kind); op->name; op++) {
    void (*function)(void);
    memcpy(&function, (const char *)ops + op->offset, sizeof function);
    if (!function) return op->name;
  }
  return NULL;
}
