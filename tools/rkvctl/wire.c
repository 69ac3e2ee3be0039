/* wire.c: packs requests and reads memberships. */
#include "wire.h"

#include <grpc/status.h>
#include <rkv/swap.h>

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum outcome wire_ask(struct session *session, const char *method, const ProtobufCMessage *message,
                      enum follow_kind kind, struct follow_answer *answer) {
  const struct client_pair none = {NULL, NULL};
  return wire_ask_with(session, method, none, message, kind, answer);
}

enum outcome wire_ask_with(struct session *session, const char *method, struct client_pair pair,
                           const ProtobufCMessage *message, enum follow_kind kind,
                           struct follow_answer *answer) {
  const size_t size = protobuf_c_message_get_packed_size(message);
  /* + 1: for an empty message NULL still means failure */
  const ProtobufCBinaryData bytes = {.len = size, .data = malloc(size + 1)};
  enum outcome outcome;
  memset(answer, 0, sizeof *answer);
  if (!bytes.data) {
    (void)snprintf(answer->text, sizeof answer->text, "out of memory");
    return OUTCOME_NO_ANSWER;
  }
  (void)protobuf_c_message_pack(message, bytes.data);
  outcome = wire_ask_bytes(session, method, pair, bytes, kind, answer);
  free(bytes.data);
  return outcome;
}

enum outcome wire_ask_bytes(struct session *session, const char *method, struct client_pair pair,
                            ProtobufCBinaryData bytes, enum follow_kind kind,
                            struct follow_answer *answer) {
  const struct follow_request request = {
      .path = method, .data = bytes.data, .size = bytes.len, .pair = pair, .kind = kind};
  memset(answer, 0, sizeof *answer);
  return follow_ask(session, &request, answer);
}

ProtobufCBinaryData wire_bytes(const char *text) {
  /* protobuf-c only reads what it packs; its type has no const */
  ProtobufCBinaryData bytes = {.len = strlen(text), .data = (uint8_t *)(uintptr_t)text};
  return bytes;
}

/* Reads what only nodes of this project tell of a member. */
static void note_history(struct rkv_membership *to, rkv_node_id id, const Openraftpb__Node *node) {
  const struct rkv_member *known = rkv_membership_find(to, id);
  struct rkv_member record;
  if (!known) return; /* over the limit */
  record = *known;
  record.incarnation = node->incarnation;
  record.returning = node->returning ? 1 : 0;
  rkv_membership_set(to, &record);
}

void wire_membership(const Openraftpb__Membership *from, struct rkv_membership *to) {
  memset(to, 0, sizeof *to);
  if (!from) return;
  for (size_t c = 0; c < from->n_configs && c < RKV_CONFIGS_MAX; c++) {
    const Openraftpb__NodeIdSet *ids = from->configs[c];
    for (size_t i = 0; i < ids->n_node_ids; i++)
      (void)rkv_config_add(&to->configs[c], ids->node_ids[i]->key); /* over the limit: left out */
    to->config_count++;
  }
  for (size_t i = 0; i < from->n_nodes; i++) {
    const Openraftpb__Node *node = from->nodes[i]->value;
    const ProtobufCBinaryData none = {0, NULL};
    ProtobufCBinaryData addr = node ? node->rpc_addr : none;
    if (addr.len == 0) addr = wire_bytes("-");
    (void)rkv_membership_add_node(to, from->nodes[i]->key, (const char *)addr.data, addr.len);
    if (node) note_history(to, from->nodes[i]->key, node);
  }
}

const char *wire_role(const struct rkv_membership *m, rkv_node_id id) {
  bool before, after;
  if (!rkv_membership_is_voter(m, id)) return "learner";
  before = rkv_config_has(&m->configs[0], id);
  after = rkv_config_has(&m->configs[m->config_count - 1], id);
  return before && after ? "voter" : after ? "joining" : "leaving";
}

const char *wire_swap_phase(uint64_t phase) {
  switch (phase) {
#define WIRE_PHASE_TEXT(name, number, text)                                                        \
  case number: return text;
    RKV_SWAP_PHASE_LIST(WIRE_PHASE_TEXT)
#undef WIRE_PHASE_TEXT
  default: return "in a way that this rkvctl does not know";
  }
}

const char *wire_swap_word(uint64_t phase) {
  static const char *const words[] = {"none",      "opening", "snapshot", "log",     "comparing",
                                      "switching", "moved",   "failed",   "clearing"};
#define WIRE_PHASE_COUNT(name, number, text) +1
  _Static_assert(sizeof words / sizeof words[0] == RKV_SWAP_PHASE_LIST(WIRE_PHASE_COUNT),
                 "a word for each phase");
#undef WIRE_PHASE_COUNT
  return phase < sizeof words / sizeof words[0] ? words[phase] : "unknown";
}

/* The begin of the digits at the end of `value`; its end if there are none. */
static size_t digits_at(const char *value, size_t len) {
  while (len > 0 && value[len - 1] >= '0' && value[len - 1] <= '9') len--;
  return len;
}

void wire_count(const char *name, const char *value, size_t len, char *out, size_t size) {
  static const char *const from_zero[] = {"last_log", "last_applied", "snapshot", "purged"};
  const size_t digits = digits_at(value, len);
  bool counted = false;
  for (size_t i = 0; i < sizeof from_zero / sizeof from_zero[0]; i++)
    counted = counted || strcmp(name, from_zero[i]) == 0;
  if (counted && digits < len && len - digits < 20 && (digits == 0 || value[digits - 1] == '.')) {
    char number[24];
    (void)snprintf(number, sizeof number, "%.*s", (int)(len - digits), value + digits);
    (void)snprintf(out, size, "%.*s%" PRIu64, (int)digits, value,
                   (uint64_t)strtoull(number, NULL, 10) + 1);
  } else {
    (void)snprintf(out, size, "%.*s", (int)len, value);
  }
}
