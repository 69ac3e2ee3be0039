/* swap.c: the way of a swap (swap.h). */
#include <node/swap.h>

#include <node/kernel/answer.h>
#include <node/kernel/fatal.h>
#include <node/kernel/gate.h>
#include <node/kernel/state.h>
#include <node/swap_state.h>

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* ---- the steps: each is called again and again until it posts work or has to wait ---- */

static void give_swap_up(struct swap *s, const char *why) {
  struct node *n = s->n;
  assert(s->step == SWAP_MIRRORING); /* (J2) */
  s->step = SWAP_DROPPING;
  n->swap.ended = RKV_SWAP_PHASE_FAILED;
  swap_say(n, "the swap to %s was given up: %s", s->storage->place, why);
  rkv_log(n->plugins.host, RKV_LOG_WARN, NODE_LOG, "%s", n->swap.text);
  pair_drop(&n->pair);
}

/* On any thread, also the storage's. */
static void on_pair_changed(void *ctx) {
  node_kick(ctx);
}

/* Who waits for no answer any more asks how the swap ended. */
static void note_refusal(struct swap *s) {
  struct node *n = s->n;
  if (s->call || s->work.request.check) return;
  n->swap.ended = RKV_SWAP_PHASE_FAILED;
  swap_say(n, "the swap to %s did not begin: %s", s->work.request.plugin, s->work.error.text);
  rkv_log(n->plugins.host, RKV_LOG_WARN, NODE_LOG, "%s", n->swap.text);
}

static bool begin_mirroring(struct swap *s, const struct pair_look *look) {
  struct node *n = s->n;
  struct rkv_swap_call *call = s->call;
  const struct pair_watch watch = {on_pair_changed, n};
  (void)look;
  s->storage = s->work.opened;
  if (s->work.status != RKV_OK) {
    note_refusal(s);
    swap_refuse(s, &s->work.error);
    swap_discard(s);
    return false;
  }
  s->call = NULL;
  if (!s->storage) { /* it was only looked at */
    swap_discard(s);
    if (call) swap_answer(n, call, "nothing stands in the way of this swap");
    return false;
  }
  s->step = SWAP_MIRRORING;
  n->swap.ended = RKV_SWAP_PHASE_NONE;
  swap_say(n, "to %s", s->storage->place);
  rkv_log(n->plugins.host, RKV_LOG_INFO, NODE_LOG, "storage swap begins to=%s", s->storage->place);
  pair_begin(&n->pair, (struct pair_side){s->storage->ops, s->storage->storage}, watch);
  s->work.from = pair_current(&n->pair);
  s->work.to = pair_copy(&n->pair);
  mirror_begin(&s->mirror, n, &s->work);
  if (call) swap_answer(n, call, n->swap.text);
  return true;
}

static bool mirror_on(struct swap *s, const struct pair_look *look) {
  struct node *n = s->n;
  struct rkv_error error;
  struct raft_view view;
  if (s->cancelled) {
    give_swap_up(s, "an operator wanted it");
    return true;
  }
  switch (mirror_run(&s->mirror, look, &error)) {
  case MIRROR_WAITS: return false;
  case MIRROR_AGAIN: break;
  case MIRROR_FAILED: give_swap_up(s, error.text); break;
  case MIRROR_EQUAL:
    raft_view(n->raft, &view);
    assert(view.last.index == look->last.index); /* what raft appended was given to the pair */
    if (n->receive.installing) return false;     /* (J3) */
    if (!pair_retire(&n->pair, view.last, s->storage->place, s->storage->token)) return false;
    s->step = SWAP_RETIRING;
    s->retired_at = look->last.index;
    s->retire_due_ns = n->now_ns + SWAP_RETIRE_NS;
    break;
  }
  return true;
}

/* The old storage hangs, or its device became full at the last moment. */
static void tell_unretired(struct swap *s) {
  struct node *n = s->n;
  if (s->retire_due_ns == 0 || n->now_ns < s->retire_due_ns) return;
  s->retire_due_ns = 0;
  swap_say(
      n,
      "to %s: the old storage has not stored in %" PRIu64
      " s that it is left, and nothing is written before: it is full or too slow (its own "
      "lines say which; make room there; a node that is stopped now starts on the old storage, "
      "or on the new one if it says so)",
      s->storage->place, SWAP_RETIRE_NS / NODE_SECOND_NS);
  rkv_log(n->plugins.host, RKV_LOG_WARN, NODE_LOG, "storage swap %s", n->swap.text);
}

static bool retire_current(struct swap *s, const struct pair_look *look) {
  struct node *n = s->n;
  assert(!n->receive.installing); /* (J3) */
  if (look->failed) node_fatal(n, (enum rkv_status)look->error.status, look->error.text);
  if (!look->retired) {
    tell_unretired(s);
    return false;
  }
  s->step = SWAP_FINISHING;
  pair_finish(&n->pair);
  return true;
}

static bool finish_copy(struct swap *s, const struct pair_look *look) {
  struct node *n = s->n;
  if (look->failed) node_fatal(n, (enum rkv_status)look->error.status, look->error.text);
  if (!look->finished) return false;
  s->step = SWAP_LEAVING;
  n->plugins.storage_capabilities = s->storage->capabilities;
  swap_say(n,
           "it stands on %s; the storage that it left is retired at index %" PRIu64
           "\nbefore its next start its file needs:\n[storage]\n%s",
           s->storage->place, s->retired_at, s->storage->lines);
  rkv_log(n->plugins.host, RKV_LOG_INFO, NODE_LOG,
          "storage swapped to=%s: the old one is retired at index %" PRIu64
          ", change section [storage] before the next start",
          s->storage->place, s->retired_at);
  return true;
}

/* The side that was left is closed once nobody uses it any more. */
static bool close_left(struct swap *s, enum swap_task task) {
  struct node *n = s->n;
  if (swap_work_open(&s->work)) {
    swap_work_post(&s->work, SWAP_RELEASE);
  } else if (s->closing) {
    pair_forget(&n->pair);
    if (task == SWAP_MOVED) n->swap.ended = RKV_SWAP_PHASE_MOVED;
    swap_discard(s);
  } else if (pair_released(&n->pair)) {
    s->closing = true;
    swap_work_post(&s->work, task);
  }
  return false;
}

static bool drop_copy(struct swap *s, const struct pair_look *look) {
  (void)look;
  return close_left(s, SWAP_DROP);
}

static bool leave_current(struct swap *s, const struct pair_look *look) {
  (void)look;
  return close_left(s, SWAP_MOVED);
}

/* True if there is more to do at once. */
typedef bool swap_act(struct swap *s, const struct pair_look *look);

static swap_act *const swap_acts[] = {
    [SWAP_OPENING] = begin_mirroring, [SWAP_MIRRORING] = mirror_on,
    [SWAP_RETIRING] = retire_current, [SWAP_FINISHING] = finish_copy,
    [SWAP_LEAVING] = leave_current,   [SWAP_DROPPING] = drop_copy};

static uint64_t swap_due(const struct swap *s) {
  if (s->step == SWAP_MIRRORING) return mirror_due(&s->mirror);
  return s->step == SWAP_RETIRING ? s->retire_due_ns : 0;
}

void swap_run(struct node *n) {
  struct swap *s = n->swap.running;
  struct pair_look look;
  struct rkv_error error;
  bool more = true;
  /* What raft appended after the node became fatal may be in no storage. */
  if (!s || node_ending(n)) return;
  while (more) {
    pair_look(&n->pair, &look);
    if (s->step == SWAP_MIRRORING && mirror_is_held_up(&s->mirror, &look, &error))
      give_swap_up(s, error.text);
    more = !swap_work_is_busy(&s->work) && swap_acts[s->step](s, &look);
  }
  s = n->swap.running; /* NULL: it ended, and nothing is due */
  if (s) n->swap.due_ns = swap_due(s);
}

void node_copy_fatal(struct node *n, enum rkv_status status, const char *text) {
  struct rkv_error error;
  (void)rkv_fail(&error, status, "%s", text);
  if (!pair_refuse_copy(&n->pair, &error)) node_fatal(n, status, text);
}

/* ---- calls ---- */

static bool check_call(struct node *n, const struct rkv_swap_call *call, struct rkv_error *error) {
  const struct swap *s = n->swap.running;
  if (call->action > RKV_SWAP_CANCEL)
    (void)rkv_fail(error, RKV_INVALID, "no swap action %" PRIu32 " is known", call->action);
  else if (call->action == RKV_SWAP_CANCEL && !s)
    (void)rkv_fail(error, RKV_PRECONDITION, "no swap of the storage runs on node %" PRIu64,
                   n->plugins.host->node_id);
  else if (call->action == RKV_SWAP_CANCEL && s->step > SWAP_MIRRORING)
    (void)rkv_fail(error, RKV_PRECONDITION,
                   "the swap goes over right now, or is over (ask how it is)");
  else if (call->action == RKV_SWAP_LOOK || call->action == RKV_SWAP_CANCEL)
    return true;
  else if (!n->plugins.storages)
    (void)rkv_fail(error, RKV_PRECONDITION,
                   "node %" PRIu64 " does not swap its storage (set [node] swap_storage = true in "
                   "its INI, and start it again)",
                   n->plugins.host->node_id);
  else if (s)
    (void)rkv_fail(error, RKV_PRECONDITION, "a swap of the storage runs already on node %" PRIu64,
                   n->plugins.host->node_id);
  else if (!call->plugin || !call->plugin[0])
    (void)rkv_fail(error, RKV_INVALID, "name the plugin of the new storage");
  else
    return true;
  return false;
}

/* While the new storage is being opened the node's text is of the swap before. */
static const char *swap_text(const struct node *n) {
  const struct swap *s = n->swap.running;
  return s && s->step == SWAP_OPENING ? s->work.request.plugin : n->swap.text;
}

static struct swap *make_swap(struct node *n, const struct rkv_swap_call *call) {
  struct swap *s = calloc(1, sizeof *s);
  if (s && swap_work_init(&s->work, n, call)) {
    s->n = n;
    return s;
  }
  free(s);
  return NULL;
}

void swap_on_call(struct node *n, struct rkv_call *call) {
  struct rkv_swap_call *c = (struct rkv_swap_call *)call;
  struct rkv_error error;
  if (node_ending(n)) {
    node_end_error(n, &error);
    gate_refuse(n, call, &error);
    return;
  }
  if (!check_call(n, c, &error)) {
    gate_refuse(n, call, &error);
    return;
  }
  if (c->action == RKV_SWAP_CANCEL) n->swap.running->cancelled = true;
  if (c->action == RKV_SWAP_LOOK || c->action == RKV_SWAP_CANCEL) {
    swap_answer(n, c, swap_text(n));
    return;
  }
  assert(!n->swap.running); /* (J1) */
  struct swap *s = n->swap.running = make_swap(n, c);
  if (!s) {
    (void)rkv_fail(&error, RKV_NO_MEMORY, "out of memory for a swap of the storage");
    gate_refuse(n, call, &error);
    return;
  }
  s->call = c;
  swap_work_post(&s->work, SWAP_OPEN);
}

void swap_expire(struct node *n) {
  struct swap *s = n->swap.running;
  struct rkv_error error;
  if (!s || !s->call || !answer_is_due(n, &s->call->call)) return;
  (void)rkv_fail(&error, RKV_TIMEOUT, "the new storage is not open yet%s",
                 s->work.request.check ? "" : ": the swap may begin later (ask how it is)");
  swap_refuse(s, &error);
}

/* ---- the end of the node ---- */

void swap_abandon(struct node *n, const struct rkv_error *error) {
  struct swap *s = n->swap.running;
  if (!s) return;
  swap_refuse(s, error);
  if (!swap_work_is_busy(&s->work) && swap_work_open(&s->work))
    swap_work_post(&s->work, SWAP_RELEASE);
}

void swap_free(struct node *n) {
  if (n->swap.running) swap_discard(n->swap.running);
}
