/* machine.h: the state machine under test and the acts of its stories. */
#ifndef SM_MACHINE_TEST_H
#define SM_MACHINE_TEST_H

#include "fake_host.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

struct machine {
  const struct rkv_state_machine_ops *ops;
  void *sm;
  struct fake_host host;
  struct rkv_log_id last; /* applied */
};

/* All bytes of one snapshot. */
struct whole {
  struct rkv_snapshot_meta meta;
  uint8_t *bytes;
  size_t len;
};

/* cmocka fixtures: *state is an array of two empty machines; closed, no buffer may have leaked. */
int machines_setup(void **state);
int machines_teardown(void **state);

/* Opens one more machine. */
void machine_open(struct machine *m, uint64_t key_max, uint64_t value_max);

/* Applies one entry after the last one. Returns the answer, which the caller drops. */
struct rkv_buf machine_apply(struct machine *m, uint32_t kind, const void *payload, size_t len);

/* Applies SetRequest{key, value} packed by protobuf-c. */
void machine_set_bytes(struct machine *m, const void *key, size_t key_len, const void *value,
                       size_t value_len);
void machine_set(struct machine *m, const char *key, const char *value);

/* Applies {1, ..., voters} with addresses as a membership. */
void machine_set_membership(struct machine *m, unsigned voters);

/* Fails the test unless Get answers exactly `value`; NULL: the key must not be there. */
bool machine_has_bytes(struct machine *m, const void *key, size_t key_len, const void *value,
                       size_t value_len);
bool machine_has(struct machine *m, const char *key, const char *value);

/* Reads a snapshot that has begun to its end, at most `max` bytes at a time, and ends it. */
struct whole machine_read(struct machine *m, void *snapshot, const struct rkv_snapshot_meta *meta,
                          size_t max);
struct whole machine_snapshot(struct machine *m, size_t max);
void whole_free(struct whole *w);
bool whole_equal(const struct whole *a, const struct whole *b);

/* Restores from the bytes, `step` at a time. */
enum rkv_status machine_restore(struct machine *m, const struct rkv_snapshot_meta *meta,
                                const uint8_t *bytes, size_t len, size_t step);

/* The stories about snapshots (machine_snapshot.c). */
void snapshot_has_the_golden_bytes(void **state);
void snapshot_of_nothing(void **state);
void same_log_same_bytes(void **state);
void snapshot_stays_as_it_was(void **state);
void snapshot_read_while_applying(void **state);

/* The stories about restoring (machine_restore.c). */
void restore_takes_any_cut(void **state);
void restore_of_a_part_changes_nothing(void **state);
void restore_takes_foreign_bytes(void **state);
void restore_refuses_bad_bytes(void **state);
void restore_survives_changed_bytes(void **state);
void restore_wants_mark_and_checksum(void **state);
void restore_wants_its_meta(void **state);
void restore_wants_its_membership(void **state);
void restore_overlaps_apply(void **state);

#endif
