/* owner_test.c: rkv-owner and what it knows: files that are missing, torn changes, directories of
 * format 1, which have none, and of others. */
#include "head.h"
#include "record.h"
#include "shim.h"
#include "wal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { T = TERM_SHORT, PATIENCE_S = 30, NAMES_MAX = 32, UNIT = 4096, OWNER_BYTES = 3 * UNIT };
enum { DESCRIPTORS_MAX = 20 };
#define OWNER "rkv-owner"
#define FIRST_LOG "log-0000000000000001.wal"

/* Entries, each batch durable, until there are so many segments. */
static void fill(struct wal *w, struct model *m, size_t segments) {
  while (wal_count(w, "log-") < segments) wal_do(w, m, step_append(m, T, 20));
}

static void drop(const struct wal *w, const char *name) {
  char path[2 * SCRATCH_PATH_MAX];
  wal_path(w, name, path);
  assert_int_equal(unlink(path), 0);
}

static void make(const struct wal *w, const char *name, const void *bytes, size_t len) {
  char path[2 * SCRATCH_PATH_MAX];
  int fd;
  wal_path(w, name, path);
  fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  assert_true(fd >= 0);
  assert_int_equal(write(fd, bytes, len), (ssize_t)len);
  (void)close(fd);
}

static void refused(struct wal *w, enum rkv_status status, const char *text) {
  assert_int_equal(wal_open(w), status);
  if (!strstr(w->error.text, text)) fail_msg("expected %s, found: %s", text, w->error.text);
}

/* ---- changes ---- */

/* A change that a crash tore: what the one before said holds, and the next change is kept. */
static void torn_change_leaves_the_one_before(void **state) {
  struct wal *w = *state;
  struct model *m = model_new();
  uint8_t before[OWNER_BYTES], after[OWNER_BYTES];
  size_t torn = 0;
  fill(w, m, 2);
  wal_read_file(w, OWNER, 0, before, sizeof before);
  fill(w, m, 3);
  wal_close(w);
  wal_read_file(w, OWNER, 0, after, sizeof after);
  while (torn < sizeof after && before[torn] == after[torn]) torn++;
  assert_in_range(torn, UNIT, sizeof after - 1);
  after[torn] ^= 1;
  wal_write_file(w, OWNER, torn, after + torn, 1);
  wal_reopen(w);
  wal_holds(w, m);
  fill(w, m, 4);
  wal_close(w);
  drop(w, "log-0000000000000004.wal");
  refused(w, RKV_CORRUPT, "log-0000000000000004.wal is missing");
  free(m);
}

/* Each bit of it counts: the open goes on by the other place, or is refused and names it. */
static void damaged_owner_is_told(void **state) {
  struct wal *w = *state;
  struct model *m = model_new();
  uint64_t seed = 3;
  fill(w, m, 2);
  wal_close(w);
  for (uint64_t at = 0; at < OWNER_BYTES; at += 1 + random_next(&seed) % 60) {
    uint8_t byte, flipped;
    enum rkv_status status;
    wal_read_file(w, OWNER, at, &byte, 1);
    flipped = (uint8_t)(byte ^ 1u << at % 8);
    wal_write_file(w, OWNER, at, &flipped, 1);
    status = wal_open(w);
    if (at < UNIT) assert_in_range(status, RKV_CORRUPT, RKV_FOREIGN);
    if (status != RKV_OK) assert_non_null(strstr(w->error.text, OWNER));
    wal_close(w);
    wal_write_file(w, OWNER, at, &byte, 1);
  }
  free(m);
}

/* A leftover of the snapshot before does not stand in for the one that is gone. */
static void older_snapshot_does_not_stand_in(void **state) {
  struct wal *w = *state;
  struct model *m = model_new();
  uint8_t *bytes;
  size_t size;
  wal_do(w, m, step_append(m, T, 10));
  wal_do(w, m, step_snapshot(5));
  size = (size_t)wal_file_size(w, "snapshot-0000000000000001");
  bytes = malloc(size);
  assert_non_null(bytes);
  wal_read_file(w, "snapshot-0000000000000001", 0, bytes, size);
  wal_do(w, m, step_snapshot(10));
  wal_close(w);
  drop(w, "snapshot-0000000000000002");
  make(w, "snapshot-0000000000000001", bytes, size);
  refused(w, RKV_CORRUPT, "snapshot-0000000000000002 is missing");
  free(bytes);
  free(m);
}

/* Spares hold nothing: they may go. */
static void spares_are_nobodys_loss(void **state) {
  struct wal *w = *state;
  struct model *m = model_new();
  char names[NAMES_MAX][64];
  fill(w, m, 2);
  wal_await_spare(w);
  wal_close(w);
  for (size_t i = wal_files(w, "spare-", names, NAMES_MAX); i > 0; i--) drop(w, names[i - 1]);
  wal_reopen(w);
  wal_holds(w, m);
  free(m);
}

/* A change that fails is a failed write: nothing of the segment is acknowledged. */
static void failed_change_is_final(void **state) {
  struct wal *w = *state;
  struct model *m = model_new(), *found = model_new();
  struct told told = {.status = RKV_OK};
  char text[RKV_ERROR_TEXT_MAX];
  wal_await_spare(w);
  shim_fail_in(OWNER, SHIM_WRITE, 1, 1, ENOSPC);
  while (told.status == RKV_OK) {
    struct step step = step_append(m, T, 15);
    told_init(&told);
    wal_issue(w, &step, &told);
    if (told_wait(&told) == RKV_OK) model_step(m, &step);
  }
  assert_int_equal(told.status, RKV_IO);
  assert_int_equal(atomic_load(&w->fatal), RKV_IO);
  assert_non_null(strstr(told.text, OWNER));
  shim_reset();
  wal_reopen(w);
  assert_true(wal_look(w, found, text));
  assert_true(found->last.index >= m->last.index);
  free(found);
  free(m);
}

/* ---- format 1 ---- */

/* A directory as versions before rkv-owner left it, with one vote in its log. */
static void begin_format_1(struct wal *w, struct model *m) {
  static uint8_t bytes[SEGMENT_SMALL];
  struct head head = {.format = HEAD_FORMAT_ALONE,
                      .node_id = w->host.host.node_id,
                      .sequence = 1,
                      .size = sizeof bytes};
  struct step step = step_vote(7);
  struct record record = {.type = RECORD_VOTE, .batch = HEAD_SIZE};
  wal_close(w);
  scratch_remove(w->dir);
  scratch_make(w->dir);
  memset(bytes, 0, sizeof bytes);
  head_encode(&head, bytes);
  record.prev = head.crc;
  record.term = step.term;
  record.payload_crc = record_payload_crc(head_seed(&head), NULL, 0);
  record_encode(&record, head_seed(&head), HEAD_SIZE, bytes + HEAD_SIZE);
  make(w, FIRST_LOG, bytes, sizeof bytes);
  m->vote = (struct rkv_vote){.term = step.term};
}

static uint32_t format_of(const struct wal *w, const char *name) {
  struct head head;
  struct rkv_error error;
  uint8_t bytes[HEAD_SIZE];
  wal_read_file(w, name, 0, bytes, sizeof bytes);
  assert_int_equal(head_decode(name, bytes, &head, &error), RKV_OK);
  return head.format;
}

/* It gets its rkv-owner, and from then on nothing may be missing. */
static void format_1_gets_an_owner(void **state) {
  struct wal *w = *state;
  struct model *m = model_new();
  begin_format_1(w, m);
  wal_reopen(w);
  wal_holds(w, m);
  assert_int_equal(wal_count(w, OWNER), 1);
  fill(w, m, 3);
  wal_reopen(w);
  wal_holds(w, m);
  wal_close(w);
  assert_int_equal(format_of(w, FIRST_LOG), HEAD_FORMAT_ALONE);
  assert_int_equal(format_of(w, "log-0000000000000002.wal"), HEAD_FORMAT);
  drop(w, OWNER);
  refused(w, RKV_CORRUPT, OWNER " is missing");
  free(m);
}

/* On a full device it goes on as it was, and says so; the next start makes up for it. */
static void format_1_opens_on_a_full_device(void **state) {
  struct wal *w = *state;
  struct model *m = model_new();
  begin_format_1(w, m);
  shim_full(true);
  wal_reopen(w);
  assert_true(wal_warned(w, "files that go missing are not noticed"));
  assert_int_equal(wal_count(w, OWNER), 0);
  wal_do(w, m, step_vote(8));
  wal_do(w, m, step_append(m, T, 5));
  shim_full(false);
  fill(w, m, 2);
  wal_close(w);
  assert_int_equal(format_of(w, "log-0000000000000002.wal"), HEAD_FORMAT_ALONE);
  wal_reopen(w);
  assert_int_equal(wal_count(w, OWNER), 1);
  wal_holds(w, m);
  free(m);
}

/* Without a descriptor for its rkv-owner, or for any other file, it is refused: that passes, and a
 * full device may not. */
static void format_1_says_that_it_lacks_descriptors(void **state) {
  struct wal *w = *state;
  struct model *m = model_new();
  unsigned left = 0;
  begin_format_1(w, m);
  for (; left < DESCRIPTORS_MAX; left++) {
    enum rkv_status status;
    wal_take_descriptors(left);
    status = wal_open(w);
    wal_give_descriptors();
    if (status == RKV_OK) break;
    assert_int_equal(status, RKV_FULL);
    assert_non_null(strstr(w->error.text, "limit of open files"));
    assert_int_equal(wal_count(w, OWNER ".new"), 0);
  }
  assert_in_range(left, 2, DESCRIPTORS_MAX - 1);
  assert_int_equal(wal_count(w, OWNER), 1);
  wal_holds(w, m);
  free(m);
}

/* What is written by a node is that node's, with rkv-owner and without. */
static void format_1_has_a_node(void **state) {
  struct wal *w = *state;
  struct model *m = model_new();
  begin_format_1(w, m);
  w->host.host.node_id++;
  refused(w, RKV_FOREIGN, FIRST_LOG ": this directory belongs to node");
  assert_int_equal(wal_count(w, OWNER), 0);
  free(m);
}

/* ---- others ---- */

/* The first line of rkv-owner says whose it is, whatever else is there. */
static void another_storage_is_named(void **state) {
  struct wal *w = *state;
  struct model *m = model_new();
  static const char text[] = "raft-key-value storage-rocksdb\nformat 1\nnode 1\nmade\n";
  wal_close(w);
  scratch_remove(w->dir);
  scratch_make(w->dir);
  make(w, OWNER, text, sizeof text - 1);
  make(w, "CURRENT", "MANIFEST-000004\n", 16);
  refused(w, RKV_FOREIGN, "belongs to storage-rocksdb");
  begin_format_1(w, m);
  make(w, OWNER, text, sizeof text - 1);
  refused(w, RKV_FOREIGN, "belongs to storage-rocksdb");
  free(m);
}

/* What stands beside a log is nobody's business. */
static void strangers_beside_a_log_do_no_harm(void **state) {
  struct wal *w = *state;
  struct model *m = model_new();
  fill(w, m, 2);
  make(w, "letters.txt", "hello", 5);
  wal_reopen(w);
  wal_holds(w, m);
  assert_int_equal(wal_count(w, "letters.txt"), 1);
  free(m);
}

#define STORY(name) cmocka_unit_test_setup_teardown(name, wal_setup, wal_teardown)

int main(void) {
  const struct CMUnitTest stories[] = {
      STORY(torn_change_leaves_the_one_before),
      STORY(damaged_owner_is_told),
      STORY(older_snapshot_does_not_stand_in),
      STORY(spares_are_nobodys_loss),
      STORY(failed_change_is_final),
      STORY(format_1_gets_an_owner),
      STORY(format_1_opens_on_a_full_device),
      STORY(format_1_says_that_it_lacks_descriptors),
      STORY(format_1_has_a_node),
      STORY(another_storage_is_named),
      STORY(strangers_beside_a_log_do_no_harm),
  };
  return cmocka_run_group_tests_name("storage-wal and the owner of its files", stories, NULL, NULL);
}
