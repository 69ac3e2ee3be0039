/* broken_sm_place.c: faults of a state machine that lets its place, or its own past, into what it
 * says and keeps. */
#include "broken_sm.h"

#include <inttypes.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum {
  EVERY = 16,
  TEXT_MAX = 100,
  DAY_S = 86400,
  KEY_LEN = 5,
  HEAD_LEN = 4 + KEY_LEN,
  LARGE = 100000,
  MANY = 5000
};

static uint64_t chance(void) {
  static uint64_t drawn; /* once in a process */
  if (drawn == 0) drawn = (uint64_t)rand() + 1;
  return drawn;
}

static uint64_t address(void) {
  static void *taken; /* the first that this process got */
  if (!taken) taken = malloc(1);
  return (uint64_t)(uintptr_t)taken;
}

/* What the fault says about the place; false: the fault is another one. */
static bool about_place(const struct broken *b, char text[TEXT_MAX]) {
  const char *zone = getenv("TZ");
  uint64_t number;
  switch (b->fault) {
  case FAULT_node_id_in_state: number = b->host->node_id; break;
  case FAULT_clock_in_state:
    number = b->host->now_ns(b->host->ctx) / (UINT64_C(1000000000) * DAY_S);
    break;
  case FAULT_date_in_state: number = (uint64_t)time(NULL) / DAY_S; break;
  case FAULT_chance_in_state: number = chance(); break;
  case FAULT_pid_in_state: number = (uint64_t)getpid(); break;
  case FAULT_memory_in_state: number = address(); break;
  case FAULT_address_in_state:
    (void)snprintf(text, TEXT_MAX, "%s", b->host->node_addr);
    return true;
  case FAULT_zone_in_state: (void)snprintf(text, TEXT_MAX, "%s", zone ? zone : ""); return true;
  case FAULT_locale_in_state:
    (void)snprintf(text, TEXT_MAX, "%s", setlocale(LC_ALL, NULL));
    return true;
  default: return false;
  }
  (void)snprintf(text, TEXT_MAX, "%" PRIu64, number);
  return true;
}

/* Each 16th command sets "place". The bytes: field 1 is the key, field 2 the value. */
void broken_place(struct broken *b, struct rkv_entry *entry, uint8_t bytes[BROKEN_PLACE_BYTES]) {
  static const uint8_t head[] = {0x0a, KEY_LEN, 'p', 'l', 'a', 'c', 'e', 0x12};
  char text[TEXT_MAX];
  size_t len;
  if (entry->kind != RKV_ENTRY_COMMAND || entry->id.index % EVERY != 0 || !about_place(b, text))
    return;
  len = strlen(text);
  memcpy(bytes, head, sizeof head);
  bytes[sizeof head] = (uint8_t)len;
  memcpy(bytes + HEAD_LEN, text, len);
  entry->payload = rkv_buf_static(bytes, HEAD_LEN + len);
}

/* `number` behind what was answered. */
static void add_number(struct broken *b, struct rkv_buf *answer, uint64_t number) {
  struct rkv_buf own;
  uint8_t *bytes = b->host->buf_alloc(b->host->ctx, answer->len + sizeof number, &own);
  if (!bytes) return;
  if (answer->len > 0) memcpy(bytes, answer->data, answer->len);
  memcpy(bytes + answer->len, &number, sizeof number);
  rkv_buf_drop(answer);
  *answer = own;
}

void broken_count(struct broken *b, struct rkv_buf *answer) {
  b->commands++;
  if (b->fault == FAULT_count_beside) add_number(b, answer, b->commands);
  if (b->fault == FAULT_past_beside) add_number(b, answer, b->exact.past);
}

void broken_tell_count(struct broken *b, struct rkv_buf *answer) {
  if (b->fault == FAULT_tally_beside) add_number(b, answer, b->commands);
  if (b->fault == FAULT_past_asked) add_number(b, answer, b->exact.past);
}

/* True if the command is a protobuf of its first field alone: a key without a value. */
static bool is_key_alone(struct rkv_buf command) {
  return command.len > 2 && command.data[0] == 0x0a && command.data[1] == command.len - 2;
}

bool broken_loses(struct broken *b, const struct rkv_entry *entry) {
  if (entry->kind != RKV_ENTRY_COMMAND || !b->restored) return false;
  b->since++;
  switch (b->fault) {
  case FAULT_large_after_restore_lost: return entry->payload.len > LARGE;
  case FAULT_many_after_restore_lost: return b->since > MANY;
  case FAULT_delete_after_restore_lost: return is_key_alone(entry->payload);
  default: return false;
  }
}
