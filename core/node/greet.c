/* greet.c: asks nodes who they are before they become members. So the membership names their
 * incarnations from the beginning, and a wrong address or a node of another cluster is refused
 * instead of waited for. A node that does not answer, or does not know the question, becomes a
 * member all the same (tend.c asks it later), unless the caller wants all to answer. */
#include <node/greet.h>

#include <node/kernel/post.h>
#include <node/kernel/outcome.h>
#include <node/kernel/state.h>

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>

#define GREET_NS UINT64_C(1000000000) /* how long answers are waited for, at most ... */
#define GREET_SHARE 4                 /* ... and at most this share of the caller's time */

/* One node being asked. */
struct greet_question {
  struct rkv_hello_call hello; /* first: what the transport knows */
  struct node *n;
  struct greeting *greeting;
  struct rkv_member *member; /* in greeting->members */
  void *peer;
  enum rkv_status status;
};

struct greeting {
  struct greeting *next;
  struct rkv_call *call; /* the client's; NULL once it was forgotten */
  greet_then *then;
  struct rkv_membership members;
  struct greet_question questions[RKV_NODES_MAX];
  uint32_t least, answered;        /* how many nodes must answer; how many did */
  const struct rkv_member *silent; /* a node that did not */
  unsigned waiting;                /* answers that are due, and 1 for greet while it asks */
  struct rkv_error refusal;
};

static void greeting_unlist(struct node *n, struct greeting *g) {
  struct greeting **at = &n->greetings;
  while (*at != g) at = &(*at)->next;
  *at = g->next;
}

/* Fills the refusal if too few nodes answered. */
static void refuse_silence(struct greeting *g) {
  if (g->refusal.status != RKV_OK || g->answered >= g->least || !g->silent) return;
  if (g->least == GREET_ALL)
    (void)rkv_fail(&g->refusal, RKV_UNAVAILABLE,
                   "node %" PRIu64
                   " at %s does not answer (start it or correct the address; rkvctl takes "
                   "it all the same with --unreachable)",
                   g->silent->id, g->silent->addr);
  else
    (void)rkv_fail(&g->refusal, RKV_PRECONDITION,
                   "only %u of these %u voters answer (node %" PRIu64
                   " does not): without a majority the "
                   "change could not be finished",
                   g->answered, g->members.node_count, g->silent->id);
}

static void greeting_leave(struct node *n, struct greeting *g) {
  assert(g->waiting > 0);
  if (--g->waiting > 0) return;
  refuse_silence(g);
  greeting_unlist(n, g);
  if (g->call) g->then(n, g->call, &g->members, (enum rkv_status)g->refusal.status, &g->refusal);
  free(g);
}

static void on_greeted(struct rkv_call *call, enum rkv_status status,
                       const struct rkv_error *error) {
  struct greet_question *q = (struct greet_question *)call;
  (void)error; /* the status is enough */
  q->status = status;
  node_post(q->n, call, NODE_GREETED);
}

static void take_answer(struct node *n, struct greet_question *q) {
  const struct rkv_hello_call *hello = &q->hello;
  struct rkv_error *refusal = &q->greeting->refusal;
  if (hello->id != q->member->id)
    (void)rkv_fail(refusal, RKV_INVALID, "%s is node %" PRIu64 ", not %" PRIu64, q->member->addr,
                   hello->id, q->member->id);
  else if (rkv_cluster_id_known(hello->cluster) &&
           !rkv_cluster_id_equal(hello->cluster, n->identity.cluster))
    (void)rkv_fail(refusal, RKV_PRECONDITION,
                   "node %" PRIu64
                   " at %s belongs to another cluster (stop it and empty its storage, or "
                   "give the right address)",
                   hello->id, q->member->addr);
  else
    q->member->incarnation = hello->incarnation;
}

/* A node that refuses hello, or does not know it, has answered. */
static bool is_silence(enum rkv_status status) {
  return status == RKV_UNAVAILABLE || status == RKV_TIMEOUT || status == RKV_CANCELLED;
}

void greet_on_answer(struct node *n, struct rkv_call *call) {
  struct greet_question *q = (struct greet_question *)call;
  if (is_silence(q->status))
    q->greeting->silent = q->member;
  else
    q->greeting->answered++;
  if (q->status == RKV_OK) take_answer(n, q);
  n->plugins.transport->peer_close(q->peer);
  greeting_leave(n, q->greeting);
}

/* How long answers are waited for: the change itself needs the rest of the caller's time. */
static uint64_t greeting_patience_ns(const struct node *n, const struct rkv_call *call) {
  uint64_t left;
  if (call->deadline_ns == 0) return GREET_NS;
  left = call->deadline_ns > n->now_ns ? call->deadline_ns - n->now_ns : 0;
  return left / GREET_SHARE < GREET_NS ? left / GREET_SHARE : GREET_NS;
}

static void greet_member(struct node *n, struct greeting *g, struct rkv_member *member) {
  struct greet_question *q = &g->questions[member - g->members.nodes];
  struct rkv_peer_info info = {.id = member->id, .addr = member->addr};
  struct rkv_error error;
  q->n = n;
  q->greeting = g;
  q->member = member;
  q->hello.call.done = on_greeted;
  q->hello.call.deadline_ns = n->now_ns + greeting_patience_ns(n, g->call);
  if (outcome_of_gift(n->plugins.transport->peer_open(n->plugins.transport_instance, &info,
                                                      &q->peer, outcome_clear(&error)),
                      &q->peer, "the transport's peer_open", &error) != RKV_OK) {
    g->refusal = error;
    return;
  }
  g->waiting++;
  n->plugins.transport->send_hello(q->peer, &q->hello);
}

static void greet_self(struct node *n, struct greeting *g, struct rkv_member *self) {
  self->incarnation = n->identity.incarnation;
  g->answered++;
}

/* NULL if there is no memory: then() was called with that error. */
static struct greeting *greeting_begin(struct node *n, struct rkv_call *call,
                                       const struct rkv_membership *members, uint32_t least,
                                       greet_then *then) {
  struct greeting *g = calloc(1, sizeof *g);
  struct rkv_error error;
  if (!g) {
    then(n, call, NULL, rkv_fail(&error, RKV_NO_MEMORY, "out of memory for a change"), &error);
    return NULL;
  }
  g->next = n->greetings;
  n->greetings = g;
  g->call = call;
  g->then = then;
  g->least = least;
  g->members = *members;
  g->waiting = 1;
  return g;
}

void greet(struct node *n, struct rkv_call *call, const struct rkv_membership *members,
           uint32_t least, greet_then *then) {
  struct greeting *g = greeting_begin(n, call, members, least, then);
  if (!g) return;
  for (uint32_t i = 0; i < g->members.node_count; i++) {
    if (g->members.nodes[i].id == n->plugins.host->node_id)
      greet_self(n, g, &g->members.nodes[i]);
    else
      greet_member(n, g, &g->members.nodes[i]);
  }
  greeting_leave(n, g);
}

void greet_address(struct node *n, struct rkv_call *call, const struct rkv_membership *one,
                   greet_then *then) {
  struct greeting *g = greeting_begin(n, call, one, 0, then);
  if (!g) return;
  greet_member(n, g, &g->members.nodes[0]);
  greeting_leave(n, g);
}

bool greet_forget(struct node *n, const struct rkv_call *call) {
  for (struct greeting *g = n->greetings; g; g = g->next) {
    if (g->call != call) continue;
    g->call = NULL;
    return true;
  }
  return false;
}
