/* untaken.h: answers that the core has and the client has not taken: a client that never reads, or
 * opens no window, would keep them in memory for ever. Those that wait longer than answer_timeout
 * are given up, and the oldest ones while all together are more than answers_max bytes.
 *
 * (U1) A call is in the list from before the batch that answers it until that batch has come back;
 *      so what is in the list can be cancelled, under the mutex. */
#ifndef TRANSPORT_UNTAKEN_H
#define TRANSPORT_UNTAKEN_H

#include "runtime.h"

/* One answer, embedded in its call; zero: in no list. */
struct untaken {
  struct untaken *prev, *next;
  grpc_call *call;
  uint64_t since_ns;
  size_t bytes;
};

struct untaken_list {
  struct tick tick; /* first: on_tick gets it back */
  struct transport *t;
  pthread_mutex_t mutex;
  struct untaken ring; /* oldest first */
  size_t bytes;        /* of all */
};

/* Inside open. Errors: RKV_NO_MEMORY. */
enum rkv_status untaken_open(struct untaken_list *list, struct transport *t,
                             struct rkv_error *error);
void untaken_close(struct untaken_list *list);

/* `message` is about to be sent to the call's client, with or without the status; NULL: only that.
 * Any thread. */
void untaken_add(struct untaken_list *list, struct untaken *u, grpc_call *call,
                 const grpc_byte_buffer *message);
/* Its batch has come back. Any thread. */
void untaken_remove(struct untaken_list *list, struct untaken *u);

#endif
