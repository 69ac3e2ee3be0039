/* storage_test.c: the laws of a storage's log and vote, as stories. */
#include "storage_laws.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

static const struct rkv_log_id none = {0, 0};

/* A new storage holds nothing: no vote, no log, no snapshot. */
static void begins_empty(void **state) {
  struct log_test *t = *state;
  struct rkv_storage_state held;
  assert_int_equal(t->ops->load(t->storage, &held, NULL), RKV_OK);
  assert_int_equal(held.vote.term, 0);
  assert_false(held.vote.committed);
  assert_int_equal(held.identity.incarnation, 0);
  assert_false(rkv_cluster_id_known(held.identity.cluster));
  assert_int_equal(held.snapshot.last.index, 0);
  assert_int_equal(held.snapshot.membership.len, 0);
  holds(t, none, none);
}

/* The last vote saved is the one held. */
static void keeps_the_vote(void **state) {
  struct log_test *t = *state;
  struct told told;
  struct rkv_storage_state held;
  told_init(&told);
  t->ops->save_vote(t->storage, (struct rkv_vote){3, 1, false}, &told.completion);
  t->ops->save_vote(t->storage, (struct rkv_vote){4, 2, true}, &told.completion);
  told_await(&told, 2);
  assert_int_equal(told.status, RKV_OK);
  assert_int_equal(t->ops->load(t->storage, &held, NULL), RKV_OK);
  assert_int_equal(held.vote.term, 4);
  assert_int_equal(held.vote.node_id, 2);
  assert_true(held.vote.committed);
}

/* The last identity saved is the one held, beside the vote. */
static void keeps_the_identity(void **state) {
  struct log_test *t = *state;
  struct told told;
  struct rkv_storage_state held;
  struct rkv_identity identity = {.incarnation = UINT64_MAX};
  told_init(&told);
  t->ops->save_identity(t->storage, identity, &told.completion);
  t->ops->save_vote(t->storage, (struct rkv_vote){3, 1, false}, &told.completion);
  identity.cluster = (struct rkv_cluster_id){7, UINT64_MAX - 1};
  identity.settled = true;
  t->ops->save_identity(t->storage, identity, &told.completion);
  told_await(&told, 3);
  assert_int_equal(told.status, RKV_OK);
  assert_int_equal(t->ops->load(t->storage, &held, NULL), RKV_OK);
  assert_true(held.identity.incarnation == UINT64_MAX);
  assert_true(rkv_cluster_id_equal(held.identity.cluster, identity.cluster));
  assert_true(held.identity.settled);
  assert_int_equal(held.vote.term, 3);
}

/* What was appended is read back, over many growths of the log, one by one and in batches. */
static void reads_what_was_appended(void **state) {
  struct log_test *t = *state;
  rkv_index last = 0;
  for (rkv_index step = 1; step < 60; step++) {
    append(t, last + 1, last + step);
    last += step;
    holds(t, none, id_of(last));
  }
  assert_int_equal(read_all(t, 500, 500), 1);
  assert_int_equal(read_all(t, 500, 599), 100);
}

/* The payload is shared and not copied: the very bytes come back. */
static void shares_payloads(void **state) {
  struct log_test *t = *state;
  struct told told;
  struct rkv_entry in = {.id = {1, 1}, .payload = fake_host_copy("x", 1)}, out;
  size_t count;
  told_init(&told);
  t->ops->append(t->storage, &in, 1, &told.completion);
  assert_int_equal(t->ops->read(t->storage, 1, 1, 9, &out, 1, &count, NULL), RKV_OK);
  assert_ptr_equal(in.payload.data, out.payload.data);
  rkv_buf_drop(&in.payload);
  rkv_buf_drop(&out.payload);
}

/* A read is limited by its range, its capacity and its bytes, but gives at least one entry. */
static void reads_are_limited(void **state) {
  struct log_test *t = *state;
  size_t one = sizeof "payload of entry 1" - 1;
  append(t, 1, 9);
  assert_int_equal(read_some(t, 1, 9, UINT64_MAX, 4), 4);
  assert_int_equal(read_some(t, 1, 9, UINT64_MAX, 0), 0);
  assert_int_equal(read_some(t, 1, 9, 0, 9), 1);
  assert_int_equal(read_some(t, 1, 9, one, 9), 1);
  assert_int_equal(read_some(t, 1, 9, 3 * one - 1, 9), 2);
  assert_int_equal(read_some(t, 1, 9, 3 * one, 9), 3);
  assert_int_equal(read_some(t, 5, 4, UINT64_MAX, 9), 0);
  assert_int_equal(read_some(t, 5, UINT64_MAX, UINT64_MAX, 9), 5);
}

/* truncate drops a suffix, also all of it, also nothing; appends go on behind what is left. */
static void truncates_a_suffix(void **state) {
  struct log_test *t = *state;
  append(t, 1, 100);
  t->ops->truncate(t->storage, 100);
  holds(t, none, id_of(100));
  t->ops->truncate(t->storage, 40);
  holds(t, none, id_of(40));
  append(t, 41, 45);
  holds(t, none, id_of(45));
  t->ops->truncate(t->storage, 0);
  holds(t, none, none);
  append(t, 1, 3);
  holds(t, none, id_of(3));
}

/* purge drops a prefix; below what is purged nothing happens; twice is once. */
static void purges_a_prefix(void **state) {
  struct log_test *t = *state;
  append(t, 1, 1000);
  t->ops->purge(t->storage, id_of(300));
  holds(t, id_of(300), id_of(1000));
  t->ops->purge(t->storage, id_of(300));
  t->ops->purge(t->storage, id_of(7));
  t->ops->purge(t->storage, none);
  holds(t, id_of(300), id_of(1000));
  t->ops->purge(t->storage, id_of(990));
  holds(t, id_of(990), id_of(1000));
  append(t, 1001, 1200);
  holds(t, id_of(990), id_of(1200));
  t->ops->truncate(t->storage, 990);
  holds(t, id_of(990), id_of(990));
}

/* After an installed snapshot the purge lies beyond the log: the log is empty and goes on there. */
static void purges_beyond_the_end(void **state) {
  struct log_test *t = *state;
  append(t, 1, 50);
  t->ops->purge(t->storage, id_of(50));
  holds(t, id_of(50), id_of(50));
  t->ops->purge(t->storage, id_of(7000));
  holds(t, id_of(7000), id_of(7000));
  append(t, 7001, 7002);
  holds(t, id_of(7000), id_of(7002));
}

/* Payloads that were purged or truncated are freed at once, not at close. */
static void returns_space(void **state) {
  struct log_test *t = *state;
  append(t, 1, 3000);
  assert_int_equal(fake_host_buffers() - t->buffers_before, 3000);
  t->ops->purge(t->storage, id_of(2000));
  assert_int_equal(fake_host_buffers() - t->buffers_before, 1000);
  t->ops->truncate(t->storage, 2500);
  assert_int_equal(fake_host_buffers() - t->buffers_before, 500);
}

/* A log that is purged as it grows keeps working through every position of its array. */
static void slides(void **state) {
  struct log_test *t = *state;
  rkv_index first = 1, last = 0;
  srand(7);
  for (int round = 0; round < 2000; round++) {
    rkv_index more = 1 + (rkv_index)rand() % 40;
    append(t, last + 1, last + more);
    last += more;
    if (rand() % 4 == 0 && last > first) {
      last -= (rkv_index)rand() % (last - first);
      t->ops->truncate(t->storage, last);
    }
    if (last > first + 100) {
      first += (rkv_index)rand() % 100;
      t->ops->purge(t->storage, id_of(first - 1));
    }
    assert_int_equal(read_all(t, first, last), last - first + 1);
  }
}

static enum rkv_status broken;

static void note_broken(void *ctx, enum rkv_status status, const char *text) {
  (void)ctx;
  assert_non_null(strstr(text, "entry"));
  broken = status;
}

/* A gap is a broken contract, which the node is told, and after one failure nothing succeeds any
 * more. */
static void fails_for_good(void **state) {
  struct log_test *t = *state;
  struct told told;
  struct rkv_storage_state held;
  broken = RKV_OK;
  t->host.host.fatal = note_broken;
  append(t, 1, 5);
  append_at(t, 7, 7, &told);
  assert_int_equal(told.status, RKV_BROKEN);
  assert_int_equal(broken, RKV_BROKEN);
  assert_true(told.has_error);
  append_at(t, 6, 6, &told);
  assert_int_equal(told.status, RKV_BROKEN);
  t->ops->save_vote(t->storage, (struct rkv_vote){9, 9, true}, &told.completion);
  told_await(&told, 2);
  assert_int_equal(told.status, RKV_BROKEN);
  assert_int_equal(t->ops->load(t->storage, &held, NULL), RKV_OK);
  assert_int_equal(held.vote.term, 0);
  holds(t, none, id_of(5));
}

struct reader {
  struct log_test *t;
  atomic_bool stop;
  int reads, wrong;
};

static void *read_until_told(void *arg) {
  struct reader *reader = arg;
  rkv_index from = 1;
  do {
    int count = read_some(reader->t, from, from + 50, UINT64_MAX, 50);
    if (count < -1) reader->wrong++;
    if (count == -1) from += 10; /* the entries were purged meanwhile */
    if (count > 0) from += (rkv_index)count / 2;
    reader->reads++;
  } while (!atomic_load(&reader->stop));
  return NULL;
}

/* Readers in other threads see whole entries while one thread appends, truncates and purges (the
 * tsan build proves the absence of races). */
static void readers_overlap_the_appender(void **state) {
  struct log_test *t = *state;
  struct reader readers[2] = {{.t = t}, {.t = t}};
  pthread_t threads[2];
  for (int i = 0; i < 2; i++)
    assert_int_equal(pthread_create(&threads[i], NULL, read_until_told, &readers[i]), 0);
  for (rkv_index n = 0; n < 20000; n += 10) {
    append(t, n + 1, n + 12);
    t->ops->truncate(t->storage, n + 10);
    if (n > 100 && n % 100 == 0) t->ops->purge(t->storage, id_of(n - 60));
  }
  for (int i = 0; i < 2; i++) {
    atomic_store(&readers[i].stop, true);
    assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(readers[i].wrong, 0);
    assert_true(readers[i].reads > 0);
  }
}

#define STORY(name) cmocka_unit_test_setup_teardown(name, log_setup, log_teardown)

/* storage_laws [PLUGIN]: storage-mem, which has laws of its own as well, or a durable one. */
int main(int argc, char **argv) {
  const struct CMUnitTest in_memory[] = {STORY(shares_payloads), STORY(returns_space)};
  const struct CMUnitTest stories[] = {
      STORY(begins_empty),
      STORY(keeps_the_vote),
      STORY(keeps_the_identity),
      STORY(reads_what_was_appended),
      STORY(reads_are_limited),
      STORY(truncates_a_suffix),
      STORY(purges_a_prefix),
      STORY(purges_beyond_the_end),
      STORY(slides),
      STORY(fails_for_good),
      STORY(readers_overlap_the_appender),
      STORY(snapshot_is_read_back),
      STORY(snapshot_appears_at_commit_only),
      STORY(snapshot_outlives_its_successor),
      STORY(snapshot_readers_overlap_the_writer),
  };
  const struct CMUnitTest durable[] = {
      STORY(reopening_keeps_everything),  STORY(reopening_often_changes_nothing),
      STORY(closing_finishes_what_waits), STORY(only_one_opens_it),
      STORY(another_node_is_refused),
  };
  int failed = 0;
  if (argc > 1) log_choose(argv[1]);
  if (argc < 2) failed = cmocka_run_group_tests_name("in memory", in_memory, NULL, NULL);
  if (argc > 1) failed = cmocka_run_group_tests_name("durable", durable, NULL, NULL);
  return failed + cmocka_run_group_tests_name("laws", stories, NULL, NULL);
}
