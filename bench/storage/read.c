/* read.c: reads of a row's log, each compared with what was written. */
#include "bench.h"

#include <inttypes.h>

enum { READ_ENTRIES = 4096, RANDOM_ENTRIES = 64, RANDOM_READS = 4096 };
#define READ_BYTES (UINT64_C(1) << 20)

static struct rkv_entry read_entries[READ_ENTRIES];

static void check(const struct rkv_entry *entry, rkv_index index, uint64_t size) {
  const struct rkv_buf *b = &entry->payload;
  const uint8_t *wanted = payload_of(index);
  if (entry->id.index != index || b->len != size || b->data[0] != wanted[0] ||
      b->data[size - 1] != wanted[size - 1])
    die("entry %" PRIu64 " is not what was written", index);
}

/* One read of the storage; how many entries it gave. */
static size_t read_some(struct subject *s, rkv_index from, rkv_index to, size_t capacity,
                        uint64_t size) {
  struct rkv_error error;
  size_t count = 0;
  if (s->ops->read(s->storage, from, to, READ_BYTES, read_entries, capacity, &count, &error) !=
      RKV_OK)
    die("%s", error.text);
  if (count == 0) die("entry %" PRIu64 " is not there", from);
  for (size_t i = 0; i < count; i++) {
    check(&read_entries[i], from + i, size);
    rkv_buf_drop(&read_entries[i].payload);
  }
  return count;
}

void read_all(struct subject *s, uint64_t size, struct row *row) {
  uint64_t began = now_ns();
  for (rkv_index at = 1; at <= row->entries;)
    at += read_some(s, at, row->entries, READ_ENTRIES, size);
  row->read_ns = now_ns() - began;
}

void read_random(struct subject *s, uint64_t size, struct row *row) {
  uint64_t random = 1, began = now_ns();
  row->random_entries = 0;
  for (int i = 0; i < RANDOM_READS; i++) {
    random = random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407); /* Knuth's */
    row->random_entries +=
        read_some(s, (random >> 33) % row->entries + 1, row->entries, RANDOM_ENTRIES, size);
  }
  row->random_ns = now_ns() - began;
}
