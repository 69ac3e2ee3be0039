/* reopen_test.c: what was acknowledged is there again after the storage was closed and opened. */
#include "wal.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

enum { NAMES_MAX = 64 };

/* Votes, entries of every size, truncations, purges and snapshots by chance, over many segments,
 * with the storage reopened in between: it holds what the model says, always. */
static void holds_what_the_model_says(void **state) {
  struct wal *w = *state;
  struct model *m = model_new();
  char names[NAMES_MAX][64];
  uint64_t seed = 11;
  for (int round = 0; round < 1500 && m->last.index < MODEL_MAX - 200; round++) {
    wal_do(w, m, model_random(m, &seed));
    if (random_next(&seed) % 10 > 0) continue;
    if (random_next(&seed) % 2) wal_holds(w, m); /* from the queue, the index, or both */
    wal_reopen(w);
    wal_holds(w, m);
  }
  assert_true(wal_files(w, "log-", names, NAMES_MAX) > 0);
  assert_true(strcmp(names[0], "log-0000000000000020.wal") > 0);
  free(m);
}

/* Nobody waits for anything: what was handed in is held at once, wherever it is on its way, and
 * every completion comes, once. */
static void holds_what_is_not_written_yet(void **state) {
  enum { STEPS = 5000 };
  struct wal *w = *state;
  struct model *m = model_new();
  struct told *told = calloc(STEPS, sizeof *told);
  struct step step;
  uint64_t seed = 17;
  assert_non_null(told);
  for (size_t i = 0; i < STEPS; i++) {
    told_init(&told[i]);
    do step = model_random(m, &seed);
    while (step.kind == STEP_SNAPSHOT || m->last.index > MODEL_MAX - 200);
    if (step.kind == STEP_TRUNCATE || step.kind == STEP_PURGE) told[i].times = -1;
    wal_issue(w, &step, &told[i]);
    model_step(m, &step);
    if (m->last.index > m->purged.index && random_next(&seed) % 2) {
      rkv_index from = m->purged.index + 1 + random_next(&seed) % (m->last.index - m->purged.index);
      wal_reads(w, m, from, from + random_next(&seed) % 100);
    }
    if (random_next(&seed) % 50 == 0) wal_holds(w, m);
  }
  wal_reopen(w);
  wal_holds(w, m);
  for (size_t i = 0; i < STEPS; i++) {
    if (told[i].times == -1) continue;
    assert_int_equal(told[i].times, 1);
    assert_int_equal(told[i].status, RKV_OK);
  }
  free(told);
  free(m);
}

/* The vote is in the log; purging every segment that ever held it does not lose it. */
static void vote_survives_the_purge_of_its_segment(void **state) {
  struct wal *w = *state;
  struct model *m = model_new();
  char names[NAMES_MAX][64];
  wal_do(w, m, step_vote(7));
  for (int i = 0; i < 100; i++) {
    wal_do(w, m, step_append(m, 7, 50));
    wal_do(w, m, step_purge(m->last.index, 7));
  }
  wal_do(w, m, step_append(m, 7, 1));
  wal_reopen(w);
  wal_holds(w, m);
  assert_true(wal_files(w, "log-", names, NAMES_MAX) < 10);
  assert_true(strcmp(names[0], "log-0000000000000002.wal") > 0); /* the vote's segment is gone */
  free(m);
}

/* The identity is in the log, and later segments carry it over as they do the vote. */
static void identity_survives_the_purge_of_its_segment(void **state) {
  struct wal *w = *state;
  struct model *m = model_new();
  struct rkv_storage_state held;
  struct told told;
  const struct rkv_identity identity = {{5, 6}, 7, true};
  told_init(&told);
  w->ops->save_identity(w->storage, identity, &told.completion);
  told_wait(&told);
  assert_int_equal(told.status, RKV_OK);
  for (int i = 0; i < 100; i++) {
    wal_reopen(w);
    assert_int_equal(w->ops->load(w->storage, &held, NULL), RKV_OK);
    rkv_buf_drop(&held.snapshot.membership);
    assert_int_equal(held.identity.incarnation, identity.incarnation);
    assert_true(rkv_cluster_id_equal(held.identity.cluster, identity.cluster));
    assert_true(held.identity.settled);
    wal_do(w, m, step_append(m, 7, 50));
    wal_do(w, m, step_purge(m->last.index, 7));
  }
  free(m);
}

/* A purge gives its room back: files are recycled, at most as many as spares_max are kept. */
static void purge_gives_room_back(void **state) {
  struct wal *w = *state;
  struct model *m = model_new();
  char names[NAMES_MAX][64];
  while (wal_files(w, "log-", names, NAMES_MAX) < 12) wal_do(w, m, step_append(m, 1, 50));
  wal_do(w, m, step_purge(m->last.index, 1));
  wal_do(w, m, step_append(m, 1, 1));
  wal_reopen(w);
  wal_reopen(w); /* recycles what the first open left */
  wal_close(w);
  assert_true(wal_files(w, "log-", names, NAMES_MAX) <= 2);
  assert_true(wal_files(w, "spare-", names, NAMES_MAX) <= 2);
  assert_int_equal(wal_open(w), RKV_OK);
  wal_holds(w, m);
  free(m);
}

/* Records that a recycled file still carries are not taken for records of its new life: neither
 * while it is written over nor where it is not written yet. */
static void recycled_records_do_not_come_back(void **state) {
  struct wal *w = *state;
  struct model *m = model_new();
  for (int round = 0; round < 60; round++) {
    wal_do(w, m, step_append(m, (rkv_term)round + 1, 60));
    wal_do(w, m, step_purge(m->last.index - 5, 1));
    wal_do(w, m, step_vote((rkv_term)round + 1));
    wal_reopen(w);
    wal_holds(w, m);
  }
  free(m);
}

/* An entry longer than a segment gets one of its size; what is around it stays readable. */
static void entries_may_be_longer_than_a_segment(void **state) {
  struct wal *w = *state;
  size_t len = 10 * SEGMENT_SMALL + 3;
  uint8_t *bytes = malloc(len);
  struct rkv_entry in[3] = {{.id = {1, 1}}, {.id = {1, 2}}, {.id = {1, 3}}}, out;
  struct told told;
  size_t count;
  assert_non_null(bytes);
  memset(bytes, 0x5a, len);
  in[0].payload = fake_host_copy("a", 1);
  in[1].payload = fake_host_copy(bytes, len);
  in[2].payload = fake_host_copy("c", 1);
  told_init(&told);
  w->ops->append(w->storage, in, 3, &told.completion);
  assert_int_equal(told_wait(&told), RKV_OK);
  wal_reopen(w);
  for (int i = 0; i < 3; i++) {
    assert_int_equal(w->ops->read(w->storage, in[i].id.index, 3, 0, &out, 1, &count, NULL), RKV_OK);
    assert_true(rkv_buf_equal(in[i].payload, out.payload));
    rkv_buf_drop(&out.payload);
    rkv_buf_drop(&in[i].payload);
  }
  free(bytes);
}

/* The directory and everything in it is for its owner alone. */
static void files_are_private(void **state) {
  struct wal *w = *state;
  struct model *m = model_new();
  char names[NAMES_MAX][64], path[2 * SCRATCH_PATH_MAX];
  struct stat info;
  size_t count;
  wal_do(w, m, step_append(m, 1, 300));
  wal_do(w, m, step_snapshot(300));
  count = wal_files(w, "", names, NAMES_MAX);
  assert_true(count >= 4); /* "." and ".." too */
  for (size_t i = 0; i < count; i++) {
    if (strcmp(names[i], "..") == 0) continue;
    wal_path(w, names[i], path);
    assert_int_equal(lstat(path, &info), 0);
    assert_int_equal(info.st_mode & 0777, S_ISDIR(info.st_mode) ? 0700 : 0600);
  }
  free(m);
}

/* One storage at a time: a second one is refused, and may have it after the first. */
static void directory_is_locked(void **state) {
  struct wal *w = *state;
  struct wal *other = calloc(1, sizeof *other);
  assert_non_null(other);
  wal_init(other);
  memcpy(other->dir, w->dir, sizeof other->dir);
  assert_int_equal(wal_open(other), RKV_UNAVAILABLE);
  assert_non_null(strstr(other->error.text, "another node"));
  wal_close(w);
  assert_int_equal(wal_open(other), RKV_OK);
  wal_close(other);
  free(other);
}

/* Another node's directory is refused, and stays as it was. */
static void foreign_directory_is_refused(void **state) {
  struct wal *w = *state;
  struct model *m = model_new();
  wal_do(w, m, step_append(m, 1, 3));
  wal_do(w, m, step_snapshot(3));
  wal_close(w);
  w->host.host.node_id = 2;
  assert_int_equal(wal_open(w), RKV_FOREIGN);
  assert_non_null(
      strstr(w->error.text, "rkv-owner: this directory belongs to node 1, this is node 2"));
  w->host.host.node_id = 1;
  wal_reopen(w);
  wal_holds(w, m);
  free(m);
}

/* Opened and closed without a word in between, nothing grows. */
static void idle_reopening_writes_nothing(void **state) {
  struct wal *w = *state;
  struct model *m = model_new();
  uint8_t before[SEGMENT_SMALL], after[SEGMENT_SMALL];
  wal_do(w, m, step_append(m, 1, 3));
  wal_reopen(w);
  wal_read_file(w, "log-0000000000000001.wal", 0, before, sizeof before);
  for (int i = 0; i < 5; i++) wal_reopen(w);
  wal_read_file(w, "log-0000000000000001.wal", 0, after, sizeof after);
  assert_memory_equal(before, after, sizeof before);
  free(m);
}

#define STORY(name) cmocka_unit_test_setup_teardown(name, wal_setup, wal_teardown)

int main(void) {
  const struct CMUnitTest stories[] = {
      STORY(holds_what_the_model_says),
      STORY(holds_what_is_not_written_yet),
      STORY(vote_survives_the_purge_of_its_segment),
      STORY(identity_survives_the_purge_of_its_segment),
      STORY(purge_gives_room_back),
      STORY(recycled_records_do_not_come_back),
      STORY(entries_may_be_longer_than_a_segment),
      STORY(files_are_private),
      STORY(directory_is_locked),
      STORY(foreign_directory_is_refused),
      STORY(idle_reopening_writes_nothing),
  };
  return cmocka_run_group_tests_name("storage-wal reopened", stories, NULL, NULL);
}
