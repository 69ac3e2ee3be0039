/* leaves_test.c: the leaf modules of core/node: inbox, hot tail, entries read ahead for a peer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdlib.h>

#include <node/kernel/ahead.h>
#include <node/kernel/inbox.h>
#include <node/kernel/tail.h>

/* ---- inbox ---- */

/* What was pushed comes out once, oldest first, as one batch. */
static void inbox_gives_back_in_order(void **state) {
  (void)state;
  struct inbox inbox = {NULL};
  struct rkv_call calls[3] = {0};
  assert_true(inbox_empty(&inbox));
  for (int i = 0; i < 3; i++) inbox_push(&inbox, &calls[i]);
  struct rkv_call *first = inbox_take(&inbox);
  assert_ptr_equal(first, &calls[0]);
  assert_ptr_equal(first->next, &calls[1]);
  assert_ptr_equal(first->next->next, &calls[2]);
  assert_null(first->next->next->next);
  assert_null(inbox_take(&inbox));
}

enum { PUSHERS = 4, PUSHES = 20000 };

struct pusher {
  struct inbox *inbox;
  struct rkv_call *calls;
};

static void *push_all(void *arg) {
  struct pusher *p = arg;
  for (uint32_t i = 0; i < PUSHES; i++) {
    p->calls[i].deadline_ns = i;
    inbox_push(p->inbox, &p->calls[i]);
  }
  return NULL;
}

/* Many threads push while one takes: nothing is lost, and each thread's order is kept. */
static void inbox_keeps_each_threads_order(void **state) {
  (void)state;
  struct inbox inbox = {NULL};
  struct pusher pushers[PUSHERS];
  pthread_t threads[PUSHERS];
  uint32_t next[PUSHERS] = {0};
  size_t taken = 0;
  for (uint32_t t = 0; t < PUSHERS; t++) {
    pushers[t].inbox = &inbox;
    pushers[t].calls = calloc(PUSHES, sizeof *pushers[t].calls);
    assert_non_null(pushers[t].calls);
    for (size_t i = 0; i < PUSHES; i++) pushers[t].calls[i].kind = t;
    assert_int_equal(pthread_create(&threads[t], NULL, push_all, &pushers[t]), 0);
  }
  while (taken < (size_t)PUSHERS * PUSHES) {
    for (struct rkv_call *c = inbox_take(&inbox); c; c = c->next, taken++) {
      assert_int_equal(c->deadline_ns, next[c->kind]);
      next[c->kind]++;
    }
  }
  for (int t = 0; t < PUSHERS; t++) {
    pthread_join(threads[t], NULL);
    free(pushers[t].calls);
  }
  assert_true(inbox_empty(&inbox));
}

/* ---- hot tail ---- */

static struct rkv_entry entry(rkv_index index) {
  static const char bytes[10] = "123456789";
  return (struct rkv_entry){
      .id = {1, index}, .kind = RKV_ENTRY_COMMAND, .payload = rkv_buf_static(bytes, sizeof bytes)};
}

static void append(struct tail *tail, rkv_index from, rkv_index to) {
  for (rkv_index i = from; i <= to; i++) {
    struct rkv_entry e = entry(i);
    assert_int_equal(tail_append(tail, &e, 1), RKV_OK);
  }
}

/* Walks from..to over the spans and says how many entries it saw, in order. */
static size_t walk(const struct tail *tail, rkv_index from, rkv_index to) {
  size_t seen = 0, count;
  while (from <= to) {
    const struct rkv_entry *span = tail_span(tail, from, to, &count);
    if (count == 0) break;
    for (size_t i = 0; i < count; i++) assert_int_equal(span[i].id.index, from + i);
    from += count;
    seen += count;
  }
  return seen;
}

/* Entries are found by index, also where the ring wraps and after it grew. */
static void tail_finds_entries(void **state) {
  (void)state;
  struct tail tail = {0};
  append(&tail, 5, 204);
  tail_drop(&tail, 150);
  append(&tail, 205, 390); /* wraps */
  assert_int_equal(walk(&tail, 151, 390), 240);
  append(&tail, 391, 1000); /* grows */
  assert_int_equal(walk(&tail, 151, 1000), 850);
  assert_false(tail_has(&tail, 150));
  assert_true(tail_has(&tail, 151));
  assert_true(tail_has(&tail, 1000));
  assert_false(tail_has(&tail, 1001));
  assert_int_equal(walk(&tail, 150, 1000), 0);
  tail_free(&tail);
}

/* Truncation and trimming keep (T2): an empty tail weighs nothing. */
static void tail_counts_bytes(void **state) {
  (void)state;
  struct tail tail = {0};
  append(&tail, 1, 100);
  uint64_t full = tail.bytes;
  tail_truncate(&tail, 50);
  assert_int_equal(tail.bytes, full / 2);
  assert_false(tail_has(&tail, 51));
  append(&tail, 51, 60); /* the log goes on where it was cut */
  tail_trim(&tail, 20, 0);
  assert_false(tail_has(&tail, 20));
  assert_true(tail_has(&tail, 21)); /* never above up_to */
  tail_drop(&tail, 60);
  assert_int_equal(tail.bytes, 0);
  append(&tail, 500, 501); /* an empty tail begins anywhere */
  assert_true(tail_has(&tail, 500));
  tail_free(&tail);
}

static void count_free(struct rkv_buf_owner *owner) {
  owner->reserved++;
}

/* The tail shares payloads and gives every reference back. */
static void tail_gives_references_back(void **state) {
  (void)state;
  struct rkv_buf_owner owner = {.refs = 1, .free = count_free};
  struct tail tail = {0};
  struct rkv_entry e = entry(1);
  e.payload.owner = &owner;
  assert_int_equal(tail_append(&tail, &e, 1), RKV_OK);
  rkv_buf_drop(&e.payload);
  assert_int_equal(owner.reserved, 0);
  tail_free(&tail);
  assert_int_equal(owner.reserved, 1);
}

/* ---- what is read ahead for a peer ---- */

static const struct rkv_vote leading = {3, 1, true}, leading_again = {5, 1, true};

/* A read that began at a->next brings `count` entries. */
static void bring(struct ahead *a, size_t count) {
  struct ahead_run run = {calloc(count + 1, sizeof *run.entries), count, 0};
  assert_non_null(run.entries);
  for (size_t i = 0; i < count; i++) {
    run.entries[i].id = (struct rkv_log_id){3, a->next + i};
    run.entries[i].payload = rkv_buf_static("payload", 7);
  }
  a->reading = true;
  ahead_put(a, &run);
}

static size_t take(struct ahead *a, rkv_index from) {
  struct ahead_run run;
  if (!ahead_take(a, from, &run)) return 0;
  size_t count = run.count;
  assert_int_equal(run.entries[0].id.index, from);
  ahead_run_drop(&run);
  return count;
}

/* Runs come out as they were read, in order, and only from where the peer wants to go on. */
static void runs_follow_one_another(void **state) {
  (void)state;
  struct ahead a = {0};
  ahead_begin(&a, 10, leading);
  bring(&a, 5);
  bring(&a, 3);
  assert_int_equal(a.next, 18);
  assert_int_equal(take(&a, 15), 0); /* 15 is not the first entry */
  ahead_begin(&a, 10, leading);      /* begun again: the entries held stay */
  assert_int_equal(take(&a, 10), 5);
  assert_int_equal(take(&a, 15), 3);
  assert_int_equal(take(&a, 18), 0);
  assert_int_equal(a.bytes, 0);
  ahead_clear(&a);
}

/* A peer that goes on elsewhere, or another leadership, gets nothing of what was read before. */
static void another_beginning_drops_the_runs(void **state) {
  (void)state;
  struct ahead a = {0};
  ahead_begin(&a, 10, leading);
  bring(&a, 5);
  ahead_begin(&a, 12, leading);
  assert_int_equal(take(&a, 10) + take(&a, 12), 0);
  bring(&a, 5);
  ahead_begin(&a, 12, leading_again);
  assert_int_equal(take(&a, 12), 0);
  ahead_clear(&a);
}

/* (A3) What a read brings that began before the restart is dropped; the next one counts. */
static void an_outdated_read_brings_nothing(void **state) {
  (void)state;
  struct ahead a = {0};
  ahead_begin(&a, 10, leading);
  a.reading = true;
  ahead_begin(&a, 10, leading_again);
  assert_false(ahead_has_room(&a));
  bring(&a, 5);
  assert_int_equal(take(&a, 10), 0);
  assert_true(ahead_has_room(&a));
  bring(&a, 5);
  assert_int_equal(take(&a, 10), 5);
}

/* Runs and their bytes are bounded; a read that failed leaves everything as it was. */
static void reading_ahead_is_bounded(void **state) {
  (void)state;
  struct ahead a = {0};
  ahead_begin(&a, 1, leading);
  for (unsigned i = 0; i < AHEAD_RUNS_MAX; i++) {
    assert_true(ahead_has_room(&a));
    bring(&a, 2);
  }
  assert_false(ahead_has_room(&a));
  assert_int_equal(take(&a, 1), 2);
  assert_true(ahead_has_room(&a));
  a.bytes += AHEAD_BYTES_MAX;
  assert_false(ahead_has_room(&a));
  a.bytes -= AHEAD_BYTES_MAX;
  bring(&a, 0);
  assert_int_equal(a.next, 2 * AHEAD_RUNS_MAX + 1);
  ahead_clear(&a);
  assert_int_equal(a.count + a.bytes, 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(inbox_gives_back_in_order),
      cmocka_unit_test(inbox_keeps_each_threads_order),
      cmocka_unit_test(tail_finds_entries),
      cmocka_unit_test(tail_counts_bytes),
      cmocka_unit_test(tail_gives_references_back),
      cmocka_unit_test(runs_follow_one_another),
      cmocka_unit_test(another_beginning_drops_the_runs),
      cmocka_unit_test(an_outdated_read_brings_nothing),
      cmocka_unit_test(reading_ahead_is_bounded),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
