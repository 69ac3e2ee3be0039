/* alone_acts.c: the calls that a disk without a node gets (alone.h). */
#include "alone.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

enum {
  ENTRIES_MAX = 8,
  SMALL_BYTES = 160,
  RECORD_HEAD = 40,        /* bytes of a record's header */
  SNAPSHOT_BYTES = 600000, /* more than two blocks */
  READ_MAX = 300000,
};

/* ---- calls ---- */

struct call {
  struct rkv_completion completion; /* first */
  struct alone *alone;
};

static void on_done(struct rkv_completion *completion, enum rkv_status status,
                    const struct rkv_error *error) {
  struct call *call = (struct call *)completion;
  (void)status, (void)error; /* disk_ops.c judges */
  call->alone->waiting--;
  free(call);
}

static struct rkv_completion *call_new(struct alone *a) {
  struct call *call = calloc(1, sizeof *call);
  assert(call);
  *call = (struct call){.completion.done = on_done, .alone = a};
  a->waiting++;
  return &call->completion;
}

static struct rkv_buf some_bytes(struct alone *a, size_t len) {
  struct rkv_buf b;
  uint8_t *bytes = alone_buf_alloc(NULL, len, &b);
  uint64_t x = world_random(a->w) | 1;
  for (size_t i = 0; i < len; i++, x = x * UINT64_C(6364136223846793005) + 1)
    bytes[i] = (uint8_t)(x >> 56);
  return b;
}

/* What a crash took is sent again, as a leader does: some of it, the very same. */
static size_t send_again(struct alone *a, struct rkv_entry *entries, size_t max) {
  rkv_index last = a->d->state.last.index;
  const struct rkv_entry *held = state_find(&a->before, last), *lost;
  size_t count = 0;
  if (!held || !rkv_log_id_equal(held->id, a->d->state.last)) return 0;
  for (; count < max && (lost = state_find(&a->before, last + 1 + count)); count++) {
    entries[count] = *lost;
    entries[count].payload = rkv_buf_share(lost->payload);
  }
  return count;
}

/* As a rule as long as some records' headers: what is written then ends where something that a
 * crash left behind begins. */
static size_t some_length(struct alone *a) {
  bool full = device_full_since_ns(a->d->device) > 0;
  if (full && alone_some(a, 4) == 0)
    return (size_t)alone_some(a, ALONE_LARGE_BYTES / 8); /* uses up what is ready */
  if (alone_some(a, 60) == 0) return (size_t)alone_some(a, ALONE_LARGE_BYTES);
  if (alone_some(a, 4) == 0) return (size_t)alone_some(a, SMALL_BYTES);
  return (size_t)alone_some(a, 4) * RECORD_HEAD;
}

static void append(struct alone *a) {
  struct rkv_entry entries[ENTRIES_MAX];
  size_t count = 1 + (size_t)alone_some(a, ENTRIES_MAX), sent = send_again(a, entries, count);
  if (sent > 0) count = sent;
  for (size_t i = sent; i < count; i++) {
    size_t len = some_length(a);
    entries[i] = (struct rkv_entry){.id = {a->term, a->d->state.last.index + 1 + i},
                                    .kind = RKV_ENTRY_COMMAND,
                                    .payload = some_bytes(a, len)};
  }
  disk_storage_ops.append(a->d, entries, count, call_new(a));
  for (size_t i = 0; i < count; i++) rkv_buf_drop(&entries[i].payload);
}

static void save_vote(struct alone *a) {
  struct rkv_vote vote = {++a->term, 1 + alone_some(a, 3), alone_some(a, 2) != 0};
  disk_storage_ops.save_vote(a->d, vote, call_new(a));
}

static void save_identity(struct alone *a) {
  struct rkv_identity identity = a->d->state.identity;
  if (identity.incarnation == 0) identity.incarnation = world_random(a->w) | 1;
  identity.cluster = (struct rkv_cluster_id){world_random(a->w), world_random(a->w)};
  identity.settled = identity.settled || alone_some(a, 4) == 0;
  disk_storage_ops.save_identity(a->d, identity, call_new(a));
}

static void truncate_some(struct alone *a) {
  const struct disk_state *state = &a->d->state;
  uint64_t held = state->last.index - state->purged.index;
  if (held == 0 || alone_some(a, 2)) return;
  a->term++; /* what follows is of another leader */
  disk_storage_ops.truncate(a->d, state->last.index - 1 - alone_some(a, held));
}

static void purge(struct alone *a) {
  const struct disk_state *state = &a->d->state;
  struct rkv_log_id up_to = state->meta.last;
  const struct rkv_entry *held;
  if (up_to.index <= state->purged.index) return;
  held = state_find(state, up_to.index - alone_some(a, up_to.index - state->purged.index));
  disk_storage_ops.purge(a->d, held ? held->id : up_to);
}

static size_t snapshot_length(struct alone *a) {
  if (device_full_since_ns(a->d->device) > 0) return (size_t)alone_some(a, SMALL_BYTES);
  return (size_t)alone_some(a, alone_some(a, 8) ? ALONE_LARGE_BYTES : SNAPSHOT_BYTES);
}

static void write_snapshot(struct alone *a, struct rkv_log_id last) {
  struct rkv_snapshot_meta meta = {.last = last, .membership_id = last};
  struct rkv_error error;
  void *writer;
  struct rkv_buf content = some_bytes(a, snapshot_length(a));
  struct rkv_buf membership = some_bytes(a, 1 + (size_t)alone_some(a, SMALL_BYTES));
  (void)snprintf(meta.id, sizeof meta.id, "%u", ++a->snapshots);
  meta.membership = membership;
  if (disk_storage_ops.snapshot_begin(a->d, &meta, &writer, &error) == RKV_OK) {
    if (disk_storage_ops.snapshot_write(writer, content, &error) != RKV_OK || alone_some(a, 8) == 0)
      disk_storage_ops.snapshot_abort(writer);
    else
      (void)disk_storage_ops.snapshot_commit(writer, &error);
  }
  rkv_buf_drop(&content);
  rkv_buf_drop(&membership);
}

/* Of what is held, or a leader's, which lies beyond it. */
static void snapshot(struct alone *a) {
  const struct disk_state *state = &a->d->state;
  struct rkv_log_id last = {a->term, state->last.index + 1 + alone_some(a, 20)};
  uint64_t held = state->last.index - state->purged.index;
  if (held > 0 && alone_some(a, 4) != 0)
    last = state_find(state, state->last.index - alone_some(a, held))->id;
  if (last.index <= state->meta.last.index) return;
  write_snapshot(a, last);
  if (alone_some(a, 4) != 0 || state->meta.last.index > state->last.index) purge(a);
}

static void read_log(struct alone *a) {
  const struct disk_state *state = &a->d->state;
  struct rkv_entry entries[ENTRIES_MAX];
  struct rkv_error error;
  size_t count = 0;
  uint64_t held = state->last.index - state->purged.index;
  if (held == 0) return;
  if (disk_storage_ops.read(a->d, state->last.index - alone_some(a, held), state->last.index,
                            1 + alone_some(a, ALONE_LARGE_BYTES), entries, ENTRIES_MAX, &count,
                            &error) != RKV_OK)
    return;
  for (size_t i = 0; i < count; i++) rkv_buf_drop(&entries[i].payload);
}

static void read_snapshot(struct alone *a) {
  struct rkv_snapshot_meta meta = {0};
  struct rkv_error error;
  struct rkv_buf chunk;
  void *reader;
  if (disk_storage_ops.snapshot_open(a->d, &reader, &meta, &error) != RKV_OK) return;
  if (meta.size > 0 && disk_storage_ops.snapshot_read(reader, alone_some(a, meta.size), READ_MAX,
                                                      &chunk, &error) == RKV_OK)
    rkv_buf_drop(&chunk);
  disk_storage_ops.snapshot_close(reader);
  rkv_buf_drop(&meta.membership);
}

/* On a full device a purge of what is durable may be what makes room. */
static bool makes_room(struct alone *a) {
  const struct disk_state *state = &a->d->state;
  const struct rkv_entry *last = state_find(state, a->d->synced.promises);
  if (device_full_since_ns(a->d->device) == 0 || alone_some(a, 4) != 0) return false;
  if (!last || last->id.index <= state->meta.last.index) return false;
  write_snapshot(a, last->id);
  if (state->meta.last.index == last->id.index) disk_storage_ops.purge(a->d, state->meta.last);
  return true;
}

void alone_act(struct alone *a) {
  if (makes_room(a)) return;
  switch (alone_some(a, 16)) {
  case 0: save_vote(a); break;
  case 1: save_identity(a); break;
  case 2: truncate_some(a); break;
  case 3: snapshot(a); break;
  case 4: purge(a); break;
  case 5: read_log(a); break;
  case 6: read_snapshot(a); break;
  default: append(a); break;
  }
}
