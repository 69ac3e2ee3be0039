/* untaken.c: gives up answers that nobody takes; invariants in untaken.h. */
#include "untaken.h"

#include <grpc/byte_buffer.h>
#include "server.h"

#include <assert.h>

/* ---- under the mutex ---- */

static void unlist(struct untaken_list *list, struct untaken *u) {
  if (!u->next) return;                                  /* it was given up */
  assert(u->prev->next == u && list->bytes >= u->bytes); /* (U1) */
  u->prev->next = u->next;
  u->next->prev = u->prev;
  u->prev = u->next = NULL;
  list->bytes -= u->bytes;
}

/* The batch that answers fails, or its event says so later. */
static void give_up(struct untaken_list *list, struct untaken *u) {
  grpc_call *call = u->call;
  unlist(list, u);
  (void)grpc_call_cancel_with_status(call, GRPC_STATUS_UNAVAILABLE,
                                     "the answer was not taken in time", NULL);
  server_ended(list->t, ENDED_UNTAKEN);
}

static void on_tick(struct tick *self, uint64_t now_ns) {
  struct untaken_list *list = (struct untaken_list *)self;
  const uint64_t patience = list->t->options.answer_timeout;
  pthread_mutex_lock(&list->mutex);
  while (list->ring.next != &list->ring &&
         transport_has_passed(now_ns, list->ring.next->since_ns, patience))
    give_up(list, list->ring.next);
  pthread_mutex_unlock(&list->mutex);
}

/* ---- */

void untaken_add(struct untaken_list *list, struct untaken *u, grpc_call *call,
                 const grpc_byte_buffer *message) {
  assert(call && !u->next && !u->prev); /* (U1) */
  u->call = call;
  u->bytes = message ? grpc_byte_buffer_length((grpc_byte_buffer *)(uintptr_t)message) : 0;
  u->since_ns = transport_now(list->t);
  pthread_mutex_lock(&list->mutex);
  u->prev = list->ring.prev;
  u->next = &list->ring;
  u->prev->next = u;
  list->ring.prev = u;
  list->bytes += u->bytes;
  while (list->bytes > list->t->options.answers_max && list->ring.next != u)
    give_up(list, list->ring.next);
  pthread_mutex_unlock(&list->mutex);
}

void untaken_remove(struct untaken_list *list, struct untaken *u) {
  pthread_mutex_lock(&list->mutex);
  unlist(list, u);
  pthread_mutex_unlock(&list->mutex);
}

enum rkv_status untaken_open(struct untaken_list *list, struct transport *t,
                             struct rkv_error *error) {
  if (pthread_mutex_init(&list->mutex, NULL) != 0)
    return rkv_fail(error, RKV_NO_MEMORY, "transport-grpc: no mutex to be had");
  list->t = t;
  list->ring.prev = list->ring.next = &list->ring;
  list->tick.fn = on_tick;
  transport_tick_add(t, &list->tick);
  return RKV_OK;
}

void untaken_close(struct untaken_list *list) {
  if (list->t) pthread_mutex_destroy(&list->mutex);
}
