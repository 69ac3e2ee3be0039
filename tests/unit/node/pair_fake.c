/* pair_fake.c: see pair_fake.h. */
#include "pair_fake.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

void fake_init(struct fake *f) {
  memset(f, 0, sizeof *f);
  (void)pthread_mutex_init(&f->lock, NULL);
  f->end = &f->first;
  f->fails_from = FAKE_NEVER;
}

static void make_durable(struct fake *f, const struct fake_op *op) {
  switch (op->what) {
  case FAKE_VOTE: f->vote = op->vote; return;
  case FAKE_IDENTITY: f->identity = op->identity; return;
  case FAKE_APPEND:
    assert(op->id.index == f->last.index + 1 && op->id.index < FAKE_LOG_MAX);
    f->last = op->id;
    f->terms[op->id.index] = op->id.term;
    return;
  case FAKE_TRUNCATE:
    if (op->id.index < f->last.index) f->last = (struct rkv_log_id){0, op->id.index};
    return;
  case FAKE_PURGE:
    if (op->id.index > f->purged.index) f->purged = op->id;
    if (op->id.index > f->last.index) f->last = op->id;
    return;
  }
}

/* Takes the oldest operation off. */
static struct fake_op *take(struct fake *f, bool durable, enum rkv_status *status) {
  struct fake_op *op;
  (void)pthread_mutex_lock(&f->lock);
  op = f->first;
  if (op) {
    f->first = op->next;
    if (!f->first) f->end = &f->first;
    if (op->completion) f->ended++;
    if (op->broken && f->fails_from >= f->ended) f->fails_from = f->ended - 1;
    *status = !durable ? RKV_CANCELLED : f->fails_from < f->ended ? RKV_IO : RKV_OK;
    if (*status == RKV_OK) make_durable(f, op);
  }
  (void)pthread_mutex_unlock(&f->lock);
  return op;
}

static bool end_one(struct fake *f, bool durable) {
  for (;;) {
    enum rkv_status status = RKV_OK;
    struct fake_op *op = take(f, durable, &status);
    struct rkv_completion *completion;
    struct rkv_error error;
    if (!op) return false;
    completion = op->completion;
    free(op);
    if (!completion) continue;
    if (status != RKV_OK) (void)rkv_fail(&error, status, "the fake failed");
    completion->done(completion, status, status != RKV_OK ? &error : NULL);
    return true;
  }
}

bool fake_end_one(struct fake *f) {
  return end_one(f, true);
}

void fake_close(struct fake *f) {
  while (end_one(f, false)) {
  }
  assert(f->writers == 0 && f->readers == 0);
  (void)pthread_mutex_destroy(&f->lock);
}

/* ---- what changes the log ---- */

static void give(struct fake *f, struct fake_op op) {
  struct fake_op *copy = calloc(1, sizeof *copy); /* malloc is what the tests fail */
  assert(copy);
  *copy = op;
  (void)pthread_mutex_lock(&f->lock);
  if (op.what == FAKE_APPEND) {
    copy->broken = op.id.index != f->given_last.index + 1;
    f->given_last = op.id;
  }
  if (op.what == FAKE_TRUNCATE && op.id.index < f->given_last.index) f->given_last = op.id;
  if (op.what == FAKE_PURGE && op.id.index > f->given_last.index) f->given_last = op.id;
  if (op.completion) f->given++;
  *f->end = copy;
  f->end = &copy->next;
  (void)pthread_mutex_unlock(&f->lock);
  if (f->at_once && op.completion) (void)end_one(f, true);
}

static enum rkv_status load(void *storage, struct rkv_storage_state *state,
                            struct rkv_error *error) {
  const struct fake *f = storage;
  (void)error;
  *state = (struct rkv_storage_state){
      .vote = f->vote, .last = f->last, .purged = f->purged, .identity = f->identity};
  return RKV_OK;
}

static void save_vote(void *storage, struct rkv_vote vote, struct rkv_completion *completion) {
  give(storage, (struct fake_op){.what = FAKE_VOTE, .vote = vote, .completion = completion});
}

static void save_identity(void *storage, struct rkv_identity identity,
                          struct rkv_completion *completion) {
  give(storage,
       (struct fake_op){.what = FAKE_IDENTITY, .identity = identity, .completion = completion});
}

static void append(void *storage, const struct rkv_entry *entries, size_t count,
                   struct rkv_completion *completion) {
  for (size_t i = 0; i < count; i++)
    give(storage, (struct fake_op){.what = FAKE_APPEND,
                                   .id = entries[i].id,
                                   .completion = i + 1 == count ? completion : NULL});
}

static void truncate_log(void *storage, rkv_index after) {
  give(storage, (struct fake_op){.what = FAKE_TRUNCATE, .id = {0, after}});
}

static void purge(void *storage, struct rkv_log_id up_to) {
  give(storage, (struct fake_op){.what = FAKE_PURGE, .id = up_to});
}

static enum rkv_status read_log(void *storage, rkv_index from, rkv_index to, uint64_t bytes_max,
                                struct rkv_entry *entries, size_t capacity, size_t *count,
                                struct rkv_error *error) {
  (void)storage, (void)from, (void)to, (void)bytes_max, (void)entries, (void)capacity, (void)error;
  *count = 0;
  return RKV_OK;
}

/* ---- snapshots: the storage itself is the writer and the reader ---- */

static enum rkv_status snapshot_begin(void *storage, const struct rkv_snapshot_meta *meta,
                                      void **writer, struct rkv_error *error) {
  struct fake *f = storage;
  (void)meta;
  if (f->refuse_begin) return rkv_fail(error, RKV_NO_SPACE, "begin refused");
  (void)pthread_mutex_lock(&f->lock);
  assert(f->writers == 0);
  f->writers++;
  (void)pthread_mutex_unlock(&f->lock);
  *writer = f;
  return RKV_OK;
}

static enum rkv_status snapshot_write(void *writer, struct rkv_buf chunk, struct rkv_error *error) {
  const struct fake *f = writer;
  (void)chunk;
  return f->refuse_write ? rkv_fail(error, RKV_NO_SPACE, "write refused") : RKV_OK;
}

static void snapshot_abort(void *writer) {
  struct fake *f = writer;
  (void)pthread_mutex_lock(&f->lock);
  assert(f->writers == 1);
  f->writers--;
  (void)pthread_mutex_unlock(&f->lock);
}

static enum rkv_status snapshot_commit(void *writer, struct rkv_error *error) {
  struct fake *f = writer;
  if (f->in_commit) f->in_commit(f->ctx);
  snapshot_abort(writer);
  if (f->refuse_commit) return rkv_fail(error, RKV_NO_SPACE, "commit refused");
  f->commits++;
  return RKV_OK;
}

static enum rkv_status snapshot_open(void *storage, void **reader, struct rkv_snapshot_meta *meta,
                                     struct rkv_error *error) {
  struct fake *f = storage;
  if (f->commits == 0) return rkv_fail(error, RKV_NOT_FOUND, "no snapshot");
  memset(meta, 0, sizeof *meta);
  f->readers++;
  *reader = f;
  return RKV_OK;
}

static enum rkv_status snapshot_read(void *reader, uint64_t offset, size_t max,
                                     struct rkv_buf *chunk, struct rkv_error *error) {
  (void)reader, (void)offset, (void)max, (void)error;
  *chunk = rkv_buf_none();
  return RKV_OK;
}

static void snapshot_close(void *reader) {
  struct fake *f = reader;
  assert(f->readers > 0);
  f->readers--;
}

const struct rkv_storage_ops fake_ops = {
    .load = load,
    .save_vote = save_vote,
    .save_identity = save_identity,
    .append = append,
    .truncate = truncate_log,
    .purge = purge,
    .read = read_log,
    .snapshot_begin = snapshot_begin,
    .snapshot_write = snapshot_write,
    .snapshot_commit = snapshot_commit,
    .snapshot_abort = snapshot_abort,
    .snapshot_open = snapshot_open,
    .snapshot_read = snapshot_read,
    .snapshot_close = snapshot_close,
};
