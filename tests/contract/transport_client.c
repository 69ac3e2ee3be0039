/* transport_client.c: calls of clients: their content by chance, and both ends compared. */
#include "transport_client.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "texture.h"

/* ---- content ---- */

void client_stock_drop(struct client_stock *stock) {
  rkv_buf_drop(&stock->bytes);
  rkv_buf_drop(&stock->answer);
  rkv_buf_drop(&stock->membership);
}

static struct rkv_buf some_bytes(struct contract *c, size_t len, uint64_t *seed) {
  struct rkv_buf buf = contract_bytes(c, NULL, len);
  uint8_t *bytes = (uint8_t *)(uintptr_t)buf.data; /* the suite's own, and nobody else's yet */
  texture_some(seed, bytes, len);
  return buf;
}

/* Members of one config, or of a joint one, each at an address of its own. */
static void some_members(struct rkv_membership *m, uint32_t configs, uint64_t *seed) {
  memset(m, 0, sizeof *m);
  m->config_count = configs;
  for (uint64_t i = 0, count = contract_between(seed, 1, 9); i < count; i++) {
    const rkv_node_id id = some_number(seed);
    char addr[RKV_ADDR_MAX];
    (void)snprintf(addr, sizeof addr, "node-%" PRIu64 ".example:%" PRIu64, id,
                   contract_between(seed, 1, 65535));
    if (rkv_membership_find(m, id)) continue;
    (void)rkv_membership_add_node(m, id, addr, strlen(addr));
    for (uint32_t k = 0; k < configs; k++)
      if (i == 0 || configs == 1 || coin(seed)) (void)rkv_config_add(&m->configs[k], id);
  }
}

static struct rkv_buf encoded(struct contract *c, const struct rkv_membership *m) {
  struct rkv_buf buf = contract_bytes(c, NULL, rkv_membership_encoded_size(m));
  rkv_membership_encode(m, (uint8_t *)(uintptr_t)buf.data);
  return buf;
}

/* Text as a node's further metrics are: `name:value` pairs. */
static struct rkv_buf some_text(struct contract *c, uint64_t *seed) {
  char text[256];
  (void)snprintf(text, sizeof text, "alpha:%" PRIu64 " beta:\"a b\" gamma:%" PRIu64 ".7",
                 some_number(seed), some_number(seed));
  return contract_bytes(c, text, strlen(text));
}

static void fill_change(struct rkv_membership_call *call, struct rkv_membership_call *reply,
                        struct client_stock *stock, enum call_kind kind, uint64_t *seed) {
  if (kind == CALL_CHANGE_MEMBERSHIP) {
    call->voters = stock->members.configs[0];
    call->retain = coin(seed);
  } else {
    call->learner.id = stock->members.nodes[0].id;
    if (kind != CALL_REMOVE)
      memcpy(call->learner.addr, stock->members.nodes[0].addr, sizeof call->learner.addr);
  }
  if (kind == CALL_ADD_LEARNER || kind == CALL_CHANGE_MEMBERSHIP) call->answering = coin(seed);
  reply->id = some_id(seed);
  reply->membership = stock->membership;
}

static void fill_metrics(struct rkv_metrics_call *reply, struct client_stock *stock,
                         uint64_t *seed) {
  static const char *const states[] = {"learner", "follower", "candidate", "leader", "removed"};
  reply->leader = coin(seed) ? some_number(seed) : 0;
  reply->state = states[contract_random(seed) % 5];
  reply->vote = some_vote(seed, coin(seed));
  reply->last = some_id(seed);
  reply->committed = some_id(seed);
  reply->applied = some_id(seed);
  reply->snapshot = some_id(seed);
  reply->purged = some_id(seed);
  reply->membership = coin(seed) ? stock->membership : rkv_buf_none();
  reply->text = stock->answer;
}

void client_fill(struct asked *a, union any_call *reply, struct client_stock *stock, size_t len,
                 uint64_t *seed) {
  struct contract *c = a->s->c;
  client_stock_drop(stock);
  memset(reply, 0, sizeof *reply);
  some_members(&stock->members, a->kind == CALL_INIT || coin(seed) ? 1 : 2, seed);
  stock->membership = encoded(c, &stock->members);
  stock->bytes = some_bytes(c, len, seed);
  stock->answer = a->kind == CALL_METRICS ? some_text(c, seed) : some_bytes(c, len, seed);
  (void)snprintf(stock->method, sizeof stock->method, "verb-%" PRIu64, some_number(seed));
  switch (a->kind) {
  case CALL_PROPOSE:
    a->call.propose.command = stock->bytes;
    reply->propose.id = (struct rkv_log_id){some_number(seed), some_number(seed)};
    reply->propose.result = stock->answer;
    break;
  case CALL_QUERY:
    a->call.query.request = stock->bytes;
    a->call.query.read = (uint32_t)(contract_random(seed) % 3);
    reply->query.response = stock->answer;
    break;
  case CALL_INIT:
    a->call.init.membership = &stock->members;
    a->call.init.answering = coin(seed);
    break;
  case CALL_ADD_LEARNER:
  case CALL_CHANGE_MEMBERSHIP:
  case CALL_REMOVE:
  case CALL_SET_ADDRESS:
    fill_change(&a->call.membership, &reply->membership, stock, a->kind, seed);
    break;
  case CALL_TRANSFER: a->call.transfer.target = coin(seed) ? some_number(seed) : 0; break;
  case CALL_SNAPSHOT_NOW: reply->snapshot_now.last = some_id(seed); break;
  case CALL_METRICS: fill_metrics(&reply->metrics, stock, seed); break;
  default:
    a->call.admin.method = stock->method;
    a->call.admin.request = stock->bytes;
    reply->admin.answer = stock->answer;
    break;
  }
}

/* ---- at the node ---- */

static void bytes_same(struct contract *c, struct rkv_buf is, struct rkv_buf must,
                       const char *what) {
  CONTRACT_REQUIRE(c, rkv_buf_equal(is, must), "%s of %zu bytes came as %zu bytes, or others", what,
                   must.len, is.len);
}

static void members_same(struct contract *c, const struct rkv_membership *is,
                         const struct rkv_membership *must) {
  CONTRACT_REQUIRE(c,
                   is->config_count == must->config_count && is->node_count == must->node_count &&
                       is->configs[0].count == must->configs[0].count,
                   "init of %" PRIu32 " nodes came with %" PRIu32, must->node_count,
                   is->node_count);
  for (uint32_t i = 0; i < must->node_count; i++) {
    const struct rkv_member *m = rkv_membership_find(is, must->nodes[i].id);
    CONTRACT_REQUIRE(
        c, m && rkv_config_has(&is->configs[0], m->id) && strcmp(m->addr, must->nodes[i].addr) == 0,
        "init lost node %" PRIu64 " at %s", must->nodes[i].id, must->nodes[i].addr);
  }
}

static void change_same(struct contract *c, enum call_kind kind,
                        const struct rkv_membership_call *is,
                        const struct rkv_membership_call *must) {
  if (kind == CALL_CHANGE_MEMBERSHIP) {
    CONTRACT_REQUIRE(c, is->retain == must->retain, "`retain` is %d and must be %d", is->retain,
                     must->retain);
    CONTRACT_REQUIRE(c, memcmp(&is->voters, &must->voters, sizeof is->voters) == 0,
                     "%" PRIu32 " voters came as %" PRIu32 ", or others", must->voters.count,
                     is->voters.count);
  } else {
    CONTRACT_REQUIRE(c, is->learner.id == must->learner.id,
                     "%s of node %" PRIu64 " came for node %" PRIu64, call_names[kind],
                     must->learner.id, is->learner.id);
    CONTRACT_REQUIRE(c, kind == CALL_REMOVE || strcmp(is->learner.addr, must->learner.addr) == 0,
                     "the address %s came as %s", must->learner.addr, is->learner.addr);
  }
  CONTRACT_REQUIRE(c, rkv_membership_answering(is) == (must->answering != 0),
                   "`answering` of %s is %d and must be %" PRIu32, call_names[kind],
                   rkv_membership_answering(is), must->answering);
}

void client_request_same(struct contract *c, enum call_kind kind, const union any_call *is,
                         const union any_call *must) {
  switch (kind) {
  case CALL_PROPOSE: bytes_same(c, is->propose.command, must->propose.command, "a command"); break;
  case CALL_QUERY:
    bytes_same(c, is->query.request, must->query.request, "a query");
    CONTRACT_REQUIRE(c, is->query.read == must->query.read,
                     "a read of level %" PRIu32 " came as one of level %" PRIu32, must->query.read,
                     is->query.read);
    break;
  case CALL_INIT:
    members_same(c, is->init.membership, must->init.membership);
    CONTRACT_REQUIRE(c, rkv_init_answering(&is->init) == (must->init.answering != 0),
                     "`answering` of init is %d and must be %" PRIu32,
                     rkv_init_answering(&is->init), must->init.answering);
    break;
  case CALL_ADD_LEARNER:
  case CALL_CHANGE_MEMBERSHIP:
  case CALL_REMOVE:
  case CALL_SET_ADDRESS: change_same(c, kind, &is->membership, &must->membership); break;
  case CALL_TRANSFER:
    CONTRACT_REQUIRE(c, is->transfer.target == must->transfer.target,
                     "transfer to node %" PRIu64 " came as to %" PRIu64, must->transfer.target,
                     is->transfer.target);
    break;
  case CALL_ADMIN:
    CONTRACT_REQUIRE(c, is->admin.method && strcmp(is->admin.method, must->admin.method) == 0,
                     "the method %s came as %s", must->admin.method,
                     is->admin.method ? is->admin.method : "none");
    bytes_same(c, is->admin.request, must->admin.request, "an operator's request");
    break;
  default: break;
  }
}

void client_reply(enum call_kind kind, union any_call *call, const union any_call *reply) {
  switch (kind) {
  case CALL_PROPOSE:
    call->propose.id = reply->propose.id;
    call->propose.result = rkv_buf_share(reply->propose.result);
    break;
  case CALL_QUERY: call->query.response = rkv_buf_share(reply->query.response); break;
  case CALL_ADD_LEARNER:
  case CALL_CHANGE_MEMBERSHIP:
  case CALL_REMOVE:
  case CALL_SET_ADDRESS:
    call->membership.id = reply->membership.id;
    call->membership.membership = rkv_buf_share(reply->membership.membership);
    break;
  case CALL_SNAPSHOT_NOW: call->snapshot_now.last = reply->snapshot_now.last; break;
  case CALL_METRICS: {
    const struct rkv_call head = call->call;
    call->metrics = reply->metrics;
    call->call = head;
    (void)rkv_buf_share(reply->metrics.membership);
    (void)rkv_buf_share(reply->metrics.text);
    break;
  }
  case CALL_ADMIN: call->admin.answer = rkv_buf_share(reply->admin.answer); break;
  default: break;
  }
}
