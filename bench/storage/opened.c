/* opened.c: the start of a storage that is there already, in a process that did nothing else, and
 * what a purge gives back. */
#include "bench.h"

#include <inttypes.h>

enum { AFTER_BYTES = 256, AFTER_BATCH = 64 }; /* appended behind the purge */

static struct rkv_storage_state load(struct subject *s) {
  struct rkv_storage_state state;
  struct rkv_error error;
  if (s->ops->load(s->storage, &state, &error) != RKV_OK) die("%s", error.text);
  rkv_buf_drop(&state.snapshot.membership);
  return state;
}

/* Purges, appends a batch, which makes the purge durable, waits until the files are what they will
 * be, and closes. The bytes on the disk then. */
static uint64_t purge(struct subject *s, const struct wish *wish, struct rkv_log_id last) {
  static struct row row;
  if (wish->left >= last.index) die("only %" PRIu64 " entries are there", last.index);
  payload_begin(AFTER_BYTES);
  row.entries = last.index;
  s->ops->purge(s->storage, (struct rkv_log_id){last.term, last.index - wish->left});
  row_append(s, wish, AFTER_BYTES, AFTER_BATCH, last.index + 1, &row);
  (void)footprint_disk_settled(s->dir);
  subject_close(s);
  return footprint_disk(s->dir);
}

void opened_run(struct subject *s, const struct wish *wish) {
  struct rkv_storage_state state;
  struct memory memory;
  uint64_t began, took, purged = 0;
  subject_place(s, wish, 0);
  if (wish->cold) footprint_forget(s->dir);
  began = now_ns();
  subject_open(s);
  state = load(s);
  took = now_ns() - began;
  memory = footprint_memory();
  if (wish->left > 0)
    purged = purge(s, wish, state.last);
  else
    subject_close(s);
  if (wish->json)
    (void)printf("{\"plugin\": \"%s\", \"entries\": %" PRIu64 ", \"open_ms\": %.2f, "
                 "\"memory\": %" PRIu64 ", \"mapped\": %" PRIu64 ", \"disk_purged\": %" PRIu64
                 "}\n",
                 s->plugin->name, state.last.index - state.purged.index, (double)took / 1e6,
                 memory.own, memory.mapped, purged);
  else
    (void)printf("opened: entries %" PRIu64 " to %" PRIu64 ", %.1f ms, %" PRIu64
                 " MiB of memory, %" PRIu64 " MiB of files mapped, %" PRIu64
                 " MiB on the disk after the purge\n",
                 state.purged.index + 1, state.last.index, (double)took / 1e6, memory.own >> 20,
                 memory.mapped >> 20, purged >> 20);
}
