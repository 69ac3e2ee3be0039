/* pollers_test.c: whoever stops the transport sees whether a thread still has something in hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <sched.h>
#include <semaphore.h>

#include "pollers.h"

struct held {
  struct tag tag;
  sem_t begun, may_end;
};

static void hold(struct tag *self, bool ok) {
  struct held *held = (struct held *)self;
  (void)ok;
  (void)sem_post(&held->begun);
  (void)sem_wait(&held->may_end);
}

static void kick(void *ctx) {
  (void)ctx;
}

static uint64_t now_ns(void *ctx) {
  const gpr_timespec now = gpr_now(GPR_CLOCK_MONOTONIC);
  (void)ctx;
  return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

/* An event that left the queue is in hand until its handler has returned: a queue that is shut down
 * before that has no place for what the handler begins. */
static void an_event_in_hand_is_seen(void **state) {
  const struct rkv_host host = {.now_ns = now_ns};
  const struct rkv_node_api node = {.kick = kick};
  struct transport t = {.host = &host, .node = &node};
  struct held held = {.tag.fn = hold};
  struct pollers_mark mark;
  struct rkv_error error;
  (void)state;
  grpc_init();
  t.cq = grpc_completion_queue_create_for_next(NULL);
  t.post_channel = grpc_lame_client_channel_create("post", GRPC_STATUS_UNAVAILABLE, "post");
  t.post_call = grpc_channel_create_call(t.post_channel, NULL, GRPC_PROPAGATE_DEFAULTS, t.cq,
                                         grpc_slice_from_static_string("/post"), NULL,
                                         gpr_inf_future(GPR_CLOCK_REALTIME), NULL);
  t.pollers = pollers_new(&t);
  assert_non_null(t.pollers);
  (void)sem_init(&held.begun, 0, 0);
  (void)sem_init(&held.may_end, 0, 0);
  assert_int_equal(pollers_start(t.pollers, &error), RKV_OK);
  transport_post(&t, &held.tag);
  (void)sem_wait(&held.begun);
  pollers_mark(t.pollers, &mark);
  assert_false(pollers_passed(t.pollers, &mark));
  (void)sem_post(&held.may_end);
  while (!pollers_passed(t.pollers, &mark)) (void)sched_yield();
  grpc_call_unref(t.post_call);
  grpc_channel_destroy(t.post_channel);
  grpc_completion_queue_shutdown(t.cq);
  pollers_join(t.pollers);
  grpc_completion_queue_destroy(t.cq);
  pollers_free(t.pollers);
  (void)sem_destroy(&held.begun);
  (void)sem_destroy(&held.may_end);
  grpc_shutdown_blocking();
}

int main(void) {
  const struct CMUnitTest stories[] = {cmocka_unit_test(an_event_in_hand_is_seen)};
  return cmocka_run_group_tests(stories, NULL, NULL);
}
