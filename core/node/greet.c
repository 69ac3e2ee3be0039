/* greet.c: asks nodes who they are before they become members: so that the membership names their
 * incarnations from the beginning, and a wrong address or a node of another cluster is refused
 * instead of waited for. A node that does not answer becomes a member all the same (tend.c asks it
 * later) unless the caller wants all to answer; so does one that cannot tell. */
#include <node/greet.h>

#include <node/kernel/post.h>
#include <node/kernel/said.h>
#include <node/kernel/state.h>

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>

#define GREET_NS UINT64_C(1000000000) /* how long an answer is waited for, at most ... */
#define GREET_SHARE 4                 /* ... and of the time that the caller gives */

/* One node being asked. */
struct question {
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
  struct question questions[RKV_NODES_MAX];
  uint32_t least, answered;        /* how many must answer, and did */
  const struct rkv_member *silent; /* one that did not */
  unsigned waiting;                /* for answers, and for greet itself */
  struct rkv_error refusal;
};

static void unlist(struct node *n, struct greeting *g) {
  struct greeting **at = &n->greetings;
  while (*at != g) at = &(*at)->next;
  *at = g->next;
}

/* Too few answered. */
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

static void leave(struct node *n, struct greeting *g) {
  assert(g->waiting > 0);
  if (--g->waiting > 0) return;
  refuse_silence(g);
  unlist(n, g);
  if (g->call) g->then(n, g->call, &g->members, g->refusal.status ? &g->refusal : NULL);
  free(g);
}

static void on_done(struct rkv_call *call, enum rkv_status status, const struct rkv_error *error) {
  struct question *q = (struct question *)call;
  (void)error; /* who does not answer is a member all the same */
  q->status = status;
  node_post(q->n, call, NODE_GREETED);
}

static void take_answer(struct node *n, struct question *q) {
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

/* Whoever refuses hello, or does not know it, has answered. */
static bool is_silence(enum rkv_status status) {
  return status == RKV_UNAVAILABLE || status == RKV_TIMEOUT || status == RKV_CANCELLED;
}

void greet_on_answer(struct node *n, struct rkv_call *call) {
  struct question *q = (struct question *)call;
  if (is_silence(q->status))
    q->greeting->silent = q->member;
  else
    q->greeting->answered++;
  if (q->status == RKV_OK) take_answer(n, q);
  n->plugins.transport->peer_close(q->peer);
  leave(n, q->greeting);
}

/* The change itself needs the rest of the caller's time. */
static uint64_t patience_ns(const struct node *n, const struct rkv_call *call) {
  uint64_t left;
  if (call->deadline_ns == 0) return GREET_NS;
  left = call->deadline_ns > n->now_ns ? call->deadline_ns - n->now_ns : 0;
  return left / GREET_SHARE < GREET_NS ? left / GREET_SHARE : GREET_NS;
}

static void ask(struct node *n, struct greeting *g, struct rkv_member *member) {
  struct question *q = &g->questions[member - g->members.nodes];
  struct rkv_peer_info info = {.id = member->id, .addr = member->addr};
  struct rkv_error error;
  q->n = n;
  q->greeting = g;
  q->member = member;
  q->hello.call.done = on_done;
  q->hello.call.deadline_ns = n->now_ns + patience_ns(n, g->call);
  if (node_gave(n->plugins.transport->peer_open(n->plugins.transport_instance, &info, &q->peer,
                                                node_ask(&error)),
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

/* NULL, and then() was called: out of memory. */
static struct greeting *begin(struct node *n, struct rkv_call *call,
                              const struct rkv_membership *members, uint32_t least,
                              greet_then *then) {
  struct greeting *g = calloc(1, sizeof *g);
  struct rkv_error error;
  if (!g) {
    (void)rkv_fail(&error, RKV_NO_MEMORY, "out of memory for a change");
    then(n, call, NULL, &error);
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
  struct greeting *g = begin(n, call, members, least, then);
  if (!g) return;
  for (uint32_t i = 0; i < g->members.node_count; i++) {
    if (g->members.nodes[i].id == n->plugins.host->node_id)
      greet_self(n, g, &g->members.nodes[i]);
    else
      ask(n, g, &g->members.nodes[i]);
  }
  leave(n, g);
}

void greet_address(struct node *n, struct rkv_call *call, const struct rkv_membership *one,
                   greet_then *then) {
  struct greeting *g = begin(n, call, one, 0, then);
  if (!g) return;
  ask(n, g, &g->members.nodes[0]);
  leave(n, g);
}

bool greet_forget(struct node *n, const struct rkv_call *call) {
  for (struct greeting *g = n->greetings; g; g = g->next) {
    if (g->call != call) continue;
    g->call = NULL;
    return true;
  }
  return false;
}
