/* row.c: one row: appends with a window of them in flight, then reads, then a new start. */
#include "bench.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>

struct slot {
  struct rkv_completion completion; /* first: what the storage knows */
  struct appender *owner;
  uint64_t began_ns;
  struct slot *next; /* in the list of free slots */
};

struct appender {
  pthread_mutex_t lock;
  pthread_cond_t freed;
  struct slot slots[WINDOW_MAX], *free;
  uint64_t running;
  struct histogram *latency;
};

static void on_done(struct rkv_completion *self, enum rkv_status status,
                    const struct rkv_error *error) {
  struct slot *slot = (struct slot *)self;
  struct appender *a = slot->owner;
  if (status != RKV_OK) die("an append failed: %s", error ? error->text : "");
  (void)pthread_mutex_lock(&a->lock);
  histogram_add(a->latency, now_ns() - slot->began_ns);
  slot->next = a->free;
  a->free = slot;
  a->running--;
  (void)pthread_cond_signal(&a->freed);
  (void)pthread_mutex_unlock(&a->lock);
}

static struct slot *take_slot(struct appender *a) {
  struct slot *slot;
  (void)pthread_mutex_lock(&a->lock);
  while (!a->free) (void)pthread_cond_wait(&a->freed, &a->lock);
  slot = a->free;
  a->free = slot->next;
  a->running++;
  (void)pthread_mutex_unlock(&a->lock);
  slot->began_ns = now_ns();
  return slot;
}

static void await_all(struct appender *a) {
  (void)pthread_mutex_lock(&a->lock);
  while (a->running > 0) (void)pthread_cond_wait(&a->freed, &a->lock);
  (void)pthread_mutex_unlock(&a->lock);
}

/* Makes one buffer for a batch; the entries' payloads are slices of it. */
static void append(struct subject *s, struct slot *slot, struct rkv_entry *entries, rkv_index first,
                   uint64_t batch, uint64_t size) {
  struct rkv_buf bytes;
  uint8_t *room = s->host.host.buf_alloc(s->host.host.ctx, batch * size, &bytes);
  if (!room) die("no memory for %" PRIu64 " bytes", (batch * size));
  for (uint64_t i = 0; i < batch; i++) {
    memcpy(room + i * size, payload_of(first + i), size);
    entries[i] = (struct rkv_entry){.id = {1, first + i},
                                    .kind = RKV_ENTRY_COMMAND,
                                    .payload = rkv_buf_slice(bytes, i * size, size)};
  }
  s->ops->append(s->storage, entries, batch, &slot->completion);
  rkv_buf_drop(&bytes);
}

static void watch(uint64_t began, uint64_t seconds, uint64_t bytes, uint64_t *next) {
  uint64_t now = now_ns();
  if (seconds == 0 || now < *next) return;
  *next = now + seconds * 1000000000U;
  (void)printf("%5.0f s: %8.2f GiB of log, %4" PRIu64 " MiB of memory\n",
               (double)(now - began) / 1e9, (double)bytes / (double)(1U << 30),
               footprint_memory().own >> 20);
  (void)fflush(stdout);
}

void row_append(struct subject *s, const struct wish *wish, uint64_t size, uint64_t batch,
                uint64_t until, struct row *r) {
  struct appender *a = calloc(1, sizeof *a);
  struct rkv_entry *entries = calloc(batch, sizeof *entries);
  uint64_t began = now_ns(), end = began + wish->seconds * 1000000000U, next = 0;
  if (!a || !entries) die("no memory");
  (void)pthread_mutex_init(&a->lock, NULL);
  (void)pthread_cond_init(&a->freed, NULL);
  a->latency = &r->latency;
  for (uint64_t i = 0; i < wish->window; i++) {
    a->slots[i] = (struct slot){{on_done}, a, 0, a->free};
    a->free = &a->slots[i];
  }
  while (until ? r->entries < until : now_ns() < end) {
    append(s, take_slot(a), entries, r->entries + 1, batch, size);
    r->entries += batch;
    watch(began, wish->watch, r->entries * size, &next);
  }
  await_all(a);
  r->append_ns = now_ns() - began;
  (void)pthread_cond_destroy(&a->freed);
  (void)pthread_mutex_destroy(&a->lock);
  free(entries);
  free(a);
}

static void reopen(struct subject *s, struct row *r) {
  struct rkv_storage_state state;
  struct rkv_error error;
  uint64_t began = now_ns();
  subject_open(s);
  r->open_ns = now_ns() - began;
  if (s->ops->load(s->storage, &state, &error) != RKV_OK) die("%s", error.text);
  if ((s->plugin->capabilities & RKV_CAP_DURABLE) && state.last.index != r->entries)
    die("%" PRIu64 " entries were acknowledged, %" PRIu64 " are there", r->entries,
        state.last.index);
  rkv_buf_drop(&state.snapshot.membership);
  subject_close(s);
}

void row_run(struct subject *s, const struct wish *wish, uint64_t size, uint64_t batch,
             unsigned number, bool stays, struct row *r) {
  memset(r, 0, sizeof *r);
  subject_place(s, wish, number);
  subject_clean(s); /* removes what an earlier run left */
  payload_begin(size);
  subject_open(s);
  row_append(s, wish, size, batch, wish->fill, r);
  read_all(s, size, r);
  read_random(s, size, r);
  r->memory = footprint_memory();
  r->disk_running = footprint_disk(s->dir);
  subject_close(s);
  r->disk_stopped = footprint_disk(s->dir);
  if (!stays) reopen(s, r);
}
