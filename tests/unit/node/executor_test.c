/* executor_test.c: the production executor's worker: it runs every job once, in order, and never a
 * job inside another one, with a thread or without. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <node/kernel/executor.h>

#define STEPS 100000 /* as many as a snapshot of 100 GB has */

/* A long job: each step posts the next one, as those of snapshots do. */
struct work {
  struct node_job job; /* first: what the executor knows */
  struct node_executor *executor;
  unsigned left, done, depth, depth_max;
  struct work *then; /* posted with the first step */
};

static void step(struct node_job *job) {
  struct work *work = (struct work *)job;
  struct work *then = work->then;
  if (++work->depth > work->depth_max) work->depth_max = work->depth;
  work->done++;
  work->then = NULL;
  if (then) work->executor->post(work->executor->ctx, &then->job);
  if (--work->left > 0) work->executor->post(work->executor->ctx, job);
  work->depth--;
}

static struct work work_of(struct node_executor *executor, unsigned steps) {
  return (struct work){.job.run = step, .executor = executor, .left = steps};
}

static void post_long(struct node_executor *executor) {
  struct work other = work_of(executor, 10), work = work_of(executor, STEPS);
  work.then = &other;
  executor->post(executor->ctx, &work.job);
  assert_int_equal(work.done, STEPS);
  assert_int_equal(work.depth_max, 1);
  assert_int_equal(other.done, 10);
}

static void without_a_thread_a_job_is_not_run_inside_itself(void **state) {
  struct node_executor *executor;
  struct rkv_error error;
  (void)state;
  assert_int_equal(node_executor_new(&executor, &error), RKV_OK);
  post_long(executor); /* the executor has not started yet */
  assert_int_equal(node_executor_start(executor, NULL, &error), RKV_OK);
  node_executor_stop(executor);
  post_long(executor);
  node_executor_free(executor);
}

static void stop_runs_what_was_posted(void **state) {
  struct node_executor *executor;
  struct rkv_error error;
  (void)state;
  assert_int_equal(node_executor_new(&executor, &error), RKV_OK);
  assert_int_equal(node_executor_start(executor, NULL, &error), RKV_OK);
  struct work other = work_of(executor, 10), work = work_of(executor, STEPS);
  work.then = &other;
  executor->post(executor->ctx, &work.job);
  node_executor_stop(executor);
  assert_int_equal(work.done, STEPS);
  assert_int_equal(work.depth_max, 1);
  assert_int_equal(other.done, 10);
  node_executor_free(executor);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(without_a_thread_a_job_is_not_run_inside_itself),
      cmocka_unit_test(stop_runs_what_was_posted),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
