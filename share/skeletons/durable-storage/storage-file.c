/* storage-file.c: log, vote and snapshots in files; a skeleton of a durable storage, made of
 * storage-parts.
 *
 * The parts do what every durable storage must: they take the calls, keep what is held, gather what
 * waits for the device, complete in order, fail for good, and write snapshots as files. What is
 * here is the rest: what is written for each operation (file_write), where an entry is found
 * (give), and what is there at the begin (file_open). To make it yours, put your own way to keep
 * entries in the place of frames.c and replace.c. */
#include "store.h"

#include <storage-parts/claim.h>
#include <storage-parts/declare.h>
#include <storage-parts/snapshot_files.h>

#include <fcntl.h>
#include <stdlib.h>

#define RETRY_MS 250              /* between two looks for room */
#define WASTE_BYTES_MIN (4 * MIB) /* dead bytes below this are not worth a new file */
#define LACK_WASTE_MIN (64 * KIB) /* likewise, while there is no room */
#define STEP_BYTES MIB            /* by which the file grows */
#define KEPT_BYTES (64 * KIB)     /* of it that entries leave to votes, purges and snapshots */

static enum rkv_status no_memory(struct rkv_error *error) {
  return rkv_fail(error, RKV_NO_MEMORY, "no memory for a frame of " FILE_NAME);
}

/* ---- the writer thread ---- */

static bool put_entry(struct frame *f, const struct rkv_entry *entry) {
  const struct rkv_buf *payload = &entry->payload;
  uint8_t *at = frame_entry(f, entry->id, entry->kind, payload->len);
  if (at && payload->len > 0) memcpy(at, payload->data, payload->len);
  return at != NULL;
}

/* Entries that were truncated meanwhile are put like the others: the truncation follows. */
static bool put_op(struct frame *f, struct state *state, const struct op *op, bool *changed) {
  bool put = true;
  if (op->refused) return true;
  if (op->type != OP_APPEND) *changed = true;
  switch (op->type) {
  case OP_APPEND:
    for (size_t i = 0; i < op->count && put; i++) put = put_entry(f, &op->entries[i]);
    break;
  case OP_VOTE: state->vote = op->vote; break;
  case OP_IDENTITY: state->identity = op->identity; break;
  case OP_PURGE: /* entries behind it follow on it: it stands where it was asked */
    if (op->id.index > state->purged.index) state->purged = op->id;
    return frame_state(f, state);
  case OP_TRUNCATE: return frame_truncate(f, op->id.index);
  }
  return put;
}

static enum rkv_status write_ops(struct store *s, const struct op *op, const struct op *last,
                                 struct rkv_error *error) {
  struct frame f = {NULL, 0, 0};
  struct state state = s->state;
  bool changed = false, put = frame_begin(&f);
  enum rkv_status status;
  for (; put; op = op->next) {
    put = put_op(&f, &state, op, &changed);
    if (op == last) break;
  }
  if (put && changed) put = frame_state(&f, &state);
  status = !put ? no_memory(error) : f.len > FRAME_HEAD ? frame_write(s, &f, error) : RKV_OK;
  free(f.bytes);
  return status;
}

/* Writes the file anew if more than `least` bytes of it are dead, and more than one in `part`, and
 * there is room for the rest. */
static enum rkv_status tidy(struct store *s, uint64_t least, uint64_t part,
                            struct rkv_error *error) {
  enum rkv_status status = RKV_OK;
  (void)pthread_mutex_lock(&s->writing);
  if (s->dead > least && s->dead > s->size / part &&
      folder_free_bytes(&s->log.folder) > s->size - s->dead)
    status = replace_file(s, error);
  if (status == RKV_NO_SPACE) status = folder_drop(&s->log.folder, NEW_NAME, error);
  (void)pthread_mutex_unlock(&s->writing);
  return status;
}

/* A purge that waits behind entries without room goes ahead: it may be what makes room. */
static enum rkv_status purge_ahead(struct store *s, struct rkv_error *error) {
  struct frame f = {NULL, 0, 0};
  struct state state;
  enum rkv_status status = RKV_OK;
  (void)pthread_mutex_lock(&s->writing);
  state = s->state;
  state.purged = queue_purge_ahead(&s->log, s->state.purged.index);
  if (state.purged.index > 0)
    status =
        frame_begin(&f) && frame_state(&f, &state) ? frame_write(s, &f, error) : no_memory(error);
  (void)pthread_mutex_unlock(&s->writing);
  free(f.bytes);
  return status == RKV_NO_SPACE ? RKV_OK : status;
}

/* Has room for `bytes` more behind the frames, and leaves `left` on the device. Zeros go behind
 * what is written, so nobody writes meanwhile. */
static enum rkv_status reserve(struct store *s, uint64_t bytes, uint64_t left,
                               struct rkv_error *error) {
  enum rkv_status status = RKV_OK;
  (void)pthread_mutex_lock(&s->writing);
  if (s->size + bytes > s->reserved) {
    const uint64_t from = s->reserved > s->size ? s->reserved : s->size;
    const uint64_t to = s->size + (bytes > STEP_BYTES ? bytes : STEP_BYTES);
    if (folder_free_bytes(&s->log.folder) < to - from + left)
      status = rkv_fail(error, RKV_NO_SPACE, "%s: no room for entries and the next snapshot",
                        s->log.folder.path);
    else
      status = folder_fill(&s->log.folder, s->fd, FILE_NAME, from, to, error);
    if (status == RKV_OK) s->reserved = to;
  }
  (void)pthread_mutex_unlock(&s->writing);
  return status;
}

/* Waits until there is room for a frame: what is written then needs no more of the device. Errors:
 * those of log_pause, reserve, replace_file. */
static enum rkv_status await_room(struct store *s, uint64_t bytes, struct rkv_error *error) {
  for (;;) {
    enum rkv_status status = reserve(s, bytes + KEPT_BYTES, log_next_snapshot(&s->log, MIB), error);
    if (status == RKV_OK || log_passes(status))
      log_note_lack(&s->log, status, status == RKV_OK ? NULL : error->text);
    if (!log_passes(status)) return status;
    status = purge_ahead(s, error);
    if (status == RKV_OK) status = tidy(s, LACK_WASTE_MIN, UINT64_MAX, error);
    if (status == RKV_OK) status = log_pause(&s->log, RETRY_MS, error);
    if (status != RKV_OK) return status;
  }
}

static enum rkv_status file_write(struct log *log, struct op *first, const struct op *last,
                                  struct rkv_error *error) {
  struct store *s = (struct store *)log;
  const struct queue_batch b = queue_gather(first, last, FRAME_BYTES_MAX);
  enum rkv_status status = folder_check_place(&log->folder, error);
  if (status == RKV_OK && b.entries) status = await_room(s, 2 * b.bytes, error);
  if (status != RKV_OK) return status;
  (void)pthread_mutex_lock(&s->writing);
  status = write_ops(s, first, b.last, error);
  (void)pthread_mutex_unlock(&s->writing);
  if (status != RKV_OK) return status;
  queue_finish(log, b.last);
  return tidy(s, WASTE_BYTES_MIN, 2, error);
}

/* Called by whoever commits a snapshot. */
static enum rkv_status note_snapshot(struct log *log, uint64_t number, struct rkv_error *error) {
  struct store *s = (struct store *)log;
  struct frame f = {NULL, 0, 0};
  struct state state;
  enum rkv_status status;
  (void)pthread_mutex_lock(&s->writing);
  state = s->state;
  state.snapshot = number;
  status =
      frame_begin(&f) && frame_state(&f, &state) ? frame_write(s, &f, error) : no_memory(error);
  (void)pthread_mutex_unlock(&s->writing);
  free(f.bytes);
  return status;
}

/* ---- reading ---- */

static enum rkv_status give_one(struct reading *r, const struct store *s, const struct place *p,
                                struct rkv_error *error) {
  size_t got = 0;
  enum rkv_status status = RKV_NO_MEMORY;
  uint8_t *bytes;
  if (!reading_fits(r, p->len)) return RKV_OK;
  bytes = malloc(p->len + 1);
  if (!bytes) return no_memory(error);
  status = folder_read(&s->log.folder, s->fd, FILE_NAME, bytes, p->len, p->at, &got, error);
  if (status == RKV_OK && got < p->len)
    status = rkv_fail(error, RKV_CORRUPT, FILE_NAME ": ends in entry %" PRIu64, r->at);
  if (status == RKV_OK) status = reading_give_copy(r, p->term, p->kind, bytes, p->len, error);
  free(bytes);
  return status;
}

/* The log may have changed since it was looked at: then what is found is looked at anew. */
static enum rkv_status give(struct reading *r, struct rkv_error *error) {
  struct store *s = (struct store *)r->log;
  enum rkv_status status = RKV_OK;
  (void)pthread_rwlock_rdlock(&s->shape);
  if (!(r->count > 0 && reading_is_past(r))) {
    const rkv_index first = r->at;
    while (status == RKV_OK && r->at <= r->to && r->at > s->before && r->at - s->before <= s->count)
      status = give_one(r, s, &s->places[r->at - s->before - 1], error);
    if (status == RKV_OK && r->at == first && r->to != 0 && !reading_is_past(r))
      status = rkv_fail(error, RKV_BROKEN, FILE_NAME ": entry %" PRIu64 " has no place", first);
  }
  (void)pthread_rwlock_unlock(&s->shape);
  return status;
}

static enum rkv_status file_read(void *storage, rkv_index from, rkv_index to, uint64_t bytes_max,
                                 struct rkv_entry *entries, size_t capacity, size_t *count,
                                 struct rkv_error *error) {
  static const struct reading_ops ops = {.find = NULL, .give = give};
  struct reading r = {.log = storage, .ops = &ops};
  return reading_run(&r, from, to, bytes_max, entries, capacity, count, error);
}

/* ---- the begin and the end ---- */

/* X(name, TYPE, default, min, max, flags, help), those that are numbers; `dir` comes first. */
#define FILE_OPTION_LIST(X) DECLARE_QUEUE_BYTES_MAX(X)

struct file_options {
  const char *dir;
  FILE_OPTION_LIST(DECLARE_FIELD)
};

static const struct rkv_option options[] = {
    DECLARE_DIR("directory of this node's log and snapshots; made if it is not there"),
    FILE_OPTION_LIST(DECLARE_OPTION)};

DECLARE_TAKE(take_options, file_options, FILE_OPTION_LIST)

/* Makes the file with a state of nothing, or reads it. */
static enum rkv_status open_file(struct store *s, bool make, struct rkv_error *error) {
  const struct folder *folder = &s->log.folder;
  enum rkv_status status = folder_drop(folder, NEW_NAME, error);
  if (status != RKV_OK) return status;
  if (!make && folder_lacks(folder, FILE_NAME))
    return rkv_fail(error, RKV_CORRUPT, "%s/" FILE_NAME ": is missing", folder->path);
  status =
      folder_open_file(folder, FILE_NAME, O_RDWR | (make ? O_CREAT | O_TRUNC : 0), &s->fd, error);
  if (status != RKV_OK) return status;
  if (!make) return frames_load(s, error);
  status = reserve(s, STEP_BYTES, 0, error);
  return status == RKV_OK ? note_snapshot(&s->log, 0, error) : status;
}

static void begin(struct store *s) {
  const struct place *last = s->count > 0 ? &s->places[s->count - 1] : NULL;
  struct held held = {.vote = s->state.vote,
                      .identity = s->state.identity,
                      .purged = s->state.purged,
                      .last = s->state.purged,
                      .last_known = true};
  if (last) held.last = (struct rkv_log_id){last->term, s->before + s->count};
  log_begin(&s->log, &held);
}

static enum rkv_status file_open(struct log *log, const struct rkv_config *config,
                                 struct rkv_error *error) {
  static const char *const ours[] = {FILE_NAME, NEW_NAME, SNAPSHOT_FILES_NAME "*",
                                     SNAPSHOT_FILES_TEMPORARY "*", NULL};
  const struct claim claim = {.log = log, .format = 1, .ours = ours};
  struct store *s = (struct store *)log;
  struct file_options values = {0};
  enum claim_state state = CLAIM_NEW;
  enum rkv_status status;
  s->fd = -1;
  (void)pthread_mutex_init(&s->writing, NULL);
  (void)pthread_rwlock_init(&s->shape, NULL);
  status = take_options(config, &values, error);
  if (status != RKV_OK) return status;
  log->folder.path = values.dir;
  log->queue_bytes_max = values.queue_bytes_max;
  status = folder_open(&log->folder, error);
  if (status == RKV_OK) status = claim_take(&claim, &state, NULL, 0, error);
  if (status == RKV_OK) status = open_file(s, state == CLAIM_NEW, error);
  if (status == RKV_OK && state == CLAIM_NEW) status = claim_write(&claim, CLAIM_MADE, "", error);
  if (status == RKV_OK) status = snapshot_files_find(log, s->state.snapshot, error);
  if (status == RKV_OK) status = snapshot_files_drop_others(log, error);
  if (status == RKV_OK) begin(s);
  return status;
}

static void file_free(struct log *log) {
  struct store *s = (struct store *)log;
  folder_close_file(&log->folder, s->fd);
  (void)pthread_rwlock_destroy(&s->shape);
  (void)pthread_mutex_destroy(&s->writing);
  free(s->places);
}

static const struct log_ops log_ops = {.plugin = "storage-file",
                                       .section = "file",
                                       .size = sizeof(struct store),
                                       .snapshots = &snapshot_files_ops,
                                       .open = file_open,
                                       .write = file_write,
                                       .free = file_free,
                                       .note_snapshot = note_snapshot,
                                       .read = file_read};

DECLARE_OPEN(storage_open, log_ops)

static const struct rkv_storage_ops ops = {
    .open = storage_open, .read = file_read, DECLARE_OPERATIONS};

DECLARE_PLUGIN("storage-file", "1.0.0", "log, vote and snapshots in files; a skeleton", 0, options,
               ops);
