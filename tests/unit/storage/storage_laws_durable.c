/* storage_laws_durable.c: the laws of a storage that promises durability, as stories. Other
 * programs test kills and lost power (tests/unit/wal, tests/unit/rocksdb). */
#include "storage_laws.h"

#include <stdlib.h>

static const struct rkv_log_id none = {0, 0};

static void save_vote(struct log_test *t, rkv_term term) {
  struct told told;
  told_init(&told);
  t->ops->save_vote(t->storage, (struct rkv_vote){term, 3, true}, &told.completion);
  (void)told_wait(&told);
  assert_int_equal(told.status, RKV_OK);
}

static void holds_vote(struct log_test *t, rkv_term term) {
  struct rkv_storage_state held;
  assert_int_equal(t->ops->load(t->storage, &held, NULL), RKV_OK);
  assert_int_equal(held.vote.term, term);
  assert_int_equal(held.vote.node_id, term > 0 ? 3 : 0);
  rkv_buf_drop(&held.snapshot.membership);
}

/* Vote, identity, log and snapshot are what they were: after appends, truncations, purges within
 * and beyond the log. */
void reopening_keeps_everything(void **state) {
  struct log_test *t = *state;
  struct rkv_identity identity = {{5, 6}, 7, true};
  struct rkv_storage_state held;
  struct told told;
  void *reader;
  append(t, 1, 200);
  save_vote(t, 8);
  told_init(&told);
  t->ops->save_identity(t->storage, identity, &told.completion);
  (void)told_wait(&told);
  t->ops->truncate(t->storage, 150);
  append(t, 151, 155);
  t->ops->purge(t->storage, id_of(40));
  make_snapshot(t, 40, 700000);
  make_snapshot(t, 41, 600000);
  log_reopen(t);
  holds(t, id_of(40), id_of(155));
  holds_vote(t, 8);
  assert_int_equal(t->ops->load(t->storage, &held, NULL), RKV_OK);
  assert_true(rkv_cluster_id_equal(held.identity.cluster, identity.cluster));
  assert_int_equal(held.identity.incarnation, 7);
  assert_true(held.identity.settled);
  rkv_buf_drop(&held.snapshot.membership);
  reader = open_newest(t, 41, 600000);
  assert_int_equal(read_to_end(t, reader, 41, 0, 100000), 600000);
  t->ops->snapshot_close(reader);
  t->ops->truncate(t->storage, 40);
  log_reopen(t);
  holds(t, id_of(40), id_of(40));
  t->ops->purge(t->storage, id_of(7000));
  append(t, 7001, 7002);
  log_reopen(t);
  holds(t, id_of(7000), id_of(7002));
}

/* Each life goes on where the one before ended; what was truncated in one never comes back. */
void reopening_often_changes_nothing(void **state) {
  struct log_test *t = *state;
  rkv_index last = 0;
  for (rkv_term life = 1; life <= 12; life++) {
    append(t, last + 1, last + 30);
    t->ops->truncate(t->storage, last + 20);
    last += 20;
    append(t, last + 1, last + 1);
    last++;
    save_vote(t, life);
    log_reopen(t);
    holds(t, none, id_of(last));
    holds_vote(t, life);
    log_reopen(t);
    holds(t, none, id_of(last));
  }
}

/* close completes every operation once: as done, and then it is there, or as cancelled. */
void closing_finishes_what_waits(void **state) {
  struct log_test *t = *state;
  enum { CALLS = 200 };
  struct told *told = calloc(CALLS, sizeof *told);
  rkv_index done = 0;
  assert_non_null(told);
  for (rkv_index i = 0; i < CALLS; i++) {
    struct rkv_entry entry = {.id = id_of(i + 1), .kind = RKV_ENTRY_COMMAND};
    char text[64];
    size_t len = (size_t)snprintf(text, sizeof text, "payload of entry %d", (int)i + 1);
    entry.payload = fake_host_copy(text, len);
    told_init(&told[i]);
    t->ops->append(t->storage, &entry, 1, &told[i].completion);
    rkv_buf_drop(&entry.payload);
  }
  t->ops->close(t->storage);
  t->storage = NULL;
  for (rkv_index i = 0; i < CALLS; i++) {
    assert_int_equal(told[i].times, 1);
    if (told[i].status == RKV_OK) assert_int_equal(done++, i);
    if (told[i].status != RKV_OK) assert_int_equal(told[i].status, RKV_CANCELLED);
  }
  log_reopen(t);
  assert_true(read_all(t, 1, CALLS) >= (int)done);
  free(told);
}

/* While one holds the directory another is told so; afterwards nothing is in its way. */
void only_one_opens_it(void **state) {
  struct log_test *t = *state;
  struct rkv_error error;
  void *second;
  append(t, 1, 5);
  assert_int_equal(log_open(t, &t->host, &second, &error), RKV_UNAVAILABLE);
  assert_non_null(strstr(error.text, t->dir));
  assert_non_null(strstr(error.text, "uses this directory"));
  append(t, 6, 7);
  log_reopen(t);
  holds(t, none, id_of(7));
}

/* The directory of one node is refused to another one, and is none the worse for it. */
void another_node_is_refused(void **state) {
  struct log_test *t = *state;
  struct fake_host other;
  struct rkv_error error;
  void *storage;
  append(t, 1, 5);
  t->ops->close(t->storage);
  t->storage = NULL;
  fake_host_init(&other);
  other.host.node_id = t->host.host.node_id + 1;
  assert_int_equal(log_open(t, &other, &storage, &error), RKV_FOREIGN);
  assert_non_null(strstr(error.text, "node"));
  log_reopen(t);
  holds(t, none, id_of(5));
}
