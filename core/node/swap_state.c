/* swap_state.c: what is said of a swap (swap_state.h). */
#include <node/swap_state.h>

#include <node/kernel/answer.h>
#include <node/kernel/gate.h>
#include <node/kernel/state.h>

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void swap_say(struct node *n, const char *format, ...) {
  va_list args;
  va_start(args, format);
  (void)vsnprintf(n->swap.text, sizeof n->swap.text, format, args);
  va_end(args);
}

void swap_discard(struct swap *s) {
  struct node *n = s->n;
  assert(!s->call && n->swap.running == s);
  swap_work_free(&s->work);
  free(s);
  n->swap.running = NULL;
  n->swap.due_ns = 0;
}

/* ---- answers ---- */

void swap_answer(struct node *n, struct rkv_swap_call *call, const char *text) {
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

void swap_refuse(struct swap *s, const struct rkv_error *error) {
  struct rkv_swap_call *call = s->call;
  s->call = NULL;
  if (!call) return;
  gate_leave(s->n, &call->call);
  answer_fail(&call->call, error);
}

/* ---- what others see ---- */

uint32_t swap_phase(const struct node *n, uint64_t *done, uint64_t *total) {
  static const uint32_t of_mirror[] = {[MIRROR_SNAPSHOT] = RKV_SWAP_PHASE_SNAPSHOT,
                                       [MIRROR_LOG] = RKV_SWAP_PHASE_LOG,
                                       [MIRROR_COMPARING] = RKV_SWAP_PHASE_COMPARING};
  const struct swap *s = n->swap.running;
  *done = *total = 0;
  if (!s) return n->swap.ended;
  if (s->step == SWAP_DROPPING) return RKV_SWAP_PHASE_CLEARING;
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

bool swap_holds_installs(const struct node *n) {
  return n->swap.running && n->swap.running->step == SWAP_RETIRING;
}

bool swap_waits(const struct node *n) {
  return n->swap.running && n->swap.running->call;
}
