/* log_acts.c: appends, reads, and a device that is an array. */
#include "log_acts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct fixture *f;

/* ---- the storage ---- */

static bool find(struct reading *r, rkv_index last) {
  assert_in_range(r->at, 1, last);
  f->finds++;
  return true;
}

static enum rkv_status give(struct reading *r, struct rkv_error *error) {
  (void)error;
  assert_true(reading_fits(r, f->device[r->at].payload.len));
  (void)rkv_buf_share(f->device[r->at].payload);
  reading_give(r, &f->device[r->at]);
  if (f->truncates) queue_truncate(r->log, r->at);
  f->truncates = false;
  return RKV_OK;
}

static enum rkv_status read_entries(void *storage, rkv_index from, rkv_index to, uint64_t bytes_max,
                                    struct rkv_entry *entries, size_t capacity, size_t *count,
                                    struct rkv_error *error) {
  static const struct reading_ops ops = {.find = find, .give = give};
  struct reading r = {.log = storage, .ops = &ops};
  return reading_run(&r, from, to, bytes_max, entries, capacity, count, error);
}

/* Gives all that stands on the device, as a storage without `find` does. */
static enum rkv_status give_on(struct reading *r, struct rkv_error *error) {
  (void)error;
  while (r->at <= r->to && f->device[r->at].id.index == r->at) {
    if (!reading_fits(r, f->device[r->at].payload.len)) break;
    (void)rkv_buf_share(f->device[r->at].payload);
    reading_give(r, &f->device[r->at]);
  }
  return RKV_OK;
}

void reads_terms(rkv_index from, rkv_index to, const rkv_term *terms, size_t expected) {
  static const struct reading_ops on = {.give = give_on};
  struct rkv_entry entries[ENTRIES_MAX];
  struct rkv_error error;
  struct reading r = {.log = &f->log, .ops = &on};
  size_t count;
  assert_int_equal(reading_run(&r, from, to, UINT64_MAX, entries, ENTRIES_MAX, &count, &error),
                   RKV_OK);
  assert_int_equal(count, expected);
  for (size_t i = 0; i < count; i++) assert_int_equal(entries[i].id.term, terms[i]);
}

static void drop(struct log *log, const struct op *op) {
  assert_true(log->held.last.index >= op->last_dropped); /* nothing is changed yet */
  f->first_dropped = op->first_dropped;
  f->last_dropped = op->last_dropped;
}

/* Writes one operation, as a writer thread would. */
enum rkv_status write_one(struct log *log, struct op *op, const struct op *last,
                          struct rkv_error *error) {
  (void)last;
  if (f->fails) return rkv_fail(error, RKV_IO, "no");
  for (size_t i = 0; i < op->count && !op->refused; i++)
    f->device[op->entries[i].id.index] = op->entries[i];
  queue_finish(log, op);
  return RKV_OK;
}

static void written(struct log *log) {
  assert_null(log->first);
  f->ends++;
}

static const struct log_ops ops = {.plugin = "storage-x",
                                   .section = "x",
                                   .write = write_one,
                                   .written = written,
                                   .drop = drop,
                                   .read = read_entries};

void write_all(void) {
  struct rkv_error error;
  while (f->log.first)
    assert_int_equal(write_one(&f->log, f->log.first, f->log.last, &error), RKV_OK);
}

/* ---- acts ---- */

static void on_done(struct rkv_completion *self, enum rkv_status status,
                    const struct rkv_error *error) {
  const struct done *done = (const struct done *)self;
  assert_int_equal(done->number, f->told);
  assert_true((error != NULL) == (status != RKV_OK));
  f->status[f->told++] = status;
}

struct rkv_completion *next_call(void) {
  struct done *done = &f->calls[f->called];
  assert_true(f->called < DONE_MAX);
  *done = (struct done){{on_done}, f->called++};
  return &done->completion;
}

void append(rkv_term term, rkv_index first, size_t count) {
  struct rkv_entry entries[ENTRIES_MAX];
  for (size_t i = 0; i < count; i++)
    entries[i] = (struct rkv_entry){.id = {term, first + i}, .payload = rkv_buf_none()};
  queue_append(f, entries, count, next_call());
}

void dropped(rkv_index first, rkv_index last) {
  assert_int_equal(f->first_dropped, first);
  assert_int_equal(f->last_dropped, last);
}

size_t reads(rkv_index from, rkv_index to) {
  struct rkv_entry entries[ENTRIES_MAX];
  struct rkv_error error;
  size_t count;
  assert_int_equal(read_entries(f, from, to, UINT64_MAX, entries, ENTRIES_MAX, &count, &error),
                   RKV_OK);
  for (size_t i = 0; i < count; i++) assert_int_equal(entries[i].id.index, from + i);
  return count;
}

enum rkv_status read_fails(rkv_index at) {
  struct rkv_entry entry;
  struct rkv_error error;
  size_t count;
  return read_entries(f, at, at, UINT64_MAX, &entry, 1, &count, &error);
}

struct rkv_storage_state load_state(void) {
  struct rkv_storage_state state;
  struct rkv_error error;
  assert_int_equal(reading_load(f, &state, &error), RKV_OK);
  return state;
}

static void on_fatal(void *ctx, enum rkv_status status, const char *text) {
  (void)ctx, (void)status, (void)text;
  f->fatals++;
}

static void on_log(void *ctx, enum rkv_log_level level, const char *section, const char *text) {
  (void)ctx, (void)section, (void)text;
  f->warnings += level == RKV_LOG_WARN;
}

int log_setup(void **state) {
  f = calloc(1, sizeof *f);
  *state = f;
  fake_host_init(&f->fake);
  f->fake.host.fatal = on_fatal;
  f->fake.host.log = on_log;
  log_init(&f->log, &f->fake.host, &ops, &threads_posix, QUEUE_MAX);
  log_begin(&f->log, &(struct held){.purged = {0, 0}});
  return 0;
}

int log_teardown(void **state) {
  (void)state;
  assert_int_equal(f->told, f->called);
  assert_null(f->log.first);
  assert_int_equal(f->log.bytes_queued, 0);
  assert_int_equal(f->log.drops_queued, 0);
  log_destroy(&f->log);
  free(f);
  return 0;
}
