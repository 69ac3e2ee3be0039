/* storage_snapshot.c: laws 26 to 31: snapshots. */
#include "storage.h"
#include "storage_laws.h"

STORAGE_LAWS_SNAPSHOT(STORAGE_LAW_PROTOTYPE)

enum { CHUNK = 4096 };

static struct model *begin(struct storage *s, struct contract *c) {
  struct model *m = model_new(c);
  storage_init(s, c);
  storage_open(s);
  storage_append(s, m, 5, 50);
  return m;
}

static void end(struct storage *s, struct model *m) {
  storage_close(s);
  model_free(m);
}

static void require_snapshot(struct storage *s, uint64_t number, uint64_t size, const char *when) {
  char text[RKV_ERROR_TEXT_MAX];
  CONTRACT_REQUIRE(s->c, storage_snapshot_is(s, number, size, text), "%s: %s", when, text);
}

static void commit(struct storage *s, void *writer) {
  struct rkv_error error;
  CONTRACT_REQUIRE(s->c, s->ops->snapshot_commit(writer, &error) == RKV_OK, "snapshot_commit: %s",
                   error.text);
}

void storage_law_snapshot_is_read_back(struct contract *c) {
  static const uint64_t sizes[] = {0, 1, 4095, 4096, 4097, 262143, 262144, 262145, 1000003};
  static const size_t chunks[] = {1000003, 1, 4096, 65536, 7, 262144, 1000, 262145, 99991};
  struct storage s;
  struct model *m = begin(&s, c);
  for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
    struct step step = step_snapshot(m, sizes[i]);
    commit(&s, storage_snapshot_write(&s, &step, chunks[i]));
    require_snapshot(&s, step.id.index, step.len, "after its commit");
    storage_append(&s, m, 1, 50);
  }
  end(&s, m);
}

void storage_law_snapshot_is_read_anywhere(struct contract *c) {
  static const size_t maxima[] = {1, 777, 4096, 262144, 300000, 1u << 20};
  enum { SIZE = 600000 };
  struct storage s;
  struct model *m = begin(&s, c);
  uint64_t seed = c->seed;
  struct rkv_snapshot_meta meta;
  struct rkv_error error;
  void *reader;
  storage_do(&s, m, step_snapshot(m, SIZE));
  CONTRACT_REQUIRE(c, s.ops->snapshot_open(s.it, &reader, &meta, &error) == RKV_OK, "%s",
                   error.text);
  rkv_buf_drop(&meta.membership);
  for (int i = 0; i < 500; i++) {
    size_t max = maxima[contract_random(&seed) % (sizeof maxima / sizeof maxima[0])];
    uint64_t at = contract_random(&seed) % (SIZE + 10);
    struct rkv_buf chunk = rkv_buf_none();
    static uint8_t expected[1u << 20];
    if (i == 0) at = SIZE;
    if (i == 1) at = SIZE - 1;
    if (i == 2) at = UINT64_MAX;
    CONTRACT_REQUIRE(c, s.ops->snapshot_read(reader, at, max, &chunk, &error) == RKV_OK,
                     "snapshot_read at %" PRIu64 ": %s", at, error.text);
    CONTRACT_REQUIRE(c, chunk.len <= max && (at < SIZE) == (chunk.len > 0),
                     "snapshot_read at %" PRIu64 " of %d, at most %zu: %zu bytes", at, SIZE, max,
                     chunk.len);
    snapshot_fill(m->snapshot, at, expected, chunk.len);
    CONTRACT_REQUIRE(c, chunk.len == 0 || memcmp(chunk.data, expected, chunk.len) == 0,
                     "snapshot_read at %" PRIu64 " gave other bytes than were written", at);
    rkv_buf_drop(&chunk);
  }
  s.ops->snapshot_close(reader);
  end(&s, m);
}

void storage_law_snapshot_appears_at_commit(struct contract *c) {
  struct storage s;
  struct model *m = begin(&s, c);
  struct step first = step_snapshot(m, 20000), second;
  void *writer = storage_snapshot_write(&s, &first, CHUNK);
  require_snapshot(&s, 0, 0, "while the first one is written");
  commit(&s, writer);
  require_snapshot(&s, first.id.index, first.len, "after its commit");
  storage_append(&s, m, 3, 50);
  second = step_snapshot(m, 30000);
  writer = storage_snapshot_write(&s, &second, CHUNK);
  require_snapshot(&s, first.id.index, first.len, "while the second one is written");
  commit(&s, writer);
  require_snapshot(&s, second.id.index, second.len, "after the second commit");
  end(&s, m);
}

void storage_law_aborted_snapshot_is_gone(struct contract *c) {
  struct storage s;
  struct model *m = begin(&s, c);
  struct step step = step_snapshot(m, 20000);
  s.ops->snapshot_abort(storage_snapshot_write(&s, &step, CHUNK));
  require_snapshot(&s, 0, 0, "after an abort");
  storage_do(&s, m, step);
  storage_append(&s, m, 3, 50);
  step = step_snapshot(m, 0);
  s.ops->snapshot_abort(storage_snapshot_write(&s, &step, CHUNK));
  require_snapshot(&s, m->snapshot, m->snapshot_size, "after another abort");
  storage_keeps(&s, m);
  end(&s, m);
}

void storage_law_readers_keep_their_snapshot(struct contract *c) {
  enum { READERS = 6 };
  struct storage s;
  struct model *m = begin(&s, c);
  void *readers[READERS];
  uint64_t numbers[READERS], sizes[READERS];
  for (size_t i = 0; i < READERS; i++) {
    struct rkv_snapshot_meta meta;
    struct rkv_error error;
    storage_do(&s, m, step_snapshot(m, 300000 + i));
    numbers[i] = m->snapshot;
    sizes[i] = m->snapshot_size;
    CONTRACT_REQUIRE(c, s.ops->snapshot_open(s.it, &readers[i], &meta, &error) == RKV_OK, "%s",
                     error.text);
    rkv_buf_drop(&meta.membership);
    storage_append(&s, m, 1, 50);
    storage_do(&s, m, step_purge(m, m->snapshot)); /* as a node does behind a snapshot */
  }
  for (size_t i = 0; i < READERS; i++) {
    char text[RKV_ERROR_TEXT_MAX];
    CONTRACT_REQUIRE(c, storage_snapshot_reads(&s, readers[i], numbers[i], sizes[i], 65536, text),
                     "a reader of an older snapshot: %s", text);
    s.ops->snapshot_close(readers[i]);
  }
  require_snapshot(&s, m->snapshot, m->snapshot_size, "the newest one");
  end(&s, m);
}

/* A process that ends while it writes. */
static void leave_unfinished(struct contract *c, void *arg) {
  struct storage s;
  struct step step = {.kind = STEP_SNAPSHOT, .id = {9, 900}, .len = 500000};
  (void)arg;
  storage_init(&s, c);
  storage_open(&s);
  (void)storage_snapshot_write(&s, &step, CHUNK);
}

static void leave_one(struct contract *c, void *arg) {
  struct storage s;
  struct model *m = begin(&s, c);
  (void)arg;
  storage_do(&s, m, step_snapshot(m, 400000));
  storage_keeps(&s, m);
  storage_do(&s, m, step_vote(4, 1, true));
  storage_do(&s, m, step_purge(m, m->snapshot));
  storage_append(&s, m, 4, 50);
  storage_do(&s, m, step_snapshot(m, 100));
  storage_keeps(&s, m);
  end(&s, m);
}

static void find_one(struct contract *c, void *arg) {
  struct storage s;
  (void)arg;
  storage_init(&s, c);
  storage_open(&s);
  CONTRACT_REQUIRE(c, s.state.snapshot.last.index == 9 && s.state.last.index == 9,
                   "load gave the snapshot of %" PRIu64 " and the last entry %" PRIu64
                   " instead of 9 and 9",
                   s.state.snapshot.last.index, s.state.last.index);
  require_snapshot(&s, 9, 100, "after a reopen");
  storage_close(&s);
}

void storage_law_snapshot_is_kept(struct contract *c) {
  contract_apart(c, leave_one, NULL, 20);
  for (int round = 0; round < 2; round++) {
    contract_apart(c, leave_unfinished, NULL, 20);
    contract_apart(c, find_one, NULL, 20);
  }
}
