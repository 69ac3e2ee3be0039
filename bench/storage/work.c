/* work.c: one row: appends with a window of them in flight, then reads, then a new start. */
#include "bench.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

enum { READ_ENTRIES = 4096 };
#define READ_BYTES (UINT64_C(1) << 20)

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

/* Byte n of entry `index`. */
static uint8_t byte_of(rkv_index index, size_t n) {
  return (uint8_t)(index * 131 + n);
}

/* Makes one buffer for a batch; the entries' payloads are slices of it. */
static void append(struct subject *s, struct slot *slot, struct rkv_entry *entries, rkv_index first,
                   uint64_t batch, uint64_t size) {
  struct rkv_buf bytes;
  uint8_t *room = s->host.host.buf_alloc(s->host.host.ctx, batch * size, &bytes);
  if (!room) die("no memory for %" PRIu64 " bytes", (batch * size));
  for (uint64_t i = 0; i < batch; i++) {
    uint8_t *at = room + i * size;
    memset(at, (int)(first + i), size);
    at[0] = byte_of(first + i, 0);
    at[size - 1] = byte_of(first + i, size - 1);
    entries[i] = (struct rkv_entry){.id = {1, first + i},
                                    .kind = RKV_ENTRY_COMMAND,
                                    .payload = rkv_buf_slice(bytes, i * size, size)};
  }
  s->ops->append(s->storage, entries, batch, &slot->completion);
  rkv_buf_drop(&bytes);
}

/* Memory of this process, without pages shared with files. */
static uint64_t memory_bytes(void) {
  uint64_t pages = 0, shared = 0;
  FILE *file = fopen("/proc/self/statm", "r");
  if (!file) return 0;
  if (fscanf(file, "%*u %" SCNu64 " %" SCNu64, &pages, &shared) != 2) pages = shared = 0;
  (void)fclose(file);
  return (pages - shared) * (uint64_t)sysconf(_SC_PAGESIZE);
}

static void watch(uint64_t began, uint64_t seconds, uint64_t bytes, uint64_t *next) {
  uint64_t now = now_ns();
  if (seconds == 0 || now < *next) return;
  *next = now + seconds * 1000000000U;
  (void)printf("%5.0f s: %8.2f GiB of log, %4" PRIu64 " MiB of memory\n",
               (double)(now - began) / 1e9, (double)bytes / (double)(1U << 30),
               memory_bytes() >> 20);
  (void)fflush(stdout);
}

static void append_all(struct subject *s, const struct wish *wish, uint64_t size, uint64_t batch,
                       struct result *r) {
  struct appender *a = calloc(1, sizeof *a);
  struct rkv_entry *entries = calloc(batch, sizeof *entries);
  uint64_t began = now_ns(), until = began + wish->seconds * 1000000000U, next = 0;
  if (!a || !entries) die("no memory");
  (void)pthread_mutex_init(&a->lock, NULL);
  (void)pthread_cond_init(&a->freed, NULL);
  a->latency = &r->latency;
  for (uint64_t i = 0; i < wish->window; i++) {
    a->slots[i] = (struct slot){{on_done}, a, 0, a->free};
    a->free = &a->slots[i];
  }
  while (wish->fill ? r->entries < wish->fill : now_ns() < until) {
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

static void check(const struct rkv_entry *entry, rkv_index index, uint64_t size) {
  const struct rkv_buf *b = &entry->payload;
  if (entry->id.index != index || b->len != size || b->data[0] != byte_of(index, 0) ||
      b->data[size - 1] != byte_of(index, size - 1))
    die("entry %" PRIu64 " is not what was written", index);
}

static void read_all(struct subject *s, uint64_t size, struct result *r) {
  static struct rkv_entry entries[READ_ENTRIES];
  struct rkv_error error;
  uint64_t began = now_ns();
  for (rkv_index at = 1; at <= r->entries;) {
    size_t count = 0;
    if (s->ops->read(s->storage, at, r->entries, READ_BYTES, entries, READ_ENTRIES, &count,
                     &error) != RKV_OK)
      die("%s", error.text);
    if (count == 0) die("entry %" PRIu64 " is not there", at);
    for (size_t i = 0; i < count; i++) {
      check(&entries[i], at + i, size);
      rkv_buf_drop(&entries[i].payload);
    }
    at += count;
  }
  r->read_ns = now_ns() - began;
}

static void reopen(struct subject *s, const struct wish *wish, struct result *r) {
  struct rkv_storage_state state;
  struct rkv_error error;
  uint64_t began;
  subject_close(s);
  began = now_ns();
  subject_open(s, wish);
  r->open_ns = now_ns() - began;
  if (s->ops->load(s->storage, &state, &error) != RKV_OK) die("%s", error.text);
  if ((s->plugin->capabilities & RKV_CAP_DURABLE) && state.last.index != r->entries)
    die("%" PRIu64 " entries were acknowledged, %" PRIu64 " are there", r->entries,
        state.last.index);
  rkv_buf_drop(&state.snapshot.membership);
}

void work_run(struct subject *s, const struct wish *wish, uint64_t size, uint64_t batch,
              unsigned row, struct result *r) {
  memset(r, 0, sizeof *r);
  subject_place(s, wish, row);
  subject_clean(s); /* removes what an earlier run left */
  subject_open(s, wish);
  append_all(s, wish, size, batch, r);
  read_all(s, size, r);
  reopen(s, wish, r);
  subject_close(s);
}
