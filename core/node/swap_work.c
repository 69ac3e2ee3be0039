/* swap_work.c: the pieces of a swap that may block (swap_work.h). */
#include <node/swap_work.h>

#include <node/kernel/fatal.h>
#include <node/kernel/outcome.h>
#include <node/kernel/state.h>
#include <node/moved.h>

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* ---- the host's part ---- */

static void open_copy(struct swap_work *w) {
  const struct node_storages *storages = w->n->plugins.storages;
  w->status =
      outcome_of(storages->open(storages->ctx, &w->request, &w->opened, outcome_clear(&w->error)),
                 "opening the new storage", &w->error);
}

/* ---- the snapshot ---- */

static void drop_meta(struct swap_work *w) {
  rkv_buf_drop(&w->meta.membership);
  memset(&w->meta, 0, sizeof w->meta);
}

static void release(struct swap_work *w) {
  if (w->writer) w->to.ops->snapshot_abort(w->writer);
  if (w->reader) w->from.ops->snapshot_close(w->reader);
  if (w->copy_reader) w->to.ops->snapshot_close(w->copy_reader);
  w->reader = w->copy_reader = w->writer = NULL;
  w->offset = 0;
  drop_meta(w);
}

static bool is_done(struct swap_work *w, enum rkv_status status, const char *what) {
  w->status = outcome_of(status, what, &w->error);
  return w->status == RKV_OK;
}

static bool has_opened(struct swap_work *w, enum rkv_status status, void *const *handle,
                       const char *what) {
  w->status = outcome_of_gift(status, handle, what, &w->error);
  return w->status == RKV_OK;
}

/* Opens current's newest snapshot. False: there is none, or it failed. */
static bool open_newest(struct swap_work *w) {
  enum rkv_status status =
      w->from.ops->snapshot_open(w->from.storage, &w->reader, &w->meta, outcome_clear(&w->error));
  if (has_opened(w, status, &w->reader, "the storage's snapshot_open")) return true;
  w->over = w->status == RKV_NOT_FOUND;
  if (w->over) w->status = RKV_OK;
  return false;
}

static void begin_snapshot(struct swap_work *w) {
  if (!open_newest(w)) return;
  (void)has_opened(
      w, w->to.ops->snapshot_begin(w->to.storage, &w->meta, &w->writer, outcome_clear(&w->error)),
      &w->writer, "the new storage's snapshot_begin");
}

static void end_snapshot(struct swap_work *w) {
  void *writer = w->writer;
  w->writer = NULL; /* it ends, whatever commit returns */
  w->over = is_done(w, w->to.ops->snapshot_commit(writer, outcome_clear(&w->error)),
                    "the new storage's snapshot_commit");
}

static void copy_chunk(struct swap_work *w) {
  struct rkv_buf chunk = rkv_buf_none();
  w->over = false;
  if (!w->reader) {
    begin_snapshot(w);
  } else if (is_done(w,
                     w->from.ops->snapshot_read(w->reader, w->offset, NODE_SNAPSHOT_CHUNK_MAX,
                                                &chunk, outcome_clear(&w->error)),
                     "the storage's snapshot_read")) {
    if (chunk.len == 0)
      end_snapshot(w);
    else
      (void)is_done(w, w->to.ops->snapshot_write(w->writer, chunk, outcome_clear(&w->error)),
                    "the new storage's snapshot_write");
    w->cost = chunk.len;
    w->offset += chunk.len;
    rkv_buf_drop(&chunk);
  }
  if (w->over || w->status != RKV_OK) release(w);
}

/* ---- comparing the snapshot ---- */

static void note_difference(struct swap_work *w, const char *what, uint64_t where) {
  w->status = rkv_fail(&w->error, RKV_BROKEN,
                       "the copy differs from its source: %s %" PRIu64 " (tell the author of the "
                       "new storage)",
                       what, where);
}

static void begin_comparison(struct swap_work *w) {
  struct rkv_snapshot_meta meta = {0};
  bool known = open_newest(w);
  if (!known && !w->over) return;
  enum rkv_status status =
      w->to.ops->snapshot_open(w->to.storage, &w->copy_reader, &meta, outcome_clear(&w->error));
  bool copied = has_opened(w, status, &w->copy_reader, "the new storage's snapshot_open");
  if (!copied && w->status == RKV_NOT_FOUND) w->status = RKV_OK;
  if (w->status == RKV_OK && (known != copied || (known && !moved_is_same_meta(&w->meta, &meta))))
    note_difference(w, "the description of the snapshot up to entry",
                    known ? w->meta.last.index : meta.last.index);
  rkv_buf_drop(&meta.membership);
}

/* Reads from the copy what `chunk` has, piece by piece; an empty chunk is the end of both. */
static void compare_chunk(struct swap_work *w, struct rkv_buf chunk) {
  size_t at = 0;
  do {
    struct rkv_buf piece = rkv_buf_none();
    size_t wanted = chunk.len > at ? chunk.len - at : 1;
    if (!is_done(w,
                 w->to.ops->snapshot_read(w->copy_reader, w->offset + at, wanted, &piece,
                                          outcome_clear(&w->error)),
                 "the new storage's snapshot_read"))
      return;
    bool same = piece.len <= chunk.len - at && (piece.len > 0 || chunk.len == 0) &&
                (piece.len == 0 || memcmp(piece.data, chunk.data + at, piece.len) == 0);
    at += piece.len;
    rkv_buf_drop(&piece);
    if (!same) {
      note_difference(w, "byte of the snapshot", w->offset + at);
      return;
    }
  } while (at < chunk.len);
}

static void compare_copied_snapshot(struct swap_work *w) {
  struct rkv_buf chunk = rkv_buf_none();
  w->over = false;
  if (!w->reader) {
    begin_comparison(w);
  } else if (is_done(w,
                     w->from.ops->snapshot_read(w->reader, w->offset, NODE_SNAPSHOT_CHUNK_MAX,
                                                &chunk, outcome_clear(&w->error)),
                     "the storage's snapshot_read")) {
    compare_chunk(w, chunk);
    w->over = w->status == RKV_OK && chunk.len == 0;
    w->cost = chunk.len;
    w->offset += chunk.len;
    rkv_buf_drop(&chunk);
  }
  if (w->over || w->status != RKV_OK) release(w);
}

/* ---- the log ---- */

static void drop_read(struct rkv_entry *entries, size_t count) {
  for (size_t i = 0; entries && i < count; i++) rkv_buf_drop(&entries[i].payload);
  free(entries);
}

/* Entries first .. last of a side, as many as one piece may hold. NULL after a failure. */
static struct rkv_entry *read_side(struct swap_work *w, struct pair_side side, const char *what,
                                   size_t *count) {
  uint64_t wanted = w->last - w->first + 1;
  size_t capacity =
      wanted < NODE_FETCH_ENTRIES_MAX ? (size_t)wanted : (size_t)NODE_FETCH_ENTRIES_MAX;
  struct rkv_entry *entries = calloc(capacity, sizeof *entries);
  *count = 0;
  if (!entries) {
    w->status = rkv_fail(&w->error, RKV_NO_MEMORY, "out of memory to read the log");
    return NULL;
  }
  if (is_done(w,
              side.ops->read(side.storage, w->first, w->last, NODE_SNAPSHOT_CHUNK_MAX, entries,
                             capacity, count, outcome_clear(&w->error)),
              what) &&
      *count > 0)
    return entries;
  if (w->status == RKV_OK)
    w->status = rkv_fail(&w->error, RKV_BROKEN, "%s gave no entry at %" PRIu64, what, w->first);
  free(entries);
  *count = 0;
  return NULL;
}

static uint64_t cost_of_read(const struct rkv_entry *entry) {
  return SWAP_ENTRY_COST + entry->payload.len;
}

static void read_for_copy(struct swap_work *w) {
  assert(!w->entries && w->first > 0 && w->first <= w->last);
  w->entries = read_side(w, w->from, "the storage's read", &w->count);
  for (size_t i = 0; i < w->count; i++) w->cost += cost_of_read(&w->entries[i]);
}

static void compare_copied_log(struct swap_work *w) {
  size_t count = 0, copied = 0;
  struct rkv_entry *entries = read_side(w, w->from, "the storage's read", &count);
  struct rkv_entry *copies =
      entries ? read_side(w, w->to, "the new storage's read", &copied) : NULL;
  size_t both = count < copied ? count : copied;
  for (w->count = 0; copies && w->count < both; w->count++) {
    w->cost += cost_of_read(&entries[w->count]);
    if (moved_is_same_entry(&entries[w->count], &copies[w->count])) continue;
    note_difference(w, "entry", w->first + w->count);
    break;
  }
  drop_read(entries, count);
  drop_read(copies, copied);
}

/* ---- the job ---- */

static void run_piece(struct swap_work *w) {
  const struct node_storages *storages = w->n->plugins.storages;
  switch (w->task) {
  case SWAP_OPEN: open_copy(w); break;
  case SWAP_SNAPSHOT: copy_chunk(w); break;
  case SWAP_READ: read_for_copy(w); break;
  case SWAP_COMPARE_SNAPSHOT: compare_copied_snapshot(w); break;
  case SWAP_COMPARE_LOG: compare_copied_log(w); break;
  case SWAP_RELEASE: release(w); break;
  case SWAP_DROP: storages->drop(storages->ctx); break;
  case SWAP_MOVED: storages->moved(storages->ctx); break;
  }
}

/* On the worker. */
static void run_swap(struct node_job *job) {
  struct swap_work *w = (struct swap_work *)job;
  struct node *n = w->n;
  if (node_ending(n))
    release(w);
  else
    run_piece(w);
  atomic_store_explicit(&w->busy, false, memory_order_release);
  node_kick(n); /* *w is the runner's by now, and may be gone */
}

void swap_work_post(struct swap_work *w, enum swap_task task) {
  assert(!swap_work_is_busy(w)); /* (U1) */
  w->task = task;
  w->status = RKV_OK;
  w->cost = 0;
  w->job.run = run_swap;
  atomic_store_explicit(&w->busy, true, memory_order_relaxed);
  w->n->executor->post(w->n->executor->ctx, &w->job);
}

bool swap_work_is_busy(struct swap_work *w) {
  return atomic_load_explicit(&w->busy, memory_order_acquire);
}

bool swap_work_open(const struct swap_work *w) {
  return w->reader || w->copy_reader || w->writer;
}

void swap_work_drop_entries(struct swap_work *w) {
  drop_read(w->entries, w->count);
  w->entries = NULL;
  w->count = 0;
}

/* ---- begin and end ---- */

static void free_request(struct node_swap_request *request) {
  for (size_t i = 0; i < request->setting_count; i++) free(request->settings[i]);
  free(request->plugin);
}

bool swap_work_init(struct swap_work *w, struct node *n, const struct rkv_swap_call *call) {
  struct node_swap_request *request = &w->request;
  memset(w, 0, sizeof *w);
  w->n = n;
  request->check = call->action == RKV_SWAP_CHECK;
  request->forgetful = call->forgetful != 0;
  request->plugin = strdup(call->plugin);
  bool whole = request->plugin != NULL;
  while (whole && request->setting_count < call->setting_count) {
    char *setting = strdup(call->settings[request->setting_count]);
    whole = setting != NULL;
    if (whole) request->settings[request->setting_count++] = setting;
  }
  if (!whole) free_request(request);
  return whole;
}

void swap_work_free(struct swap_work *w) {
  assert(!swap_work_is_busy(w) && !swap_work_open(w)); /* (U1) (U2) */
  swap_work_drop_entries(w);
  free_request(&w->request);
}
