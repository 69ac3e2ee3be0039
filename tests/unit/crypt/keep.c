/* keep.c: a storage in arrays. */
#include "keep.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HEAD_KEY = 8, HEAD_NUMBER = 32, HEAD_WHAT = 5, COUNTS_FRAMES = 3 };

/* ---- what was heard ---- */

static void hear(struct keep_heard *heard, const uint8_t *key, uint8_t counts, uint64_t number) {
  struct keep_message *m = &heard->list[heard->count++];
  assert_true(heard->count < KEEP_MESSAGES);
  memcpy(m->key, key, KEEP_NAME);
  m->counts = counts;
  m->number = number;
}

static void hear_record(struct keep_heard *heard, struct rkv_buf record) {
  uint64_t number;
  assert_true(record.len >= 80 && memcmp(record.data, "rkvC\1", 5) == 0);
  memcpy(&number, record.data + HEAD_NUMBER, sizeof number);
  hear(heard, record.data + HEAD_KEY, record.data[HEAD_WHAT], number);
}

size_t keep_repeated(const struct keep_heard *heard) {
  size_t pairs = 0;
  for (size_t i = 0; i < heard->count; i++)
    for (size_t k = 0; k < i; k++)
      pairs += heard->list[i].number == heard->list[k].number &&
               heard->list[i].counts == heard->list[k].counts &&
               memcmp(heard->list[i].key, heard->list[k].key, KEEP_NAME) == 0;
  return pairs;
}

/* ---- the operations ---- */

static void tell(struct keep *k, struct rkv_completion *completion) {
  assert_true(k->held_count < KEEP_HELD);
  if (k->holds)
    k->held[k->held_count++] = completion;
  else
    completion->done(completion, RKV_OK, NULL);
}

void keep_release(struct keep *keep) {
  keep->holds = false;
  for (size_t i = 0; i < keep->held_count; i++) tell(keep, keep->held[i]);
  keep->held_count = 0;
}

static void keep_close(void *storage) {
  struct keep *k = storage;
  keep_release(k);
  k->open--;
}

static enum rkv_status keep_load(void *storage, struct rkv_storage_state *state,
                                 struct rkv_error *error) {
  struct keep *k = storage;
  (void)error;
  *state = k->state;
  (void)rkv_buf_share(state->snapshot.membership);
  return RKV_OK;
}

static void keep_vote(void *storage, struct rkv_vote vote, struct rkv_completion *completion) {
  struct keep *k = storage;
  k->state.vote = vote;
  tell(k, completion);
}

static void keep_identity(void *storage, struct rkv_identity identity,
                          struct rkv_completion *completion) {
  struct keep *k = storage;
  k->state.identity = identity;
  tell(k, completion);
}

static void keep_append(void *storage, const struct rkv_entry *entries, size_t count,
                        struct rkv_completion *completion) {
  struct keep *k = storage;
  for (size_t i = 0; i < count; i++) {
    assert_int_equal(entries[i].id.index, k->state.last.index + 1);
    k->state.last = entries[i].id;
    k->entries[k->state.last.index] = entries[i];
    (void)rkv_buf_share(entries[i].payload);
    hear_record(k->heard, entries[i].payload);
  }
  tell(k, completion);
}

static void keep_truncate(void *storage, rkv_index after) {
  struct keep *k = storage;
  if (after >= k->state.last.index) return;
  for (; k->state.last.index > after; k->state.last.index--)
    rkv_buf_drop(&k->entries[k->state.last.index].payload);
  k->state.last = after > k->state.purged.index ? k->entries[after].id : k->state.purged;
}

static void keep_purge(void *storage, struct rkv_log_id up_to) {
  struct keep *k = storage;
  for (rkv_index i = k->state.purged.index + 1; i <= up_to.index && i <= k->state.last.index; i++)
    rkv_buf_drop(&k->entries[i].payload);
  k->state.purged = up_to;
  if (k->state.last.index < up_to.index) k->state.last = up_to;
}

static enum rkv_status keep_read(void *storage, rkv_index from, rkv_index to, uint64_t bytes_max,
                                 struct rkv_entry *entries, size_t capacity, size_t *count,
                                 struct rkv_error *error) {
  struct keep *k = storage;
  (void)bytes_max, (void)error;
  for (*count = 0; from <= to && from <= k->state.last.index && *count < capacity; from++) {
    entries[*count] = k->entries[from];
    (void)rkv_buf_share(entries[(*count)++].payload);
  }
  return RKV_OK;
}

/* One snapshot at a time is written, in place. */
static enum rkv_status keep_begin(void *storage, const struct rkv_snapshot_meta *meta,
                                  void **writer, struct rkv_error *error) {
  struct keep *k = storage;
  (void)error;
  hear_record(k->heard, meta->membership);
  rkv_buf_drop(&k->state.snapshot.membership);
  k->state.snapshot = *meta;
  (void)rkv_buf_share(meta->membership);
  k->state.snapshot.size = 0;
  *writer = k;
  return RKV_OK;
}

static enum rkv_status keep_write(void *writer, struct rkv_buf chunk, struct rkv_error *error) {
  struct keep *k = writer;
  struct rkv_snapshot_meta *meta = &k->state.snapshot;
  (void)error;
  assert_true(meta->size + chunk.len <= KEEP_SNAPSHOT);
  hear(k->heard, meta->membership.data + HEAD_KEY, COUNTS_FRAMES, meta->size / KEEP_FRAME);
  memcpy(k->snapshot + meta->size, chunk.data, chunk.len);
  meta->size += chunk.len;
  return RKV_OK;
}

static enum rkv_status keep_commit(void *writer, struct rkv_error *error) {
  (void)writer, (void)error;
  return RKV_OK;
}

static void keep_abort(void *writer) {
  (void)writer;
}

static enum rkv_status keep_open_snapshot(void *storage, void **reader,
                                          struct rkv_snapshot_meta *meta, struct rkv_error *error) {
  struct keep *k = storage;
  (void)error;
  *reader = k;
  *meta = k->state.snapshot;
  (void)rkv_buf_share(meta->membership);
  return RKV_OK;
}

static enum rkv_status keep_read_snapshot(void *reader, uint64_t offset, size_t max,
                                          struct rkv_buf *chunk, struct rkv_error *error) {
  const struct keep *k = reader;
  const uint64_t size = k->state.snapshot.size;
  (void)error;
  if (offset > size) offset = size;
  if (max > size - offset) max = (size_t)(size - offset);
  if (max > 1000) max = 1000; /* a read may give less */
  *chunk = fake_host_copy(k->snapshot + offset, max);
  return RKV_OK;
}

static const struct rkv_storage_ops ops = {.close = keep_close,
                                           .load = keep_load,
                                           .save_vote = keep_vote,
                                           .save_identity = keep_identity,
                                           .append = keep_append,
                                           .truncate = keep_truncate,
                                           .purge = keep_purge,
                                           .read = keep_read,
                                           .snapshot_begin = keep_begin,
                                           .snapshot_write = keep_write,
                                           .snapshot_commit = keep_commit,
                                           .snapshot_abort = keep_abort,
                                           .snapshot_open = keep_open_snapshot,
                                           .snapshot_read = keep_read_snapshot,
                                           .snapshot_close = keep_abort};

/* ---- the host ---- */

static enum rkv_status open_under(void *ctx, enum rkv_plugin_kind kind,
                                  const struct rkv_node_api *node, struct rkv_under *under,
                                  struct rkv_error *error) {
  struct keep_host *h = ctx; /* begins with the fake host */
  (void)error;
  assert_int_equal(kind, RKV_KIND_STORAGE);
  assert_null(node);
  *under = (struct rkv_under){sizeof *under, RKV_ABI_MINOR, "keep", RKV_CAP_DURABLE, &ops, h->keep};
  h->keep->open++;
  return RKV_OK;
}

static uint8_t *buf_alloc(void *ctx, size_t len, struct rkv_buf *out) {
  struct keep_host *h = ctx;
  *out = rkv_buf_none();
  return h->keep->no_memory && h->keep->no_memory() ? NULL : h->real_alloc(ctx, len, out);
}

static void note_fatal(void *ctx, enum rkv_status status, const char *text) {
  struct keep_host *h = ctx;
  assert_int_not_equal(status, RKV_OK);
  h->fatals++;
  (void)snprintf(h->fatal, sizeof h->fatal, "%s", text);
}

void keep_host_init(struct keep_host *h, struct keep *keep, rkv_node_id node) {
  *h = (struct keep_host){.keep = keep};
  fake_host_init(&h->fake);
  h->real_alloc = h->fake.host.buf_alloc;
  h->fake.host.buf_alloc = buf_alloc;
  h->fake.host.fatal = note_fatal;
  h->fake.host.node_id = node;
  h->fake.host.open_under = open_under;
}

void keep_end(struct keep *keep) {
  keep_purge(keep, (struct rkv_log_id){1, KEEP_ENTRIES});
  rkv_buf_drop(&keep->state.snapshot.membership);
}

struct rkv_buf keep_copy(struct rkv_buf payload) {
  return fake_host_copy(payload.data, payload.len);
}

void keep_flip(struct rkv_buf payload, size_t at) {
  ((uint8_t *)(uintptr_t)payload.data)[at] ^= 1;
}
