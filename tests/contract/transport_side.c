/* transport_side.c: opens, starts, stops and closes sides; and the node that the suite plays. */
#include "transport.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { OPEN_TRIES = 5, STOP_SLACK_MS = 2000 /* the contract's second, and one for the machine */ };

const char *const call_names[CALL_KINDS] = {
#define CALL_NAME(name, field, function) #function,
    TRANSPORT_CALL_LIST(CALL_NAME)
#undef CALL_NAME
};

/* How deep this thread is in done callbacks of inbound calls. */
static _Thread_local int inside_done;

/* ---- the node ---- */

static void finish(struct side *s, struct rkv_call *call, enum rkv_status status,
                   const struct rkv_error *error) {
  (void)pthread_mutex_lock(&s->lock);
  s->open--;
  (void)pthread_mutex_unlock(&s->lock);
  inside_done++;
  call->done(call, status, status == RKV_OK ? NULL : error);
  inside_done--;
}

static void answer(struct side *s, union any_call *call) {
  struct rkv_error error;
  side_on on = s->on ? s->on : follower_on;
  enum rkv_status status;
  meet(s->c);
  status = on(s, (enum call_kind)call->call.kind, call, &error);
  meet(s->c);
  finish(s, &call->call, status, &error);
}

static void hand_in(struct side *s, enum call_kind kind, struct rkv_call *call) {
  bool at_once;
  (void)pthread_mutex_lock(&s->lock);
  CONTRACT_REQUIRE(s->c, s->served, "the node was handed a call (%s) %s", call_names[kind],
                   s->started ? "after stop had returned" : "before start");
  CONTRACT_REQUIRE(s->c, call->done, "the node was handed a call without done");
  CONTRACT_REQUIRE(s->c, !call_is_clients(kind) || !call->envelope,
                   "a client's call (%s) came with a node's envelope", call_names[kind]);
  if (call_is_clients(kind)) s->others++;
  s->handed[kind]++;
  s->open++;
  if (call->abi_minor > s->c->plugin->abi_minor) call->abi_minor = s->c->plugin->abi_minor;
  call->kind = kind;
  call->next = NULL;
  call->callee[0] = call->callee[1] = UINT64_MAX; /* the node's, while it has the call */
  at_once = s->at_once;
  if (!at_once) *s->end = call, s->end = &call->next;
  (void)pthread_mutex_unlock(&s->lock);
  if (at_once) answer(s, (union any_call *)call);
}

#define HAND_IN(name, field, function)                                                             \
  static void on_##function(void *ctx, __typeof__(((union any_call *)0)->field) *call) {           \
    hand_in(ctx, CALL_##name, &call->call);                                                        \
  }
TRANSPORT_CALL_LIST(HAND_IN)
#undef HAND_IN

/* A table of today has it; a call of that kind is not carried outward: `admin` is. */
static void on_swap_storage(void *ctx, struct rkv_swap_call *call) {
  struct side *s = ctx;
  struct rkv_error error;
  (void)pthread_mutex_lock(&s->lock);
  s->others++;
  s->open++;
  (void)pthread_mutex_unlock(&s->lock);
  finish(s, &call->call, rkv_fail(&error, RKV_UNAVAILABLE, "the suite swaps no storage"), &error);
}

static void keep_back(struct side *s, union any_call *call) {
  if (s->held_count == s->held_room) {
    s->held_room = 2 * s->held_room + 64;
    s->held = realloc(s->held, s->held_room * sizeof(union any_call *));
    CONTRACT_REQUIRE(s->c, s->held, "the suite has no memory");
  }
  s->held[s->held_count++] = call;
}

/* Takes one call out of the inbox; NULL: it is empty, or what was in it is held. Gives the role of
 * the loop back with it, so that no kick is lost. */
static union any_call *next_call(struct side *s) {
  struct rkv_call *call;
  (void)pthread_mutex_lock(&s->lock);
  while ((call = s->inbox)) {
    s->inbox = call->next;
    if (!s->inbox) s->end = &s->inbox;
    if (!s->hold) break;
    keep_back(s, (union any_call *)call);
  }
  s->running = call != NULL;
  (void)pthread_mutex_unlock(&s->lock);
  return (union any_call *)call;
}

static void on_kick(void *ctx) {
  struct side *s = ctx;
  union any_call *call;
  bool others;
  (void)pthread_mutex_lock(&s->lock);
  CONTRACT_REQUIRE(s->c, s->served || !s->started, "the node was kicked after stop had returned");
  others = s->running;
  s->running = true;
  (void)pthread_mutex_unlock(&s->lock);
  CONTRACT_REQUIRE(s->c, inside_done == 0, "the node was kicked from inside a done callback");
  atomic_fetch_add(&s->kicks, 1);
  atomic_store(&s->kicked_told, atomic_load(&s->told));
  if (others) return; /* whoever runs the loop sees what is in the inbox */
  while ((call = next_call(s))) answer(s, call);
}

static void make_api(struct side *s) {
  s->api = (struct rkv_node_api){
      .struct_size = sizeof s->api,
      .ctx = s,
      .kick = on_kick,
#define API_CALL(name, field, function) .function = on_##function,
      TRANSPORT_CALL_LIST(API_CALL)
#undef API_CALL
          .swap_storage = on_swap_storage,
  };
}

/* ---- life ---- */

void free_addr(struct contract *c, char addr[RKV_ADDR_MAX]) {
  struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t len = sizeof at;
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  CONTRACT_REQUIRE(c,
                   fd >= 0 && bind(fd, (struct sockaddr *)&at, sizeof at) == 0 &&
                       getsockname(fd, (struct sockaddr *)&at, &len) == 0,
                   "the suite finds no free port");
  (void)snprintf(addr, RKV_ADDR_MAX, "127.0.0.1:%u", (unsigned)ntohs(at.sin_port));
  (void)close(fd);
}

void side_init(struct side *s, struct contract *c, rkv_node_id id) {
  memset(s, 0, sizeof *s);
  s->c = c;
  s->ops = c->plugin->ops;
  s->id = id;
  s->f.chunk_max = 64 << 10;
  s->end = &s->inbox;
  s->config = contract_config(c, NULL, s->values);
  (void)pthread_mutex_init(&s->lock, NULL);
  make_api(s);
}

bool side_option(struct side *s, const char *name, uint64_t number) {
  const struct rkv_plugin *p = s->c->plugin;
  for (uint32_t i = 0; i < p->option_count; i++) {
    const struct rkv_option *option = &p->options[i];
    if (strcmp(option->name, name) != 0) continue;
    if (number < option->min || number > option->max) return false;
    s->values[i].number = number;
    return true;
  }
  return false;
}

void side_open(struct side *s) {
  bool chosen = s->addr[0] != '\0';
  struct rkv_error error = {.status = RKV_OK};
  enum rkv_status status = RKV_ADDRESS;
  /* between asking the kernel for a port and binding it another program may be faster */
  for (int i = 0; i < OPEN_TRIES && status == RKV_ADDRESS; i++) {
    if (!chosen) free_addr(s->c, s->addr);
    contract_host_init(&s->host, s->c, s->id);
    s->host.host.node_addr = s->addr;
    status = s->ops->open(&s->host.host, &s->config, &s->api, &s->it, &error);
    if (status != RKV_OK) contract_under_closed(&s->host, "a failed open");
    if (status == RKV_ADDRESS) contract_pause_ms(100);
  }
  CONTRACT_REQUIRE(s->c, status == RKV_OK, "open at %s: %s: %s", s->addr, rkv_status_name(status),
                   error.text);
  CONTRACT_REQUIRE(s->c, s->it, "open returned OK and no instance");
}

void side_start(struct side *s) {
  struct rkv_error error = {.status = RKV_OK};
  (void)pthread_mutex_lock(&s->lock);
  s->served = s->started = true;
  (void)pthread_mutex_unlock(&s->lock);
  CONTRACT_REQUIRE(s->c, s->ops->start(s->it, &error) == RKV_OK, "start: %s", error.text);
}

void side_begin(struct side *s, struct contract *c, rkv_node_id id) {
  side_init(s, c, id);
  side_open(s);
  side_start(s);
}

void side_stop(struct side *s, unsigned grace_ms) {
  uint64_t from = contract_now_ms(), took;
  s->ops->stop(s->it, (uint64_t)grace_ms * 1000000);
  took = contract_now_ms() - from;
  (void)pthread_mutex_lock(&s->lock);
  s->served = false;
  CONTRACT_REQUIRE(s->c, s->open == 0, "stop has returned, but %zu inbound calls are open",
                   s->open);
  (void)pthread_mutex_unlock(&s->lock);
  CONTRACT_REQUIRE(s->c, took <= grace_ms + (uint64_t)STOP_SLACK_MS * s->c->slow,
                   "stop took %" PRIu64 " ms with a grace of %u ms", took, grace_ms);
}

void side_end(struct side *s) {
  if (s->started && s->served) side_stop(s, 500);
  s->ops->close(s->it);
  contract_under_closed(&s->host, "close");
  s->it = NULL;
  s->started = false;
  follower_free(&s->f);
  free(s->held);
  s->held = NULL;
  s->held_count = s->held_room = 0;
  contract_host_calm(&s->host);
}

void *side_peer(struct side *s, const struct side *to, uint64_t incarnation) {
  struct rkv_peer_info info = {
      .id = to->id, .addr = to->addr, .incarnation = incarnation, .cluster = {to->id, 77}};
  struct rkv_error error = {.status = RKV_OK};
  void *peer = NULL;
  CONTRACT_REQUIRE(s->c, s->ops->peer_open(s->it, &info, &peer, &error) == RKV_OK,
                   "peer_open to %s: %s", to->addr, error.text);
  CONTRACT_REQUIRE(s->c, peer, "peer_open returned OK and no handle");
  return peer;
}

void *side_dial(struct side *s, const char *addr) {
  struct side to = {.id = 99};
  (void)snprintf(to.addr, sizeof to.addr, "%s", addr);
  return side_peer(s, &to, 1);
}

/* ---- holding back ---- */

void side_hold(struct side *s, bool hold) {
  (void)pthread_mutex_lock(&s->lock);
  s->hold = hold;
  (void)pthread_mutex_unlock(&s->lock);
}

void side_at_once(struct side *s, bool at_once) {
  (void)pthread_mutex_lock(&s->lock);
  s->at_once = at_once;
  (void)pthread_mutex_unlock(&s->lock);
}

size_t side_held(struct side *s) {
  size_t count;
  (void)pthread_mutex_lock(&s->lock);
  count = s->held_count;
  (void)pthread_mutex_unlock(&s->lock);
  return count;
}

void side_release(struct side *s, uint64_t *seed, size_t keep) {
  union any_call *call;
  do {
    call = NULL;
    (void)pthread_mutex_lock(&s->lock);
    if (s->held_count > keep) {
      size_t at = contract_random(seed) % s->held_count;
      call = s->held[at];
      s->held[at] = s->held[--s->held_count];
    }
    (void)pthread_mutex_unlock(&s->lock);
    if (call) answer(s, call);
  } while (call);
}

size_t side_handed(struct side *s, enum call_kind kind) {
  size_t count;
  (void)pthread_mutex_lock(&s->lock);
  count = s->handed[kind];
  (void)pthread_mutex_unlock(&s->lock);
  return count;
}
