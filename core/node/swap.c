/* swap.c: the way of a swap (swap.h). */
#include <node/swap.h>

#include <node/kernel/answer.h>
#include <node/kernel/fatal.h>
#include <node/kernel/gate.h>
#include <node/kernel/state.h>
#include <node/mirror.h>

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum swap_step {
  SWAP_OPENING,
  SWAP_MIRRORING,
  SWAP_RETIRING,
  SWAP_FINISHING,
  SWAP_LEAVING,
  SWAP_DROPPING
};

struct swap {
  struct swap_work work;
  struct mirror mirror;
  struct node *n;
  enum swap_step step;
  bool closing;                       /* the host was told to close the side that was left */
  bool cancelled;                     /* an operator gives the swap up */
  struct rkv_swap_call *call;         /* CHECK or BEGIN, until the new storage is open */
  const struct node_storage *storage; /* the new one */
  rkv_index retired_at;               /* the last entry that the old one has */
};

__attribute__((format(printf, 2, 3))) static void swap_say(struct node *n, const char *format,
                                                           ...) {
  va_list args;
  va_start(args, format);
  (void)vsnprintf(n->swap.text, sizeof n->swap.text, format, args);
  va_end(args);
}

static void end_swap(struct swap *s) {
  struct node *n = s->n;
  assert(!s->call && n->swap.running == s);
  swap_work_free(&s->work);
  free(s);
  n->swap.running = NULL;
  n->swap.due_ns = 0;
}

/* ---- answers ---- */

static void answer_swap(struct node *n, struct rkv_swap_call *call, const char *text) {
  struct rkv_buf *given[] = {&call->text, NULL};
  const struct rkv_host *host = n->plugins.host;
  size_t length = strlen(text);
  call->text = rkv_buf_none();
  uint8_t *bytes = length > 0 ? host->buf_alloc(host->ctx, length, &call->text) : NULL;
  if (bytes) memcpy(bytes, text, length);
  call->phase = swap_phase(n, &call->done, &call->total);
  gate_leave(n, &call->call);
  (void)answer_give(n, &call->call, given);
}

static void refuse_swap(struct swap *s, const struct rkv_error *error) {
  struct rkv_swap_call *call = s->call;
  s->call = NULL;
  if (!call) return;
  gate_leave(s->n, &call->call);
  answer_fail(&call->call, error);
}

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

static bool begin_mirroring(struct swap *s, const struct pair_look *look) {
  struct node *n = s->n;
  struct rkv_swap_call *call = s->call;
  const struct pair_watch watch = {on_pair_changed, n};
  (void)look;
  s->storage = s->work.opened;
  if (s->work.status != RKV_OK) {
    refuse_swap(s, &s->work.error);
    end_swap(s);
    return false;
  }
  s->call = NULL;
  if (!s->storage) { /* it was only looked at */
    end_swap(s);
    if (call) answer_swap(n, call, "nothing stands in the way of this swap");
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
  if (call) answer_swap(n, call, n->swap.text);
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
    if (!pair_retire(&n->pair, view.last, s->storage->place)) return false;
    s->step = SWAP_RETIRING;
    s->retired_at = look->last.index;
    break;
  }
  return true;
}

static bool retire_current(struct swap *s, const struct pair_look *look) {
  struct node *n = s->n;
  if (look->failed) node_fatal(n, (enum rkv_status)look->error.status, look->error.text);
  if (!look->retired) return false;
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
    end_swap(s);
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

void swap_run(struct node *n) {
  struct swap *s = n->swap.running;
  struct pair_look look;
  struct rkv_error error;
  bool more = s != NULL;
  while (more) {
    pair_look(&n->pair, &look);
    if (s->step == SWAP_MIRRORING && mirror_is_held_up(&s->mirror, &look, &error))
      give_swap_up(s, error.text);
    more = !swap_work_is_busy(&s->work) && swap_acts[s->step](s, &look);
  }
  s = n->swap.running;
  n->swap.due_ns = s && s->step == SWAP_MIRRORING ? mirror_due(&s->mirror) : 0;
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
    (void)rkv_fail(error, RKV_PRECONDITION, "the swap is over already (ask how it ended)");
  else if (call->action == RKV_SWAP_LOOK || call->action == RKV_SWAP_CANCEL)
    return true;
  else if (!n->plugins.storages)
    (void)rkv_fail(error, RKV_PRECONDITION,
                   "node %" PRIu64 " does not swap its storage (set [node] swap_storage = true in "
                   "its INI, and start it again)",
                   n->plugins.host->node_id);
  else if (s) /* (J1) */
    (void)rkv_fail(error, RKV_PRECONDITION, "a swap of the storage runs already on node %" PRIu64,
                   n->plugins.host->node_id);
  else if (!call->plugin || !call->plugin[0])
    (void)rkv_fail(error, RKV_INVALID, "name the plugin of the new storage");
  else
    return true;
  return false;
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
    answer_swap(n, c, n->swap.text);
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
  (void)rkv_fail(&error, RKV_TIMEOUT,
                 "the new storage is not open yet: the swap may begin later (ask how it is)");
  refuse_swap(s, &error);
}

/* ---- what others see ---- */

uint32_t swap_phase(const struct node *n, uint64_t *done, uint64_t *total) {
  static const uint32_t of_mirror[] = {[MIRROR_SNAPSHOT] = RKV_SWAP_PHASE_SNAPSHOT,
                                       [MIRROR_LOG] = RKV_SWAP_PHASE_LOG,
                                       [MIRROR_COMPARING] = RKV_SWAP_PHASE_COMPARING};
  const struct swap *s = n->swap.running;
  *done = *total = 0;
  if (!s || s->step == SWAP_DROPPING) return n->swap.ended;
  if (s->step == SWAP_OPENING) return RKV_SWAP_PHASE_OPENING;
  if (s->step != SWAP_MIRRORING) return RKV_SWAP_PHASE_SWITCHING;
  *done = s->mirror.done;
  *total = s->mirror.total;
  return of_mirror[s->mirror.phase];
}

bool swap_holds_builds(const struct node *n) {
  const struct swap *s = n->swap.running;
  return s && s->step == SWAP_MIRRORING && s->mirror.phase != MIRROR_COMPARING;
}

bool swap_waits(const struct node *n) {
  return n->swap.running && n->swap.running->call;
}

/* ---- the end of the node ---- */

void swap_abandon(struct node *n, const struct rkv_error *error) {
  struct swap *s = n->swap.running;
  if (!s) return;
  refuse_swap(s, error);
  if (!swap_work_is_busy(&s->work) && swap_work_open(&s->work))
    swap_work_post(&s->work, SWAP_RELEASE);
}

void swap_free(struct node *n) {
  if (n->swap.running) end_swap(n->swap.running);
}
