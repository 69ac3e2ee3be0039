/* pair_snapshot.c: snapshots are written where writes go, and read where reads come from.
 *
 * (V1) A writer has a part on the side whose failure is its caller's (pair_main). */
#include <node/pair_snapshot.h>

#include <node/kernel/outcome.h>
#include <node/pair_queue.h>

#include <assert.h>
#include <stdlib.h>

/* ---- writers ---- */

struct pair_writer {
  struct pair *p;
  struct pair_side sides[2];
  void *parts[2]; /* NULL: none on this side */
};

/* The part of a side has ended. Under the lock. */
static void end_part(struct pair_writer *w, unsigned side) {
  w->parts[side] = NULL;
  pair_unuse(w->p, side);
}

static void abort_part(struct pair_writer *w, unsigned side) {
  if (!w->parts[side]) return;
  w->sides[side].ops->snapshot_abort(w->parts[side]);
  pair_lock(w->p);
  end_part(w, side);
  pair_unlock(w->p);
}

/* A step begins: parts on sides that are given nothing any more are dropped. Returns the side whose
 * failure is the caller's. */
static unsigned begin_step(struct pair_writer *w, bool commits) {
  unsigned targets, main;
  pair_lock(w->p);
  targets = pair_targets(w->p);
  main = pair_main(w->p);
  w->p->committing = commits;
  pair_unlock(w->p);
  for (unsigned side = 0; side < 2; side++)
    if (!(targets & pair_bit(side))) abort_part(w, side);
  assert(w->parts[main]); /* (V1) */
  return main;
}

/* The part on `side`, the copy when the step began, failed: the copy fails, and the caller does not
 * notice. If the copy is the node's storage by now, the failure is the caller's. */
static enum rkv_status lose_part(struct pair_writer *w, unsigned side, const struct rkv_error *said,
                                 struct rkv_error *error) {
  bool callers;
  pair_lock(w->p);
  callers = pair_main(w->p) == side;
  if (!callers) pair_fail_copy(w->p, said);
  pair_unlock(w->p);
  if (!callers) {
    abort_part(w, side);
    return RKV_OK;
  }
  *error = *said;
  return (enum rkv_status)said->status;
}

static void end_writer(struct pair_writer *w, bool committed) {
  struct pair *p = w->p;
  abort_part(w, 0);
  abort_part(w, 1);
  pair_lock(p);
  assert(p->writers > 0);
  p->writers--;
  p->committing = false;
  if (committed) p->snapshots++;
  pair_unlock(p);
  free(w);
}

/* The sides that a new writer has, as bits; NULL: no memory. */
static struct pair_writer *new_writer(struct pair *p, unsigned *targets, unsigned *main) {
  struct pair_writer *w = calloc(1, sizeof *w);
  if (!w) return NULL;
  w->p = p;
  pair_lock(p);
  p->writers++;
  *targets = pair_targets(p);
  *main = pair_main(p);
  for (unsigned side = 0; side < 2; side++) {
    w->sides[side] = p->sides[side];
    if (*targets & pair_bit(side)) pair_use(p, side);
  }
  pair_unlock(p);
  return w;
}

static enum rkv_status open_part(struct pair_writer *w, unsigned side,
                                 const struct rkv_snapshot_meta *meta, struct rkv_error *error) {
  void *part = NULL;
  enum rkv_status status =
      w->sides[side].ops->snapshot_begin(w->sides[side].storage, meta, &part, outcome_clear(error));
  status = outcome_of_gift(status, &part, "the storage's snapshot_begin", error);
  if (status == RKV_OK) {
    w->parts[side] = part;
    return RKV_OK;
  }
  pair_lock(w->p);
  end_part(w, side);
  pair_unlock(w->p);
  return status;
}

enum rkv_status pair_snapshot_begin(void *storage, const struct rkv_snapshot_meta *meta,
                                    void **writer, struct rkv_error *error) {
  unsigned targets, main;
  struct pair_writer *w = new_writer(storage, &targets, &main);
  struct rkv_error said;
  enum rkv_status status, copy = RKV_OK;
  if (!w) return rkv_fail(error, RKV_NO_MEMORY, "storage: no memory for a snapshot");
  status = open_part(w, main, meta, error);
  if (targets != pair_bit(main)) copy = open_part(w, 1 - main, meta, &said);
  if (status == RKV_OK && copy != RKV_OK) status = lose_part(w, 1 - main, &said, error);
  if (status != RKV_OK)
    end_writer(w, false);
  else
    *writer = w;
  return status;
}

enum rkv_status pair_snapshot_write(void *writer, struct rkv_buf chunk, struct rkv_error *error) {
  struct pair_writer *w = writer;
  const unsigned main = begin_step(w, false), copy = 1 - main;
  struct rkv_error said;
  enum rkv_status status = w->sides[main].ops->snapshot_write(w->parts[main], chunk, error);
  if (status != RKV_OK || !w->parts[copy]) return status;
  status =
      outcome_of(w->sides[copy].ops->snapshot_write(w->parts[copy], chunk, outcome_clear(&said)),
                 "the storage's snapshot_write", &said);
  return status == RKV_OK ? RKV_OK : lose_part(w, copy, &said, error);
}

/* The part has ended, whatever is returned. */
static enum rkv_status commit_part(struct pair_writer *w, unsigned side, struct rkv_error *error) {
  enum rkv_status status =
      outcome_of(w->sides[side].ops->snapshot_commit(w->parts[side], outcome_clear(error)),
                 "the storage's snapshot_commit", error);
  pair_lock(w->p);
  end_part(w, side);
  pair_unlock(w->p);
  return status;
}

enum rkv_status pair_snapshot_commit(void *writer, struct rkv_error *error) {
  struct pair_writer *w = writer;
  const unsigned main = begin_step(w, true), copy = 1 - main;
  struct rkv_error said;
  enum rkv_status status = commit_part(w, main, error);
  /* pair_retire waits meanwhile, so the copy is not the node's storage yet. */
  if (status == RKV_OK && w->parts[copy] && commit_part(w, copy, &said) != RKV_OK)
    status = lose_part(w, copy, &said, error);
  end_writer(w, status == RKV_OK);
  return status;
}

void pair_snapshot_abort(void *writer) {
  end_writer(writer, false);
}

/* ---- readers ---- */

struct pair_reader {
  struct pair *p;
  unsigned index;
  struct pair_side side;
  void *reader;
};

void pair_snapshot_close(void *reader) {
  struct pair_reader *r = reader;
  if (r->reader) r->side.ops->snapshot_close(r->reader);
  pair_lock(r->p);
  pair_unuse(r->p, r->index);
  pair_unlock(r->p);
  free(r);
}

enum rkv_status pair_snapshot_open(void *storage, void **reader, struct rkv_snapshot_meta *meta,
                                   struct rkv_error *error) {
  struct pair *p = storage;
  struct pair_reader *r = calloc(1, sizeof *r);
  enum rkv_status status;
  if (!r) return rkv_fail(error, RKV_NO_MEMORY, "storage: no memory to read a snapshot");
  pair_lock(p);
  *r = (struct pair_reader){p, pair_main(p), p->sides[pair_main(p)], NULL};
  pair_use(p, r->index);
  pair_unlock(p);
  status = outcome_of_gift(
      r->side.ops->snapshot_open(r->side.storage, &r->reader, meta, outcome_clear(error)),
      &r->reader, "the storage's snapshot_open", error);
  if (status == RKV_OK)
    *reader = r;
  else
    pair_snapshot_close(r);
  return status;
}

enum rkv_status pair_snapshot_read(void *reader, uint64_t offset, size_t max, struct rkv_buf *chunk,
                                   struct rkv_error *error) {
  struct pair_reader *r = reader;
  return r->side.ops->snapshot_read(r->reader, offset, max, chunk, error);
}
