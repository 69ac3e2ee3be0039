/* liar.c: plugins that report failures wrongly (liar.h). */
#include "liar.h"

#include <assert.h>
#include <string.h>

#include <support/world_internal.h>

static struct {
  const struct rkv_state_machine_ops *sm;
  const struct rkv_storage_ops *storage;
  const struct rkv_transport_ops *transport;
  struct rkv_state_machine_ops sm_ops;
  struct rkv_storage_ops storage_ops;
  struct rkv_transport_ops transport_ops;
  enum liar_op op;
  unsigned left; /* calls until the one that lies */
  enum rkv_status status;
  enum liar_way way;
  bool lied;
  void (*done)(struct rkv_call *call, enum rkv_status status, const struct rkv_error *error);
} liar; /* operations have no other way to it */

const char *liar_name(enum liar_op op) {
  static const char *const names[] = {
#define LIAR_NAME(name) #name,
      LIAR_LIST(LIAR_NAME)
#undef LIAR_NAME
  };
  return names[op];
}

void liar_arm(enum liar_op op, unsigned nth, enum rkv_status status, enum liar_way way) {
  liar.op = op;
  liar.left = nth;
  liar.status = status;
  liar.way = way;
  liar.lied = false;
}

bool liar_lied(void) {
  return liar.lied;
}

/* True: this call lies. */
static bool lies(enum liar_op op) {
  if (liar.op != op || liar.left == 0 || --liar.left > 0) return false;
  return liar.lied = true;
}

static enum rkv_status lie(struct rkv_error *error) {
  if (liar.way == LIAR_SILENT || liar.status == LIAR_NOTHING) return liar.status;
  (void)rkv_fail(error, liar.status, "%s", LIAR_TEXT);
  if (liar.way == LIAR_WORDLESS) error->text[0] = '\0';
  if (liar.way == LIAR_FINE) error->status = RKV_OK;
  if (liar.way == LIAR_OTHERWISE) error->status = RKV_UNIMPLEMENTED;
  if (liar.way == LIAR_ENDLESS) {
    memset(error->text, 'x', sizeof error->text);
    memset(error->leader_addr, 'x', sizeof error->leader_addr);
  }
  return liar.status;
}

/* Of a sync operation: `call` is what is done otherwise. */
#define OR_LIE(op, call) return lies(LIAR_##op) ? lie(error) : (call)

/* ---- the state machine ---- */

static enum rkv_status validate(void *sm, struct rkv_buf command, struct rkv_error *error) {
  OR_LIE(VALIDATE, liar.sm->validate(sm, command, error));
}

static enum rkv_status apply(void *sm, const struct rkv_entry *entries, size_t count,
                             struct rkv_buf *results, struct rkv_error *error) {
  OR_LIE(APPLY, liar.sm->apply(sm, entries, count, results, error));
}

static enum rkv_status query(void *sm, struct rkv_buf request, struct rkv_buf *response,
                             struct rkv_error *error) {
  OR_LIE(QUERY, liar.sm->query(sm, request, response, error));
}

static enum rkv_status applied(void *sm, struct rkv_snapshot_meta *meta, struct rkv_error *error) {
  OR_LIE(APPLIED, liar.sm->applied(sm, meta, error));
}

static enum rkv_status view_begin(void *sm, void **view, struct rkv_snapshot_meta *meta,
                                  struct rkv_error *error) {
  OR_LIE(VIEW_BEGIN, liar.sm->snapshot_begin(sm, view, meta, error));
}

static enum rkv_status view_read(void *view, size_t max, struct rkv_buf *chunk,
                                 struct rkv_error *error) {
  OR_LIE(VIEW_READ, liar.sm->snapshot_read(view, max, chunk, error));
}

static enum rkv_status restore_begin(void *sm, const struct rkv_snapshot_meta *meta, void **restore,
                                     struct rkv_error *error) {
  OR_LIE(RESTORE_BEGIN, liar.sm->restore_begin(sm, meta, restore, error));
}

static enum rkv_status restore_write(void *restore, struct rkv_buf chunk, struct rkv_error *error) {
  OR_LIE(RESTORE_WRITE, liar.sm->restore_write(restore, chunk, error));
}

static enum rkv_status restore_check(void *restore, struct rkv_error *error) {
  OR_LIE(RESTORE_CHECK, liar.sm->restore_check(restore, error));
}

static enum rkv_status restore_finish(void *restore, struct rkv_error *error) {
  if (!lies(LIAR_RESTORE_FINISH)) return liar.sm->restore_finish(restore, error);
  liar.sm->restore_abort(restore);
  return lie(error);
}

/* ---- the storage ---- */

static enum rkv_status load(void *storage, struct rkv_storage_state *state,
                            struct rkv_error *error) {
  OR_LIE(LOAD, liar.storage->load(storage, state, error));
}

static void complete(struct rkv_completion *completion) {
  struct rkv_error error;
  (void)lie(&error);
  completion->done(completion, liar.status, liar.way == LIAR_SILENT ? NULL : &error);
}

static void save_vote(void *storage, struct rkv_vote vote, struct rkv_completion *completion) {
  if (lies(LIAR_SAVE_VOTE)) {
    complete(completion);
    return;
  }
  liar.storage->save_vote(storage, vote, completion);
}

static void save_identity(void *storage, struct rkv_identity identity,
                          struct rkv_completion *completion) {
  if (lies(LIAR_SAVE_IDENTITY)) {
    complete(completion);
    return;
  }
  liar.storage->save_identity(storage, identity, completion);
}

static void append(void *storage, const struct rkv_entry *entries, size_t count,
                   struct rkv_completion *completion) {
  if (lies(LIAR_APPEND)) {
    complete(completion);
    return;
  }
  liar.storage->append(storage, entries, count, completion);
}

static enum rkv_status read_entries(void *storage, rkv_index from, rkv_index to, uint64_t bytes_max,
                                    struct rkv_entry *entries, size_t capacity, size_t *count,
                                    struct rkv_error *error) {
  OR_LIE(READ, liar.storage->read(storage, from, to, bytes_max, entries, capacity, count, error));
}

static enum rkv_status snapshot_begin(void *storage, const struct rkv_snapshot_meta *meta,
                                      void **writer, struct rkv_error *error) {
  OR_LIE(SNAPSHOT_BEGIN, liar.storage->snapshot_begin(storage, meta, writer, error));
}

static enum rkv_status snapshot_write(void *writer, struct rkv_buf chunk, struct rkv_error *error) {
  OR_LIE(SNAPSHOT_WRITE, liar.storage->snapshot_write(writer, chunk, error));
}

static enum rkv_status snapshot_commit(void *writer, struct rkv_error *error) {
  if (!lies(LIAR_SNAPSHOT_COMMIT)) return liar.storage->snapshot_commit(writer, error);
  liar.storage->snapshot_abort(writer);
  return lie(error);
}

static enum rkv_status snapshot_open(void *storage, void **reader, struct rkv_snapshot_meta *meta,
                                     struct rkv_error *error) {
  OR_LIE(SNAPSHOT_OPEN, liar.storage->snapshot_open(storage, reader, meta, error));
}

static enum rkv_status snapshot_read(void *reader, uint64_t offset, size_t max,
                                     struct rkv_buf *chunk, struct rkv_error *error) {
  OR_LIE(SNAPSHOT_READ, liar.storage->snapshot_read(reader, offset, max, chunk, error));
}

/* ---- the transport ---- */

static enum rkv_status peer_open(void *transport, const struct rkv_peer_info *info, void **peer,
                                 struct rkv_error *error) {
  OR_LIE(PEER_OPEN, liar.transport->peer_open(transport, info, peer, error));
}

static void answer(struct rkv_call *call) {
  struct rkv_error error;
  (void)lie(&error);
  call->done(call, liar.status, liar.way == LIAR_SILENT ? NULL : &error);
}

#define SEND(op, name, type)                                                                       \
  static void name(void *peer, struct type *call) {                                                \
    if (lies(LIAR_##op)) {                                                                         \
      answer(&call->call);                                                                         \
      return;                                                                                      \
    }                                                                                              \
    liar.transport->name(peer, call);                                                              \
  }
SEND(SEND_VOTE, send_vote, rkv_vote_call)
SEND(SEND_PRE_VOTE, send_pre_vote, rkv_vote_call)
SEND(SEND_APPEND, send_append, rkv_append_call)
SEND(SEND_BEGIN, send_snapshot_begin, rkv_snapshot_call)
SEND(SEND_TIMEOUT_NOW, send_timeout_now, rkv_timeout_now_call)
SEND(SEND_READ_INDEX, send_read_index, rkv_read_index_call)
SEND(SEND_HELLO, send_hello, rkv_hello_call)
#undef SEND

/* The stream has ended by now. */
static void aborted(struct rkv_call *call, enum rkv_status status, const struct rkv_error *error) {
  (void)status, (void)error;
  call->done = liar.done;
  answer(call);
}

static void break_off(void *peer, struct rkv_snapshot_call *call) {
  liar.done = call->call.done;
  call->call.done = aborted;
  liar.transport->send_snapshot_abort(peer, call);
}

static void send_snapshot_write(void *peer, struct rkv_snapshot_call *call) {
  if (lies(LIAR_SEND_WRITE)) {
    break_off(peer, call);
    return;
  }
  liar.transport->send_snapshot_write(peer, call);
}

static void send_snapshot_finish(void *peer, struct rkv_snapshot_call *call) {
  if (lies(LIAR_SEND_FINISH)) {
    break_off(peer, call);
    return;
  }
  liar.transport->send_snapshot_finish(peer, call);
}

static void wrap_storage(struct rkv_storage_ops *ops) {
  ops->load = load;
  ops->save_vote = save_vote;
  ops->save_identity = save_identity;
  ops->append = append;
  ops->read = read_entries;
  ops->snapshot_begin = snapshot_begin;
  ops->snapshot_write = snapshot_write;
  ops->snapshot_commit = snapshot_commit;
  ops->snapshot_open = snapshot_open;
  ops->snapshot_read = snapshot_read;
}

static void wrap_sm(struct rkv_state_machine_ops *ops) {
  ops->validate = validate;
  ops->apply = apply;
  ops->query = query;
  ops->applied = applied;
  ops->snapshot_begin = view_begin;
  ops->snapshot_read = view_read;
  ops->restore_begin = restore_begin;
  ops->restore_write = restore_write;
  ops->restore_check = restore_check;
  ops->restore_finish = restore_finish;
}

void liar_begin(struct world *w) {
  memset(&liar, 0, sizeof liar);
  liar.sm = w->sm;
  liar.storage = w->storage;
  liar.transport = w->transport;
  liar.sm_ops = *w->sm;
  liar.storage_ops = *w->storage;
  liar.transport_ops = *w->transport;
  wrap_sm(&liar.sm_ops);
  wrap_storage(&liar.storage_ops);
  liar.transport_ops.peer_open = peer_open;
  liar.transport_ops.send_vote = send_vote;
  liar.transport_ops.send_pre_vote = send_pre_vote;
  liar.transport_ops.send_append = send_append;
  liar.transport_ops.send_snapshot_begin = send_snapshot_begin;
  liar.transport_ops.send_snapshot_write = send_snapshot_write;
  liar.transport_ops.send_snapshot_finish = send_snapshot_finish;
  liar.transport_ops.send_timeout_now = send_timeout_now;
  liar.transport_ops.send_read_index = send_read_index;
  liar.transport_ops.send_hello = send_hello;
  w->sm = &liar.sm_ops;
  w->storage = &liar.storage_ops;
  w->transport = &liar.transport_ops;
}
