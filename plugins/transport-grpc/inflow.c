/* inflow.c: receives requests from one stream and answers them in order; invariants in inflow.h. */
#include "inflow.h"

#include <grpc/byte_buffer.h>
#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include "keep.h"

#define INFLOW_OF(tag_, member)                                                                    \
  ((struct inflow *)(void *)((char *)(tag_)-offsetof(struct inflow, member)))

/* ---- batches ---- */

/* Counted as pending already; an event comes whatever happens. */
static void start(struct inflow *f, const grpc_op *ops, size_t n, struct tag *tag) {
  grpc_call_error e = transport_batch(f->call, ops, n, tag);
  if (e == GRPC_CALL_OK) return;
  rkv_log(f->t->host, RKV_LOG_ERROR, TRANSPORT_LOG, "%s batch refused error=%d", f->kind->name,
          (int)e);
  f->t->host->fatal(f->t->host->ctx, RKV_BROKEN, "gRPC refused a batch of a stream");
  transport_post(f->t, tag);
}

/* What there is to do for a stream: found under the mutex, started without it. */
struct work {
  grpc_op send[ANSWER_OPS_MAX];
  size_t send_count;
  const grpc_byte_buffer *message; /* of these, NULL: none */
  bool read;
};

/* ---- what to send, under the mutex ---- */

static bool is_ready(const struct inflow_request *r) {
  return r && r->done && !r->ends;
}

static struct inflow_request *take_first(struct inflow *f) {
  struct inflow_request *r = f->first;
  assert(r && r->done && f->requests > 0); /* (F2) */
  f->first = r->next;
  if (!f->first) f->end = &f->first;
  f->requests--;
  f->bytes -= r->len;
  return r;
}

/* The status, behind the message in f->out if there is one. */
static void send_end(struct inflow *f, struct work *work) {
  assert(!f->ended && !f->sending); /* (F3) */
  f->ended = true;
  f->answer.message = f->out;
  f->out = NULL;
  work->send_count = answer_ops(&f->answer, !f->initial_sent, work->send);
}

static void send_message(struct inflow *f, struct work *work) {
  grpc_op *op = work->send;
  memset(work->send, 0, sizeof work->send);
  if (!f->initial_sent) (op++)->op = GRPC_OP_SEND_INITIAL_METADATA;
  op->op = GRPC_OP_SEND_MESSAGE;
  op->data.send_message.send_message = f->out;
  /* If the next one follows at once the core may wait with this one, but not with the metadata: it
   * would take neither for sent then. */
  if (f->initial_sent && is_ready(f->first)) op->flags = GRPC_WRITE_BUFFER_HINT;
  work->send_count = (size_t)(op - work->send) + 1;
}

/* Frees a request that was answered or never will be. */
static void request_free(struct inflow_request *r) {
  if (r->answered) grpc_slice_unref(r->answer);
  rkv_buf_drop(&r->bytes);
  free(r);
}

/* Takes the first request, which is done; true if the stream ends with it. */
static bool take_answer(struct inflow *f) {
  struct inflow_request *r = take_first(f);
  const bool ends = r->ends;
  if (r->answered) f->out = grpc_raw_byte_buffer_create(&r->answer, 1);
  if (ends) answer_end(&f->answer);
  if (r->status != RKV_OK) {
    answer_refusal(&f->answer, r->status, &r->error);
    server_count_refusal(f->t, r->status, f->kind->of_peers ? f->kind->path : NULL, &r->error);
  }
  request_free(r);
  return ends;
}

static void find_send(struct inflow *f, struct work *work) {
  if (f->sending || f->ended) return;
  if (f->first && f->first->done) {
    if (take_answer(f) || (f->last && !f->first))
      send_end(f, work);
    else
      send_message(f, work);
  } else if (!f->first && f->last) {
    send_end(f, work);
  }
  if (work->send_count == 0) return;
  work->message = f->out ? f->out : f->answer.message;
  f->initial_sent = true;
  f->sending = true;
  f->pending++;
}

static void find_read(struct inflow *f, struct work *work) {
  if (f->reading || f->last || f->ended) return;
  if (f->requests >= f->kind->requests_max || f->bytes >= f->kind->bytes_max) return;
  work->read = true;
  f->reading = true;
  f->pending++;
}

static void find_work(struct inflow *f, struct work *work) {
  work->send_count = 0;
  work->read = false;
  find_send(f, work);
  find_read(f, work);
}

static void do_work(struct inflow *f, const struct work *work) {
  if (work->send_count > 0) {
    untaken_add(server_untaken(f->t), &f->untaken, f->call, work->message);
    start(f, work->send, work->send_count, &f->sent);
  }
  if (!work->read) return;
  grpc_op op = {.op = GRPC_OP_RECV_MESSAGE};
  op.data.recv_message.recv_message = &f->message;
  start(f, &op, 1, &f->received);
}

/* ---- events ---- */

/* The end of an event: goes on with what there is to do, and lets the event's count go. The stream
 * may be gone afterwards. */
static void leave(struct inflow *f) {
  struct work work;
  bool over;
  pthread_mutex_lock(&f->mutex);
  assert(f->pending > 0); /* (F4) */
  find_work(f, &work);
  over = --f->pending == 0;
  pthread_mutex_unlock(&f->mutex);
  do_work(f, &work);
  if (over) inflows_end(f); /* nothing was found then: a batch found would be pending */
}

static void on_woken(struct tag *self, bool ok) {
  (void)ok; /* posted by inflow_done */
  leave(INFLOW_OF(self, woken));
}

static void on_sent(struct tag *self, bool ok) {
  struct inflow *f = INFLOW_OF(self, sent);
  untaken_remove(server_untaken(f->t), &f->untaken);
  pthread_mutex_lock(&f->mutex);
  if (f->out) grpc_byte_buffer_destroy(f->out);
  f->out = NULL;
  f->sending = false;
  f->ended |= !ok; /* nobody is there any more */
  pthread_mutex_unlock(&f->mutex);
  leave(f);
}

static void on_closed(struct tag *self, bool ok) {
  struct inflow *f = INFLOW_OF(self, closed);
  (void)ok; /* the event tells it */
  pthread_mutex_lock(&f->mutex);
  f->ended = true;
  pthread_mutex_unlock(&f->mutex);
  leave(f);
}

/* ---- requests ---- */

/* No request will be taken any more; status is RKV_OK: all is well. Under the mutex. A stream that
 * has ended keeps its answer: that is on its way. */
static void finish(struct inflow *f, enum rkv_status status, const struct rkv_error *error) {
  if (f->last || f->ended) return;
  f->last = true;
  if (status == RKV_OK) return;
  server_count_refusal(f->t, status, f->kind->of_peers ? f->kind->path : NULL, error);
  rkv_log(f->t->host, RKV_LOG_DEBUG, TRANSPORT_LOG, "%s ends status=%s text=\"%s\"", f->kind->name,
          rkv_status_name(status), error->text);
  if (status == RKV_TOO_LARGE && f->kind->of_peers)
    answer_over_limit(&f->answer, f->limit);
  else
    answer_refusal(&f->answer, status, error);
}

void inflow_done(struct inflow_request *r, const grpc_slice *answer, bool ends,
                 enum rkv_status status, const struct rkv_error *error) {
  struct inflow *f = r->flow;
  struct work work;
  bool dead;
  r->ends = ends;
  r->status = status;
  r->answered = answer != NULL;
  if (answer) r->answer = *answer;
  if (error)
    r->error = *error;
  else if (status != RKV_OK)
    (void)rkv_fail(&r->error, status, "%s", rkv_status_name(status));
  rkv_buf_drop(&r->bytes);
  pthread_mutex_lock(&f->mutex);
  assert(!r->done && f->pending > 0); /* (F4), (F5) */
  r->done = true;
  find_work(f, &work);
  dead = f->pending == 1;
  if (!dead) f->pending--;
  pthread_mutex_unlock(&f->mutex);
  if (dead)
    transport_post(f->t, &f->woken);
  else
    do_work(f, &work);
}

static enum rkv_status read_request(struct inflow *f, grpc_byte_buffer *message,
                                    struct inflow_request **out, struct rkv_error *error) {
  struct rkv_buf bytes = rkv_buf_none();
  enum rkv_status status = server_check_message(f->t, message, f->limit, error);
  if (status == RKV_OK) status = keep_message(f->t->host, message, &bytes, error);
  if (status == RKV_OK) status = f->kind->read(f, bytes, out, error);
  if (status == RKV_OK)
    (*out)->bytes = bytes;
  else
    rkv_buf_drop(&bytes);
  return status;
}

static void hand_in(struct inflow *f, struct inflow_request *r) {
  r->flow = f;
  pthread_mutex_lock(&f->mutex);
  *f->end = r;
  f->end = &r->next;
  f->requests++;
  assert(f->requests <= f->kind->requests_max); /* (F1) */
  f->bytes += r->len;
  f->pending++;
  pthread_mutex_unlock(&f->mutex);
  f->kind->hand_in(r);
}

static void on_message(struct inflow *f, grpc_byte_buffer *message) {
  struct inflow_request *r;
  struct rkv_error error;
  enum rkv_status status = read_request(f, message, &r, &error);
  server_count(f->t, SERVER_COUNT_requests);
  if (status == RKV_OK) {
    hand_in(f, r);
    return;
  }
  pthread_mutex_lock(&f->mutex);
  finish(f, status, &error);
  pthread_mutex_unlock(&f->mutex);
}

/* The end of a received event: awaits the next message. Not before the one received was handed in,
 * lest the next overtake it. */
static void on_resume(struct tag *self, bool ok) {
  struct inflow *f = INFLOW_OF(self, resume);
  (void)ok; /* by transport_after_kick, or on_received */
  pthread_mutex_lock(&f->mutex);
  f->reading = false;
  pthread_mutex_unlock(&f->mutex);
  leave(f);
}

static void on_received(struct tag *self, bool ok) {
  struct inflow *f = INFLOW_OF(self, received);
  grpc_byte_buffer *message = f->message;
  bool late;
  f->message = NULL;
  f->heard = true;
  pthread_mutex_lock(&f->mutex);
  late = f->last || f->ended;
  /* A stream that broke looks like one that was closed; the status then reaches nobody. */
  if (!late && (!ok || !message)) finish(f, RKV_OK, NULL);
  pthread_mutex_unlock(&f->mutex);
  if (message && !late) on_message(f, message);
  if (message) grpc_byte_buffer_destroy(message);
  if (f->kind->patient)
    transport_after_kick(f->t, &f->resume);
  else
    on_resume(&f->resume, true);
}

/* ---- the stream as a whole ---- */

void inflow_begin(struct inflow *f, enum rkv_status status, const struct rkv_error *error) {
  grpc_op op = {.op = GRPC_OP_RECV_CLOSE_ON_SERVER};
  op.data.recv_close_on_server.cancelled = &f->cancelled;
  f->closed.fn = on_closed;
  f->received.fn = on_received;
  f->sent.fn = on_sent;
  f->woken.fn = on_woken;
  f->resume.fn = on_resume;
  f->end = &f->first;
  f->deadline_ns = transport_from_gpr(f->t, f->deadline);
  f->begun_ns = transport_now(f->t);
  f->heard = status != RKV_OK; /* nothing is awaited */
  f->pending = 2;              /* the close, and this function */
  start(f, &op, 1, &f->closed);
  if (status != RKV_OK) {
    pthread_mutex_lock(&f->mutex);
    finish(f, status, error);
    pthread_mutex_unlock(&f->mutex);
  }
  leave(f);
}

static void give_up(struct inflow *f, enum rkv_status status, const struct rkv_error *error) {
  pthread_mutex_lock(&f->mutex);
  f->pending++;
  finish(f, status, error);
  pthread_mutex_unlock(&f->mutex);
  leave(f);
}

void inflow_tick(struct inflow *f, uint64_t now_ns, bool draining) {
  const uint64_t patience = f->t->options.first_message_timeout;
  enum rkv_status status = RKV_OK;
  struct rkv_error error;
  if (draining) {
    status = transport_stopping(f->t, &error);
  } else if (!f->heard && transport_has_passed(now_ns, f->begun_ns, patience)) {
    f->heard = true; /* once is enough */
    server_ended(f->t, ENDED_SILENT);
    status = rkv_fail(&error, RKV_TIMEOUT,
                      "%s: no message came for %" PRIu64 " ms (the limit here: "
                      "first_message_timeout)",
                      f->kind->name, patience / MS);
  }
  if (status != RKV_OK) give_up(f, status, &error);
}

void inflow_free(struct inflow *f) {
  assert(f->pending == 0); /* (F4) */
  for (struct inflow_request *r = f->first, *next; r; r = next) {
    next = r->next;
    request_free(r);
  }
  answer_end(&f->answer);
  grpc_metadata_array_destroy(&f->metadata);
  pthread_mutex_destroy(&f->mutex);
  free(f);
}
