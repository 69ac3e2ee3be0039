/* inflows.c: awaits the streams of one kind, keeps the list of open ones. */
#include "inflow.h"

#include <raft-wire/wire/envelope.h>

#include <inttypes.h>
#include <stdlib.h>

#define SLOTS 16 /* streams awaited */

struct inflows {
  struct tick tick; /* first: on_tick gets it back */
  struct transport *t;
  const struct inflow_kind *kind;
  uint64_t limit;
  void *registered;
  struct inflow *open; /* the poller's */
  size_t open_count;
};

void inflows_end(struct inflow *f) {
  struct inflows *all = f->owner;
  struct transport *t = f->t;
  const bool counted = f->counted;
  if (f->prev)
    f->prev->next = f->next;
  else
    all->open = f->next;
  if (f->next) f->next->prev = f->prev;
  all->open_count--;
  grpc_call_unref(f->call);
  inflow_free(f);
  if (counted) transport_inbound_end(t);
}

static enum rkv_status admit(struct inflow *f, struct rkv_error *error) {
  if (f->owner->open_count > f->kind->streams_max)
    return rkv_fail(error, RKV_FULL, "node %" PRIu64 " has %u %ss already: try again later",
                    f->t->host->node_id, f->kind->streams_max, f->kind->name);
  f->counted = transport_inbound_begin(f->t);
  if (!f->counted) return transport_stopping(f->t, error);
  if (!f->kind->of_peers) return RKV_OK;
  return envelope_find(&f->metadata, &f->envelope, &f->enveloped, error);
}

static enum rkv_status await(struct inflows *all);

static void on_arrived(struct tag *self, bool ok) {
  struct inflow *f = (struct inflow *)(void *)((char *)self - offsetof(struct inflow, arrived));
  struct inflows *all = f->owner;
  struct rkv_error error;
  enum rkv_status status;
  if (!ok) { /* the server is shutting down */
    inflow_free(f);
    return;
  }
  server_arrived(f->t, await(all));
  f->next = all->open;
  if (f->next) f->next->prev = f;
  all->open = f;
  all->open_count++;
  status = admit(f, &error);
  inflow_begin(f, status, &error);
}

static enum rkv_status await(struct inflows *all) {
  struct inflow *f = calloc(1, sizeof *f);
  grpc_call_error e;
  if (!f) return RKV_NO_MEMORY;
  if (pthread_mutex_init(&f->mutex, NULL) != 0) {
    free(f);
    return RKV_NO_MEMORY;
  }
  f->owner = all;
  f->t = all->t;
  f->kind = all->kind;
  f->limit = all->limit;
  f->arrived.fn = on_arrived;
  grpc_metadata_array_init(&f->metadata);
  e = grpc_server_request_registered_call(server_core(all->t), all->registered, &f->call,
                                          &f->deadline, &f->metadata, NULL, all->t->cq, all->t->cq,
                                          &f->arrived);
  if (e == GRPC_CALL_OK) return RKV_OK;
  rkv_log(all->t->host, RKV_LOG_ERROR, TRANSPORT_LOG, "%s slot refused error=%d", all->kind->name,
          (int)e);
  inflow_free(f);
  return RKV_BROKEN;
}

static void on_tick(struct tick *self, uint64_t now_ns) {
  struct inflows *all = (struct inflows *)self;
  const bool draining = atomic_load(&all->t->draining);
  for (struct inflow *f = all->open, *next; f; f = next) {
    next = f->next;
    inflow_tick(f, now_ns, draining);
  }
}

enum rkv_status inflows_open(struct transport *t, grpc_server *core, const struct inflow_kind *kind,
                             uint64_t limit, struct inflows **out, struct rkv_error *error) {
  struct inflows *all = calloc(1, sizeof *all);
  if (!all) return rkv_fail(error, RKV_NO_MEMORY, "transport-grpc: no memory for %ss", kind->name);
  *out = all;
  all->t = t;
  all->kind = kind;
  all->limit = limit;
  all->tick.fn = on_tick;
  transport_tick_add(t, &all->tick);
  all->registered = grpc_server_register_method(core, kind->path, NULL, GRPC_SRM_PAYLOAD_NONE, 0);
  if (all->registered) return RKV_OK;
  return rkv_fail(error, RKV_BROKEN, "method %s cannot be registered", kind->path);
}

enum rkv_status inflows_start(struct inflows *all, struct rkv_error *error) {
  for (size_t i = 0; i < SLOTS; i++)
    if (await(all) != RKV_OK)
      return rkv_fail(error, RKV_NO_MEMORY, "transport-grpc: no memory to await %ss",
                      all->kind->name);
  return RKV_OK;
}

void inflows_free(struct inflows *all) {
  free(all);
}
