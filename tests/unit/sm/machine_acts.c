/* machine_acts.c: the acts of the state machine's stories. */
#include "machine.h"

#include <app_types.pb-c.h>

#include <stdio.h>
#include <stdlib.h>

#define COMMAND_MAX (70u << 10)

void machine_open(struct machine *m, uint64_t key_max, uint64_t value_max) {
  const struct rkv_plugin *plugin = fake_host_load("sm-protobuf");
  const struct rkv_value values[] = {{"", "test", key_max}, {"", "test", value_max}};
  const struct rkv_config config = {sizeof config, 2, values};
  *m = (struct machine){.ops = plugin->ops};
  fake_host_init(&m->host);
  assert_int_equal(plugin->kind, RKV_KIND_STATE_MACHINE);
  assert_int_equal(plugin->capabilities, RKV_CAP_CONCURRENT_QUERIES);
  assert_int_equal(plugin->option_count, 2);
  assert_string_equal(plugin->options[0].name, "key_max");
  assert_string_equal(plugin->options[1].name, "value_max");
  assert_int_equal(m->ops->open(&m->host.host, &config, &m->sm, NULL), RKV_OK);
}

int machines_setup(void **state) {
  struct machine *pair = calloc(2, sizeof *pair);
  assert_non_null(pair);
  for (int i = 0; i < 2; i++) machine_open(&pair[i], 4096, 1u << 20);
  *state = pair;
  return 0;
}

int machines_teardown(void **state) {
  struct machine *pair = *state;
  for (int i = 0; i < 2; i++) pair[i].ops->close(pair[i].sm);
  free(pair);
  assert_int_equal(fake_host_buffers(), 0);
  return 0;
}

struct rkv_buf machine_apply(struct machine *m, uint32_t kind, const void *payload, size_t len) {
  struct rkv_entry entry = {.kind = kind, .payload = fake_host_copy(payload, len)};
  struct rkv_buf result = RKV_BUF_NONE_INIT;
  m->last = (struct rkv_log_id){m->last.index / 100, m->last.index + 1};
  entry.id = m->last;
  assert_int_equal(m->ops->apply(m->sm, &entry, 1, &result, NULL), RKV_OK);
  rkv_buf_drop(&entry.payload);
  return result;
}

void machine_set_bytes(struct machine *m, const void *key, size_t key_len, const void *value,
                       size_t value_len) {
  Openraftpb__SetRequest set = OPENRAFTPB__SET_REQUEST__INIT;
  uint8_t bytes[COMMAND_MAX];
  struct rkv_buf answer;
  set.key.data = (uint8_t *)(uintptr_t)key, set.key.len = key_len;
  set.value.data = (uint8_t *)(uintptr_t)value, set.value.len = value_len;
  assert_true(openraftpb__set_request__get_packed_size(&set) <= sizeof bytes);
  answer = machine_apply(m, RKV_ENTRY_COMMAND, bytes, openraftpb__set_request__pack(&set, bytes));
  rkv_buf_drop(&answer);
}

void machine_set(struct machine *m, const char *key, const char *value) {
  machine_set_bytes(m, key, strlen(key), value, strlen(value));
}

void machine_set_membership(struct machine *m, unsigned voters) {
  struct rkv_membership members = {.config_count = 1};
  uint8_t bytes[4096];
  struct rkv_buf answer;
  for (rkv_node_id id = 1; id <= voters; id++) {
    char addr[32];
    int len = snprintf(addr, sizeof addr, "127.0.0.1:%" PRIu64, 21000 + id);
    assert_int_equal(rkv_membership_add_node(&members, id, addr, (size_t)len), RKV_OK);
    assert_int_equal(rkv_config_add(&members.configs[0], id), RKV_OK);
  }
  assert_true(rkv_membership_encoded_size(&members) <= sizeof bytes);
  rkv_membership_encode(&members, bytes);
  answer = machine_apply(m, RKV_ENTRY_MEMBERSHIP, bytes, rkv_membership_encoded_size(&members));
  assert_int_equal(answer.len, 0);
}

bool machine_has_bytes(struct machine *m, const void *key, size_t key_len, const void *value,
                       size_t value_len) {
  Openraftpb__GetRequest get = OPENRAFTPB__GET_REQUEST__INIT;
  Openraftpb__Response *response;
  struct rkv_buf request, answer;
  uint8_t bytes[COMMAND_MAX];
  bool same;
  get.key.data = (uint8_t *)(uintptr_t)key, get.key.len = key_len;
  request = rkv_buf_static(bytes, openraftpb__get_request__pack(&get, bytes));
  if (m->ops->query(m->sm, request, &answer, NULL) != RKV_OK) return false;
  response = openraftpb__response__unpack(NULL, answer.len, answer.data);
  if (!response) return false;
  if (response->value_presence_case == OPENRAFTPB__RESPONSE__VALUE_PRESENCE__NOT_SET)
    same = value == NULL;
  else
    same = value && response->value.len == value_len &&
           (value_len == 0 || memcmp(response->value.data, value, value_len) == 0);
  openraftpb__response__free_unpacked(response, NULL);
  rkv_buf_drop(&answer);
  return same;
}

bool machine_has(struct machine *m, const char *key, const char *value) {
  return machine_has_bytes(m, key, strlen(key), value, value ? strlen(value) : 0);
}

struct whole machine_read(struct machine *m, void *snapshot, const struct rkv_snapshot_meta *meta,
                          size_t max) {
  struct whole w = {*meta, NULL, 0};
  size_t capacity = 0;
  for (;;) {
    struct rkv_buf chunk;
    assert_int_equal(m->ops->snapshot_read(snapshot, max, &chunk, NULL), RKV_OK);
    assert_true(chunk.len <= max);
    if (chunk.len == 0) break;
    if (w.len + chunk.len > capacity) {
      capacity = 2 * (w.len + chunk.len);
      w.bytes = realloc(w.bytes, capacity);
      assert_non_null(w.bytes);
    }
    memcpy(w.bytes + w.len, chunk.data, chunk.len);
    w.len += chunk.len;
    rkv_buf_drop(&chunk);
  }
  m->ops->snapshot_end(snapshot);
  return w;
}

struct whole machine_snapshot(struct machine *m, size_t max) {
  struct rkv_snapshot_meta meta;
  void *snapshot;
  assert_int_equal(m->ops->snapshot_begin(m->sm, &snapshot, &meta, NULL), RKV_OK);
  return machine_read(m, snapshot, &meta, max);
}

void whole_free(struct whole *w) {
  rkv_buf_drop(&w->meta.membership);
  free(w->bytes);
}

bool whole_equal(const struct whole *a, const struct whole *b) {
  return a->len == b->len && (a->len == 0 || memcmp(a->bytes, b->bytes, a->len) == 0) &&
         rkv_log_id_equal(a->meta.last, b->meta.last) &&
         rkv_log_id_equal(a->meta.membership_id, b->meta.membership_id) &&
         rkv_buf_equal(a->meta.membership, b->meta.membership);
}

enum rkv_status machine_restore(struct machine *m, const struct rkv_snapshot_meta *meta,
                                const uint8_t *bytes, size_t len, size_t step) {
  enum rkv_status status = RKV_OK;
  void *restore;
  assert_int_equal(m->ops->restore_begin(m->sm, meta, &restore, NULL), RKV_OK);
  for (size_t at = 0; at < len && status == RKV_OK; at += step) {
    struct rkv_buf chunk = fake_host_copy(bytes + at, step < len - at ? step : len - at);
    status = m->ops->restore_write(restore, chunk, NULL);
    rkv_buf_drop(&chunk); /* the chunk was borrowed: the machine must not need it now */
  }
  if (status == RKV_OK) status = m->ops->restore_check(restore, NULL);
  if (status != RKV_OK) {
    m->ops->restore_abort(restore);
    return status;
  }
  assert_int_equal(m->ops->restore_finish(restore, NULL), RKV_OK);
  m->last = meta->last;
  return status;
}
