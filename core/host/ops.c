/* ops.c: the operations of each kind of plugin, by name.
 *
 * X(operation, minor ABI that brought it): an operation of 1.0 is required. A later one may be
 * missing, because older plugins go on working. */
#include "ops.h"

#include <rkv/rkv.h>

#include <string.h>

#define TRANSPORT_OPS(X)                                                                           \
  X(open, 0)                                                                                       \
  X(start, 0)                                                                                      \
  X(stop, 0)                                                                                       \
  X(close, 0)                                                                                      \
  X(peer_open, 0)                                                                                  \
  X(peer_close, 0)                                                                                 \
  X(send_vote, 0)                                                                                  \
  X(send_append, 0)                                                                                \
  X(send_snapshot_begin, 0)                                                                        \
  X(send_snapshot_write, 0)                                                                        \
  X(send_snapshot_finish, 0)                                                                       \
  X(send_snapshot_abort, 0)                                                                        \
  X(send_pre_vote, 0)                                                                              \
  X(send_timeout_now, 0)                                                                           \
  X(send_read_index, 0)                                                                            \
  X(send_hello, 0)                                                                                 \
  X(send_propose, 5)                                                                               \
  X(send_query, 5)                                                                                 \
  X(send_init, 5)                                                                                  \
  X(send_add_learner, 5)                                                                           \
  X(send_change_membership, 5)                                                                     \
  X(send_remove, 5)                                                                                \
  X(send_set_address, 5)                                                                           \
  X(send_transfer, 5)                                                                              \
  X(send_snapshot_now, 5)                                                                          \
  X(send_metrics, 5)                                                                               \
  X(send_admin, 5)

#define STORAGE_OPS(X)                                                                             \
  X(open, 0)                                                                                       \
  X(close, 0)                                                                                      \
  X(load, 0)                                                                                       \
  X(save_vote, 0)                                                                                  \
  X(save_identity, 0)                                                                              \
  X(append, 0)                                                                                     \
  X(truncate, 0)                                                                                   \
  X(purge, 0)                                                                                      \
  X(read, 0)                                                                                       \
  X(snapshot_begin, 0)                                                                             \
  X(snapshot_write, 0)                                                                             \
  X(snapshot_commit, 0)                                                                            \
  X(snapshot_abort, 0)                                                                             \
  X(snapshot_open, 0)                                                                              \
  X(snapshot_read, 0)                                                                              \
  X(snapshot_close, 0)

#define STATE_MACHINE_OPS(X)                                                                       \
  X(open, 0)                                                                                       \
  X(close, 0)                                                                                      \
  X(validate, 0)                                                                                   \
  X(apply, 0)                                                                                      \
  X(query, 0)                                                                                      \
  X(applied, 0)                                                                                    \
  X(snapshot_begin, 0)                                                                             \
  X(snapshot_read, 0)                                                                              \
  X(snapshot_end, 0)                                                                               \
  X(restore_begin, 0)                                                                              \
  X(restore_write, 0)                                                                              \
  X(restore_finish, 0)                                                                             \
  X(restore_abort, 0)                                                                              \
  X(restore_check, 3)                                                                              \
  X(describe, 4)                                                                                   \
  X(digest, 5)

struct operation {
  const char *name;
  size_t offset;
  unsigned since;
};

#define TRANSPORT_OP(op, since) {#op, offsetof(struct rkv_transport_ops, op), since},
#define STORAGE_OP(op, since) {#op, offsetof(struct rkv_storage_ops, op), since},
#define STATE_MACHINE_OP(op, since) {#op, offsetof(struct rkv_state_machine_ops, op), since},
static const struct operation transport_ops[] = {TRANSPORT_OPS(TRANSPORT_OP){NULL, 0, 0}};
static const struct operation storage_ops[] = {STORAGE_OPS(STORAGE_OP){NULL, 0, 0}};
static const struct operation state_machine_ops[] = {
    STATE_MACHINE_OPS(STATE_MACHINE_OP){NULL, 0, 0}};

/* ---- how long a table may be ---- */

#define END(type, op) (offsetof(type, op) + sizeof(void (*)(void)))
#define TRANSPORT_END(op, since) END(struct rkv_transport_ops, op),
#define STORAGE_END(op, since) END(struct rkv_storage_ops, op),
#define STATE_MACHINE_END(op, since) END(struct rkv_state_machine_ops, op),
static const size_t transport_ends[] = {TRANSPORT_OPS(TRANSPORT_END)};
static const size_t storage_ends[] = {STORAGE_OPS(STORAGE_END)};
static const size_t state_machine_ends[] = {STATE_MACHINE_OPS(STATE_MACHINE_END)};

/* An operation that is added to a table must be added to its list too. */
#define COVERS(ends, ops) (sizeof(ends) / sizeof(ends)[0] == sizeof(ops) / sizeof(void (*)(void)))
_Static_assert(COVERS(transport_ends, struct rkv_transport_ops), "every transport operation");
_Static_assert(COVERS(storage_ends, struct rkv_storage_ops), "every storage operation");
_Static_assert(COVERS(state_machine_ends, struct rkv_state_machine_ops), "every machine operation");

/* `last` is the last operation of ABI 1.0. */
#define SHAPE(ends, type, last)                                                                    \
  { END(type, last), ends, sizeof(ends) / sizeof(ends)[0] }
static const struct host_shape transport_shape =
    SHAPE(transport_ends, struct rkv_transport_ops, send_hello);
static const struct host_shape storage_shape =
    SHAPE(storage_ends, struct rkv_storage_ops, snapshot_close);
static const struct host_shape state_machine_shape =
    SHAPE(state_machine_ends, struct rkv_state_machine_ops, restore_abort);

/* ---- by kind ---- */

const char *host_kind_name(uint32_t kind) {
  switch (kind) {
#define KIND_NAME(name, number, text)                                                              \
  case RKV_KIND_##name: return text;
    RKV_PLUGIN_KIND_LIST(KIND_NAME)
#undef KIND_NAME
  default: return NULL;
  }
}

const struct host_shape *host_ops_shape(uint32_t kind) {
  switch (kind) {
  case RKV_KIND_TRANSPORT: return &transport_shape;
  case RKV_KIND_STORAGE: return &storage_shape;
  default: return &state_machine_shape;
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
    if (op->since > 0) continue;
    memcpy(&function, (const char *)ops + op->offset, sizeof function);
    if (!function) return op->name;
  }
  return NULL;
}
