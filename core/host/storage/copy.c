/* copy.c: the steps of a copy, each durable before the next. */
#include <host/storage/copy.h>

#include <host/storage/compare.h>
#include <host/storage/spell.h>
#include <host/storage/token.h>
#include <host/storage/walk.h>

#include <node/kernel/outcome.h>
#include <node/moved.h>

#include <assert.h>
#include <inttypes.h>
#include <string.h>

enum {
  WINDOW = 4,    /* batches on their way to the copy */
  NOTE_MS = 2000 /* for the note: a full device may take it never, and the copy goes on without */
};

/* ---- single steps ---- */

static enum rkv_status await(struct subject *s, size_t count, const char *operation,
                             struct rkv_error *error) {
  return subject_said(s, pending_wait(&s->pending, count, error), operation, error);
}

static enum rkv_status save_identity(struct subject *s, struct rkv_identity identity,
                                     struct rkv_error *error) {
  struct rkv_completion *completion = pending_add(&s->pending);
  if (completion) s->ops->save_identity(s->storage, identity, completion);
  return await(s, 0, "save_identity", error);
}

static enum rkv_status append_note(const struct copy *c, struct rkv_error *error) {
  struct subject *s = c->from;
  struct rkv_completion *completion = pending_add(&s->pending);
  struct rkv_entry note = moved_note(&s->state, c->where);
  if (completion) s->ops->append(s->storage, &note, 1, completion);
  return subject_said(s, pending_wait_ms(&s->pending, 0, NOTE_MS, error), "append", error);
}

/* ---- the contents ---- */

static enum rkv_status write_snapshot(struct copy *c, struct snapshot_walk *walk, void *writer,
                                      struct rkv_error *error) {
  const struct subject *to = c->to;
  enum rkv_status status = RKV_OK;
  progress_begin(&c->progress, "copying the snapshot", PROGRESS_BYTES, walk->meta.size);
  while (status == RKV_OK) {
    status = snapshot_walk_next(walk, WALK_BYTES, error);
    if (status != RKV_OK || walk->chunk.len == 0) break;
    status = subject_said(to, to->ops->snapshot_write(writer, walk->chunk, outcome_clear(error)),
                          "snapshot_write", error);
    progress_add(&c->progress, walk->chunk.len);
  }
  if (status == RKV_OK)
    return subject_said(to, to->ops->snapshot_commit(writer, outcome_clear(error)),
                        "snapshot_commit", error);
  to->ops->snapshot_abort(writer);
  return status;
}

static enum rkv_status copy_snapshot(struct copy *c, struct rkv_error *error) {
  struct snapshot_walk walk = {0};
  void *writer;
  enum rkv_status status;
  if (!subject_has_snapshot(c->from)) return RKV_OK;
  status = snapshot_walk_begin(&walk, c->from, error);
  if (status == RKV_OK)
    status = subject_said(
        c->to,
        c->to->ops->snapshot_begin(c->to->storage, &walk.meta, &writer, outcome_clear(error)),
        "snapshot_begin", error);
  if (status == RKV_OK) status = write_snapshot(c, &walk, writer, error);
  snapshot_walk_end(&walk);
  return status;
}

/* Appends everything, a few batches at once. */
static enum rkv_status append_all(struct copy *c, struct rkv_error *error) {
  struct subject *to = c->to;
  struct walk walk = {0};
  enum rkv_status status = walk_begin(&walk, c->from, c->last.index, error);
  progress_begin(&c->progress, "copying the log", PROGRESS_ENTRIES,
                 c->last.index - c->from->state.purged.index);
  while (status == RKV_OK) {
    struct rkv_completion *completion;
    status = walk_batch(&walk, error);
    if (status != RKV_OK || walk.count == 0) break;
    completion = pending_add(&to->pending);
    if (completion) to->ops->append(to->storage, walk.entries, walk.count, completion);
    status = await(to, WINDOW - 1, "append", error);
    progress_add(&c->progress, walk.count);
  }
  walk_end(&walk);
  return status == RKV_OK ? await(to, 0, "append", error) : status;
}

/* The log of the copy is dropped first: an unfinished copy may be of an older source. */
static enum rkv_status copy_log(struct copy *c, struct rkv_error *error) {
  const struct subject *from = c->from;
  struct subject *to = c->to;
  struct rkv_completion *completion;
  if (to->state.last.index > to->state.purged.index)
    to->ops->truncate(to->storage, to->state.purged.index);
  if (from->state.purged.index > to->state.purged.index)
    to->ops->purge(to->storage, from->state.purged);
  completion = pending_add(&to->pending);
  if (completion) to->ops->save_vote(to->storage, from->state.vote, completion);
  return append_all(c, error);
}

/* ---- what there is to do ---- */

/* An unfinished copy that began with this source, of today or before. */
static bool continues(const struct subject *from, const struct subject *to) {
  return to->state.identity.incarnation == RKV_INCARNATION_UNFINISHED &&
         rkv_cluster_id_equal(to->state.identity.cluster, from->state.identity.cluster) &&
         to->state.purged.index <= from->state.purged.index &&
         to->state.snapshot.last.index <= from->state.snapshot.last.index;
}

static bool is_retired(const struct copy *c) {
  return c->from->state.identity.incarnation == RKV_INCARNATION_RETIRED;
}

static enum rkv_status refuse_retired(const struct copy *c, struct rkv_error *error) {
  const struct subject *s = c->from;
  return subject_said(s, moved_check(s->ops, s->storage, &s->state, error), "read", error);
}

/* A source that was retired for this very copy has it finished; any other one is nobody's. */
static enum rkv_status check_retired(struct copy *c, struct rkv_error *error) {
  const struct subject *s = c->from;
  char noted[MOVED_TO_MAX + 1];
  enum rkv_status status;
  if (subject_is_there(c->to)) {
    status = token_read(subject_folder(&c->to->part), &c->token, error);
    if (status != RKV_OK || moved_is_for(&s->state.identity, c->where, c->token)) return status;
    return refuse_retired(c, error);
  }
  status = moved_find_note(s->ops, s->storage, &s->state, &c->last, noted, error);
  if (status != RKV_OK) return subject_said(s, status, "read", error);
  if (strcmp(noted, c->where) != 0) return refuse_retired(c, error);
  return rkv_fail(error, RKV_FOREIGN,
                  "%s: retired, its node goes on in %s, where nothing is (put that storage back; "
                  "if it is lost, start the node on an empty one, and the leader takes it in "
                  "anew)",
                  subject_name(s), c->where);
}

enum rkv_status copy_check_source(struct copy *c, struct rkv_error *error) {
  const struct rkv_identity *source = &c->from->state.identity;
  assert(c->from->storage && !c->to->storage);
  (void)spell_note(c->to, c->where, sizeof c->where);
  if (is_retired(c)) return check_retired(c, error);
  if (source->incarnation == RKV_INCARNATION_UNFINISHED)
    return rkv_fail(error, RKV_FOREIGN,
                    "%s: the source is itself an unfinished copy (give the command that began it "
                    "again)",
                    subject_name(c->from));
  if (subject_is_empty(c->from))
    return rkv_fail(error, RKV_INVALID, "%s: the source is empty: there is nothing to copy",
                    subject_name(c->from));
  return RKV_OK;
}

static enum rkv_status plan_retired(struct copy *c, struct rkv_error *error) {
  const struct rkv_identity *retired = &c->from->state.identity, *copy = &c->to->state.identity;
  assert(moved_is_for(retired, c->where, c->token));
  if (copy->incarnation == RKV_INCARNATION_UNFINISHED)
    c->done = COPY_FINISHED;
  else if (copy->incarnation == retired->cluster.high && !subject_is_empty(c->to))
    c->done = COPY_BEFORE;
  else
    return refuse_retired(c, error);
  return RKV_OK;
}

static enum rkv_status plan(struct copy *c, struct rkv_error *error) {
  if (is_retired(c)) return plan_retired(c, error);
  c->done = COPY_WHOLE;
  if (subject_is_empty(c->to) || continues(c->from, c->to)) return RKV_OK;
  return subject_refuse_full(c->to, error);
}

/* ---- the whole ---- */

static enum rkv_status copy_contents(struct copy *c, struct rkv_error *error) {
  const struct rkv_identity unfinished = moved_unfinished(&c->from->state.identity);
  const rkv_node_id id = c->to->id;
  enum rkv_status status = token_draw(subject_folder(&c->to->part), &c->token, error);
  if (status == RKV_OK) status = save_identity(c->to, unfinished, error);
  if (status == RKV_OK) status = copy_snapshot(c, error);
  if (status == RKV_OK) status = copy_log(c, error);
  if (status != RKV_OK) return status;
  subject_close(c->to); /* what is compared was read from the device */
  return subject_open(c->to, id, error);
}

/* A copy that was made while the node ran may hold what came after its source was retired. */
static bool got_further(const struct copy *c) {
  const struct rkv_storage_state *from = &c->from->state, *to = &c->to->state;
  return rkv_vote_compare(to->vote, from->vote) == RKV_GREATER ||
         rkv_log_id_compare(to->last, c->last) > 0 ||
         to->snapshot.last.index > from->snapshot.last.index;
}

/* Before the source is retired the copy may be thrown away; from then on it may not be begun again:
 * the node may have voted on it. */
static enum rkv_status compare(struct copy *c, struct rkv_error *error) {
  struct comparison comparison = {c->from, c->to, c->last, &c->progress, false};
  char text[RKV_ERROR_TEXT_MAX];
  enum rkv_status status;
  if (c->done == COPY_FINISHED && got_further(c)) return RKV_OK; /* it was compared before that */
  status = compare_storages(&comparison, error);
  if (!comparison.differs) return status;
  memcpy(text, error->text, sizeof text);
  if (c->done == COPY_FINISHED)
    return rkv_fail(error, RKV_CORRUPT, "%s, which was retired for it", text);
  return rkv_fail(error, status, "%s (empty the copy's place and give the command again)", text);
}

/* From here on the source is no more what the node starts on. */
static enum rkv_status hand_over(struct copy *c, bool noted, struct rkv_error *error) {
  struct rkv_identity retired = c->from->state.identity;
  struct rkv_error why;
  enum rkv_status status = RKV_OK;
  if (retired.incarnation != RKV_INCARNATION_RETIRED) {
    retired = moved_retired(&retired, c->where, c->token);
    status = save_identity(c->from, retired, error);
  }
  if (status != RKV_OK) return status;
  if (!noted && append_note(c, &why) != RKV_OK)
    rkv_log(&c->from->user->host, RKV_LOG_WARN, "copy",
            "the source is retired, but cannot say where its node goes on: %s", why.text);
  return save_identity(c->to, moved_finished(&retired, &c->to->state.identity), error);
}

enum rkv_status copy_run(struct copy *c, struct rkv_error *error) {
  struct subject *from = c->from;
  char noted[MOVED_TO_MAX + 1];
  enum rkv_status status = RKV_OK;
  assert(from->storage && c->to->storage);
  (void)spell_note(c->to, c->where, sizeof c->where); /* now that its paths are there */
  if (!is_retired(c)) status = moved_forget_note(from->ops, from->storage, &from->state, error);
  if (status == RKV_OK)
    status = moved_find_note(from->ops, from->storage, &from->state, &c->last, noted, error);
  if (status == RKV_OK) status = plan(c, error);
  if (status != RKV_OK || c->done == COPY_BEFORE) return status;
  if (c->done == COPY_WHOLE) status = copy_contents(c, error);
  if (status == RKV_OK) status = compare(c, error);
  if (status == RKV_OK) status = hand_over(c, noted[0] != '\0', error);
  progress_end(&c->progress);
  return status;
}
