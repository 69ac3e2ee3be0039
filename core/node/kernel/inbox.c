/* inbox.c: a lock-free stack taken whole (inbox.h). */
#include <node/kernel/inbox.h>

void inbox_push(struct inbox *inbox, struct rkv_call *call) {
  struct rkv_call *top = atomic_load_explicit(&inbox->top, memory_order_relaxed);
  do {
    call->next = top;
  } while (!atomic_compare_exchange_weak_explicit(&inbox->top, &top, call, memory_order_release,
                                                  memory_order_relaxed));
}

struct rkv_call *inbox_take(struct inbox *inbox) {
  struct rkv_call *newest = atomic_exchange_explicit(&inbox->top, NULL, memory_order_acquire);
  struct rkv_call *oldest = NULL;
  while (newest) {
    struct rkv_call *next = newest->next;
    newest->next = oldest;
    oldest = newest;
    newest = next;
  }
  return oldest;
}

bool inbox_empty(struct inbox *inbox) {
  return atomic_load_explicit(&inbox->top, memory_order_relaxed) == NULL;
}
