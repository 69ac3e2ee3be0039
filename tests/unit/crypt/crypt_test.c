/* crypt_test.c: no key and nonce come twice, and what was changed, moved or put back is refused. */
#include "vault.h"

#include <stdlib.h>
#include <string.h>

#define HEX_A "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define HEX_B "ff0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define OLD_KEY HEX_A
#define BOTH_KEYS "1:" HEX_B " 0:" HEX_A
#define NEW_KEY "1:" HEX_B

/* ---- the stories ---- */

/* Over reopen, truncate, crash and copy, with the same ids and the same bytes written again. */
static void no_key_and_nonce_come_twice(void **state) {
  struct keep_heard *heard = calloc(1, sizeof *heard);
  struct vault *a = vault_new(heard), *b = vault_new(heard);
  (void)state;
  vault_open(a, OLD_KEY);
  for (rkv_index i = 1; i <= 20; i++) vault_append(a, 1, i, "one");
  a->ops->truncate(a->it, 10);
  for (rkv_index i = 11; i <= 20; i++) vault_append(a, 2, i, "two");
  vault_reopen(a, OLD_KEY);
  for (rkv_index i = 21; i <= 30; i++) vault_append(a, 2, i, "three");
  for (int crash = 0; crash < 3; crash++) { /* what was not durable is gone, and comes again */
    void *gone = a->it;
    a->it = NULL;
    a->keep.open = 0;
    for (; a->keep.state.last.index > 25; a->keep.state.last.index--)
      rkv_buf_drop(&a->keep.entries[a->keep.state.last.index].payload);
    a->keep.state.last = a->keep.entries[25].id;
    vault_open(a, OLD_KEY);
    for (rkv_index i = 26; i <= 30; i++) vault_append(a, 2, i, "three");
    vault_snapshot(a, 20, 200000);
    a->ops->close(gone); /* only its memory */
    a->keep.open = 1;
  }
  vault_open(b, OLD_KEY); /* a copy, under the same key */
  for (rkv_index i = 1; i <= 30; i++) vault_append(b, i <= 10 ? 1 : 2, i, "one");
  vault_snapshot(b, 20, 200000);
  vault_reopen(a, BOTH_KEYS);
  vault_append(a, 3, 31, "four");
  assert_true(heard->count > 90);
  assert_int_equal(keep_repeated(heard), 0);
  vault_free(a);
  vault_free(b);
  free(heard);
}

static void a_wrong_or_missing_key_is_told(void **state) {
  struct keep_heard heard = {0};
  struct vault *v = vault_new(&heard);
  (void)state;
  vault_open(v, OLD_KEY);
  vault_append(v, 1, 1, "x");
  vault_refuses(v, HEX_B, RKV_INVALID,
                "entry {term 1, index 1}: locked by another key of generation 0 than `key` has");
  vault_refuses(v, NEW_KEY, RKV_INVALID, "locked by a key of generation 0, which `key` lacks");
  vault_refuses(v, "", RKV_INVALID, "a test: key: empty");
  vault_refuses(v, "12ab", RKV_INVALID, "key number 1: not 64 hexadecimal digits");
  vault_refuses(v, OLD_KEY " " HEX_B, RKV_INVALID,
                "key number 2: the second one of its generation");
  vault_refuses(v, "x:" HEX_A, RKV_INVALID, "its generation is no number");
  assert_null(strstr(v->error.text, HEX_A));
  vault_open(v, OLD_KEY);
  vault_holds(v, 1, "x");
  vault_free(v);
}

/* The newest locks, older ones open; once nothing of theirs is left they may go. */
static void keys_change_by_generation(void **state) {
  struct keep_heard heard = {0};
  struct vault *v = vault_new(&heard);
  uint64_t size;
  (void)state;
  vault_open(v, OLD_KEY);
  vault_append(v, 1, 1, "old");
  vault_snapshot(v, 1, 100);
  vault_reopen(v, BOTH_KEYS);
  vault_holds(v, 1, "old");
  vault_append(v, 1, 2, "new");
  assert_int_equal(v->keep.entries[2].payload.data[8], 1); /* the generation */
  vault_refuses(v, NEW_KEY, RKV_INVALID, "generation 0");
  vault_open(v, BOTH_KEYS);
  v->ops->purge(v->it, (struct rkv_log_id){1, 1});
  vault_refuses(v, NEW_KEY, RKV_INVALID,
                "the snapshot up to index 1: locked by a key of generation 0");
  vault_open(v, BOTH_KEYS);
  vault_snapshot(v, 2, 100);
  vault_reopen(v, NEW_KEY);
  vault_holds(v, 2, "new");
  assert_int_equal(vault_read_snapshot(v, &size), RKV_OK);
  vault_free(v);
}

/* Each byte of a record is held, in clear or not. */
static void a_changed_record_is_refused(void **state) {
  struct keep_heard heard = {0};
  struct vault *v = vault_new(&heard);
  size_t len;
  (void)state;
  vault_open(v, OLD_KEY);
  vault_append(v, 1, 1, "payload");
  vault_close(v);
  len = v->keep.entries[1].payload.len;
  for (size_t at = 0; at < len; at++) {
    keep_flip(v->keep.entries[1].payload, at);
    assert_int_not_equal(vault_try(v, OLD_KEY, 1), RKV_OK);
    keep_flip(v->keep.entries[1].payload, at);
  }
  vault_open(v, OLD_KEY);
  vault_holds(v, 1, "payload");
  vault_free(v);
}

static void a_moved_record_is_refused(void **state) {
  struct keep_heard heard = {0};
  struct vault *v = vault_new(&heard);
  struct rkv_buf first;
  (void)state;
  vault_open(v, OLD_KEY);
  vault_append(v, 1, 1, "x");
  vault_append(v, 1, 2, "y");
  first = v->keep.entries[1].payload;
  v->keep.entries[1].payload = v->keep.entries[2].payload;
  v->keep.entries[2].payload = first;
  vault_refuses(v, OLD_KEY, RKV_CORRUPT, "entry {term 1, index 1}: does not open: it was changed");
  v->keep.entries[2].payload = v->keep.entries[1].payload;
  v->keep.entries[1].payload = first;
  v->keep.entries[1].kind = RKV_ENTRY_BLANK;
  vault_refuses(v, OLD_KEY, RKV_CORRUPT, "does not open");
  v->keep.entries[1].kind = RKV_ENTRY_COMMAND;
  assert_int_equal(vault_try(v, OLD_KEY, 2), RKV_CORRUPT); /* another node's */
  assert_non_null(strstr(v->error.text, "another node's"));
  vault_open(v, OLD_KEY);
  vault_free(v);
}

/* An entry that was cut off, in the place of the one that came after it. */
static void an_old_record_is_refused(void **state) {
  struct keep_heard heard = {0};
  struct vault *v = vault_new(&heard);
  struct rkv_entry old;
  (void)state;
  vault_open(v, OLD_KEY);
  vault_append(v, 1, 1, "a");
  vault_append(v, 1, 2, "old");
  old = v->keep.entries[2];
  old.payload = keep_copy(old.payload);
  v->ops->truncate(v->it, 1);
  vault_append(v, 2, 2, "new");
  vault_append(v, 2, 3, "b");
  rkv_buf_drop(&v->keep.entries[2].payload);
  v->keep.entries[2] = old;
  vault_refuses(v, OLD_KEY, RKV_CORRUPT,
                "entry {term 2, index 3}: was written behind an entry of term 2, and stands behind "
                "one of term 1: an older one was put back");
  vault_free(v);
}

/* A vote is held by what was appended under it: it may only have gone on since. */
static void an_old_vote_is_refused(void **state) {
  struct keep_heard heard = {0};
  struct vault *v = vault_new(&heard);
  (void)state;
  vault_open(v, OLD_KEY);
  vault_vote(v, 3, 2);
  vault_append(v, 1, 1, "a");
  v->keep.state.vote = (struct rkv_vote){2, 2, false};
  vault_refuses(
      v, OLD_KEY, RKV_CORRUPT,
      "was written under the vote of term 3 for node 2, and what is there is a vote of term "
      "2 for node 2: it was put back or changed");
  v->keep.state.vote = (struct rkv_vote){3, 1, false}; /* for another node */
  vault_refuses(v, OLD_KEY, RKV_CORRUPT, "a vote of term 3 for node 1");
  v->keep.state.vote = (struct rkv_vote){4, 1, false};
  vault_open(v, OLD_KEY);
  vault_free(v);
}

static void snapshots_are_whole_and_their_own(void **state) {
  static const size_t sizes[] = {0, 1, 65535, 65536, 65537, 200000};
  struct keep_heard heard = {0};
  struct vault *v = vault_new(&heard);
  uint64_t size;
  uint8_t *frames = malloc(2 * KEEP_FRAME);
  (void)state;
  assert_non_null(frames);
  vault_open(v, OLD_KEY);
  for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
    vault_snapshot(v, 5, sizes[i]);
    assert_int_equal(vault_read_snapshot(v, &size), RKV_OK);
    assert_int_equal(size, sizes[i]);
  }
  memcpy(frames, v->keep.snapshot, 2 * KEEP_FRAME); /* two frames change their places */
  memcpy(v->keep.snapshot, frames + KEEP_FRAME, KEEP_FRAME);
  memcpy(v->keep.snapshot + KEEP_FRAME, frames, KEEP_FRAME);
  assert_int_equal(vault_read_snapshot(v, &size), RKV_CORRUPT);
  assert_non_null(strstr(v->error.text, "a part of it does not open"));
  memcpy(v->keep.snapshot, frames, 2 * KEEP_FRAME);
  v->keep.state.snapshot.size = 2 * KEEP_FRAME; /* cut off behind a whole frame */
  assert_int_equal(vault_read_snapshot(v, &size), RKV_CORRUPT);
  vault_snapshot(v, 5, 200000);
  memcpy(v->keep.snapshot, frames,
         KEEP_FRAME); /* the same bytes at the same place, of an older one */
  assert_int_equal(vault_read_snapshot(v, &size), RKV_CORRUPT);
  v->keep.state.snapshot.last.index = 6;
  vault_refuses(v, OLD_KEY, RKV_CORRUPT, "the snapshot up to index 6: does not open");
  v->keep.state.snapshot.last.index = 5;
  vault_open(v, OLD_KEY);
  free(frames);
  vault_free(v);
}

/* What was written without it, and it alone, is told apart. */
static void what_is_not_locked_is_told(void **state) {
  struct keep_heard heard = {0};
  struct vault *v = vault_new(&heard);
  (void)state;
  v->keep.entries[1] = (struct rkv_entry){.id = {1, 1}, .kind = RKV_ENTRY_COMMAND};
  v->keep.entries[1].payload = fake_host_copy("plain", 5);
  v->keep.state.last = (struct rkv_log_id){1, 1};
  vault_refuses(v, OLD_KEY, RKV_CORRUPT,
                "not written by storage-crypt (raft-key-value storage copy moves a storage to it)");
  vault_free(v);
}

/* A record that was cut is none, or does not open. */
static void a_cut_record_is_refused(void **state) {
  struct keep_heard heard = {0};
  struct vault *v = vault_new(&heard);
  struct rkv_buf *payload = &v->keep.entries[1].payload;
  size_t whole;
  (void)state;
  vault_open(v, OLD_KEY);
  vault_append(v, 1, 1, "payload");
  whole = payload->len;
  for (payload->len = 0; payload->len < whole; payload->len++)
    vault_refuses(v, OLD_KEY, RKV_CORRUPT,
                  payload->len < whole - strlen("payload") ? "not written by storage-crypt"
                                                           : "does not open");
  vault_open(v, OLD_KEY);
  vault_free(v);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(no_key_and_nonce_come_twice),
      cmocka_unit_test(a_wrong_or_missing_key_is_told),
      cmocka_unit_test(keys_change_by_generation),
      cmocka_unit_test(a_changed_record_is_refused),
      cmocka_unit_test(a_moved_record_is_refused),
      cmocka_unit_test(an_old_record_is_refused),
      cmocka_unit_test(an_old_vote_is_refused),
      cmocka_unit_test(snapshots_are_whole_and_their_own),
      cmocka_unit_test(what_is_not_locked_is_told),
      cmocka_unit_test(a_cut_record_is_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
