/* log.c: what waits, and the worker that carries it out. */
#include "store.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct op *op_new(struct store *s, enum kind kind, struct rkv_completion *completion,
                  size_t count) {
  struct op *op = calloc(1, sizeof *op + count * sizeof op->entries[0]);
  if (!op) {
    s->host->fatal(s->host->ctx, RKV_NO_MEMORY, "storage-sqlite: no memory for an operation");
    return NULL;
  }
  op->kind = kind;
  op->completion = completion;
  op->count = count;
  return op;
}

static void op_free(struct op *op) {
  for (size_t i = 0; i < op->count; i++) rkv_buf_drop(&op->entries[i].payload);
  free(op);
}

/* ---- handing in ---- */

static void fail(struct store *s, const struct rkv_error *error) {
  (void)pthread_mutex_lock(&s->lock);
  if (s->failed == RKV_OK) {
    s->why = *error;
    s->failed = (enum rkv_status)error->status;
  }
  (void)pthread_mutex_unlock(&s->lock);
  s->host->fatal(s->host->ctx, (enum rkv_status)error->status, error->text);
}

/* What the caller promises, under lock; a promise broken is named in s->why. */
static enum rkv_status check(struct store *s, const struct op *op) {
  for (size_t i = 0; i < op->count; i++)
    if (op->entries[i].id.index != s->last + 1 + i)
      return rkv_fail(&s->why, RKV_BROKEN,
                      "storage-sqlite: an append has entry %" PRIu64 " where %" PRIu64 " is next",
                      op->entries[i].id.index, s->last + 1 + i);
  if (op->kind == OP_TRUNCATE && op->id.index < s->purged)
    return rkv_fail(&s->why, RKV_BROKEN,
                    "storage-sqlite: a truncation to entry %" PRIu64
                    ", which lies below the purged %" PRIu64,
                    op->id.index, s->purged);
  return RKV_OK;
}

void log_issue(struct store *s, struct op *op) {
  enum rkv_status status = RKV_OK;
  (void)pthread_mutex_lock(&s->lock);
  op->seq = ++s->seq;
  if (s->failed == RKV_OK) {
    status = check(s, op);
    if (status == RKV_OK && !tail_show(s, op))
      status = rkv_fail(&s->why, RKV_NO_MEMORY, "storage-sqlite: no memory for entries");
    s->failed = status;
  }
  *s->end = op;
  s->end = &op->next;
  (void)pthread_cond_signal(&s->work);
  (void)pthread_mutex_unlock(&s->lock);
  if (status != RKV_OK) s->host->fatal(s->host->ctx, status, s->why.text);
}

/* ---- carrying out, under db_lock ---- */

static enum rkv_status purge(struct store *s, struct rkv_log_id up_to, struct rows *rows,
                             struct rkv_error *error) {
  enum rkv_status status;
  if (up_to.index <= rows->purged.index) return RKV_OK;
  (void)sqlite3_bind_int64(s->db.statements[STATEMENT_CUT_TO], 1, (int64_t)up_to.index);
  status = db_run(&s->db, STATEMENT_CUT_TO, error);
  rows->purged = up_to;
  if (rows->last.index <= up_to.index) rows->last = up_to;
  return status == RKV_OK ? db_set_purged(&s->db, up_to, error) : status;
}

/* The term of the entry that is the last one now. */
static enum rkv_status truncate_log(struct store *s, rkv_index after, struct rows *rows,
                                    struct rkv_error *error) {
  sqlite3_stmt *term = s->db.statements[STATEMENT_TERM];
  enum rkv_status status;
  if (after < rows->purged.index) after = rows->purged.index;
  if (after >= rows->last.index) return RKV_OK;
  (void)sqlite3_bind_int64(s->db.statements[STATEMENT_CUT_ABOVE], 1, (int64_t)after);
  status = db_run(&s->db, STATEMENT_CUT_ABOVE, error);
  rows->last = rows->purged;
  (void)sqlite3_bind_int64(term, 1, (int64_t)after);
  if (status == RKV_OK && db_step(&s->db, STATEMENT_TERM) == SQLITE_ROW)
    rows->last = (struct rkv_log_id){(uint64_t)sqlite3_column_int64(term, 0), after};
  db_reset(&s->db, STATEMENT_TERM);
  return status;
}

static enum rkv_status carry_out(struct store *s, struct op *op, struct rows *rows,
                                 struct rkv_error *error) {
  enum rkv_status status = RKV_OK;
  switch (op->kind) {
  case OP_VOTE: rows->vote = op->vote; return db_set_vote(&s->db, op->vote, error);
  case OP_IDENTITY:
    rows->identity = op->identity;
    return db_set_identity(&s->db, op->identity, error);
  case OP_TRUNCATE: return truncate_log(s, op->id.index, rows, error);
  case OP_PURGE: return purge(s, op->id, rows, error);
  case OP_SNAPSHOT:
    rows->snapshot = *op->meta;
    rows->file = op->file;
    return db_set_snapshot(&s->db, op->meta, op->file, error);
  case OP_APPEND: break;
  }
  for (size_t i = 0; i < op->count && status == RKV_OK; i++)
    status = db_put(&s->db, &op->entries[i], error);
  rows->last = op->entries[op->count - 1].id;
  return status;
}

static enum rkv_status transact(struct store *s, struct op *first, struct rows *rows,
                                struct rkv_error *error) {
  enum rkv_status status = db_run(&s->db, STATEMENT_BEGIN, error);
  for (struct op *op = first; op && status == RKV_OK; op = op->next)
    status = carry_out(s, op, rows, error);
  if (status == RKV_OK) status = db_run(&s->db, STATEMENT_COMMIT, error);
  if (status != RKV_OK && !sqlite3_get_autocommit(s->db.handle))
    (void)sqlite3_exec(s->db.handle, "ROLLBACK", NULL, NULL, NULL);
  if (status == RKV_OK && s->db.ahead >= CHECKPOINT_PAGES)
    status = db_checkpoint(&s->db, SQLITE_CHECKPOINT_PASSIVE, error);
  return status;
}

/* ---- the worker ---- */

/* Takes what waits, at most BATCH_MAX operations; waits for some. NULL: the end. */
static struct op *take(struct store *s, uint64_t *last) {
  struct op *first, *op;
  (void)pthread_mutex_lock(&s->lock);
  while (!s->first && !s->stop) (void)pthread_cond_wait(&s->work, &s->lock);
  first = op = s->first;
  for (int i = 1; op && op->next && i < BATCH_MAX; i++) op = op->next;
  if (op) {
    *last = op->seq;
    s->first = op->next;
    op->next = NULL;
    if (!s->first) s->end = &s->first;
  }
  (void)pthread_mutex_unlock(&s->lock);
  return first;
}

/* Under db_lock: what is read and loaded changes together with the rows. */
static void note_done(struct store *s, const struct rows *rows, uint64_t last, bool good) {
  struct rkv_buf old = rkv_buf_none();
  (void)pthread_mutex_lock(&s->lock);
  if (good) {
    tail_release(s, last);
    if (rows->file != s->rows.file) {
      old = s->rows.snapshot.membership;
      s->rows.snapshot = rows->snapshot;
      (void)rkv_buf_share(rows->snapshot.membership);
    }
    s->rows = *rows;
  }
  s->done_seq = last;
  (void)pthread_cond_broadcast(&s->idle);
  (void)pthread_mutex_unlock(&s->lock);
  rkv_buf_drop(&old);
}

static void complete(struct store *s, struct op *first) {
  enum rkv_status status;
  struct rkv_error error;
  (void)pthread_mutex_lock(&s->lock);
  status = s->failed;
  error = s->why;
  (void)pthread_mutex_unlock(&s->lock);
  for (struct op *op = first, *next; op; op = next) {
    next = op->next;
    if (op->completion) op->completion->done(op->completion, status, status ? &error : NULL);
    op_free(op);
  }
}

static void *work(void *arg) {
  struct store *s = arg;
  struct op *first;
  uint64_t last = 0;
  while ((first = take(s, &last))) {
    struct rkv_error error;
    struct rows rows;
    enum rkv_status status;
    (void)pthread_mutex_lock(&s->db_lock);
    (void)pthread_mutex_lock(&s->lock);
    rows = s->rows;
    status = s->failed;
    (void)pthread_mutex_unlock(&s->lock);
    if (status == RKV_OK) {
      status = transact(s, first, &rows, &error);
      if (status != RKV_OK) fail(s, &error);
    }
    note_done(s, &rows, last, status == RKV_OK);
    (void)pthread_mutex_unlock(&s->db_lock);
    complete(s, first);
  }
  return NULL;
}

bool log_start(struct store *s) {
  s->end = &s->first;
  s->purged = s->rows.purged.index;
  s->last = s->rows.last.index;
  s->tail_first = s->last + 1;
  return pthread_create(&s->worker, NULL, work, s) == 0;
}

void log_stop(struct store *s) {
  (void)pthread_mutex_lock(&s->lock);
  s->stop = true;
  (void)pthread_cond_signal(&s->work);
  (void)pthread_mutex_unlock(&s->lock);
  (void)pthread_join(s->worker, NULL);
  tail_free(s);
}
