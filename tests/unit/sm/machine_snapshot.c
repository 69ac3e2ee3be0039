/* machine_snapshot.c: the laws of snapshots, as stories on sm-protobuf. */
#include "machine.h"

#include <raft.pb-c.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

/* Step n of a log that every machine under test is given: new keys, replaced ones, no order. */
static void apply_step(struct machine *m, unsigned n) {
  char key[32], value[64];
  (void)snprintf(key, sizeof key, "key-%u", n * 7919 % 3001);
  (void)snprintf(value, sizeof value, "value of step %u", n);
  if (n % 500 == 3)
    machine_set_membership(m, 1 + n / 500 % 5);
  else
    machine_set(m, key, n % 17 == 0 ? "" : value);
}

/* Two voters, a=1 and b="": byte for byte, wire indexes from 0, keys in order. The first and the
 * last field are this machine's own: those between are what OpenRaft's example writes. */
void snapshot_has_the_golden_bytes(void **state) {
  static const uint8_t expected[] =
      {
          0xf0, 0x7c, 0x01,                              /* a checksum will come */
          0x0a, 0x02, 0x10, 0x02,                        /* last_applied T0 index 2 */
          0x12, 0x05, 0x0a, 0x01, 'a',  0x12, 0x00,      /* a = "" */
          0x12, 0x06, 0x0a, 0x01, 'b',  0x12, 0x01, '1', /* b = 1 */
          0x1a, 0x00,                                    /* the membership's id: T0 index 0 */
          0x22, 0x21, 0x0a, 0x06, 0x0a, 0x04, 0x08, 0x01, 0x12, 0x00, /* one config {1} */
          0x12, 0x17, 0x08, 0x01, 0x12, 0x13, 0x08, 0x01, 0x12, 0x0f, '1',
          '2',  '7',  '.',  '0',  '.',  '0',  '.',  '1',  ':',  '2',  '1',
          '0',  '0',  '1',  0xfd, 0x7c, 0xec, 0x65, 0x80, 0x0e}; /* CRC-32C of all before */
  struct machine *m = *state;
  struct whole w;
  machine_set_membership(m, 1);
  machine_set(m, "b", "1");
  machine_set(m, "a", "");
  w = machine_snapshot(m, 1000);
  assert_int_equal(w.len, sizeof expected);
  assert_memory_equal(w.bytes, expected, sizeof expected);
  assert_int_equal(w.meta.last.index, 3);
  assert_int_equal(w.meta.membership_id.index, 1);
  whole_free(&w);
}

/* The state of a node that never applied anything has no bytes, and restoring them is fine. */
void snapshot_of_nothing(void **state) {
  struct machine *m = *state;
  struct whole w = machine_snapshot(m, 1000);
  assert_int_equal(w.len, 0);
  assert_int_equal(w.meta.last.index, 0);
  machine_set(m, "k", "v");
  assert_int_equal(machine_restore(m, &w.meta, w.bytes, 0, 1), RKV_OK);
  assert_true(machine_has(m, "k", NULL));
  whole_free(&w);
}

/* Two machines with one log give the same bytes, in chunks of any size; protobuf-c reads them and
 * finds every key in ascending order. */
void same_log_same_bytes(void **state) {
  static const size_t sizes[] = {1, 7, 1024, SIZE_MAX};
  struct machine *m = *state;
  struct whole first;
  Openraftpb__StateMachineData *data;
  for (unsigned n = 0; n < 4000; n++) apply_step(&m[0], n), apply_step(&m[1], n);
  first = machine_snapshot(&m[0], 64);
  for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
    struct whole other = machine_snapshot(&m[i % 2], sizes[i]);
    assert_true(whole_equal(&first, &other));
    whole_free(&other);
  }
  data = openraftpb__state_machine_data__unpack(NULL, first.len, first.bytes);
  assert_non_null(data);
  assert_int_equal(data->last_applied->index, 3999);
  assert_int_equal(data->last_membership_log_id->index, 3503);
  assert_int_equal(data->last_membership->n_nodes, 3);
  assert_true(data->n_data > 2000);
  for (size_t i = 0; i < data->n_data; i++) {
    const Openraftpb__DataEntry *entry = data->data[i], *before = i > 0 ? data->data[i - 1] : NULL;
    size_t least = before && before->key.len < entry->key.len ? before->key.len : entry->key.len;
    int order = before ? memcmp(before->key.data, entry->key.data, least) : -1;
    assert_true(order < 0 || (order == 0 && before->key.len < entry->key.len));
    assert_true(machine_has_bytes(m, entry->key.data, entry->key.len,
                                  entry->value.len > 0 ? entry->value.data : (uint8_t *)"",
                                  entry->value.len));
  }
  openraftpb__state_machine_data__free_unpacked(data, NULL);
  whole_free(&first);
}

/* Several snapshots at once: each gives the state at its own index, however much is applied
 * before it is read, in whichever order they are read. */
void snapshot_stays_as_it_was(void **state) {
  enum { COUNT = 5, STEPS = 700 };
  struct machine *m = *state;
  struct rkv_snapshot_meta metas[COUNT];
  struct whole expected[COUNT];
  void *snapshots[COUNT];
  for (unsigned n = 0; n < COUNT; n++) {
    for (unsigned step = n * STEPS; step < (n + 1) * STEPS; step++)
      apply_step(&m[0], step), apply_step(&m[1], step);
    expected[n] = machine_snapshot(&m[1], 4096);
    assert_int_equal(m->ops->snapshot_begin(m->sm, &snapshots[n], &metas[n], NULL), RKV_OK);
  }
  for (unsigned n = COUNT; n-- > 0;) {
    struct whole w = machine_read(m, snapshots[n], &metas[n], 999);
    assert_true(whole_equal(&w, &expected[n]));
    whole_free(&w);
    whole_free(&expected[n]);
    apply_step(m, 5000 + n);
  }
}

struct reading {
  struct machine *m;
  void *snapshot;
  struct whole whole;
  atomic_bool done;
};

static void *read_snapshot(void *arg) {
  struct reading *r = arg;
  struct rkv_snapshot_meta meta = r->whole.meta;
  r->whole = machine_read(r->m, r->snapshot, &meta, 128);
  atomic_store(&r->done, true);
  return NULL;
}

/* One thread reads a snapshot while another applies: the bytes are those of its index. */
void snapshot_read_while_applying(void **state) {
  struct machine *m = *state;
  unsigned step = 0;
  for (unsigned round = 0; round < 10; round++) {
    struct reading r = {.m = m};
    struct whole expected;
    pthread_t thread;
    for (unsigned end = step + 400; step < end; step++)
      apply_step(&m[0], step), apply_step(&m[1], step);
    expected = machine_snapshot(&m[1], 4096);
    assert_int_equal(m->ops->snapshot_begin(m->sm, &r.snapshot, &r.whole.meta, NULL), RKV_OK);
    assert_int_equal(pthread_create(&thread, NULL, read_snapshot, &r), 0);
    do {
      apply_step(&m[0], step), apply_step(&m[1], step);
      step++;
    } while (!atomic_load(&r.done));
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_true(whole_equal(&r.whole, &expected));
    whole_free(&r.whole);
    whole_free(&expected);
  }
}
