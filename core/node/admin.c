/* admin.c: takes an operator's call apart (admin.h), and puts its answer together. */
#include <node/admin.h>

#include <node/kernel/answer.h>
#include <node/kernel/gate.h>
#include <node/kernel/state.h>
#include <node/meaning.h>
#include <node/swap_words.h>

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* A swap that was asked for by its name. */
struct admin_swap {
  struct rkv_swap_call swap; /* first */
  struct node *n;
  struct rkv_admin_call *asked;
  void *space;
};

static void refuse_method(struct node *n, struct rkv_admin_call *call) {
  const char *wrong = rkv_admin_method_refusal(call->method);
  if (wrong)
    answer_failf(&call->call, RKV_INVALID, "method: %s", wrong);
  else
    answer_failf(&call->call, RKV_UNIMPLEMENTED,
                 "node %" PRIu64 " knows no method \"%s\" (it knows"
#define ADMIN_METHOD_TEXT(name, text) " " text
                 RKV_ADMIN_METHOD_LIST(ADMIN_METHOD_TEXT)
#undef ADMIN_METHOD_TEXT
                     ")",
                 n->plugins.host->node_id, call->method);
}

/* ---- swap-storage ---- */

/* What was asked has happened, so a lack of memory must not sound like "not done". */
static enum rkv_status give_answer(const struct admin_swap *a, struct rkv_error *error) {
  const struct rkv_host *host = a->n->plugins.host;
  size_t len = 0;
  char *text = swap_words_answer(&a->swap, &len);
  uint8_t *bytes = text ? host->buf_alloc(host->ctx, len, &a->asked->answer) : NULL;
  if (bytes) memcpy(bytes, text, len);
  free(text);
  if (bytes) return RKV_OK;
  return rkv_fail(error, RKV_ABORTED, "it was taken, but there is no memory for the answer");
}

static void swap_ended(struct rkv_call *call, enum rkv_status status,
                       const struct rkv_error *error) {
  struct admin_swap *a = (struct admin_swap *)call;
  struct rkv_call *asked = &a->asked->call;
  struct rkv_error own;
  if (status == RKV_OK) {
    status = give_answer(a, &own);
    rkv_buf_drop(&a->swap.text);
    error = status == RKV_OK ? NULL : &own;
  }
  asked->done(asked, status, error);
  free(a->space);
  free(a);
}

static void ask_swap(struct node *n, struct rkv_admin_call *call) {
  struct admin_swap *a = calloc(1, sizeof *a);
  struct rkv_error error;
  enum rkv_status status;
  if (!a) {
    answer_failf(&call->call, RKV_NO_MEMORY, "no memory for the request");
    return;
  }
  a->n = n;
  a->asked = call;
  a->swap.call.done = swap_ended;
  a->swap.call.deadline_ns = call->call.deadline_ns;
  a->swap.call.abi_minor = RKV_ABI_MINOR;
  status = swap_words_read_request(call->request, &a->swap, &a->space, &error);
  if (status == RKV_OK) {
    gate_enter(n, &a->swap.call, NODE_SWAP);
    return;
  }
  free(a->space);
  free(a);
  answer_fail(&call->call, &error);
}

/* ---- metrics-help ---- */

static void tell_help(struct node *n, struct rkv_admin_call *call) {
  const struct rkv_host *host = n->plugins.host;
  char *text = NULL;
  uint8_t *bytes = NULL;
  size_t len;
  if (call->request.len > 0) {
    answer_failf(&call->call, RKV_INVALID, "request: metrics-help takes none");
    return;
  }
  text = malloc(MEANING_BYTES_MAX);
  len = text ? meaning_lines(n, text, MEANING_BYTES_MAX) : 0;
  if (text) bytes = host->buf_alloc(host->ctx, len, &call->answer);
  if (bytes) memcpy(bytes, text, len);
  free(text);
  if (bytes)
    call->call.done(&call->call, RKV_OK, NULL);
  else
    answer_failf(&call->call, RKV_NO_MEMORY, "no memory for the answer");
}

/* ---- all ---- */

void admin_ask(struct node *n, struct rkv_admin_call *call) {
  call->answer = rkv_buf_none();
  if (rkv_admin_method_refusal(call->method))
    refuse_method(n, call);
  else if (strcmp(call->method, "swap-storage") == 0)
    ask_swap(n, call);
  else if (strcmp(call->method, "metrics-help") == 0)
    tell_help(n, call);
  else
    refuse_method(n, call);
}
