/* machine_restore.c: the laws of restoring, as stories on sm-protobuf. */
#include "machine.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- acts ---- */

/* A small state with everything in it: memberships, empty values, NUL, a long value. */
static struct whole make_state(struct machine *m) {
  char text[300];
  memset(text, 'x', sizeof text);
  machine_set_membership(m, 3);
  machine_set(m, "foo", "bar");
  machine_set(m, "empty", "");
  machine_set_bytes(m, "n\0l", 3, "v\0l", 3);
  machine_set_bytes(m, "long", 4, text, sizeof text);
  machine_set(m, "", "empty key");
  return machine_snapshot(m, 1000);
}

static void has_state(struct machine *m, const struct whole *expected) {
  struct whole w = machine_snapshot(m, 1000);
  assert_true(whole_equal(&w, expected));
  whole_free(&w);
}

/* Restores literal bytes whose meta says `last` and `membership_id` (core indexes), and if there is
 * one the membership of node 1 at "ab". */
static enum rkv_status restore_literal(struct machine *m, const void *bytes, size_t len,
                                       rkv_index last, rkv_index membership_id) {
  struct rkv_snapshot_meta meta = {.last = {0, last}, .membership_id = {0, membership_id}};
  struct rkv_membership one = {.config_count = 1};
  uint8_t encoded[64];
  assert_int_equal(rkv_config_add(&one.configs[0], 1), RKV_OK);
  assert_int_equal(rkv_membership_add_node(&one, 1, "ab", 2), RKV_OK);
  rkv_membership_encode(&one, encoded);
  if (membership_id > 0)
    meta.membership = rkv_buf_static(encoded, rkv_membership_encoded_size(&one));
  return machine_restore(m, &meta, bytes, len, 5);
}

#define RESTORE(m, text, last, membership_id)                                                      \
  restore_literal(m, text, sizeof text - 1, last, membership_id)

/* ---- stories ---- */

/* The bytes may be cut into two at every place, or into single bytes: the state is the same, and
 * applies go on behind it. */
void restore_takes_any_cut(void **state) {
  struct machine *m = *state;
  struct whole w = make_state(&m[0]);
  for (size_t step = 1; step <= w.len; step++) {
    machine_set(&m[1], "left over", "from before");
    assert_int_equal(machine_restore(&m[1], &w.meta, w.bytes, w.len, step), RKV_OK);
    has_state(&m[1], &w);
  }
  machine_set(&m[0], "next", "1");
  machine_set(&m[1], "next", "1");
  whole_free(&w);
  w = machine_snapshot(&m[0], 77);
  has_state(&m[1], &w);
  whole_free(&w);
}

/* Every prefix of the bytes is refused, also one that ends between two fields; aborting a restore
 * at any place is as harmless: the old state stays in service. */
void restore_of_a_part_changes_nothing(void **state) {
  struct machine *m = *state;
  struct whole w = make_state(&m[0]), old;
  machine_set(&m[1], "old", "state");
  old = machine_snapshot(&m[1], 1000);
  for (size_t len = 0; len < w.len; len++) {
    void *restore;
    assert_int_equal(machine_restore(&m[1], &w.meta, w.bytes, len, 100), RKV_CORRUPT);
    assert_int_equal(m->ops->restore_begin(m[1].sm, &w.meta, &restore, NULL), RKV_OK);
    assert_int_equal(m->ops->restore_write(restore, rkv_buf_static(w.bytes, len), NULL), RKV_OK);
    m->ops->restore_abort(restore);
    assert_true(machine_has(&m[1], "old", "state"));
    assert_true(machine_has(&m[1], "foo", NULL));
  }
  has_state(&m[1], &old);
  whole_free(&w);
  whole_free(&old);
}

/* As other implementations write it: any order of keys and fields, a key twice (the last wins),
 * key or value left out when empty, unknown fields of every type and size, an empty LogId. */
void restore_takes_foreign_bytes(void **state) {
  struct machine *m = *state;
  uint8_t big[3000] = {0x3a, 0xb2, 0x17}; /* unknown field 7 of 2994 bytes */
  assert_int_equal(RESTORE(m,
                           "\x12\6\x12\1"
                           "1\x0a\1z" /* value before key */
                           "\x12\6\x0a\1"
                           "a\x12\1"
                           "1"
                           "\x28\5\x31"
                           "12345678"
                           "\x3d"
                           "1234"          /* unknown 5, 6, 7 */
                           "\x12\2\x0a\0"  /* key "", no value */
                           "\x12\3\x12\1e" /* no key */
                           "\x12\6\x0a\1"
                           "a\x12\1"
                           "2"             /* again */
                           "\x12\3\x0a\1n" /* no value */
                           "\x22\x12\x0a\6\x0a\4\x08\1\x12\0\x12\x08\x08\1\x12\4\x12\2"
                           "ab"
                           "\x1a\0\x0a\2\x10\6",
                           7, 1),
                   RKV_OK);
  assert_true(machine_has(m, "z", "1"));
  assert_true(machine_has(m, "a", "2"));
  assert_true(machine_has(m, "n", ""));
  machine_set(m, "goes", "on");
  memcpy(big + 2997, "\x0a\0", 2); /* last_applied: T0 index 0 */
  for (size_t step = 1; step < 40; step++) {
    struct rkv_snapshot_meta meta = {.last = {0, 1}};
    assert_int_equal(machine_restore(m, &meta, big, 2999, step * step), RKV_OK);
  }
  assert_true(machine_has(m, "z", NULL));
}

/* Bytes that no implementation writes are refused, wherever the fault is. */
void restore_refuses_bad_bytes(void **state) {
  struct machine *m = *state;
  machine_set(m, "old", "state");
  assert_int_equal(RESTORE(m, "\x0a\0", 1, 0), RKV_OK); /* the bytes below, without their fault */
  machine_set(m, "old", "state");
  assert_int_equal(RESTORE(m, "\x0a\0\x12\4\x0a\2\xff\xff", 1, 0), RKV_CORRUPT); /* not UTF-8 */
  assert_int_equal(RESTORE(m, "\x0a\0\x12\3\x0a\2x", 1, 0), RKV_CORRUPT);        /* entry cut */
  assert_int_equal(RESTORE(m, "\x0a\0\x12\3\x0a", 1, 0), RKV_CORRUPT);   /* the end is missing */
  assert_int_equal(RESTORE(m, "\x0a\0\x3a\3\x0a", 1, 0), RKV_CORRUPT);   /* of an unknown field */
  assert_int_equal(RESTORE(m, "\x0a\0\x12\x80", 1, 0), RKV_CORRUPT);     /* of a length */
  assert_int_equal(RESTORE(m, "\x0a\0\x10\1", 1, 0), RKV_CORRUPT);       /* data: number */
  assert_int_equal(RESTORE(m, "\x0a\0\x12\2\x08\1", 1, 0), RKV_CORRUPT); /* key: number */
  assert_int_equal(RESTORE(m, "\x0a\0\x0b", 1, 0), RKV_CORRUPT);         /* a group */
  assert_int_equal(RESTORE(m, "\x0a\0\x12\xff\xff\xff\x7f", 1, 0), RKV_CORRUPT); /* 256 MiB */
  assert_int_equal(RESTORE(m, "\x0a\3\x10\xff\xff", 1, 0), RKV_CORRUPT);         /* id cut */
  assert_int_equal(RESTORE(m, "\x0a\x0b\x10\xff\xff\xff\xff\xff\xff\xff\xff\xff\1", 0, 0),
                   RKV_CORRUPT);                                   /* an index with no successor */
  assert_int_equal(RESTORE(m, "\x0a\0\x1a\0", 1, 1), RKV_CORRUPT); /* id without membership */
  assert_int_equal(RESTORE(m, "\x0a\0\x1a\0\x22\0", 1, 1), RKV_CORRUPT); /* no config */
  assert_int_equal(RESTORE(m, "\x0a\0\x1a\0\x22\x08\x0a\6\x0a\4\x08\1\x12\0", 1, 1),
                   RKV_CORRUPT); /* a voter without a node */
  assert_int_equal(RESTORE(m, "\x0a\0\x1a\0\x22\6\x0a\0\x0a\0\x0a\0", 1, 1), RKV_CORRUPT);
  assert_int_equal(RESTORE(m, "\x0a\0\x22\x08\x12\6\x08\1\x12\2\x08\1", 1, 0),
                   RKV_CORRUPT); /* a membership without its id */
  assert_true(machine_has(m, "old", "state"));
}

enum { MARK_LEN = 3, CHECKSUM_LEN = 6 }; /* bytes of this machine's own before and behind all */

/* Restores bytes of which some bit is changed, at every place and some times. Returns how often it
 * was refused, of so many times; after that the old state is whole. */
static unsigned change_bytes(struct machine *m, uint8_t *bytes, size_t len,
                             const struct rkv_snapshot_meta *meta, unsigned times) {
  struct whole before = machine_snapshot(m, 100);
  unsigned refused = 0;
  for (unsigned n = 0; n < times; n++) {
    size_t at = n % len;
    uint8_t good = bytes[at];
    enum rkv_status status;
    bytes[at] = (uint8_t)(good ^ (1 << (rand() % 8)));
    status = machine_restore(m, meta, bytes, len, 1 + n % 97);
    bytes[at] = good;
    assert_true(status == RKV_OK || status == RKV_CORRUPT);
    if (status == RKV_CORRUPT) {
      refused++;
      if (n % 50 == 0) has_state(m, &before);
    } else {
      whole_free(&before);
      before = machine_snapshot(m, 100);
    }
  }
  whole_free(&before);
  return refused;
}

/* Any byte changed: refused. Without a checksum, as others write it: OK or CORRUPT, never worse. */
void restore_survives_changed_bytes(void **state) {
  struct machine *m = *state;
  struct whole w = make_state(&m[0]);
  machine_set(&m[1], "old", "state");
  srand(5);
  assert_int_equal(change_bytes(&m[1], w.bytes, w.len, &w.meta, 20000), 20000);
  assert_true(change_bytes(&m[1], w.bytes + MARK_LEN, w.len - MARK_LEN - CHECKSUM_LEN, &w.meta,
                           20000) > 1000);
  whole_free(&w);
}

/* Mark and checksum come together or not at all, and nothing comes behind the checksum. */
void restore_wants_mark_and_checksum(void **state) {
  struct machine *m = *state;
  struct whole w = make_state(&m[0]);
  uint8_t *longer = calloc(1, w.len + 2);
  assert_non_null(longer);
  memcpy(longer, w.bytes, w.len);
  memcpy(longer + w.len, "\x28", 2); /* an unknown field */
  assert_int_equal(machine_restore(&m[1], &w.meta, longer, w.len + 2, 7), RKV_CORRUPT);
  free(longer);
  assert_int_equal(machine_restore(&m[1], &w.meta, w.bytes, w.len - CHECKSUM_LEN, 7), RKV_CORRUPT);
  assert_int_equal(machine_restore(&m[1], &w.meta, w.bytes + MARK_LEN, w.len - MARK_LEN, 7),
                   RKV_CORRUPT);
  assert_int_equal(
      machine_restore(&m[1], &w.meta, w.bytes + MARK_LEN, w.len - MARK_LEN - CHECKSUM_LEN, 7),
      RKV_OK);
  has_state(&m[1], &w);
  whole_free(&w);
}

/* A meta that says another last log id, membership id or size than the bytes: not this snapshot. */
void restore_wants_its_meta(void **state) {
  struct machine *m = *state;
  struct whole w = make_state(&m[0]);
  struct rkv_snapshot_meta meta = w.meta;
  meta.size = w.len;
  assert_int_equal(machine_restore(&m[1], &meta, w.bytes, w.len, 64), RKV_OK);
  meta.size = w.len + 1;
  assert_int_equal(machine_restore(&m[1], &meta, w.bytes, w.len, 64), RKV_CORRUPT);
  meta = w.meta;
  meta.last.index++;
  assert_int_equal(machine_restore(&m[1], &meta, w.bytes, w.len, 64), RKV_CORRUPT);
  meta = w.meta;
  meta.last.term++;
  assert_int_equal(machine_restore(&m[1], &meta, w.bytes, w.len, 64), RKV_CORRUPT);
  meta = w.meta;
  meta.membership_id.index++;
  assert_int_equal(machine_restore(&m[1], &meta, w.bytes, w.len, 64), RKV_CORRUPT);
  has_state(&m[1], &w);
  whole_free(&w);
}

/* Restores a state whose meta says this membership. */
static enum rkv_status restore_with(struct machine *m, const struct whole *w,
                                    const struct rkv_membership *membership) {
  struct rkv_snapshot_meta meta = w->meta;
  uint8_t encoded[1024];
  assert_true(rkv_membership_encoded_size(membership) <= sizeof encoded);
  rkv_membership_encode(membership, encoded);
  meta.membership = rkv_buf_static(encoded, rkv_membership_encoded_size(membership));
  return machine_restore(m, &meta, w->bytes, w->len, 64);
}

/* The node takes the membership from the meta: under the same log id it must be that of the bytes.
 * What nodes of other implementations drop on the way may be missing on one side. */
void restore_wants_its_membership(void **state) {
  struct machine *m = *state;
  struct rkv_membership good = {.config_count = 1}, bad;
  struct whole w, before;
  uint8_t encoded[1024];
  for (rkv_node_id id = 1; id <= 3; id++) {
    assert_int_equal(rkv_config_add(&good.configs[0], id), RKV_OK);
    assert_int_equal(rkv_membership_add_node(&good, id, "host:1", 6), RKV_OK);
    good.nodes[id - 1].incarnation = 70 + id;
  }
  rkv_membership_encode(&good, encoded);
  (void)machine_apply(&m[0], RKV_ENTRY_MEMBERSHIP, encoded, rkv_membership_encoded_size(&good));
  w = machine_snapshot(&m[0], 100);
  machine_set(&m[1], "old", "state");
  before = machine_snapshot(&m[1], 100);
  bad = good;
  bad.nodes[1].addr[0] ^= 1;
  assert_int_equal(restore_with(&m[1], &w, &bad), RKV_CORRUPT);
  bad = good;
  bad.configs[0].count--;
  assert_int_equal(restore_with(&m[1], &w, &bad), RKV_CORRUPT);
  bad = good;
  assert_int_equal(rkv_membership_add_node(&bad, 9, "x", 1), RKV_OK);
  assert_int_equal(restore_with(&m[1], &w, &bad), RKV_CORRUPT);
  bad = good;
  bad.nodes[0].incarnation++;
  assert_int_equal(restore_with(&m[1], &w, &bad), RKV_CORRUPT);
  bad = good;
  bad.nodes[2].returning = 1;
  assert_int_equal(restore_with(&m[1], &w, &bad), RKV_CORRUPT);
  has_state(&m[1], &before);
  bad = good;
  bad.nodes[0].incarnation = 0;
  assert_int_equal(restore_with(&m[1], &w, &bad), RKV_OK);
  has_state(&m[1], &w);
  whole_free(&before);
  whole_free(&w);
}

struct writing {
  struct machine *m;
  void *restore;
  const struct whole *whole;
  atomic_bool done;
};

static void *write_restore(void *arg) {
  struct writing *w = arg;
  for (size_t at = 0; at < w->whole->len; at += 50) {
    size_t len = w->whole->len - at < 50 ? w->whole->len - at : 50;
    struct rkv_buf chunk = rkv_buf_static(w->whole->bytes + at, len);
    assert_int_equal(w->m->ops->restore_write(w->restore, chunk, NULL), RKV_OK);
  }
  atomic_store(&w->done, true);
  return NULL;
}

/* A restore is written by one thread while another applies and queries the old state; finish then
 * puts the new one in its place. */
void restore_overlaps_apply(void **state) {
  struct machine *m = *state;
  struct writing w = {.m = &m[1]};
  struct whole whole;
  pthread_t thread;
  machine_set_membership(m, 1);
  for (unsigned n = 0; n < 3000; n++) {
    char key[16];
    (void)snprintf(key, sizeof key, "%u", n);
    machine_set(m, key, "value");
  }
  whole = machine_snapshot(m, 5000);
  w.whole = &whole;
  assert_int_equal(m->ops->restore_begin(m[1].sm, &whole.meta, &w.restore, NULL), RKV_OK);
  assert_int_equal(pthread_create(&thread, NULL, write_restore, &w), 0);
  do {
    machine_set(&m[1], "old", "state");
    assert_true(machine_has(&m[1], "old", "state"));
  } while (!atomic_load(&w.done));
  assert_int_equal(pthread_join(thread, NULL), 0);
  assert_int_equal(m->ops->restore_check(w.restore, NULL), RKV_OK);
  assert_true(machine_has(&m[1], "old", "state"));
  assert_int_equal(m->ops->restore_finish(w.restore, NULL), RKV_OK);
  has_state(&m[1], &whole);
  whole_free(&whole);
}
