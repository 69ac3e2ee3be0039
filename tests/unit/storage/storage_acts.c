/* storage_acts.c: the acts and checks of the stories about a storage. */
#include "storage_laws.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define READ_MAX 4096

static const char *plugin_name = "storage-mem";

void log_choose(const char *plugin) {
  plugin_name = plugin;
}

/* ---- fixtures ---- */

/* Every option has its default, but for those that say where and how large. */
enum rkv_status log_open(struct log_test *t, const struct fake_host *host, void **storage,
                         struct rkv_error *error) {
  struct rkv_value values[16] = {0};
  struct rkv_config config = {sizeof config, t->plugin->option_count, values};
  for (uint32_t i = 0; i < t->plugin->option_count; i++) {
    const struct rkv_option *option = &t->plugin->options[i];
    values[i].text = t->dir;
    if (option->type == RKV_OPTION_BOOL) values[i].number = 1;
    if (option->type == RKV_OPTION_UINT || option->type == RKV_OPTION_SIZE)
      values[i].number = option->min;
    if (strcmp(option->name, "queue_bytes_max") == 0) values[i].number = option->max;
  }
  return t->ops->open(&host->host, &config, storage, error);
}

void log_reopen(struct log_test *t) {
  struct rkv_error error = {0};
  if (t->storage) t->ops->close(t->storage);
  t->storage = NULL;
  if (log_open(t, &t->host, &t->storage, &error) != RKV_OK) fail_msg("%s", error.text);
}

int log_setup(void **state) {
  struct log_test *t = calloc(1, sizeof *t);
  assert_non_null(t);
  t->plugin = fake_host_load(plugin_name);
  t->buffers_before = fake_host_buffers();
  fake_host_init(&t->host);
  assert_int_equal(t->plugin->kind, RKV_KIND_STORAGE);
  t->ops = t->plugin->ops;
  if (t->plugin->option_count > 0) scratch_make(t->dir);
  log_reopen(t);
  *state = t;
  return 0;
}

int log_teardown(void **state) {
  struct log_test *t = *state;
  if (t->storage) t->ops->close(t->storage);
  assert_int_equal(fake_host_buffers(), t->buffers_before);
  if (t->dir[0]) scratch_remove(t->dir);
  free(t);
  return 0;
}

/* ---- the log ---- */

struct rkv_log_id id_of(rkv_index index) {
  return (struct rkv_log_id){index / 10 + 1, index};
}

static size_t payload_of(rkv_index index, char *text, size_t size) {
  return (size_t)snprintf(text, size, "payload of entry %" PRIu64, index);
}

void append_at(struct log_test *t, rkv_index from, rkv_index to, struct told *told) {
  size_t count = (size_t)(to - from + 1);
  struct rkv_entry *entries = calloc(count, sizeof *entries);
  assert_non_null(entries);
  told_init(told);
  for (size_t i = 0; i < count; i++) {
    char text[64];
    size_t len = payload_of(from + i, text, sizeof text);
    entries[i].id = id_of(from + i);
    entries[i].kind = RKV_ENTRY_COMMAND;
    entries[i].payload = fake_host_copy(text, len);
  }
  t->ops->append(t->storage, entries, count, &told->completion);
  for (size_t i = 0; i < count; i++) rkv_buf_drop(&entries[i].payload);
  free(entries);
  (void)told_wait(told);
}

void append(struct log_test *t, rkv_index from, rkv_index to) {
  struct told told;
  append_at(t, from, to, &told);
  assert_int_equal(told.status, RKV_OK);
  assert_false(told.has_error);
}

static bool entry_is(const struct rkv_entry *entry, rkv_index index) {
  char text[64];
  size_t len = payload_of(index, text, sizeof text);
  return rkv_log_id_equal(entry->id, id_of(index)) && entry->kind == RKV_ENTRY_COMMAND &&
         entry->payload.len == len && memcmp(entry->payload.data, text, len) == 0;
}

int read_some(struct log_test *t, rkv_index from, rkv_index to, uint64_t bytes_max,
              size_t capacity) {
  static _Thread_local struct rkv_entry entries[READ_MAX];
  struct rkv_error error;
  size_t count = 0, wrong = 0;
  enum rkv_status status = t->ops->read(t->storage, from, to, bytes_max, entries,
                                        capacity < READ_MAX ? capacity : READ_MAX, &count, &error);
  if (status == RKV_NOT_FOUND) return -1;
  if (status != RKV_OK) fail_msg("%s", error.text);
  for (size_t i = 0; i < count; i++) {
    if (!entry_is(&entries[i], from + i)) wrong++;
    rkv_buf_drop(&entries[i].payload);
  }
  return wrong > 0 ? -3 : (int)count;
}

int read_all(struct log_test *t, rkv_index from, rkv_index to) {
  return read_some(t, from, to, UINT64_MAX, READ_MAX);
}

void holds(struct log_test *t, struct rkv_log_id purged, struct rkv_log_id last) {
  struct rkv_storage_state held;
  assert_int_equal(t->ops->load(t->storage, &held, NULL), RKV_OK);
  rkv_buf_drop(&held.snapshot.membership);
  assert_true(rkv_log_id_equal(held.purged, purged));
  assert_true(rkv_log_id_equal(held.last, last));
  assert_int_equal(read_all(t, purged.index + 1, last.index + 5), last.index - purged.index);
  assert_int_equal(read_all(t, purged.index, last.index), -1);
  assert_int_equal(read_all(t, last.index + 1, last.index + 9), 0);
}
