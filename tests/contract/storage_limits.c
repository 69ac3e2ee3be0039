/* storage_limits.c: laws 32 to 38: sizes, amounts, room, leaks. */
#define _GNU_SOURCE /* mallinfo2 */
#include "storage.h"
#include "storage_laws.h"

#include "tree.h"

#include <dirent.h>
#include <inttypes.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

STORAGE_LAWS_LIMITS(STORAGE_LAW_PROTOTYPE)

#define MIB (UINT64_C(1) << 20)

/* A sanitizer keeps what was freed: there the process's size tells nothing. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED true
#else
#define SANITIZED false
#endif

static struct model *begin(struct storage *s, struct contract *c) {
  struct model *m = model_new(c);
  storage_init(s, c);
  storage_open(s);
  return m;
}

static void end(struct storage *s, struct model *m) {
  storage_close(s);
  model_free(m);
}

/* ---- sizes ---- */

/* One entry of exactly this size. */
static void append_sized(struct storage *s, struct rkv_log_id id, size_t len) {
  struct rkv_entry entry = {id, RKV_ENTRY_COMMAND, 0, contract_bytes(s->c, NULL, len)};
  struct contract_told told;
  entry_fill(id, (uint8_t *)(uintptr_t)entry.payload.data, len);
  contract_told_init(&told, s->c, "append");
  s->ops->append(s->it, &entry, 1, &told.completion);
  rkv_buf_drop(&entry.payload);
  contract_told_ok(&told);
}

static void find_sized(struct storage *s, struct rkv_log_id id, size_t len) {
  struct model_entry shape = {id.term, (uint32_t)len, RKV_ENTRY_COMMAND};
  struct rkv_entry entry;
  struct rkv_error error;
  size_t count = 0;
  CONTRACT_REQUIRE(
      s->c,
      s->ops->read(s->it, id.index, id.index, 1, &entry, 1, &count, &error) == RKV_OK && count == 1,
      "an entry of %zu bytes is not read", len);
  CONTRACT_REQUIRE(s->c, entry_is(&entry, id, &shape), "an entry of %zu bytes came back changed",
                   len);
  rkv_buf_drop(&entry.payload);
}

void storage_law_sizes_of_entries(struct contract *c) {
  static const uint64_t sizes[] = {
      0,    1,       7,       8,    9,       511,   512,           513,      4055,
      4056, 4057,    4095,    4096, 4097,    65535, 65536,         65537,    MIB - 40,
      MIB,  MIB + 1, 3 * MIB, 100,  4 * MIB, 0,     64 * MIB - 41, 64 * MIB, 1};
  uint64_t most = contract_amount(c, 4, 4, 64) * MIB;
  struct storage s;
  rkv_index last = 0;
  storage_init(&s, c);
  storage_open(&s);
  for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
    if (sizes[i] <= most) append_sized(&s, (struct rkv_log_id){1, ++last}, sizes[i]);
  for (int round = 0; round < 2; round++) {
    rkv_index index = 0;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
      if (sizes[i] <= most) find_sized(&s, (struct rkv_log_id){1, ++index}, sizes[i]);
    if (storage_durable(c)) storage_reopen(&s);
  }
  storage_close(&s);
}

void storage_law_many_small_entries(struct contract *c) {
  uint64_t count = contract_amount(c, 50000, 50000, 1000000);
  struct storage s;
  struct model *m = begin(&s, c);
  while (model_count(m) < count) storage_append(&s, m, 5000, 16);
  storage_keeps(&s, m);
  storage_do(&s, m, step_truncate(count - 777));
  storage_do(&s, m, step_purge(m, count / 2 + 13));
  storage_append(&s, m, 10, 16);
  storage_keeps(&s, m);
  contract_note(c, "%" PRIu64 " entries", count);
  end(&s, m);
}

void storage_law_large_snapshot(struct contract *c) {
  uint64_t size = contract_amount(c, 16, 16, 256) * MIB + 17;
  struct storage s;
  struct model *m = begin(&s, c);
  struct step step;
  struct rkv_error error;
  storage_append(&s, m, 1, 10);
  step = step_snapshot(m, size);
  CONTRACT_REQUIRE(
      c, s.ops->snapshot_commit(storage_snapshot_write(&s, &step, 1 * MIB), &error) == RKV_OK,
      "snapshot_commit: %s", error.text);
  model_step(c, m, &step);
  storage_keeps(&s, m);
  end(&s, m);
}

/* ---- room ---- */

/* Bytes of memory that this process holds. */
static uint64_t resident(void) {
  uint64_t all = 0, held = 0;
  FILE *file = fopen("/proc/self/statm", "re");
  if (file && fscanf(file, "%" SCNu64 " %" SCNu64, &all, &held) != 2) held = 0;
  if (file) (void)fclose(file);
  return held * (uint64_t)sysconf(_SC_PAGESIZE);
}

static void add_size(const char *file, void *sum) {
  struct stat info;
  if (stat(file, &info) == 0) *(uint64_t *)sum += (uint64_t)info.st_blocks * 512;
}

/* Bytes of the device that its directory takes. */
static uint64_t taken(const struct storage *s) {
  uint64_t sum = 0;
  tree_each(s->dir, add_size, &sum);
  return sum;
}

/* What is taken must grow by less than what goes through, once there is a working set. */
void storage_law_purge_returns_space(struct contract *c) {
  enum { BATCH = 64, BYTES = 4096, HELD = 2 * BATCH };
  uint64_t rounds = contract_amount(c, 1536, 1536, 8192), warm = rounds / 3;
  uint64_t memory = 0, device = 0, through = (rounds - warm) * BATCH * BYTES;
  int64_t more_memory, more_device;
  struct storage s;
  struct model *m = begin(&s, c);
  for (uint64_t i = 0; i < rounds; i++) {
    storage_append(&s, m, BATCH, BYTES);
    if (m->last.index > HELD) storage_do(&s, m, step_purge(m, m->last.index - HELD));
    if (i == warm) memory = resident(), device = taken(&s);
  }
  more_memory = (int64_t)resident() - (int64_t)memory;
  more_device = (int64_t)taken(&s) - (int64_t)device;
  contract_note(c, "%" PRIu64 " MiB through; memory %+" PRId64 " MiB, directory %+" PRId64 " MiB",
                through / MIB, more_memory / (int64_t)MIB, more_device / (int64_t)MIB);
  CONTRACT_REQUIRE(c, SANITIZED || more_memory < (int64_t)through / 2,
                   "memory grew by %" PRId64 " MiB while %" PRIu64 " MiB went through a purged log",
                   more_memory / (int64_t)MIB, through / MIB);
  CONTRACT_REQUIRE(c, more_device < (int64_t)through * 6 / 10,
                   "the directory grew by %" PRId64 " MiB while %" PRIu64
                   " MiB went through a purged log",
                   more_device / (int64_t)MIB, through / MIB);
  end(&s, m);
}

void storage_law_memory_is_bounded(struct contract *c) {
  int64_t before, grown; /* signed: a process may shrink meanwhile */
  struct storage s;
  struct model *m = begin(&s, c);
  storage_append(&s, m, 100, 65536);
  before = (int64_t)resident();
  for (uint64_t bytes = 0; bytes < 2048 * MIB; bytes += 64 * 65536)
    storage_append(&s, m, 64, 65536);
  grown = (int64_t)resident() - before;
  contract_note(c, "%" PRId64 " MiB more memory for 2 GiB of log", grown / (int64_t)MIB);
  CONTRACT_REQUIRE(c, grown < 384 * (int64_t)MIB, "%" PRId64 " MiB more memory for 2 GiB of log",
                   grown / (int64_t)MIB);
  end(&s, m);
}

/* ---- leaks ---- */

static unsigned items(const char *path) {
  DIR *dir = opendir(path);
  unsigned count = 0;
  while (dir && readdir(dir)) count++;
  if (dir) (void)closedir(dir);
  return count;
}

struct held {
  unsigned descriptors, threads;
  uint64_t memory; /* of malloc */
};

static struct held held_now(void) {
  return (struct held){items("/proc/self/fd"), items("/proc/self/task"), mallinfo2().uordblks};
}

/* One life, with a bit of everything. */
static void live(struct contract *c) {
  struct storage s;
  struct model *m = begin(&s, c);
  m->term = s.state.last.term + 1;
  m->purged = s.state.purged, m->last = s.state.purged;
  for (rkv_index i = s.state.purged.index; i < s.state.last.index; i++) { /* of earlier lives */
    struct rkv_entry found = {.id = {1, i + 1}};
    model_found(c, m, &found);
  }
  storage_append(&s, m, 40, 3000);
  storage_do(&s, m, step_vote(m->term, 1, false));
  storage_do(&s, m, step_truncate(m->last.index - 3));
  m->snapshot = s.state.snapshot.last.index;
  storage_do(&s, m, step_snapshot(m, 100000));
  struct step aborted = step_snapshot(m, 3000);
  aborted.kind = STEP_ABORT;
  storage_do(&s, m, aborted);
  storage_do(&s, m, step_purge(m, m->last.index - 2));
  storage_append(&s, m, 1, 10);
  end(&s, m);
}

void storage_law_nothing_leaks(struct contract *c) {
  enum { WARM = 4, LEAK_BYTES = 1024, SETTLING_BYTES = 100000 /* libraries go on warming up */ };
  uint64_t lives = contract_amount(c, 16, 16, 100);
  struct held before, after;
  for (int i = 0; i < WARM; i++) live(c);
  before = held_now();
  for (uint64_t i = 0; i < lives; i++) live(c);
  after = held_now();
  CONTRACT_REQUIRE(c, after.descriptors <= before.descriptors,
                   "%u descriptors more after %" PRIu64 " times open and close",
                   after.descriptors - before.descriptors, lives);
  CONTRACT_REQUIRE(c, after.threads <= before.threads,
                   "%u threads more after %" PRIu64 " times open and close",
                   after.threads - before.threads, lives);
  CONTRACT_REQUIRE(c, after.memory < before.memory + lives * LEAK_BYTES + SETTLING_BYTES,
                   "%" PRIu64 " bytes of memory more after %" PRIu64 " times open and close",
                   after.memory - before.memory, lives);
}

void storage_law_instances_are_apart(struct contract *c) {
  struct storage a, b;
  struct model *ma = begin(&a, c), *mb = model_new(c);
  size_t len;
  storage_init(&b, c);
  len = strlen(b.dir);
  (void)snprintf(b.dir + len, sizeof b.dir - len, "-b");
  storage_open(&b);
  mb->term = 7;
  for (int i = 0; i < 20; i++) {
    storage_append(&a, ma, 1, 100);
    storage_append(&b, mb, 3, 50);
    if (i == 5) storage_do(&a, ma, step_truncate(2));
    if (i == 9) storage_do(&b, mb, step_purge(mb, 7));
    if (i == 12) storage_do(&a, ma, step_vote(3, 1, true));
    if (i == 15) storage_do(&b, mb, step_snapshot(mb, 3000));
  }
  storage_keeps(&a, ma);
  storage_keeps(&b, mb);
  end(&a, ma);
  storage_holds(&b, mb);
  end(&b, mb);
}
