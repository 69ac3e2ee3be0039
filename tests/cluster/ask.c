/* ask.c: requests to messages, answers to what tests compare. */
#include "ask.h"

#include <metrics.h>
#include <wire.h>

#include <inttypes.h>
#include <setjmp.h>
#include <stdlib.h>

#include <cmocka.h>

#define KEY_MAX 32
#define WAIT_NAME_MAX 160

/* What comes back is kept whole: a callback's bytes live only while it runs. */
struct reply {
  bool done;
  struct ask_answer answer;
  uint8_t *data;
  size_t size;
};

static void on_reply(void *ctx, const struct client_reply *reply) {
  struct reply *r = ctx;
  r->done = true;
  r->answer.code = reply->code;
  memcpy(r->answer.text, reply->text, sizeof r->answer.text);
  memcpy(r->answer.leader, reply->leader, sizeof r->answer.leader);
  r->size = reply->size;
  r->data = malloc(reply->size + 1);
  if (r->data && reply->size) memcpy(r->data, reply->data, reply->size);
}

static void start(struct inside *in, rkv_node_id at, const char *path,
                  const ProtobufCMessage *message, client_done done, void *ctx) {
  size_t size = protobuf_c_message_get_packed_size(message);
  uint8_t *bytes = malloc(size + 1);
  assert_non_null(bytes);
  (void)protobuf_c_message_pack(message, bytes);
  assert_non_null(in->nodes[at].channel);
  assert_int_equal(client_start(in->nodes[at].channel, path, bytes, size,
                                client_now_ms() + INSIDE_WAIT_MS, done, ctx),
                   RKV_OK);
  free(bytes);
}

static struct reply ask(struct inside *in, rkv_node_id at, const char *path,
                        const ProtobufCMessage *message) {
  struct reply r;
  memset(&r, 0, sizeof r);
  start(in, at, path, message, on_reply, &r);
  while (!r.done) (void)client_poll(in->client, UINT64_MAX);
  assert_non_null(r.data);
  return r;
}

void ask_ok(const struct ask_answer *answer) {
  if (answer->code != 0) fail_msg("%s: %s", client_code_name(answer->code), answer->text);
}

/* ---- keys and values ---- */

static struct ask_answer take_value(struct reply *r) {
  Openraftpb__Response *response;
  if (r->answer.code == 0) {
    response = openraftpb__response__unpack(NULL, r->size, r->data);
    assert_non_null(response);
    r->answer.has_value =
        response->value_presence_case == OPENRAFTPB__RESPONSE__VALUE_PRESENCE_VALUE;
    if (r->answer.has_value) {
      assert_true(response->value.len < ASK_VALUE_MAX);
      memcpy(r->answer.value, response->value.data, response->value.len);
      r->answer.value[response->value.len] = '\0';
    }
    openraftpb__response__free_unpacked(response, NULL);
  }
  free(r->data);
  return r->answer;
}

struct ask_answer ask_set(struct inside *in, rkv_node_id at, const char *key, const char *value) {
  Openraftpb__SetRequest set = OPENRAFTPB__SET_REQUEST__INIT;
  struct reply r;
  set.key = wire_bytes(key);
  set.value = wire_bytes(value);
  r = ask(in, at, WIRE_SERVICE "Set", &set.base);
  return take_value(&r);
}

struct ask_answer ask_get(struct inside *in, rkv_node_id at, const char *key) {
  Openraftpb__GetRequest get = OPENRAFTPB__GET_REQUEST__INIT;
  struct reply r;
  get.key = wire_bytes(key);
  r = ask(in, at, WIRE_SERVICE "Get", &get.base);
  return take_value(&r);
}

static void on_burst_reply(void *ctx, const struct client_reply *reply) {
  size_t *ok = ctx;
  if (reply->code == 0)
    (*ok)++;
  else
    print_error("one of a burst: %s: %s\n", client_code_name(reply->code), reply->text);
}

void ask_set_burst(struct inside *in, rkv_node_id at, const char *prefix, size_t count,
                   const char *value) {
  size_t ok = 0;
  for (size_t i = 0; i < count; i++) {
    Openraftpb__SetRequest set = OPENRAFTPB__SET_REQUEST__INIT;
    char key[KEY_MAX];
    (void)snprintf(key, sizeof key, "%s%zu", prefix, i);
    set.key = wire_bytes(key);
    set.value = wire_bytes(value);
    start(in, at, WIRE_SERVICE "Set", &set.base, on_burst_reply, &ok);
  }
  while (client_pending(in->client) > 0) (void)client_poll(in->client, UINT64_MAX);
  assert_int_equal(ok, count);
}

/* ---- membership ---- */

static struct ask_answer take_membership(struct reply *r) {
  Openraftpb__ClientWriteResponse *response;
  if (r->answer.code == 0) {
    response = openraftpb__client_write_response__unpack(NULL, r->size, r->data);
    assert_non_null(response);
    wire_membership(response->membership, &r->answer.membership);
    openraftpb__client_write_response__free_unpacked(response, NULL);
  }
  free(r->data);
  return r->answer;
}

struct ask_answer ask_init(struct inside *in, rkv_node_id at) {
  Openraftpb__Node node = OPENRAFTPB__NODE__INIT, *nodes[] = {&node};
  Openraftpb__InitRequest init = OPENRAFTPB__INIT_REQUEST__INIT;
  struct reply r;
  node.node_id = at;
  node.rpc_addr = wire_bytes(in->nodes[at].addr);
  init.n_nodes = 1;
  init.nodes = nodes;
  r = ask(in, at, WIRE_SERVICE "Init", &init.base);
  free(r.data);
  return r.answer;
}

struct ask_answer ask_add_learner(struct inside *in, rkv_node_id at, rkv_node_id learner) {
  Openraftpb__Node node = OPENRAFTPB__NODE__INIT;
  Openraftpb__AddLearnerRequest add = OPENRAFTPB__ADD_LEARNER_REQUEST__INIT;
  struct reply r;
  node.node_id = learner;
  node.rpc_addr = wire_bytes(in->nodes[learner].addr);
  add.node = &node;
  r = ask(in, at, WIRE_SERVICE "AddLearner", &add.base);
  return take_membership(&r);
}

struct ask_answer ask_change(struct inside *in, rkv_node_id at, size_t count,
                             const uint64_t *voters) {
  Openraftpb__ChangeMembershipRequest change = OPENRAFTPB__CHANGE_MEMBERSHIP_REQUEST__INIT;
  uint64_t members[INSIDE_NODES_MAX];
  struct reply r;
  assert_true(count <= INSIDE_NODES_MAX);
  memcpy(members, voters, count * sizeof members[0]);
  change.n_members = count;
  change.members = members;
  r = ask(in, at, WIRE_SERVICE "ChangeMembership", &change.base);
  return take_membership(&r);
}

/* ---- metrics ---- */

static Openraftpb__MetricsResponse *ask_metrics(struct inside *in, rkv_node_id at) {
  Google__Protobuf__Empty empty = GOOGLE__PROTOBUF__EMPTY__INIT;
  struct reply r = ask(in, at, WIRE_SERVICE "Metrics", &empty.base);
  Openraftpb__MetricsResponse *response;
  ask_ok(&r.answer);
  response = openraftpb__metrics_response__unpack(NULL, r.size, r.data);
  assert_non_null(response);
  free(r.data);
  return response;
}

struct ask_view ask_view(struct inside *in, rkv_node_id at) {
  Openraftpb__MetricsResponse *m = ask_metrics(in, at);
  const char *text = (const char *)m->other_metrics.data;
  size_t len = m->other_metrics.len;
  struct ask_view view;
  memset(&view, 0, sizeof view);
  assert_true(metrics_text(text, len, "state", view.state, sizeof view.state));
  (void)metrics_number(text, len, "leader", &view.leader); /* `none` leaves 0 */
  (void)metrics_number(text, len, "last_log", &view.last_log);
  (void)metrics_number(text, len, "last_applied", &view.last_applied);
  assert_true(metrics_number(text, len, "term", &view.term));
  wire_membership(m->membership, &view.membership);
  openraftpb__metrics_response__free_unpacked(m, NULL);
  return view;
}

uint64_t ask_number(struct inside *in, rkv_node_id at, const char *name) {
  Openraftpb__MetricsResponse *m = ask_metrics(in, at);
  uint64_t number = 0;
  if (!metrics_number((const char *)m->other_metrics.data, m->other_metrics.len, name, &number))
    fail_msg("node %" PRIu64 " has no metric %s", at, name);
  openraftpb__metrics_response__free_unpacked(m, NULL);
  return number;
}

/* ---- waiting ---- */

struct wanted {
  rkv_node_id at;
  const char *key, *value;
  uint64_t index;
};

static bool has_value(struct inside *in, void *arg) {
  const struct wanted *w = arg;
  struct ask_answer answer = ask_get(in, w->at, w->key);
  return answer.code == 0 && answer.has_value && strcmp(answer.value, w->value) == 0;
}

void ask_until_has(struct inside *in, rkv_node_id at, const char *key, const char *value) {
  struct wanted w = {.at = at, .key = key, .value = value};
  char what[WAIT_NAME_MAX];
  (void)snprintf(what, sizeof what, "node %" PRIu64 " has %s=%.40s", at, key, value);
  inside_until(in, what, has_value, &w);
}

static bool has_applied(struct inside *in, void *arg) {
  const struct wanted *w = arg;
  return ask_view(in, w->at).last_applied >= w->index;
}

void ask_until_caught_up(struct inside *in, rkv_node_id at, rkv_node_id leader) {
  struct wanted w = {.at = at, .index = ask_view(in, leader).last_log};
  char what[WAIT_NAME_MAX];
  (void)snprintf(what, sizeof what, "node %" PRIu64 " has applied index %" PRIu64, at, w.index);
  inside_until(in, what, has_applied, &w);
}
