/* save.c: everything that goes to the storage, and what raft is told of it.
 *
 * The storage completes in the order of the calls (storage.h), so one counter says what is durable.
 *
 * (S1) save.done <= save.issued. */
#include <node/save.h>

#include <node/kernel/fatal.h>
#include <node/kernel/post.h>
#include <node/kernel/outcome.h>
#include <node/kernel/state.h>
#include <node/kernel/tail.h>

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>

enum save_state { SAVE_RUNNING, SAVE_RETURNED, SAVE_DONE };

/* One save_vote, save_identity or append on its way. */
struct save {
  struct rkv_completion completion; /* first: what the storage knows */
  struct rkv_call event;
  struct node *n;
  /* an enum save_state: the later of the storage's return and its completion goes on */
  atomic_int state;
  bool ok;
  enum { SAVED_VOTE, SAVED_LOG, SAVED_IDENTITY } what;
  uint64_t number;
  struct rkv_vote vote;
  struct rkv_log_id last;
};

static struct save *save_of(struct rkv_call *event) {
  return (struct save *)((char *)event - offsetof(struct save, event));
}

/* Any thread. */
static void on_complete(struct rkv_completion *completion, enum rkv_status status,
                        const struct rkv_error *error) {
  struct save *s = (struct save *)completion;
  struct node *n = s->n;
  struct rkv_error reason;
  status = outcome_of_done(status, error, "a write of the storage", &reason);
  s->ok = status == RKV_OK;
  if (!s->ok && !(status == RKV_CANCELLED && node_ending(n))) node_fatal(n, status, reason.text);
  if (atomic_exchange(&s->state, SAVE_DONE) != SAVE_RETURNED) return;
  node_post(n, &s->event, NODE_SAVED);
  node_kick(n);
}

static void note_saved(struct node *n, struct save *s) {
  assert(s->number > 0 && s->number <= n->save.issued); /* (S1) */
  if (s->ok && s->number > n->save.done) {
    n->save.done = s->number;
    n->save.unreported = true;
    if (s->what == SAVED_VOTE) {
      n->save.vote = s->vote;
      n->save.vote_saved = true;
    } else if (s->what == SAVED_LOG) {
      n->save.last = s->last;
      n->save.log_saved = true;
    }
  }
  free(n->save.spare);
  n->save.spare = s;
}

static struct save *issue(struct node *n) {
  struct save *s = n->save.spare ? n->save.spare : malloc(sizeof *s);
  n->save.spare = NULL;
  if (!s) {
    node_fatal(n, RKV_NO_MEMORY, "storage: out of memory for one more write");
    return NULL;
  }
  *s = (struct save){.completion.done = on_complete, .n = n, .number = ++n->save.issued};
  return s;
}

/* The storage returned. If it called the completion before that, the save is noted here, without a
 * way through the inbox. */
static void returned(struct node *n, struct save *s) {
  if (atomic_exchange(&s->state, SAVE_RETURNED) == SAVE_DONE) note_saved(n, s);
}

void save_vote(struct node *n, struct rkv_vote vote) {
  struct save *s = issue(n);
  if (!s) return;
  s->what = SAVED_VOTE;
  s->vote = vote;
  n->plugins.storage->save_vote(n->plugins.storage_instance, vote, &s->completion);
  returned(n, s);
}

void save_identity(struct node *n) {
  if (!n->identity_unsaved) return;
  n->identity_unsaved = false;
  struct save *s = issue(n);
  if (!s) return;
  s->what = SAVED_IDENTITY;
  n->plugins.storage->save_identity(n->plugins.storage_instance, n->identity, &s->completion);
  returned(n, s);
}

void save_entries(struct node *n, const struct rkv_entry *entries, size_t count) {
  const uint64_t held = n->tail.bytes;
  assert(count > 0);
  if (tail_append(&n->tail, entries, count) != RKV_OK) {
    node_fatal(n, RKV_NO_MEMORY, "log: out of memory for its newest entries");
    return;
  }
  struct save *s = issue(n);
  if (!s) return;
  s->what = SAVED_LOG;
  s->last = entries[count - 1].id;
  n->count.stored_entries += count;
  n->count.stored_bytes += n->tail.bytes - held;
  n->plugins.storage->append(n->plugins.storage_instance, entries, count, &s->completion);
  returned(n, s);
}

void save_truncate(struct node *n, rkv_index after) {
  tail_truncate(&n->tail, after);
  n->plugins.storage->truncate(n->plugins.storage_instance, after);
  rkv_log(n->plugins.host, RKV_LOG_INFO, NODE_LOG, "log truncated after=%" PRIu64, after);
}

void save_on_saved(struct node *n, struct rkv_call *call) {
  note_saved(n, save_of(call));
}

void save_free(struct node *n) {
  free(n->save.spare);
}

bool save_report(struct node *n) {
  assert(n->save.done <= n->save.issued); /* (S1) */
  if (!n->save.unreported) return false;
  n->save.unreported = false;
  if (n->save.vote_saved) raft_on_vote_saved(n->raft, node_now(n), n->save.vote);
  if (n->save.log_saved) raft_on_log_saved(n->raft, node_now(n), n->save.last);
  n->save.vote_saved = n->save.log_saved = false;
  return true;
}
