/* read.c: linearizable and lease reads (dissertation 6.4).
 *
 * All reads of clients that came in one batch share one ticket of raft, and the read index calls of
 * other nodes share another; raft has one round for both. Once raft has confirmed a ticket, its
 * reads wait until the state machine has applied the read index, and are then answered. A node that
 * does not lead asks the leader for the index, once for all clients' reads of the batch, and
 * answers the clients itself. It refuses the read index calls of other nodes, which only a leader
 * answers.
 *
 * (L1) A read that waits is in exactly one list: in n->read.waiting until read_flush, then in that
 *      of one ticket. */
#include <node/read.h>

#include <node/kernel/answer.h>
#include <node/kernel/fatal.h>
#include <node/kernel/gate.h>
#include <node/kernel/post.h>
#include <node/kernel/outcome.h>
#include <node/kernel/state.h>
#include <node/know.h>
#include <node/peers.h>
#include <node/redirect.h>
#include <node/requests.h>

#include <assert.h>
#include <stdlib.h>

/* Reads that share one read index. */
struct node_ticket {
  struct rkv_read_index_call call; /* first: to the leader, if this node does not lead */
  struct node *n;
  struct node_ticket *next;
  uint64_t number; /* raft's; 0: the leader is asked instead */
  bool confirmed;  /* `index` is known */
  bool lease;      /* lease reads; else linearizable ones */
  bool asking;     /* the call to the leader is in flight */
  rkv_index index;
  struct rkv_call *reads; /* linked by next */
  enum rkv_status status;
  struct rkv_error error;
};

static struct rkv_call **waiting_list(struct node *n, enum node_kind kind, bool lease) {
  return &n->read.waiting[kind == NODE_READ_INDEX][lease];
}

void read_gather(struct node *n, struct rkv_call *call, bool lease) {
  struct rkv_call **list = waiting_list(n, (enum node_kind)call->kind, lease);
  call->next = *list;
  *list = call;
}

static void answer_one(struct node *n, struct rkv_call *call) {
  if (call->kind == NODE_READ_INDEX) {
    gate_leave(n, call);
    (void)answer_ok(n, call);
  } else {
    gate_leave(n, call);
    answer_query(n, (struct rkv_query_call *)call);
  }
}

static void fail_one(struct node *n, struct rkv_call *call, const struct rkv_error *error) {
  if (call->kind == NODE_READ_INDEX) {
    gate_refuse(n, call, error);
    return;
  }
  gate_leave(n, call);
  if (error->status == RKV_NOT_LEADER)
    redirect_to_leader(n, call);
  else
    answer_fail(call, error);
}

static void fail_reads(struct node *n, struct rkv_call *reads, const struct rkv_error *error) {
  while (reads) {
    struct rkv_call *next = reads->next;
    fail_one(n, reads, error);
    reads = next;
  }
}

static void unlink_ticket(struct node *n, struct node_ticket *t) {
  struct node_ticket **at = &n->read.tickets;
  while (*at && *at != t) at = &(*at)->next;
  assert(*at);
  *at = t->next;
}

/* The ticket ends without an index. */
static void fail_ticket(struct node *n, struct node_ticket *t, const struct rkv_error *error) {
  struct rkv_call *reads = t->reads;
  t->reads = NULL;
  if (!t->asking) {
    unlink_ticket(n, t);
    free(t);
  }
  fail_reads(n, reads, error);
}

/* Read index calls are answered now: the asking node waits until its own state machine has
 * applied. */
static void answer_index_calls(struct node *n, struct node_ticket *t, struct rkv_log_id index) {
  struct rkv_call **at = &t->reads;
  while (*at) {
    struct rkv_call *call = *at;
    if (call->kind != NODE_READ_INDEX) {
      at = &call->next;
      continue;
    }
    *at = call->next;
    ((struct rkv_read_index_call *)call)->index = index;
    answer_one(n, call);
  }
}

static void confirm(struct node *n, struct node_ticket *t, struct rkv_log_id index) {
  assert(!t->confirmed && !t->asking);
  t->confirmed = true;
  t->index = index.index;
  answer_index_calls(n, t, index);
}

void read_run(struct node *n) {
  for (struct node_ticket *t = n->read.tickets, *next; t; t = next) {
    next = t->next;
    if (!t->confirmed || t->asking || t->index > n->applied.index) continue;
    struct rkv_call *reads = t->reads;
    unlink_ticket(n, t);
    free(t);
    while (reads) {
      struct rkv_call *after = reads->next;
      answer_one(n, reads);
      reads = after;
    }
  }
}

/* Several tickets may have one number: raft gives it to all that share a round. */
void read_ready(struct node *n, uint64_t number, struct rkv_log_id index) {
  for (struct node_ticket *t = n->read.tickets; t; t = t->next)
    if (t->number == number) confirm(n, t, index);
}

void read_failed(struct node *n, uint64_t number) {
  struct rkv_error error;
  (void)rkv_fail(&error, RKV_NOT_LEADER, "leadership was lost before the read was confirmed");
  for (struct node_ticket *t = n->read.tickets, *next; t; t = next) {
    next = t->next;
    if (t->number == number) fail_ticket(n, t, &error);
  }
}

/* ---- through the leader ---- */

static void on_index(struct rkv_call *call, enum rkv_status status, const struct rkv_error *error) {
  struct node_ticket *t = (struct node_ticket *)call;
  t->status = outcome_of_done(status, error, "the transport's send_read_index", &t->error);
  node_post(t->n, call, NODE_READ_INDEX_ANSWER);
}

void read_on_index_answer(struct node *n, struct rkv_call *call) {
  struct node_ticket *t = (struct node_ticket *)call;
  struct rkv_error error = t->error; /* a copy: the ticket is freed before its reads end */
  t->asking = false;
  if (!node_ending(n) && t->status == RKV_OK) {
    confirm(n, t, t->call.index);
    return;
  }
  if (node_ending(n))
    node_end_error(n, &error);
  else if (t->status != RKV_TIMEOUT)
    error.status = RKV_NOT_LEADER; /* the leader gave no index: the client goes to it itself */
  fail_ticket(n, t, &error);
}

static bool ask_leader(struct node *n, struct node_ticket *t) {
  struct raft_view view;
  raft_view(n->raft, &view);
  struct node_peer *peer = view.leader ? peer_find(n, view.leader) : NULL;
  if (!peer || !peer->handle) return false;
  t->call.call.done = on_index;
  t->call.call.deadline_ns = n->now_ns + n->options.election_max_ns;
  t->call.read = t->lease ? RKV_READ_LEASE : RKV_READ_LINEARIZABLE;
  t->asking = true;
  n->plugins.transport->send_read_index(peer->handle, &t->call);
  return true;
}

/* The clock by which leases are judged stands still while this machine sleeps; the voters' clocks
 * do not. */
static void notice_sleep(struct node *n) {
  if (!n->executor->slept_ns) return;
  uint64_t slept = n->executor->slept_ns(n->executor->ctx);
  if (slept < n->read.slept_ns + NODE_SLEEP_NOTICED_NS) return;
  n->read.slept_ns = slept;
  raft_on_clock_stood(n->raft, node_now(n));
}

static void open_ticket(struct node *n, enum node_kind kind, bool lease) {
  struct rkv_error error;
  struct rkv_call **waiting = waiting_list(n, kind, lease), *reads = *waiting;
  *waiting = NULL;
  struct node_ticket *t = calloc(1, sizeof *t);
  if (!t) {
    (void)rkv_fail(&error, RKV_NO_MEMORY, "out of memory for a read");
    fail_reads(n, reads, &error);
    return;
  }
  t->n = n;
  t->lease = lease;
  t->reads = reads;
  if (lease) notice_sleep(n);
  enum rkv_status status = raft_read(n->raft, node_now(n), lease, &t->number, &error);
  bool asked = status == RKV_NOT_LEADER && kind == NODE_QUERY && ask_leader(n, t);
  if (status == RKV_OK || asked) {
    t->next = n->read.tickets;
    n->read.tickets = t;
    return;
  }
  free(t);
  fail_reads(n, reads, &error);
}

void read_flush(struct node *n) {
  for (int lease = 0; lease < 2; lease++) {
    if (*waiting_list(n, NODE_QUERY, lease)) open_ticket(n, NODE_QUERY, lease);
    if (*waiting_list(n, NODE_READ_INDEX, lease)) open_ticket(n, NODE_READ_INDEX, lease);
  }
  for (int i = 0; i < 4; i++) assert(!n->read.waiting[i & 1][i >> 1]); /* (L1) */
}

void read_on_index_call(struct node *n, struct rkv_call *call) {
  struct rkv_read_index_call *c = (struct rkv_read_index_call *)call;
  if (request_refuse(n, call)) return;
  read_gather(n, call, c->read == RKV_READ_LEASE);
}

/* ---- ends ---- */

static void expire_list(struct node *n, struct rkv_call **list) {
  struct rkv_error error;
  while (*list) {
    struct rkv_call *call = *list;
    if (!answer_is_due(n, call)) {
      list = &call->next;
      continue;
    }
    *list = call->next;
    (void)rkv_fail(&error, RKV_TIMEOUT, "no quorum confirmed the read in time");
    fail_one(n, call, &error);
  }
}

void read_expire(struct node *n) {
  for (struct node_ticket *t = n->read.tickets; t; t = t->next) expire_list(n, &t->reads);
}

void read_fail_all(struct node *n, const struct rkv_error *error) {
  for (int i = 0; i < 4; i++) {
    struct rkv_call **waiting = waiting_list(n, i & 1 ? NODE_QUERY : NODE_READ_INDEX, i & 2);
    struct rkv_call *reads = *waiting;
    *waiting = NULL;
    fail_reads(n, reads, error);
  }
  for (struct node_ticket *t = n->read.tickets, *next; t; t = next) {
    next = t->next;
    fail_ticket(n, t, error);
  }
}

/* ---- clients' queries ---- */

void read_local(struct node *n, struct rkv_query_call *call) {
  struct rkv_error error;
  if (know_refuses(n, &error))
    answer_fail(&call->call, &error);
  else
    answer_query(n, call);
}

void read_on_call(struct node *n, struct rkv_call *call) {
  struct rkv_query_call *q = (struct rkv_query_call *)call;
  if (q->read != RKV_READ_LOCAL && !node_ending(n)) {
    read_gather(n, call, q->read == RKV_READ_LEASE);
    return;
  }
  gate_leave(n, call);
  if (q->read != RKV_READ_LOCAL) {
    struct rkv_error error;
    node_end_error(n, &error);
    answer_fail(call, &error);
    return;
  }
  read_local(n, q);
}
