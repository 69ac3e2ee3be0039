/* server_node.c: the node of server_*_test.c: collects calls, answers them when it is kicked. */
#include "server_harness.h"

#include <setjmp.h>
#include <time.h>
#include <cmocka.h>

enum kind { VOTE = 1, APPEND, PROPOSE, QUERY, INIT, LEARNER, CHANGE, METRICS, STEP, OTHER };

/* ---- node: collecting ---- */

static void note_bytes(struct fake_seen *seen, struct rkv_buf bytes, size_t at) {
  if (at + bytes.len > FAKE_BYTES_MAX) bytes.len = FAKE_BYTES_MAX - at;
  if (bytes.len > 0) memcpy(seen->bytes + at, bytes.data, bytes.len);
  seen->len = at + bytes.len;
}

static void collect(struct fake *f, enum kind kind, struct rkv_call *call, unsigned *counter) {
  call->kind = kind;
  call->next = NULL;
  f->seen.deadline_ns = call->deadline_ns;
  f->seen.enveloped = call->envelope != NULL;
  if (call->envelope) f->seen.envelope = *call->envelope;
  f->seen.sender = rkv_call_sender(call);
  if (f->last)
    f->last->next = call;
  else
    f->first = call;
  f->last = call;
  (*counter)++;
  pthread_cond_broadcast(&f->changed);
  pthread_mutex_unlock(&f->mutex);
}

static struct fake *entered(void *ctx) {
  struct fake *f = ctx;
  (void)atomic_load(&client_asked);
  pthread_mutex_lock(&f->mutex);
  return f;
}

static void node_vote(void *ctx, struct rkv_vote_call *c) {
  struct fake *f = entered(ctx);
  f->seen.vote_in = c->vote;
  f->seen.last = c->last;
  f->seen.handed_over = c->transfer;
  collect(f, VOTE, &c->call, &f->seen.vote);
}

static void node_append(void *ctx, struct rkv_append_call *c) {
  struct fake *f = entered(ctx);
  f->seen.vote_in = c->vote;
  f->seen.prev = c->prev;
  f->seen.commit = c->commit;
  f->seen.entries = c->entry_count;
  if (c->entry_count > 0) {
    f->seen.entry = c->entries[c->entry_count - 1];
    note_bytes(&f->seen, f->seen.entry.payload, 0);
    f->seen.entry.payload = rkv_buf_none();
  }
  collect(f, APPEND, &c->call, &f->seen.append);
}

static void node_propose(void *ctx, struct rkv_propose_call *c) {
  struct fake *f = entered(ctx);
  note_bytes(&f->seen, c->command, 0);
  collect(f, PROPOSE, &c->call, &f->seen.propose);
}

static void node_query(void *ctx, struct rkv_query_call *c) {
  struct fake *f = entered(ctx);
  note_bytes(&f->seen, c->request, 0);
  f->seen.read = c->read;
  collect(f, QUERY, &c->call, &f->seen.query);
}

static void node_init(void *ctx, struct rkv_init_call *c) {
  struct fake *f = entered(ctx);
  f->seen.membership = *c->membership;
  collect(f, INIT, &c->call, &f->seen.init);
}

static void node_learner(void *ctx, struct rkv_membership_call *c) {
  struct fake *f = entered(ctx);
  f->seen.learner_in = c->learner;
  collect(f, LEARNER, &c->call, &f->seen.learner);
}

static void node_change(void *ctx, struct rkv_membership_call *c) {
  struct fake *f = entered(ctx);
  f->seen.voters = c->voters;
  f->seen.retain = c->retain;
  collect(f, CHANGE, &c->call, &f->seen.change);
}

static void node_metrics(void *ctx, struct rkv_metrics_call *c) {
  struct fake *f = entered(ctx);
  collect(f, METRICS, &c->call, &f->seen.metrics);
}

static void node_begin(void *ctx, struct rkv_snapshot_call *c) {
  struct fake *f = entered(ctx);
  f->seen.meta = c->meta;
  f->seen.meta.membership = rkv_buf_none();
  f->seen.vote_in = c->vote;
  f->seen.len = 0;
  collect(f, STEP, &c->call, &f->seen.begin);
}

static void node_write(void *ctx, struct rkv_snapshot_call *c) {
  struct fake *f = entered(ctx);
  note_bytes(&f->seen, c->chunk, f->seen.len);
  if (c->chunk.len > f->seen.write_max) f->seen.write_max = c->chunk.len;
  collect(f, STEP, &c->call, &f->seen.write);
}

static void node_finish(void *ctx, struct rkv_snapshot_call *c) {
  struct fake *f = entered(ctx);
  collect(f, STEP, &c->call, &f->seen.finish);
}

static void node_abort(void *ctx, struct rkv_snapshot_call *c) {
  struct fake *f = entered(ctx);
  collect(f, STEP, &c->call, &f->seen.abort);
}

static void node_pre_vote(void *ctx, struct rkv_vote_call *c) {
  struct fake *f = entered(ctx);
  f->seen.vote_in = c->vote;
  f->seen.last = c->last;
  collect(f, VOTE, &c->call, &f->seen.pre_vote);
}

static void node_timeout_now(void *ctx, struct rkv_timeout_now_call *c) {
  struct fake *f = entered(ctx);
  f->seen.vote_in = c->vote;
  f->seen.last = c->last;
  collect(f, OTHER, &c->call, &f->seen.timeout_now);
}

static void node_read_index(void *ctx, struct rkv_read_index_call *c) {
  struct fake *f = entered(ctx);
  f->seen.read = c->read;
  c->index = f->id;
  collect(f, OTHER, &c->call, &f->seen.read_index);
}

static void node_hello(void *ctx, struct rkv_hello_call *c) {
  struct fake *f = entered(ctx);
  c->id = f->id.term;
  c->incarnation = f->id.index;
  c->cluster = (struct rkv_cluster_id){f->matched.term, f->matched.index};
  rkv_hello_tell(c, f->newest, f->names);
  collect(f, OTHER, &c->call, &f->seen.hello);
}

static void node_transfer(void *ctx, struct rkv_transfer_call *c) {
  struct fake *f = entered(ctx);
  f->seen.target = c->target;
  collect(f, OTHER, &c->call, &f->seen.transfer);
}

static void node_snapshot_now(void *ctx, struct rkv_snapshot_now_call *c) {
  struct fake *f = entered(ctx);
  c->last = f->id;
  collect(f, OTHER, &c->call, &f->seen.snapshot_now);
}

/* ---- node: answering ---- */

static void fill_answer(struct fake *f, struct rkv_call *call) {
  switch ((enum kind)call->kind) {
  case VOTE: {
    struct rkv_vote_call *c = (struct rkv_vote_call *)call;
    c->granted = f->granted;
    c->voter_vote = f->vote;
    c->voter_last = f->matched;
    break;
  }
  case APPEND: {
    struct rkv_append_call *c = (struct rkv_append_call *)call;
    c->result = f->append_result;
    c->voter_vote = f->vote;
    c->matched = f->matched;
    rkv_append_promise(c, f->lease_ns);
    if (f->echo) c->matched = c->entry_count ? c->entries[c->entry_count - 1].id : c->prev;
    if (f->conflict_from && c->prev.index >= f->conflict_from) c->result = RKV_APPEND_CONFLICT;
    break;
  }
  case PROPOSE: ((struct rkv_propose_call *)call)->result = rkv_buf_share(f->result); break;
  case QUERY: ((struct rkv_query_call *)call)->response = rkv_buf_share(f->result); break;
  case INIT:
  case OTHER: break;
  case LEARNER:
  case CHANGE: {
    struct rkv_membership_call *c = (struct rkv_membership_call *)call;
    c->id = f->id;
    c->membership = rkv_buf_share(f->membership);
    break;
  }
  case METRICS: {
    struct rkv_metrics_call *c = (struct rkv_metrics_call *)call;
    c->leader = 1;
    c->state = "leader";
    c->vote = f->vote;
    c->last = f->id;
    c->applied = f->matched;
    c->membership = rkv_buf_share(f->membership);
    c->text = rkv_buf_share(f->text);
    break;
  }
  case STEP: {
    struct rkv_snapshot_call *c = (struct rkv_snapshot_call *)call;
    c->finished = f->finished;
    c->voter_vote = f->vote;
    c->chunk_max = f->chunk_max;
    break;
  }
  }
}

static void answer_all(struct fake *f) {
  struct rkv_call *call;
  pthread_mutex_lock(&f->mutex);
  call = f->first;
  f->first = f->last = NULL;
  pthread_mutex_unlock(&f->mutex);
  while (call) {
    struct rkv_call *next = call->next;
    const enum rkv_status status = f->status;
    const struct rkv_error error = f->error;
    if (status == RKV_OK) fill_answer(f, call);
    atomic_fetch_add(&client_asked, 1); /* the way back, for the test that writes its next line */
    call->done(call, status, status == RKV_OK ? NULL : &error);
    call = next;
  }
}

static void node_kick(void *ctx) {
  struct fake *f = entered(ctx);
  const bool parked = f->parked;
  f->seen.kick++;
  while (f->held) {
    f->waits = true;
    pthread_cond_broadcast(&f->changed);
    pthread_cond_wait(&f->changed, &f->mutex);
  }
  f->waits = false;
  pthread_mutex_unlock(&f->mutex);
  if (!parked) answer_all(f);
}

void fake_hold(struct fake *f) {
  pthread_mutex_lock(&f->mutex);
  f->held = true;
  while (!f->waits) pthread_cond_wait(&f->changed, &f->mutex);
  pthread_mutex_unlock(&f->mutex);
}

void fake_go(struct fake *f) {
  pthread_mutex_lock(&f->mutex);
  f->held = false;
  pthread_cond_broadcast(&f->changed);
  pthread_mutex_unlock(&f->mutex);
}

void fake_park(struct fake *f) {
  pthread_mutex_lock(&f->mutex);
  f->parked = true;
  pthread_mutex_unlock(&f->mutex);
}

void fake_release(struct fake *f) {
  pthread_mutex_lock(&f->mutex);
  f->parked = false;
  pthread_mutex_unlock(&f->mutex);
  answer_all(f);
}

void fake_release_reversed(struct fake *f) {
  struct rkv_call *call, *next, *reversed = NULL;
  pthread_mutex_lock(&f->mutex);
  f->parked = false;
  for (call = f->first; call; call = next) {
    next = call->next;
    call->next = reversed;
    reversed = call;
  }
  f->first = reversed;
  pthread_mutex_unlock(&f->mutex);
  answer_all(f);
}

struct fake_seen fake_look(struct fake *f) {
  struct fake_seen copy;
  pthread_mutex_lock(&f->mutex);
  copy = f->seen;
  pthread_mutex_unlock(&f->mutex);
  return copy;
}

void fake_await(struct fake *f, const unsigned *counter, unsigned n) {
  struct timespec until;
  int code = 0;
  bool reached;
  clock_gettime(CLOCK_REALTIME, &until);
  until.tv_sec += PATIENCE_MS / 1000;
  pthread_mutex_lock(&f->mutex);
  while (*counter < n && code == 0) code = pthread_cond_timedwait(&f->changed, &f->mutex, &until);
  reached = *counter >= n;
  pthread_mutex_unlock(&f->mutex);
  assert_true(reached);
}

static struct table {
  void (*swap_storage)(void *ctx, struct rkv_swap_call *call);
  uint32_t struct_size; /* 0: of a whole table */
} table;

void fake_node_table(void (*swap_storage)(void *ctx, struct rkv_swap_call *call),
                     uint32_t struct_size) {
  table = (struct table){swap_storage, struct_size};
}

void fake_node_make(struct fake *f) {
  f->api = (struct rkv_node_api){
      .struct_size = table.struct_size ? table.struct_size : sizeof f->api,
      .swap_storage = table.swap_storage,
      .ctx = f,
      .vote = node_vote,
      .append = node_append,
      .snapshot_begin = node_begin,
      .snapshot_write = node_write,
      .snapshot_finish = node_finish,
      .snapshot_abort = node_abort,
      .propose = node_propose,
      .query = node_query,
      .init = node_init,
      .add_learner = node_learner,
      .change_membership = node_change,
      .metrics = node_metrics,
      .kick = node_kick,
      .pre_vote = node_pre_vote,
      .timeout_now = node_timeout_now,
      .read_index = node_read_index,
      .transfer = node_transfer,
      .snapshot_now = node_snapshot_now,
      .hello = node_hello,
  };
}
