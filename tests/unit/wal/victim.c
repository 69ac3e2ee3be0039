/* victim.c: makes, damages and judges logs. */
#include "victim.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

void victim_find_places(struct victim *v) {
  char path[2 * SCRATCH_PATH_MAX];
  const struct folder folder = {.files = &files_posix, .fd = -1};
  struct scan scan;
  bool found = true;
  int fd;
  wal_path(v->w, FIRST_LOG, path);
  fd = open(path, O_RDONLY | O_CLOEXEC);
  assert_int_equal(scan_begin(&scan, &folder, fd, dir_name(DIR_LOG, 1), NULL), RKV_OK);
  for (v->count = 0;; v->count++) {
    v->places[v->count] = scan.offset;
    assert_int_equal(scan_next(&scan, &found, NULL), RKV_OK);
    if (!found) break;
    v->types[v->count] = scan.record.type;
    assert_true(v->count + 1 < PLACES_MAX);
  }
  scan_end(&scan);
  (void)close(fd);
}

void victim_make(struct victim *v, struct wal *w, bool closed) {
  v->w = w;
  v->model = model_new();
  w->sync = false; /* thousands of storages are opened */
  wal_reopen(w);
  wal_do(w, v->model, step_vote(3));
  for (int i = 0; i < ENTRIES; i++) wal_do(w, v->model, step_append(v->model, 3, 1));
  scratch_make(v->source);
  if (closed) wal_close(w);
  scratch_copy(w->dir, v->source);
  wal_close(w);
  scratch_copy(v->source, w->dir);
  wal_read_file(w, FIRST_LOG, 0, v->bytes, sizeof v->bytes);
  victim_find_places(v);
}

void victim_free(struct victim *v) {
  scratch_remove(v->source);
  free(v->model);
}

void victim_restore(struct victim *v) {
  wal_close(v->w);
  scratch_copy(v->source, v->w->dir);
  v->w->warning[0] = '\0';
}

void victim_holds_records(struct victim *v, size_t records) {
  struct model *m = model_new();
  *m = *v->model;
  m->vote = (struct rkv_vote){0};
  m->last = (struct rkv_log_id){0};
  for (size_t i = 0; i < records; i++) {
    if (v->types[i] == RECORD_VOTE) m->vote = v->model->vote;
    if (v->types[i] == RECORD_ENTRY) m->last = (struct rkv_log_id){3, m->last.index + 1};
  }
  wal_holds(v->w, m);
  wal_do(v->w, m, step_append(m, 4, 2)); /* and the log goes on from there */
  wal_reopen(v->w);
  wal_holds(v->w, m);
  free(m);
}

void victim_refused_at(struct victim *v, const char *name, uint64_t place) {
  char offset[64];
  if (wal_open(v->w) != RKV_CORRUPT) fail_msg("not refused: damage at %" PRIu64, place);
  (void)snprintf(offset, sizeof offset, "offset %" PRIu64 ":", place);
  if (!strstr(v->w->error.text, name) || !strstr(v->w->error.text, offset) ||
      !strstr(v->w->error.text, "expected") || !strstr(v->w->error.text, "found"))
    fail_msg("expected %s %s, found: %s", name, offset, v->w->error.text);
}

void wal_flip_bit(const struct wal *w, const char *name, uint64_t at, unsigned bit) {
  uint8_t byte;
  wal_read_file(w, name, at, &byte, 1);
  byte ^= (uint8_t)(1u << bit);
  wal_write_file(w, name, at, &byte, 1);
}

size_t victim_record_of(const struct victim *v, uint64_t at) {
  size_t i = 0;
  while (i + 1 < v->count && v->places[i + 1] <= at) i++;
  return i;
}
