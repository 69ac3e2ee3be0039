/* vault.c: opens, writes and reads. */
#include "vault.h"

#include <stdlib.h>
#include <string.h>
#include <told.h>

struct vault *vault_new(struct keep_heard *heard) {
  struct vault *v = calloc(1, sizeof *v);
  assert_non_null(v);
  v->keep.heard = heard;
  v->ops = fake_host_load("storage-crypt")->ops;
  return v;
}

enum rkv_status vault_try(struct vault *v, const char *key, rkv_node_id node) {
  const struct rkv_value value = {.text = key, .origin = "a test"};
  const struct rkv_config config = {sizeof config, 1, &value};
  enum rkv_status status;
  keep_host_init(&v->host, &v->keep, node);
  memset(&v->error, 0, sizeof v->error);
  status = v->ops->open(&v->host.fake.host, &config, &v->it, &v->error);
  if (status != RKV_OK) v->it = NULL;
  assert_int_equal(v->keep.open, status == RKV_OK);
  return status;
}

void vault_open(struct vault *v, const char *key) {
  if (vault_try(v, key, 1) != RKV_OK) fail_msg("%s", v->error.text);
}

void vault_close(struct vault *v) {
  if (v->it) v->ops->close(v->it);
  v->it = NULL;
}

void vault_reopen(struct vault *v, const char *key) {
  vault_close(v);
  vault_open(v, key);
}

void vault_free(struct vault *v) {
  vault_close(v);
  keep_end(&v->keep);
  free(v);
}

void vault_refuses(struct vault *v, const char *key, enum rkv_status expected, const char *words) {
  enum rkv_status status;
  vault_close(v);
  status = vault_try(v, key, 1);
  if (status != expected || !strstr(v->error.text, words))
    fail_msg("%s: %s (expected: %s: %s)", rkv_status_name(status), v->error.text,
             rkv_status_name(expected), words);
}

void vault_append(struct vault *v, rkv_term term, rkv_index index, const char *text) {
  struct rkv_entry entry = {.id = {term, index}, .kind = RKV_ENTRY_COMMAND};
  struct told told;
  entry.payload = rkv_buf_static(text, strlen(text));
  told_init(&told);
  v->ops->append(v->it, &entry, 1, &told.completion);
  assert_int_equal(told_wait(&told), RKV_OK);
}

void vault_vote(struct vault *v, rkv_term term, rkv_node_id node) {
  struct told told;
  told_init(&told);
  v->ops->save_vote(v->it, (struct rkv_vote){term, node, false}, &told.completion);
  assert_int_equal(told_wait(&told), RKV_OK);
}

void vault_holds(struct vault *v, rkv_index index, const char *text) {
  struct rkv_entry entry = {0};
  struct rkv_error error;
  size_t count;
  if (v->ops->read(v->it, index, index, 1, &entry, 1, &count, &error) != RKV_OK)
    fail_msg("%s", error.text);
  assert_int_equal(count, 1);
  assert_int_equal(entry.payload.len, strlen(text));
  assert_memory_equal(entry.payload.data, text, entry.payload.len);
  rkv_buf_drop(&entry.payload);
}

void vault_snapshot(struct vault *v, rkv_index last, size_t size) {
  struct rkv_snapshot_meta meta = {.last = {1, last}, .id = "a snapshot"};
  struct rkv_error error;
  struct rkv_buf bytes;
  uint8_t *text = malloc(size + 1);
  void *writer;
  assert_non_null(text);
  for (size_t i = 0; i < size; i++) text[i] = (uint8_t)(i % 251);
  bytes = fake_host_copy(text, size);
  meta.membership = rkv_buf_static("members", 7);
  assert_int_equal(v->ops->snapshot_begin(v->it, &meta, &writer, &error), RKV_OK);
  for (size_t at = 0; at < size; at += 50000)
    assert_int_equal(v->ops->snapshot_write(writer, rkv_buf_slice(bytes, at, 50000), &error),
                     RKV_OK);
  assert_int_equal(v->ops->snapshot_commit(writer, &error), RKV_OK);
  rkv_buf_drop(&bytes);
  free(text);
}

enum rkv_status vault_read_snapshot(struct vault *v, uint64_t *size) {
  struct rkv_snapshot_meta meta;
  void *reader;
  struct rkv_buf chunk;
  enum rkv_status status = v->ops->snapshot_open(v->it, &reader, &meta, &v->error);
  if (status != RKV_OK) return status;
  assert_memory_equal(meta.membership.data, "members", 7);
  rkv_buf_drop(&meta.membership);
  for (*size = 0; status == RKV_OK && *size < meta.size;) {
    status = v->ops->snapshot_read(reader, *size, 70000, &chunk, &v->error);
    if (status != RKV_OK) break;
    assert_true(chunk.len > 0 && chunk.data[0] == *size % 251);
    *size += chunk.len;
    rkv_buf_drop(&chunk);
  }
  v->ops->snapshot_close(reader);
  return status;
}
