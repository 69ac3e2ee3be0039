/* service_write.c: rkv.v1.Stream/Write: many commands per message, one answer per message, in
 * order.
 *
 * (W1) Every command of a message is proposed by itself, in order, and has its own result; what one
 *      is refused for does not touch the others.
 * (W2) `left` counts the commands that the node has, and the hand-in itself; who brings it to 0
 *      answers the message.
 * (W3) A failure that is not the command's own (this node does not lead, or is stopping) ends the
 *      stream behind the message's answer with the status and the metadata that Set has for it. */
#include <raft-wire/wire/codec.h>
#include "inflow.h"

#include <assert.h>
#include <stdlib.h>

#define WRITES_MAX 64             /* messages of one stream that are not answered */
#define WRITE_BYTES_MAX (8 * MIB) /* of memory for these, the last one not counted */
#define WRITE_STREAMS_MAX 1024    /* open at once */

struct write;

struct command {
  struct rkv_propose_call node; /* first */
  struct write *write;
};

struct write {
  struct inflow_request head; /* first */
  atomic_size_t left;
  atomic_bool ended; /* `status` and `error` are taken: (W3) */
  enum rkv_status status;
  struct rkv_error error;
  size_t count;
  struct codec_write_result *results; /* behind the commands */
  struct command commands[];
};

/* ---- answers ---- */

static void answer(struct write *w) {
  grpc_slice slice = codec_write_answer_encode(w->results, w->count);
  assert((w->status != RKV_OK) == atomic_load(&w->ended)); /* (W3) */
  for (size_t i = 0; i < w->count; i++) {
    rkv_buf_drop(&w->results[i].answer);
    free(w->results[i].text);
  }
  if (w->status == RKV_OK)
    inflow_done(&w->head, &slice, false, RKV_OK, NULL);
  else
    inflow_done(&w->head, &slice, true, w->status, &w->error);
}

static void one_less(struct write *w) {
  const size_t before = atomic_fetch_sub_explicit(&w->left, 1, memory_order_acq_rel);
  assert(before > 0); /* (W2) */
  if (before == 1) answer(w);
}

/* What is wrong with the command alone, or with the moment. */
static bool is_own(enum rkv_status status) {
  return status == RKV_INVALID || status == RKV_TOO_LARGE || status == RKV_FULL;
}

static void note_failure(struct command *c, struct codec_write_result *result,
                         enum rkv_status status, const struct rkv_error *error) {
  struct write *w = c->write;
  result->code = (uint32_t)answer_code(status);
  result->text = strdup(error ? error->text : rkv_status_name(status)); /* NULL: the code speaks */
  server_count_refusal(w->head.flow->t, status, NULL, error);
  if (is_own(status) || atomic_exchange(&w->ended, true)) return;
  w->status = status;
  if (error)
    w->error = *error;
  else
    (void)rkv_fail(&w->error, status, "%s", rkv_status_name(status));
}

static void command_done(struct rkv_call *call, enum rkv_status status,
                         const struct rkv_error *error) {
  struct command *c = (struct command *)call;
  struct codec_write_result *result = &c->write->results[c - c->write->commands];
  assert(c->write->commands <= c && c < c->write->commands + c->write->count); /* (W1) */
  if (status == RKV_OK)
    result->answer = c->node.result;
  else
    note_failure(c, result, status, error);
  one_less(c->write);
}

/* ---- requests ---- */

static enum rkv_status write_read(struct inflow *f, struct rkv_buf bytes,
                                  struct inflow_request **out, struct rkv_error *error) {
  struct codec_commands commands;
  struct write *w;
  size_t count, size;
  enum rkv_status status = codec_write_open(bytes, &commands, &count, error);
  if (status != RKV_OK) return status;
  size = sizeof *w + count * (sizeof w->commands[0] + sizeof w->results[0]);
  w = calloc(1, size);
  if (!w) return rkv_fail(error, RKV_NO_MEMORY, "no memory for %zu commands", count);
  w->count = count;
  w->results = (struct codec_write_result *)(void *)&w->commands[count];
  atomic_init(&w->left, count + 1);
  for (size_t i = 0; i < count; i++) {
    struct command *c = &w->commands[i];
    c->write = w;
    c->node.command = codec_write_next(&commands);
    c->node.call.abi_minor = RKV_ABI_MINOR;
    c->node.call.done = command_done;
    c->node.call.deadline_ns = f->deadline_ns;
  }
  w->head.len = bytes.len + size;
  *out = &w->head;
  return RKV_OK;
}

static void write_hand_in(struct inflow_request *r) {
  struct write *w = (struct write *)r;
  const struct rkv_node_api *node = r->flow->t->node;
  for (size_t i = 0; i < w->count; i++) node->propose(node->ctx, &w->commands[i].node);
  one_less(w);
}

const struct inflow_kind service_write = {
    .path = "/rkv.v1.Stream/Write",
    .name = "write stream",
    .streams_max = WRITE_STREAMS_MAX,
    .requests_max = WRITES_MAX,
    .bytes_max = WRITE_BYTES_MAX,
    .read = write_read,
    .hand_in = write_hand_in,
};
